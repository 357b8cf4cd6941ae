package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/config"
	"sekisho/internal/datamap/risk"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// chart folds the ledger to what rests where, for `map show` and `map risk`.
type chart struct {
	now      time.Time
	gated    []event.Place // databases with a gate before them
	places   map[event.Place]*charted
	drifts   map[event.Place]*event.Drift
	sessions map[sessionKey]string // user and address, of those that are open
	// bare are the places that were without a gate lately, and until when.
	bare map[event.Place]time.Time
}

// charted is one place.
type charted struct {
	sources     map[event.SubjectSource]*resting
	first, last time.Time
	gone        time.Time // zero: something rests there
	like        event.Place
	copied      *event.Copied
	unread      bool
	story       placeStory
	readers     map[string]time.Time // lately, and when last
}

// resting are the subjects of one source at a place.
type resting struct {
	scan             uint64
	parts, seen      uint32
	unknown          uint64       // records of nobody known
	written          uint64       // those that gates saw written since
	mask, nextMask   element.Mask // of the scan, also when nobody was found
	by, next         map[element.Kind]*roaring.Bitmap
	whole, nextWhole *roaring.Bitmap
	since            []written // for the next scan, which may have begun before
}

// lately is how far back a time without a gate, and readers, count.
const lately = 30 * 24 * time.Hour

// manyReaders is how many users or addresses make a place one that many read.
const manyReaders = 10

func newChart(l *config.Loaded, now time.Time) *chart {
	c := &chart{now: now, places: map[event.Place]*charted{}, drifts: map[event.Place]*event.Drift{}, sessions: map[sessionKey]string{}, bare: map[event.Place]time.Time{}}
	for i := range l.Gates {
		for d := range l.Databases {
			if l.Databases[d].Name == l.Gates[i].Database {
				c.gated = append(c.gated, place(&l.Databases[d]))
			}
		}
	}
	return c
}

func (c *chart) at(p event.Place) *charted {
	x := c.places[p]
	if x == nil {
		x = &charted{sources: map[event.SubjectSource]*resting{}, readers: map[string]time.Time{}}
		c.places[p] = x
	}
	return x
}

func (c *chart) see(e *event.Event) error {
	switch b := e.Body.(type) {
	case *event.SessionOpen:
		c.sessions[sessionKey{e.Source, b.Session}] = b.User + " " + b.Address
	case *event.SessionClose:
		delete(c.sessions, sessionKey{e.Source, b.Session})
	case *event.HoldingScan:
		c.at(b.Table).holding(b)
	case *event.HoldingChange:
		c.at(b.Table).changed(e, b)
	case *event.Crossing:
		if e.At.After(c.now.Add(-lately)) {
			for i := range b.Parts {
				c.at(b.Parts[i].Table).readers[c.sessions[sessionKey{e.Source, b.Session}]] = e.At
			}
		}
	case *event.Coverage:
		for _, p := range b.Places {
			if to := time.Unix(0, b.To); to.After(c.bare[p]) {
				c.bare[p] = to
			}
		}
	case *event.Object:
		c.object(b)
	case *event.Copied:
		x := c.at(b.Place)
		x.copied = b
		x.story.copied(b)
	case *event.Drift:
		c.drifts[b.Database] = b
	case *event.Finding:
		if b.Code == placeUnread {
			x := c.at(b.Place)
			x.unread = true
			x.story.add(moment{at: e.At, what: "unread"})
		}
	}
	return nil
}

func (c *chart) object(b *event.Object) {
	x := c.at(b.Place)
	x.story.object(b)
	if x.like = b.Like; b.Was != "" {
		x.like = ""
	}
	if b.Gone {
		x.unread = false
	}
}

func (x *charted) holding(b *event.HoldingScan) {
	r := x.sources[b.Source]
	if r == nil {
		r = &resting{}
		x.sources[b.Source] = r
	}
	if r.next == nil || r.scan != b.Scan {
		r.scan, r.parts, r.seen = b.Scan, b.Parts, 0
		r.next, r.nextWhole, r.nextMask = map[element.Kind]*roaring.Bitmap{}, roaring.New(), 0
	}
	r.seen++
	r.nextMask |= b.Elements
	enter(r.nextWhole, b.Subjects)
	for _, k := range b.Elements.Kinds() {
		if r.next[k] == nil {
			r.next[k] = roaring.New()
		}
		enter(r.next[k], b.Subjects)
	}
	if r.seen < r.parts {
		x.found(r, b)
		return
	}
	r.by, r.whole, r.next, r.nextWhole = r.next, r.nextWhole, nil, nil
	r.unknown, r.written, r.mask = b.Unknown, 0, r.nextMask
	r.beside(b.From)
	from, to := time.Unix(0, b.From).UTC(), time.Unix(0, b.To).UTC()
	x.story.counted(x, to)
	if x.holds() {
		if x.first.IsZero() {
			x.first = from
		}
		x.last, x.gone = to, time.Time{}
	} else if !x.first.IsZero() && x.gone.IsZero() {
		x.gone = to
	}
}

// found enters a part of a scan whose last part may never come: that of a file that was
// read in part adds to what is known of it.
func (x *charted) found(r *resting, b *event.HoldingScan) {
	if r.whole == nil {
		r.by, r.whole = map[element.Kind]*roaring.Bitmap{}, roaring.New()
	}
	r.unknown, r.mask = max(r.unknown, b.Unknown), r.mask|b.Elements
	enter(r.whole, b.Subjects)
	for _, k := range b.Elements.Kinds() {
		if r.by[k] == nil {
			r.by[k] = roaring.New()
		}
		enter(r.by[k], b.Subjects)
	}
	if x.holds() {
		if x.first.IsZero() {
			x.first = time.Unix(0, b.From).UTC()
		}
		x.last, x.gone = time.Unix(0, b.To).UTC(), time.Time{}
	}
}

func enter(to *roaring.Bitmap, set event.Set) {
	for _, r := range set {
		to.AddRange(uint64(r.First), uint64(r.Last)+1)
	}
}

// changed enters what somebody saw written since the last scan. Which elements it has
// only the next scan tells: it counts with all of the place, and records whose person
// was not told as records of nobody known. What is gone only a scan shows.
func (x *charted) changed(e *event.Event, b *event.HoldingChange) {
	fresh := b.Op != "update" // whom a changed row was of rested there before
	if b.Op == "delete" || b.Op == "truncate" || b.Op == "lock" || len(b.Subjects) == 0 && (b.Unknown == 0 || !fresh) {
		return
	}
	r := x.sources[b.Source]
	if r == nil {
		r = &resting{}
		x.sources[b.Source] = r
	}
	if r.whole == nil {
		r.by, r.whole = map[element.Kind]*roaring.Bitmap{}, roaring.New()
	}
	if r.mask == 0 {
		r.mask = element.MaskOf(element.Unclassified)
	}
	enter(r.whole, b.Subjects)
	for _, k := range r.mask.Kinds() {
		if r.by[k] == nil {
			r.by[k] = roaring.New()
		}
		enter(r.by[k], b.Subjects)
	}
	gate := strings.HasPrefix(string(e.Source), "gate/")
	if gate { // a reader's own readings follow each other
		r.keep(e, b, fresh)
	}
	switch {
	case !fresh:
	case !gate: // a reader says how many there are
		r.unknown = max(r.unknown, b.Unknown)
	case b.Session == 0: // a gate says again what a long transaction wrote
		r.written = max(r.written, b.Unknown)
	default:
		r.written += b.Unknown
	}
	if x.first.IsZero() {
		x.first = e.At
	}
	if e.At.After(x.last) {
		x.last = e.At
	}
	x.gone = time.Time{}
}

// nobody are the records of nobody known.
func (r *resting) nobody() uint64 { return r.unknown + r.written }

func (x *charted) holds() bool {
	for _, r := range x.sources {
		if r.whole != nil && (!r.whole.IsEmpty() || r.nobody() > 0) {
			return true
		}
	}
	return false
}

// subjects are those of all sources, records of nobody known among them.
func (x *charted) subjects() (n uint64) {
	for _, r := range x.sources {
		if r.whole != nil {
			n += r.whole.GetCardinality() + r.nobody()
		}
	}
	return n
}

// counts are the subjects by element. A record that nobody can be told of counts with
// all elements of its place.
func (x *charted) counts() map[element.Kind]uint64 {
	out := map[element.Kind]uint64{}
	for _, r := range x.sources {
		for k, b := range r.by {
			out[k] += b.GetCardinality()
		}
		if n := r.nobody(); n > 0 {
			for _, k := range r.mask.Kinds() {
				out[k] += n
			}
		}
	}
	maps.DeleteFunc(out, func(_ element.Kind, n uint64) bool { return n == 0 })
	return out
}

func (x *charted) elements() (m element.Mask) {
	for k := range x.counts() {
		m |= element.MaskOf(k)
	}
	return m
}

// sorted are the places at which something rests or rested, in order.
func (c *chart) sorted() (all []event.Place) {
	for p, x := range c.places {
		if !x.first.IsZero() {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// ranking is the list of important information.
func (c *chart) ranking() []risk.Ranked {
	var list []risk.Place
	old := func(at time.Time) bool { return !at.After(c.now.Add(-lately)) }
	maps.DeleteFunc(c.bare, func(_ event.Place, to time.Time) bool { return old(to) })
	for _, p := range c.sorted() {
		x := c.places[p]
		if !x.gone.IsZero() {
			continue
		}
		maps.DeleteFunc(x.readers, func(_ string, at time.Time) bool { return old(at) })
		covered := func(q event.Place) bool { return scope.Covers(string(q), string(p)) }
		t := risk.Traits{Open: !slices.ContainsFunc(c.gated, covered), Old: c.now.Sub(x.first) > 365*24*time.Hour, Copy: x.like != "" || c.copyOf(p) != nil, Unread: x.unread,
			Readers: len(x.readers) >= manyReaders, Unclassified: x.elements().Has(element.Unclassified), Drifted: c.drifted(p)}
		for q := range c.bare {
			t.Uncovered = t.Uncovered || !t.Open && covered(q)
		}
		if t.Open {
			t.Named(string(p))
		}
		list = append(list, risk.Place{Name: string(p), Subjects: x.subjects(), Counts: x.counts(), Traits: t})
	}
	return risk.List(list)
}

// copyOf returns what a place was made from, or a directory around it, such as a base
// backup.
func (c *chart) copyOf(p event.Place) *event.Copied {
	for {
		if x := c.places[p]; x != nil && x.copied != nil {
			return x.copied
		}
		i := strings.LastIndexByte(string(p), '/')
		if i < 0 {
			return nil
		}
		p = p[:i]
	}
}

// drifted reports whether a place is not as the configuration says.
func (c *chart) drifted(p event.Place) bool {
	for db, d := range c.drifts {
		for _, i := range d.Items {
			if p == db+"/"+event.Place(i.Table) {
				return true
			}
		}
	}
	return false
}
