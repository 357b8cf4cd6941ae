package main

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// written is what gates saw written during one second: a scan may have begun before, and
// then its snapshot has not seen it.
type written struct {
	until    int64 // UTC ns of the last of it, clock error included
	subjects *roaring.Bitmap
	rows     uint64 // records of nobody known
	again    uint64 // most that one event said again of a long transaction
}

// maxWritten bounds what is kept for the next scan. Beyond it the older half is told
// less finely, so that more of it counts beside that scan.
const maxWritten = 4096

// keep remembers a change for the next scan. Fresh says that its records were not there
// before.
func (r *resting) keep(e *event.Event, b *event.HoldingChange, fresh bool) {
	until := e.At.Add(e.ClockErr).UnixNano()
	n := len(r.since)
	if n == 0 || r.since[n-1].until/1e9 != until/1e9 {
		if n >= maxWritten {
			r.thin()
		}
		r.since = append(r.since, written{subjects: roaring.New()})
		n = len(r.since)
	}
	w := &r.since[n-1]
	w.until = max(w.until, until)
	enter(w.subjects, b.Subjects)
	switch {
	case !fresh:
	case b.Session == 0:
		w.again = max(w.again, b.Unknown)
	default:
		w.rows += b.Unknown
	}
}

// thin joins the older half by twos.
func (r *resting) thin() {
	half := r.since[:len(r.since)/2&^1]
	for i := 0; i < len(half); i += 2 {
		a, b := half[i], half[i+1]
		a.subjects.Or(b.subjects)
		half[i/2] = written{max(a.until, b.until), a.subjects, a.rows + b.rows, max(a.again, b.again)}
	}
	r.since = slices.Delete(r.since, len(half)/2, len(half))
}

// beside enters what was written after a scan began, or so shortly before that its
// snapshot may not show it, and forgets the rest.
func (r *resting) beside(from int64) {
	r.since = slices.DeleteFunc(r.since, func(w written) bool { return w.until < from-scope.ChangeSlack })
	if r.mask == 0 && len(r.since) > 0 {
		r.mask = element.MaskOf(element.Unclassified)
	}
	for _, w := range r.since {
		r.add(w.subjects)
		r.written = max(r.written+w.rows, w.again)
	}
}

// add enters subjects with all elements of the place.
func (r *resting) add(set *roaring.Bitmap) {
	if set.IsEmpty() {
		return
	}
	r.whole.Or(set)
	for _, k := range r.mask.Kinds() {
		if r.by[k] == nil {
			r.by[k] = roaring.New()
		}
		r.by[k].Or(set)
	}
}
