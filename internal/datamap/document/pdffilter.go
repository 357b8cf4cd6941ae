package document

import (
	"bufio"
	"bytes"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// errPDFCoding is a stream in a coding that is not read.
var errPDFCoding = errors.New("a coding that is not read")

const (
	pdfFilters = 8       // of one stream
	pdfRow     = 1 << 20 // bytes of a row of a predictor
)

// isPicture reports whether a filter is one of pictures (ISO 32000-1 §7.4).
func isPicture(filter any) bool {
	switch filter {
	case pdfName("DCTDecode"), pdfName("DCT"), pdfName("JPXDecode"), pdfName("CCITTFaxDecode"), pdfName("CCF"), pdfName("JBIG2Decode"):
		return true
	}
	return false
}

// filters returns a stream's filters and what each is told.
func (f *pdfFile) filters(d pdfDict) (names []any, params []pdfDict) {
	list := func(v any) []any {
		if v = f.resolve(v); v == nil {
			return nil
		} else if a, ok := v.([]any); ok {
			return a
		}
		return []any{v}
	}
	told := list(d["DecodeParms"])
	for i, name := range list(d["Filter"]) {
		if i > pdfFilters {
			break
		}
		var p pdfDict
		if i < len(told) {
			p = f.dict(told[i])
		}
		names, params = append(names, f.resolve(name)), append(params, p)
	}
	return names, params
}

// open returns a stream as it is without its filters. What comes out counts against
// the limits.
func (f *pdfFile) open(n int32) (io.Reader, error) {
	o := &f.objects[n]
	d, _ := f.value(n).(pdfDict)
	names, params := f.filters(d)
	if len(names) > pdfFilters {
		return nil, errLimit
	}
	r, err := f.decrypted(o, d, names, params)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		switch name {
		case pdfName("FlateDecode"), pdfName("Fl"):
			b := bufio.NewReader(r)
			if h, _ := b.Peek(2); len(h) < 2 || h[0]&0xf != 8 || (int(h[0])<<8|int(h[1]))%31 != 0 {
				return nil, io.ErrUnexpectedEOF
			}
			b.Discard(2) // and no checksum at the end: everything came before it
			r = metered{f.j, flate.NewReader(b)}
		case pdfName("LZWDecode"), pdfName("LZW"):
			z := &lzwReader{r: bufio.NewReader(r), early: 1}
			if n, ok := f.resolve(params[i]["EarlyChange"]).(float64); ok && n == 0 {
				z.early = 0
			}
			z.reset()
			r = metered{f.j, z}
		case pdfName("RunLengthDecode"), pdfName("RL"):
			r = metered{f.j, &runLength{r: bufio.NewReader(r)}}
		case pdfName("ASCIIHexDecode"), pdfName("AHx"):
			r = hex.NewDecoder(&hexDigits{r: r})
		case pdfName("ASCII85Decode"), pdfName("A85"):
			b := bufio.NewReader(r)
			if h, _ := b.Peek(2); string(h) == "<~" { // as btoa writes it
				b.Discard(2)
			}
			r = ascii85.NewDecoder(&until{r: b, end: '~'})
		case pdfName("Crypt"):
			if n := f.resolve(params[i]["Name"]); n != nil && n != pdfName("Identity") && (f.crypt == nil || i > 0) {
				return nil, errEncrypted
			}
		default:
			return nil, errPDFCoding
		}
		if r, err = f.predictor(r, params[i]); err != nil {
			return nil, err
		}
	}
	return spent{f, r}, nil
}

// spent counts the work on what is read.
type spent struct {
	f *pdfFile
	r io.Reader
}

// Read implements io.Reader.
func (s spent) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if !s.f.spend(int64(n) + 1) {
		return n, errPDFWork
	}
	return n, err
}

// until ends a stream before a byte.
type until struct {
	r    io.Reader
	end  byte
	over bool
}

// Read implements io.Reader.
func (u *until) Read(p []byte) (int, error) {
	if u.over {
		return 0, io.EOF
	}
	n, err := u.r.Read(p)
	if i := bytes.IndexByte(p[:n], u.end); i >= 0 {
		u.over = true
		return i, io.EOF
	}
	return n, err
}

// hexDigits passes on the digits before ">", an even number of them.
type hexDigits struct {
	r    io.Reader
	odd  bool
	over bool
}

// Read implements io.Reader.
func (h *hexDigits) Read(p []byte) (int, error) {
	for !h.over && len(p) > 1 {
		n, err := h.r.Read(p[:len(p)-1])
		kept := 0
		for _, c := range p[:n] {
			if c == '>' {
				h.over = true
				break
			}
			if isHex(c) {
				p[kept] = c
				kept++
			}
		}
		h.odd = h.odd != (kept%2 == 1)
		if h.over = h.over || err == io.EOF; h.over && h.odd {
			p[kept], h.odd = '0', false
			kept++
		}
		if kept > 0 {
			return kept, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// runLength undoes RunLengthDecode (§7.4.5).
type runLength struct {
	r     *bufio.Reader
	left  int  // of the run
	same  bool // it is one byte again and again
	value byte
}

// Read implements io.Reader.
func (l *runLength) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.left == 0 {
		c, err := l.r.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		switch {
		case c == 128:
			return 0, io.EOF
		case c < 128:
			l.left, l.same = int(c)+1, false
		default:
			l.left, l.same = 257-int(c), true
			if l.value, err = l.r.ReadByte(); err != nil {
				return 0, io.ErrUnexpectedEOF
			}
		}
	}
	n := min(len(p), l.left)
	if l.same {
		for i := range p[:n] {
			p[i] = l.value
		}
	} else if m, err := io.ReadFull(l.r, p[:n]); err != nil {
		return m, io.ErrUnexpectedEOF
	}
	l.left -= n
	return n, nil
}

// lzwReader undoes LZWDecode (§7.4.4.2): codes of 9 to 12 bits, the first bit first,
// wider one code early unless told otherwise.
type lzwReader struct {
	r      io.ByteReader
	early  int
	bits   uint32
	n      uint // bits that are there
	width  uint
	next   int // code
	last   int // code before, -1 after a clear
	prefix [4096]uint16
	suffix [4096]byte
	first  [4096]byte
	out    []byte // from the end of room
	room   [4096]byte
}

func (z *lzwReader) reset() { z.width, z.next, z.last = 9, 258, -1 }

// Read implements io.Reader.
func (z *lzwReader) Read(p []byte) (int, error) {
	for len(z.out) == 0 {
		if err := z.code(); err != nil {
			return 0, err
		}
	}
	n := copy(p, z.out)
	z.out = z.out[n:]
	return n, nil
}

func (z *lzwReader) code() error {
	for z.n < z.width {
		c, err := z.r.ReadByte()
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		z.bits, z.n = z.bits<<8|uint32(c), z.n+8
	}
	z.n -= z.width
	code := int(z.bits >> z.n & (1<<z.width - 1))
	switch {
	case code == 256:
		z.reset()
		return nil
	case code == 257:
		return io.EOF
	case z.last < 0 && code > 255, code > z.next || code == z.next && z.next > 4095:
		return errBroken
	}
	head := byte(code)
	if code == z.next {
		head = z.first[z.last]
	} else if code > 257 {
		head = z.first[code]
	}
	if code < 256 {
		z.first[code], z.suffix[code] = byte(code), byte(code)
	}
	if z.last >= 0 && z.next < 4096 {
		z.prefix[z.next], z.suffix[z.next], z.first[z.next] = uint16(z.last), head, z.first[z.last]
		z.next++
	}
	if z.next+z.early >= 1<<z.width && z.width < 12 {
		z.width++
	}
	z.last = code
	at := len(z.room)
	for code > 257 {
		at--
		z.room[at] = z.suffix[code]
		code = int(z.prefix[code])
	}
	at--
	z.room[at] = byte(code)
	z.out = z.room[at:]
	return nil
}

// predictor undoes what stands for the differences of rows (§7.4.4.4).
func (f *pdfFile) predictor(r io.Reader, params pdfDict) (io.Reader, error) {
	get := func(name pdfName, otherwise int) int {
		n, ok := f.resolve(params[name]).(float64)
		if !ok {
			return otherwise
		}
		return int(max(0, min(n, 2*pdfRow)))
	}
	kind, colors, bits := get("Predictor", 1), get("Colors", 1), get("BitsPerComponent", 8)
	if kind < 2 {
		return r, nil
	}
	size := (colors*bits*get("Columns", 1) + 7) / 8
	if size < 1 || size > pdfRow || kind == 2 && bits != 8 {
		return nil, errPDFCoding
	}
	return &predicted{r: r, png: kind >= 10, by: max(1, colors*bits/8), row: make([]byte, size), above: make([]byte, size)}, nil
}

type predicted struct {
	r          io.Reader
	png        bool
	by         int // bytes of a pixel
	row, above []byte
	out        []byte
	err        error
}

// Read implements io.Reader.
func (d *predicted) Read(p []byte) (int, error) {
	if len(d.out) == 0 && d.err == nil {
		d.next()
	}
	n := copy(p, d.out)
	if d.out = d.out[n:]; n == 0 {
		return 0, d.err
	}
	return n, nil
}

func (d *predicted) next() {
	kind := [1]byte{1} // TIFF's is PNG's "sub"
	if d.png {
		if _, err := io.ReadFull(d.r, kind[:]); err != nil {
			d.err = err
			return
		}
	}
	d.row, d.above = d.above, d.row
	n, err := io.ReadFull(d.r, d.row)
	if d.err = err; err == io.ErrUnexpectedEOF {
		d.err = io.EOF // a last row may be short
	}
	for i := range d.row[:n] {
		var left, corner byte
		if i >= d.by {
			left, corner = d.row[i-d.by], d.above[i-d.by]
		}
		switch kind[0] {
		case 1:
			d.row[i] += left
		case 2:
			d.row[i] += d.above[i]
		case 3:
			d.row[i] += byte((int(left) + int(d.above[i])) / 2)
		case 4:
			d.row[i] += paeth(left, d.above[i], corner)
		}
	}
	d.out = d.row[:n]
}

// paeth chooses the neighbour that is nearest (PNG, third edition, §9.4).
func paeth(left, above, corner byte) byte {
	abs := func(n int) int { return max(n, -n) }
	p := int(left) + int(above) - int(corner)
	a, b, c := abs(p-int(left)), abs(p-int(above)), abs(p-int(corner))
	switch {
	case a <= b && a <= c:
		return left
	case b <= c:
		return above
	}
	return corner
}
