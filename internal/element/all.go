package element

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// The elements that are found by the same marks.
var (
	textKinds   = MaskOf(Name, Address, BirthDate)
	markKinds   = MaskOf(Email, IPAddress)
	keyKinds    = MaskOf(Name, Kana, Address, Cookie, Secret, Email)
	numberKinds = MaskOf(CardPAN, CardCVV, CardExpiry, MyNumber, DriversLicence, Passport, Phone, PostalCode, BankAccount, BirthDate, IPAddress)
)

// wantedOf returns the triggers that find the elements of kinds.
func wantedOf(kinds Mask, depth int) wanted {
	is := func(kinds, of Mask) uint64 {
		if kinds&of == 0 {
			return 0
		}
		return ^uint64(0)
	}
	w := wanted{numbers: is(kinds, numberKinds), marks: is(kinds, markKinds), text: is(kinds, textKinds), keys: is(kinds, keyKinds)}
	if depth < 2 {
		w.views = ^uint64(0)
	}
	return w
}

// scanAll looks at n classified blocks for every element.
func (s *Scanner) scanAll(n int) {
	t := &s.trig
	for i := 1; i <= n; i++ {
		// Escaped letters, quoted-printable and base64 are looked at first: they
		// may hide what follows from the rest.
		if t.views[i] != 0 {
			s.viewsIn(i, t.views[i])
		}
		if t.joined[i] == ^uint64(0) {
			s.longRow(s.rowFrom((i-1)*blockSize), s.pos+i*blockSize)
		}
		if t.rows[i]|t.others[i] != 0 {
			s.numbersIn(i, t.rows[i], t.others[i])
		}
		if t.marks[i] != 0 {
			s.marksIn(i, t.marks[i])
		}
		if t.text[i] != 0 {
			if s.ends.postal != 0 {
				s.textBehindPostal(i, t.text[i])
			} else {
				s.textIn(i, t.text[i])
			}
		}
	}
}

// marksIn looks at the @ of e-mail addresses and the third dots of IP addresses.
func (s *Scanner) marksIn(i int, t uint64) {
	for ; t != 0; t &= t - 1 {
		if p := s.pos + (i-1)*blockSize + trailing(t); s.buf[p] == '.' {
			s.ipAddress(p)
		} else {
			s.emailInMasks(p)
		}
	}
}

// textIn looks at the beginnings of rows of kanji and katakana, at the signs
// behind keys, and at the beginnings of secrets in block i.
func (s *Scanner) textIn(i int, t uint64) {
	kanji, next, base := s.masks.cjk[i], s.masks.cjk[i+1], s.pos+(i-1)*blockSize
	for ; t != 0; t &= t - 1 {
		bit := trailing(t)
		p := base + bit
		switch c := s.buf[p]; {
		case c-0xE4 < 6:
			if p < s.ends.text && c != 0xE7 && c != 0xE8 { // of an address, and not 生年月日 or 誕生日 in it
				continue
			}
			n := min(trailing(^shift(kanji, next, bit)&everyThird), 60)
			if s.rows.has((*[24]byte)(s.buf[p:]), n) {
				continue
			}
			b := s.buf[p-3 : p+3+60+8]
			begin, behind := binary.LittleEndian.Uint64(b[3:]), binary.LittleEndian.Uint64(b[n:])
			last := flagAt(uint32(behind))
			// Without a branch on what differs from row to row: nothing foretells it.
			follows := &behindRow[byte(behind>>24)]
			flags := flagAt(uint32(begin))&(beginsPrefecture|isFamily|isForeign) | last&isHonorific | flagAt(uint32(behind>>24))&follows.next
			flags |= flagAt(binary.LittleEndian.Uint32(b[n-3:])) & follows.era
			if last&endsBirth != 0 && n >= 9 {
				s.birthLabel(p, n)
			}
			if uint64(flags)|familyBit(begin) == 0 && (n < 12 || follows.era == 0 && !mayHoldName(b[3:3+n])) {
				if last&endsBirth == 0 {
					s.rows.add((*[24]byte)(b[3:]), n)
				}
				continue // as most rows
			}
			s.kanjiText(p, n)
		case c == ':' || c == '=':
			if s.mayBeKey(p) || c == '=' && s.buf[p+1] <= '\r' {
				s.keyValue(p, 1)
			}
		case c == 0xE3:
			s.katakanaRow(p)
		case c == 0xEF:
			s.wideSign(p)
		default:
			s.secretPrefix(p)
		}
	}
}

// wideSign looks at the full-width character at p that may be ：, ＝ or ＠.
func (s *Scanner) wideSign(p int) {
	if s.buf[p+1] != 0xBC {
		return
	}
	switch s.buf[p+2] {
	case 0x9A, 0x9D:
		if s.mayBeKey(p) {
			s.keyValue(p, 3)
		}
	case 0xA0:
		s.email(p, 3)
	}
}

// signFlag says what a character may begin or end.
type signFlag uint16

const (
	beginsFamily signFlag = 1 << iota
	beginsPrefecture
	beginsEra
	isHonorific
	endsGiven
	beginsForeign
	followsName  // は, が, も …: what follows the name of somebody who does something
	followsAlone // の, で, ・: also what follows a name that stands alone
	isFamily     // a family name of one character
	isForeign    // a family name of China or Korea
	isRepeat     // 々
	endsRole     // the last character of a role: 頭取, 監督
	beginsTitle  // the first character of a title of two or more
	endsBirth    // 日, of 生年月日
	endsCity     // 市 区 町 村 郡
	kanjiNumber  // 一 to 十
)

// signBase is the first character that has flags: U+3000.
const signBase = 0x3000

// signFlags are the flags of the characters of three bytes, by the 16 bits that they
// hold.
var signFlags = func() *[1 << 16]signFlag {
	t := new([1 << 16]signFlag)
	set := func(word string, f signFlag) {
		if r, _ := utf8.DecodeRuneInString(word); r >= signBase && r < signBase+0x7000 {
			t[r] |= f
		}
	}
	for name := range wordsOf(familyNames) {
		set(name, beginsFamily)
		if len(name) == 3 {
			set(name, isFamily)
		}
	}
	for _, r := range foreignFamilies {
		t[r] |= beginsFamily | isForeign
	}
	for name := range foreignGiven {
		set(name, beginsForeign)
	}
	for _, r := range givenLast {
		t[r] |= endsGiven
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
	for role := range wordsOf(roleWords) {
		set(role[len(role)-3:], endsRole)
	}
	for _, title := range honorificAfter {
		if len(title) >= 6 {
			set(title, beginsTitle)
		}
	}
	for _, r := range "市区町村郡" {
		t[r] |= endsCity
	}
	for _, r := range "一二三四五六七八九十" {
		t[r] |= kanjiNumber
	}
	set("々", isRepeat)
	set("日", endsBirth)
	for _, p := range []string{"は", "が", "も", "と", "、", "に", "を", "ら", "や"} {
		set(p, followsName)
	}
	for _, p := range []string{"の", "で", "・"} {
		set(p, followsAlone)
	}
	return t
}()

// flagOf returns the flags of the three-byte character at b.
func flagOf(b []byte) signFlag {
	return signFlags[uint16(b[0])<<12|uint16(b[1]&0x3F)<<6|uint16(b[2]&0x3F)]
}

// flagAt is flagOf for the character whose three bytes are the lowest of x.
func flagAt(x uint32) signFlag { return signFlags[uint16(x<<12|x>>2&0xFC0|x>>16&0x3F)] }

// behindRow says by the first byte behind a row of kanji which flags count there: those
// of the character itself, and of the last but one of the row, which may begin an era
// before digits, or end a city.
var behindRow = func() (t [256]struct{ next, era signFlag }) {
	for c := '0'; c <= '9'; c++ {
		t[c].era = beginsEra | endsCity
	}
	t[0xEF].era = beginsEra | endsCity
	t[0xE3].next = isHonorific | isRepeat
	return t
}()

// everyThird has the bits of the first bytes of characters of three.
const everyThird = 0x9249249249249249

// birthLabel looks behind the row of n bytes of kanji at p if that is a label of birth
// dates.
func (s *Scanner) birthLabel(p, n int) {
	if b := s.buf[p-3 : p+n]; s.kinds.Has(BirthDate) && (bytes.HasSuffix(b, []byte("生年月日")) || bytes.HasSuffix(b[3:], []byte("誕生日"))) {
		s.shortEra(p + n)
	}
}

// familyPairs has a bit for the first two characters of each family name that has
// two, and of labels, by a hash.
var familyPairs = func() *[1 << (pairBits - 6)]uint64 {
	t := new([1 << (pairBits - 6)]uint64)
	for name := range wordsOf(familyNames) {
		if len(name) >= 6 {
			h := pairHash(binary.LittleEndian.Uint64(append([]byte(name), 0, 0)))
			t[h>>6] |= 1 << (h & 63)
		}
	}
	for _, label := range labelPairs {
		h := pairHash(binary.LittleEndian.Uint64(append([]byte(label), 0, 0)))
		t[h>>6] |= 1 << (h & 63)
	}
	return t
}()

const pairBits = 15

// pairHash hashes the two characters that x begins with.
func pairHash(x uint64) uint64 { return x << 16 * wordHash >> (64 - pairBits) }

// familyBit is 1 when a family name of the table of two characters or more may begin
// with x.
func familyBit(x uint64) uint64 {
	h := pairHash(x)
	return familyPairs[h>>6] >> (h & 63) & 1
}

// mayHoldName reports whether a name may stand in the row of four kanji or more
// that does not begin with a family name of the table: behind a role, before a
// title, or if it ends as given names do.
func mayHoldName(row []byte) bool {
	flags := signFlag(0)
	for i := 3; i < len(row); i += 3 {
		flags |= flagOf(row[i : i+3])
	}
	return flags&(endsRole|beginsTitle) != 0 || len(row) == 12 && flagOf(row[9:])&endsGiven != 0 || len(row) > 15
}

// kanjiText looks at the row of n bytes of kanji at p.
func (s *Scanner) kanjiText(p, n int) {
	b := s.buf
	if p < s.ends.text {
		return
	}
	first, end := flagOf(b[p:p+3]), p+n
	if b[end] == 0xE3 && b[end+1] == 0x80 && b[end+2] == 0x85 { // 々
		end = kanjiEnd(b, end)
	}
	if b[p-3] == 0xE3 && b[p-2] == 0x80 && b[p-1] == 0x85 {
		return // 々: looked at with what stands before it
	}
	if first&beginsPrefecture != 0 || end-p > 15 {
		if s.addressIn(p, end) {
			return
		}
	}
	last := flagOf(b[end-3 : end])
	if c := b[end]; isDigit(c) || c == 0xEF {
		s.eraBefore(p, end)
		if end-p >= 9 && s.cityInText(p, end) {
			return
		}
	}
	if p < s.ends.name {
		return
	}
	switch {
	case first&beginsFamily != 0 && s.nameInText(p, end):
	case last&isHonorific != 0:
		s.nameByHonorific(p, end-3)
	case b[end] == 0xE3 && flagOf(b[end:end+3])&isHonorific != 0:
		s.nameByHonorific(p, end)
	case last&endsGiven != 0 && end-p == 12 && first&beginsFamily == 0 && s.nameOfUnknown(p, end):
	case end-p >= 12 && (s.nameAfterRole(p, end) || first&beginsFamily == 0 && s.nameOfUnknown(p, end)):
	case labelGap.has(b[end]) && s.labelRow(p, end):
	case end == p+n && s.ordinaryRow(p, end, first|last):
		s.rows.add((*[24]byte)(b[p:]), n)
	}
}

// ordinaryRow reports whether it is the row of kanji buf[p:end] alone, with the
// character behind it, in which nothing was found: no address, city, era, birth date or
// family name begins there that what stands around it could make something of. Flags
// are those of its first and last character.
func (s *Scanner) ordinaryRow(p, end int, flags signFlag) bool {
	b := s.buf
	if flags&(beginsPrefecture|endsBirth) != 0 || end-p > longestRow || end-p <= 9 && isFamilyName(b[p:end]) {
		return false
	}
	not := beginsPrefecture | beginsEra
	if c := b[end]; isDigit(c) || c == 0xEF {
		not |= endsCity
	}
	for q := p; q < end; q += 3 {
		if flagOf(b[q:q+3])&not != 0 {
			return false
		}
	}
	return true
}

// kanjiEnd returns where the row of kanji that goes on at e ends, 々 included.
func kanjiEnd(b []byte, e int) int {
	for limit := e + 30; e < limit; e += 3 {
		if _, ok := kanjiAt(b[e:]); !ok {
			break
		}
	}
	return e
}

// addressIn reports the address that begins in the row of kanji buf[p:end].
func (s *Scanner) addressIn(p, end int) bool {
	for q := p; q < end-3; q += 3 {
		if flagOf(s.buf[q:q+3])&beginsPrefecture != 0 && s.address(q) {
			return true
		}
		if q == p && end-p <= 15 {
			return false
		}
	}
	return false
}

// eraBefore looks for an era at the end of the row of kanji buf[p:end], before a
// digit: 昭和60年, 昭和元年3月.
func (s *Scanner) eraBefore(p, end int) {
	for _, back := range [...]int{6, 12} {
		if q := end - back; q >= p && flagOf(s.buf[q:q+3])&beginsEra != 0 {
			s.eraDate(q)
		}
	}
}

// katakanaRow looks at the row of katakana and dots that begins at p.
func (s *Scanner) katakanaRow(p int) {
	b := s.buf
	if hasPrefix(b[p:p+3], "・") {
		p += 3
	}
	if p < s.ends.name || p < s.ends.text {
		return
	}
	n := katakanaLength(b[p : p+36])
	if n >= 9 && hasPrefix(b[p+n-9:p+n], "カード") {
		s.spelledCard(p + n)
		return
	}
	switch {
	case n >= 6 && hasPrefix(b[p+n:p+n+3], "・"):
		s.foreignName(p + n)
	case n >= 6 && (b[p-1] == '(' || b[p-1] == 0x88 && b[p-2] == 0xBC):
		s.readingInBrackets(p, n)
	case n >= 9 && (flagOf(b[p:p+3])&beginsForeign != 0 || titleAt(b[p+n:p+n+12]) > 0):
		s.foreignGiven(p)
	}
}
