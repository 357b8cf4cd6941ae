package element

import (
	"bytes"
	"encoding/binary"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// Encoding is how a stream writes characters.
type Encoding uint8

// The encodings. Auto decides at the first byte that is not ASCII, from the
// 1,024 bytes that begin there.
const (
	Auto Encoding = iota
	UTF8
	ShiftJIS // as Windows writes it (code page 932)
	EUCJP
	ISO2022JP
	UTF16LE
	UTF16BE
)

var encodingNames = [...]string{"auto", "UTF-8", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "UTF-16LE", "UTF-16BE"}

// String returns the encoding's usual name.
func (e Encoding) String() string { return encodingNames[e] }

// guessBytes is how much of the stream decides about its encoding.
const guessBytes = 1024

// decoder is the state between the stream and the window.
type decoder struct {
	want, is Encoding
	raw      bool   // scanned as it is
	held     []byte // bytes of an encoding not decided, or of half a character
	double   bool   // ISO-2022-JP: two bytes a character
	kana     bool   // ISO-2022-JP: half-width katakana
	pairs    *pairs // of Shift_JIS and EUC-JP
}

// plain reports whether bytes go to the window as they are.
func (d *decoder) plain() bool { return d.raw && len(d.held) == 0 }

// feed takes bytes of the stream.
func (s *Scanner) feed(p []byte) {
	switch {
	case s.enc.plain():
		s.append(p)
	case s.enc.is != Auto:
		s.decode(p)
	case len(s.enc.held) == 0:
		n := signal(p)
		s.append(p[:n])
		if n < len(p) {
			s.hold(p[n:])
		}
	default:
		s.hold(p)
	}
}

func (s *Scanner) hold(p []byte) {
	n := min(len(p), guessBytes-len(s.enc.held))
	s.enc.held = append(s.enc.held, p[:n]...)
	if len(s.enc.held) < guessBytes {
		return
	}
	s.decide()
	if n < len(p) {
		s.feed(p[n:])
	}
}

// decide settles the encoding by the first guessBytes that are held.
func (s *Scanner) decide() {
	held := s.enc.held
	defer clear(held[:cap(held)])
	s.enc.held = nil
	e := guess(held[:min(len(held), guessBytes)], s.rawEnd)
	s.settle(e)
	if e == UTF16LE && held[0] == 0 { // the second half of a letter that went by
		s.rawEnd++
		held = held[1:]
	}
	s.feed(held)
}

// finish decodes what is held at the end of the stream.
func (s *Scanner) finish() {
	if s.enc.is == Auto && len(s.enc.held) > 0 {
		s.decide()
	}
	s.enc.drop()
}

// drop forgets what is held.
func (d *decoder) drop() {
	clear(d.held[:cap(d.held)])
	d.held = nil
}

// settle prepares for e. Card numbers are scanned in the bytes of Shift_JIS and
// EUC-JP, whose trail bytes are never ASCII digits; everything else needs text.
func (s *Scanner) settle(e Encoding) {
	s.enc.is = e
	s.enc.raw = e == UTF8 || s.onlyPAN && (e == ShiftJIS || e == EUCJP)
	switch e {
	case ShiftJIS:
		s.enc.pairs = shiftJISPairs()
	case EUCJP:
		s.enc.pairs = eucPairs()
	}
	switch {
	case s.enc.raw && e == ShiftJIS:
		s.lead, s.wide = 0x82, wideShiftJIS
		s.speak(wordsShiftJIS())
	case s.enc.raw && e == EUCJP:
		s.lead, s.wide = 0xA3, wideEUC
		s.speak(wordsEUC())
	}
	if !s.enc.raw {
		s.raw = make([]int64, len(s.buf))
		for i := range s.raw[:s.end] {
			s.raw[i] = s.base + int64(i)
		}
	}
}

// signal returns the position of the first byte that says something about the
// encoding: not ASCII, NUL or ESC.
func signal(p []byte) int {
	i := 0
	for ; i+8 <= len(p); i += 8 {
		x := binary.LittleEndian.Uint64(p[i:])
		if x&high|equal(x, 0)|equal(x, 0x1b) != 0 {
			break
		}
	}
	for ; i < len(p); i++ {
		if c := p[i]; c >= 0x80 || c == 0 || c == 0x1b {
			return i
		}
	}
	return len(p)
}

// guess decides by the bytes at offset at of the stream.
func guess(p []byte, at int64) Encoding {
	switch {
	case bytes.HasPrefix(p, []byte{0xFF, 0xFE}) && at == 0:
		return UTF16LE
	case bytes.HasPrefix(p, []byte{0xFE, 0xFF}) && at == 0:
		return UTF16BE
	case bytes.Contains(p, []byte("\x1b$B")) || bytes.Contains(p, []byte("\x1b$@")):
		return ISO2022JP
	case p[0] == 0 && manyZeros(p):
		if at%2 == 1 {
			return UTF16LE
		}
		return UTF16BE
	}
	best, least := UTF8, wrongUTF8(p)
	if least == 0 {
		return UTF8
	}
	if n := wrongDouble(p, shiftJISSize); n < least {
		best, least = ShiftJIS, n
	}
	if n := wrongDouble(p, eucSize); n < least || n == least && best == ShiftJIS && (moreKanaEUC(p) || rare(p, shiftJISSize, 0x99) > rare(p, eucSize, 0xD0)) {
		best = EUCJP
	}
	return best
}

// manyZeros reports whether NULs stand in p as ASCII within UTF-16 puts them: in
// every other place, and seldom (U+3000) in the places between. Other binary data
// has them in both.
func manyZeros(p []byte) bool {
	even, odd := 0, 0
	for i, c := range p {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	return even*20 >= len(p) && odd*4 <= even
}

// wrongUTF8 counts bytes that are not UTF-8, but for a cut last character.
func wrongUTF8(p []byte) (wrong int) {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(p) {
				break
			}
			wrong++
		}
		p = p[n:]
	}
	return wrong
}

// wrongDouble counts bytes that do not fit a double-byte encoding.
func wrongDouble(p []byte, size func(a, b byte) int) (wrong int) {
	for len(p) > 1 {
		n := size(p[0], p[1])
		if n == 0 {
			wrong, n = wrong+1, 1
		}
		p = p[n:]
	}
	return wrong
}

// shiftJISSize returns how many bytes the character beginning with a and b
// has, 0 if it is none.
func shiftJISSize(a, b byte) int {
	switch {
	case a < 0x80 || a >= 0xA1 && a <= 0xDF:
		return 1
	case (a >= 0x81 && a <= 0x9F || a >= 0xE0 && a <= 0xFC) && (b >= 0x40 && b <= 0x7E || b >= 0x80 && b <= 0xFC):
		return 2
	}
	return 0
}

// eucSize is shiftJISSize for EUC-JP; JIS X 0212 counts as one byte and two.
func eucSize(a, b byte) int {
	switch {
	case a < 0x80 || a == 0x8F && b >= 0xA1:
		return 1
	case a == 0x8E && b >= 0xA1 && b <= 0xDF, a >= 0xA1 && b >= 0xA1 && a < 0xFF && b < 0xFF:
		return 2
	}
	return 0
}

// moreKanaEUC breaks the tie between the two: text that is right in both is
// EUC-JP if it reads as kana there, for in Shift_JIS it would be half-width.
func moreKanaEUC(p []byte) bool {
	kana := bytes.Count(p, []byte{0xA4}) + bytes.Count(p, []byte{0xA5})
	return kana*5 >= len(p)/2 || kana > 4
}

// rare counts the kanji of JIS level 2, which begin with lead and above. EUC-JP that is
// right in Shift_JIS too has many there, between half-width katakana; Shift_JIS that is
// right in EUC-JP is half-width katakana alone.
func rare(p []byte, size func(a, b byte) int, lead byte) (n int) {
	for len(p) > 1 {
		k := max(size(p[0], p[1]), 1)
		if k == 2 && p[0] >= lead {
			n++
		}
		p = p[k:]
	}
	return n
}

// pairs maps two bytes of Shift_JIS or EUC-JP to a character, 0 for none.
type pairs [1 << 16]uint16

var shiftJISPairs = sync.OnceValue(func() *pairs { return makePairs(japanese.ShiftJIS.NewDecoder().Bytes, shiftJISSize) })
var eucPairs = sync.OnceValue(func() *pairs { return makePairs(japanese.EUCJP.NewDecoder().Bytes, eucSize) })

func makePairs(decode func([]byte) ([]byte, error), size func(a, b byte) int) *pairs {
	var list []byte // every pair on a line of its own, decoded at once
	for a := 0x80; a < 0x100; a++ {
		for b := 0x40; b < 0x100; b++ {
			if size(byte(a), byte(b)) == 2 {
				list = append(list, byte(a), byte(b), '\n')
			}
		}
	}
	t := new(pairs)
	text, err := decode(list)
	if err != nil {
		return t // x/text replaces what it cannot decode: this does not happen
	}
	i := 0
	for line := range bytes.Lines(text) {
		if r, n := utf8.DecodeRune(line); n == len(line)-1 && r != utf8.RuneError && r < 1<<16 {
			t[int(list[i])<<8|int(list[i+1])] = uint16(r)
		}
		i += 3
	}
	return t
}

// pair decodes a double-byte character, 0 if it is none.
func (e Encoding) pair(a, b byte) rune {
	if e == ShiftJIS {
		return rune(shiftJISPairs()[int(a)<<8|int(b)])
	}
	return rune(eucPairs()[int(a)<<8|int(b)])
}
