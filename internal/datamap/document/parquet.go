package document

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	pq "github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

const (
	// maxGroup bounds what is in memory of a group of rows at once: a page and a
	// dictionary of each column.
	maxGroup = 192 << 20
	// maxColumn bounds the same of one column.
	maxColumn = 64 << 20
	// valueRoom is what a value of a page takes beside its bytes.
	valueRoom = 8
	// rowRoom is the same of a value of a row, which may have many of one column.
	rowRoom = 32
	// rowBatch is how many rows are read at once, if they are not too large.
	rowBatch = 64
	// maxPageHeader bounds the header of a page, with what it says of its values.
	maxPageHeader = 256 << 10
)

// checkParquet looks through the list of what a file has before it is read (Apache
// Parquet Format 2.11, File format).
func checkParquet(at io.ReaderAt, size int64) error {
	var tail [8]byte
	if _, err := at.ReadAt(tail[:], size-8); size < 12 || err != nil && err != io.EOF {
		return io.ErrUnexpectedEOF
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(tail[4:]) == "PARE":
		return errEncrypted
	case string(tail[4:]) != "PAR1" || length > size-12:
		return io.ErrUnexpectedEOF
	case length > maxDirectory:
		return errLimit
	}
	list := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(at, size-8-length, length), list); err != nil {
		return io.ErrUnexpectedEOF
	}
	t := &thriftWalk{left: list}
	t.record(func(id int64, is byte) {
		if id != 2 || is != thriftList { // 2: the schema
			t.skip(is, 1, false)
			return
		}
		n, of := t.list()
		if of != thriftRecord {
			t.bad = true
		}
		var open []int64 // children that are to come of the groups that are open
		for ; n > 0 && !t.stop(); n-- {
			for len(open) > 0 && open[len(open)-1] == 0 {
				open = open[:len(open)-1]
			}
			if len(open) > 0 {
				open[len(open)-1]--
			}
			t.record(func(id int64, is byte) {
				if id == 5 && is == thriftByte+2 {
					open = append(open, t.number())
				} else {
					t.skip(is, 2, false)
				}
			})
			t.over = t.over || len(open) > thriftDepth
		}
	})
	return t.err()
}

// pageWalk looks through pages before they are read, for what they are unpacked to: a
// header says how much it is, and the library unpacks whatever there is.
type pageWalk struct {
	j    *job
	at   io.ReaderAt
	size int64
	head []byte
	gzip gzip.Reader
	br   *brotli.Reader
	zstd *zstd.Decoder
	done []func()
	// leaves are the columns, in their order.
	leaves []parquetLeaf
	body   []byte // of the last page
	batch  int    // rows of the group that may be read at once
}

func (w *pageWalk) close() {
	for _, f := range w.done {
		f()
	}
}

// group returns errLimit for a group of rows that takes too much memory.
func (w *pageWalk) group(g *pq.RowGroup) error {
	total, many := int64(0), int64(0)
	for i := range g.Columns {
		leaf := parquetLeaf{}
		if i < len(w.leaves) {
			leaf = w.leaves[i]
		}
		one, batch, err := w.column(&g.Columns[i].MetaData, leaf)
		if err != nil {
			return err
		}
		many += batch
		if total += one; one > maxColumn || total > maxGroup {
			return errLimit
		}
	}
	w.body = nil // before there is anything of the group
	if w.batch = rowBatch; many > maxGroup {
		w.batch = 1
	}
	return nil
}

// column returns what is in memory of a column at once: when rows are read one by one,
// and when many are.
func (w *pageWalk) column(c *pq.ColumnMetaData, leaf parquetLeaf) (one, many int64, err error) {
	from := c.DataPageOffset
	if c.DictionaryPageOffset != 0 {
		from = c.DictionaryPageOffset
	}
	if from < 0 || c.TotalCompressedSize < 0 || from > w.size || c.TotalCompressedSize > w.size-from {
		return 0, 0, io.ErrUnexpectedEOF
	}
	dictionary := int64(0)
	ones, batches := rowWindow{batch: 1}, rowWindow{batch: rowBatch}
	for end := from + c.TotalCompressedSize; from < end; {
		if err := w.j.ctx.Err(); err != nil {
			return 0, 0, err
		}
		p, err := w.page(from, end)
		if err != nil {
			return 0, 0, err
		}
		out := p.unpacked
		if out > maxColumn || p.packed > maxColumn || p.values > maxColumn/valueRoom {
			return 0, 0, errLimit
		}
		if !p.plain {
			if err := w.unpack(c.Codec, io.NewSectionReader(w.at, p.at+p.levels, p.packed-p.levels), out-p.levels); err != nil {
				return 0, 0, err
			}
		}
		need := out + p.packed + p.values*valueRoom
		from = p.at + p.packed
		if p.kind == int64(pq.DictionaryPage) {
			dictionary = max(dictionary, need)
			continue
		}
		more, rows, err := w.look(c.Codec, &p, leaf)
		if err != nil {
			return 0, 0, err
		}
		if need += more; leaf.repeated > 0 {
			need += p.values * rowRoom
		}
		goesOn := leaf.repeated > 0 && (!p.second || rows == 0)
		ones.add(rows, need, goesOn)
		batches.add(rows, need, goesOn)
	}
	return ones.most + dictionary, batches.most + dictionary, nil
}

// parquetPage is what the header of a page says.
type parquetPage struct {
	at                     int64 // of its data
	kind, unpacked, packed int64
	values                 int64
	levels, repeats        int64 // bytes that are never packed, and those of them that say which rows begin
	encoding               int64
	second                 bool // of the second kind
	plain                  bool // nothing is packed
}

func isNumber(is byte) bool { return is > thriftByte && is <= thriftI64 }

// data goes through what a header says of the values. Pages of the second kind say how
// long their levels are.
func (p *parquetPage) data(t *thriftWalk, second bool) {
	p.second = second
	t.record(func(id int64, is byte) {
		switch {
		case id == 1 && isNumber(is):
			p.values = t.number()
		case (id == 2 && !second || id == 4 && second) && isNumber(is):
			p.encoding = t.number()
		case second && (id == 5 || id == 6) && isNumber(is):
			n := max(t.number(), 0)
			if p.levels += n; id == 6 {
				p.repeats = n
			}
		case second && id == 7 && is == thriftTrue+1:
			p.plain = true
		default:
			t.skip(is, 2, false)
		}
	})
}

func (w *pageWalk) page(from, end int64) (p parquetPage, err error) {
	for size := int64(512); ; size = maxPageHeader {
		size = min(size, end-from)
		if int64(cap(w.head)) < size {
			w.head = make([]byte, size)
		}
		head := w.head[:size]
		if _, err := io.ReadFull(io.NewSectionReader(w.at, from, size), head); err != nil {
			return p, io.ErrUnexpectedEOF
		}
		p = parquetPage{}
		t := &thriftWalk{left: head}
		t.record(func(id int64, is byte) {
			switch {
			case id > 0 && id <= 3 && isNumber(is):
				*[]*int64{&p.kind, &p.unpacked, &p.packed}[id-1] = t.number()
			case (id == 5 || id == 7 || id == 8) && is == thriftRecord: // a page of two kinds, or a dictionary
				p.data(t, id == 8)
			default:
				t.skip(is, 1, false)
			}
		})
		p.at = from + size - int64(len(t.left))
		switch {
		case t.bad && size == min(512, end-from) && size < end-from: // it may be longer
			continue
		case t.bad && size == maxPageHeader:
			return p, errLimit
		case t.err() != nil:
			return p, t.err()
		case p.unpacked < 0 || p.packed < 0 || p.values < 0 || p.levels < 0 || p.packed > end-p.at || p.levels > p.packed || p.levels > p.unpacked:
			return p, errBroken
		}
		return p, nil
	}
}

var errUnpacked = errors.New("a page is longer than it says")

// unpack counts what a page is unpacked to.
func (w *pageWalk) unpack(codec pq.CompressionCodec, r *io.SectionReader, most int64) error {
	var inner io.Reader
	var err error
	switch codec {
	case pq.Snappy: // which says it at its beginning
		var head [binary.MaxVarintLen64]byte
		n, _ := io.ReadFull(r, head[:])
		if size, k := binary.Uvarint(head[:n]); k > 0 && size > uint64(most) {
			return errUnpacked
		}
		return nil
	case pq.Gzip:
		err = w.gzip.Reset(r)
		inner = &w.gzip
	case pq.Brotli:
		if w.br == nil {
			w.br = brotli.NewReader(r)
		}
		err = w.br.Reset(r)
		inner = w.br
	case pq.Zstd:
		if w.zstd == nil {
			release, werr := w.j.window(usualZstd)
			if werr != nil {
				return werr
			}
			if w.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)); err != nil {
				release()
				return err
			}
			w.done = append(w.done, w.zstd.Close, release)
		}
		err = w.zstd.Reset(r)
		inner = w.zstd
	case pq.Lz4Raw:
		return lz4Length(r, most)
	default:
		return nil
	}
	if err != nil {
		return nil // the reader meets it, too
	}
	if n, _ := io.Copy(io.Discard, io.LimitReader(inner, most+1)); n > most {
		return errUnpacked
	}
	return nil
}

// lz4Length counts what a block of LZ4 is unpacked to (LZ4 Block Format) before room is
// made for it.
func lz4Length(r io.Reader, most int64) error {
	block, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b, out := block, int64(0)
	more := func(n int64) int64 {
		if n < 15 {
			return n
		}
		for i, c := range b {
			n += int64(c)
			if c != 255 {
				b = b[i+1:]
				return n
			}
		}
		b = nil
		return n
	}
	for len(b) > 0 && out <= most {
		token := b[0]
		b = b[1:]
		literals := more(int64(token >> 4))
		out += literals
		if literals+2 > int64(len(b)) {
			break
		}
		b = b[literals+2:]
		out += more(int64(token&15)) + 4
	}
	if out > most {
		return errUnpacked
	}
	// The library tries a damaged block again, with twice the room, for ever.
	if n, err := lz4.UncompressBlock(block, make([]byte, out)); err != nil || int64(n) != out {
		return errBroken
	}
	return nil
}

// isParquetLimit reports whether a group is left out for its size, not for its damage.
func isParquetLimit(err error) bool {
	return errors.Is(err, errLimit) || errors.Is(err, errUnpacked)
}
