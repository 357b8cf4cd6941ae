package resolver

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"sekisho/internal/event"
)

// tally sums up answers from memory, and refusals that were told before.
type tally struct {
	mu    sync.Mutex
	from  time.Time
	count map[tallyKey]uint64
	told  map[refusedKey]struct{} // refusals that have an event of their own
}

type tallyKey struct {
	client netip.Addr
	shown  string
}

type refusedKey struct {
	client netip.Addr
	name   string
}

// maxTally bounds a sum: when there are more, it is written at once.
const maxTally = 20_000

func newTally() *tally {
	return &tally{count: map[tallyKey]uint64{}, told: map[refusedKey]struct{}{}}
}

// add counts an answer. It reports whether the sum is full.
func (t *tally) add(client netip.Addr, shown string) (full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[tallyKey{client, shown}]++
	return len(t.count) == maxTally
}

// refused reports whether a refusal is the first of its sort, and counts it if
// not.
func (t *tally) refused(client netip.Addr, name, shown string) (first, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.told[refusedKey{client, name}]; known {
		t.count[tallyKey{client, shown}]++
		return false, len(t.count) == maxTally
	}
	if len(t.told) >= maxTally {
		clear(t.told)
	}
	t.told[refusedKey{client, name}] = struct{}{}
	return true, false
}

// take empties the sum.
func (t *tally) take(now time.Time) (from time.Time, count map[tallyKey]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, count = t.from, t.count
	t.from, t.count = now, map[tallyKey]uint64{}
	clear(t.told)
	return from, count
}

// itemsAnEvent keeps events far below event.MaxLine: a name has at most 253
// bytes.
const itemsAnEvent = 150

// flush records the sum since the last time.
func (r *Resolver) flush() {
	now := r.cfg.Now()
	from, count := r.tally.take(now)
	items := make([]event.LookupCount, 0, len(count))
	for k, n := range count {
		items = append(items, event.LookupCount{Client: k.client.String(), Name: k.shown, Count: n})
	}
	slices.SortFunc(items, func(a, b event.LookupCount) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Name, b.Name))
	})
	for part := range slices.Chunk(items, itemsAnEvent) {
		r.record(&event.Lookups{Place: r.cfg.Place, From: from.UnixNano(), To: now.UnixNano(), Items: part})
	}
}
