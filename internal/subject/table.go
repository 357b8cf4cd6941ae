package subject

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// The tables below are written by one goroutine at a time (Source.mu) and read
// by any number without a lock. A slot is empty while its number is 0; the
// writer fills the key first and stores number+1 last, so that a reader who
// sees a number sees the key. Slots never empty again and are never moved: a
// table that grows is replaced by a new one.

// intTable maps integer keys to numbers.
type intTable struct {
	mask  uint64
	used  int
	slots []intSlot
}

type intSlot struct {
	key  int64
	plus atomic.Uint32 // number+1
}

func newIntTable(size int) *intTable {
	return &intTable{mask: uint64(size - 1), slots: make([]intSlot, size)}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Keys
// are not chosen by clients in bulk, and a slow look-up is the worst they get.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (t *intTable) get(key int64) (uint32, bool) {
	for i := mix(uint64(key)) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		plus := s.plus.Load()
		if plus == 0 {
			return 0, false
		}
		if s.key == key {
			return plus - 1, true
		}
	}
}

// put stores or replaces; the caller has made room.
func (t *intTable) put(key int64, number uint32) {
	for i := mix(uint64(key)) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		switch {
		case s.plus.Load() == 0:
			s.key = key
			t.used++
			s.plus.Store(number + 1)
			return
		case s.key == key:
			s.plus.Store(number + 1)
			return
		}
	}
}

// grown returns t, or a bigger copy when n more keys would fill it beyond 3/4.
func (t *intTable) grown(n int) *intTable {
	if (t.used+n)*4 <= len(t.slots)*3 {
		return t
	}
	size := len(t.slots)
	for (t.used+n)*4 > size*3 {
		size *= 2
	}
	g := newIntTable(size)
	for i := range t.slots {
		if plus := t.slots[i].plus.Load(); plus != 0 {
			g.put(t.slots[i].key, plus-1)
		}
	}
	return g
}

// byteTable maps byte keys to numbers. Keys live in an arena of chunks.
type byteTable struct {
	seed  maphash.Seed
	mask  uint64
	used  int
	slots []byteSlot
	arena *arena // shared with the table it grew from
}

type byteSlot struct {
	hash uint64
	ref  byteRef
	plus atomic.Uint32
}

// byteRef is a place in the arena.
type byteRef struct {
	chunk, off, length uint32
}

// arena holds key bytes. Bytes that readers may see are never written again:
// chunks are filled from the front, and only the list of chunks is replaced.
type arena struct {
	fill   int // bytes used in the last chunk; the writer's
	chunks atomic.Pointer[[][]byte]
}

const chunkBytes = 256 << 10 // > MaxKey

func newArena() *arena {
	a := new(arena)
	a.chunks.Store(new([][]byte))
	return a
}

func (a *arena) at(r byteRef) []byte {
	return (*a.chunks.Load())[r.chunk][r.off : r.off+r.length : r.off+r.length]
}

func (a *arena) keep(key []byte) byteRef {
	chunks := *a.chunks.Load()
	if len(chunks) == 0 || a.fill+len(key) > chunkBytes {
		grown := make([][]byte, len(chunks)+1)
		copy(grown, chunks)
		grown[len(chunks)] = make([]byte, chunkBytes)
		a.chunks.Store(&grown)
		chunks, a.fill = grown, 0
	}
	last := len(chunks) - 1
	ref := byteRef{uint32(last), uint32(a.fill), uint32(len(key))}
	a.fill += copy(chunks[last][a.fill:], key)
	return ref
}

func newByteTable(seed maphash.Seed, size int) *byteTable {
	return &byteTable{seed: seed, mask: uint64(size - 1), slots: make([]byteSlot, size), arena: newArena()}
}

func (t *byteTable) get(key []byte) (uint32, bool) {
	h := maphash.Bytes(t.seed, key)
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		plus := s.plus.Load()
		if plus == 0 {
			return 0, false
		}
		if s.hash == h && bytes.Equal(t.arena.at(s.ref), key) {
			return plus - 1, true
		}
	}
}

// put stores or replaces and returns where the key lies.
func (t *byteTable) put(key []byte, number uint32) byteRef {
	h := maphash.Bytes(t.seed, key)
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		switch {
		case s.plus.Load() == 0:
			s.hash, s.ref = h, t.arena.keep(key)
			t.used++
			s.plus.Store(number + 1)
			return s.ref
		case s.hash == h && bytes.Equal(t.arena.at(s.ref), key):
			s.plus.Store(number + 1)
			return s.ref
		}
	}
}

func (t *byteTable) grown(n int) *byteTable {
	if (t.used+n)*4 <= len(t.slots)*3 {
		return t
	}
	size := len(t.slots)
	for (t.used+n)*4 > size*3 {
		size *= 2
	}
	g := &byteTable{seed: t.seed, mask: uint64(size - 1), slots: make([]byteSlot, size), used: t.used, arena: t.arena}
	for i := range t.slots {
		s := &t.slots[i]
		plus := s.plus.Load()
		if plus == 0 {
			continue
		}
		for j := s.hash & g.mask; ; j = (j + 1) & g.mask {
			if d := &g.slots[j]; d.plus.Load() == 0 {
				d.hash, d.ref = s.hash, s.ref
				d.plus.Store(plus)
				break
			}
		}
	}
	return g
}
