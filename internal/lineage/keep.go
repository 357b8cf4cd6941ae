package lineage

import (
	"maps"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// keep carries protection over from an earlier catalogue of the same database.
// Names change, rows stay where they are: what a relation's columns held, by
// object and attribute number, they hold under their new names as well, also
// when the relation was detached from its parent.
func (c *Catalog) keep(old *Catalog) {
	for oid, was := range old.Relations {
		r := c.Relations[oid]
		if r == nil || was.Protected == nil {
			continue
		}
		if was.past && r.Protected == nil && r.Place == was.Place {
			continue // its name stayed, and the configuration or a taint says what it is
		}
		if r.Protected == nil {
			p := *was.Protected
			if len(p.From) == 0 {
				p.From = []event.Place{was.Place}
			}
			r.Protected, r.Known = &p, true
			continue
		}
		r.Protected.keep(r, was)
	}
}

// keep adds to p, the protection of r, what was's columns were known to hold.
func (p *Protection) keep(r, was *Relation) {
	if len(p.From) == 0 && r.Place != was.Place {
		p.From = []event.Place{r.Place, was.Place}
	}
	old := was.Protected
	p.Elements, p.Identifiers = maps.Clone(p.Elements), maps.Clone(p.Identifiers)
	for _, a := range r.Columns {
		before, ok := was.attribute(a.Num)
		if ok && before.Version != a.Version && (r.File != was.File || r.Kind == 'p') && a.Num != p.Key && p.Of(a.Num) == 0 {
			p.Elements[a.Num] = element.MaskOf(element.Unclassified) // ALTER … TYPE … USING another column
		}
		if !ok || before.Name == a.Name { // a name that stayed means what the configuration says
			continue
		}
		if m, listed := p.Elements[a.Num]; listed && old.Of(a.Num) != 0 {
			p.Elements[a.Num] = m | old.Of(a.Num)
		}
		delete(p.Identifiers, a.Num)
		if p.Key == a.Num { // another column has the key's name
			p.Key = 0
			if _, listed := p.Elements[a.Num]; !listed {
				p.Elements[a.Num] = old.Of(a.Num) | element.MaskOf(element.Unclassified)
			}
		}
	}
	for num, carried := range old.Carried {
		p.carry(num, carried)
	}
}

// configured says that the configuration names a relation; others are protected
// because of what was written to them.
func (l *loader) configured(r *Relation) bool {
	return slices.ContainsFunc(l.conf.Tables, func(t Table) bool { return t.Schema == r.Schema && t.Name == r.Name })
}

// share adds to what is known of a protected relation what is known of those
// above and below it: they show each other's rows. Only what the configuration
// names with the same key says that a value is of its row's own subject: what
// was written to the others may be anybody's.
func (l *loader) share(r *Relation, configured map[OID]bool) {
	p := r.Protected
	add := func(o *Relation) {
		if !configured[o.OID] {
			return
		}
		same := len(o.Protected.From) == 0 && o.Protected.Source == p.Source && l.configured(o)
		if key, ok := r.attribute(p.Key); ok {
			b, _ := o.named(key.Name)
			same = same && b.Num == o.Protected.Key
		}
		for _, a := range r.All() {
			b, ok := o.named(a.Name)
			if !ok {
				continue
			}
			same := same && (o.Protected.Key == b.Num) == (p.Key == a.Num)
			if m := o.Protected.own(b.Num) &^ p.own(a.Num); m != 0 && same {
				p.Elements[a.Num] = p.own(a.Num) | m
			}
			if m := o.Protected.own(b.Num); m != 0 && !same {
				p.carry(a.Num, Carried{Elements: m, From: l.bounds(o)})
			}
			if c, ok := o.Protected.Carried[b.Num]; ok {
				p.carry(a.Num, c)
			}
		}
		if c, ok := o.Protected.Carried[Presence]; ok {
			p.carry(Presence, c)
		}
	}
	l.kin(r, func(r *Relation) []OID { return r.Parents }, add)
	l.kin(r, func(r *Relation) []OID { return r.Children }, add)
}
