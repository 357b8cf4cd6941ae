package element

import (
	"bytes"
	"unicode/utf8"
)

// labelPairs are the beginnings of rows of kanji that may be a label with its value
// behind a space, a tab or a comma: 住所 横浜市…, 氏名,山田….
var labelPairs = [...]string{"氏名", "姓名", "住所", "所在", "現住", "先住", "先氏"}

// labelGap are the bytes with which begins what may stand between them.
var labelGap = bytesOf(" \t,\"\xe3")

// labelRow looks at the row of kanji buf[p:end], behind which stands no sign that
// parts a key from its value, for a label of names or addresses. It reports whether
// what follows may be a value, whatever was found.
func (s *Scanner) labelRow(p, end int) bool {
	b := s.buf
	q := end
	switch b[q] {
	case ' ', '\t', ',':
	case '"':
		if b[q+1] != ',' {
			return false
		}
	case 0xE3:
		if b[q+1] != 0x80 || b[q+2] != 0x80 {
			return false
		}
	default:
		return false
	}
	row := b[max(p, end-9):end]
	switch {
	case bytes.HasSuffix(row, []byte("住所")), bytes.HasSuffix(row, []byte("所在地")):
		s.addressBehindLabel(end)
	case bytes.HasSuffix(row, []byte("氏名")), bytes.HasSuffix(row, []byte("姓名")):
		s.nameInRow(p, end)
	default:
		return false
	}
	return true
}

// valueFrom skips what stands between a label and its value.
func (s *Scanner) valueFrom(q int) int {
	for limit := q + 12; q < limit; {
		switch c := s.buf[q]; {
		case c == ' ' || c == '\t' || c == ',' || c == '"':
			q++
		case hasPrefix(s.buf[q:q+3], "　"):
			q += 3
		default:
			return q
		}
	}
	return q
}

// addressBehindLabel reports the address without a prefecture that begins behind the
// label that ends at p.
func (s *Scanner) addressBehindLabel(p int) {
	q := s.valueFrom(p)
	if q == p || q < s.ends.text || prefectureAt(s.buf[q:q+16]) > 0 {
		return
	}
	e, ok := s.cityAddress(q)
	if !ok {
		e, ok = s.townAddress(q, 3)
	}
	if ok {
		s.ends.text = e
		s.emit(q, e, Address, 85, ByForm|ByHeader, nil)
	}
}

// nameInRow reports the name that stands alone with its label, buf[p:end], on a line of
// a table: 氏名,勅使河原 葵.
func (s *Scanner) nameInRow(p, end int) {
	b := s.buf
	for b[p-1] == '"' || b[p-1] == 0xA6 && hasPrefix(b[p-3:p], "ご") || b[p-1] == 0x8A && hasPrefix(b[p-3:p], "お") {
		if b[p-1] == '"' {
			p--
		} else {
			p -= 3
		}
	}
	q := s.valueFrom(end)
	if b[p-1] != '\n' && b[p-1] != '\r' && b[p-1] != 0 || q < s.ends.name || b[end] == ' ' || b[end] == 0xE3 {
		return
	}
	e := s.lineEnd(q, q+maxKeyValue)
	v := bytes.TrimRight(b[q:e], "\r \"")
	if len(v) > 60 || bytes.IndexByte(v, ',') >= 0 || bytes.IndexByte(v, '\t') >= 0 || b[e] != '\n' && b[e] != 0 {
		return
	}
	v = v[:nameLength(v)]
	form := nameForm(v)
	if form == notName || form == maybeName && !likeName(v) || isNothing(v) {
		return
	}
	if _, _, ok := HeaderKind(string(v)); ok {
		return // the header of a table
	}
	e = q + len(v)
	s.ends.name, s.ends.value = e, e
	s.emit(q, e, Name, 85, ByHeader|ByForm, nil)
}

// likeName reports whether what may be a name is like one, though its family is in no
// table: three to six kanji that end as given names do, and not 必須 or 経理部.
func likeName(v []byte) bool {
	n := len(v)
	if n < 9 || n > 21 || !isGiven(kanjiOf(v[n-3:])) || neverLast.has(kanjiOf(v[n-3:])) || notNames.has(v[n-6:]) {
		return false
	}
	i := bytes.IndexByte(v, ' ')
	return i < 0 || !startsNeverGiven(v[i+1:])
}

// likeGiven reports whether v, of three kanji or more, ends with one that few other words
// than given names end with, or with two of given names.
func likeGiven(v []byte) bool {
	n := len(v)
	return lastBits.has(kanjiOf(v[n-3:])) || n > 9 && isGiven(kanjiOf(v[n-3:])) && isGiven(kanjiOf(v[n-6:n-3]))
}

// roleBefore reports whether the label that ends before p is of who did something: 担当,
// 責任者.
func (s *Scanner) roleBefore(p int) bool {
	return hasPrefix(s.buf[p-3:p], "者") || hasPrefix(s.buf[p-6:p], "担当")
}

// beforeRemark returns how much of v stands before a bracket or a slash: 山田太郎 様（ヤマダ…,
// 山田太郎 / 携帯:….
func beforeRemark(v []byte) int {
	n := len(v)
	for _, sign := range [...]string{"（", "(", "／", " / ", "【", "、"} {
		if i := bytes.Index(v[:n], []byte(sign)); i > 0 {
			n = i
		}
	}
	return n
}

// cityAddress returns where the address that begins with a city at q ends; ok is false
// when no city's name and no number of a block are there.
func (s *Scanner) cityAddress(q int) (end int, ok bool) {
	e, city, block := s.addressEnd(q)
	return e, city > q+3 && block && e-q >= 12
}

// townAddress is cityAddress for a town alone with a block of as many numbers, or with 丁目
// or 番地: only what stands before makes it an address, 〒160-0023 西新宿2-8-1.
func (s *Scanner) townAddress(q, least int) (end int, ok bool) {
	b := s.buf
	e := q
	for e < q+30 && (b[e] >= 0xE4 && b[e] <= 0xE9 || b[e] == 0xE3 && b[e+1] <= 0x83 && !hasPrefix(b[e:e+3], "　") && !hasPrefix(b[e:e+3], "、")) {
		e += 3
	}
	if b[q] < 0xE4 || e < q+6 {
		return 0, false
	}
	if numbers, sure := blockNumbers(b[e : e+maxAddress/2]); numbers < least && !(sure && numbers > 1) {
		return 0, false
	}
	for limit := e + 40; e < limit; {
		switch c := b[e]; {
		case isDigit(c) || c == '-':
			e++
		case c == 0xEF && (b[e+1] == 0xBC && b[e+2] >= 0x8D && b[e+2] <= 0x99), c == 0xE2 && b[e+1] == 0x80 || c == 0xE2 && b[e+1] == 0x88, hasPrefix(b[e:e+3], "ー"), hasPrefix(b[e:e+3], "丁"), hasPrefix(b[e:e+3], "目"), hasPrefix(b[e:e+3], "番"), hasPrefix(b[e:e+3], "地"), hasPrefix(b[e:e+3], "号"), hasPrefix(b[e:e+3], "の"), hasPrefix(b[e:e+3], "ノ"):
			e += 3
		default:
			return trimAddress(b, q, e), true
		}
	}
	return trimAddress(b, q, e), true
}

// textBehindPostal is textIn for the first text at a postal code or behind it.
func (s *Scanner) textBehindPostal(i int, t uint64) {
	p := s.ends.postal
	s.ends.postal = 0
	before := uint64(1)<<max(p-s.pos-(i-1)*blockSize, 0) - 1
	s.textIn(i, t&before)
	s.addressBehindPostal(p)
	s.textIn(i, t&^before)
}

// addressBehindPostal reports the address that begins behind the postal code that ends
// at p when it has no prefecture, which would find itself.
func (s *Scanner) addressBehindPostal(p int) {
	b := s.buf
	q := p
	for q < p+12 && (b[q] == ' ' || b[q] == '\n' || b[q] == '\r' || b[q] == '\t' || b[q] == ',' || b[q] == '"') {
		q++
	}
	if hasPrefix(b[q:q+3], "　") {
		q += 3
	}
	if q < s.ends.text || prefectureAt(b[q:q+16]) > 0 {
		return
	}
	e, ok := s.cityAddress(q)
	if !ok {
		e, ok = s.townAddress(q, 2)
	}
	if ok {
		s.ends.text = e
		s.emit(q, e, Address, 88, ByForm|ByAnchor, nil)
	}
}

// cityInText reports the address that the row of kanji buf[p:end] before digits begins,
// known by its form alone: a city, a town and a block of two numbers or more.
func (s *Scanner) cityInText(p, end int) bool {
	b := s.buf
	signs, city := 0, 0
	for q := p + 3; q < min(end, p+33); q += 3 {
		if flagOf(b[q:q+3])&endsCity == 0 {
			continue
		}
		r := kanjiOf(b[q:])
		switch {
		case r == '町' || r == '村':
			if city > 0 {
				signs++
			}
			continue
		case notCity(b[q-3:q], r), q+3 < end && wordIn(b[q+3:q+6], "立内外民長営議役場街間画分割"), q+3 == end:
			continue
		}
		if city == 0 {
			city = q
		}
		signs++
	}
	if city == 0 || city > p+18 {
		return false
	}
	from := s.cityStart(p, city)
	e, _, block := s.addressEnd(from)
	if e <= end || !block {
		return false
	}
	numbers, sure := blockNumbers(b[end:e])
	if sure = sure || from != p || s.placeBefore(p); numbers == 0 || !sure && (numbers < 2 || numbers == 2 && signs < 2) {
		return false
	}
	s.ends.text = e
	s.emit(from, e, Address, 65, ByForm, nil)
	return true
}

// placeBefore reports whether a word for a place that somebody has ends before p, behind
// which its address stands: 転居先は, 納品先：, 新住所 .
func (s *Scanner) placeBefore(p int) bool {
	b := s.buf
	switch {
	case b[p-1] == ' ' || b[p-1] == ':':
		p--
	case hasPrefix(b[p-3:p], "は") || hasPrefix(b[p-3:p], "：") || hasPrefix(b[p-3:p], "　"):
		p -= 3
	default:
		return false
	}
	return hasPrefix(b[p-3:p], "先") || hasPrefix(b[p-6:p], "住所") || hasPrefix(b[p-6:p], "実家") || hasPrefix(b[p-6:p], "自宅") || hasPrefix(b[p-9:p], "所在地")
}

// notCity reports whether the character before 市 or 区 makes it no place: 都市, 地区.
func notCity(before []byte, sign rune) bool {
	switch sign {
	case '市':
		return wordIn(before, "都朝株闇各")
	case '区':
		return wordIn(before, "地学工挙鉱管教漁街各海全防禁聖水特市")
	case '郡':
		return wordIn(before, "各諸")
	}
	return true
}

// cityStart returns where the address with a city in the row of kanji from p on begins:
// behind nothing that is no part of it.
func (s *Scanner) cityStart(p, city int) int {
	for _, w := range [...]string{"住所", "会場", "場所", "現住所", "所在地", "転居先", "引越先", "送付先", "配送先", "本社", "支店", "勤務先", "実家", "自宅", "届先", "先"} {
		if city-p > len(w)+3 && hasPrefix(s.buf[p:p+12], w) {
			return p + len(w)
		}
	}
	return p
}

// blockNumbers counts the numbers of a block in v, which begins with a digit: two in 2-8,
// 2丁目8, three in 2-8-1. It is sure with 丁目 or 番地 or a number of three digits before
// another: scores and pages are less.
func blockNumbers(v []byte) (n int, sure bool) {
	var buf [maxAddress + utf8.UTFMax]byte
	v = buf[:fold(buf[:], v)]
	row := 0
	for i := 0; i < len(v); {
		switch r, size := utf8.DecodeRune(v[i:]); {
		case r >= '0' && r <= '9':
			if row++; row == 1 {
				n++
			}
			if row > 4 {
				return 0, false
			}
			i += size
		case r == '-' || r == '丁' || r == '目' || r == '番' || r == '地' || r == '号' || r == 'の' || r == 'ノ':
			sure = sure || r == '丁' || r == '地' || row == 3 && r == '-'
			row = 0
			i += size
		default:
			return n, sure
		}
	}
	return n, sure
}
