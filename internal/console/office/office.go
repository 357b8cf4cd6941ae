// Package office is what the console needs of the running process: the
// questions its pages and its API ask, and the acts they order.
//
// It does nothing itself. The process implements Office with the same
// functions that commands reach over the control socket.
package office

import (
	"context"
	"encoding/json"
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

// LookRequest asks who some subjects of a scope are.
type LookRequest struct {
	Query   scope.Query
	Purpose string
	Case    string // may be empty
	Skip    int    // of the list
	By      string
	Address string
}

// MaxLook is how many subjects one look shows.
const MaxLook = 100

// LookAnswer is a part of a list.
type LookAnswer struct {
	Rows  []LookRow
	All   int // in the whole list
	Skip  int
	Lost  int // subjects whose key was destroyed: nobody can name them
	Whole *scope.Result
}

// LookRow is one subject.
type LookRow struct {
	Class  string // the narrowest that holds
	Source string
	Key    string // personal data
}

// DraftRequest asks for a document of a case.
type DraftRequest struct {
	Case string
	Kind string
	Lang string // when nobody wrote it yet
}

// DraftAnswer is a document and the digest of its plain text.
type DraftAnswer struct {
	Document *draft.Document
	SHA256   string
	// Foreign are numbers of people's sentences that are not of the case: the
	// document cannot be released.
	Foreign []string
}

// EventQuery asks for events, the newest first.
type EventQuery struct {
	Before event.Index // 0: from the newest
	Kinds  []string
	Text   string // in the line, any case
	Source string // prefix
	// Session of the source, 0 for all.
	Session uint64
	From    time.Time
	To      time.Time
	Limit   int
}

// EventPage is what was found, and how far was looked.
type EventPage struct {
	Lines []EventLine
	// Next is where to look on; Done says that the beginning was reached.
	Next event.Index
	Done bool
	// Looked is how many events were looked at.
	Looked int
	Kinds  []string // all names
}

// EventLine is one event.
type EventLine struct {
	Index   event.Index
	At      time.Time
	Source  string
	Kind    string
	Session uint64
	Body    string // JSON; holds no personal data
}

// Database is a guarded database in the data map.
type Database struct {
	Name   string
	Tables []Table
}

// Table is a protected place.
type Table struct {
	Place    event.Place
	Key      string
	Of       string
	Columns  []Column
	Plain    []string
	Subjects uint64
	Rows     uint64
	Unknown  uint64
	Scanned  bool
}

// Column is what a column holds.
type Column struct{ Name, Element string }

// Policy is what is in force, and what the file says now.
type Policy struct {
	Status control.PolicyStatus
	Text   string // of the rules in force, YAML; empty: everything is allowed
	Rules  int
	Tests  int
	// File is the policy as the file has it now.
	File *PolicyFile
}

// PolicyFile is the file beside what is in force.
type PolicyFile struct {
	Generation uint64
	Digest     string
	Diff       []DiffLine
	Problem    string // why it would not be taken; empty: it would
}

// DiffLine is a line of the policy that came (+), went (-) or stayed ( ).
type DiffLine struct {
	Mark byte
	Text string
}

// Ledger is the state of the truth.
type Ledger struct {
	Origin  string
	Key     string
	Head    uint64
	First   uint64 // that retention has left
	Keep    time.Duration
	Sources []Source
	Gaps    []Gap // the newest first
	// Checkpoint is the newest signed checkpoint, as text; empty: none yet.
	Checkpoint string
	Witnesses  []string
	Bytes      int64
	Months     []Month
	Check      *Check // the last one, or the one under way
}

// Source is something that writes.
type Source struct {
	Name   string
	Seq    uint64
	Last   time.Time // zero: not in this run
	Silent bool      // it gave signs of life and does not any more
}

// Gap is something that could not be recorded, or was not covered.
type Gap struct {
	Index    event.Index
	From, To time.Time
	Places   []event.Place
	Reason   string
}

// Month is how much was written in a month.
type Month struct {
	Month string // 2026-11
	Bytes int64
}

// Check is a verification of the ledger.
type Check struct {
	By       string
	Begun    time.Time
	Ended    time.Time // zero: under way
	Done, Of int
	OK       bool
	Events   uint64
	Sealed   uint64
	Problems []string
	Notes    []string
	Failed   string // why it could not be checked
}
