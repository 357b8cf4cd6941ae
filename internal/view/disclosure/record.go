package disclosure

import (
	"encoding/binary"

	"sekisho/internal/event"
)

// record is one part of one crossing.
//
// A page holds records one behind the other, each a list of varints: ledger
// index less the page's first, lo less the start of the hour, hi less lo (ns),
// lo less since (ns), session, series, statement, rows, rows without number, number of ranges, and
// for each range its first less the end of the previous one (the first: itself)
// and its last less its first. A page holds recordsPerPage records, the last
// one of an hour fewer.
type record struct {
	index     uint64
	lo, hi    int64 // UTC ns, widened by the clock error
	since     int64 // from when on it may have rested there; never after lo
	session   uint32
	series    uint32
	statement uint32
	rows      uint64
	lost      uint64
	set       event.Set
}

const (
	recordsPerPage = 4096
	hourNS         = int64(3600e9)
	secondNS       = int64(1e9)
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func hourOf(ns int64) int64 { return floorDiv(ns, hourNS) }

func (r *record) append(dst []byte, first uint64) []byte {
	dst = binary.AppendUvarint(dst, r.index-first)
	dst = binary.AppendUvarint(dst, uint64(r.lo-hourOf(r.lo)*hourNS))
	dst = binary.AppendUvarint(dst, uint64(r.hi-r.lo))
	dst = binary.AppendUvarint(dst, uint64(r.lo-r.since))
	dst = binary.AppendUvarint(dst, uint64(r.session))
	dst = binary.AppendUvarint(dst, uint64(r.series))
	dst = binary.AppendUvarint(dst, uint64(r.statement))
	dst = binary.AppendUvarint(dst, r.rows)
	dst = binary.AppendUvarint(dst, r.lost)
	dst = binary.AppendUvarint(dst, uint64(len(r.set)))
	last := uint32(0)
	for _, x := range r.set {
		dst = binary.AppendUvarint(dst, uint64(x.First-last))
		dst = binary.AppendUvarint(dst, uint64(x.Last-x.First))
		last = x.Last
	}
	return dst
}

// records reads a page.
type records struct {
	data  []byte
	first uint64
	start int64 // of the hour
	bad   bool
	r     record
}

// next reads the next record into p.r, whose set is overwritten each time.
func (p *records) next() bool {
	if len(p.data) == 0 || p.bad {
		return false
	}
	d, r := p.data, &p.r
	v, i := varint(d, 0)
	r.index = p.first + v
	v, i = varint(d, i)
	r.lo = p.start + int64(v)
	v, i = varint(d, i)
	r.hi = r.lo + int64(v)
	v, i = varint(d, i)
	r.since = r.lo - int64(v)
	v, i = varint(d, i)
	r.session = uint32(v)
	v, i = varint(d, i)
	r.series = uint32(v)
	v, i = varint(d, i)
	r.statement = uint32(v)
	r.rows, i = varint(d, i)
	r.lost, i = varint(d, i)
	n, i := varint(d, i)
	r.set = r.set[:0]
	last := uint32(0)
	for ; n > 0 && i <= len(d); n-- {
		var first, length uint64
		first, i = varint(d, i)
		length, i = varint(d, i)
		r.set = append(r.set, event.Range{First: last + uint32(first), Last: last + uint32(first) + uint32(length)})
		last += uint32(first) + uint32(length)
	}
	if i > len(d) {
		p.bad, p.data = true, nil
		return false
	}
	p.data = d[i:]
	return true
}

// seconds returns the whole seconds in which what a record shows may have rested
// where it came from.
func (r *record) seconds() (first, last uint32) {
	return clampSecond(floorDiv(r.since, secondNS)), clampSecond(floorDiv(r.hi, secondNS))
}

// clampSecond keeps a second in the numbers of a bag: 1970 to 2106.
func clampSecond(s int64) uint32 { return uint32(min(max(s, 0), 1<<32-1)) }
