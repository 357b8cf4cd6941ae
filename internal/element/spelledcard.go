package element

// spelledCard judges the number that stands behind a word for cards that ends before
// p, if its digits are written as no number is found without such a word: groups with
// _ : or two spaces between them, or all digits apart.
func (s *Scanner) spelledCard(p int) {
	b := s.buf
	limit := p + contextAfter
	for p < limit && !isDigit(b[p]) {
		switch c := b[p]; {
		case c == ' ' || c == ':' || c == '=' || c == '"' || c == '\'' || c == '\t' || c == '#':
			p++
		case c >= 0x80 && b[p] != 0xEF || hasPrefix(b[p:p+3], "："):
			p++ // 番号は
		default:
			return
		}
	}
	if p >= limit || !mayBeCard(b[p]) || p < s.ends.number {
		return
	}
	if c, d := b[p+1], b[p+4]; c != ' ' && c != '-' && d != '_' && d != ':' && (d != ' ' || b[p+5] != ' ') {
		return // as most
	}
	n := &s.num
	n.n, n.groups, n.wide, n.odd = 0, 0, false, false
	size := [2]int{-1, -1} // of the first group, of the others
	gap, e, q := "", p, p
	shape := [maxGroups]int{}
	for groups := 0; n.n < 20; groups++ {
		from := q
		for isDigit(b[q]) && n.n < 20 {
			n.digit[n.n] = b[q] - '0'
			n.n, q = n.n+1, q+1
		}
		if groups < len(shape) {
			shape[groups] = q - from
		}
		if groups == 0 {
			size[0] = q - from
		} else if size[1] = q - from; size[1] != 1 && size[0] == 1 {
			return
		}
		e = q
		next := oddGap(b[q:q+3], size[0] == 1)
		if next == "" || gap != "" && next != gap {
			break
		}
		gap = next
		q += len(gap)
	}
	if gap == "" || n.n > 19 || isWordByte(b[e]) || !IsCardPAN(n.digit[:n.n]) || size[0] != 1 && !printedGroups(shape) {
		return
	}
	d := n.digit[:n.n]
	n.groups = 1
	n.group[0] = group{0, n.n, p, e, 0}
	if s.kinds.Has(CardPAN) {
		s.ends.number = e
		s.emitBrand(p, e, CardPAN, 72, ByCheckDigit|ByRange|ByContext|InPieces, n.text(&s.text, n.n), BrandOf(d))
	}
}

// oddGap returns what stands between digits at the beginning of b, where a digit follows
// it: a space or hyphen between single digits, _ : or two spaces between groups.
func oddGap(b []byte, single bool) string {
	switch c := b[0]; {
	case single && (c == ' ' || c == '-') && isDigit(b[1]):
		return string(b[:1])
	case !single && (c == '_' || c == ':') && isDigit(b[1]), !single && c == ' ' && b[1] == ' ' && isDigit(b[2]):
		if c == ' ' {
			return "  "
		}
		return string(b[:1])
	}
	return ""
}

// printedGroups reports whether these are the lengths of groups as cards have them.
func printedGroups(shape [maxGroups]int) bool {
	for i := range groupings {
		g, same := &groupings[i], true
		for k, n := range g.lens {
			same = same && shape[k] == n
		}
		if same && shape[len(g.lens)] == 0 {
			return true
		}
	}
	return false
}
