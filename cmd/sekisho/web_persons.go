package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/keyring"
	"sekisho/internal/policy/visit"
	"sekisho/internal/subject"
)

// personsOf is how the responses of a site are attributed, nil for not at all.
func (p *process) personsOf(c *config.Persons) (*revproxy.Persons, error) {
	if c == nil {
		return nil, nil
	}
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return nil, keysFault(p.cfg.Keys, p.file, err)
	}
	hashers := sync.Pool{New: func() any { return key.Hasher() }}
	bases := p.shownBases(c)
	out := &revproxy.Persons{
		Cookies: c.Cookies, Nobody: c.Nobody, Ours: c.Ours, Mode: webModes[c.Limits.Action],
		Limits: visit.Limits{Session: c.Limits.Session, Account: c.Limits.Account, Address: c.Limits.Address, Window: time.Duration(c.Limits.Window)},
		Hash: func(parts ...[]byte) (sum [16]byte) {
			h := hashers.Get().(*keyring.Hasher)
			full := h.Sum(append([][]byte{[]byte("web")}, parts...)...)
			hashers.Put(h)
			copy(sum[:], full[:])
			return sum
		},
		Owners: func(dst []revproxy.Owner, k element.Kind, value []byte) []revproxy.Owner {
			return p.ownersAt(dst, bases, k, value)
		},
	}
	for _, b := range bases {
		for i := range b.cfg.Protect {
			t := &b.cfg.Protect[i]
			for _, column := range t.Identifiers {
				if k, ok := element.ParseKind(t.Columns[column]); ok {
					out.Identifiers |= element.MaskOf(k)
				}
			}
		}
	}
	return out, nil
}

// shownBases are the databases whose data a site shows.
func (p *process) shownBases(c *config.Persons) []*base {
	if len(c.Databases) == 0 {
		return p.bases
	}
	var out []*base
	for _, b := range p.bases {
		if slices.Contains(c.Databases, b.cfg.Name) {
			out = append(out, b)
		}
	}
	return out
}

// ownersAt appends the subjects to whom an identifier belongs in the tables of
// databases: nobody when several in one table have it, or when it is not certain
// of every table who has it.
func (p *process) ownersAt(dst []revproxy.Owner, bases []*base, k element.Kind, value []byte) []revproxy.Owner {
	for _, b := range bases {
		open := p.bypassOpen(b)
		for i := range b.cfg.Protect {
			t := &b.cfg.Protect[i]
			for _, column := range t.Identifiers {
				if kind, _ := element.ParseKind(t.Columns[column]); kind != k {
					continue
				}
				space := subject.Space{Table: placeOf(b.cfg, t.Table), Element: k}
				n, owner := b.identifiers.Lookup(space, value)
				switch {
				case owner == subject.Several || open || !b.identifiers.Complete(space):
					return dst[:0]
				case owner == subject.One:
					dst = append(dst, revproxy.Owner{Source: sourceOf(b.cfg, t.Of), Number: n})
				}
			}
		}
	}
	return dst
}

// recordShown writes down which databases each site shows: whoever is behind a
// crossing that names nobody is among those whom they hold.
func (p *process) recordShown(ctx context.Context, g *webGate, sites []config.Site) error {
	for i := range sites {
		s := &sites[i]
		if s.Persons == nil {
			continue
		}
		body := &event.Taint{Table: webPlace(g.cfg.Name, s), Reason: "site", Shown: true, Standing: true}
		for _, b := range p.shownBases(s.Persons) {
			if !slices.Contains(p.past.shown[body.Table], place(b.cfg)) {
				body.From = append(body.From, place(b.cfg))
			}
		}
		body.Elements = element.MaskOf(append(element.Kinds(), element.Unclassified)...)
		if len(body.From) == 0 {
			continue
		}
		if _, err := g.rec.Record(ctx, event.Durable, body); err != nil {
			return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
		}
	}
	return nil
}
