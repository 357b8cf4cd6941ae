// Package record keeps customer records in the form that matching needs: one
// fixed-size row each, names as numbers of a dictionary, everything else as
// numbers or hashes.
//
// It does not compare records. Originals are not kept: a row says from which
// source and which row of it it came. Nothing here is written to the ledger.
package record

import "sekisho/internal/person/canon"

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
	n     int
}

// Len is the number of rows, skipped ones included.
func (t *Table) Len() int { return t.n }

// At returns a row.
func (t *Table) At(i uint32) *Record { return &t.slabs[i>>slabBits][i&(slabSize-1)] }

// Grow makes room for n rows in all. It must not run beside other calls.
func (t *Table) Grow(n int) {
	for len(t.slabs)*slabSize < n {
		t.slabs = append(t.slabs, (*[slabSize]Record)(Make[Record](t.Room, slabSize)))
	}
	t.n = max(t.n, n)
}
