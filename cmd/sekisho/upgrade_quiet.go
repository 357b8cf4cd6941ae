package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/pgproxy"
)

// An upgrade that is not to end anything begins at a moment at which there is nothing that
// it would end. Such a moment is looked for twice: first while everything goes on, for
// what has been under way for long; then, for a short time, with gates at which nothing
// begins. When one is found, the gates stay so until they have ended, and what clients
// say meanwhile waits for the next program: so nothing can come up any more. Else
// everything goes on (docs/decisions/console.md).

const (
	// longUnderWay is how long a session must be in the middle of the same thing for the
	// gates to go on as they are.
	longUnderWay = 300 * time.Millisecond
	// quietPatience is how long they let nothing begin, at most.
	quietPatience = 3 * time.Second
	// quietAgain is how long they are not asked to again when that was in vain, unless
	// nothing is under way.
	quietAgain = 15 * time.Second
	// quietLook is the time between two looks.
	quietLook = 20 * time.Millisecond
	// answerPatience bounds how long the connections of a gate may take to say how they
	// stand: those that do not answer would end.
	answerPatience = 5 * time.Second
)

// What would end, as faults say it.
const (
	endsStatements = "statements that write, or of which nobody knows what they do"
	endsTLS        = "sessions over TLS with which no other program can go on"
	endsSessions   = "sessions, which the version that is installed does not take up"
	endsDirect     = "connections on the direct way"
	endsRequests   = "requests, or responses that are not over yet"
	endsSockets    = "WebSockets with which no other program can go on"
	endsTunnels    = "tunnels with which no other program can go on"
)

// ending is what would end at a gate.
type ending struct {
	gate, what string
	count      int
}

// endings are all of them.
type endings []ending

func (e *endings) add(gate, what string, count int) {
	if count > 0 {
		*e = append(*e, ending{gate, what, count})
	}
}

// busy is the fault; nil: nothing would end.
func (e endings) busy() error {
	var all []error
	for _, one := range e {
		all = append(all, fault.New(fault.UpgradeBusy, "count", one.count, "gate", one.gate, "problem", one.what))
	}
	return errors.Join(all...)
}

// heldSessions are those of each gate of a database that would end.
type heldSessions []map[event.Session]pgproxy.Held

func (p *process) heldSessions(ctx context.Context) heldSessions {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	out := make(heldSessions, len(p.gates))
	for i, g := range p.gates {
		out[i] = g.server.Held(ctx)
	}
	return out
}

// since leaves those that were held before in the same way.
func (h heldSessions) since(before heldSessions) heldSessions {
	out := make(heldSessions, len(h))
	for i := range h {
		out[i] = map[event.Session]pgproxy.Held{}
		for id, at := range h[i] {
			if was, ok := before[i][id]; ok && was == at {
				out[i][id] = at
			}
		}
	}
	return out
}

// lasting says what would end, held sessions and what does not pass by itself; next goes
// on with the rest.
func (p *process) lasting(held heldSessions, next nextProgram) (all endings) {
	for _, g := range p.webs {
		all.add(g.label, endsSockets, g.server.Held(next.keeps).Sockets)
	}
	for _, g := range p.exits {
		all.add(g.cfg.Name, endsTunnels, g.server.Held(next.keeps).Tunnels)
	}
	return append(all, p.sessionsEnd(held, next)...)
}

// requestsEnd says which requests of web gates would end.
func (p *process) requestsEnd() (all endings) {
	for _, g := range p.webs {
		all.add(g.label, endsRequests, g.server.Held(true).Requests)
	}
	return all
}

// oldRequests says which requests would end that were under way already when the gates
// last were quiet in vain: for them nobody is kept waiting again.
func (p *process) oldRequests() (all endings) {
	for _, g := range p.webs {
		all.add(g.label, endsRequests, g.server.Held(true).Old)
	}
	for _, g := range p.exits {
		all.add(g.cfg.Name, endsRequests, g.server.Held(true).Old)
	}
	return all
}

// leavingEnd says which requests to elsewhere would end.
func (p *process) leavingEnd() (all endings) {
	for _, g := range p.exits {
		all.add(g.cfg.Name, endsRequests, g.server.Held(true).Requests)
	}
	return all
}

// sessionsEnd says which sessions of databases would end if they are held.
func (p *process) sessionsEnd(held heldSessions, next nextProgram) (all endings) {
	for i, g := range p.gates {
		all.add(g.cfg.Name, endsDirect, g.bypass.count())
		if !next.keeps {
			all.add(g.cfg.Name, endsSessions, len(g.server.Sessions()))
			continue
		}
		secret := 0
		for _, h := range held[i] {
			if h.TLS {
				secret++
			}
		}
		all.add(g.cfg.Name, endsStatements, len(held[i])-secret)
		all.add(g.cfg.Name, endsTLS, secret)
	}
	return all
}

// setQuiet says to the gates of databases what may begin.
func (p *process) setQuiet(q pgproxy.Quiet) {
	for _, g := range p.gates {
		g.server.SetQuiet(q)
	}
}

// setQuietWeb has the web gates be quiet, or speak again.
func (p *process) setQuietWeb(on bool) {
	for _, g := range p.webs {
		g.server.SetQuiet(on)
	}
}

// setQuietExits does the same to the gates for what leaves.
func (p *process) setQuietExits(on bool) {
	for _, g := range p.exits {
		g.server.SetQuiet(on)
	}
}

// speak has all gates go on.
func (p *process) speak() {
	p.setQuiet(pgproxy.Open)
	p.setQuietExits(false)
	p.setQuietWeb(false)
}

// awaitQuiet returns when the gates are closed to whatever could begin, and nothing is
// under way that an upgrade would end. After an error all goes on as before.
func (p *process) awaitQuiet(ctx context.Context, next nextProgram) (err error) {
	before := p.heldSessions(ctx)
	if err := pause(ctx, longUnderWay); err != nil {
		return err
	}
	held := p.heldSessions(ctx)
	if err := append(p.oldRequests(), p.lasting(held.since(before), next)...).busy(); err != nil {
		return err
	}
	if err := slices.Concat(p.requestsEnd(), p.leavingEnd(), p.lasting(held, next)).busy(); err != nil && time.Now().Before(p.quietNext) {
		return err
	}
	defer func() {
		if err != nil {
			p.speak()
			p.quietNext = time.Now().Add(quietAgain)
		}
	}()
	for until := time.Now().Add(quietPatience); ; {
		if err := p.quieten(ctx, next); err == nil || time.Now().After(until) {
			return err
		}
		if err := pause(ctx, quietLook); err != nil {
			return err
		}
	}
}

// quieten closes the gates as far as it can now, and reports what is left: first those of
// the web, because requests under way ask databases and what is elsewhere; and a
// transaction comes to its end before it may begin nothing either, because others may wait
// for it.
func (p *process) quieten(ctx context.Context, next nextProgram) error {
	p.setQuietWeb(true)
	if err := p.requestsEnd().busy(); err != nil {
		p.setQuietExits(false)
		p.setQuiet(pgproxy.Open)
		return err
	}
	p.setQuietExits(true)
	if err := p.leavingEnd().busy(); err != nil {
		p.setQuiet(pgproxy.Open)
		return err
	}
	p.setQuiet(pgproxy.Closing)
	if err := p.lasting(p.heldSessions(ctx), next).busy(); err != nil {
		return err
	}
	p.setQuiet(pgproxy.Closed)
	left := p.lasting(p.heldSessions(ctx), next)
	if err := slices.Concat(left, p.requestsEnd(), p.leavingEnd()).busy(); err != nil {
		p.setQuiet(pgproxy.Closing)
		return err
	}
	return nil
}
