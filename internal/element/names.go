package element

import (
	"bytes"
	"encoding/binary"
)

// kanjiAt returns the kanji at b and true, also for 々, ヶ and ノ within names.
func kanjiAt(b []byte) (rune, bool) {
	if b[0] < 0xE3 || b[0] > 0xE9 {
		return 0, false
	}
	r, n := decodeRune(b[:3])
	return r, n == 3 && (r >= 0x4E00 && r <= 0x9FFF || r == '々')
}

// isKanji reports whether b is one of the kanji from U+4E00 on.
func isKanji(b []byte) bool {
	return (b[0]-0xE5 < 5 || b[0] == 0xE4 && b[1] >= 0xB8) && b[1]&0xC0 == 0x80 && b[2]&0xC0 == 0x80
}

// isKanjiAt is isKanji for the three bytes that are the lowest of x.
func isKanjiAt(x uint32) bool {
	return x&0xC0C000 == 0x808000 && (byte(x)-0xE5 < 5 || byte(x) == 0xE4 && byte(x>>8) >= 0xB8)
}

// nameInText reports the Japanese name whose family name the row of kanji
// buf[p:end] may begin with: a family name of the table at the beginning of a row of kanji, and a
// given name, a space and a given name, or an honorific behind it.
func (s *Scanner) nameInText(p, end int) bool {
	b := s.buf
	end = min(end, p+30)
	key := wordKey(b[p : p+min(end-p, 9)])
	for n := min(end-p, 9); n >= 3; n -= 3 {
		if familySet.hasKey(key) && s.nameAfterFamily(p, p+n, end) {
			return true
		}
		key >>= 16
	}
	return s.kinds.Has(Name) && s.nameOfUnknown(p, end)
}

// nameAfterRole looks for a name behind a role within the row of kanji buf[p:end]:
// 頭取渡辺甚吉も, 脚本家高橋伴.
func (s *Scanner) nameAfterRole(p, end int) bool {
	b := s.buf
	for q := min(end, p+30) - 6; q >= p+6; q -= 3 {
		if !rolesBefore.has(b[q-6:q]) && !(q >= p+9 && rolesBefore.has(b[q-9:q])) {
			continue
		}
		for n := min(end-q, 9); n >= 3; n -= 3 {
			if isFamilyName(b[q:q+n]) && end-q > n && s.nameAfterFamily(q, q+n, end) {
				return true
			}
		}
		if s.nameOfUnknown(q, end) {
			return true
		}
	}
	return false
}

// particleAt reports whether b begins with what follows the name of somebody
// who does something.
func particleAt(b []byte) bool {
	if b[0] == 0xE3 {
		return flagOf(b)&followsName != 0
	}
	return hasPrefix(b, "（")
}

// nameAfterFamily looks for what follows the family name buf[p:q] in its row of
// kanji, which ends at end.
func (s *Scanner) nameAfterFamily(p, q, end int) bool {
	b := s.buf
	if q == end {
		return s.nameAlone(p, q)
	}
	if title := titleAt(b[q:end]); title > 0 && q-p > 3 && !notTitle(b[q:end], title) {
		s.name(p, q, 80, ByDictionary|ByHonorific)
		return true
	}
	if startsNeverGiven(b[q:end]) && !(end-q == 6 && s.likelyGiven(q, end) && !neverGivenNames.has(b[q:end])) {
		return false
	}
	n := givenLength(b[q:end])
	if n > 0 && notGivenBehind(b[p:q], b[q:end], n, addressedAt(b[q+n:q+n+6])) {
		return false
	}
	if n == 0 && q-p > 3 && s.likelyGiven(q, end) && !startsWith(notGivenWords, b[q:end]) {
		s.name(p, end, 56, ByDictionary)
		return true
	}
	if n == 0 || q-p == 3 && n < 6 && end == q+n { // 森一: too short to tell
		return false
	}
	confidence := 72
	if n == 3 {
		confidence = 58
	}
	s.name(p, q+n, confidence, ByDictionary|ByForm)
	return true
}

// actorAt is particleAt for names that stand alone: 渡辺の, 渡辺・鈴木.
func actorAt(b []byte) bool {
	return particleAt(b) || b[0] == 0xE3 && flagOf(b)&followsAlone != 0
}

// likelyGiven reports whether the row of kanji buf[q:end], behind a family name,
// is like a given name: two or three characters, one of given names among the
// last, and no other word.
func (s *Scanner) likelyGiven(q, end int) bool {
	n := end - q
	if n != 6 && n != 9 || notNames.has(s.buf[q:end]) || notNames.has(s.buf[end-6:end]) {
		return false
	}
	first, _ := decodeRune(s.buf[q:])
	last, _ := decodeRune(s.buf[end-3:])
	return lastBits.has(last) || n == 6 && !neverLast.has(last) && (isGiven(first) || isGiven(last)) && particleAt(s.buf[end:end+3])
}

// nameOfUnknown reports the beginning of a row of kanji buf[p:end] that is like a
// name although its family name is in no table: 寺岡真三は, 李承晩が, 習近平国家主席.
func (s *Scanner) nameOfUnknown(p, end int) bool {
	b := s.buf
	first, _ := decodeRune(b[p:])
	foreign := foreignBits.has(first)
	for e := p + 6; e <= min(end, p+12); e += 3 {
		title := titleAt(b[e:min(e+12, end)])
		if e < end && title < 6 || e == end && !particleAt(b[end:end+3]) && !(foreign && hasPrefix(b[end:end+3], "の")) {
			continue
		}
		last, _ := decodeRune(b[e-3:])
		before, _ := decodeRune(b[e-6:])
		if notNames.has(b[e-6:e]) || startsNeverGiven(b[p+3:e]) {
			continue
		}
		switch {
		case e-p == 9 && foreign && (isGiven(before) || isGiven(last)) && (e < end || isGiven(before) && isGiven(last)):
		case e-p == 12 && !foreign && isGiven(before) && (lastBits.has(last) || e < end && isGiven(last)) && !notNames.has(b[p:p+6]) && !startsNeverGiven(b[e-6:e]):
		default:
			continue
		}
		confidence := 51
		if e < end {
			confidence = 58
		}
		s.name(p, e, confidence, ByForm)
		return true
	}
	return false
}

// nameAlone judges a row of kanji that is a family name: a given name after a
// space, in kana behind it, or an honorific must follow.
func (s *Scanner) nameAlone(p, q int) bool {
	b := s.buf
	gap := 0
	if b[q] == ' ' {
		gap = 1
	} else if hasPrefix(b[q:q+3], "　") {
		gap = 3
	}
	if gap > 0 {
		e := q + gap
		for e < q+gap+9 {
			if _, ok := kanjiAt(b[e:]); !ok {
				break
			}
			e += 3
		}
		if _, more := kanjiAt(b[e:]); !more && e > q+gap {
			if n := givenLength(b[q+gap : e]); n == e-q-gap {
				s.name(p, e, 88, ByDictionary|ByForm)
				return true
			} else if n > 0 { // 増田 湊様
				s.name(p, q+gap+n, 88, ByDictionary|ByForm|ByHonorific)
				return true
			}
		}
		if n := kanaLength(b[q+gap : q+gap+24]); n >= 6 && n <= 15 && !notKanaGiven[string(b[q+gap:q+gap+n])] {
			s.name(p, q+gap+n, 70, ByDictionary|ByForm)
			return true
		}
		return false
	}
	if titleAt(b[q:q+12]) > 0 && q-p > 3 {
		s.name(p, q, 80, ByDictionary|ByHonorific)
		return true
	}
	if n := givenKana(b[q : q+30]); n > 0 && q-p > 3 { // 酒井ミキ様
		s.name(p, q+n, 80, ByDictionary|ByHonorific)
		return true
	}
	if q-p > 3 && actorAt(b[q:q+3]) && !placeFamilies.has(b[p:q]) && !ordinaryFamilies.has(b[p:q]) && !joinsWords(b[p-3:p]) {
		s.name(p, q, 51, ByDictionary)
		return true
	}
	return false
}

// name reports buf[p:e].
func (s *Scanner) name(p, e, confidence int, why Reason) {
	s.ends.name = e
	s.emit(p, e, Name, confidence, why, nil)
}

// titleAt returns the length of the title at the beginning of b.
func titleAt(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	for _, t := range titleBuckets[bucketOf(b)] {
		if hasPrefix(b, t) {
			return len(t)
		}
	}
	return 0
}

// startsNeverGiven reports whether b begins with what no given name is.
func startsNeverGiven(b []byte) bool {
	if len(b) < 3 || !neverFirst.has(kanjiOf(b)) {
		return false
	}
	for key, n := uint64(0), 3; n <= min(len(b), 9) && b[n-3]&0xF0 == 0xE0; n += 3 {
		key = key<<16 | signKey(b[n-3:n])
		if neverGivenNames.hasKey(key) {
			return true
		}
	}
	return false
}

// givenLength returns the length of the given name at the beginning of a row
// of kanji: one to three characters of given names, and then the row's end or a
// title.
func givenLength(b []byte) int {
	best := 0
	for n := 3; n <= min(len(b), 9); n += 3 {
		r, _ := decodeRune(b[n-3:])
		if !isGiven(r) {
			break
		}
		if n == len(b) || titleAt(b[n:]) > 0 {
			best = n
		}
	}
	return best
}

// kanaLength returns the length of the hiragana or katakana at the beginning
// of b.
func kanaLength(b []byte) (n int) {
	for n+3 <= len(b) {
		if b[n] != 0xE3 {
			break
		}
		r, _ := decodeRune(b[n:])
		if !(r >= 'ぁ' && r <= 'ゖ' || r >= 'ァ' && r <= 'ヺ' || r == 'ー') {
			break
		}
		n += 3
	}
	return n
}

// nameByHonorific reports the name before the honorific at p, in the row of kanji
// that begins at start, or in katakana.
func (s *Scanner) nameByHonorific(start, p int) {
	b := s.buf
	if start == p && p-s.gapBefore(p) <= s.ends.name {
		return // behind a name that was reported
	}
	x := binary.LittleEndian.Uint64(b[p:])
	for i := range honorifics {
		h := &honorifics[i]
		if (x^h.first)&h.mask != 0 || len(h.word) > 8 && !hasPrefix(b[p:p+9], h.word) {
			continue
		}
		if start < p {
			s.nameBefore(start, p, *h)
			return
		}
		if s.nameInKana(p, *h) {
			return
		}
		start = s.katakanaBefore(p) // カタカナ様
		if p-start >= 9 && p-start <= 24 && start >= s.ends.name && !h.weak && s.properEnd(p+len(h.word)) {
			s.name(start, p, 60, ByHonorific)
		}
		return
	}
}

// nameBefore judges the row of kanji buf[start:p] before an honorific.
func (s *Scanner) nameBefore(start, p int, h honorific) {
	v := s.buf[start:p]
	known := false
	for n := 3; n <= min(len(v), 9); n += 3 {
		known = known || isFamilyName(v[:n])
	}
	family := s.kanjiBefore(start)
	last, _ := decodeRune(v[len(v)-3:])
	switch {
	case known && len(v) >= 6 && !ofFirms.has(last):
		s.name(start, p, 85, ByHonorific|ByDictionary)
	case family < start && !h.weak && len(v) <= 9 && family >= s.ends.name && s.properEnd(p+len(h.word)) && (allGiven(v) || s.addressed(family, start, v)):
		s.name(family, p, 75, ByHonorific|ByForm) // 勅使河原 葵様
	case !h.weak && len(v) >= 6 && len(v) <= 15 && !commonBeforeSama[string(v)] && !notBeforeSama.has(last) && s.properEnd(p+len(h.word)):
		s.name(start, p, 60, ByHonorific)
	}
}

// commonBeforeSama are words before 様 that are no names.
var commonBeforeSama = setOf(`皆 皆々 貴方 御客 客 奥 王 神 仏 殿 姫 旦那 何 有 多 同 仕 模 異 一 各位 関係者 担当者 御担当者 会員 利用者 契約者 保護者 お客 株主 取引先 先方 神々 若 御一同 一同 他 別 両親 親御`)

// properEnd reports whether an honorific ends at p, and does not go on as a
// word (様子, 様々, 様式).
func (s *Scanner) properEnd(p int) bool {
	_, more := kanjiAt(s.buf[p:])
	return !more
}

// katakanaBefore returns where the katakana that ends at p begins.
func (s *Scanner) katakanaBefore(p int) int {
	for range 10 {
		if !isKatakana(s.buf[p-3 : p]) {
			break
		}
		p -= 3
	}
	return p
}

// foreignGiven reports ダニエルは: one word of katakana that is a given name of
// the table.
func (s *Scanner) foreignGiven(p int) {
	b := s.buf
	if b[p-3] == 0xE3 && (b[p-2] == 0x82 || b[p-2] == 0x83) && s.katakanaBefore(p) != p || hasPrefix(b[p-3:p], "・") {
		return
	}
	if b[p-1] == '=' || hasPrefix(b[p-3:p], "＝") {
		return
	}
	n := katakanaLength(b[p : p+36])
	after := b[p+n : p+n+3]
	if n < 9 {
		return
	}
	if titleAt(b[p+n:p+n+18]) >= 6 && !notForeign[string(b[p:p+n])] && s.personTitle(p+n) {
		s.name(p, p+n, 55, ByHonorific)
		return
	}
	if actorAt(after) && !hasPrefix(after, "・") && foreignGiven[string(b[p:p+n])] {
		s.name(p, p+n, 51, ByDictionary)
	}
}

// personTitle reports whether the title at p belongs to one person: 監督, 大統領, and
// no department.
func (s *Scanner) personTitle(p int) bool {
	for _, t := range [...]string{"大統領", "首相", "国王", "皇帝", "皇太子", "将軍", "提督", "大佐", "中佐", "少佐", "大尉", "中尉", "少尉", "監督", "教授", "博士", "船長", "伯爵", "公爵", "侯爵", "男爵", "夫人", "投手", "議員", "元帥", "少将", "中将", "大将", "准将", "国務長官", "親王", "女王"} {
		if hasPrefix(s.buf[p:p+15], t) {
			return true
		}
	}
	return false
}

// foreignName reports ジョン・スミス or ルイ・ド・フュネス around the middle dot at p:
// two to four words of katakana.
func (s *Scanner) foreignName(p int) {
	b := s.buf
	start := s.katakanaBefore(p)
	if p-start < 6 || p-start >= 30 || start < s.ends.name {
		return
	}
	if c := b[start-3 : start]; string(c) == "・" || string(c) == "＝" || b[start-1] == '=' {
		return
	}
	e, parts, short := p, 1, false
	for parts < 5 {
		gap := 0
		if hasPrefix(b[e:e+3], "・") || hasPrefix(b[e:e+3], "＝") {
			gap = 3
		} else if b[e] == '=' {
			gap = 1
		}
		if gap == 0 {
			break
		}
		q := e + gap
		n := katakanaLength(b[q : q+36])
		if isUpper(b[q]) && !isWordByte(b[q+1]) { // ジョン・F・ケネディ
			n, short = 1, true
		} else {
			short = n > 0 && n < 6
			if n == 0 || n == 36 || short && !kataConnect[string(b[q:q+n])] {
				break
			}
		}
		e, parts = q+n, parts+1
	}
	if parts < 2 || parts > 4 || short || hasPrefix(b[e:e+3], "・") {
		return
	}
	title := titleAt(b[e : e+18])
	if _, more := kanjiAt(b[e:]); more && title == 0 {
		return
	}
	confidence := foreignConfidence(b[start:e])
	why := ByForm
	if confidence > 60 {
		why |= ByDictionary
	} else if confidence > 0 && title >= 6 {
		confidence, why = 68, why|ByHonorific
	} else if confidence > 0 && !s.actorAfter(e) || hasPrefix(b[start-3:start], "「") || hasPrefix(b[start-3:start], "『") {
		confidence -= 10
	}
	if confidence > 0 {
		s.name(start, e, confidence, why)
	}
}

// actorAfter reports whether what follows the name that ends at e speaks of
// somebody: a particle, another name, the sentence's end.
func (s *Scanner) actorAfter(e int) bool {
	b := s.buf[e : e+12]
	for _, w := range [...]string{"は", "が", "も", "と", "、", "ら", "や", "（", "による", "によって", "に対", "・", "を", "から", "だ", "）", "夫", "で", "に"} {
		if hasPrefix(b, w) {
			return true
		}
	}
	return b[0] == '(' || b[0] == ',' || b[0] == 0
}

// foreignConfidence judges words of katakana with dots between them: 75 with a
// given name that the table knows, 0 with a part of a team, company or place.
func foreignConfidence(v []byte) int {
	known, first, plural, letters := false, true, false, 0
	for part := range bytes.SplitSeq(v, []byte("・")) {
		known = known || first && foreignGiven[string(part)]
		if notForeign[string(part)] && !(first && known) {
			return 0
		}
		plural = bytes.HasSuffix(part, []byte("ズ")) || bytes.HasSuffix(part, []byte("ツ")) || bytes.HasSuffix(part, []byte("ース")) || bytes.HasSuffix(part, []byte("ング"))
		thing := !known && !first && notForeignLast[string(part)]
		if first = false; thing {
			return 0
		}
		if letterNames[string(part)] {
			letters++
		}
	}
	switch {
	case letters > 1:
		return 0
	case known:
		return 75
	case plural:
		return 0
	}
	return 52
}

func katakanaLength(b []byte) (n int) {
	for n+3 <= len(b) && isKatakana(b[n:n+3]) {
		n += 3
	}
	return n
}

// isKatakana reports whether b is a letter of katakana, from ァ to ヺ, or ー.
func isKatakana(b []byte) bool {
	c := b[2]
	return b[0] == 0xE3 && (b[1] == 0x83 && (c <= 0xBA || c == 0xBC) && c >= 0x80 || b[1] == 0x82 && c >= 0xA1 && c <= 0xBF)
}
