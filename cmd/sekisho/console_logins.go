package main

import (
	"cmp"
	"slices"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
)

// beginnings are when addresses were first seen to log in, of the whole ledger:
// an attack may have begun before everything that is kept in memory.
type beginnings struct {
	mu      sync.Mutex // guards what follows
	reading bool
	next    event.Index // all before it was read
	first   map[loginKey]time.Time
	full    bool // there were more than maxBeginnings
}

// maxBeginnings bounds the addresses that are remembered.
const maxBeginnings = 200_000

// logins are the newest attempts by address. Until the ledger was read, behind the
// page's back, First is not known of those who may have begun earlier.
func (c *console) logins() (since time.Time, out []consoleoffice.LoginSource) {
	since, from, out := c.recent.logins()
	if len(out) == 0 {
		return since, out
	}
	b := &c.begun
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.reading && b.next < c.ledger.Head() {
		b.reading = true
		next := b.next
		c.wait.Go(func() { c.readBeginnings(next) })
	}
	for i := range out {
		at, found := b.first[loginKey{event.Place(out[i].Place), out[i].Address}]
		switch {
		case b.next < from || !found && b.full:
			out[i].First = time.Time{}
		case found && at.Before(out[i].First):
			out[i].First = at
		}
	}
	return since, out
}

// readBeginnings reads the ledger from an event on.
func (c *console) readBeginnings(next event.Index) {
	calm()
	ctx, cancel := c.whileOpen()
	defer cancel()
	b := &c.begun
	err := c.ledger.Scan(ctx, next, func(index event.Index, line []byte) error {
		next = index + 1
		h, err := event.ParseHeader(line)
		if err != nil || h.Kind != event.KindSiteLogin {
			return err
		}
		e, err := event.Parse(line)
		if err == nil {
			b.note(e.At, e.Body.(*event.SiteLogin))
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.log.Error("attempts to log in cannot be read", "err", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if err == nil {
		b.next = next // else it is read again: what was noted stays true
	}
}

func (b *beginnings) note(at time.Time, l *event.SiteLogin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first == nil {
		b.first = map[loginKey]time.Time{}
	}
	key := loginKey{l.Place, l.Address}
	known, found := b.first[key]
	switch {
	case !found && len(b.first) >= maxBeginnings:
		b.full = true
	case !found || at.Before(known):
		b.first[key] = at
	}
}

// logins counts the attempts to log in by address, the most accounts first, from
// an event on.
func (r *recent) logins() (since time.Time, from event.Index, out []consoleoffice.LoginSource) {
	all := map[loginKey]*loginSource{}
	since, from = r.newest(maxAttempts, func(e *event.Event) bool {
		addLogin(all, e.At, e.Body.(*event.SiteLogin))
		return true
	}, event.KindSiteLogin)
	for _, s := range all {
		row := consoleoffice.LoginSource{Place: string(s.Place), Address: s.Address, First: s.First, Last: s.Last, Failed: s.Failed, Accounts: len(s.failed), Entered: len(s.Entered)}
		// The earliest are shown: whose data they got is asked from there on.
		slices.SortFunc(s.Entered, func(a, b consoleoffice.LoginEntered) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Account, b.Account))
		})
		for _, e := range s.Entered {
			if e.Leaked {
				row.Known++
			}
			if len(row.Into) < consoleoffice.MostEntered {
				into := consoleoffice.Entered{At: e.At, Account: e.Account, Known: e.Leaked}
				if e.Subject != nil {
					into.Source, into.Subject = string(e.Source), *e.Subject
				}
				row.Into = append(row.Into, into)
			}
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b consoleoffice.LoginSource) int {
		return cmp.Or(b.Accounts-a.Accounts, b.Failed-a.Failed, cmp.Compare(a.Address, b.Address), cmp.Compare(a.Place, b.Place))
	})
	return since, from, out[:min(len(out), loginsShown)]
}
