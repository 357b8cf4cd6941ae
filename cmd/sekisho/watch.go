package main

import (
	"context"
	"net/netip"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/roll"
)

// carried is what all gates of a database carried to its server, the direct
// way included. It implements datamap.Gate.
type carried struct {
	gates    []*gate
	database string // on the server
}

var _ datamap.Gate = (*carried)(nil)

func (p *process) carried(b *base) *carried {
	c := &carried{database: b.cfg.Database}
	for _, g := range p.gates {
		if g.base == b {
			c.gates = append(c.gates, g)
		}
	}
	return c
}

// Sessions implements datamap.Gate.
func (c *carried) Sessions() (n roll.Count) {
	for _, g := range c.gates {
		n = n.Add(g.server.Carried()).Add(g.bypass.roll.Count())
	}
	return n
}

// Presence implements datamap.Gate.
func (c *carried) Presence(pid uint32) (p roll.Presence) {
	for _, g := range c.gates {
		p = max(p, g.server.Presence(pid), g.bypass.roll.Presence(pid))
	}
	return p
}

// Changes implements datamap.Gate. What goes the direct way while one is open
// nobody counts.
func (c *carried) Changes(table event.Place) (sum datamap.Changes) {
	for _, g := range c.gates {
		unseen := g.bypass.carriesUnseen() // first: a way that was shut meanwhile still counts
		rows, unclear, inFlight := g.server.Changes(c.database, table)
		sum.Rows += rows
		sum.Unclear += unclear + g.bypass.opened.Load()
		sum.InFlight += inFlight
		if unseen {
			sum.InFlight++
		}
	}
	return sum
}

// DDL implements datamap.Gate.
func (c *carried) DDL() uint64 {
	var n uint64
	for _, g := range c.gates {
		n += g.server.DDL(c.database) + g.bypass.unseenDDL()
	}
	return n
}

// watch compares what a database's server counts with what its gates carried.
type watch struct {
	*datamap.Watch
	database string // as configured
}

// firstLook is how long clients wait for a first look at most.
const firstLook = 5 * time.Second

// firstLooks makes the watches of all databases, and has each look before a
// client is served: what it reckons from is certain then.
func (p *process) firstLooks(ctx context.Context) (all []watch, err error) {
	for _, b := range p.bases {
		c := p.carried(b)
		if len(c.gates) == 0 {
			continue
		}
		w, err := datamap.NewWatch(datamap.WatchConfig{
			Place: place(b.cfg), DSN: b.dsn, Control: b.control, Gate: c, Recorder: b.rec,
			Tables: b.holdings.Tables, Every: time.Duration(b.cfg.Scan.Watch), Poolers: poolers(b.cfg), Now: p.now,
			OnUncovered: b.holdings.Doubt, OnCatalogue: c.forget,
		})
		if err != nil {
			return nil, fault.New(fault.DatabaseConnect, "database", b.cfg.Name).Because(err)
		}
		look, stop := context.WithTimeout(ctx, firstLook)
		if err := w.Look(look); err != nil {
			p.log.Warn("first look at a server failed: its watch tries again", "database", b.cfg.Name, "err", withoutText(err))
			w.Close(ctx)
		}
		stop()
		all = append(all, watch{w, b.cfg.Name})
	}
	return all, nil
}

// forget has analyses made anew, at once: what the watch is about to record as
// uncovered ends after that. Each analysis reads the catalogue again when it
// differs from the one in use.
func (c *carried) forget() {
	for _, g := range c.gates {
		g.server.SchemaChanged(c.database)
	}
}

// poolers are the addresses between gate and server: upstream, when the
// control account goes another way.
func poolers(d *config.Database) []netip.Addr {
	if d.Control.Address == d.Upstream {
		return nil
	}
	a, err := netip.ParseAddrPort(d.Upstream)
	if err != nil {
		return nil
	}
	return []netip.Addr{a.Addr().Unmap()}
}

// followCatalogue finds changes of the schema that did not pass the gate.
func (p *process) followCatalogue(ctx context.Context, g *gate) error {
	tick := time.NewTicker(catalogueEvery)
	defer tick.Stop()
	seen := map[event.Place]bool{}
	digest := p.catalogueDigest(ctx, g)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed, err := g.base.lineage.Refresh(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.Warn("catalogue not compared", "database", g.base.cfg.Name, "err", err)
		}
		// An analysis may have found the change first: then the reader's catalogue
		// is new already, and the gate still keeps the plans of the old one.
		now := p.catalogueDigest(ctx, g)
		if changed || now != digest {
			digest = now
			g.server.SchemaChanged(g.base.cfg.Database)
		}
		if seen, err = p.followDerived(ctx, g.base, seen); err != nil && ctx.Err() == nil {
			p.log.Warn("a materialised view is not part of the holdings yet", "database", g.base.cfg.Name, "err", err)
		}
		if err := g.base.remember(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("what is known of relations not recorded", "database", g.base.cfg.Name, "err", err)
		}
	}
}

// catalogueDigest is that of the catalogue which analyses are made with; "" when
// it cannot be read.
func (p *process) catalogueDigest(ctx context.Context, g *gate) string {
	cat, err := g.base.lineage.Catalog(ctx)
	if err != nil {
		return ""
	}
	return cat.Digest
}

// followDerived adds the materialised views that the last look showed too, and
// returns what this one shows. The map scans them in its own time.
func (p *process) followDerived(ctx context.Context, b *base, seen map[event.Place]bool) (now map[event.Place]bool, err error) {
	if _, err := p.holdDerived(ctx, b, seen); err != nil {
		return seen, err
	}
	cat, err := b.lineage.Catalog(ctx)
	if err != nil {
		return seen, err
	}
	now = map[event.Place]bool{}
	for _, d := range cat.Derived() {
		now[d.Place] = true
	}
	return now, nil
}

// catalogueEvery is the time between two comparisons of the catalogue.
const catalogueEvery = time.Second
