package element

import "bytes"

// isJoint are the bytes with which begins what may stand between the pieces of a
// number that was cut.
var isJoint = func() (t [256]bool) {
	for _, c := range []byte("\"'<,;|\t") {
		t[c] = true
	}
	return t
}()

// joint is what stands between two pieces of a number.
type joint uint8

const (
	noJoint  joint = iota
	dashed         // 4111 - 1111
	listed         // "4111", "1111" in JSON or CSV; with keys between them, too
	columned       // tabs, semicolons, bars
	tagged         // <td>4111</td><td>1111</td>
	inlined        // <b>4111</b><i>1111</i>: shown as one number
)

// jointAfter looks at the joint at p, behind four digits or more.
func (s *Scanner) jointAfter(p int) {
	b := s.buf
	if isSeparator(b[p]) && (b[p] != ' ' || b[p+1] != '-' || b[p+2] != ' ') {
		return
	}
	q := p - 4
	for k := 0; k < 2 && isDigit(b[q-1]); k++ {
		if q -= 4; !isDigit(b[q]) || !isDigit(b[q+1]) || !isDigit(b[q+2]) {
			return
		}
	}
	if mayBeCard(b[q]) && !isDigit(b[q-1]) {
		s.pieces(q)
	}
}

// pieces judges the four, eight or twelve digits at p as the first piece of a
// card number that is cut: over tokens of JSON, over HTML tags, over columns. The
// check digit alone is little here, for there are many columns of numbers: a word
// must say what it is, unless the pieces are shown as one.
func (s *Scanner) pieces(p int) {
	b := s.buf
	if p < s.ends.split || !mayBeCard(b[p]) || b[p] == '2' && (b[p+1] < '2' || b[p+1] > '7') || isWordByte(b[p-1]) || !s.alonePiece(p) {
		return
	}
	n := &s.num
	n.n, n.groups, n.wide, n.odd = 0, 0, false, false
	var kind joint
	q := p
	for n.groups < 5 {
		g := &n.group[n.groups]
		g.from, g.p, g.sep = n.n, q, ' '
		for isDigit(b[q]) && n.n < 19 {
			n.digit[n.n] = b[q] - '0'
			n.n, q = n.n+1, q+1
		}
		g.to, g.e = n.n, q
		if n.n == g.from || isWordByte(b[q]) {
			break
		}
		n.groups++
		next, k := s.joint(q)
		if k == noJoint || kind != noJoint && k != kind {
			break
		}
		kind, q = k, next
	}
	if n.groups < 2 || kind == noJoint {
		return
	}
	used := 0
	switch {
	case n.size(0) == 4 && n.size(1) == 4 && n.size(2) == 4 && n.size(3) == 4:
		used = 4
		if n.size(4) == 3 && b[p] == '4' && IsCardPAN(n.digit[:19]) {
			used = 5
		}
	case n.size(0) == 4 && n.size(1) == 6 && (n.size(2) == 5 || n.size(2) == 4):
		used = 3
	case n.size(0)+n.size(1) == 16 && kind != dashed:
		used = 2
	}
	if used > 0 && IsCardPAN(n.digit[:n.group[used-1].to]) {
		s.cardInPieces(n, used, kind)
	}
}

// alonePiece reports whether no other number of the same kind of list stands
// before p: a column of numbers of four digits is no card.
func (s *Scanner) alonePiece(p int) bool {
	b := s.buf
	if b[p-1] == '"' || b[p-1] == '\'' {
		p--
	}
	return !(b[p-1] == ',' || b[p-1] == '-' || b[p-1] == '.') || !isDigit(b[p-2])
}

// cardInPieces reports the first used groups of n.
func (s *Scanner) cardInPieces(n *row, used int, kind joint) {
	p, e := n.group[0].p, n.group[used-1].e
	base := 30
	switch {
	case kind == inlined || kind == dashed && used > 2:
		base = 60
	case used > 2:
		base = 40
	}
	why := ByCheckDigit | ByRange | InPieces
	about := s.labelled(p, aboutCard|aboutOther)
	if about == 0 {
		about = s.labelled(n.group[1].p, aboutCard|aboutOther)
	}
	switch about {
	case aboutCard:
		base, why = base+32, why|ByContext
	case aboutOther:
		base, why = base-30, why|LessLikely|ByOtherWord
	}
	s.ends.split = e
	if base < s.least && s.adjust == nil {
		return
	}
	d := n.digit[:n.group[used-1].to]
	for i, v := range d {
		s.text[i] = '0' + v
	}
	s.ends.number = max(s.ends.number, e)
	s.emitBrand(p, e, CardPAN, base, why, s.text[:len(d)], BrandOf(d))
}

// maxJoint bounds what stands between two pieces, in bytes.
const maxJoint = 120

// joint reads what stands between two pieces from q on, and returns where the
// next digit is.
func (s *Scanner) joint(q int) (next int, kind joint) {
	b, limit := s.buf, q+maxJoint
	spaces := func() {
		for q < limit && (b[q] == ' ' || b[q] == '\t' || b[q] == '\n' || b[q] == '\r') {
			q++
		}
	}
	if b[q] == '<' || b[q] == ' ' && b[q+1] == '<' {
		return s.tags(q)
	}
	if b[q] == ' ' && b[q+1] == '-' && b[q+2] == ' ' {
		return q + 3, dashed
	}
	quote := byte(0)
	if c := b[q]; c == '"' || c == '\'' {
		quote, q = c, q+1
	}
	spaces()
	switch b[q] {
	case ',':
		kind = listed
	case ';', '|':
		kind = columned
	default:
		if b[q-1] == '\t' {
			return q, columned
		}
		return 0, noJoint
	}
	q++
	spaces()
	if quote == 0 {
		return q, kind
	}
	if b[q] == '{' {
		q++
		spaces()
	}
	if b[q] != quote {
		return 0, noJoint
	}
	q++
	if i := bytes.IndexByte(b[q:limit], quote); !isDigit(b[q]) && i > 0 { // "key": "1111"
		q += i + 1
		spaces()
		if b[q] != ':' {
			return 0, noJoint
		}
		q++
		spaces()
		if b[q] == quote {
			q++
		}
	}
	return q, kind
}

// tags reads one HTML tag or more, and the white space between them.
func (s *Scanner) tags(q int) (next int, kind joint) {
	b, limit := s.buf, q+maxJoint
	kind = inlined
	for q < limit {
		switch c := b[q]; {
		case c == '<':
			i := bytes.IndexByte(b[q:limit], '>')
			if i < 0 {
				return 0, noJoint
			}
			if !isInline(b[q+1 : q+i]) {
				kind = tagged
			}
			q += i + 1
		case c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '-':
			q++
		case hasPrefix(b[q:q+6], "&nbsp;"):
			q += 6
		default:
			return q, kind
		}
	}
	return 0, noJoint
}

// isInline reports whether a tag leaves the text around it on one line.
func isInline(tag []byte) bool {
	tag = bytes.TrimPrefix(tag, []byte("/"))
	if i := bytes.IndexAny(tag, " \t\n/"); i >= 0 {
		tag = tag[:i]
	}
	switch string(tag) {
	case "b", "i", "u", "em", "strong", "span", "font", "mark", "wbr", "code", "small", "big", "tt", "a", "s", "ins", "bdi", "kbd", "samp":
		return true
	}
	return false
}
