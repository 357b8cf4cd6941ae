package filehold

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

const (
	// maxGroups bounds the element sets that are kept apart in one file; subjects
	// beyond them count with all elements of the file, which widens.
	maxGroups = 64
	// maxSetText keeps an event below event.MaxLine with its envelope and names.
	maxSetText = event.MaxLine - 8<<10
	batch      = 8192
)

// bodies returns the events of a file that was read: a scan a source, empty ones
// for sources that are not in it any more.
//
// What was not read may hold what it held before: without access, or when nothing of it
// could be read, what was recorded stays as it is. Of what was read in part no source
// ends, and who was there before goes on resting there: its scans are without their last
// part, which adds what they found and takes nobody's place.
func (t *Tree) bodies(ctx context.Context, place event.Place, s *state, c *content, from time.Time, out *Result) ([]event.Body, error) {
	missed := unreadable(c.troubles)
	if len(s.sources) > 0 && len(missed) > 0 && (slices.ContainsFunc(missed, noAccess) || len(c.rows) == 0) {
		return nil, nil
	}
	groups := map[event.SubjectSource]map[element.Mask]*roaring.Bitmap{}
	add := func(o Subject, mask element.Mask) {
		g := groups[o.Source]
		if g == nil {
			g = map[element.Mask]*roaring.Bitmap{}
			groups[o.Source] = g
		}
		if g[mask] == nil && len(g) >= maxGroups {
			mask = personal
		}
		if g[mask] == nil {
			g[mask] = roaring.New()
		}
		g[mask].Add(o.Number)
		out.Subjects++
	}
	for o, mask := range c.known {
		add(o, mask)
	}
	if err := t.unknown(ctx, c, add); err != nil {
		return nil, err
	}
	if c.lost > 0 && groups[t.cfg.Unknown] == nil {
		groups[t.cfg.Unknown] = map[element.Mask]*roaring.Bitmap{}
	}
	sum, err := digest(groups, c.lost, len(missed) > 0)
	if err != nil {
		return nil, err
	}
	if sum == s.sum {
		return nil, nil
	}
	s.sum = sum
	to := t.cfg.Now()
	var all []event.Body
	now := map[event.SubjectSource]bool{}
	for _, source := range slices.Sorted(maps.Keys(groups)) {
		now[source] = true
		h := event.HoldingScan{Scan: t.nextID(from), Table: place, Source: source, From: from.UnixNano(), To: to.UnixNano(), Rows: c.rows[source]}
		if source == t.cfg.Unknown {
			h.Unknown = c.lost
		}
		part := len(missed) > 0 && s.sources[source]
		all = append(all, parts(h, groups[source], part)...)
		if part && h.Unknown > 0 { // which only a whole scan counts
			all = append(all, &event.HoldingChange{Table: place, Source: source, Op: "unknown", Rows: h.Unknown, Unknown: h.Unknown})
		}
	}
	for _, source := range slices.Sorted(maps.Keys(s.sources)) {
		if len(missed) > 0 {
			now[source] = true
		} else if !now[source] {
			all = append(all, t.empty(place, source, to))
		}
	}
	s.sources = now
	return all, nil
}

// noAccess reports whether x says that something could not be looked at: it may be as it
// was.
func noAccess(x document.Trouble) bool {
	return x == document.Denied || x == document.Locked || x == document.Failed
}

// digest tells whether a file holds what it held when it was read last.
func digest(groups map[event.SubjectSource]map[element.Mask]*roaring.Bitmap, lost uint64, part bool) (sum [32]byte, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %t\n", lost, part)
	for _, source := range slices.Sorted(maps.Keys(groups)) {
		for _, mask := range slices.Sorted(maps.Keys(groups[source])) {
			fmt.Fprintf(h, "%q %d\n", source, mask)
			if _, err := groups[source][mask].WriteTo(h); err != nil {
				return sum, err
			}
		}
	}
	h.Sum(sum[:0])
	return sum, nil
}

// unknown gives the unknown subjects of a file their numbers.
func (t *Tree) unknown(ctx context.Context, c *content, add func(Subject, element.Mask)) error {
	keys := make([][16]byte, 0, len(c.unknown))
	for k := range c.unknown {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	list, numbers := make([][]byte, 0, batch), make([]uint32, batch)
	for part := range slices.Chunk(keys, batch) {
		list = list[:0]
		for i := range part {
			list = append(list, part[i][:])
		}
		if err := t.cfg.Numbers.AssignBytes(ctx, subject.UUID, list, numbers[:len(list)]); err != nil {
			return err
		}
		for i, k := range part {
			add(Subject{t.cfg.Unknown, numbers[i]}, c.unknown[k])
		}
	}
	return nil
}

// parts cuts a scan into events that fit a line. That of a file that was read in part
// says of one part more than there are.
func parts(h event.HoldingScan, groups map[element.Mask]*roaring.Bitmap, part bool) []event.Body {
	var all []event.Body
	put := func(mask element.Mask, set event.Set) {
		p := h
		p.Elements, p.Subjects, p.Part = mask, set, uint32(len(all)+1)
		all = append(all, &p)
	}
	var text []byte
	for _, mask := range slices.Sorted(maps.Keys(groups)) {
		var set event.Set
		size := 0
		it := groups[mask].Iterator()
		flush := func() {
			if len(set) > 0 {
				put(mask, set)
			}
			set, size = nil, 0
		}
		for it.HasNext() {
			x := it.Next()
			if n := len(set); n > 0 && set[n-1].Last+1 == x {
				set[n-1].Last = x
				continue
			}
			text = event.Set{{First: x, Last: x}}.Append(text[:0])
			if size += 2*len(text) + 2; size > maxSetText {
				flush()
				size = 2*len(text) + 2
			}
			set = append(set, event.Range{First: x, Last: x})
		}
		flush()
	}
	if len(all) == 0 {
		put(personal, nil)
	}
	n := uint32(len(all))
	if part {
		n++
	}
	for _, b := range all {
		b.(*event.HoldingScan).Parts = n
	}
	return all
}
