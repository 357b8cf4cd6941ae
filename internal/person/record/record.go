// Package record keeps customer records in the form that matching needs: one
// fixed-size row each, names as numbers of a dictionary, everything else as
// numbers or hashes.
//
// It does not compare records. Originals are not kept: a row says from which
// source and which row of it it came. Nothing here is written to the ledger.
package record

import (
	"iter"
	"unsafe"

	"sekisho/internal/person/canon"
)

// Word is the number of a name in a dictionary; 0 is a missing one.
type Word uint32

// Flags say how a record's fields are to be used.
type Flags uint8

// The flags.
const (
	Alive       Flags = 1 << iota // the row was read; a row that was skipped is zero
	FromKana                      // Family and Given are from kana, so their order is sure
	EmailShared                   // the address belongs to many people
	PhoneShared
	PlaceShared
	LatinPlace // the address is in Latin letters
)

// Record is one customer record. Zero fields are missing.
type Record struct {
	Family, Given           Word // romaji, canonical
	KanjiFamily, KanjiGiven Word
	Birth                   uint32 // YYYYMMDD
	Issued                  uint32 // passport, YYYYMMDD
	Phone                   uint64 // canon.Phone
	Email                   uint64 // hash
	Street                  uint64 // hash
	Document                uint64 // canon.Document
	Content                 uint64 // hash of the whole row: an order that no file order changes
	Local                   uint32 // hash of the part of Email before the @
	Postal                  uint32 // canon.Postal
	Town                    Word
	Company                 Word // canonical
	Extra                   [2]uint32
	Sex                     canon.Sex
	Flags                   Flags
	Source                  uint16
}

const (
	slabBits = 17
	slabSize = 1 << slabBits
)

// Table is an array of records that grows without moving them. Rows may be
// written from several goroutines when each writes its own.
type Table struct {
	// Room is where rows, and what is worked out of them, lie; nil is memory.
	Room  *Room
	slabs []*[slabSize]Record
	place []int64 // of each slab in the room's file, or inMemory
	n     int
}

// Len is the number of rows, skipped ones included.
func (t *Table) Len() int { return t.n }

// At returns a row.
func (t *Table) At(i uint32) *Record { return &t.slabs[i>>slabBits][i&(slabSize-1)] }

// Grow makes room for n rows in all. It must not run beside other calls.
func (t *Table) Grow(n int) {
	for len(t.slabs)*slabSize < n {
		rows, at := makeAt[Record](t.Room, slabSize)
		t.slabs, t.place = append(t.slabs, (*[slabSize]Record)(rows)), append(t.place, at)
	}
	t.n = max(t.n, n)
}

// Rows yields all rows in order, skipped ones included.
func (t *Table) Rows() iter.Seq2[uint32, *Record] {
	return func(yield func(uint32, *Record) bool) {
		for i := range uint32(t.n) {
			if i%rowsBetween == 0 {
				t.Room.Ease()
			}
			if !yield(i, t.At(i)) {
				return
			}
		}
	}
}

// rowsBetween is how many rows are read between two calls of Ease: a megabyte.
const rowsBetween = 1 << 13

// Copy reads a row into dst. Where rows lie in a file it does not bring the
// row's page, and the neighbours of that, into memory: it is for rows in no
// order. It must not run beside writes to the row.
func (t *Table) Copy(dst *Record, i uint32) {
	if at := t.place[i>>slabBits]; at == inMemory || !t.Room.read(bytesOf(unsafe.Slice(dst, 1)), at+int64(i&(slabSize-1))*int64(RecordBytes)) {
		*dst = *t.At(i)
	}
}

// Update changes a row, for rows in no order. Where rows lie in a file it does not
// bring the row's page into memory. It must not run beside other uses of the row.
func (t *Table) Update(i uint32, change func(r *Record)) {
	at := t.place[i>>slabBits]
	if at == inMemory {
		change(t.At(i))
		return
	}
	var r Record
	t.Copy(&r, i)
	before := r
	if change(&r); r != before && !t.Room.write(bytesOf(unsafe.Slice(&r, 1)), at+int64(i&(slabSize-1))*int64(RecordBytes)) {
		*t.At(i) = r
	}
}

// Peek is At for rows in no order: it returns the row where it lies in memory,
// else it reads it into buf and returns that.
//
// buf may be nil: then it makes one when it needs it.
func (t *Table) Peek(i uint32, buf *Record) *Record {
	if t.place[i>>slabBits] == inMemory {
		return t.At(i)
	}
	if buf == nil {
		buf = new(Record)
	}
	t.Copy(buf, i)
	return buf
}
