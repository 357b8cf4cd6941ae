package disclosure

import (
	"runtime"
	"sync"
	"sync/atomic"

	"sekisho/internal/event"
)

// ever is everybody who ever crossed a table exactly.
type ever struct {
	of  tableSource
	set bag
	// fresh lists who came since the view was opened, so that an old answer to
	// "are they all among these?" only needs to be asked of the new ones.
	fresh []uint32
	asked sync.Map // component key → how many of fresh were among it
}

// maxFresh bounds ever.fresh.
const maxFresh = 1 << 20

func (r *rolls) everAt(key tableSource) *ever {
	x := r.ever[key]
	if x == nil {
		x = &ever{of: key}
		x.set.dense()
		r.ever[key] = x
	}
	return x
}

func (r *rolls) everCrossed(k kind, set event.Set) {
	key := tableSource{k.table, k.source}
	r.crossed[key] = append(r.crossed[key], set...)
}

// gatherEver enters who crossed in this batch, table by table: each has a set
// of megabytes, which is walked through once.
func (r *rolls) gatherEver() {
	var work []func()
	for key, sets := range r.crossed {
		if len(sets) > 0 {
			x := r.everAt(key)
			work = append(work, func() { x.crossed(sets) })
		}
		r.crossed[key] = sets[:0]
	}
	inParallel(work)
}

func (x *ever) crossed(sets event.Set) {
	for _, g := range sets {
		for n := g.First; ; n++ {
			p, bit := x.set.own(n>>16), uint64(1)<<(n&63)
			if p != nil && p[n>>6&1023]&bit == 0 {
				p[n>>6&1023] |= bit
				x.fresh = append(x.fresh, n)
			}
			if n == g.Last {
				break
			}
		}
	}
	if len(x.fresh) > maxFresh {
		x.fresh = nil
		x.asked.Clear()
	}
}

// inParallel runs all of work, as many at a time as there are processors.
func inParallel(work []func()) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(len(work), runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(work); i = next.Add(1) - 1 {
				work[i]()
			}
		})
	}
	all.Wait()
}

// never is what asked holds when somebody is not in the component: it does not
// change, so that will not either.
const never = -1

// within reports whether all are in the component.
func (x *ever) within(c *component) bool {
	from, asked := x.asked.Load(c.key)
	if asked && from.(int) == never {
		return false
	}
	is := false
	if asked {
		is = c.set.without(x.fresh[from.(int):]) == 0
	} else {
		is = x.set.within(c.set)
	}
	if !is {
		x.asked.Store(c.key, never)
		return false
	}
	x.asked.Store(c.key, len(x.fresh))
	return true
}
