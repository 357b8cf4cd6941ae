package subject

import (
	"encoding/binary"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/keyring"
)

// Space is where an identifier is looked for: one element of one table. The
// same e-mail address in another table is another identifier.
type Space struct {
	Table   event.Place
	Element element.Kind
}

// Owner says how many subjects an identifier belongs to.
type Owner uint8

const (
	// NotKnown: the index cannot say. The row is bounded.
	NotKnown Owner = iota
	// One: exactly one subject of the table had this value in the last scan
	// and no write has touched the column since.
	One
	// Several: more than one subject, or a row without a number, has it.
	Several
)

// Identifiers is the identifier index: keyed hash → subject number. Values are
// not kept. It is built from scans and answers only One when that is certain:
// whatever it had no room for, or may have changed since, is NotKnown.
//
// A hash is the first 128 bits of HMAC-SHA-256, so among 10⁹ identifiers a
// value that is not there is taken for one that is with probability 3·10⁻³⁰.
type Identifiers struct {
	key     *keyring.Key
	max     int
	hashers sync.Pool

	turns atomic.Uint64 // how often any space was suspended

	live atomic.Pointer[map[Space]*idLive] // replaced under mu when a space is new

	mu     sync.Mutex
	writes map[Space]uint64   // how often a space was suspended
	wrote  map[Space]uint64   // how often for a write
	under  map[Space]int      // writes under way
	hidden map[Space]*idTable // while they are, what counts if they change nothing
}

// ErrIdentifierKey is returned when the key is not for identifiers.
var ErrIdentifierKey = errors.New("key is not for identifiers (SK5106)")

// NewIdentifiers returns an empty index. MaxEntries bounds the identifiers of
// one space (32 bytes each, twice that while a scan is read); 0 means 4 million.
func NewIdentifiers(key *keyring.Key, maxEntries int) (*Identifiers, error) {
	if key.Hasher() == nil {
		return nil, ErrIdentifierKey
	}
	if maxEntries <= 0 {
		maxEntries = 4_000_000
	}
	ix := &Identifiers{key: key, max: maxEntries, writes: map[Space]uint64{}, wrote: map[Space]uint64{}, under: map[Space]int{}, hidden: map[Space]*idTable{}}
	ix.hashers.New = func() any { return &idHasher{mac: key.Hasher()} }
	ix.live.Store(new(map[Space]*idLive))
	return ix, nil
}

// Lookup tells whose identifier value is, as it stands in a result column in
// text form. The number is meaningful for One only.
func (ix *Identifiers) Lookup(s Space, value []byte) (uint32, Owner) {
	t := ix.table(s)
	if t == nil {
		return 0, NotKnown
	}
	h := ix.hashers.Get().(*idHasher)
	sum, ok := h.sum(s, value)
	ix.hashers.Put(h)
	if !ok {
		return 0, NotKnown
	}
	return t.get(sum)
}

// Complete reports whether the index knows every value of a space, so that one
// that it does not know is nobody's there.
func (ix *Identifiers) Complete(s Space) bool {
	t := ix.table(s)
	return t != nil && !t.lacks
}

// Suspend says that identifiers of s may have changed (a bypass, a counter that
// disagrees). Until a scan that begins later is committed, everything in s is
// NotKnown.
func (ix *Identifiers) Suspend(s Space) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.suspend(s)
}

func (ix *Identifiers) suspend(s Space) {
	delete(ix.hidden, s)
	ix.hide(s)
}

// hide has s answer nothing, and builds that began not count.
func (ix *Identifiers) hide(s Space) {
	ix.turns.Add(1)
	ix.writes[s]++
	ix.replace(s, nil)
}

// Turns returns how often anything was suspended or written to. Whoever reads
// what was stored before it rose must not ask whose it is.
func (ix *Identifiers) Turns() uint64 { return ix.turns.Load() }

// Writing says, before anybody can read it, that a write to the columns of s is
// under way; Written, once for each, that its transaction has ended, and whether
// it may have changed anything. Nothing in s is known from the one to the other,
// and after a change until a scan is committed that began later: one that began
// before may not have seen what the transaction made of it.
func (ix *Identifiers) Writing(s Space) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if t := ix.table(s); t != nil {
		ix.hidden[s] = t
	}
	ix.under[s]++
	ix.wrote[s]++
	ix.hide(s)
}

// Written ends what Writing began.
func (ix *Identifiers) Written(s Space, changed bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if changed {
		ix.wrote[s]++
		ix.suspend(s)
	}
	if ix.under[s]--; ix.under[s] > 0 {
		return
	}
	delete(ix.under, s)
	if t := ix.hidden[s]; t != nil { // nothing was written
		delete(ix.hidden, s)
		ix.replace(s, t)
	}
}

// idLive is what a space answers with; nil: nothing.
type idLive = atomic.Pointer[idTable]

func (ix *Identifiers) table(s Space) *idTable {
	if live := (*ix.live.Load())[s]; live != nil {
		return live.Load()
	}
	return nil
}

// replace publishes t, which may be nil. The caller holds mu.
func (ix *Identifiers) replace(s Space, t *idTable) {
	old := *ix.live.Load()
	live := old[s]
	if live == nil {
		if t == nil {
			return
		}
		next := make(map[Space]*idLive, len(old)+1)
		maps.Copy(next, old)
		live = new(idLive)
		next[s] = live
		defer ix.live.Store(&next)
	}
	live.Store(t)
}

// Build is an index of one space in the making. It belongs to one goroutine.
type Build struct {
	ix      *Identifiers
	space   Space
	writes  uint64
	wrote   uint64
	hasher  *idHasher
	table   *idTable
	dropped uint64
}

// Begin starts a build. Call it before the scan's snapshot is taken.
func (ix *Identifiers) Begin(s Space) *Build {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return &Build{ix: ix, space: s, writes: ix.writes[s], wrote: ix.wrote[s], hasher: &idHasher{mac: ix.key.Hasher()}, table: newIDTable(64)}
}

// Add says that a row of the subject has value.
func (b *Build) Add(value []byte, number uint32) { b.add(value, number, false) }

// AddUnknown says that a row whose subject has no number has value.
func (b *Build) AddUnknown(value []byte) { b.add(value, 0, true) }

func (b *Build) add(value []byte, number uint32, several bool) {
	sum, ok := b.hasher.sum(b.space, value)
	if ok && !b.table.put(sum, number, several, b.ix.max) {
		b.dropped++
		b.table.lacks = true
	}
}

// Dropped returns how many additions found no room: those values are NotKnown.
func (b *Build) Dropped() uint64 { return b.dropped }

// Commit publishes the build and reports whether it counts: it does not when
// the space was suspended after Begin, or is being written to.
func (b *Build) Commit() bool {
	b.ix.mu.Lock()
	defer b.ix.mu.Unlock()
	if b.ix.writes[b.space] != b.writes || b.ix.under[b.space] > 0 {
		return false
	}
	b.ix.replace(b.space, b.table)
	return true
}

// Written reports whether writes alone, that the gate saw, are why a build does
// not count.
func (b *Build) Written() bool {
	b.ix.mu.Lock()
	defer b.ix.mu.Unlock()
	s := b.space
	return b.ix.writes[s]-b.writes == b.ix.wrote[s]-b.wrote
}

// idHasher owns what a hash needs, so that a look-up allocates nothing.
type idHasher struct {
	mac    *keyring.Hasher
	buf    []byte
	fields [3][]byte
}

func (h *idHasher) sum(s Space, value []byte) (sum [16]byte, ok bool) {
	h.buf = append(append(h.buf[:0], s.Table...), byte(s.Element))
	n := len(h.buf)
	h.buf = Canonical(h.buf, s.Element, value)
	if len(h.buf) == n {
		return sum, false
	}
	h.fields[0], h.fields[1], h.fields[2] = h.buf[:n-1], h.buf[n-1:n], h.buf[n:]
	full := h.mac.Sum(h.fields[:]...)
	copy(sum[:], full[:])
	return sum, true
}

// idTable is an open-addressed table that is not changed after publication.
type idTable struct {
	used  int
	slots []idSlot
	lacks bool // there was no room for some values
}

type idSlot struct {
	a, b    uint64
	plus    uint32 // number+1; 0 = empty
	several bool
}

func newIDTable(size int) *idTable { return &idTable{slots: make([]idSlot, size)} }

func (t *idTable) find(a, b uint64) *idSlot {
	mask := uint64(len(t.slots) - 1)
	for i := a & mask; ; i = (i + 1) & mask { // a is a hash already
		if s := &t.slots[i]; s.plus == 0 || s.a == a && s.b == b {
			return s
		}
	}
}

func (t *idTable) get(sum [16]byte) (uint32, Owner) {
	s := t.find(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:]))
	switch {
	case s.plus == 0:
		return 0, NotKnown
	case s.several:
		return 0, Several
	}
	return s.plus - 1, One
}

// put reports whether there was room. A value that is there already never
// needs room, so that "one" always turns into "several".
func (t *idTable) put(sum [16]byte, number uint32, several bool, limit int) bool {
	a, b := binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])
	s := t.find(a, b)
	if s.plus != 0 {
		s.several = s.several || several || s.plus != number+1
		return true
	}
	if t.used >= limit {
		return false
	}
	*s = idSlot{a, b, number + 1, several}
	t.used++
	if t.used*4 > len(t.slots)*3 {
		old := t.slots
		t.slots = make([]idSlot, 2*len(old))
		for _, o := range old {
			if o.plus != 0 {
				*t.find(o.a, o.b) = o
			}
		}
	}
	return true
}
