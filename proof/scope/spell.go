package scope

import (
	"cmp"
	"math"
	"slices"
)

// Spell is a time in which a run covered a place, where that is not the whole run:
// the place began or ended while the gate ran. To is math.MaxInt64 until the place
// ends. A spell that ends where it begins, or before, covers nothing.
type Spell struct {
	Place    string
	From, To int64
}

// Changed says that a running gate covers other places from now on: begun from at
// on, ended until then. What ended stays so until it begins again, also when a
// sign of life that was under way still names it. A gate that ends part of a place
// covers none of that place from then on.
func (g *Gates) Changed(source string, at, ce int64, begun, ended []string) *Run {
	r := g.last(source)
	if r == nil || r.Stopped {
		r = g.Started(source, at, ce, math.MaxUint32, nil)
	} else {
		g.live(r, at, ce, nil)
	}
	for _, p := range ended {
		r.finish(p, at)
	}
	for _, p := range begun {
		r.begin(p, at)
	}
	return r
}

func (r *Run) begin(place string, at int64) {
	last := r.spell(place)
	_, named := slices.BinarySearch(r.Places, place)
	r.add([]string{place})
	switch {
	case last == nil && named, last != nil && last.To == math.MaxInt64: // it is covered
	case last == nil:
		r.Spells = append(r.Spells, Spell{place, at, math.MaxInt64})
	default: // a clock that was set back between the two covers nothing of the time that it repeats
		from := max(at, last.To)
		last.To = min(last.To, at)
		r.Spells = append(r.Spells, Spell{place, from, math.MaxInt64})
	}
}

func (r *Run) finish(place string, at int64) {
	for _, p := range r.Places {
		if !Meet(p, place) {
			continue
		}
		switch last := r.spell(p); {
		case last == nil:
			r.Spells = append(r.Spells, Spell{p, r.From, at})
		case last.To == math.MaxInt64:
			last.To = at
		}
	}
	if r.spell(place) == nil { // nobody named it: a late sign of life must not begin it
		r.Spells = append(r.Spells, Spell{place, at, at})
	}
}

// spell returns the last spell of a place in r, nil for none.
func (r *Run) spell(place string) *Spell {
	for i := len(r.Spells) - 1; i >= 0; i-- {
		if r.Spells[i].Place == place {
			return &r.Spells[i]
		}
	}
	return nil
}

// always is the spell of a place that neither began nor ended within the run.
var always = Life{math.MinInt64, math.MaxInt64}

// when returns the times in which r covered one of its own places.
func (r *Run) when(own string) []Life {
	var out []Life
	known := false
	for i := range r.Spells {
		if s := &r.Spells[i]; s.Place == own {
			known = true
			if s.From < s.To {
				out = append(out, Life{s.From, s.To})
			}
		}
	}
	if !known {
		return []Life{always}
	}
	return out
}

// covering returns the times in which r covered a place, in order and apart from
// each other; none when it never did.
func (r *Run) covering(place string) []Life {
	var all []Life
	for _, p := range r.Places {
		if Covers(p, place) {
			all = append(all, r.when(p)...)
		}
	}
	slices.SortFunc(all, func(a, b Life) int { return cmp.Compare(a.From, b.From) })
	out := all[:0]
	for _, l := range all {
		if n := len(out); n > 0 && l.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, l.To)
			continue
		}
		out = append(out, l)
	}
	return out
}

// within returns the first and last moment at which r covered something of places;
// ok is false when it never did. No places stand for all.
func (r *Run) within(places []string) (l Life, ok bool) {
	l = Life{math.MaxInt64, math.MinInt64}
	if len(places) == 0 {
		return always, true
	}
	for _, p := range r.Places {
		if !slices.ContainsFunc(places, func(q string) bool { return Meet(p, q) }) {
			continue
		}
		for _, s := range r.when(p) {
			l, ok = Life{min(l.From, s.From), max(l.To, s.To)}, true
		}
	}
	return l, ok
}

// later moves a moment, but not one that stands for no end.
func later(at, by int64) int64 {
	if at == math.MinInt64 || at == math.MaxInt64 {
		return at
	}
	return at + by
}
