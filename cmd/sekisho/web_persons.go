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
	bases := p.basesOf(c.Databases)
	out := &revproxy.Persons{
		Cookies: c.Cookies, Nobody: c.Nobody, Ours: c.Ours, Mode: webModes[c.Limits.Action],
		Limits:      visit.Limits{Session: c.Limits.Session, Account: c.Limits.Account, Address: c.Limits.Address, Window: time.Duration(c.Limits.Window)},
		Hash:        hashedAs(key, "web"),
		Identifiers: identifiersOf(bases),
		Owners: func(dst []revproxy.Owner, k element.Kind, value []byte) []revproxy.Owner {
			return ownersAt(p, dst, bases, k, value)
		},
	}
	return out, nil
}

// hashedAs is a keyed hash of values for one use.
func hashedAs(key *keyring.Key, use string) func(parts ...[]byte) [16]byte {
	hashers := sync.Pool{New: func() any { return key.Hasher() }}
	return func(parts ...[]byte) (sum [16]byte) {
		h := hashers.Get().(*keyring.Hasher)
		full := h.Sum(append([][]byte{[]byte(use)}, parts...)...)
		hashers.Put(h)
		copy(sum[:], full[:])
		return sum
	}
}

// identifiersOf are the elements that say in databases whose a row is.
func identifiersOf(bases []*base) (mask element.Mask) {
	for _, b := range bases {
		for i := range b.cfg.Protect {
			t := &b.cfg.Protect[i]
			for _, column := range t.Identifiers {
				if k, ok := element.ParseKind(t.Columns[column]); ok {
					mask |= element.MaskOf(k)
				}
			}
		}
	}
	return mask
}

// basesOf are the databases of these names; without names, all.
func (p *process) basesOf(names []string) []*base {
	if len(names) == 0 {
		return p.bases
	}
	var out []*base
	for _, b := range p.bases {
		if slices.Contains(names, b.cfg.Name) {
			out = append(out, b)
		}
	}
	return out
}

// ownersAt appends the subjects to whom an identifier belongs in the tables of
// databases: nobody when several in one table have it, or when it is not certain
// of every table who has it.
func ownersAt[O ~struct {
	Source event.SubjectSource
	Number uint32
}](p *process, dst []O, bases []*base, k element.Kind, value []byte) []O {
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
					dst = append(dst, O{Source: sourceOf(b.cfg, t.Of), Number: n})
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
		if err := p.recordShownAt(ctx, g.rec, webPlace(g.name, s), "site", p.basesOf(s.Persons.Databases)); err != nil {
			return err
		}
	}
	return nil
}

// recordShownAt writes down that whoever is behind a crossing at a place that
// names nobody is among those whom databases hold.
func (p *process) recordShownAt(ctx context.Context, rec event.Recorder, at event.Place, reason string, bases []*base) error {
	body := &event.Taint{Table: at, Reason: reason, Shown: true, Standing: true}
	for _, b := range bases {
		if !slices.Contains(p.past.shown[body.Table], place(b.cfg)) {
			body.From = append(body.From, place(b.cfg))
		}
	}
	body.Elements = element.MaskOf(append(element.Kinds(), element.Unclassified)...)
	if len(body.From) == 0 {
		return nil
	}
	if _, err := rec.Record(ctx, event.Durable, body); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}
