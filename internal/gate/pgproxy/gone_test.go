package pgproxy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/roll"
	"sekisho/internal/wire/pgwire"
)

// afterlife is a session whose server process, 7, works on after its end.
type afterlife struct {
	*bench
	answers [][]roll.Process // nil: the server does not answer
	asked   int
	open    []bool // at each question: something was
	over    []bool // by Settings.Writing
	left    bool
	wg      sync.WaitGroup
	stop    context.CancelFunc
}

const insertOne = "INSERT INTO customers VALUES (1)"

func newAfterlife(t *testing.T, change func(*Settings), answers ...[]roll.Process) *afterlife {
	a := &afterlife{answers: answers}
	a.bench = newBench(t, func(s *Settings) {
		s.Working = func(context.Context) ([]roll.Process, error) {
			a.open = append(a.open, a.anything() && !a.left)
			a.asked++
			if a.asked > len(a.answers) {
				a.stop()
				return nil, errors.New("asked too often")
			}
			if there := a.answers[a.asked-1]; there != nil {
				return there, nil
			}
			return nil, errors.New("no answer")
		}
		s.Writing = func(event.Place, []string) func(bool) {
			return func(changed bool) { a.over = append(a.over, changed) }
		}
		if change != nil {
			change(s)
		}
	})
	a.g.ctx, a.stop = context.WithCancel(t.Context())
	a.e.who.ServerPID = 7
	a.e.left = func() { a.left = true }
	a.an.by[insertOne] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relCustomers, Table: customers, Op: "insert"}}}
	return a
}

// anything says that something counts as open.
func (a *afterlife) anything() bool {
	return a.changes("shop").inFlight > 0 || a.g.locks.all.Load() > 0 || a.g.reg.changing.Load() > 0
}

func (a *afterlife) ends() {
	a.g.spawn = a.wg.Go // analyses were made at once
	a.e.close("connection lost")
	a.wg.Wait()
}

var (
	working = []roll.Process{{PID: 3, Start: "1"}, {PID: 7, Start: "1"}}
	reused  = []roll.Process{{PID: 3, Start: "1"}, {PID: 7, Start: "2"}}
	absent  = []roll.Process{{PID: 3, Start: "1"}}
)

// What a session had open when it ended stays open until its process is gone.
func TestWhatOutlivesTheSession(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(*afterlife)
	}{
		{"a write", func(a *afterlife) { a.client(q(insertOne)) }},
		{"a write in a transaction", func(a *afterlife) {
			a.client(q("BEGIN"))
			a.server(done("BEGIN"), ready(pgwire.TxBlock))
			a.client(q(insertOne))
			a.server(done("INSERT 0 1"), ready(pgwire.TxBlock))
		}},
		{"locks", func(a *afterlife) { a.e.holds(customers) }},
		{"a change of the schema", func(a *afterlife) { a.client(q("CREATE TABLE t (a int)")) }},
	} {
		for name, answers := range map[string][][]roll.Process{
			"gone": {working, working, absent}, "reused": {working, reused}, "no answer": {nil, working, absent},
		} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				a := newAfterlife(t, nil, answers...)
				c.begin(a)
				wrote := a.changes("shop").inFlight > 0
				a.ends()
				if want := slices.Repeat([]bool{true}, len(answers)); !slices.Equal(a.open, want) {
					t.Errorf("open at each question: %v, want %v", a.open, want)
				}
				if a.anything() || !a.left || slices.Contains(a.over, false) || wrote != (a.changes("shop").unclear > 0) {
					t.Errorf("in the end: %v open, left %v, over %v, %+v", a.anything(), a.left, a.over, a.changes("shop"))
				}
			})
		}
	}
}

// A session that only read has a process that may work on, and that the gate
// carried; one that was waiting for its client has none.
func TestProcessOutlivesTheSession(t *testing.T) {
	a := newAfterlife(t, nil, working, absent)
	a.an.by["SELECT 1 FROM customers"] = &lineage.Analysis{Bare: true}
	a.client(q("SELECT 1 FROM customers"))
	a.ends()
	if a.asked != 2 || !a.left {
		t.Errorf("a statement under way: asked %d times, left %v", a.asked, a.left)
	}
	a = newAfterlife(t, nil, absent)
	a.client(q(insertOne))
	a.server(done("INSERT 0 1"), ready(pgwire.TxIdle))
	a.ends()
	if a.asked != 0 || !a.left {
		t.Errorf("at rest: asked %d times, left %v", a.asked, a.left)
	}
}

// A gate that is stopped meanwhile lets go of nothing.
func TestGateStopsBeforeTheProcess(t *testing.T) {
	a := newAfterlife(t, nil, working, working)
	a.client(q(insertOne))
	a.answers = a.answers[:1] // the second question stops the gate
	a.ends()
	if !a.anything() || a.left || len(a.over) > 0 {
		t.Errorf("open %v, left %v, over %v", a.anything(), a.left, a.over)
	}
}

// Behind a pooler nobody knows which process it is: all that were at work count,
// until each waited for a client or was gone.
func TestProcessBehindPooler(t *testing.T) {
	r := &remains{g: newBench(t, func(s *Settings) { s.Pooled = true }).g, ended: time.Now().Add(-time.Hour), process: roll.Process{PID: 7}}
	for i, c := range []struct {
		there []roll.Process
		gone  bool
	}{
		{[]roll.Process{{PID: 1, Start: "1"}, {PID: 2, Start: "1"}, {PID: 3, Start: "1", Idle: true}}, false},
		{[]roll.Process{{PID: 1, Start: "1"}, {PID: 2, Start: "1", Idle: true}, {PID: 3, Start: "1"}}, false},
		{[]roll.Process{{PID: 1, Start: "1"}, {PID: 2, Start: "1"}}, false},
		{[]roll.Process{{PID: 1, Start: "2"}, {PID: 2, Start: "1"}}, true},
	} {
		if got := r.gone(c.there); got != c.gone {
			t.Errorf("question %d: gone %v", i+1, got)
		}
	}
	if r = (&remains{g: r.g, ended: time.Now()}); r.gone(nil) {
		t.Error("a pooler that had no time to speak has nothing left")
	}
}
