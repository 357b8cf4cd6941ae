package disclosure

import (
	"math"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// vital is what is known of the signs of life of a source.
type vital struct {
	kept      int64 // time of the last sign that is kept as evidence
	keptIndex uint64
	at        int64 // of the last sign
	index     uint64
	places    int   // known then
	clock     int64 // greatest clock error then
	run       *scope.Run
	number    int // of run among those of the source
	dirty     bool
}

// life notes a changed run and remembers the events that show it: those that
// begin and end runs, and of the other signs of life only so many that none is
// further from the next than it would be with all of them, or than silence.
func (v *View) life(index event.Index, src uint32, at int64, r *scope.Run, fixed bool) {
	if r == nil {
		return
	}
	v.changed.runs[r] = true
	p := v.vitals[src]
	if p == nil {
		p = &vital{kept: math.MinInt64, at: math.MinInt64}
		v.vitals[src] = p
	}
	fixed = fixed || p.run != r || p.kept == math.MinInt64 || at < p.at || len(r.Places) != p.places || r.ClockNS != p.clock
	if fixed || at-p.kept > v.gates.Silence {
		if p.kept != math.MinInt64 && p.index != p.keptIndex {
			v.signOf(event.Index(p.index), src, p.number, p.at, false)
			p.kept, p.keptIndex = p.at, p.index
		}
		if p.run != r {
			p.number = len(v.gates.RunsOf(string(r.Source))) - 1
		}
		if fixed || at-p.kept > v.gates.Silence {
			v.signOf(index, src, p.number, at, fixed)
			p.kept, p.keptIndex = at, uint64(index)
		}
	}
	p.at, p.index, p.places, p.clock, p.run, p.dirty = at, uint64(index), len(r.Places), r.ClockNS, r, true
}

// sign keeps an event that bears on cover as evidence.
func (v *View) sign(index event.Index, src uint32, at int64, fixed bool) {
	v.signOf(index, src, 0, at, fixed)
}

func (v *View) signOf(index event.Index, src uint32, run int, at int64, fixed bool) {
	v.changed.signs = append(v.changed.signs, sign{src, run, at, uint64(index), fixed})
}

func (v *View) mark(index event.Index, src uint32, at int64, m scope.Mark) {
	v.changed.marks[len(v.gates.Marks())] = true
	v.gates.Mark(m)
	v.sign(index, src, at, true)
}
