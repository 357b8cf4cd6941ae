package pgproxy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"sekisho/internal/event"
)

// lateAfter is how long, in ns, a transaction may go on after a change without
// the change being recorded again at its end: views take a second off the
// beginning of each scan (scope.ChangeSlack), and clocks are read coarsely.
const lateAfter = 900e6

// late is what the transaction under way changed, as far as a scan would have
// to show it. A scan between the change and the end of the transaction shows
// nothing of it, and ends what was recorded before the scan: so it is recorded
// again when the transaction ends. The zero value is empty.
type late struct {
	since    int64  // UTC ns of the earliest record; meaningful while mark is not 0
	mark     uint64 // the ReadyForQuery, idle, from which on it is visible or gone; 0: nothing
	changes  map[lateKey]*lateChange
	taints   []*event.Taint
	prepared uint64 // the ReadyForQuery of PREPARE TRANSACTION: it is visible later; 0: none
}

type lateKey struct {
	table  event.Place
	source event.SubjectSource
	op     string
}

type lateChange struct {
	subjects roaring.Bitmap
	unknown  uint64
}

func (l *late) begins(at int64, mark uint64) {
	if l.mark == 0 {
		l.since = at
	}
	l.mark = max(l.mark, mark)
}

func (l *late) ended(answered uint64) bool {
	return l.mark != 0 && l.mark <= answered || l.prepared != 0 && l.prepared <= answered
}

// change records a change of a protected table.
func (e *engine) change(b *event.HoldingChange) {
	e.submit(b)
	if e.tx != 'T' && e.tx != 'E' && e.answered == e.sent && !e.open { // committed by now
		return
	}
	e.late.begins(e.clock, e.answered+1)
	e.late.note(b)
}

func (l *late) note(b *event.HoldingChange) {
	c := l.at(lateKey{b.Table, b.Source, b.Op})
	c.unknown += b.Unknown
	for _, r := range b.Subjects {
		if r.First == r.Last {
			c.subjects.Add(r.First) // a range makes its part of the bitmap anew
		} else {
			c.subjects.AddRange(uint64(r.First), uint64(r.Last)+1)
		}
	}
}

func (l *late) at(k lateKey) *lateChange {
	c := l.changes[k]
	if c == nil {
		if l.changes == nil {
			l.changes = map[lateKey]*lateChange{}
		}
		c = new(lateChange)
		l.changes[k] = c
	}
	return c
}

// add takes over what other transactions left, to be recorded at the end of
// this one.
func (l *late) add(others []late, mark uint64) {
	for i := range others {
		l.begins(0, mark)
		l.since = 0
		l.taints = append(l.taints, others[i].taints...)
		for k, c := range others[i].changes {
			to := l.at(k)
			to.unknown += c.unknown
			to.subjects.Or(&c.subjects)
		}
	}
}

// endLate records again what the transaction that just ended changed, if it
// went on for long. Whether it was committed makes no difference: what it
// changed is said to have rested there in any case.
func (e *engine) endLate() {
	l := e.late
	if l.mark == 0 && l.prepared == 0 {
		return
	}
	if l.prepared != 0 && l.prepared <= e.answered {
		e.closeBuckets(event.OutcomeBucket)
		l, e.late = e.late, late{}
		e.g.twoPhase.keepChanged(l)
		return
	}
	e.late = late{prepared: l.prepared}
	if e.clock-l.since < lateAfter {
		return
	}
	for _, t := range l.taints {
		e.submit(t)
	}
	keys := slices.SortedFunc(maps.Keys(l.changes), func(a, b lateKey) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.source, b.source), cmp.Compare(a.op, b.op))
	})
	for _, k := range keys {
		c := l.changes[k]
		set, unknown := setOf(&c.subjects), c.unknown
		for first := true; first || len(set) > 0; first = false {
			n := min(len(set), maxRanges)
			e.submit(&event.HoldingChange{Session: e.session, Table: k.table, Source: k.source, Op: k.op, Rows: unknown, Unknown: unknown, Subjects: set[:n]})
			set, unknown = set[n:], 0
		}
	}
}

func setOf(b *roaring.Bitmap) (set event.Set) {
	for it := b.Iterator(); it.HasNext(); {
		n := it.Next()
		if last := len(set) - 1; last >= 0 && set[last].Last+1 == n {
			set[last].Last = n
			continue
		}
		set = append(set, event.Range{First: n, Last: n})
	}
	return set
}

// keepChanged keeps what a prepared transaction changed until somebody commits
// it.
func (p *pendingTaints) keepChanged(l late) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.changes)+len(l.taints) == 0 {
		return
	}
	if len(p.other) >= maxLate { // one stands for all
		first := &p.other[0]
		first.add([]late{l}, 1)
		return
	}
	p.other = append(p.other, l)
}

func (p *pendingTaints) changed() []late {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.other)
}

// maxLate bounds the prepared transactions that are told apart.
const maxLate = 1000
