// Package office is what the console needs of the running process: the
// questions its pages and its API ask, and the acts they order.
//
// It does nothing itself. The process implements Office with the same
// functions that commands reach over the control socket.
package office

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/view/casefile/draft"
	"sekisho/proof/scope"
)

// Office is the process behind the console. All errors that a person should
// see are faults (package fault); others are shown as internal. What changes
// anything is recorded before it is done.
type Office interface {
	Outside
	Sites
	People
	Writer
	Paths
	Charts
	Surveyor
	Mapper
	Crew
	Lister
	Records
	Furnished
	Keeper

	Status(ctx context.Context) (control.Status, error)
	Sessions(ctx context.Context) ([]control.Session, error)
	Cut(ctx context.Context, r control.CutRequest) (control.CutReceipt, error)
	Bypass(ctx context.Context, r control.BypassRequest) (control.BypassStatus, error)
	Scan(ctx context.Context, database string) ([]control.ScanResult, error)
	Grants(ctx context.Context) ([]control.Grant, error)
	RequestGrant(ctx context.Context, r control.GrantRequest) (control.Grant, error)
	DecideGrant(ctx context.Context, r control.GrantDecision) (control.Grant, error)
	ReloadPolicy(ctx context.Context) (control.PolicyStatus, error)
	// RecordCase records a body of a case whose author is the account by.
	RecordCase(ctx context.Context, by string, r control.CaseRequest) (control.CaseReceipt, error)
	Case(ctx context.Context, r control.CaseQuery) (json.RawMessage, error)
	Scope(ctx context.Context, r control.ScopeRequest, w io.Writer) error

	// Peek answers a question with figures only, for pictures that are drawn
	// again and again: it is not recorded and names nobody.
	Peek(ctx context.Context, q scope.Query) (*scope.Result, error)
	// Leaving says what left by the gates for what leaves while what is asked about
	// passed; nil where nothing tells of such gates. It reads the ledger.
	Leaving(ctx context.Context, q scope.Query) (*scope.Leaving, error)
	// Shared counts who is in both answers, by class.
	Shared(ctx context.Context, a, b scope.Query) (Shared, error)
	// Look says who subjects are. It is recorded, with its purpose, and passes
	// as a crossing, before the answer is there.
	Look(ctx context.Context, r LookRequest) (*LookAnswer, error)
	// Draft fills a document from a case.
	Draft(ctx context.Context, r DraftRequest) (*DraftAnswer, error)

	Events(ctx context.Context, q EventQuery) (*EventPage, error)
	// Wait returns when the ledger holds more than next events, with how many.
	Wait(ctx context.Context, next event.Index) (event.Index, error)
	Map(ctx context.Context) ([]Database, error)
	Policy(ctx context.Context) (*Policy, error)
	Ledger(ctx context.Context) (*Ledger, error)
	// Verify begins to check the ledger from its first byte; Ledger tells how
	// it goes. It does nothing while a check is under way.
	Verify(ctx context.Context, by string) error
	// Record writes what somebody did that no other event says.
	Record(ctx context.Context, by event.Source, bodies ...event.Body) error
}

// Shared is how many subjects two answers have in common.
type Shared struct {
	Confirmed uint64 `json:"confirmed"`
	Reachable uint64 `json:"reachable"`
	EverHeld  uint64 `json:"ever_held"`
}

// LookRequest asks who some subjects of a scope are.
type LookRequest struct {
	Query   scope.Query `json:"query"`
	Purpose string      `json:"purpose"`
	Case    string      `json:"case"` // may be empty
	Skip    int         `json:"skip"` // of the list
	By      string      `json:"by"`
	Address string      `json:"address"`
}

// MaxLook is how many subjects one look shows.
const MaxLook = 100

// LookAnswer is a part of a list.
type LookAnswer struct {
	Rows  []LookRow     `json:"rows"`
	All   int           `json:"all"` // in the whole list
	Skip  int           `json:"skip"`
	Lost  int           `json:"lost"` // subjects whose key was destroyed: nobody can name them
	Whole *scope.Result `json:"whole,omitempty"`
}

// LookRow is one subject.
type LookRow struct {
	Class  string `json:"class"` // the narrowest that holds
	Source string `json:"source"`
	Key    string `json:"key"` // personal data
}

// DraftRequest asks for a document of a case.
type DraftRequest struct {
	Case string `json:"case"`
	Kind string `json:"kind"`
	Lang string `json:"lang"` // when nobody wrote it yet
}

// DraftAnswer is a document and the digest of its plain text.
type DraftAnswer struct {
	Document *draft.Document `json:"document,omitempty"`
	SHA256   string          `json:"sha256"`
	// Foreign are numbers of people's sentences that are not of the case: the
	// document cannot be released.
	Foreign []string `json:"foreign"`
}

// EventQuery asks for events, the newest first.
type EventQuery struct {
	Before event.Index `json:"before"` // 0: from the newest
	Kinds  []string    `json:"kinds"`
	Text   string      `json:"text"`   // in the line, any case
	Source string      `json:"source"` // prefix
	// Session of the source, 0 for all.
	Session uint64    `json:"session"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Limit   int       `json:"limit"`
	// Whole asks for whole lines and for signs of life, too: for programs.
	Whole bool `json:"-"`
	// Time is how long a search goes on to look at further parts of the ledger; 0
	// is 1.5 seconds. A page goes on where it stopped.
	Time time.Duration `json:"-"`
	// Near looks only at what needs no reading of the ledger.
	Near bool `json:"-"`
}

// EventPage is what was found, and how far was looked.
type EventPage struct {
	Lines []EventLine `json:"lines"`
	// Next is where to look on; Done says that the beginning was reached.
	Next event.Index `json:"next"`
	Done bool        `json:"done"`
	// Looked is how many events were looked at, or are known to be none that were
	// asked for.
	Looked int      `json:"looked"`
	Kinds  []string `json:"kinds"` // all names
}

// EventLine is one event.
type EventLine struct {
	Index   event.Index `json:"index"`
	At      time.Time   `json:"at,omitzero"`
	Source  string      `json:"source"`
	Kind    string      `json:"kind"`
	Session uint64      `json:"session"`
	Body    string      `json:"body"` // JSON; holds no personal data
	Line    []byte      `json:"-"`    // of the ledger, when it was asked for
}

// Database is a guarded database in the data map.
type Database struct {
	Name   string  `json:"name"`
	Tables []Table `json:"tables"`
}

// Table is a protected place.
type Table struct {
	Place    event.Place `json:"place"`
	Key      string      `json:"key"`
	Of       string      `json:"of"`
	Columns  []Column    `json:"columns"`
	Plain    []string    `json:"plain"`
	Subjects uint64      `json:"subjects"`
	Rows     uint64      `json:"rows"`
	Unknown  uint64      `json:"unknown"`
	Scanned  bool        `json:"scanned"`
}

// Column is what a column holds.
type Column struct {
	Name    string `json:"name"`
	Element string `json:"element"`
}

// Policy is what is in force, and what the file says now.
type Policy struct {
	Status control.PolicyStatus `json:"status"`
	Text   string               `json:"text"` // of the rules in force, YAML; empty: everything is allowed
	Rules  int                  `json:"rules"`
	Tests  int                  `json:"tests"`
	// Grant is how long an exceptional access may last at most, in nanoseconds; 0:
	// the policy knows none.
	Grant time.Duration `json:"grant_ns"`
	// Editable: it is in a file of its own, which the console can replace.
	Editable bool
	Raw      string // that file as it is, when Editable
	// File is the policy as the file has it now.
	File *PolicyFile `json:"file,omitempty"`
}

// PolicyFile is the file beside what is in force.
type PolicyFile struct {
	Generation uint64           `json:"generation"`
	Digest     string           `json:"digest"`
	Diff       []DiffLine       `json:"diff"`
	Problems   control.Problems `json:"problems"` // why it would not be taken; none: it would
}

// Mark says what became of a line: '+', '-' or ' '.
type Mark byte

// MarshalText writes the mark as it is read.
func (m Mark) MarshalText() ([]byte, error) { return []byte{byte(m)}, nil }

// UnmarshalText reads what MarshalText writes.
func (m *Mark) UnmarshalText(text []byte) error {
	if len(text) != 1 {
		return fmt.Errorf("a mark is one of +, - and space, not %q", text)
	}
	*m = Mark(text[0])
	return nil
}

// DiffLine is a line of the policy that came (+), went (-) or stayed ( ).
type DiffLine struct {
	Mark Mark   `json:"mark"`
	Text string `json:"text"`
}

// Ledger is the state of the truth.
type Ledger struct {
	Origin  string        `json:"origin"`
	Key     string        `json:"key"`
	Head    uint64        `json:"head"`
	First   uint64        `json:"first"` // that retention has left
	Keep    time.Duration `json:"keep_ns"`
	Sources []Source      `json:"sources"`
	Gaps    []Gap         `json:"gaps"` // the newest first
	// Checkpoint is the newest signed checkpoint, as text; empty: none yet.
	Checkpoint string    `json:"checkpoint"`
	Witnesses  []Witness `json:"witnesses"`
	Bytes      int64     `json:"bytes"`
	Months     []Month   `json:"months"`
	Check      *Check    `json:"check,omitempty"` // the last one, or the one under way
	Retention  Retention `json:"retention"`
}

// Witness is somebody who cosigns checkpoints.
type Witness struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Signed bool   `json:"signed"` // the newest checkpoint
}

// Retention is what goes by the policy, and when.
type Retention struct {
	Oldest time.Time   `json:"oldest,omitzero"` // of the newest event of the oldest sealed segment
	Due    int         `json:"due"`             // segments that may go now
	Last   event.Index `json:"last"`            // the last event of those
	// Next is when the next one may go, NextFirst and NextLast its events; zero: none
	// is sealed, or nothing goes.
	Next      time.Time   `json:"next,omitzero"`
	NextFirst event.Index `json:"next_first"`
	NextLast  event.Index `json:"next_last"`
	Held      bool        `json:"held"` // they stay until a hub has them, also after Next
}

// Source is something that writes.
type Source struct {
	Name   string    `json:"name"`
	Seq    uint64    `json:"seq"`
	Last   time.Time `json:"last,omitzero"` // zero: not in this run
	Silent bool      `json:"silent"`        // it gave signs of life and does not any more
}

// Gap is something that could not be recorded, or was not covered.
type Gap struct {
	Index  event.Index   `json:"index"`
	From   time.Time     `json:"from,omitzero"`
	To     time.Time     `json:"to,omitzero"`
	Places []event.Place `json:"places"`
	Reason string        `json:"reason"`
}

// Month is how much was written in a month.
type Month struct {
	Month string `json:"month"` // 2026-11
	Bytes int64  `json:"bytes"`
}

// Check is a verification of the ledger.
type Check struct {
	By       string    `json:"by"`
	Begun    time.Time `json:"begun,omitzero"`
	Ended    time.Time `json:"ended,omitzero"` // zero: under way
	Done     int       `json:"done"`
	Of       int       `json:"of"`
	OK       bool      `json:"ok"`
	Events   uint64    `json:"events"`
	Sealed   uint64    `json:"sealed"`
	Problems []string  `json:"problems"`
	Notes    []string  `json:"notes"`
	Failed   string    `json:"failed"` // why it could not be checked
}
