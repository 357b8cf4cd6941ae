package document

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// parquetLeaf says how deep the levels of a column go: 0 when its pages have none.
type parquetLeaf struct{ repeated, optional int }

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
			switch kind, ok := e.RepetitionType.Get(); {
			case ok && kind == pq.Repeated:
				of.repeated++
				of.optional++
			case ok && kind != pq.Required:
				of.optional++
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

// bitsFor returns how many bits a level takes.
func bitsFor(most int) (bits uint64) {
	for ; most > 0; most >>= 1 {
		bits++
	}
	return bits
}

// look goes through what a page is made of before it is read: the reader makes room for
// as many values as a run says that there are, which may be two billion in six bytes. It
// returns how long the values are beyond what the page is unpacked to, and how many rows
// begin in it.
func (w *pageWalk) look(codec pq.CompressionCodec, p *parquetPage, leaf parquetLeaf) (more, rows int64, err error) {
	levels := make([]byte, p.levels)
	if _, err := io.ReadFull(io.NewSectionReader(w.at, p.at, p.levels), levels); err != nil {
		return 0, 0, io.ErrUnexpectedEOF
	}
	packed := make([]byte, p.packed-p.levels)
	if _, err := io.ReadFull(io.NewSectionReader(w.at, p.at+p.levels, int64(len(packed))), packed); err != nil {
		return 0, 0, io.ErrUnexpectedEOF
	}
	page := packed
	if !p.plain && codec != pq.Uncompressed {
		if int64(cap(w.body)) < p.unpacked-p.levels {
			w.body = make([]byte, 0, p.unpacked-p.levels)
		}
		// The reader meets an error here, too, and before it looks at what is in the page.
		page, err = parquet.LookupCompressionCodec(codec).Decode(w.body[:0], packed)
	}
	broken := err != nil
	sections := [2][]byte{}
	if p.second {
		if p.repeats > p.levels {
			return 0, 0, errBroken
		}
		sections = [2][]byte{levels[:p.repeats], levels[p.repeats:]}
	}
	rows = p.values
	for i, most := range []int{leaf.repeated, leaf.optional} {
		switch {
		case most == 0, !p.second && broken:
			continue
		case !p.second:
			if len(page) < 4 || int64(binary.LittleEndian.Uint32(page)) > int64(len(page)-4) {
				return 0, 0, errBroken
			}
			n := 4 + int(binary.LittleEndian.Uint32(page))
			sections[i], page = page[4:n], page[n:]
		}
		if p.second && len(sections[i]) == 0 {
			continue
		}
		if i == 0 {
			rows = 0
		}
		zeros, err := runs32(sections[i], bitsFor(most), p.values, i == 0)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			rows = zeros
		}
	}
	if broken {
		return 0, rows, nil
	}
	more, err = w.values(p, page)
	return more, rows, err
}

// values goes through the values of a page by their encoding (Encodings).
func (w *pageWalk) values(p *parquetPage, page []byte) (more int64, err error) {
	switch pq.Encoding(p.encoding) {
	//lint:ignore SA1019 files that are older have it
	case pq.RLEDictionary, pq.PlainDictionary:
		if len(page) == 0 { // of nothing but nulls
			return 0, nil
		}
		_, err = runs32(page[1:], uint64(page[0]), p.values, false)
	case pq.RLE:
		if len(page) > 4 {
			_, err = runs32(page[4:], 1, p.values, false)
		}
	case pq.DeltaBinaryPacked:
		if len(page) > 0 {
			_, _, err = deltaSum(page, p.values, false)
		}
	case pq.DeltaLengthByteArray:
		if len(page) > 0 {
			_, _, err = deltaSum(page, p.values, true)
		}
	case pq.DeltaByteArray: // each says how much of the one before it begins with
		if len(page) == 0 {
			return 0, nil
		}
		var rest []byte
		if more, rest, err = deltaSum(page, p.values, true); err == nil {
			_, _, err = deltaSum(rest, p.values, true)
		}
	}
	return more, err
}

// maxFill is more than writers fill a last run up with.
const maxFill = 1 << 10

// runs32 goes through runs of numbers (Encodings §RLE). There are no more of them than
// values, but for what fills the last run up. It counts the zeros when it is asked.
func runs32(b []byte, width uint64, most int64, count bool) (zeros int64, err error) {
	if width > 32 {
		return 0, errBroken
	}
	seen := int64(0)
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return zeros, errBroken
		}
		b = b[n:]
		if head>>1 > 1<<31 {
			return zeros, errLimit
		}
		run, size := int64(head>>1), (width+7)/8
		if head&1 != 0 {
			size = uint64(run) * width
			run *= 8
		}
		if seen += run; seen > most+maxFill {
			return zeros, errLimit
		}
		if size > uint64(len(b)) {
			if head&1 == 0 {
				return zeros, errBroken
			}
			size = uint64(len(b))
		}
		switch values := b[:size]; {
		case !count:
		case head&1 == 0:
			zero := true
			for _, c := range values {
				zero = zero && c == 0
			}
			if zero {
				zeros += run
			}
		default:
			for i := range uint64(run) {
				value := false
				for bit := i * width; bit < (i+1)*width && bit/8 < size; bit++ {
					value = value || values[bit/8]>>(bit%8)&1 != 0
				}
				if !value {
					zeros++
				}
			}
		}
		b = b[size:]
	}
	return min(zeros, most), nil
}

// deltaSum goes through numbers (Encodings §Delta Encoding), of which there are no more
// than values. Lengths are added up; none is less than 0.
func deltaSum(b []byte, most int64, lengths bool) (sum int64, rest []byte, err error) {
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
	if bad || minis == 0 || minis > 1<<10 || block > 1<<20 || block/minis%8 != 0 {
		return 0, nil, errBroken
	}
	if left > uint64(max(most, 0)) {
		return 0, nil, errLimit
	}
	add := func() bool {
		left--
		if !lengths {
			return true
		}
		sum += value
		return value >= 0 && value <= maxColumn && sum <= maxColumn
	}
	if left > 0 && !add() {
		return 0, nil, errLimit
	}
	for left > 0 {
		least := signed()
		if bad || uint64(len(b)) < minis {
			return 0, nil, errBroken
		}
		widths := b[:minis]
		b = b[minis:]
		for _, width := range widths {
			if left == 0 {
				break
			}
			size := min(block/minis*uint64(width)/8, uint64(len(b))) // what is missing is 0
			if width > 64 {
				return 0, nil, errBroken
			}
			if !lengths {
				left -= min(left, block/minis)
				b = b[size:]
				continue
			}
			for i := uint64(0); i < block/minis && left > 0; i++ {
				delta := uint64(0)
				for bit := range uint64(width) {
					if at := i*uint64(width) + bit; at/8 < size && b[at/8]>>(at%8)&1 != 0 {
						delta |= 1 << bit
					}
				}
				value += least + int64(delta)
				if !add() {
					return 0, nil, errLimit
				}
			}
			b = b[size:]
		}
	}
	return sum, b, nil
}

// rowWindow is what pages of a column take that rows are in which are read at once.
type rowWindow struct {
	batch      int64
	pages      []pageRows
	rows, need int64 // of them
	most       int64
}

type pageRows struct{ rows, need int64 }

// add takes the next page. Rows begin in it; a row from before may go on in it.
func (w *rowWindow) add(rows, need int64, goesOn bool) {
	w.pages = append(w.pages, pageRows{rows, need})
	w.rows, w.need = w.rows+rows, w.need+need
	enough := w.batch // rows between, for the first page to have none in common with this one
	if !goesOn {
		enough--
	}
	for len(w.pages) > 1 && w.rows-w.pages[0].rows-rows >= enough {
		w.rows, w.need = w.rows-w.pages[0].rows, w.need-w.pages[0].need
		w.pages = w.pages[1:]
	}
	w.most = max(w.most, w.need)
}
