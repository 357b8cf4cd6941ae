package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"sekisho/internal/datamap"
	"sekisho/internal/roll"
)

// leftover is what an earlier run left at work at a server. Its end does not end
// what the server's processes do: they notice when they next read or write, and
// may commit before that, also after the first scan of this run. So whoever was at
// work at the start is followed, and until they are done no identifier of the
// database names anybody. It belongs to one goroutine.
type leftover struct {
	*base
	pooled  bool
	unasked bool // the server has not said yet who is at work
	since   time.Time

	working  []roll.Process
	prepared map[string]bool // transactions, by the server's numbers

	written  func(changed bool) // nil: nothing was held back
	unlocked func()             // nil: no locks of an earlier run are known
}

// settling is how long a start waits for those who are at work. Most are done at
// once, and then nothing need be held back.
var settling = [...]time.Duration{20 * time.Millisecond, 120 * time.Millisecond, 250 * time.Millisecond}

// poolerDelay is how long a pooler may take to give the server what it had of
// clients that are gone.
const poolerDelay = time.Second

// leftoverEvery is the time between two questions.
const leftoverEvery = time.Second

// leftovers asks what an earlier run left at work at the server of b, before
// anything is read there, and holds back what is not sure meanwhile.
func (p *process) leftovers(ctx context.Context, b *base) (*leftover, error) {
	l := &leftover{base: b, pooled: len(poolers(b.cfg)) > 0 && len(p.past.starts) > 0, unasked: true, since: time.Now()}
	kept := p.waiting.served() // they go on with this run
	if err := l.ask(ctx, kept); err != nil && ctx.Err() == nil {
		p.log.Warn("not known what an earlier run left at work", "database", b.cfg.Name, "err", withoutText(err))
	}
	for i := 0; !l.unasked && len(l.working) > 0 && i < len(settling); i++ {
		if err := pause(ctx, settling[i]); err != nil {
			return nil, err
		}
		_ = l.ask(ctx, kept) // it is asked again
	}
	if l.busy() {
		l.written = func(bool) {}
		if over := b.holdings.Writing("", nil); over != nil {
			l.written = over
		}
	}
	return l, nil
}

// busy says that an earlier run may have somebody at work.
func (l *leftover) busy() bool { return l.unasked || len(l.working) > 0 }

// ask asks the server. The first answer says who is at work, later ones who of
// them still is. Sessions of this run's gates are none of an earlier one's, nor are
// those that were kept for them.
func (l *leftover) ask(ctx context.Context, ours func(pid uint32) bool) error {
	defer l.lock()
	there, prepared, err := datamap.Unfinished(ctx, l.dsn, l.control)
	if err != nil {
		return err
	}
	there = slices.DeleteFunc(there, func(q roll.Process) bool { return q.Idle || !l.pooled && ours(q.PID) })
	rest := map[string]bool{}
	for _, id := range prepared {
		if l.busy() || l.prepared[id] { // those at work may have prepared it just now
			rest[id] = true
		}
	}
	l.prepared = rest
	if l.unasked {
		for _, q := range there {
			l.common.Signals(q.PID, began(q))
		}
		l.working, l.unasked = there, l.pooled && time.Since(l.since) < poolerDelay
	} else {
		l.working = slices.DeleteFunc(l.working, func(old roll.Process) bool {
			return !slices.ContainsFunc(there, func(q roll.Process) bool { return q.PID == old.PID && q.Start == old.Start })
		})
	}
	return nil
}

// lock has rows count as locked while those of an earlier run may be.
func (l *leftover) lock() {
	switch held := l.busy() || len(l.prepared) > 0; {
	case held && l.unlocked == nil:
		l.unlocked = l.common.Locked()
	case !held && l.unlocked != nil:
		l.unlocked()
		l.unlocked = nil
	}
}

// began is when a process of the server did, UTC ns: nothing that it read is older.
func began(q roll.Process) int64 {
	s, err := strconv.ParseFloat(q.Start, 64)
	if err != nil || s <= 0 {
		return 1 // at any time
	}
	return int64(s * 1e9)
}

// followLeftovers follows what earlier runs left at work until it is done. Then the
// tables are read again, and their identifiers name people.
func (p *process) followLeftovers(ctx context.Context, l *leftover) error {
	gates := p.carried(l.base)
	ours := func(pid uint32) bool { return gates.Presence(pid) == roll.Serving }
	failing := false
	for l.busy() || len(l.prepared) > 0 {
		every := leftoverEvery
		if !l.busy() {
			every *= 10
		}
		if pause(ctx, every) != nil {
			return nil
		}
		err := l.ask(ctx, ours)
		if err != nil && !failing && ctx.Err() == nil {
			p.log.Warn("not known whether what an earlier run left at work is done", "database", l.cfg.Name, "err", withoutText(err))
		}
		failing = err != nil
		if !l.busy() && l.written != nil {
			l.written(true)
			l.written = nil
			l.holdings.Doubt()
		}
	}
	<-ctx.Done()
	return nil
}
