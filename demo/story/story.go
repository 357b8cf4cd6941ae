// Package story replays the four incidents of the source documents, with the
// clock of their time, against the running parts of Sekisho, and sets what
// happened beside what Sekisho blocks, raises, knows and drafts, and when.
//
// It is a user of Sekisho: an Office gives it people, a process, gates and a
// clock, and everything in Sekisho's column is read from what they answer. The
// other column is data/*.json, made from the source documents; each line names
// its source and quotes it. What the sources do not say and the replay needs
// (an hour, a split of a sum) is assumed and says so. It claims nothing for
// parts that are not replayed.
package story

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

// Names are the stories.
var Names = []string{"jtb", "sapporo", "hawaiians", "telecomsquare"}

// Office is a firm with Sekisho: its process, its people on duty and a clock
// that only Until moves. It is not safe for concurrent use.
type Office interface {
	Resting
	Shop
	Now() time.Time
	// Until moves the clock to t. Calls that become due on the way are made at
	// their own time.
	Until(ctx context.Context, t time.Time) error
	// Do records a body as its author, who shows an own key file, and returns
	// the case. A refusal is a *casefile.Refusal.
	Do(ctx context.Context, body event.Cased) (string, error)
	// Boot reports a start of a machine and returns the case that is open for
	// it, empty for none.
	Boot(ctx context.Context, b *event.HostBoot) (string, error)
	// Observe records what a gate or a scan saw.
	Observe(ctx context.Context, source event.Source, bodies ...event.Body) error
	// Customers numbers the customers 1 … n of a source and returns the first
	// number; Token names a misused one as the case does, by a keyed hash.
	Customers(ctx context.Context, source event.SubjectSource, n int) (first uint32, err error)
	Token(customer int) (string, error)
	// Web sends a request through the web gate and returns the status and the
	// code with which the gate refused it, empty when it passed.
	Web(ctx context.Context, method, path, body string) (status int, code string, err error)
	// Kept returns when all that the web gate has decided is in the ledger.
	Kept(ctx context.Context) error
	// Leave sends a request to somebody outside through one of the exits, from
	// 0, and returns as Web does. Hold opens a connection and keeps it; Held
	// reports whether it still stands.
	Leave(ctx context.Context, exit int) (status int, code string, err error)
	Hold(ctx context.Context, exit int) error
	Held() bool
	// Routes plays the ways out in a network of namespaces, with the clock of the
	// day on which the story is told. A *NoNetwork: there is none here.
	Routes(ctx context.Context) (*Routes, error)
	// Guarded puts a database gate before a PostgreSQL with so many invented
	// customers, of whom one statement may read so many, asks a question through
	// it and asks whose data that was. ErrNoDatabase: none is installed.
	Guarded(ctx context.Context, held, allowed int, sql string) (Guarded, error)
	// Persons counts invented persons who left so many records.
	Persons(ctx context.Context, records, persons int) (Persons, error)
	Case(ctx context.Context, id string) (*desk.Answer, error)
	// Open lists the cases that are not closed, the newest first.
	Open(ctx context.Context) ([]casefile.Line, error)
	Draft(ctx context.Context, id, kind string) (*desk.Document, error)
	// Calls are the messages that reached somebody so far, in order.
	Calls() []Called
	Scope(ctx context.Context, q scope.Query) (*scope.Result, error)
	// Bundle makes the evidence of an answer and has it checked as a stranger
	// would. It returns the number of events in it.
	Bundle(ctx context.Context, q scope.Query) (int, error)
	// Finish verifies the ledger, rebuilds the views and says whether they are
	// the same and how many messages that sent.
	Finish(ctx context.Context) (Finished, error)
}

// Called is a message that reached somebody on duty.
type Called struct {
	At   time.Time
	To   string // person
	Rank string
	Text string
}

// Finished is how a replay ended.
type Finished struct {
	Verified bool `json:"verified"`
	Same     bool `json:"same"`    // views rebuilt to the same bytes
	Sent     int  `json:"sent"`    // messages of the rebuild
	Foreign  int  `json:"foreign"` // numbers in drafts that are not in the case
}

// Text is in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In returns the text in Japanese, else in English.
func (t Text) In(l lang.Language) string {
	if l == lang.Japanese {
		return t.JA
	}
	return t.EN
}

// Row is a line of what happened.
type Row struct {
	Date      string `json:"date"` // 2006-01-02, 2006-01 or 2006-01-02T15:04
	End       string `json:"end,omitempty"`
	Precision string `json:"precision,omitempty"`
	Text
	Source string `json:"source"`
	Quote  string `json:"quote"`
}

// Figure is a number of a source.
type Figure struct {
	Value uint64 `json:"value"`
	Unit  string `json:"unit"`
	Text
	Source string `json:"source"`
	Quote  string `json:"quote"`
}

// Source is what happened, as data.
type Source struct {
	ID      string          `json:"id"`
	Name    Text            `json:"name"`
	Sources map[string]Text `json:"sources"`
	Rows    []Row           `json:"rows"`
	Figures []Figure        `json:"figures"`
	// Published are passages of the sources that the checker compares.
	Published []Passage `json:"published,omitempty"`
}

// Passage is what a source says, to the letter.
type Passage struct {
	Source string `json:"source"`
	Text   string `json:"text"`
}

//go:embed data/*.json
var files embed.FS

// Read returns what happened in a story.
func Read(name string) (*Source, error) {
	text, err := files.ReadFile("data/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("story %q: %w", name, err)
	}
	var s Source
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("story %q: %w", name, err)
	}
	return &s, nil
}

// figure returns a number of the sources; a story that asks for another does
// not run.
func (s *Source) figure(value uint64) uint64 {
	if !slices.ContainsFunc(s.Figures, func(f Figure) bool { return f.Value == value }) {
		panic(fmt.Sprintf("story: %d is no figure of %s", value, s.ID))
	}
	return value
}

// Entry is a line of what Sekisho does.
type Entry struct {
	At time.Time `json:"at"`
	// Sort is blocks, refuses, raises, calls, knows or drafts.
	Sort string `json:"sort"`
	Text
	// Assumed: something in it is not in the sources.
	Assumed bool `json:"assumed,omitempty"`
}

// Check compares what Sekisho did with what it must do.
type Check struct {
	Text
	Want string `json:"want"`
	Got  string `json:"got"`
	OK   bool   `json:"ok"`
}

// Told is a story that was told.
type Told struct {
	Source
	Entries []Entry `json:"sekisho"`
	Checks  []Check `json:"checks"`
	// Skipped is what this machine cannot play. It does not count.
	Skipped  []Text   `json:"skipped,omitempty"`
	Routes   *Routes  `json:"routes,omitempty"`
	Finished Finished `json:"finished"`
}

// Differences counts the checks that do not hold.
func (t *Told) Differences() (n int) {
	for _, c := range t.Checks {
		if !c.OK {
			n++
		}
	}
	return n
}

// Parts are what a story needs besides ledger, views, desk, messages and the
// web gate.
type Parts struct {
	Exits    int  // egress gates, and what cuts them
	Checkout bool // pages that lead to payment, guarded by the web gate
}

// ErrNoDatabase is returned where no PostgreSQL is installed.
var ErrNoDatabase = errors.New("there is no PostgreSQL on this machine")

// Guarded is what came through a database gate, and whose it was.
type Guarded struct {
	Rows                       int
	Code                       string // SQLSTATE with which the gate ended it, empty for none
	Confirmed, Reachable, Held int    // persons
}

// Persons is how many persons some records are.
type Persons struct{ Records, Low, High int }

// Needs returns the parts that a story needs.
func Needs(name string) Parts { return stories[name].needs }

// Begin returns the time at which the clock of a story begins.
func Begin(name string) (time.Time, error) {
	s, ok := stories[name]
	if !ok {
		return time.Time{}, fmt.Errorf("there is no story %q", name)
	}
	return day(s.begin), nil
}

var stories = map[string]struct {
	begin string
	tell  func(context.Context, *teller) error
	needs Parts
}{
	"jtb":           {"2016-03-14 00:00", tellJTB, Parts{Exits: routes}},
	"sapporo":       {"2015-10-01 00:00", tellSapporo, Parts{}},
	"hawaiians":     {"2017-02-10 00:00", tellHawaiians, Parts{Checkout: true}},
	"telecomsquare": {"2013-04-01 00:00", tellTelecomSquare, Parts{}},
}

// Tell replays a story in an office whose clock stands at its beginning.
func Tell(ctx context.Context, name string, o Office) (*Told, error) {
	s, ok := stories[name]
	if !ok {
		return nil, fmt.Errorf("there is no story %q", name)
	}
	source, err := Read(name)
	if err != nil {
		return nil, err
	}
	t := &teller{Office: o, told: &Told{Source: *source, Entries: []Entry{}, Checks: []Check{}}}
	if err := s.tell(ctx, t); err != nil {
		return nil, fmt.Errorf("story %s at %s: %w", name, o.Now().In(rule.Tokyo).Format("2006-01-02 15:04"), err)
	}
	if t.told.Finished, err = o.Finish(ctx); err != nil {
		return nil, fmt.Errorf("story %s: %w", name, err)
	}
	t.check("finish_verified", "yes", yes(t.told.Finished.Verified))
	t.check("finish_same", "yes", yes(t.told.Finished.Same))
	t.check("finish_sent", "0", fmt.Sprint(t.told.Finished.Sent))
	slices.SortStableFunc(t.told.Entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return t.told, nil
}

// day reads a time in Japan.
func day(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, rule.Tokyo)
	if err != nil {
		panic("story: " + err.Error())
	}
	return t
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
