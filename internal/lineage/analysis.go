// Package lineage tells, for one PostgreSQL statement, which protected columns
// reach the client, through which range-table entries, and by which column or
// parameter the rows' subjects can be named.
//
// It reads the server's own analysed query tree (never a parse of ours) and
// knows nothing of sockets, sessions or events.
package lineage

import (
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// OID is a PostgreSQL object identifier.
type OID uint32

// Analysis is what a gate needs to attribute the rows of one statement. It is
// immutable and shared between sessions.
type Analysis struct {
	// Columns describes the result columns in order; empty when the statement
	// returns no rows.
	Columns []Column
	// Entries are the range-table entries of protected relations that take
	// part in a crossing, at any depth of the statement.
	Entries []Entry
	// Predicate holds the elements of protected columns that decide which
	// rows (or how many) appear: WHERE, JOIN, HAVING, ORDER BY, GROUP BY,
	// DISTINCT, LIMIT, set operations. They make their entry Bounded.
	Predicate element.Mask
	// Aggregate says that every protected column reaches the result only
	// through aggregate functions.
	Aggregate bool
	// Opaque, when not empty, is the stable word for why the statement cannot
	// be attributed at all ("function", "catalogue", "temporary", …): it is
	// bounded over every protected table of the database.
	Opaque string
	// Writes are the relations the statement changes.
	Writes []Write
	// Read says that the statement was read to its end: of an opaque one that was
	// not, Writes, Sequences and Follows are not all.
	Read bool
	// Unclassified names relations nobody classified that the statement reads.
	Unclassified []event.Place
	// Injectable, when not nil, says how the missing keys can be added to a
	// plain SELECT.
	Injectable *Injection
	// TaintsSession says that the statement (which is opaque) may put protected
	// data where later statements read it without naming a protected relation:
	// settings, notifications, sequences, locks. The gate passes
	// Request.TaintedSettings from then on.
	TaintsSession bool
	// Letterbox says that what TaintsSession tells of may be read by other
	// sessions too: a sequence or a lock. Setting says that it goes into a
	// setting: application_name, if it is that one, is seen by others.
	Letterbox, Setting bool
	// Notifies says that it may send a notification.
	Notifies bool
	Locks    Locks
	// Sequences are those that it moves as often as a condition over protected
	// columns says.
	Sequences []Write
	// Follows are the relations that foreign keys change with those of Writes.
	Follows []Write
	// Locked are the relations in whose rows it leaves that a condition over
	// protected columns chose them to be locked.
	Locked []Write
	// Stored says that the result depends on anything that is stored in the
	// server: rows, the catalogue, sequences, locks.
	Stored bool
	// Calls says that it calls a function, operator or cast of somebody's own,
	// which may be replaced while it runs.
	Calls bool
	// Texts says that it reads the texts of the session's prepared statements or
	// cursors, as the server got them.
	Texts bool
	// Inputs says that code of somebody's own may run while the statement is parsed
	// and its parameters are bound, before anything is executed: it names types
	// whose values run code when they are read.
	Inputs bool
	// Literal says that the analysis was made from the text with its literals
	// although there was one without: it holds for this very text, and not for
	// other statements of its fingerprint.
	Literal bool
	// Bare says that no protected column is in the result or a predicate:
	// the statement is no crossing.
	Bare bool
}

// Column is one column of the result.
type Column struct {
	Elements element.Mask // protected elements that flow into it; 0 = none
	Rel      OID          // base table and attribute as RowDescription must report them;
	Att      int16        // 0 for expressions, -1 in Att: do not check
	Entries  []int        // indexes into Analysis.Entries of the entries it draws from
	Name     string       // as the statement names it
	// Key is set when the column holds subject keys of this source, straight:
	// what a CREATE TABLE AS makes of it keeps naming its subjects.
	Key event.SubjectSource
}

// KeyBy says how the subject of an entry's rows is known.
type KeyBy uint8

const (
	KeyNone   KeyBy = iota // bounded
	KeyColumn              // result column Ordinal holds the key
	KeyParam               // parameter Ordinal (1-based, after literals became parameters) equals it
	KeyParams              // writes only: parameter KeyParams[i] is the key of the i-th row
)

// Entry is one range-table entry over a protected relation.
type Entry struct {
	Rel      OID
	Table    event.Place         // "shop/public.customers"
	Source   event.SubjectSource // whose numbers its key has
	Elements element.Mask        // protected elements of it in result or predicate
	KeyBy    KeyBy
	Ordinal  int    // result column (0-based) or parameter (1-based)
	KeyType  OID    // type of the result column or of the parameter, not of the stored key
	Reason   string // stable word for why KeyNone: "key not in result", "predicate", "self-join", "outer join", "offset", "set operation", "row security", …
	// Identifier, when set, is a result column (0-based) that holds an
	// identifier belonging to one subject (e-mail, phone …): rung 3. It is set
	// only when nothing but the key is missing. A row where it is NULL or
	// unknown makes the entry bounded. Whole applies to it as to KeyBy.
	Identifier        int // -1 when there is none
	IdentifierElement element.Kind
	// Whole says that KeyBy holds only when the client received the whole
	// result: rows compete for their place (ORDER BY over protected columns,
	// window functions). After a suspended portal, a FETCH, a cancel or a cut
	// the entry is bounded.
	Whole bool
	// Bound are the places whose holdings bound the entry when KeyBy is
	// KeyNone: its own, or for derived relations what they were made from.
	Bound []event.Place
	// ConfirmBy, when KeyBy is KeyNone, names the subjects of the rows that
	// were delivered, as KeyBy would: they are exact, and others may matter
	// as well, so the bounded part stays. KeyNone when it is not known.
	ConfirmBy      KeyBy
	ConfirmOrdinal int
	ConfirmType    OID
	// Pinned, with ConfirmBy KeyParam, says that nobody but the parameter's
	// subject matters: when at least one row came back (or the command tag
	// counts at least one) the entry is exact and the bounded part may be
	// dropped; when none came back it is bounded.
	Pinned bool
}

// Write is a relation that the statement changes.
type Write struct {
	Rel   OID
	Table event.Place
	Op    string // insert, update, delete, merge
	// Taints holds the protected elements that flow into the written columns
	// from rows of others than the written row's subject; not 0 makes the
	// target a holding. A new key for rows that are there taints what they hold.
	Taints element.Mask
	From   []event.Place
	// Key of the changed rows for protected targets, as for Entry.
	Source   event.SubjectSource
	KeyBy    KeyBy
	Ordinal  int
	KeyType  OID
	Triggers bool // the target has user triggers or rules: what they write is not known
	// KeyParams, with KeyBy KeyParams, are the 1-based parameters that hold the
	// keys of the rows of a VALUES list, in order.
	KeyParams []int
	// Columns are the target's columns that Taints flow into.
	Columns []WriteColumn
	// Own are the columns of a protected target that come to hold further
	// elements of the row's own subject.
	Own []WriteColumn
	// OwnFrom are the places whose subjects may be those of the written rows of
	// a protected target from now on, when no parameter tells.
	OwnFrom []event.Place
	// Rows holds the protected elements that decide which rows are written or
	// deleted, or whether any is, and RowsFrom whose.
	Rows     element.Mask
	RowsFrom []event.Place
	// Sets are the columns that an UPDATE gives other values, and nothing else
	// changes with them; nil: perhaps every column.
	Sets []string
	// Held are the elements that the target holds, and HeldBy whose they are: an
	// error of the write may tell of them.
	Held   element.Mask
	HeldBy []event.Place
	// Skips says that rows which are there already may be left out, and the count
	// of the command then tells of them, unless it is Offered; 0: not known.
	Skips   bool
	Offered int
	// Others says that other relations may change with this one, or show what it
	// holds: its partitions, and those that refer to it and follow it.
	Others bool
}

// WriteColumn is one tainted column of a written relation.
type WriteColumn struct {
	Att      int16
	Name     string
	Elements element.Mask
}

// Injection says where to put the key columns: Columns are SQL texts such as
// `c."id"`, appended to the select list; the k-th becomes result column
// len(Analysis.Columns)+k, and With is the analysis of the rewritten statement.
type Injection struct {
	Columns []string
	// At is the byte offset in Request.SQL where ", " and the columns, joined by
	// ", ", and a space are inserted: the end of the select list. It holds for
	// that text; for others of the fingerprint use InsertAt or Insert.
	At   int
	With *Analysis
}
