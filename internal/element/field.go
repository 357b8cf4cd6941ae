package element

import (
	"bytes"
	"unicode/utf8"
)

// nameLikeness is how much a value looks like the name of a person.
type nameLikeness uint8

const (
	notName nameLikeness = iota
	maybeName
	surelyName
)

// nameLength cuts what cannot belong to a name off the end of v: the honorific,
// spaces, a closing bracket.
func nameLength(v []byte) int {
	n := len(v)
	for n > 0 && (v[n-1] == ' ' || v[n-1] == '\t' || v[n-1] == '\r') {
		n--
	}
	for _, h := range [...]string{"様", "さん", "さま", "殿"} {
		if n-len(h) >= 6 && hasPrefix(v[n-len(h):n], h) {
			n -= len(h)
		}
	}
	for n > 0 {
		switch c := v[n-1]; {
		case c == ' ':
			n--
		case c == 0x80 && n >= 3 && hasPrefix(v[n-3:n], "　"):
			n -= 3
		default:
			return n
		}
	}
	return 0
}

// nameForm judges a value by form and table.
func nameForm(v []byte) nameLikeness {
	if len(v) < 3 || len(v) > 90 {
		return notName
	}
	kanji, kana, latin, gaps, words := 0, 0, 0, 0, 1
	capital := true // every Latin word begins with a capital
	for i := 0; i < len(v); {
		if i+3 <= len(v) && isKanji(v[i:i+3]) { // as most
			kanji++
			i += 3
			continue
		}
		r, n := decodeRune(v[i:])
		switch {
		case r == utf8.RuneError:
			return notName
		case r >= 0x4E00 && r <= 0x9FFF, r == '々', r >= 0x3400 && r <= 0x4DBF, r >= 0xF900 && r <= 0xFAFF, r >= 0x20000 && r < 0x30000, r == 'ヶ':
			kanji++
		case r >= 'ぁ' && r <= 'ゖ', r >= 'ァ' && r <= 'ヺ', r == 'ー', r >= 'ｦ' && r <= 'ﾟ':
			kana++
		case r == ' ' || r == '　' || r == '・' || r == '･' || r == '=' || r == '＝':
			gaps, words = gaps+1, words+1
		case r < utf8.RuneSelf && isLower(byte(r)|0x20), r >= 0xC0 && r < 0x250, r >= 'Ａ' && r <= 'ｚ':
			if i == 0 || v[i-1] == ' ' {
				capital = capital && !(r < utf8.RuneSelf && isLower(byte(r)))
			}
			latin++
		case r == '.' || r == '\'' || r == '-' || r == '\u2019':
		default:
			return notName
		}
		i += n
	}
	switch {
	case gaps > 3:
		return notName
	case kanji > 0:
		return kanjiName(v, kanji, kana, latin)
	case kana > 0:
		if latin > 0 || kana > 24 {
			return notName
		}
		if gaps == 1 && kana <= 14 {
			return surelyName
		}
		return maybeName
	case latin >= 2 && words <= 4:
		if capital && words >= 2 && words <= 3 && latin <= 30 {
			return surelyName
		}
		return maybeName
	}
	return notName
}

func kanjiName(v []byte, kanji, kana, latin int) nameLikeness {
	if latin > 0 || kanji > 8 || kanji+kana > 12 {
		return notName
	}
	for key, n := uint64(0), 3; n <= min(len(v), 9) && v[n-3]&0xF0 == 0xE0; n += 3 {
		key = key<<16 | signKey(v[n-3:n])
		if familySet.hasKey(key) && !startsNeverGiven(trimSpaces(v[n:])) {
			return surelyName
		}
	}
	family, given, ok := bytes.Cut(v, []byte(" "))
	if !ok {
		family, given, ok = bytes.Cut(v, []byte("　"))
	}
	if ok && kana == 0 && len(family) <= 9 && len(given) >= 3 && len(given) <= 9 && allGiven(given) && endsGivenName(given) && !notNames.has(given) && !notNames.has(family) && !startsNeverGiven(given) && !neverGivenNames.has(family) {
		return surelyName // 乾 翔太: no family of the table, but a given name
	}
	return maybeName
}

// Field knows what is known of one column, key or form field: its header, and
// what its values were so far. It turns header and form into a judgement of
// single values, and adjusts the findings of a Scanner (see Adjust). A Field is
// used by one goroutine and keeps counts only, never a value.
type Field struct {
	header Kind
	weak   bool
	named  bool
	parts  addressParts

	values, cards, numbers uint64 // values seen, valid card numbers, 13–19 digit values
}

// NewField returns the field with the given header, which may be "".
func NewField(header string) *Field {
	f := &Field{}
	f.header, f.weak, f.named = HeaderKind(header)
	if f.header == Address && f.named {
		f.parts = partsOf(header)
	}
	return f
}

// Judge says which element the value is because of the header. It returns
// Unclassified for values of no known element: a Scanner may still find
// something in them. Observe is included.
func (f *Field) Judge(value []byte) (kind Kind, confidence int, why Reason) {
	f.Observe(value)
	v := bytes.TrimSpace(value)
	if !f.named || len(v) == 0 {
		return Unclassified, 0, 0
	}
	switch f.header {
	case Name, Kana:
		form := nameForm(v)
		switch {
		case form == surelyName:
			return f.header, 95, ByHeader | ByForm | ByDictionary
		case form == maybeName && !f.weak, !f.weak && single(v):
			return f.header, 88, ByHeader | ByForm
		}
		return Unclassified, 0, 0
	case Address:
		if len(v) >= 6 && (hasBlock(v) || hasPrefecture(v)) && bytes.IndexByte(v, '@') < 0 {
			return Address, 90, ByHeader | ByForm
		}
		if f.parts.fit(v) {
			return Address, 80, ByHeader | ByForm
		}
		return Unclassified, 0, 0
	case Company, CustomerNumber, Booking, Sex:
		return f.header, 80, ByHeader
	case Secret, Cookie:
		if len(v) >= 4 && !isPlaceholder(v) {
			return f.header, 85, ByHeader
		}
		return Unclassified, 0, 0
	}
	return f.judgeForm(v)
}

// JudgePlain is Judge for a value of which Plain says that it is a kind, other than
// Unclassified. Nothing is counted when the header speaks of something else: Judge
// may still know the value.
func (f *Field) JudgePlain(kind Kind) bool {
	if !f.named || f.header != kind {
		return false
	}
	f.values++
	return true
}

// single reports whether v is one kanji: 原, 誠 in a column for half a name.
func single(v []byte) bool {
	r, n := decodeRune(v)
	return n == len(v) && r >= 0x3400
}

// usualForm is a cheap way to what Classify says of values in the form that most
// have: is when it has that form of kind, never when it cannot be of kind at all.
func usualForm(kind Kind, v []byte) (is, never bool) {
	switch kind {
	case Email:
		return isEmail(v), false
	case PostalCode:
		return len(v) == 8 && v[3] == '-' && allDigits(v[:3]) && allDigits(v[4:]), false
	case Phone:
		if len(v) > 13 {
			return false, false
		}
		for _, c := range v {
			if !isDigit(c) && c != '-' {
				return false, false
			}
		}
		var d [13]byte
		n, separators, ok := digits(d[:], v)
		if !ok {
			return false, false
		}
		is := IsPhone(d[:n])
		return is && (separators > 0 || n == 11), !is && !lostZero(d[:n])
	}
	return false, false
}

// judgeForm judges headers whose elements have a form of their own.
func (f *Field) judgeForm(v []byte) (Kind, int, Reason) {
	is, never := usualForm(f.header, v)
	if never {
		return Unclassified, 0, 0
	}
	if is || Classify(v).Has(f.header) {
		return f.header, 97, ByHeader | ByForm
	}
	var buf [maxValue]byte
	folded := buf[:fold(buf[:], v)]
	var d [20]byte
	n, _, ok := digits(d[:], folded)
	if !ok && f.header == CardPAN { // 4111・1111・…
		n, _, ok = digits(d[:], bytes.ReplaceAll(folded, []byte("・"), []byte("-")))
	}
	switch {
	case !ok:
	case f.header == Phone && (IsPhone(d[:n]) || lostZero(d[:n])),
		f.header == MyNumber && IsMyNumber(d[:n]),
		f.header == PostalCode && n == 7,
		f.header == BankAccount && n == 7,
		f.header == CardCVV && (n == 3 || n == 4),
		f.header == DriversLicence && IsDriversLicence(d[:n]),
		f.header == CardPAN && n >= 13 && Luhn(d[:n]):
		return f.header, 93, ByHeader | ByForm
	}
	if f.header == CardExpiry && len(folded) >= 4 && len(folded) <= 7 && isDigit(folded[0]) {
		return CardExpiry, 85, ByHeader | ByForm
	}
	return Unclassified, 0, 0
}

// lostZero reports whether d is a telephone number without the zero that it begins with,
// as spreadsheets leave it: 9012345678, 312345678.
func lostZero(d []byte) bool {
	if len(d) != 9 && len(d) != 10 || d[0] == 0 {
		return false
	}
	var whole [11]byte
	return IsPhone(whole[:1+copy(whole[1:], d)])
}

// mayBeLong is a cheap refusal of what holds no number of 13 digits: short values,
// and those that begin with a letter or a kanji.
func mayBeLong(value []byte) bool {
	if len(value) < 13 {
		return false
	}
	switch c := value[0]; {
	case c > ' ' && c < utf8.RuneSelf:
		return isDigit(c)
	case c == 0xE3:
		return value[1] == 0x80 // the ideographic space
	default:
		return c < 0xE4 || c > 0xE9
	}
}

// Observe counts value for the field's statistics.
func (f *Field) Observe(value []byte) {
	f.values++
	if len(value) > 48 || !mayBeLong(value) {
		return
	}
	var buf [64]byte
	v := bytes.TrimSpace(buf[:fold(buf[:], value)])
	var d [20]byte
	n, _, ok := digits(d[:], v)
	if !ok || n < 13 || n > 19 {
		return
	}
	f.numbers++
	if IsCardPAN(d[:n]) {
		f.cards++
	}
}

// LongNumbers returns how many values of 13 to 19 digits the field had: while there
// are none, Adjust changes nothing, and will not for what was found before.
func (f *Field) LongNumbers() uint64 { return f.numbers }

// minStatistics is how many numbers a field must have had before its statistics
// count.
const minStatistics = 50

// Adjust changes the confidence of a finding in this field by what its other
// values are. In a field of long numbers of another kind one in ten passes the
// check digit by chance: single card numbers there become less likely. They are
// never hidden: a finding that was sure before stays at 50, so that a real card
// number typed into a field for membership numbers is reported.
func (f *Field) Adjust(found *Finding) {
	if found.Kind != CardPAN || f.numbers < minStatistics {
		return
	}
	switch rate := float64(f.cards) / float64(f.numbers); {
	case rate > 0.9:
		found.Confidence, found.Reasons = min(99, found.Confidence+15), found.Reasons|ByField
	case rate < 0.25 && found.Reasons&(ByContext|ByGrouping) == 0:
		found.Confidence, found.Reasons = 50, found.Reasons|LessLikely|ByFieldOfNumbers
	}
}

// Alarm reports whether more values of the field are card numbers than the
// check digit and the ranges let through by chance (at most one in ten), with
// three standard deviations to spare.
func (f *Field) Alarm() bool {
	n, k := float64(f.numbers), float64(f.cards)
	excess := k - n/10
	return f.cards > 2 && excess > 0 && excess*excess > 9*n*0.09
}

// trimSpaces takes spaces off the beginning of v.
func trimSpaces(v []byte) []byte {
	for len(v) > 0 && v[0] == ' ' {
		v = v[1:]
	}
	return v
}
