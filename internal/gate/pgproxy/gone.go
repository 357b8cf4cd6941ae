package pgproxy

import (
	"context"
	"slices"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/roll"
)

// A client that goes away in the middle of a statement does not end it: the
// server's process notices when it next reads or writes, and may commit before
// that. What such a session was writing, locking and changing stays open until
// its process is gone.

// remains is what a session that ended left open at the server. It belongs to
// the goroutine that follows it.
type remains struct {
	g       *shared
	ctx     context.Context
	rec     event.Recorder
	session event.Session
	left    func() // the process is gone

	writing  writing
	holding  holding
	ddl      ddlState
	tainting []Taint
	late     late
	prepares []preparing

	process roll.Process
	seen    bool           // process.Start is known
	any     []roll.Process // of a pooler: those that may work for it
	ended   time.Time
	asked   int
}

// unfinished says that the server's process may have something left to do when
// its client goes: it was not waiting for the client outside of a transaction, as
// far as the gate knows.
func (e *engine) unfinished() bool {
	switch {
	case e.writing.mark != 0, e.ddl.mark != 0, e.late.mark != 0, e.holding.mark != 0 && e.holding.mark != ^uint64(0):
	case e.streaming != nil:
		return false
	case e.lost != "", !e.queue.empty(), e.carried != nil, e.sent != e.answered, e.open, e.tx != 'I':
	default:
		return false
	}
	return true
}

// goes lets go of what ends with the session: now, or when its process at the
// server is gone. before is late as it was before it was recorded again.
func (e *engine) goes(before late, unfinished bool) {
	prepares := e.prepares()
	if e.g.Working == nil || e.g.switches.NoOutlasting || !unfinished {
		e.mayHavePrepared(prepares, before)
		e.letsGo()
		e.endDDL()
		e.leaves()
		e.left()
		return
	}
	r := &remains{g: e.g, ctx: e.ctx, rec: e.rec, session: e.session, left: e.left, ended: time.Now(),
		writing: e.writing, holding: e.holding, ddl: e.ddl, tainting: e.tainting, late: before, prepares: prepares,
		process: roll.Process{PID: e.who.ServerPID}}
	e.writing, e.holding, e.ddl, e.tainting = writing{}, holding{}, ddlState{}, nil
	e.g.outlasting.add(e.g, r)
}

// end ends what r has open. Without gone nobody knows whether its process is:
// what it changed is recorded as far as it can be, and nothing is let go of.
func (r *remains) end(now int64, gone bool) {
	e := &engine{g: r.g, ctx: r.ctx, rec: r.rec, session: r.session, clock: now,
		writing: r.writing, holding: r.holding, ddl: r.ddl, tainting: r.tainting, late: r.late}
	e.endLate()
	if !gone {
		return
	}
	e.mayHavePrepared(r.prepares, r.late)
	e.letsGo()
	e.endDDL()
	e.leaves()
	r.left()
}

// outlasting are the sessions of a gate that ended and whose processes may work
// on. One goroutine asks the server while there are any.
type outlasting struct {
	mu     sync.Mutex
	list   []*remains
	asking bool
}

func (o *outlasting) add(g *shared, r *remains) {
	o.mu.Lock()
	o.list = append(o.list, r)
	begin := !o.asking
	o.asking = true
	o.mu.Unlock()
	if begin {
		g.spawn(g.followOutlasting)
	}
}

// askAfter is how long after the end of a session, or after the last question,
// the server is asked. Most processes are gone at once.
var askAfter = [...]time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, time.Second}

// askPatience bounds one question.
const askPatience = 10 * time.Second

// poolerDelay is how long a pooler may take to give the server what it had of a
// client that left.
const poolerDelay = time.Second

func (g *shared) followOutlasting() {
	o := &g.outlasting
	failing := false
	for {
		o.mu.Lock()
		list := slices.Clone(o.list)
		o.asking = len(list) > 0
		o.mu.Unlock()
		if len(list) == 0 {
			return
		}
		wait := askAfter[len(askAfter)-1]
		for _, r := range list {
			wait = min(wait, askAfter[min(r.asked, len(askAfter)-1)])
			r.asked++
		}
		if !waits(g.ctx, wait) {
			break
		}
		ctx, cancel := context.WithTimeout(g.ctx, askPatience)
		there, err := g.Working(ctx)
		cancel()
		if err != nil {
			if !failing && g.ctx.Err() == nil {
				g.metrics.Errors.Add(1)
				g.log("ask which processes of ended sessions are there", err)
			}
			failing = true
			continue
		}
		failing = false
		over := map[*remains]bool{}
		for _, r := range list { // of these the sessions had ended before the question
			over[r] = r.gone(there)
		}
		o.mu.Lock()
		o.list = slices.DeleteFunc(o.list, func(r *remains) bool { return over[r] })
		o.mu.Unlock()
		for _, r := range list {
			if over[r] {
				r.end(g.Now().UnixNano(), true)
			}
		}
	}
	o.mu.Lock()
	list := o.list
	o.list = nil // asking stays: nobody can be asked any more
	o.mu.Unlock()
	for _, r := range list {
		r.end(g.Now().UnixNano(), false)
	}
}

func waits(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// gone says whether the server, which listed its processes after the session's
// end, is done with it. A process is told from a later one with the same number
// by its start; one that took the number before the first question counts as the
// session's.
func (r *remains) gone(there []roll.Process) bool {
	if r.g.Pooled || r.process.PID == 0 {
		return r.goneBehindPooler(there)
	}
	i := slices.IndexFunc(there, func(p roll.Process) bool { return p.PID == r.process.PID })
	if i < 0 || r.seen && there[i].Start != r.process.Start {
		return true
	}
	r.process, r.seen = there[i], true
	return false
}

// goneBehindPooler waits for every process that was at work soon after the end:
// which of them the pooler had for the session only the pooler knows.
func (r *remains) goneBehindPooler(there []roll.Process) bool {
	if time.Since(r.ended) < poolerDelay {
		return false
	}
	works := func(p roll.Process) bool { return !p.Idle }
	if !r.seen {
		r.seen = true
		for _, p := range there {
			if works(p) {
				r.any = append(r.any, p)
			}
		}
		return len(r.any) == 0
	}
	r.any = slices.DeleteFunc(r.any, func(old roll.Process) bool {
		return !slices.ContainsFunc(there, func(p roll.Process) bool {
			return p.PID == old.PID && p.Start == old.Start && works(p)
		})
	})
	return len(r.any) == 0
}
