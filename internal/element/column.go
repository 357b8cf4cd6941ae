package element

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Column learns what one column of a table is from its name and a sample of its
// values, for who proposes which columns to protect. It keeps counts only, never
// a value. A Column is used by one goroutine.
//
// A few hundred values are enough; they should be spread over the table, for the
// oldest rows are often those of tests.
type Column struct {
	header Kind
	match  headerMatch
	parts  addressParts
	field  Field

	values int // not empty
	forms  [kindCount]int
	named  int // that are like the name of a person
	maybe  int // that may be one
	short  int // of at most three characters
	years  int // dates of a year in which most living people were born
}

// Judgement is what a column is taken for.
type Judgement struct {
	Kind       Kind  // Unclassified when nothing speaks for an element
	Confidence uint8 // 0–99; 50 and more is worth a proposal
	Reasons    Reason
	// Also are elements that some values hold beside Kind: e-mail addresses in a
	// column of notes. One in a hundred values is enough.
	Also Mask
	// Alarm is set when more values are card numbers than chance allows and the
	// column is not one of card numbers.
	Alarm bool
	// Part is set for a part of an address, such as city, whose name says nothing of
	// persons: beside nothing else of a person it is about things.
	Part bool
	// Values is how many values that are not empty were seen, Fitting how many of
	// them have the form of Kind.
	Values, Fitting int
}

// NewColumn returns the column with the given name, as the database or the first
// line of the file writes it; "" is allowed.
func NewColumn(header string) *Column {
	c := &Column{}
	c.header, c.match = columnKind(header)
	if c.header == Address {
		c.parts = partsOf(header)
	}
	return c
}

// Observe counts one value, NULL being nil. Only the first 512 bytes are looked
// at.
func (c *Column) Observe(value []byte) {
	v := bytes.TrimSpace(value)
	if len(v) == 0 {
		return
	}
	c.values++
	c.field.Observe(v)
	forms := Classify(v)
	for _, k := range forms.Kinds() {
		c.forms[k]++
	}
	if utf8.RuneCount(v[:min(len(v), 16)]) <= 3 {
		c.short++
	}
	switch nameForm(v) {
	case surelyName:
		c.named++
	case maybeName:
		c.maybe++
	}
	if forms.Has(BirthDate) && bornThen(v) {
		c.years++
	}
	c.special(v)
}

// special counts forms that only a name makes an element.
func (c *Column) special(v []byte) {
	var buf [64]byte
	if len(v) > 40 {
		if hasBlock(v) || c.parts.fit(v) {
			c.forms[Address]++
		}
		return
	}
	folded := buf[:fold(buf[:], v)]
	var d [20]byte
	n, _, ok := digits(d[:], folded)
	fits := false
	switch c.header {
	case Name:
		fits = nameForm(v) != notName || single(v)
	case Kana:
		fits = isKana(folded) || isReading(folded)
	case Address:
		fits = !ok && c.match != weakMatch && (hasBlock(v) || hasPrefecture(v) || len(v) >= 6 && v[0] >= utf8.RuneSelf) && bytes.IndexByte(v, '@') < 0 || c.parts.fit(v)
	case Phone:
		fits = ok && n >= 9 && n <= 13
	case PostalCode, BankAccount:
		fits = ok && n == 7
	case CardCVV:
		fits = ok && (n == 3 || n == 4)
	case CardExpiry:
		fits = len(folded) >= 4 && len(folded) <= 7 && isDigit(folded[0])
	case CardPAN:
		fits = ok && n >= 13 && Luhn(d[:n])
	case Sex:
		fits = utf8.RuneCount(v) <= 6
	case CustomerNumber, Booking, Company, Note, Payment, Cookie, Secret:
		fits = true
	}
	if fits && !Classify(v).Has(c.header) {
		c.forms[c.header]++
	}
}

// isReading reports whether v is hiragana, as forms ask for readings too.
func isReading(v []byte) bool {
	n := 0
	for i := 0; i < len(v); {
		r, size := utf8.DecodeRune(v[i:])
		if r != ' ' && r != 'ー' && !(r >= 'ぁ' && r <= 'ゖ') {
			return false
		}
		n, i = n+1, i+size
	}
	return n >= 2 && n <= 30
}

// bornThen reports whether a date has a year from 1920 to 2019, or an era before
// 令和.
func bornThen(v []byte) bool {
	if len(v) >= 4 && allDigits(v[:4]) {
		y := number(v[:4])
		return y >= 1920 && y < 2020
	}
	return !bytes.HasPrefix(v, []byte("令和")) && v[0] != 'R'
}

// Judge returns what the column is, after the values were observed. The header
// says what is meant, the values whether it is so: a header that they contradict
// is worth less than half, and without a header the form must be of its own and
// nearly everywhere.
func (c *Column) Judge() Judgement {
	j := Judgement{Values: c.values, Alarm: c.field.Alarm()}
	if c.match != noMatch {
		c.byHeader(&j)
	}
	if j.Confidence < 50 {
		c.byForm(&j)
	}
	for k := range kindCount {
		if k != j.Kind && ownForm.Has(k) && c.forms[k] > 0 && c.forms[k]*100 >= c.values {
			j.Also |= MaskOf(k)
		}
	}
	j.Alarm = j.Alarm && j.Kind != CardPAN
	return j
}

// ownForm are elements whose form alone says something; the check digit of a My
// Number or a licence passes too often by chance.
var ownForm = MaskOf(Email, CardPAN, Phone, Address, PostalCode, IPAddress, Kana, Passport)

// byHeader judges by the header, as far as the values agree.
func (c *Column) byHeader(j *Judgement) {
	fitting := c.forms[c.header]
	confidence, why := 92, ByHeader
	switch c.match {
	case partMatch, lastMatch:
		confidence = 85
	case weakMatch:
		confidence = 78
		if c.header == Name {
			fitting = c.named
		}
	}
	switch {
	case c.values == 0 && c.match == weakMatch && c.header == Address:
		confidence = 35 // of anything
	case c.values == 0:
		confidence -= 22 // by the name alone
	case fitting*10 >= c.values*7:
		confidence, why = confidence+7, why|ByForm|ByField
	case fitting*10 >= c.values*3:
		why |= ByForm
	case c.match == weakMatch || c.values >= 5 && fitting*10 < c.values:
		confidence, why = 35, why|LessLikely|ByOtherForm
	default:
		confidence -= 25
	}
	j.Kind, j.Confidence, j.Reasons, j.Fitting = c.header, uint8(confidence), why, fitting
	j.Part = c.header == Address && c.match == weakMatch
}

// byForm judges a column without a header that is known, or with one that its
// values contradict.
func (c *Column) byForm(j *Judgement) {
	try := func(k Kind, count, percent, confidence int, why Reason) {
		if c.values > 0 && count*100 >= c.values*percent && confidence > int(j.Confidence) && (count >= 3 || c.values < 3) {
			*j = Judgement{Kind: k, Confidence: uint8(confidence), Reasons: why | ByField, Values: c.values, Fitting: count, Alarm: j.Alarm}
		}
	}
	try(Email, c.forms[Email], 70, 95, ByForm)
	try(CardPAN, c.forms[CardPAN], 70, 96, ByForm|ByCheckDigit|ByRange)
	try(CardPAN, c.forms[CardPAN], 30, 70, ByForm|ByCheckDigit|ByRange)
	try(Phone, c.forms[Phone], 80, 88, ByForm|ByRange)
	try(Address, c.forms[Address], 60, 88, ByForm|ByAnchor)
	try(PostalCode, c.forms[PostalCode], 90, 80, ByForm)
	try(MyNumber, c.forms[MyNumber], 90, 75, ByForm|ByCheckDigit)
	try(DriversLicence, c.forms[DriversLicence], 90, 75, ByForm|ByCheckDigit|ByRange)
	try(Passport, c.forms[Passport], 90, 72, ByForm)
	try(IPAddress, c.forms[IPAddress], 80, 85, ByForm|ByRange)
	try(Kana, c.forms[Kana], 80, 62, ByForm)
	try(Name, c.named, 60, 80, ByForm|ByDictionary)
	try(BirthDate, c.years, 95, 45, ByForm)
}

// headerMatch says how well a column's name is known.
type headerMatch uint8

const (
	noMatch headerMatch = iota
	weakMatch
	partMatch
	lastMatch // its last words are those of the element
	fullMatch
)

// columnKind is exactHeader for names of columns, which say more than the element:
// cust_tel_no, 顧客氏名（漢字）, shipToAddress2.
func columnKind(header string) (Kind, headerMatch) {
	if kind, weak, ok := exactHeader(header); ok {
		if weak {
			return kind, weakMatch
		}
		return kind, fullMatch
	}
	words := headerParts(header)
	for len(words) > 0 && isSuffix(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if n := len(words); n > 1 && words[n-1] == "nm" { // customer_nm
		words[n-1] = "name"
	}
	// What comes last says what it is: birth_date_of_contact is rare, contact_birth_date is not.
	for n := min(3, len(words)); n > 0; n-- {
		kind, weak, ok := exactHeader(strings.Join(words[len(words)-n:], ""))
		switch {
		case !ok:
		case !weak:
			return kind, lastMatch
		case len(words) > n && isPersonWord(words[len(words)-n-1]):
			return kind, partMatch
		case len(words) == n:
			return kind, weakMatch
		}
	}
	if kind, match := partColumn(words); match != noMatch {
		return kind, match
	}
	return japaneseHeader(header)
}

// headerParts cuts a column's name at _, -, spaces, dots, digits and where small
// letters become capital ones.
func headerParts(header string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words, word = append(words, strings.ToLower(string(word))), nil
		}
	}
	last := rune(0)
	for _, r := range header {
		if !unicode.IsLetter(r) {
			flush()
		} else {
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				flush()
			}
			word = append(word, r)
		}
		last = r
	}
	flush()
	return words
}

// isSuffix are words behind an element's name that do not change it.
func isSuffix(word string) bool {
	switch word {
	case "no", "num", "nbr", "number", "cd", "code", "value", "text", "txt", "str", "enc", "encrypted", "raw", "hash", "old", "new", "full", "kanji", "jp", "ja":
		return true
	}
	return false
}

// isPersonWord are words that make "name" the name of a person.
func isPersonWord(word string) bool {
	switch word {
	case "customer", "cust", "user", "member", "person", "contact", "guest", "passenger", "pax", "traveler", "traveller", "employee", "emp", "staff", "patient", "student", "first", "last", "family", "given", "full", "middle", "holder", "owner", "sender", "recipient", "receiver", "buyer", "payer", "applicant", "insured", "client", "kokyaku", "kaiin":
		return true
	}
	return false
}

// japaneseHeader looks for the longest header word of two characters or more at
// the end or the beginning of a name in Japanese, brackets left out.
func japaneseHeader(header string) (Kind, headerMatch) {
	var buf [128]byte
	text := string(buf[:fold(buf[:], []byte(header))])
	if i := strings.IndexAny(text, "(（[【"); i > 0 {
		text = text[:i]
	}
	text = strings.TrimRight(text, " 　0123456789")
	for _, thing := range [...]string{"商品", "製品", "ファイル", "部署", "項目", "機種", "品", "プラン", "コース", "イベント"} {
		if strings.HasPrefix(text, thing) {
			return Unclassified, noMatch
		}
	}
	part := false
	for i := range text {
		if ascii := text[i] < utf8.RuneSelf; ascii && (i == 0 || text[i-1] < utf8.RuneSelf) || !ascii && len(text)-i < 6 {
			continue // 注文者TEL is a word of its own behind one in Japanese
		}
		kind, weak, ok := exactHeader(text[i:])
		if ok && !weak {
			return kind, lastMatch
		}
		part = part || ok && kind == Address
	}
	if part {
		return Address, weakMatch // マンション・ビル名
	}
	for i := len(text); i >= 6; i-- {
		if i < len(text) && !utf8.RuneStart(text[i]) || text[0] < utf8.RuneSelf {
			continue
		}
		if kind, weak, ok := exactHeader(text[:i]); ok && !weak {
			return kind, partMatch
		}
	}
	return Unclassified, noMatch
}

// isReadingHeader reports whether a header of names asks for their reading.
func isReadingHeader(header string) bool {
	for _, w := range [...]string{"カナ", "かな", "ｶﾅ", "フリガナ", "ふりがな", "ﾌﾘｶﾞﾅ", "セイ", "メイ"} {
		if strings.Contains(header, w) {
			return true
		}
	}
	return false
}
