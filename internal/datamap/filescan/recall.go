package filescan

import (
	"hash/maphash"

	"sekisho/internal/element"
)

// recall remembers what was found in the short values of a table's columns, so that a
// value that comes again is not looked through again. It is bounded: recallEntries
// entries of one size (about a megabyte), where a newer value takes the place of an older
// one. It holds values in memory only, knows those of one table at a time, and forgets
// all when the scan ends.
//
// Only values that can have nothing to do with their neighbours are remembered (see
// alone): what was found in one is then found in it everywhere.
type recall struct {
	entries []recalled
	seed    maphash.Seed
	table   uint32 // the one whose values are remembered; entries of others are void
}

const (
	recallEntries  = 1 << 13
	longestRecall  = 64 // bytes of a value
	recallFindings = 4  // in one value; one with more is looked through again
	// reach is how far behind a value, in bytes, the engine may look at it or for
	// what goes on from it: more than its window.
	reach = 4 << 10
	// apart are bytes of line ends that stand for values that were left out.
	apart = 64
	// phase is how often the engine looks, in bytes: a multiple of its stride.
	phase = 2 << 10
)

// recalled is one value and what was found in it.
type recalled struct {
	table  uint32
	column int32
	number int32 // one more than that of the shared string it is, 0 for none
	order  int64 // of the cell that was looked through
	end    int64 // of that one in the stream
	judged element.Kind
	size   uint8
	count  uint8 // of found; more than recallFindings is not remembered
	found  [recallFindings]element.Kind
	value  [longestRecall]byte
}

// begin starts with another table.
func (r *recall) begin() uint32 {
	if r.entries == nil {
		r.entries, r.seed = make([]recalled, recallEntries), maphash.MakeSeed()
	}
	r.table++
	return r.table
}

// forget forgets all values.
func (r *recall) forget() { clear(r.entries) }

// slot returns where the value of a column is or would be, and whether it is there.
func (r *recall) slot(table uint32, column int, value []byte) (slot uint64, known bool) {
	slot = (maphash.Bytes(r.seed, value) + uint64(column)*0x9E3779B97F4A7C15) % recallEntries
	e := &r.entries[slot]
	return slot, e.table == table && int(e.column) == column && string(e.value[:e.size]) == string(value)
}

// numbers are where the entries of a table's shared strings are, so that a string that
// comes again is not compared. Strings with high numbers came late and are looked up
// by their bytes.
type numbers []int16

// mostNumbers bounds them.
const mostNumbers = 1 << 16

// of returns the entry of a shared string in a column, nil when it is not there.
func (r *recall) of(at numbers, table uint32, column, number int) *recalled {
	if number >= len(at) {
		return nil
	}
	e := &r.entries[at[number]]
	if e.number != int32(number)+1 || e.table != table || int(e.column) != column {
		return nil
	}
	return e
}

// note notes that e is a shared string.
func (r *recall) note(at *numbers, e *recalled, slot uint64, number int) {
	if number >= mostNumbers {
		return
	}
	if more := number + 1 - len(*at); more > 0 {
		*at = append(*at, make(numbers, more)...)
	}
	(*at)[number], e.number = int16(slot), int32(number)+1
}

// habit is how often the values of a column come again: where they do not, nothing is
// remembered.
type habit struct{ asked, known uint32 }

const habitSpan = 1 << 10 // values after which a column is judged, and sixteen times as many after which it is tried again

// worth counts a value and reports whether the column's values are remembered.
func (h *habit) worth() bool {
	h.asked++
	if h.asked == 16*habitSpan {
		*h = habit{}
	}
	return h.asked < habitSpan || h.known*4 >= min(h.asked, habitSpan)
}

// set remembers value, of which nothing is found yet.
func (e *recalled) set(table uint32, column int, value []byte, judged element.Kind, order, end int64) {
	e.table, e.column, e.number, e.order, e.end, e.judged, e.count = table, int32(column), 0, order, end, judged, 0
	e.size = uint8(copy(e.value[:], value))
}

// add adds what was found in the value.
func (e *recalled) add(k element.Kind) {
	if e.count < recallFindings {
		e.found[e.count] = k
	}
	e.count = min(e.count, recallFindings) + 1
}

// complete reports whether everything was found, when the stream is at end.
func (e *recalled) complete(end int64) bool {
	return end >= e.end+reach && e.count <= recallFindings
}

// alone reports whether what is found in value depends on it alone, and whether
// nothing near it depends on it: the engine's context ends with the line, and what
// goes on beyond lines (numbers in pieces, quoted-printable, base64, 〒, escapes) has
// bytes that are not among these. Long numbers are not alone: how likely they are
// cards depends on their column.
func alone(value []byte) bool {
	if len(value) > longestRecall {
		return false
	}
	digits, run, before := 0, 0, uint8(0)
	for i, c := range value {
		f := lone[c]
		switch {
		case f == 0, before == loneDigit && (c == 0xE3 || c == 0xE5), c == 0x92 && i > 1 && value[i-1] == 0x80 && value[i-2] == 0xE3:
			return false
		case f == loneByte:
			run = 0
		case f == loneDigit:
			digits++
			run++
		default:
			run++
		}
		if run > 19 || digits > 11 {
			return false
		}
		before = f
	}
	return true
}

const (
	loneByte = 1 + iota
	loneLetter
	loneDigit
)

// lone are the bytes that a value that stands alone may have.
var lone = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = loneDigit
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			t[c] = loneLetter
		case c == ' ' || c == '-' || c == '.' || c == '@' || c == '_' || c == '(' || c == ')':
			t[c] = loneByte
		case c >= 0x80 && c < 0xC0, c >= 0xE3 && c <= 0xE9:
			t[c] = loneByte
		}
	}
	return t
}()
