package element

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// cardOf reports the first digits of n, in used groups, if they are a card
// number of that confidence or better.
func (s *Scanner) cardOf(n *row, used, digits, base int) bool {
	d := n.digit[:digits]
	if !IsCardPAN(d) {
		return false
	}
	p, e := n.group[0].p, n.group[used-1].e
	glue, ok := s.cardEdges(n, used, p, e)
	if !ok {
		return false
	}
	why := ByCheckDigit | ByRange
	if used > 1 {
		why |= ByGrouping
		if BrandOf(d) == Diners && digits != 14 { // the range has room for them, few were given out
			why |= LessLikely | ByRareLength
			base -= 38
		}
	}
	if base < 50 && used == 1 {
		why |= LessLikely | ByRareLength
	}
	if n.wide {
		why |= ByWidth
		base += 15
	}
	found, nearest := s.context(p, e, aboutCard|aboutOther|aboutCVV|aboutExpiry|aboutLoyalty)
	switch {
	case nearest&(aboutCard|aboutCVV) != 0:
		why |= ByContext
		base += 30
	case nearest == aboutLoyalty:
		why |= LessLikely | ByOtherWord
		base -= 40
	case nearest == aboutOther:
		why |= LessLikely | ByOtherWord
		base -= 30
		if used > 1 {
			base += 18
		}
	}
	if glue > 0 {
		why |= LessLikely | ByGlue
		base -= glue
	}
	beside := &s.neighbours
	*beside = neighbours{}
	if s.kinds.Has(CardCVV) || s.kinds.Has(CardExpiry) || base < s.least {
		s.beside(beside, p, e, found)
		if beside.expiryEnd > 0 && found&aboutOther == 0 || beside.cvvEnd > 0 && beside.cvvNamed {
			why |= ByNeighbour
			base += 20
		}
	}
	if base < s.least && s.adjust == nil {
		return false
	}
	s.ends.number = e
	s.emitBrand(p, e, CardPAN, base, why, n.text(&s.text, digits), BrandOf(d))
	if base >= s.least {
		s.emitNeighbours(beside)
	}
	return base >= s.least
}

// cardEdges looks at what touches the number. Glue is what to subtract from the
// confidence; ok is false when the number is part of something else.
func (s *Scanner) cardEdges(n *row, used, p, e int) (glue int, ok bool) {
	b := s.buf
	if n.odd && used == n.groups {
		return 0, false
	}
	switch c := b[p-1]; {
	case isDigit(c) && s.escapeBefore(p) == 0:
		return 0, false
	case isDigit(c), isLower(c|0x20) && s.escapeBefore(p) > 0:
		// %20 or \n: the escape stands between
	case isLower(c | 0x20):
		if !s.brandBefore(p) && !(c == 'B' && b[p-2] == '%' && b[e] == '^') { // %B4111…^: track 1 of a card (ISO/IEC 7813)
			return 0, false
		}
	case c == '.':
		if used == 1 || isDigit(b[p-2]) {
			return 0, false // 0.4111…, .4111…
		}
	case c == '_':
		glue += 35
	case c == '$':
		return 0, false // an amount
	case c == '-' || c == '+' || c == '/':
		if isWordByte(b[p-2]) && !s.brandBefore(p-1) || c == '-' && used == 1 { // a negative number
			glue += 35
		}
	case c == ' ' && used > 1 && isDigit(b[p-2]) && isDigit(b[p-3]):
		switch {
		case isUpper(b[p-4]) && isUpper(b[p-5]): // IBAN: DE89 3704 …
			return 0, false
		case isDigit(b[p-4]) && isDigit(b[p-5]):
			glue += 20 // one more group of four before it
		}
	}
	switch c := b[e]; {
	case isLower(c | 0x20), c == '_':
		return 0, false
	case c == '.' && isDigit(b[e+1]) && (b[e+1] != '0' || isWordByte(b[e+2])): // but for a table's 4111111111111111.0
		return 0, false
	case (c == '-' || c == '+') && isWordByte(b[e+1]):
		glue += 35
	case c == ' ' && used > 1 && used < n.groups && n.group[used].len() == 4 && used+1 < n.groups && n.group[used+1].len() == 4:
		glue += 20
	}
	return glue, true
}

// escapeBefore returns the size of the escape (%20, \u3000, \n) that ends
// before p, 0 when there is none.
func (s *Scanner) escapeBefore(p int) int {
	b := s.buf
	switch {
	case b[p-2] == '\\' && bytes.IndexByte([]byte("nrtbf"), b[p-1]) >= 0:
		return 2
	case b[p-3] == '%' && hex(b[p-2]) >= 0 && hex(b[p-1]) >= 0:
		return 3
	case b[p-4] == '\\' && b[p-3] == 'x' && hex(b[p-2]) >= 0 && hex(b[p-1]) >= 0:
		return 4
	case b[p-6] == '\\' && b[p-5] == 'u' && hex(b[p-4]) >= 0 && hex(b[p-3]) >= 0 && hex(b[p-2]) >= 0 && hex(b[p-1]) >= 0:
		return 6
	}
	return 0
}

var brandWords = [...]string{"visa", "jcb", "mastercard", "master", "mc", "amex", "diners", "discover", "unionpay", "card", "cardno", "cc", "pan", "no", "number"}

// brandBefore reports whether the letters that end before p are a brand or a
// word for a number: people write JCB3528….
func (s *Scanner) brandBefore(p int) bool {
	q := p
	for p-q < 12 && isLower(s.buf[q-1]|0x20) {
		q--
	}
	if q == p || isDigit(s.buf[q-1]) || isLower(s.buf[q-1]|0x20) {
		return false
	}
	var word [12]byte
	copyLower(word[:], s.buf[q:p])
	for _, w := range brandWords {
		if string(word[:p-q]) == w {
			return true
		}
	}
	return false
}

func isWordByte(c byte) bool { return isDigit(c) || isLower(c|0x20) || c == '_' }

// neighbours are what stands beside a card number.
type neighbours struct {
	expiry, expiryEnd int
	cvv, cvvEnd       int
	cvvNamed          bool
	cvvDigits         [4]byte
	expiryDigits      [6]byte
	expiryLen         int
}

// besideBytes is how far from a card number its expiry and its security code
// are looked for.
const besideBytes = 64

// beside looks for an expiry (12/26, 12/2026, 1226 after a word for it) and a
// security code on the line of the card number at buf[p:e], and on the next two when
// they begin like a word for one: forms and dumps have a line for each.
func (s *Scanner) beside(n *neighbours, p, e int, found topic) {
	end := s.lineEnd(e, e+besideBytes)
	s.besideIn(n, e, end, true)
	for range 2 {
		if n.cvvEnd > 0 || s.buf[end] != '\n' || !beginsBeside.has(s.buf[end+1]) {
			break
		}
		end = s.besideBelow(n, end+1)
	}
	if n.expiryEnd == 0 && n.cvvEnd == 0 && found&(aboutCVV|aboutExpiry) != 0 {
		s.besideIn(n, s.lineStart(p, p-contextBefore), p, false)
	}
}

// beginsBeside are the bytes with which lines begin that tell an expiry or a security
// code: cvv, security code, expiry, セキュリティコード, 有効期限, in quotes or behind spaces.
var beginsBeside = bytesOf("cCsSeE\"' \xe3\xe6")

// besideBelow looks through the line at p for what a word there names, and returns its end.
func (s *Scanner) besideBelow(n *neighbours, p int) (end int) {
	end = s.lineEnd(p, p+besideBytes)
	before := *n
	if s.besideIn(n, p, end, false); n.expiryEnd != before.expiryEnd && s.nearest(n.expiry, n.expiry, aboutExpiry) == 0 {
		n.expiry, n.expiryEnd, n.expiryLen = before.expiry, before.expiryEnd, before.expiryLen
	}
	return end
}

func (s *Scanner) lineEnd(p, limit int) int {
	for ; p+8 <= limit; p += 8 {
		x := binary.LittleEndian.Uint64(s.buf[p:])
		if ends := same(x) | equal(x, '\n'); ends != 0 {
			return p + trailing(ends)/8
		}
	}
	for p < limit && s.buf[p] != '\n' && s.buf[p] != 0 {
		p++
	}
	return p
}

func (s *Scanner) lineStart(p, limit int) int {
	for ; p-8 >= limit; p -= 8 {
		x := binary.LittleEndian.Uint64(s.buf[p-8:])
		if ends := same(x) | equal(x, '\n'); ends != 0 {
			return p - bits.LeadingZeros64(ends)/8
		}
	}
	for p > limit && s.buf[p-1] != '\n' && s.buf[p-1] != 0 {
		p--
	}
	return p
}

// besideIn looks through the digit rows of buf[p:e], which is no longer than
// besideBytes.
func (s *Scanner) besideIn(n *neighbours, p, e int, after bool) {
	b := s.buf
	digits := digitsIn((*[besideBytes]byte)(b[p:]), e-p) & (1<<(e-p) - 1)
	for digits != 0 {
		i := p + trailing(digits)
		j := i
		for j < e+8 && isDigit(b[j]) && j-i <= 8 {
			j++
		}
		switch l := j - i; {
		case l > 8 || isWordByte(b[i-1]) && b[i-1] != '_':
		case l <= 2 && b[j] == '/' && n.expiryEnd == 0:
			if end := s.expiryAt(n, i, j); end > 0 {
				j = end
			}
		case (l == 3 || l == 4) && !isWordByte(b[j]) && n.cvvEnd == 0:
			if l == 4 && (b[j] == ' ' || b[j] == '-') && isDigit(b[j+1]) {
				break // the first group of another number
			}
			s.cvvAt(n, i, j, after)
		}
		digits = digits >> (j - p) << (j - p)
	}
}

// digitsIn returns the mask of the digits in b, of the first n bytes at least.
func digitsIn(b *[besideBytes]byte, n int) (digits uint64) {
	for i := 0; i < min(n, len(b)); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		digits |= pack(^(beyond9(x&low7)|x)&high) << i
	}
	return digits
}

// expiryAt reads MM/YY or MM/YYYY whose month is buf[i:j].
func (s *Scanner) expiryAt(n *neighbours, i, j int) (end int) {
	b := s.buf
	month := number(b[i:j])
	k := j + 1
	for k < j+6 && isDigit(b[k]) {
		k++
	}
	year := number(b[j+1 : k])
	four := k-j-1 == 4 && year >= 2000 && year < 2060
	if month < 1 || month > 12 || !(four || k-j-1 == 2) || isWordByte(b[k]) || b[k] == '/' {
		return 0
	}
	n.expiry, n.expiryEnd = i, k
	n.expiryLen = copy(n.expiryDigits[:], []byte{'0' + byte(month/10), '0' + byte(month%10), b[k-2], b[k-1]})
	return k
}

// cvvAt takes buf[i:j] for a security code if a word says so, or if it is
// three digits after an expiry.
func (s *Scanner) cvvAt(n *neighbours, i, j int, after bool) {
	named := s.nearest(i, i, aboutCVV) != 0
	if !named && !(after && j-i == 3 && n.expiryEnd > 0 && i-n.expiryEnd <= 4) {
		return
	}
	n.cvv, n.cvvEnd, n.cvvNamed = i, j, named
	copy(n.cvvDigits[:], s.buf[i:j])
}

func (s *Scanner) emitNeighbours(n *neighbours) {
	if n.expiryEnd > 0 && n.expiry >= s.ends.beside {
		s.emit(n.expiry, n.expiryEnd, CardExpiry, 85, ByForm|ByNeighbour, n.expiryDigits[:n.expiryLen])
	}
	if n.cvvEnd > 0 && n.cvv >= s.ends.beside {
		why, confidence := ByForm|ByNeighbour, 65
		if n.cvvNamed {
			why, confidence = why|ByContext, 92
		}
		s.emit(n.cvv, n.cvvEnd, CardCVV, confidence, why, n.cvvDigits[:n.cvvEnd-n.cvv])
	}
	s.ends.beside = max(s.ends.beside, n.expiryEnd, n.cvvEnd)
}
