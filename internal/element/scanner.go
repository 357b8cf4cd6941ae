package element

import (
	"errors"
	"io"
)

// The window: every decision looks at most lookBehind bytes before its trigger
// and lookAhead bytes after the trigger's stride of blocks, and is taken when
// those bytes are there. Strides begin at fixed places of the stream. That alone
// makes findings independent of how bytes are cut into chunks. Before the
// beginning and after the end there are zero bytes.
const (
	lookBehind = 512
	lookAhead  = 1024
	stride     = 32 // blocks looked at together, at fixed places of the stream
	minBuffer  = 8 << 10
)

// ErrClosed is returned by Write after Close.
var ErrClosed = errors.New("element scanner is closed (SK5301)")

// Options say what a Scanner looks for. The zero value looks for everything
// that can be found in text without knowing its columns.
type Options struct {
	// Kinds are the elements wanted; 0 is all. Card numbers alone are found
	// several times faster.
	Kinds Mask
	// Encoding of the stream; Auto finds out.
	Encoding Encoding
	// MinConfidence is the least confidence reported, in percent; 0 means 50.
	MinConfidence int
	// Buffer is the size of the window in bytes; 0 means 64 KiB, the least is
	// 8 KiB. Findings do not depend on it.
	Buffer int
	// Hash, when set, replaces the mask of every finding by a keyed hash of
	// the value's canonical form: digits for numbers, the bytes as they stand
	// otherwise. It must not keep the bytes.
	Hash func(kind Kind, canonical []byte) [16]byte
	// Adjust, when set, sees every finding before MinConfidence is applied
	// and may change Confidence and Reasons: the hook for what is known of the
	// field (see FieldStats).
	Adjust func(f *Finding)
	// Portable switches the assembly off: for tests and measurements.
	Portable bool
}

// Scanner finds elements in a stream of bytes. Its findings are the same for
// every way of cutting the stream into chunks. Findings of one kind come in the
// order of the stream; findings of different kinds may come in another order.
//
// A Scanner is used by one goroutine. It holds its window (Options.Buffer) and
// forgets the bytes that leave it.
type Scanner struct {
	kinds  Mask
	least  int
	hash   func(Kind, []byte) [16]byte
	adjust func(*Finding)
	report func(*Finding)
	found  Finding

	buf    []byte // lookBehind bytes of the past, then the window, then room for zeros
	base   int64  // offset of buf[0] in the (decoded) stream
	pos    int    // next block to look at; base+pos is a multiple of blockSize
	end    int    // end of the bytes that are there
	room   int    // end never goes beyond
	raw    []int64
	rawEnd int64 // offset in the stream after buf[end-1]

	path    path
	lead    byte
	wide    wideForm
	words   *wordTable
	want    wanted
	masks   classes
	trig    triggers
	blocks  int   // of the stride
	carry   carry // of the block before the stride
	carryOn carry // of its last block
	onlyPAN bool
	enc     decoder
	closed  bool

	ends       ends
	num        row
	neighbours neighbours // of the card number in hand
	keys       keyMemory
	rows       rowMemory
	labels     labelMemory
	text       [maxDigits]byte // canonical form of the number in hand

	// A scanner of a view: of text that was decoded for it (see view.go).
	inner  *Scanner
	outer  *Scanner // of which this is the inner one, or nil
	depth  int
	spot   []int32 // of each byte of buf, where it stands in the outer buf
	dirty  int     // bytes of buf before it may be other than zero
	within span    // the findings that are reported; elsewhere the outer scanner does it
}

// ends is the state that goes from trigger to trigger, as positions in buf.
type ends struct {
	number int // digits before it belong to a number that was judged
	row    int // the row of digits before it was judged
	name   int // text before it belongs to a name
	text   int // text before it belongs to an address
	value  int // a key's value ends there
	beside int // expiries and security codes before it were reported
	view   int // everything before it was looked at in a view
	split  int // numbers in pieces before it were looked at
	base   int // base64 before it was looked at
	postal int // where a postal code ends, behind which an address may begin
}

// move takes gone bytes off every position.
func (e *ends) move(gone int) {
	for _, p := range [...]*int{&e.number, &e.row, &e.name, &e.text, &e.value, &e.beside, &e.view, &e.split, &e.base, &e.postal} {
		*p = max(0, *p-gone)
	}
}

// NewScanner returns a scanner that calls found for each finding. The finding
// is valid during the call; copy it to keep it.
func NewScanner(o Options, found func(*Finding)) *Scanner {
	s := &Scanner{hash: o.Hash, adjust: o.Adjust, report: found}
	size := o.Buffer
	if size == 0 {
		size = 64 << 10
	}
	size = max(size, minBuffer) / blockSize * blockSize
	s.buf = make([]byte, lookBehind+size+lookAhead+2*blockSize)
	s.room = lookBehind + size
	s.kinds, s.least = o.Kinds, o.MinConfidence
	if s.kinds == 0 {
		s.kinds = ^Mask(0)
	}
	if s.least == 0 {
		s.least = 50
	}
	s.onlyPAN = s.kinds&^MaskOf(CardPAN, CardCVV, CardExpiry) == 0
	s.path = choosePath(s.onlyPAN, o.Portable)
	s.want = wantedOf(s.kinds, 0)
	s.Reset(o.Encoding)
	return s
}

// Reset makes s ready for another stream of the given encoding. A stream before it
// need not have been closed; nothing of it stays.
func (s *Scanner) Reset(e Encoding) {
	if !s.closed && (s.end > lookBehind || len(s.enc.held) > 0) {
		s.wipe()
	}
	s.base, s.pos, s.end, s.rawEnd, s.closed = -lookBehind, lookBehind, lookBehind, 0, false
	s.forget()
	s.raw = nil
	s.enc = decoder{want: e}
	s.lead, s.wide = 0xEF, wideUTF8
	s.speak(wordsUTF8)
	if e != Auto {
		s.settle(e)
	}
}

// forget forgets what goes from block to block.
func (s *Scanner) forget() {
	s.ends, s.carry, s.trig.joined[0] = ends{}, carry{}, 0
	s.masks.forget()
}

// Write scans p. The error is ErrClosed or nil.
func (s *Scanner) Write(p []byte) (int, error) {
	if s.closed {
		return 0, ErrClosed
	}
	s.feed(p)
	return len(p), nil
}

// ReadFrom scans r to its end, without a copy once the encoding is known. It
// does not close s. It implements io.ReaderFrom.
func (s *Scanner) ReadFrom(r io.Reader) (n int64, err error) {
	if s.closed {
		return 0, ErrClosed
	}
	var chunk []byte
	for {
		var k int
		if s.enc.plain() {
			s.makeRoom()
			k, err = r.Read(s.buf[s.end:s.room])
			s.end += k
			s.rawEnd += int64(k)
			s.scan(false)
		} else {
			if chunk == nil {
				chunk = make([]byte, 32<<10)
				defer clear(chunk)
			}
			k, err = r.Read(chunk)
			s.feed(chunk[:k])
		}
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Close reports what the end of the stream decides. It may be called again.
func (s *Scanner) Close() error {
	if s.closed {
		return nil
	}
	s.finish()
	clear(s.buf[s.end:])
	s.scan(true)
	s.wipe()
	s.closed = true
	return nil
}

// wipe takes every byte of the stream out of memory, and what was made of them:
// personal data does not outlive the stream.
func (s *Scanner) wipe() {
	s.enc.drop()
	for in := s; in != nil; in = in.inner {
		clear(in.buf)
		clear(in.text[:])
		clear(in.num.digit[:])
		in.neighbours, in.found = neighbours{}, Finding{}
		in.keys, in.rows, in.labels = keyMemory{}, rowMemory{}, labelMemory{}
		in.dirty = 0
	}
}

// Encoding returns the encoding of the stream, Auto while it is not known.
func (s *Scanner) Encoding() Encoding { return s.enc.is }

// append adds bytes that need no decoding.
func (s *Scanner) append(p []byte) {
	for len(p) > 0 {
		s.makeRoom()
		n := copy(s.buf[s.end:s.room], p)
		if s.raw != nil {
			for i := range n {
				s.raw[s.end+i] = s.rawEnd + int64(i)
			}
		}
		s.end += n
		s.rawEnd += int64(n)
		p = p[n:]
		s.scan(false)
	}
}

// makeRoom forgets the past when the window is full.
func (s *Scanner) makeRoom() {
	if s.end < s.room {
		return
	}
	gone := s.pos - lookBehind
	copy(s.buf, s.buf[gone:s.end])
	if s.raw != nil {
		copy(s.raw, s.raw[gone:s.end])
	}
	s.base += int64(gone)
	s.pos -= gone
	s.end -= gone
	s.ends.move(gone)
}

// place returns the offset in the stream of buf[p].
func (s *Scanner) place(p int) int64 {
	switch {
	case s.outer != nil:
		return s.outer.place(int(s.spot[p]))
	case s.raw == nil:
		return s.base + int64(p)
	case p < s.end:
		return s.raw[p]
	}
	return s.rawEnd
}

// scan looks at every stride whose surroundings are there.
func (s *Scanner) scan(final bool) {
	for {
		n := stride
		if s.end-s.pos < stride*blockSize+lookAhead {
			if !final || s.end <= s.pos {
				return
			}
			n = min(stride, (s.end-s.pos+blockSize-1)/blockSize)
		}
		s.path.classify(&s.masks, n+1, s.buf[s.pos:s.pos+(n+1)*blockSize+overhang], &s.wide)
		if s.ends.view > s.pos {
			s.hide(s.pos, s.ends.view)
		}
		s.blocks = n
		s.trigger()
		if s.onlyPAN {
			s.scanCards(n)
		} else {
			s.scanAll(n)
		}
		s.masks.goOn(n)
		s.trig.joined[0], s.carry = s.trig.joined[n], s.carryOn
		s.pos += n * blockSize
	}
}

// trigger finds the triggers of the stride in its masks.
func (s *Scanner) trigger() {
	s.carryOn = s.carry
	s.path.trigger(&s.trig, &s.masks, s.blocks, &s.carryOn, &s.want)
}
