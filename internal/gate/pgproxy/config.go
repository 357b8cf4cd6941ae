package pgproxy

import (
	"context"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/roll"
	"sekisho/internal/subject"
)

// Protected is a table that the configuration names under protect.
type Protected struct {
	Table    event.Place // "shop/public.customers"
	Source   event.SubjectSource
	Elements element.Mask // every element of it, unclassified columns included
}

// Analyser reads the lineage of a statement; *lineage.Reader is one. It may
// take milliseconds: the engine calls it from a bounded pool and never from a
// transport's thread. An error means that the statement is bounded for now; it
// must not carry data.
type Analyser interface {
	Analyse(ctx context.Context, req lineage.Request) (*lineage.Analysis, error)
	// Code says what code may write; nil: that is not known. It does not wait.
	Code(req lineage.CodeRequest) *lineage.Code
	// Inputs says that there may be types whose values run code nobody declared
	// when they are read. It does not wait.
	Inputs() bool
}

// Numbers gives the subject numbers of one source; *subject.Source is one.
type Numbers interface {
	NumberInt(key int64) (uint32, bool)
	NumberBytes(key []byte) (uint32, bool)
	AssignInts(ctx context.Context, keys []int64, numbers []uint32) error
	AssignBytes(ctx context.Context, kind subject.KeyKind, keys [][]byte, numbers []uint32) error
}

// Identifier finds the one subject of a table that an identifier read from it
// belongs to. ok is false when there is none or more than one. The same value
// in another table is another identifier.
type Identifier func(table event.Place, kind element.Kind, value []byte) (number uint32, ok bool)

// Classifier names the elements in bytes that no lineage explains. It must not
// keep them.
type Classifier func(value []byte) element.Mask

// Taint is a relation that holds what was written from protected columns.
type Taint struct {
	Table     event.Place
	Rel       lineage.OID // 0 when the statement creates it
	From      []event.Place
	Source    event.SubjectSource
	Elements  element.Mask
	Temporary bool
	// Columns are the tainted columns; for a created relation all of them. None,
	// without Rows, stands for every column.
	Columns []TaintColumn
	// Rows holds the elements that decided which rows are there.
	Rows element.Mask
	// Own says that the columns hold data of the subject of their own row, in a
	// relation that was protected before; From are places whose subjects may
	// have rows there from now on.
	Own bool

	standing bool // code of the schema may write it at any time
}

// TaintColumn is a column of a Taint, by number or by name.
type TaintColumn struct {
	Name     string
	Att      int16
	Elements element.Mask
	Key      event.SubjectSource // it holds subject keys of this source
}

// FailMode says what a gate does when it cannot record.
type FailMode uint8

// The fail modes.
const (
	FailClosed FailMode = iota // refuse with SQLSTATE 58030 and end the session
	FailOpen                   // carry on, and record the gap as soon as possible
)

// Switches turns single rules off. They exist for the proof that the tests see
// each of them: nothing outside tests may set one.
type Switches struct {
	NoKeyColumn, NoParameter, NoIdentifier, NoInjection, NoClassifier bool
	// NoLineageCheck trusts the analysis without comparing RowDescription.
	NoLineageCheck bool
	// NoEnvironment never asks for search_path and role again.
	NoEnvironment bool
	NoTaint       bool
	// Parts of the taint rule: columns of protected tables that come to hold
	// more, whose rows their values are of, the presence of rows, code.
	NoColumnTaint, NoOwnerTaint, NoRowsTaint, NoCode bool
	NoPredicate                                      bool
	// NoMoment trusts that a statement means at the server what it meant when it
	// was sent.
	NoMoment bool
	// NoSince says of no crossing that its rows may have rested there before.
	NoSince bool
	// NoTurn trusts what an identifier says now for rows of an older snapshot.
	NoTurn bool
	// NoOutlasting takes the end of a session for the end of its process.
	NoOutlasting bool
	// NoVerbose takes what VACUUM VERBOSE and its like say for nobody's.
	NoVerbose bool
	// NoInputs takes what is said while a statement is parsed or bound for nobody's.
	NoInputs bool
	// NoAgain never asks the policy again about a statement that turned out to
	// mean something else.
	NoAgain bool
}

// Rules is what decides, replaced as a whole on reload.
type Rules struct {
	Policy *policy.Policy
	Mode   policy.Mode
	Grants []policy.Grant
}

// Settings are the fixed parts of what engines share.
type Settings struct {
	Place     event.Place // the database: "shop"
	Database  string      // configured name, as policies use it
	Protected []Protected
	// Strict awaits the sync of every intent.
	Strict bool
	Fail   FailMode
	// Bucket is the longest time rows gather before their Crossing is written;
	// 0 and more than 100 ms mean 100 ms.
	Bucket time.Duration
	// Injection adds key columns to plain SELECTs (rung 4).
	Injection  bool
	Analyser   Analyser
	Numbers    func(event.SubjectSource) Numbers
	Identifier Identifier // nil: rung 3 is off
	Classifier Classifier // nil: rung 5 is off
	// Tainted, if not nil, makes a relation that protected data was written to
	// protected (lineage.Reader.Protect), before anybody's statement over it is
	// analysed. It is called when the writing transaction ended, from a
	// goroutine of its own, and again until it succeeds.
	Tainted func(ctx context.Context, t Taint) error
	// Writing, if not nil, is told before a statement is sent that may change a
	// table that holds protected data: which, and the columns that may get other
	// values (nil: perhaps all). No table stands for any. What it returns, unless
	// that is nil, is called once, when the transaction has ended, with whether it
	// may have changed anything.
	Writing func(table event.Place, columns []string) (over func(changed bool))
	// Working, if not nil, lists the server's processes that serve clients of the
	// database, those of this program's own sessions left out. A session that ends
	// in the middle of something counts as writing, locking and changing what it
	// did until its process is not in the list. nil: until it ends.
	Working func(ctx context.Context) ([]roll.Process, error)
	// Pooled says that the processes which clients are told of are not the server's.
	Pooled bool
	// Turns rises whenever Identifier may have come to answer otherwise; nil: never.
	Turns func() uint64
	// Common is shared by the gates of the database in this process; nil: there
	// is one.
	*Common
	// Laundered says that before this start code of which nobody knows what it
	// writes may have copied protected data anywhere: there is an event.Taint of
	// the whole Place, and no event.Cleared after it.
	Laundered bool
	// Analyses is the number of analyses under way at once; 0 means 4.
	Analyses int
	// NewID returns a fresh event id for refusals, without meaning.
	NewID func() string
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	switches Switches
}
