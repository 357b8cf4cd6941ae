package element

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

const (
	maxKey      = 48
	maxKeyValue = 400
)

// headerWords are column names, keys and labels, without case, spaces, _ and -.
// A weak one is also used for things that are no persons.
var headerWords = []struct {
	kind Kind
	weak bool
	list []string
}{
	{Name, false, []string{"fullname", "customername", "username漢字", "personname", "lastname", "firstname", "familyname", "givenname", "surname", "sei", "mei", "shimei", "contactname", "recipientname", "passengername", "guestname", "membername", "cardholder", "cardholdername", "holdername", "姓名", "氏名", "お名前", "御名前", "ご氏名", "お客様名", "顧客名", "会員名", "契約者", "契約者名", "申込者", "申込者名", "代表者", "代表者名", "担当者", "担当者名", "受取人", "宛名", "名義人", "口座名義", "姓", "名", "漢字氏名", "氏名漢字", "氏名（漢字）", "ご担当者", "患者名", "従業員名", "社員名", "乗客名", "旅客名", "sender", "recipient", "patient", "patientname", "employeename", "namekanji", "kanjiname", "contactperson", "姓（漢字）", "名（漢字）", "姓(漢字)", "名(漢字)", "苗字", "名字", "ご芳名", "芳名", "カード名義", "口座名義人", "宿泊者名", "注文者名", "購入者名", "予約者名", "利用者名", "申請者名", "搭乗者名", "保護者名", "世帯主名", "参加者名", "応募者名", "登録者名", "届け先名", "お届け先名", "フルネーム", "おなまえ", "送付先名", "請求先名", "配送先名", "職員名", "スタッフ名", "メンバー名", "生徒名", "学生名", "児童名", "園児名", "入居者名", "被保険者名", "加入者名", "受講者名", "来場者名", "寄附者名", "寄付者名", "お客さま名", "本名", "送り主名", "依頼者名", "役員名", "講師名", "作業者名", "名前（漢字）", "名前(漢字)", "simei", "namae"}},
	{Name, true, []string{"name", "holder", "名前", "名義", "customer", "owner", "author", "displayname", "nickname", "shippingname", "billingname", "担当", "ご担当", "責任者", "作成者", "記入者", "受付者", "申請者", "依頼主", "ご依頼主", "差出人", "宿泊者", "搭乗者", "保護者", "世帯主", "届出人", "本人", "配偶者", "ユーザー名", "ユーザ名", "お客様", "顧客", "参加者", "出席者", "注文者", "ご注文者", "購入者", "予約者", "送り主", "届出者", "登録者", "guest", "passenger", "employee", "applicant", "attn", "billtoname", "shiptoname"}},
	{Kana, false, []string{"kana", "namekana", "kananame", "lastnamekana", "firstnamekana", "furigana", "yomi", "フリガナ", "ふりがな", "カナ", "氏名カナ", "カナ氏名", "氏名フリガナ", "氏名（カナ）", "セイ", "メイ", "名前カナ", "お名前カナ", "お名前（カナ）", "ﾌﾘｶﾞﾅ", "ｶﾅ氏名", "姓カナ", "名カナ", "よみがな", "ヨミガナ"}},
	{Address, false, []string{"address", "address1", "addr", "streetaddress", "homeaddress", "shippingaddress", "billingaddress", "住所", "ご住所", "現住所", "住所1", "住所１", "所在地", "自宅住所", "お届け先", "届け先", "送付先", "本籍", "addressline", "street", "jusho", "juusho", "jusyo", "juusyo", "jyusho", "jyusyo", "residence", "居住地", "お住まい", "送り先", "配達先", "配送先", "設置場所",
		"address2", "address3", "addr1", "addr2", "addr3", "addressline1", "addressline2", "street1", "street2", "住所2", "住所２", "住所3", "住所３", "住所4", "住所４",
		"都道府県", "都道府県名", "市区町村", "市区町村名", "市町村", "市町村名", "市区郡", "郡市区", "市郡区", "町域", "町域名", "町字", "町名番地", "町名・番地", "番地", "番地等", "丁目番地", "地番", "番地建物名", "建物名", "建物名等", "マンション名", "アパート名", "方書"}},
	{Address, true, []string{"町名", "大字", "丁目", "建物", "ビル名"}},
	{PostalCode, false, []string{"zip", "zipcode", "postal", "postalcode", "postcode", "郵便番号", "〒", "ご郵便番号"}},
	{Phone, false, []string{"tel", "telno", "phone", "phonenumber", "telephone", "mobile", "mobilephone", "cellphone", "fax", "電話", "電話番号", "携帯", "携帯電話", "携帯番号", "携帯電話番号", "連絡先", "ご連絡先", "お電話番号", "緊急連絡先", "ファックス", "自宅電話", "自宅電話番号", "fax番号", "cell", "自宅tel", "携帯tel", "連絡先tel", "勤務先tel", "電話no", "tel番号", "固定電話", "勤務先電話", "phonehome", "phonework", "phonemobile", "contactno", "contactnumber", "denwa", "keitai", "callerid", "msisdn", "sms番号", "送信先番号", "発信番号", "発信者番号", "着信番号"}},
	{Email, false, []string{"email", "mail", "emailaddress", "mailaddress", "mailaddr", "emailaddr", "メール", "メールアドレス", "eメール", "ｅメール", "電子メール", "アドレス"}},
	{BirthDate, false, []string{"birth", "birthdate", "birthday", "dateofbirth", "dob", "生年月日", "誕生日", "お誕生日", "生年"}},
	{Sex, false, []string{"sex", "gender", "性別"}},
	{Passport, false, []string{"passport", "passportno", "passportnumber", "旅券番号", "パスポート番号", "旅券", "パスポート"}},
	{DriversLicence, false, []string{"licence", "license", "driverslicense", "driverslicence", "licenseno", "免許証番号", "運転免許証番号", "免許番号", "免許証"}},
	{MyNumber, false, []string{"mynumber", "個人番号", "マイナンバー", "individualnumber", "mynum", "myno", "個人no", "マイナンバー番号"}},
	{BankAccount, false, []string{"bankaccount", "accountnumber", "accountno", "口座番号", "口座", "銀行口座", "振込先", "口座no"}},
	{CardPAN, false, []string{"pan", "card", "cardno", "cardnumber", "creditcard", "creditcardnumber", "ccnum", "ccnumber", "クレカ番号", "クレジット番号", "creditcardno", "カード番号", "クレジットカード番号", "カードno", "クレジットカード"}},
	{CardCVV, false, []string{"cvv", "cvc", "cvv2", "cvc2", "securitycode", "セキュリティコード"}},
	{CardExpiry, false, []string{"expiry", "exp", "expdate", "expirydate", "cardexpiry", "expirationdate", "有効期限"}},
	{IPAddress, false, []string{"ip", "ipaddress", "ipaddr", "remoteaddr", "clientip", "sourceip", "ipアドレス", "remoteip"}},
	{Cookie, false, []string{"cookie", "setcookie", "sessionid", "sessid", "jsessionid", "phpsessid", "sid"}},
	{Secret, false, []string{"password", "passwd", "pwd", "secret", "clientsecret", "apikey", "xapikey", "accesskey", "secretkey", "accesstoken", "refreshtoken", "authtoken", "token", "authorization", "privatekey", "awssecretaccesskey", "パスワード", "暗証番号"}},
	{Company, false, []string{"company", "companyname", "会社名", "勤務先", "法人名", "所属"}},
	{CustomerNumber, false, []string{"customerid", "customerno", "customernumber", "memberid", "memberno", "userid", "会員番号", "会員id", "顧客番号", "顧客id", "お客様番号", "社員番号", "患者番号"}},
	{Booking, false, []string{"bookingid", "bookingno", "reservationno", "pnr", "予約番号"}},
	{Note, false, []string{"note", "notes", "memo", "remarks", "comment", "備考", "メモ", "摘要", "コメント", "特記事項"}},
}

type headerEntry struct {
	word string
	kind Kind
	weak bool
}

// headers are the header words by a hash that is taken from the end, because a
// key is read backwards from its sign.
var headers = func() *[1 << 11][]headerEntry {
	t := new([1 << 11][]headerEntry)
	for _, h := range headerWords {
		for _, w := range h.list {
			sum := uint32(0)
			for i := len(w) - 1; i >= 0; i-- {
				sum = headerHash(sum, w[i])
			}
			t[headerSlot(sum)] = append(t[headerSlot(sum)], headerEntry{w, h.kind, h.weak})
		}
	}
	return t
}()

func headerHash(sum uint32, c byte) uint32 { return sum*31 + uint32(c) }
func headerSlot(sum uint32) uint32         { return sum * 0x9E3779B1 >> 21 }

// HeaderKind returns the element that a column name, key or label speaks of, by the
// whole or by its last words (お客様氏名（漢字）, contact_email). Weak is true for words
// such as "name" that are also used for other things.
func HeaderKind(header string) (kind Kind, weak, ok bool) {
	if kind, weak, ok := exactHeader(header); ok {
		return kind, weak, ok
	}
	if len(header) > maxKey {
		return 0, false, false
	}
	kind, match := columnKind(header)
	if match == noMatch {
		var buf [maxKey + utf8.UTFMax]byte
		if folded := string(buf[:fold(buf[:], []byte(header))]); folded != header { // ＴＥＬ
			return HeaderKind(folded)
		}
		return 0, false, false
	}
	if kind == Name && isReadingHeader(header) {
		kind = Kana
	}
	return kind, match != lastMatch, true
}

// exactHeader is HeaderKind for whole words of the table.
func exactHeader(header string) (kind Kind, weak, ok bool) {
	var word [maxKey]byte
	n, sum := 0, uint32(0)
	for i := len(header) - 1; i >= 0; i-- {
		c := header[i]
		if isUpper(c) {
			c |= 0x20
		}
		if c == ' ' || c == '_' || c == '-' || c == '.' || c == '"' {
			continue
		}
		if n == maxKey {
			return 0, false, false
		}
		n++
		word[maxKey-n] = c
		sum = headerHash(sum, c)
	}
	return lookHeader(word[maxKey-n:], sum)
}

func lookHeader(word []byte, sum uint32) (kind Kind, weak, ok bool) {
	for _, h := range headers[headerSlot(sum)] {
		if h.word == string(word) {
			return h.kind, h.weak, true
		}
	}
	return 0, false, false
}

// key reads the key that ends before p. It is what letters, _ - and characters
// of Japanese stand there, after a quote and one space.
func (s *Scanner) key(p int) (kind Kind, weak, ok bool) {
	b := s.buf
	if b[p-1] == ' ' {
		p--
	}
	if c := b[p-1]; c == '"' || c == '\'' || c == ']' {
		p--
		if b[p-1] == '\\' {
			p--
		}
	}
	return s.keyEndingAt(p)
}

// readKey is key, behind the quote.
func (s *Scanner) readKey(p int) (kind Kind, weak, ok bool) {
	b := s.buf
	var word [maxKey]byte
	n, sum := 0, uint32(0)
	for i := p - 1; n < maxKey && i > p-maxKey; i-- {
		c := keyBytes[b[i]]
		if c <= notInKey {
			if c == notInKey {
				return lookLabel(word[maxKey-n:], sum)
			}
			continue
		}
		if c == 0x80 && i >= 2 && b[i-1] == 0x80 && b[i-2] == 0xE3 { // the ideographic space
			return lookLabel(word[maxKey-n:], sum)
		}
		n++
		word[maxKey-n] = c
		sum = headerHash(sum, c)
	}
	return lookLabel(word[maxKey-n:], 0)
}

// lookLabel is lookHeader, or, for a label in Japanese, finds the longest word of two
// characters or more at its end: お客様の氏名.
func lookLabel(word []byte, sum uint32) (kind Kind, weak, ok bool) {
	if kind, weak, ok = lookHeader(word, sum); ok || len(word) < 9 || word[len(word)-1] < utf8.RuneSelf {
		return kind, weak, ok
	}
	sum = 0
	for i := len(word) - 1; i > 0; i-- {
		sum = headerHash(sum, word[i])
		if n := len(word) - i; n < 6 || n%3 != 0 || word[i] < utf8.RuneSelf {
			continue
		}
		if k, w, found := lookHeader(word[i:], sum); found && !w {
			kind, ok = k, true
		}
	}
	return kind, false, ok
}

// keyBytes are the bytes of keys without their case, leftOut for _ and -, notInKey for
// what no key has.
var keyBytes = func() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case isUpper(c):
			t[i] = c | 0x20
		case isLower(c) || isDigit(c) || c >= utf8.RuneSelf:
			t[i] = c
		case c != '_' && c != '-':
			t[i] = notInKey
		}
	}
	return t
}()

const notInKey = 1

// keyEnds has a bit for the last four letters of each key that keyValue takes
// values from, by a hash, also with _ or - between them (a - among the
// last three goes the long way): nearly all keys of a log
// are refused by it.
var keyEnds = func() *[1 << (keyEndBits - 6)]uint64 {
	t := new([1 << (keyEndBits - 6)]uint64)
	set := func(end string) {
		at := endBits(binary.LittleEndian.Uint32([]byte(end)))
		t[at>>6] |= 1 << (at & 63)
	}
	for _, h := range headerWords {
		switch h.kind {
		case Name, Kana, Cookie, Secret, Address, BirthDate:
			for _, w := range h.list {
				if w[len(w)-1] >= utf8.RuneSelf {
					continue
				}
				w = w[max(len(w)-4, 0):]
				if len(w) == 4 {
					set(w)
				} else {
					for c := byte(0x40); c < 0x60; c++ { // whatever stands before it
						set(string(c) + w)
					}
				}
				w = w[len(w)-3:]
				set("_" + w)
				set("-" + w)
				set(w[:1] + "_" + w[1:])
				set(w[:2] + "_" + w[2:])
			}
		}
	}
	set("card") // for numbers that are spelled out
	set("rdno")
	return t
}()

const keyEndBits = 13

// mayBeKey is a cheap refusal of what stands before the sign at p: logs are full of
// signs, and few are branched on here.
func (s *Scanner) mayBeKey(p int) bool {
	before := binary.LittleEndian.Uint64(s.buf[p-8 : p])
	x := uint32(before >> (32 - isQuote[before>>56]))
	at := endBits(x)
	return keyEnds[at>>6]>>(at&63)&1 != 0 || x&0xC0C0C000 != 0x40404000 && s.otherKey(p)
}

// otherKey is mayBeKey for what does not end with letters: by its last three bytes.
func (s *Scanner) otherKey(p int) bool {
	b := s.buf
	if b[p-1] == ' ' {
		p--
	}
	if c := b[p-1]; c == '"' || c == '\'' || c == ']' {
		p--
		if b[p-1] == '\\' {
			p--
		}
	}
	if b[p-1] == '_' || b[p-1] == '-' || b[p-2] == '_' || b[p-2] == '-' || b[p-3] == '_' || b[p-3] == '-' {
		return true // the long way
	}
	h := lastHash(b[p-3:])
	return lastThree[h>>6]>>(h&63)&1 != 0
}

// lastThree has a bit for the last three bytes of each key that keyValue takes
// values from, by a hash.
var lastThree = func() (t [1 << (lastHashBits - 6)]uint64) {
	for _, h := range headerWords {
		switch h.kind {
		case Name, Kana, Cookie, Secret, Address, BirthDate:
			for _, w := range h.list {
				h := lastHash([]byte(w[len(w)-3:]))
				t[h>>6] |= 1 << (h & 63)
			}
		}
	}
	return t
}()

const lastHashBits = 14

// lastHash hashes three bytes without the case of letters.
func lastHash(b []byte) uint32 {
	x := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	return (x | 0x202020) * 0x9E3779B1 >> (32 - lastHashBits)
}

// isQuote is 8, the bits of a byte, for the quotes that close a key.
var isQuote = [256]uint8{'"': 8, '\'': 8}

// endBits hashes four letters without their case.
func endBits(x uint32) uint32 { return x & 0x1f1f1f1f * 0x9E3779B1 >> (32 - keyEndBits) }

// keyBefore returns the kind of the key whose value begins at p, Unclassified
// when there is none.
func (s *Scanner) keyBefore(p int) Kind {
	b := s.buf
	for range 4 {
		switch c := b[p-1]; {
		case c == ' ' || c == '"' || c == '\'':
			p--
		case c == ':' || c == '=':
			kind, _, _ := s.key(p - 1)
			return kind
		case bytes.HasSuffix(b[p-3:p], []byte("：")):
			kind, _, _ := s.key(p - 3)
			return kind
		default:
			return Unclassified
		}
	}
	return Unclassified
}

// keyValue looks at the : or = at p, size bytes long. Only elements that have
// no form of their own are taken from the key.
func (s *Scanner) keyValue(p, size int) {
	if c := s.buf[p+1]; (c == '\r' || c == '\n') && s.buf[p] == '=' {
		s.broken(p)
		return
	}
	if p < s.ends.value {
		return
	}
	kind, weak, ok := s.key(p)
	if !ok || !s.kinds.Has(kind) {
		return
	}
	switch kind {
	case Name, Kana:
		s.nameValue(p, p+size, kind, weak)
	case Cookie, Secret:
		s.secretValue(p+size, kind)
	case Address:
		s.addressValue(p, p+size)
	case BirthDate:
		s.shortEra(p + size)
	case CardPAN:
		s.spelledCard(p + size)
	}
}

// byteSet is a set of bytes: 1 for those in it.
type byteSet [256]uint8

func (t *byteSet) has(c byte) bool { return t[c] != 0 }

// none reports whether none of the eight bytes at b is in t.
func (t *byteSet) none(b []byte) bool {
	x := binary.LittleEndian.Uint64(b)
	return t[x&0xff]|t[x>>8&0xff]|t[x>>16&0xff]|t[x>>24&0xff]|t[x>>32&0xff]|t[x>>40&0xff]|t[x>>48&0xff]|t[x>>56] == 0
}

func bytesOf(list string) (t byteSet) {
	for _, c := range []byte(list) {
		t[c] = 1
	}
	return t
}

var valueStop, secretStop, cookieStop = bytesOf(",;&|\t<>\"{[\x00\n\r"), bytesOf(" ,&|\t<>\"'}])\x00\n\r"), bytesOf("\t<>\"'\x00\n\r")

// What ends a value in quotes.
var doubleStop, singleStop = bytesOf("\"\n\x00"), bytesOf("'\n\x00")

// span returns the value that begins after spaces and quotes at q: to its
// closing quote or, without one, to the end of what a value without quotes can
// be. Stop says where such a value ends.
func (s *Scanner) span(q int, stop *byteSet) (p, e int, quoted bool) {
	b := s.buf
	limit := q + maxKeyValue
	for q < limit && (b[q] == ' ' || b[q] == '\t' || hasPrefix(b[q:q+3], "　")) {
		if b[q] == 0xE3 {
			q += 2
		}
		q++
	}
	if b[q] == '\\' && b[q+1] == '"' {
		q++
	}
	quote := b[q]
	if quote == '"' || quote == '\'' {
		p = q + 1
		stop := &doubleStop
		if quote == '\'' {
			stop = &singleStop
		}
		for e = p; e < limit && !stop.has(b[e]); e++ {
		}
		if b[e-1] == '\\' && e > p {
			e--
		}
		return p, e, true
	}
	for e = q; e+8 <= limit && stop.none(b[e:e+8]); e += 8 {
	}
	for ; e < limit && !stop.has(b[e]); e++ {
	}
	for e > q && b[e-1] == ' ' {
		e--
	}
	return q, e, false
}

// nameValue reports the value at q of the key for names that ends before sign.
func (s *Scanner) nameValue(sign, q int, kind Kind, weak bool) {
	form := notName
	p, e, kanji := s.kanjiValue(q)
	if kanji > 0 {
		form = kanjiName(s.buf[p:e], kanji, 0, 0)
	} else {
		p, e, _ = s.span(q, &valueStop)
		e = p + nameLength(s.buf[p:e])
		if form = nameForm(s.buf[p:e]); form == notName {
			e = p + nameLength(s.buf[p:p+beforeRemark(s.buf[p:e])])
			form = nameForm(s.buf[p:e])
		}
	}
	if weak && form == maybeName && s.roleBefore(sign) && likeName(s.buf[p:e]) && likeGiven(s.buf[p:e]) {
		form = surelyName
	}
	if form == notName || weak && form != surelyName || p < s.ends.name {
		return
	}
	confidence, why := 90, ByHeader|ByForm
	if form == surelyName {
		confidence, why = 95, why|ByDictionary
	}
	s.ends.name, s.ends.value = e, e
	s.emit(p, e, kind, confidence, why, nil)
}

// addressValue reports the value at q of the key for addresses that ends before p when
// it has no prefecture, which would find itself.
func (s *Scanner) addressValue(p, q int) {
	from, e, _ := s.span(q, &valueStop)
	if from < s.ends.text {
		return
	}
	v := s.buf[from:e]
	if len(v) <= maxPart && s.labelParts(p).fit(v) {
		s.ends.text, s.ends.value = e, e
		s.emit(from, e, Address, 75, ByHeader|ByForm, nil)
		return
	}
	if i := bytes.Index(v, []byte("、")); i > 0 {
		v, e = v[:i], from+i
	}
	if len(v) < 9 || prefectureAt(v) > 0 || bytes.IndexByte(v, '@') >= 0 || !hasBlock(v) || isProgram(v) {
		return
	}
	if bytes.HasPrefix(v, []byte("〒")) || hasPrefecture(v) {
		return
	}
	if end, ok := s.cityAddress(from); ok && end < e {
		e = end // the next label, or whose it is, follows
	}
	e = s.westernEnd(from, e)
	s.ends.text, s.ends.value = e, e
	s.emit(from, e, Address, 75, ByHeader|ByForm, nil)
}

// hasBlock reports whether v has letters and a number: 1-2-3 Chuo, 中央区1-2.
func hasBlock(v []byte) bool {
	digit, letter := false, 0
	for _, c := range v {
		digit = digit || isDigit(c)
		if c >= utf8.RuneSelf || isLower(c|0x20) {
			letter++
		}
	}
	return (digit || bytes.Contains(v, []byte("丁目")) || bytes.Contains(v, []byte("\xef\xbc"))) && letter >= 4
}
