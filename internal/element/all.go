package element

import (
	"math/bits"
	"unicode/utf8"
)

func trailing(w uint64) int { return bits.TrailingZeros64(w) }

// scanAll looks at n classified blocks for every element.
func (s *Scanner) scanAll(n int) {
	before := s.digitBefore()
	for i := range n {
		m, next := &s.masks[i], &s.masks[i+1]
		at := s.pos + i*blockSize
		starts, addresses := groupStarts(m.digit, next.digit, before), uint64(0)
		if m.dot != 0 {
			addresses = fourDots(m, next, before)
		}
		before = m.digit >> 63
		assign := m.assign &^ (m.digit << 1 & (m.digit>>1 | next.digit<<63)) // 12:34 is a time
		signs := s.signs(m.kanji, at)
		for t := starts | addresses | assign | signs | m.lead | m.escape | m.at | m.token; t != 0; t &= t - 1 {
			bit := trailing(t)
			p := at + bit
			switch b := uint64(1) << bit; {
			case starts&b != 0:
				if p >= s.numberEnd {
					s.numberGroup(p, shift(m.digit, next.digit, bit))
				}
			case addresses&b != 0:
				s.ipAddress(p)
			case signs&b != 0:
				s.sign(p)
			case assign&b != 0:
				s.keyValue(p, 1)
			case m.lead&b != 0:
				s.wide(p)
			case m.at&b != 0:
				s.email(p, 1)
			case m.escape&b != 0:
				if p >= s.numberEnd {
					s.escapedGroup(p)
				}
			default:
				s.secretPrefix(p)
			}
		}
	}
}

// fourDots returns the first dots of what may be four numbers of up to three
// digits with dots between them.
func fourDots(m, next *classes, before uint64) uint64 {
	inside := func(dot, digit, nextDigit, before uint64) uint64 {
		return dot & (digit<<1 | before) & (digit>>1 | nextDigit<<63)
	}
	d := inside(m.dot, m.digit, next.digit, before)
	if d == 0 {
		return 0
	}
	dn := inside(next.dot, next.digit, 0, m.digit>>63)
	two := func(w, n uint64) uint64 {
		return w & ((w>>2 | n<<62) | (w>>3 | n<<61) | (w>>4 | n<<60))
	}
	return two(d, dn) & shiftedTwo(d, dn)
}

// shiftedTwo returns the dots whose second next dot is near.
func shiftedTwo(w, n uint64) uint64 {
	pair := w & ((w>>2 | n<<62) | (w>>3 | n<<61) | (w>>4 | n<<60))
	pairNext := n & (n>>2 | n>>3 | n>>4)
	return (pair>>2 | pairNext<<62) | (pair>>3 | pairNext<<61) | (pair>>4 | pairNext<<60)
}

// signFlag says what a character may begin.
type signFlag uint8

const (
	beginsFamily signFlag = 1 << iota
	beginsPrefecture
	beginsEra
	isHonorific
	isMiddleDot
	isPostalMark
	endsGiven
	beginsForeign
)

// signBase is the first character that has flags: U+3000.
const signBase = 0x3000

var signFlags = func() *[0x7000]signFlag {
	t := new([0x7000]signFlag)
	set := func(word string, f signFlag) {
		r, _ := utf8.DecodeRuneInString(word)
		t[r-signBase] |= f
	}
	for name := range familyNames {
		if r, _ := utf8.DecodeRuneInString(name); r >= signBase && r < signBase+0x7000 {
			set(name, beginsFamily)
		}
	}
	for _, r := range foreignFamilies {
		t[r-signBase] |= beginsFamily
	}
	for name := range foreignGiven {
		set(name, beginsForeign)
	}
	for _, r := range givenLast {
		t[r-signBase] |= endsGiven
	}
	for _, p := range prefectures {
		set(p, beginsPrefecture)
	}
	for _, e := range eras {
		set(e, beginsEra)
	}
	for _, h := range honorifics {
		set(h.word, isHonorific)
	}
	set("・", isMiddleDot)
	set("〒", isPostalMark)
	return t
}()

// signs keeps those bits of mask, at buf[at:], whose characters have flags.
func (s *Scanner) signs(mask uint64, at int) (out uint64) {
	for ; mask != 0; mask &= mask - 1 {
		bit := trailing(mask)
		if flagOf(s.buf[at+bit:]) != 0 {
			out |= 1 << bit
		}
	}
	return out
}

// flagOf returns the flags of the three-byte character at b.
func flagOf(b []byte) signFlag {
	r := uint(b[0]&0xF)<<12 | uint(b[1]&0x3F)<<6 | uint(b[2]&0x3F)
	if r-signBase >= 0x7000 {
		return 0
	}
	return signFlags[r-signBase]
}

// sign looks at the character at p, which has flags.
func (s *Scanner) sign(p int) {
	f := flagOf(s.buf[p:])
	if f&beginsPrefecture != 0 && p >= s.textEnd {
		s.address(p)
	}
	if f&beginsEra != 0 {
		s.eraDate(p)
	}
	if f&isPostalMark != 0 {
		s.postalMark(p)
	}
	if p < s.nameEnd || p < s.textEnd {
		return
	}
	switch {
	case f&beginsFamily != 0 && s.nameInText(p):
	case f&isHonorific != 0:
		s.nameByHonorific(p)
	case f&isMiddleDot != 0:
		s.foreignName(p)
	case f&beginsForeign != 0:
		s.foreignGiven(p)
	case f&endsGiven != 0:
		s.unknownBefore(p + 3)
	}
}

// wide looks at the full-width character at p.
func (s *Scanner) wide(p int) {
	if s.buf[p+1] != 0xBC {
		return
	}
	switch c := s.buf[p+2]; {
	case c >= 0x90 && c <= 0x99 && p >= s.numberEnd:
		s.wideGroup(p)
	case c == 0x9A || c == 0x9D: // ： ＝
		s.keyValue(p, 3)
	case c == 0xA0:
		s.email(p, 3)
	}
}
