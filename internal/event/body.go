package event

import (
	"time"

	"sekisho/internal/element"
)

// Session numbers a client session within its source. It is never used twice
// by one source: the upper 32 bits count the source's starts.
type Session uint64

// StatementID is the fingerprint of a statement's text with literals removed.
type StatementID uint64

// Place names where personal data rests or passes: "shop" (a database),
// "shop/public.customers" (a table in it). A place covers all places that
// begin with it and a slash.
type Place string

// SubjectSource names the system that numbers subjects: "shop.customers".
type SubjectSource string

// Class says how surely a crossing is attributed.
type Class uint8

const (
	// Exact: these subjects' rows, and nobody else's, passed.
	Exact Class = iota + 1
	// Bounded: rows of subjects among those that Table held at that time.
	Bounded
	// Aggregate: bounded, and only through aggregate functions.
	Aggregate
)

// Outcome says why a Crossing was written.
type Outcome uint8

const (
	OutcomeBucket    Outcome = iota + 1 // the time bucket closed, the statement goes on or is done
	OutcomeDone                         // the statement ended
	OutcomeSuspended                    // the portal was suspended
	OutcomeFailed                       // the statement failed after rows had passed
	OutcomeCut                          // the session was cut
)

// SourceStart begins a run of a source. Start counts the runs.
type SourceStart struct {
	Start   uint32  `json:"start"`
	Version string  `json:"version"`
	Places  []Place `json:"places,omitempty"` // what the source covers
	Mode    string  `json:"mode,omitempty"`
}

// SourceStop ends a run cleanly.
type SourceStop struct {
	Reason string `json:"reason,omitempty"`
}

// Heartbeat says that the source is alive, covers Places and has recorded
// everything that passed since the previous heartbeat. The absence of
// heartbeats is a silent source: an uncovered interval.
type Heartbeat struct {
	Places   []Place `json:"places,omitempty"`
	Sessions int     `json:"sessions"`
}

// PlacesChanged says that a running source covers other places from now on: Begun
// from its time on, Ended until then, and whatever has something in common with
// them. A place that ended is covered again only when it begins again, whatever a
// Heartbeat names. Nothing passed at Begun before it was recorded; what is still
// under way at Ended is recorded, but no longer covered.
type PlacesChanged struct {
	Begun []Place `json:"begun,omitempty"`
	Ended []Place `json:"ended,omitempty"`
}

// Gap says that between From and To something at Places was not recorded.
type Gap struct {
	From   int64   `json:"from"` // UTC ns since 1970
	To     int64   `json:"to"`
	Places []Place `json:"places"`
	Reason string  `json:"reason"`
}

// SessionOpen describes a client session as the gate saw it. Label is what the
// client called itself (application_name): it never narrows a scope.
type SessionOpen struct {
	Session   Session `json:"session"`
	Place     Place   `json:"place"` // the database
	Database  string  `json:"database"`
	User      string  `json:"user"`
	Address   string  `json:"address"` // client IP address without port
	Port      uint16  `json:"port,omitempty"`
	Label     string  `json:"label,omitempty"`
	TLS       bool    `json:"tls,omitempty"`
	ServerPID uint32  `json:"server_pid,omitempty"`
}

// SessionClose ends a session.
type SessionClose struct {
	Session Session `json:"session"`
	Reason  string  `json:"reason,omitempty"`
	Rows    uint64  `json:"rows"`
	Bytes   uint64  `json:"bytes"` // to the client
}

// Statement is the shape of a statement, written once per fingerprint and
// source before the first Intent that refers to it.
type Statement struct {
	Statement StatementID `json:"statement"`
	Text      string      `json:"text"` // literals replaced by $n; no values
}

// Intent is written before the first row of a time bucket is released. Without
// its Crossing (a killed process) every part counts as Bounded.
type Intent struct {
	Session   Session     `json:"session"`
	Statement StatementID `json:"statement"`
	From      int64       `json:"from"`            // start of the bucket, UTC ns
	Since     int64       `json:"since,omitempty"` // as in Crossing
	Parts     []Part      `json:"parts"`           // tables, elements and class; no subjects
	// Trace is the id of the trace that the bucket's first execution said it is part
	// of (W3C Trace Context): a label, it never narrows a scope.
	Trace string `json:"trace,omitempty"`
}

// Crossing closes an Intent with what exactly passed.
type Crossing struct {
	Session   Session     `json:"session"`
	Statement StatementID `json:"statement"`
	Intent    Seq         `json:"intent"`         // of the same (source, worker); 0 in a continuation chunk's absence
	More      bool        `json:"more,omitempty"` // further Crossings close the same intent (chunked subjects)
	Outcome   Outcome     `json:"outcome"`
	From      int64       `json:"from"` // first row of the bucket, UTC ns
	To        int64       `json:"to"`   // last row of the bucket, UTC ns
	// Since is from when on, at the earliest, what crossed may have rested there,
	// when that is before From: the beginning of the transaction, cursor or
	// statement whose rows they are, UTC ns.
	Since int64  `json:"since,omitempty"`
	Count uint64 `json:"count"` // executions
	Parts []Part `json:"parts"`
	// Traces are the ids of the traces that executions in the bucket said they are
	// part of, so far, in the order of their coming: labels, as in Intent. A web
	// gate names that of the request.
	Traces []string `json:"traces,omitempty"`
}

// Part is what passed of one table with one set of elements and one class.
type Part struct {
	Table    Place         `json:"table"` // "shop/public.customers"
	Source   SubjectSource `json:"source"`
	Elements element.Mask  `json:"elements"`
	Class    Class         `json:"class"`
	Reason   string        `json:"reason,omitempty"` // why not exact: a stable word such as "predicate"
	Rows     uint64        `json:"rows,omitempty"`
	Subjects Set           `json:"subjects,omitempty"` // exact only
	Unknown  uint64        `json:"unknown,omitempty"`  // rows whose subject has no number
}

// Decision is a policy decision that changed or refused something.
type Decision struct {
	Session   Session     `json:"session,omitempty"`
	Statement StatementID `json:"statement,omitempty"`
	Action    string      `json:"action"` // refuse, mask, cut, report
	Rule      string      `json:"rule"`
	Reason    string      `json:"reason"`
	Policy    string      `json:"policy"`         // digest of the policy generation
	Code      string      `json:"code,omitempty"` // SQLSTATE, HTTP status
	ID        string      `json:"id"`             // what the client was told
}

// HoldingScan says that a snapshot taken between From and To (the earlier
// bound is when the snapshot began) found these subjects with these elements
// at Table. Big sets are chunked: Part i of Parts share Scan.
type HoldingScan struct {
	Scan     uint64        `json:"scan"`
	Part     uint32        `json:"part"`
	Parts    uint32        `json:"parts"`
	Table    Place         `json:"table"`
	Source   SubjectSource `json:"source"`
	Elements element.Mask  `json:"elements"`
	From     int64         `json:"from"`
	To       int64         `json:"to"`
	Rows     uint64        `json:"rows"`
	Unknown  uint64        `json:"unknown,omitempty"` // rows without a subject key
	Subjects Set           `json:"subjects,omitempty"`
}

// HoldingChange is a write that a gate saw.
type HoldingChange struct {
	Session  Session       `json:"session,omitempty"`
	Table    Place         `json:"table"`
	Source   SubjectSource `json:"source"`
	Op       string        `json:"op"` // insert, update, delete, truncate, copy
	Rows     uint64        `json:"rows"`
	Unknown  uint64        `json:"unknown,omitempty"` // rows whose subject the gate could not tell
	Subjects Set           `json:"subjects,omitempty"`
}

// Taint says that Table holds data written from From and is a holding from now on.
type Taint struct {
	Table     Place         `json:"table"`
	From      []Place       `json:"from"`
	Source    SubjectSource `json:"source"`
	Elements  element.Mask  `json:"elements"`
	Reason    string        `json:"reason"` // "insert select", "create table as", …
	Temporary bool          `json:"temporary,omitempty"`
	// Columns are the columns that hold it; none, without Rows, stands for all.
	Columns []string `json:"columns,omitempty"`
	// Rows says that protected columns decided which rows are there.
	Rows bool `json:"rows,omitempty"`
	// Own says that the columns hold data of the subject of their own row only.
	// From are then the places whose subjects may have rows in Table now.
	Own bool `json:"own,omitempty"`
	// Standing says that it may be written so at any time from now on: by a
	// trigger or function.
	Standing bool `json:"standing,omitempty"`
	// Shown says that Table is a site that shows what From holds, to visitors. Who
	// asks about From does not ask about it: it has gates and visitors of its own.
	Shown bool `json:"shown,omitempty"`
	// Since is from when on, at the earliest, what was written may have rested in
	// From, when that is before the event, UTC ns: as in Crossing.
	Since int64 `json:"since,omitempty"`
}

// Relation is what a gate's lineage knows of a protected relation, by object and
// attribute number, so that a later start knows it under other names. A later
// Relation of the same System and OID replaces its columns by number.
type Relation struct {
	Database Place            `json:"database"`
	System   string           `json:"system"` // of which server and database the numbers are
	OID      uint32           `json:"oid"`
	Table    Place            `json:"table"`
	File     uint32           `json:"file,omitempty"`
	Source   SubjectSource    `json:"source,omitempty"`
	Key      int16            `json:"key,omitempty"` // attribute number
	From     []Place          `json:"from,omitempty"`
	Columns  []RelationColumn `json:"columns"`
	// Rows are the elements that decided which rows are there, and RowsFrom whose.
	Rows     element.Mask `json:"rows,omitempty"`
	RowsFrom []Place      `json:"rows_from,omitempty"`
}

// RelationColumn is one column of a Relation.
type RelationColumn struct {
	Num      int16        `json:"num"`
	Name     string       `json:"name"`
	Version  uint32       `json:"version"`
	Elements element.Mask `json:"elements,omitempty"` // of the row's own subject
	// Carried are elements of others, and From whose.
	Carried element.Mask `json:"carried,omitempty"`
	From    []Place      `json:"from,omitempty"`
}

// Cleared is an operator's word that code did not copy protected data of Places,
// although an earlier Taint of a whole place says that it may have. It is about
// what is read later. Without By a gate takes its own last Taint back: the code
// failed, and what it wrote was never there.
type Cleared struct {
	Places []Place `json:"places"`
	By     string  `json:"by"`
	Reason string  `json:"reason"`
}

// Coverage says that between From and To reads of Places may have passed
// unseen (a session that bypassed the gate, a counter that disagrees).
type Coverage struct {
	From   int64   `json:"from"`
	To     int64   `json:"to"`
	Places []Place `json:"places"`
	Reason string  `json:"reason"`
}

// Finding is something wrong that a person should look at.
type Finding struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Place  Place  `json:"place,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Subjects adds subject numbers: either one extent of integer keys
// (First…First+Count-1 numbered Number…) or a list of keys. Keys are sealed
// with the tenant's dictionary key; nothing here is readable without it.
type Subjects struct {
	Source SubjectSource `json:"source"`
	Epoch  uint32        `json:"epoch"`
	Number uint32        `json:"number"` // first number
	Count  uint32        `json:"count"`
	KeyID  string        `json:"key"`
	Sealed []byte        `json:"sealed"` // AEAD, see internal/subject
}

// KeyCreated and KeyDestroyed are the life of a key; never the key itself.
type KeyCreated struct {
	KeyID   string `json:"key"`
	Purpose string `json:"purpose"` // dictionary, identifier, log
}

type KeyDestroyed struct {
	KeyID  string `json:"key"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// PolicyLoaded says that a source decides under this generation from now on.
type PolicyLoaded struct {
	Generation uint64 `json:"generation"`
	Policy     string `json:"policy"` // digest
	Mode       string `json:"mode"`
}

// PolicyRejected says that a new policy was not taken and why.
type PolicyRejected struct {
	Policy string `json:"policy"`
	Reason string `json:"reason"`
}

// Bypass is an operator giving (Open) or ending the direct connection.
type Bypass struct {
	Places []Place `json:"places"`
	Open   bool    `json:"open"`
	By     string  `json:"by"`
	Reason string  `json:"reason"`
}

// BreakGlass is exceptional access: requested, approved by a second person,
// refused, ended.
type BreakGlass struct {
	Grant    string       `json:"grant"`
	Step     string       `json:"step"` // request, approve, refuse, end
	By       string       `json:"by"`
	User     string       `json:"user"` // database user it is for
	Elements element.Mask `json:"elements"`
	Places   []Place      `json:"places"`
	Until    int64        `json:"until"`
	Purpose  string       `json:"purpose"`
}

// ScopeFrozen records that somebody asked for a scope and what it was.
type ScopeFrozen struct {
	By        string `json:"by"`
	Query     string `json:"query"` // canonical JSON
	Confirmed uint64 `json:"confirmed"`
	Reachable uint64 `json:"reachable"`
	EverHeld  uint64 `json:"ever_held"`
	Digest    string `json:"digest"`
}

// Retention says what was dropped by policy.
type Retention struct {
	Policy string `json:"policy"`
	First  Index  `json:"first"`
	Last   Index  `json:"last"`
	Reason string `json:"reason"`
}

// Witness records the head of a source or a cosignature.
type Witness struct {
	Name string `json:"name"`
	Size uint64 `json:"size"`
	Head string `json:"head"`
}

// Time converts a field of a body to a time.
func Time(ns int64) time.Time { return time.Unix(0, ns).UTC() }
