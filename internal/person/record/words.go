package record

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

const (
	shardBits = 5
	shards    = 1 << shardBits
)

// Words is a dictionary: each distinct name has one number. Add may be called
// from several goroutines; the other methods may not run beside it. Numbers
// depend on the order of Add, so nothing may be decided by them but equality.
// Two names of one 64-bit hash would count as one (one in 10⁸ dictionaries of
// a million names).
type Words struct {
	shard [shards]wordShard
}

type wordShard struct {
	mu     sync.Mutex
	table  []wordSlot
	text   []byte
	end    []uint32 // end[i] is the end of word i in text; word 0 is empty
	hash   []uint64 // hash[i] is that of word i
	marked int      // words below are written
}

type wordSlot struct {
	hash  uint64
	index uint32
}

// Hash is the hash of a name, as AddHash takes it.
func Hash(s []byte) uint64 { return xxhash.Sum64(s) }

// Add returns the number of a name, 0 for the empty one.
func (w *Words) Add(s []byte) Word {
	if len(s) == 0 {
		return 0
	}
	h := Hash(s)
	sh := &w.shard[h>>(64-shardBits)]
	sh.mu.Lock()
	i := sh.add(h, s)
	sh.mu.Unlock()
	return Word(i<<shardBits) | Word(h>>(64-shardBits))
}

// Find returns the number of a name, 0 when it is not there.
func (w *Words) Find(s []byte) Word {
	if len(s) == 0 {
		return 0
	}
	h := Hash(s)
	sh := &w.shard[h>>(64-shardBits)]
	if len(sh.table) == 0 {
		return 0
	}
	for at := h & uint64(len(sh.table)-1); ; at = (at + 1) & uint64(len(sh.table)-1) {
		switch e := sh.table[at]; {
		case e.index == 0:
			return 0
		case e.hash == h:
			return Word(e.index<<shardBits) | Word(h>>(64-shardBits))
		}
	}
}

// Text returns a name. It must not be changed.
func (w *Words) Text(n Word) []byte {
	if n == 0 {
		return nil
	}
	sh := &w.shard[n&(shards-1)]
	i := n >> shardBits
	return sh.text[sh.end[i-1]:sh.end[i]]
}

// HashOf returns the hash of a name's text: unlike its number, it does not
// depend on any order. That of 0 is 0.
func (w *Words) HashOf(n Word) uint64 {
	if n == 0 {
		return 0
	}
	return w.shard[n&(shards-1)].hash[n>>shardBits]
}

// Limit is above every number given so far.
func (w *Words) Limit() int {
	most := 0
	for i := range w.shard {
		most = max(most, len(w.shard[i].end))
	}
	return max(most, 1) << shardBits
}

func (sh *wordShard) add(h uint64, s []byte) uint32 {
	if len(sh.end)*2 >= len(sh.table) {
		sh.grow()
	}
	mask := uint64(len(sh.table) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		e := &sh.table[at]
		if e.index == 0 {
			sh.text = append(sh.text, s...)
			sh.end = append(sh.end, uint32(len(sh.text)))
			sh.hash = append(sh.hash, h)
			*e = wordSlot{h, uint32(len(sh.end) - 1)}
			return e.index
		}
		if e.hash == h {
			return e.index
		}
	}
}

func (sh *wordShard) grow() {
	if sh.end == nil {
		sh.end, sh.hash = []uint32{0}, []uint64{0}
	}
	old := sh.table
	sh.table = make([]wordSlot, max(64, 2*len(old)))
	mask := uint64(len(sh.table) - 1)
	for _, e := range old {
		if e.index == 0 {
			continue
		}
		at := e.hash & mask
		for sh.table[at].index != 0 {
			at = (at + 1) & mask
		}
		sh.table[at] = e
	}
}

// EachNew calls f for the names added since Mark, in an order that keeps their
// numbers when they are added behind the earlier ones.
func (w *Words) EachNew(f func(s []byte)) {
	for i := range w.shard {
		sh := &w.shard[i]
		for k := max(1, sh.marked); k < len(sh.end); k++ {
			f(sh.text[sh.end[k-1]:sh.end[k]])
		}
	}
}

// Mark says that the names there are now were written.
func (w *Words) Mark() {
	for i := range w.shard {
		w.shard[i].marked = len(w.shard[i].end)
	}
}
