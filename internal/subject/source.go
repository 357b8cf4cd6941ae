package subject

import (
	"hash/maphash"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"sekisho/internal/event"
)

// Source is the dictionary of one subject source. Look-ups are safe for any
// number of goroutines and take no lock.
type Source struct {
	name event.SubjectSource
	dict *Dictionary

	live atomic.Pointer[live] // what look-ups read; replaced or appended to under mu

	mu    sync.Mutex // serialises writers: Assign, Apply, Forget, BeginEpoch
	epoch uint32     // of the keys that live knows
	next  uint32     // first number of the lease that is not used
	left  uint32     // numbers left in the lease
	seen  uint32     // 1 + the highest number ever seen, 0 = none
	spans []span     // number → key, ascending by number
}

// live is the forward direction for the current epoch. Runs of integer keys of
// at least minRun are extents, everything else is in the tables.
type live struct {
	extents []extent // ascending by first, disjoint; never written after publication
	// mixed says that a key inside an extent also stands in ints, which wins.
	mixed bool
	ints  *intTable
	bytes *byteTable
}

// extent says that keys first … first+count-1 have numbers number ….
type extent struct {
	first  int64
	count  uint32
	number uint32
}

const (
	minRun     = 16
	minTable   = 64
	maxExtents = 4096 // a binary search of 12 steps; more runs go to the table
)

func newLive() *live {
	return &live{ints: newIntTable(minTable), bytes: newByteTable(maphash.MakeSeed(), minTable)}
}

// Name returns the source's name.
func (s *Source) Name() event.SubjectSource { return s.name }

// NumberInt returns the number of an integer key of the current epoch.
func (s *Source) NumberInt(key int64) (uint32, bool) {
	l := s.live.Load()
	if l.mixed {
		if n, ok := l.ints.get(key); ok {
			return n, true
		}
	}
	if n, ok := l.inExtent(key); ok {
		return n, true
	}
	return l.ints.get(key)
}

func (l *live) inExtent(key int64) (uint32, bool) {
	lo, n := 0, len(l.extents)
	for n > 1 { // the last extent with first ≤ key, if any, is in [lo, lo+n)
		half := n / 2
		if l.extents[lo+half].first <= key {
			lo += half
		}
		n -= half
	}
	if n == 1 {
		// The difference of two int64 fits uint64 when key ≥ first.
		e := &l.extents[lo]
		if d := uint64(key) - uint64(e.first); key >= e.first && d < uint64(e.count) {
			return e.number + uint32(d), true
		}
	}
	return 0, false
}

// NumberBytes returns the number of a key in canonical bytes (see Canonical)
// of the current epoch. It does not keep key.
func (s *Source) NumberBytes(key []byte) (uint32, bool) {
	return s.live.Load().bytes.get(key)
}

// Epoch returns the current epoch of the source's identities.
func (s *Source) Epoch() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// addRun publishes keys first … first+count-1. The caller holds mu.
func (s *Source) addRun(first int64, count, number uint32) {
	l := s.live.Load()
	at := sort.Search(len(l.extents), func(i int) bool { return l.extents[i].first >= first })
	last := first + int64(count-1)
	overlaps := at < len(l.extents) && l.extents[at].first <= last
	var before *extent
	if at > 0 {
		before = &l.extents[at-1]
		overlaps = overlaps || before.first+int64(before.count-1) >= first
	}
	joins := before != nil && before.first+int64(before.count-1) != math.MaxInt64 &&
		before.first+int64(before.count) == first && before.number+before.count == number
	switch {
	case overlaps:
		s.addMany(count, number, func(i uint32) int64 { return first + int64(i) })
	case joins && count >= minRun:
		extents := slices.Clone(l.extents)
		extents[at-1].count += count
		s.live.Store(&live{extents: extents, mixed: l.mixed, ints: l.ints, bytes: l.bytes})
	case count >= minRun && len(l.extents) < maxExtents:
		extents := slices.Insert(slices.Clone(l.extents), at, extent{first, count, number})
		// Keys of this run that already stand in the table have older numbers,
		// which must not win when the source is or becomes mixed.
		for i := uint32(0); i < count && l.ints.used > 0; i++ {
			if _, ok := l.ints.get(first + int64(i)); ok {
				l.ints.put(first+int64(i), number+i)
			}
		}
		s.live.Store(&live{extents: extents, mixed: l.mixed, ints: l.ints, bytes: l.bytes})
	default:
		s.addMany(count, number, func(i uint32) int64 { return first + int64(i) })
	}
}

// addMany publishes single integer keys. The caller holds mu.
func (s *Source) addMany(count, number uint32, key func(i uint32) int64) {
	l := s.live.Load()
	ints, mixed := l.ints.grown(int(count)), l.mixed
	for i := range count {
		ints.put(key(i), number+i)
		if _, ok := l.inExtent(key(i)); ok {
			mixed = true
		}
	}
	if ints != l.ints || mixed != l.mixed {
		s.live.Store(&live{extents: l.extents, mixed: mixed, ints: ints, bytes: l.bytes})
	}
}

// addBytes publishes byte keys and returns where they lie. The caller holds mu.
func (s *Source) addBytes(keys [][]byte, number uint32) []byteRef {
	l := s.live.Load()
	table := l.bytes.grown(len(keys))
	refs := make([]byteRef, len(keys))
	for i, k := range keys {
		refs[i] = table.put(k, number+uint32(i))
	}
	if table != l.bytes {
		s.live.Store(&live{extents: l.extents, mixed: l.mixed, ints: l.ints, bytes: table})
	}
	return refs
}

// observe says that a number is in use, whoever gave it out.
func (s *Source) observe(last uint32) {
	if last < math.MaxUint32 {
		s.seen = max(s.seen, last+1)
	}
}
