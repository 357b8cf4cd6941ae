package record

import (
	"slices"
	"sync"
)

// Keys are the numbers that sources give their records, by row. Put may be
// called from several goroutines.
type Keys struct {
	Room *Room // where they lie; nil is memory

	mu   sync.Mutex
	runs []keyRun // by first row, once Seal was called
	free []byte   // of the room, not used yet
	ends []uint32 // the same
}

// keyRun is the keys of consecutive rows.
type keyRun struct {
	first int
	text  []byte
	end   []uint32
}

// KeyWriter collects the keys of one chunk of rows.
type KeyWriter struct{ run keyRun }

// Begin starts a chunk whose first row is first.
func (w *KeyWriter) Begin(first, rows int) {
	w.run = keyRun{first: first, end: make([]uint32, 0, rows)}
}

// Put sets the key of a row; rows come in order, and those left out are empty.
func (w *KeyWriter) Put(row int, key []byte) {
	w.pad(row)
	w.run.text = append(w.run.text, key...)
	w.run.end = append(w.run.end, uint32(len(w.run.text)))
}

func (w *KeyWriter) pad(row int) {
	for w.run.first+len(w.run.end) < row {
		w.run.end = append(w.run.end, uint32(len(w.run.text)))
	}
}

// Add takes over the keys of a chunk of rows up to end.
func (k *Keys) Add(w *KeyWriter, end int) {
	w.pad(end)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Room != nil {
		w.run.text, w.run.end = settle(k.Room, &k.free, w.run.text), settle(k.Room, &k.ends, w.run.end)
	}
	k.runs = append(k.runs, w.run)
	w.run = keyRun{}
}

// settle copies a list into the room, to the beginning of what is free there.
func settle[T any](room *Room, free *[]T, list []T) []T {
	if len(*free) < len(list) {
		*free = Make[T](room, max(largeBytes, len(list)))
	}
	out := (*free)[:len(list):len(list)]
	*free = (*free)[len(list):]
	copy(out, list)
	return out
}

// Seal puts the chunks in the order of rows. At works after it.
func (k *Keys) Seal() {
	slices.SortFunc(k.runs, func(a, b keyRun) int { return a.first - b.first })
}

// At returns the key of a row; empty when the source gave none.
func (k *Keys) At(row int) []byte {
	i, found := slices.BinarySearchFunc(k.runs, row, func(r keyRun, row int) int { return r.first - row })
	if !found {
		i--
	}
	if i < 0 || row-k.runs[i].first >= len(k.runs[i].end) {
		return nil
	}
	r := &k.runs[i]
	begin := uint32(0)
	if row > r.first {
		begin = r.end[row-r.first-1]
	}
	return r.text[begin:r.end[row-r.first]]
}
