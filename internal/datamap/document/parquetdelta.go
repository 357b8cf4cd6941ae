package document

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// parquetLeaf says whether the pages of a column have levels.
type parquetLeaf struct{ repeated, optional bool }

// leavesOf returns the columns of a schema in their order. What is within a group that
// is repeated or optional is, too.
func leavesOf(schema []pq.SchemaElement) (leaves []parquetLeaf) {
	at := 0
	var walk func(of parquetLeaf, depth int)
	walk = func(of parquetLeaf, depth int) {
		if at >= len(schema) || depth > thriftDepth {
			return
		}
		e := &schema[at]
		at++
		if at > 1 { // the root has none
			if kind, ok := e.RepetitionType.Get(); ok {
				of.repeated = of.repeated || kind == pq.Repeated
				of.optional = of.optional || kind != pq.Required
			}
		}
		n, _ := e.NumChildren.Get()
		if n == 0 {
			leaves = append(leaves, of)
		}
		for range n {
			walk(of, depth+1)
		}
	}
	walk(parquetLeaf{}, 0)
	return leaves
}

// prefixes returns how long the values of a page are beyond what it is unpacked to: in
// DELTA_BYTE_ARRAY each says how much of the one before it begins with (Encodings §Delta
// Strings), so that a page of a megabyte may be a terabyte.
func (w *pageWalk) prefixes(codec pq.CompressionCodec, p *parquetPage, leaf parquetLeaf) (int64, error) {
	page := make([]byte, p.packed-p.levels)
	if _, err := io.ReadFull(io.NewSectionReader(w.at, p.at+p.levels, int64(len(page))), page); err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	if !p.plain && codec != pq.Uncompressed {
		of := parquet.LookupCompressionCodec(codec)
		var err error
		if page, err = of.Decode(make([]byte, 0, p.unpacked-p.levels), page); err != nil {
			return 0, errBroken
		}
	}
	for _, has := range []bool{leaf.repeated && !p.second, leaf.optional && !p.second} {
		if !has {
			continue
		}
		if len(page) < 4 {
			return 0, errBroken
		}
		n := int64(binary.LittleEndian.Uint32(page))
		if n > int64(len(page)-4) {
			return 0, errBroken
		}
		page = page[4+n:]
	}
	return deltaSum(page, p.values)
}

// deltaSum adds numbers up (Encodings §Delta Encoding). None is less than 0.
func deltaSum(b []byte, most int64) (sum int64, err error) {
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad, n = true, 0
		}
		b = b[n:]
		return v
	}
	signed := func() int64 { v := next(); return int64(v>>1) ^ -int64(v&1) }
	block, minis, left, value := next(), next(), next(), signed()
	if bad || minis == 0 || minis > 1<<10 || block > 1<<20 || block/minis%8 != 0 || left > uint64(max(most, 0)) {
		return 0, errBroken
	}
	add := func() bool {
		sum += value
		left--
		return value >= 0 && value <= maxColumn && sum <= maxColumn
	}
	if left > 0 && !add() {
		return 0, errLimit
	}
	for left > 0 {
		least := signed()
		if bad || uint64(len(b)) < minis {
			return 0, errBroken
		}
		widths := b[:minis]
		b = b[minis:]
		for _, width := range widths {
			if left == 0 {
				break
			}
			size := block / minis * uint64(width) / 8
			if width > 64 || size > uint64(len(b)) {
				return 0, errBroken
			}
			for i := uint64(0); i < block/minis && left > 0; i++ {
				delta := uint64(0)
				for bit := range uint64(width) {
					if at := i*uint64(width) + bit; b[at/8]>>(at%8)&1 != 0 {
						delta |= 1 << bit
					}
				}
				value += least + int64(delta)
				if !add() {
					return 0, errLimit
				}
			}
			b = b[size:]
		}
	}
	return sum, nil
}
