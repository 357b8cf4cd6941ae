// Package casefile is the view of cases: from the first sign to the last report
// who knew what and when, which state, which tasks, which evidence, which
// figures, which clocks, which messages and which silence.
//
// It is folded from the ledger, sends nothing and reads no clock: Check says
// whether an event that somebody wants to record is allowed, Due says which
// messages should go out at a given time, and others do it.
package casefile

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile/playbook"
)

// The states.
const (
	Candidate = "candidate"
	Incident  = "incident"
	Closed    = "closed"
)

// Case is one case, folded. Its JSON form is what the view keeps and what
// commands show.
type Case struct {
	ID       string               `json:"id"`
	State    string               `json:"state"`
	Class    string               `json:"class"`
	Title    string               `json:"title"`
	Opened   int64                `json:"opened"` // recorded, UTC ns
	KnownAt  int64                `json:"known_at"`
	Active   int64                `json:"active"` // last thing that anybody did
	Reopened int                  `json:"reopened,omitempty"`
	Channel  string               `json:"channel"`
	Places   []event.Place        `json:"places,omitempty"`
	Hosts    []string             `json:"hosts,omitempty"`
	Signs    []event.CaseSign     `json:"signs"`
	Facts    []Fact               `json:"facts,omitempty"`
	Tasks    []Task               `json:"tasks,omitempty"`
	Evidence []event.CaseEvidence `json:"evidence,omitempty"`
	Actions  []event.CaseAction   `json:"actions,omitempty"`
	Scopes   []Scope              `json:"scopes,omitempty"`
	Misuse   []event.Misuse       `json:"misuse,omitempty"`
	// Parts are of lists of which the rest has not come: nothing of them counts.
	Parts     map[string][]event.Misuse `json:"misuse_parts,omitempty"`
	Common    *Compared                 `json:"common,omitempty"` // the newest answer
	Reports   []Report                  `json:"reports,omitempty"`
	Decisions []Decision                `json:"decisions,omitempty"`
	Ended     map[string]*ClockEnd      `json:"ended,omitempty"` // by rule
	Drafts    map[string]*Draft         `json:"drafts,omitempty"`
	Texts     []event.CaseText          `json:"texts,omitempty"` // what others published about it
	Notices   []Notice                  `json:"notices,omitempty"`
	Agreed    []Agreement               `json:"agreed,omitempty"`
	Raised    []int64                   `json:"raised,omitempty"` // further anomalies on its hosts while it was open
	Log       []Entry                   `json:"log"`
	Repeats   uint64                    `json:"repeats,omitempty"` // findings that said the same again
}

// Fact is something known; Withdrawn ones no longer move clocks.
type Fact struct {
	event.CaseFact
	RecordedAt  int64  `json:"recorded_at"`
	WithdrawnBy string `json:"withdrawn_by,omitempty"`
}

// Task is a step of the playbook or one that somebody added.
type Task struct {
	ID     string `json:"id"`
	Title  string `json:"title,omitempty"` // empty: the playbook's
	Owner  string `json:"owner,omitempty"`
	Due    int64  `json:"due"`
	State  string `json:"state"` // open, done, not-needed
	By     string `json:"by,omitempty"`
	Lesson bool   `json:"lesson,omitempty"`
}

// Scope is a version of the figures.
type Scope struct {
	event.CaseScope
	At int64 `json:"at"`
}

// Compared is what misused cards or accounts have in common by our own records,
// and when that was asked.
type Compared struct {
	event.CaseCommon
	At int64 `json:"at"`
}

// Report is an investigator's report.
type Report struct {
	ID      string                       `json:"id"`
	SHA256  string                       `json:"sha256"`
	State   string                       `json:"state"` // loaded, accepted, refused
	Answers map[string]*event.CaseReport `json:"answers,omitempty"`
}

// Decision is a decision and when it was taken.
type Decision struct {
	event.CaseDecision
	At       int64  `json:"at"`
	Reopened string `json:"reopened,omitempty"` // why it must be taken again
}

// ClockEnd is how a clock ended.
type ClockEnd struct {
	event.CaseClock
	RecordedAt int64 `json:"recorded_at"`
}

// Draft is a document's state.
type Draft struct {
	Kind   string            `json:"kind"`
	State  string            `json:"state"` // written, released, withdrawn
	Slots  map[string]string `json:"slots,omitempty"`
	Scope  int               `json:"scope,omitempty"`
	Lang   string            `json:"lang,omitempty"`
	Writer string            `json:"writer"`
	// Proved says how the process knew the writer; empty when the name was
	// only typed.
	Proved   string `json:"proved,omitempty"`
	Releaser string `json:"releaser,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	At       int64  `json:"at"`
	// Overridden: it went out although a text about the incident says otherwise.
	Overridden bool `json:"overridden,omitempty"`
}

// Agreement is a second person's yes to one act. It ends when the act is done,
// when what they agreed to changes (a sign, a fact, figures, evidence, another
// move), and after agreeFor.
type Agreement struct {
	event.CaseAgree
	At int64 `json:"at"`
}

// Notice is a message, an answer or silence.
type Notice struct {
	event.CaseNotice
	At int64 `json:"at"`
}

// Entry is a line of the case's append-only timeline.
type Entry struct {
	At    int64       `json:"at"`
	Index event.Index `json:"index"`
	By    string      `json:"by"`
	What  string      `json:"what"`           // a key of the texts
	Args  []string    `json:"args,omitempty"` // codes, which Line says in words
	Text  string      `json:"text,omitempty"` // what people wrote
	// Proved says how the process knew By; empty for a typed name and for what
	// the process did itself.
	Proved string `json:"proved,omitempty"`
}

// Books is what a fold needs besides events: the playbooks.
type Books struct {
	Plays *playbook.Book
	Rules *rule.Book

	off mechanism // in tests only: what does not work
}

// DefaultBooks returns those that the program carries. They are read once.
func DefaultBooks() *Books {
	b := *carried()
	return &b
}

var carried = sync.OnceValue(func() *Books { return &Books{Plays: playbook.Default(), Rules: rule.Default()} })

// mechanism names what closes a failure point, so that tests can take it away
// and see that it is missed.
type mechanism string

const (
	needLoad     mechanism = "load needs that hour's figures"           // FP01
	again        mechanism = "a second anomaly reopens"                 // FP01
	contradict   mechanism = "misuse contradicts windows"               // FP04
	closingRules mechanism = "closing needs what the class names"       // FP05
	leakCall     mechanism = "the officer hears of a leak the same day" // FP08
	climbing     mechanism = "silence climbs"                           // FP08
	lateCall     mechanism = "a clock that is over calls the officer"   // FP08
	preserve     mechanism = "preservation first"                       // FP11, FP22
	reportCheck  mechanism = "open questions block a report"            // FP11
	notSame      mechanism = "the second person is another person"      // FP05, FP11
	cardDuties   mechanism = "a card notice brings its tasks"           // FP17
	knownClock   mechanism = "knowledge starts the clock"               // FP18
	waitReview   mechanism = "waiting needs a review"                   // FP19
	newFigures   mechanism = "new figures open the decision"            // FP19
	holidayDuty  mechanism = "duty knows no holidays"                   // FP24
	dutyContains mechanism = "the duty person may cut everything"       // FP24
	machineText  mechanism = "a draft is there when its clock begins"   // FP08, FP19
)

// on reports whether the mechanism works.
func (b *Books) on(m mechanism) bool { return b.off != m }

// RuleFacts returns the facts that stand, for the clocks. company are facts of
// the firm itself: "travel", "listed", "pmark", "entrusted".
func (c *Case) RuleFacts(company []string) []rule.Fact {
	var out []rule.Fact
	for _, f := range c.Facts {
		if f.WithdrawnBy == "" {
			out = append(out, rule.Fact{Name: f.Fact, At: event.Time(f.KnownAt), Persons: f.Persons})
		}
	}
	for _, s := range c.Scopes {
		if s.Unit == "persons" || s.Unit == "" {
			out = append(out, rule.Fact{Name: "persons", At: event.Time(s.At), Persons: s.Reachable})
		}
	}
	for _, name := range company {
		out = append(out, rule.Fact{Name: name, At: event.Time(c.KnownAt)})
	}
	return out
}

// Clock is a duty of the case.
type Clock struct {
	rule.Clock
	End *ClockEnd // nil: it runs
}

// Clocks returns all duties, ended ones too. Zero asOf means the law of each
// clock's own day.
func (c *Case) Clocks(b *rule.Book, company []string, asOf time.Time) []Clock {
	var out []Clock
	for _, k := range b.Clocks(c.RuleFacts(company), asOf) {
		out = append(out, Clock{k, c.ended(b, k.Rule)})
	}
	return out
}

// ended returns how the clock of a rule ended: by its own end, or because the
// same report was received under another rule.
func (c *Case) ended(b *rule.Book, r *rule.Rule) *ClockEnd {
	if end := c.Ended[r.ID]; end != nil {
		return end
	}
	for _, id := range slices.Sorted(maps.Keys(c.Ended)) {
		if end := c.Ended[id]; end.Step == "receipt" && b.Rule(id) != nil && b.Rule(id).Same(r) {
			return end
		}
	}
	return nil
}

// Has reports whether the fact stands.
func (c *Case) Has(fact string) bool {
	return slices.ContainsFunc(c.Facts, func(f Fact) bool { return f.Fact == fact && f.WithdrawnBy == "" })
}

// Figures returns the newest version of the figures, nil when there is none.
func (c *Case) Figures() *Scope {
	if len(c.Scopes) == 0 {
		return nil
	}
	return &c.Scopes[len(c.Scopes)-1]
}

func (c *Case) task(id string) *Task {
	for i := range c.Tasks {
		if c.Tasks[i].ID == id {
			return &c.Tasks[i]
		}
	}
	return nil
}

func (c *Case) report(id string) *Report {
	for i := range c.Reports {
		if c.Reports[i].ID == id {
			return &c.Reports[i]
		}
	}
	return nil
}

// Unanswered returns the questions of the report that have no answer.
func (r *Report) Unanswered(b *playbook.Book) []playbook.Question {
	var out []playbook.Question
	for _, q := range b.Questions {
		if a := r.Answers[q.ID]; a == nil || a.Answer == "" || a.Evidence == "" {
			out = append(out, q)
		}
	}
	return out
}

// Preserved reports whether the host has a link of custody that keeps what a
// rebuild would destroy.
func (c *Case) Preserved(host string) bool {
	return slices.ContainsFunc(c.Evidence, func(e event.CaseEvidence) bool {
		return e.Step == "preserved" && e.Host == host && slices.Contains([]string{"image", "snapshot", "memory", "log-export"}, e.Form)
	})
}

// order sorts tasks by their end.
func (c *Case) order() {
	slices.SortStableFunc(c.Tasks, func(a, b Task) int { return cmp.Compare(a.Due, b.Due) })
}
