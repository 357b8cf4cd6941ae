package disclosure

import (
	"encoding/binary"

	"sekisho/internal/event"
)

// record is one part of one crossing.
//
// A page holds records one behind the other, each a list of varints: ledger
// index less the page's first, lo less the start of the hour, hi less lo (ns),
// session, series, statement, rows, rows without number, number of ranges, and
// for each range its first less the end of the previous one (the first: itself)
// and its last less its first. A page holds recordsPerPage records, the last
// one of an hour fewer.
type record struct {
	index     uint64
	lo, hi    int64 // UTC ns, widened by the clock error
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

func (p *records) uvarint() uint64 {
	d := p.data
	if len(d) > 0 && d[0] < 0x80 {
		p.data = d[1:]
		return uint64(d[0])
	}
	if len(d) > 1 && d[1] < 0x80 {
		p.data = d[2:]
		return uint64(d[0]&0x7f) | uint64(d[1])<<7
	}
	return p.long()
}

func (p *records) long() uint64 {
	v, n := binary.Uvarint(p.data)
	if n <= 0 {
		p.bad, p.data = true, nil
		return 0
	}
	p.data = p.data[n:]
	return v
}

// next reads the next record into p.r, whose set is overwritten each time.
func (p *records) next() bool {
	if len(p.data) == 0 || p.bad {
		return false
	}
	r := &p.r
	r.index = p.first + p.uvarint()
	r.lo = p.start + int64(p.uvarint())
	r.hi = r.lo + int64(p.uvarint())
	r.session = uint32(p.uvarint())
	r.series = uint32(p.uvarint())
	r.statement = uint32(p.uvarint())
	r.rows = p.uvarint()
	r.lost = p.uvarint()
	n := p.uvarint()
	r.set = r.set[:0]
	last := uint32(0)
	for ; n > 0 && !p.bad; n-- {
		first := last + uint32(p.uvarint())
		last = first + uint32(p.uvarint())
		r.set = append(r.set, event.Range{First: first, Last: last})
	}
	return !p.bad
}

// seconds returns the whole seconds that a record touches.
func (r *record) seconds() (first, last uint32) {
	return clampSecond(floorDiv(r.lo, secondNS)), clampSecond(floorDiv(r.hi, secondNS))
}

// clampSecond keeps a second in the numbers of a bag: 1970 to 2106.
func clampSecond(s int64) uint32 { return uint32(min(max(s, 0), 1<<32-1)) }
