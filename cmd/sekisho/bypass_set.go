package main

import (
	"context"

	"sekisho/internal/control"
	"sekisho/internal/event"
)

// setBypass opens the direct ways that are asked for after, and shuts them before,
// it is written down: the hole in the record is never shorter than the truth. One
// event says it of all of them, so that a process that ends in the middle has opened
// or shut all or none. An emergency does not wait for a ledger that is broken. The
// caller holds p.bypassing.
func (p *process) setBypass(ctx context.Context, r control.BypassRequest) {
	var gates []*gate
	var webs []*webGate
	for _, g := range p.gates {
		if (r.Gate == "" || r.Gate == g.cfg.Name) && g.bypass.open.Load() != r.Open {
			gates = append(gates, g)
		}
	}
	for _, g := range p.webs {
		if (r.Gate == "" || r.Gate == g.label) && g.server.Unseen() != r.Open {
			webs = append(webs, g)
		}
	}
	if len(gates)+len(webs) == 0 {
		return
	}
	for _, g := range gates {
		if g.bypass.opened.Add(1); !r.Open {
			g.bypass.shut()
		}
	}
	for _, g := range webs {
		if !r.Open {
			g.server.SetUnseen(false)
		}
	}
	if _, err := p.outer.Record(ctx, event.Durable, p.bypassBodies(gates, webs, r)...); err != nil {
		p.log.Error("bypass not recorded; it is carried out all the same", "open", r.Open, "err", err)
	}
	for _, g := range gates {
		if _, err := g.rec.Record(ctx, event.Durable, g.sign()); err != nil { // what is asked until now reaches to here
			p.log.Error("sign of life not recorded", "gate", g.cfg.Name, "err", err)
		}
		g.bypass.open.Store(r.Open)
		g.base.holdings.Doubt() // who rests where may have changed unseen
		p.log.Warn("bypass", "gate", g.cfg.Name, "open", r.Open, "by", r.By)
	}
	for _, g := range webs {
		g.server.SetUnseen(r.Open)
		p.log.Warn("bypass", "gate", g.label, "open", r.Open, "by", r.By)
	}
}

// bypassBodies says which places can be reached unseen from now on, or no longer. A
// database to which another gate's direct way is open stays one of the first.
func (p *process) bypassBodies(gates []*gate, webs []*webGate, r control.BypassRequest) (bodies []event.Body) {
	said := map[event.Place]bool{} // whether it is open
	var open, shut []event.Place
	say := func(at event.Place, is bool) {
		if _, known := said[at]; known {
			return
		}
		if said[at] = is; is {
			open = append(open, at)
		} else {
			shut = append(shut, at)
		}
	}
	for _, g := range gates {
		is := r.Open
		for _, other := range p.gates {
			is = is || other.base == g.base && other.bypass.open.Load()
		}
		say(place(g.base.cfg), is)
	}
	for _, g := range webs {
		for _, at := range g.places() {
			say(at, r.Open)
		}
	}
	if len(shut) > 0 {
		bodies = append(bodies, &event.Bypass{Places: shut, By: r.By, Reason: r.Reason})
	}
	if len(open) > 0 {
		bodies = append(bodies, &event.Bypass{Places: open, Open: true, By: r.By, Reason: r.Reason})
	}
	return bodies
}
