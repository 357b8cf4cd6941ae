package element

import (
	"bytes"
	"unicode/utf8"
)

// Classify names the elements that one short value (a column of a result row)
// is by its form alone. It is a guess that names elements of what could not be
// attributed; it never decides whose they are. Nothing in the value reaches
// anybody: only the kinds are returned.
//
// Values over 512 bytes are judged by their beginning. Classify does not
// allocate and may be called concurrently.
func Classify(value []byte) Mask {
	if len(value) < 3 {
		return 0
	}
	var buf [maxValue]byte
	v := bytes.TrimSpace(buf[:fold(buf[:], value)])
	if len(v) < 3 {
		return 0
	}
	switch {
	case isEmail(v):
		return MaskOf(Email)
	case isIPAddress(v):
		return MaskOf(IPAddress)
	case isDate(v):
		return MaskOf(BirthDate)
	case isPassport(v):
		return MaskOf(Passport)
	}
	if m := classifyNumber(v); m != 0 {
		return m
	}
	return classifyText(v)
}

// classifyNumber judges values of digits and separators.
func classifyNumber(v []byte) Mask {
	if bytes.HasPrefix(v, []byte("〒")) {
		v = bytes.TrimSpace(v[len("〒"):])
	}
	if len(v) == 8 && v[3] == '-' && allDigits(v[:3]) && allDigits(v[4:]) {
		return MaskOf(PostalCode)
	}
	var d [20]byte
	rest, national := bytes.CutPrefix(v, []byte("+81"))
	if !national {
		rest, national = bytes.CutPrefix(v, []byte("(+81)"))
	}
	if national {
		rest = bytes.TrimLeft(rest, " -.")
		rest = bytes.TrimLeft(bytes.TrimPrefix(rest, []byte("(0)")), " -.")
		n, _, ok := digits(d[1:], rest)
		if ok && IsPhone(d[:n+1]) {
			return MaskOf(Phone)
		}
		return 0
	}
	flat := make([]byte, 0, 32)
	for _, c := range v { // 03(1234)5678
		if c == '(' || c == ')' {
			c = '-'
		}
		if len(flat) == cap(flat) {
			return 0
		}
		flat = append(flat, c)
	}
	n, separators, ok := digits(d[:], bytes.Trim(flat, "-"))
	if !ok {
		return 0
	}
	switch number := d[:n]; {
	case IsCardPAN(number):
		return MaskOf(CardPAN)
	case IsPhone(number) && (separators > 0 || n == 11):
		return MaskOf(Phone)
	case separators == 0 && IsMyNumber(number):
		return MaskOf(MyNumber)
	case separators == 0 && IsDriversLicence(number):
		return MaskOf(DriversLicence)
	}
	return 0
}

// classifyText judges words: an address begins with (or holds) a prefecture, a
// kana name is katakana of two to thirty letters with at most one gap.
func classifyText(v []byte) Mask {
	var m Mask
	if hasPrefecture(v) {
		m |= MaskOf(Address)
	}
	if isKana(v) {
		m |= MaskOf(Kana)
	}
	return m
}

func allDigits(v []byte) bool {
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
	}
	return len(v) > 0
}

// isEmail follows RFC 5321 §4.1.2 for the usual dot-string mailbox; quoted
// local parts and address literals are not recognised. Japanese carriers once
// gave out local parts with consecutive or final dots: they are accepted.
func isEmail(v []byte) bool {
	at := bytes.IndexByte(v, '@')
	if at < 1 || at > 64 || len(v) > 254 {
		return false
	}
	for _, c := range v[:at] {
		if !isLower(c|0x20) && !isDigit(c) && bytes.IndexByte([]byte(".!#$%&'*+-/=?^_`{|}~"), c) < 0 {
			return false
		}
	}
	domain := v[at+1:]
	dot := bytes.LastIndexByte(domain, '.')
	if dot < 1 || len(domain)-dot < 3 || domain[0] == '-' {
		return false
	}
	for i, c := range domain {
		if !isLower(c|0x20) && !isDigit(c) && c != '-' && (c != '.' || i == 0 || domain[i-1] == '.') {
			return false
		}
	}
	return isLower(domain[dot+1] | 0x20)
}

// isIPAddress recognises dotted IPv4 (RFC 791) with each part below 256.
func isIPAddress(v []byte) bool {
	parts, value, size := 1, 0, 0
	for _, c := range v {
		switch {
		case isDigit(c):
			value = value*10 + int(c-'0')
			if size++; size > 3 || value > 255 {
				return false
			}
		case c == '.' && size > 0:
			parts, value, size = parts+1, 0, 0
		default:
			return false
		}
	}
	return parts == 4 && size > 0
}

// isPassport recognises the number of a Japanese passport: two capital letters
// and seven digits (ICAO Doc 9303 gives nine places; the form is Japan's).
func isPassport(v []byte) bool {
	return len(v) == 9 && isUpper(v[0]) && isUpper(v[1]) && allDigits(v[2:])
}

var eras = [...]string{"明治", "大正", "昭和", "平成", "令和"}

// isDate recognises a day of the Western calendar from 1900 on (1985-03-04,
// 1985/3/4, 1985年3月4日, 19850304) or of an era (昭和60年3月4日, S60.3.4).
func isDate(v []byte) bool {
	for _, era := range eras {
		if rest, ok := bytes.CutPrefix(v, []byte(era)); ok {
			rest = bytes.TrimPrefix(rest, []byte("元"))
			return monthAndDay(trimNumber(rest, 2), true)
		}
	}
	if len(v) > 3 && bytes.IndexByte([]byte("MTSHR"), v[0]) >= 0 && isDigit(v[1]) {
		return monthAndDay(trimNumber(v[1:], 2), true)
	}
	if len(v) < 8 || !allDigits(v[:4]) {
		return false
	}
	year := number(v[:4])
	if year < 1900 || year > 2100 {
		return false
	}
	if len(v) == 8 && allDigits(v) {
		return monthAndDay(v[4:], false)
	}
	return monthAndDay(v[4:], true)
}

// monthAndDay reads a month and a day: with separators ("-3-4", "年3月4日") or as
// four digits.
func monthAndDay(v []byte, separated bool) bool {
	if !separated {
		return validDay(number(v[:2]), number(v[2:4]))
	}
	v, ok := cutSeparator(v, "年")
	if !ok {
		return false
	}
	after := trimNumber(v, 2)
	month := number(v[:len(v)-len(after)])
	if after, ok = cutSeparator(after, "月"); !ok {
		return false
	}
	end := trimNumber(after, 2)
	day := number(after[:len(after)-len(end)])
	end = bytes.TrimPrefix(end, []byte("日"))
	return validDay(month, day) && len(end) == 0
}

func validDay(month, day int) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

func cutSeparator(v []byte, word string) ([]byte, bool) {
	if rest, ok := bytes.CutPrefix(v, []byte(word)); ok {
		return rest, true
	}
	if len(v) > 0 && bytes.IndexByte([]byte("-/."), v[0]) >= 0 {
		return v[1:], true
	}
	return v, false
}

// trimNumber cuts up to most leading digits off v.
func trimNumber(v []byte, most int) []byte {
	for most > 0 && len(v) > 0 && isDigit(v[0]) {
		v, most = v[1:], most-1
	}
	return v
}

func number(v []byte) int {
	n := 0
	for _, c := range v {
		n = n*10 + int(c-'0')
	}
	return n
}

// prefectures are the 47, without 都道府県 where that is no part of the name.
var prefectures = [...]string{
	"北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県", "群馬県", "埼玉県", "千葉県",
	"東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県",
	"滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県",
	"香川県", "愛媛県", "高知県", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
}

// hasPrefecture reports whether a prefecture is followed by more text: a bare
// prefecture is no address.
func hasPrefecture(v []byte) bool {
	for i := 0; i+9 <= len(v); i++ {
		if v[i] < utf8.RuneSelf {
			continue
		}
		if n := prefectureAt(v[i:]); n > 0 && len(v)-i-n >= 3 {
			return true
		}
	}
	return false
}

// isKana reports whether v is two to thirty letters of katakana, full or half
// width, with at most one gap: how Japanese forms ask for the reading of a name.
func isKana(v []byte) bool {
	letters, gaps := 0, 0
	for i := 0; i < len(v); {
		r, size := utf8.DecodeRune(v[i:])
		switch {
		case r >= 'ァ' && r <= 'ヺ', r == 'ー', r >= 'ｦ' && r <= 'ﾟ':
			letters++
		case r == ' ' || r == '・':
			gaps++
		default:
			return false
		}
		i += size
	}
	return letters >= 2 && letters <= 30 && gaps <= 1
}
