package revproxy

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"sekisho/internal/element"
)

const (
	// overlap is how much of what was passed on is looked at again with what
	// comes next: more than a card number with its separators, and enough for
	// the words around it.
	overlap = 1 << 10
	// maxPending bounds what is kept back at the end of a piece because a card
	// number may go on in the next.
	maxPending = 96
)

// guard looks for card numbers in a stream, piece by piece.
type guard struct {
	scanner *element.Scanner
	found   bool
	form    []byte // room for a decoded form
	buf     []byte // room for a piece
	data    []byte // overlap of what was passed on, then what is kept back
	passed  int    // bytes of data that were passed on
}

func newGuard() *guard {
	g := &guard{}
	g.scanner = element.NewScanner(element.Options{Kinds: element.MaskOf(element.CardPAN), Buffer: 8 << 10}, func(f *element.Finding) {
		g.found = g.found || f.Kind == element.CardPAN
	})
	return g
}

// fewestDigits are the digits of the shortest card number.
const fewestDigits = 13

// maybeDigit has the bytes of which every digit takes one, however it is written: a
// digit of ASCII, also in an escape (%34, \u0034, &#x34;), or a byte that is not
// ASCII.
var maybeDigit = func() (t [256]uint8) {
	for c := range t {
		if '0' <= c && c <= '9' || c >= utf8.RuneSelf {
			t[c] = 1
		}
	}
	return t
}()

// mayHold is a cheap refusal of texts with too few digits: most headers.
func mayHold(text []byte) bool {
	n := 0
	for _, c := range text {
		if n += int(maybeDigit[c]); n >= fewestDigits {
			return true
		}
	}
	return false
}

// whole reports whether a text holds a card number.
func (g *guard) whole(text []byte) bool {
	g.found = false
	if !mayHold(text) {
		return false
	}
	g.scanner.Reset(element.Auto)
	_, _ = g.scanner.Write(text) // ErrClosed after Reset cannot be
	_ = g.scanner.Close()
	return g.found
}

// plain returns a form in UTF-8 as its fields are read, and any other body as it
// is: the scanner decodes escapes as well, as one way of reading of many. What
// might be taken for another encoding is left to it, too.
func (g *guard) plain(contentType string, body []byte) []byte {
	if !isForm(contentType) {
		return body
	}
	g.form = unescaped(g.form[:0], body)
	if !utf8.Valid(g.form) || bytes.IndexByte(g.form, 0) >= 0 || bytes.IndexByte(g.form, 0x1b) >= 0 {
		return body
	}
	return g.form
}

// begin starts a stream of which some has been looked at already.
func (g *guard) begin(before []byte) {
	g.data = append(g.data[:0], before[max(0, len(before)-overlap):]...)
	g.passed = len(g.data)
}

// step takes the next piece, last says that none follows. It returns what may
// be passed on, valid until the next step, and whether a card number is there.
func (g *guard) step(piece []byte, last bool) (pass []byte, found bool) {
	g.data = append(g.data, piece...)
	end := len(g.data)
	if !last {
		end -= pending(g.data[g.passed:])
	}
	if g.whole(g.data[:end]) {
		return nil, true
	}
	return g.data[g.passed:end], false
}

// next forgets what step returned.
func (g *guard) next(passed int) {
	g.passed += passed
	if drop := g.passed - overlap; drop > 0 {
		g.data = g.data[:copy(g.data, g.data[drop:])]
		g.passed -= drop
	}
}

// pending returns how many bytes at the end may be the beginning of a card
// number.
func pending(data []byte) int {
	n := 0
	for n < len(data) && n <= maxPending && numeric(data[len(data)-1-n]) {
		n++
	}
	if n > maxPending {
		return 0 // no card number is so long: a column of digits
	}
	return n
}

// numeric reports whether a byte may stand in a card number: a digit, a
// separator, a part of an escape or of a full-width character.
func numeric(c byte) bool {
	return c >= '0' && c <= '9' || c == ' ' || c == '-' || c == '.' || c == '+' || c == '%' || c == '&' || c == '#' || c == ';' || c >= 0x80
}

// errCard ends a stream in which a card number appeared.
var errCard = errors.New("a card number appeared in the stream")

// guarded passes a stream on through a guard. cut is called when a card number
// appears, and says whether the stream ends there.
type guarded struct {
	from  io.Reader
	guard *guard
	cut   func() bool
	see   func(piece []byte, last bool) // sees every piece, may be nil
	buf   []byte
	ready []byte // what may be passed on
	out   int    // of which this was
	ended error
	blind bool // a card number was let through
}

// pieceBytes is how much is read at a time.
const pieceBytes = 16 << 10

func (s *guarded) Read(p []byte) (int, error) {
	for len(s.ready) == s.out {
		if s.ended != nil {
			return 0, s.ended
		}
		if !s.blind {
			s.guard.next(s.out)
		}
		if err := s.more(); err != nil {
			s.ready, s.out = nil, 0
			return 0, err
		}
	}
	n := copy(p, s.ready[s.out:])
	s.out += n
	return n, nil
}

func (s *guarded) more() error {
	if s.guard.buf == nil {
		s.guard.buf = make([]byte, pieceBytes)
	}
	s.buf = s.guard.buf
	n, err := s.from.Read(s.buf)
	last := err != nil
	if s.see != nil {
		s.see(s.buf[:n], last)
	}
	s.out = 0
	if s.blind {
		s.ready, s.ended = s.buf[:n], err
		return nil
	}
	var found bool
	s.ready, found = s.guard.step(s.buf[:n], last)
	if found {
		if s.cut() {
			s.ended = errCard
			return errCard
		}
		// It passes as configured, and is not looked for any more.
		s.ready, s.blind = s.guard.data[s.guard.passed:], true
	}
	s.ended = err
	return nil
}
