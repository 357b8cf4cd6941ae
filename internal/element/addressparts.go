package element

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addressParts are the parts of an address that a header asks for, when a table or a
// form gives each a field of its own: 都道府県, 市区町村, 町名, 番地, 建物名, city,
// address2. The header says what is meant; the value only has to look like it.
type addressParts uint8

const (
	partPrefecture addressParts = 1 << iota
	partCity
	partTown
	partBlock
	partBuilding
	partLine  // a line of an address: any of them
	partWhole // a whole address, or what forms leave of it: a prefecture, a city in Japanese
)

// partSigns are what headers in Japanese say, wherever it stands in them.
var partSigns = [...]struct {
	sign string
	part addressParts
}{
	{"都道府県", partPrefecture}, {"市区町村", partCity}, {"市町村", partCity}, {"市区郡", partCity}, {"郡市区", partCity}, {"市郡区", partCity},
	{"町名", partTown}, {"町域", partTown}, {"町字", partTown}, {"大字", partTown}, {"以降の住所", partLine}, {"住所", partWhole}, {"所在地", partWhole}, {"本籍", partWhole},
	{"番地", partBlock}, {"地番", partBlock}, {"丁目", partBlock}, {"建物", partBuilding}, {"マンション", partBuilding}, {"アパート", partBuilding}, {"ビル名", partBuilding}, {"方書", partBuilding},
}

// partWords are the words of headers in ASCII. Those of columns only are also used
// for much else; they are no keys in running text.
var partWords = map[string]addressParts{
	"prefecture": partPrefecture, "pref": partPrefecture, "ken": partPrefecture, "todofuken": partPrefecture, "todouhuken": partPrefecture, "todoufuken": partPrefecture, "province": partPrefecture, "state": partPrefecture,
	"city": partCity, "municipality": partCity, "shikuchoson": partCity, "sikutyouson": partCity, "shichoson": partCity, "ward": partCity, "locality": partCity,
	"town": partTown, "suburb": partTown, "chome": partBlock, "banchi": partBlock, "street": partTown | partBlock,
	"building": partBuilding, "bldg": partBuilding, "tatemono": partBuilding, "apartment": partBuilding, "apt": partBuilding,
	"address": partWhole, "addr": partWhole, "jusho": partWhole, "juusho": partWhole, "jusyo": partWhole, "juusyo": partWhole, "jyusho": partWhole, "jyusyo": partWhole,
}

// partColumn returns the weak kind of a column whose name consists of words for parts
// of an address, and of words for persons and rows: customer_city, pref_name.
func partColumn(words []string) (Kind, headerMatch) {
	parts := addressParts(0)
	for _, w := range words {
		p := partWords[w]
		if p == 0 && w != "name" && !isPersonWord(w) && w != "home" && w != "shipping" && w != "billing" && w != "ship" && w != "bill" && w != "to" {
			return Unclassified, noMatch
		}
		parts |= p
	}
	if parts == 0 {
		return Unclassified, noMatch
	}
	return Address, weakMatch
}

// partsOf returns what a header of addresses asks for.
func partsOf(header string) (parts addressParts) {
	for _, s := range partSigns {
		if strings.Contains(header, s.sign) {
			parts |= s.part
		}
	}
	line := false
	for _, w := range headerParts(header) {
		parts |= partWords[w]
		line = line || w == "line"
	}
	var buf [maxKey + utf8.UTFMax]byte
	last := bytes.TrimRight(buf[:fold(buf[:], []byte(header))], " )]")
	if parts == partWhole && (line || len(last) > 0 && isDigit(last[len(last)-1])) {
		parts |= partLine // 住所2, address_line_1
	}
	return parts
}

// maxPart bounds the value behind a label for a part of an address, in bytes.
const maxPart = 90

// labelParts is partsOf for the label in Japanese that ends before p.
func (s *Scanner) labelParts(p int) addressParts {
	for range 3 { // a space, a quote and its escape
		if c := s.buf[p-1]; c == ' ' || c == '"' || c == '\'' || c == '\\' {
			p--
		}
	}
	if s.buf[p-1] < utf8.RuneSelf && !isDigit(s.buf[p-1]) {
		return 0
	}
	from := p
	for from > p-maxKey && inKey.has(s.buf[from-1]) {
		from--
	}
	parts := addressParts(0)
	for _, sign := range partSigns {
		if bytes.Contains(s.buf[from:p], []byte(sign.sign)) {
			parts |= sign.part
		}
	}
	return parts &^ partWhole
}

// fit reports whether v looks like one of the parts.
func (p addressParts) fit(v []byte) bool {
	var buf [maxAddress + utf8.UTFMax]byte
	if p == 0 || len(v) > maxAddress {
		return false
	}
	v = bytes.TrimSpace(buf[:fold(buf[:], v)])
	if len(v) == 0 || bytes.IndexByte(v, '@') >= 0 || bytes.Contains(v, []byte("://")) || isNothing(v) {
		return false
	}
	switch {
	case p&(partPrefecture|partWhole) != 0 && isPrefecture(v), p&(partCity|partWhole) != 0 && isCity(v, p&partCity == 0):
		return true
	case p&(partBlock|partLine|partBuilding|partTown) != 0 && isBlock(v):
		return p&(partBlock|partLine) != 0 || !allDigits(v)
	case p&(partTown|partBuilding|partLine) != 0:
		return isPlaceText(v)
	}
	return false
}

// isNothing are values for what is not there.
func isNothing(v []byte) bool {
	switch strings.ToLower(string(v)) {
	case "-", "--", "なし", "無し", "無", "不明", "同上", "未入力", "未登録", "該当なし", "n/a", "na", "none", "null", "nil", "unknown", "true", "false", "other", "その他", "undefined":
		return true
	}
	return false
}

// romajiPrefectures are the prefectures in ASCII, without -ken, -to and -fu.
var romajiPrefectures = setOf(`hokkaido aomori iwate miyagi akita yamagata fukushima ibaraki tochigi gunma saitama chiba tokyo kanagawa niigata toyama ishikawa fukui yamanashi nagano gifu shizuoka aichi mie shiga kyoto osaka hyogo nara wakayama tottori shimane okayama hiroshima yamaguchi tokushima kagawa ehime kochi fukuoka saga nagasaki kumamoto oita miyazaki kagoshima okinawa`)

// isPrefecture reports whether v is the name of a prefecture and nothing more, also
// without 県 and in ASCII.
func isPrefecture(v []byte) bool {
	if n := prefectureAt(v); n > 0 {
		return n == len(v)
	}
	for _, p := range prefectures {
		if p != "北海道" && string(v) == p[:len(p)-3] {
			return true
		}
	}
	word, suffix, _ := strings.Cut(strings.ToLower(string(v)), "-")
	if suffix == "" {
		word, suffix, _ = strings.Cut(word, " ")
	}
	switch suffix {
	case "", "ken", "to", "fu", "pref", "pref.", "prefecture":
		return romajiPrefectures[word]
	}
	return false
}

// isCity reports whether v is the name of a city: of kanji and kana with 市区町村郡
// behind the first character, or, unless it must be in Japanese, words of ASCII.
func isCity(v []byte, japanese bool) bool {
	ends := false
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRune(v[i:])
		switch {
		case r < utf8.RuneSelf:
			if japanese || v[0] >= utf8.RuneSelf && r != ' ' {
				return false
			}
			if !isLower(byte(r)|0x20) && r != ' ' && r != '-' && r != '\'' && r != '.' && r != ',' {
				return false
			}
		case strings.ContainsRune("市区町村郡島", r):
			ends = ends || i > 0
		case !isPlaceRune(r):
			return false
		}
		i += n
	}
	if v[0] < utf8.RuneSelf {
		return len(v) >= 3
	}
	return ends
}

// isPlaceRune: kanji and kana, as places are written with.
func isPlaceRune(r rune) bool {
	return r >= 0x3400 && r <= 0x9FFF || r >= 'ぁ' && r <= 'ゖ' || r >= 'ァ' && r <= 'ヺ' || r == 'ー' || r == '々' || r == '〆' || r >= 'ｦ' && r <= 'ﾟ' || r >= 0x20000 && r < 0x30000
}

// isBlock reports whether v is the number of a block, folded: 1-2-3, 12番地の4,
// 二丁目3番4号, 甲123.
func isBlock(v []byte) bool {
	digits, row, last := 0, 0, rune('-')
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRune(v[i:])
		switch {
		case r >= '0' && r <= '9':
			digits++
			if row++; row > 5 {
				return false
			}
		case isKanjiDigit(r):
			digits++
			row = 0
		case r == '-' || r == ' ' || r == '･' || r == '・':
			if last == r || i == 0 {
				return false
			}
			row = 0
		case strings.ContainsRune("丁目番地号条のノ之第線地割区東西南北甲乙丙丁字先付近イロハニホ街", r):
			row = 0
		default:
			return false
		}
		last = r
		i += n
	}
	return digits > 0 && !isDate(v)
}

// isPlaceText reports whether v is a name, of a town or of a building with its rooms:
// a kanji or two letters, and no sentence.
func isPlaceText(v []byte) bool {
	letters := 0
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRune(v[i:])
		switch {
		case r == utf8.RuneError, strings.ContainsRune("。、！？!?=<>{}[]\"\\;|", r):
			return false
		case isPlaceRune(r) && r >= 0x3400:
			letters += 2
		case unicode.IsLetter(r):
			letters++
		}
		i += n
	}
	return letters >= 2
}
