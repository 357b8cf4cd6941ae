package record

import (
	"bytes"
	"slices"
	"strings"

	"sekisho/internal/person/canon"
)

// Column is what a column of a source holds.
type Column uint8

// The columns. Several columns may have the same meaning: names take the first
// that is filled, addresses are joined in the order of the columns.
const (
	Ignored Column = iota
	Key            // the source's own number of the record
	Name           // any script, whole
	Family
	Given
	Kana
	KanaFamily
	KanaGiven
	Romaji
	RomajiFamily
	RomajiGiven
	Sex
	Birth
	Email
	Phone
	Postal
	Address
	Passport
	Issued
	Company
	Extra // any other lasting property of a person
	columnCount
)

var columnNames = [columnCount]string{"ignored", "key", "name", "family", "given", "kana", "kana_family", "kana_given",
	"romaji", "romaji_family", "romaji_given", "sex", "birthdate", "email", "phone", "postal_code", "address",
	"passport", "passport_issued", "company", "extra"}

// String returns the name that commands use.
func (c Column) String() string { return columnNames[c] }

// ParseColumn is the inverse of String.
func ParseColumn(s string) (Column, bool) {
	for c, name := range columnNames {
		if name == s {
			return Column(c), true
		}
	}
	return Ignored, false
}

// headings are the names of columns as forms and databases write them,
// without blanks, marks and case. A heading that is not here is looked for by
// its parts (headingParts), then by what the column holds.
var headings = func() map[string]Column {
	m := map[string]Column{}
	for c, names := range map[Column]string{
		Key:          "id custid custno customercode custcode membercode memberid guestid お客様コード 会員no 会員コード 顧客no recid customerid userid memberid memberno customerno uniqueid 会員番号 会員id 顧客番号 顧客id 顧客コード お客様番号 予約番号 管理番号",
		Name:         "name shimei namekj guestname membername custname passengername travellername fullname kanji kanjiname namekanji customername 氏名 お名前 名前 姓名 漢字氏名 氏名漢字 会員名 顧客名 宿泊者名 旅行者名 代表者名 担当者名 お客様名 お客様 お客様氏名 お客さま名 ゲスト名 利用者名 ご利用者名 申込者名 契約者名 予約者名 乗客名 搭乗者名 参加者名 登録名 名義人 名義 firstandsurname",
		Family:       "surname lastname familyname family sei namesei 姓 苗字 名字 氏 姓漢字 氏名姓",
		Given:        "givenname firstname given mei namemei forename 名 名漢字 氏名名",
		Kana:         "kana furigana namekana kananame フリガナ ふりがな カナ かな カナ氏名 氏名カナ 氏名フリガナ お名前フリガナ 氏名かな 読み ヨミ よみがな 半角カナ氏名",
		KanaFamily:   "seikana lastnamekana familynamekana kanasei familykana 姓カナ セイ せい 姓フリガナ 姓かな 姓ふりがな フリガナ姓 カナ姓",
		KanaGiven:    "meikana firstnamekana givennamekana kanamei givenkana 名カナ メイ めい 名フリガナ 名かな 名ふりがな フリガナ名 カナ名",
		Romaji:       "romaji romajiname namealphabet roman nameroman romanname nameen englishname alphabet ローマ字 ローマ字氏名 氏名ローマ字 英字氏名 氏名英字 パスポート氏名 旅券氏名 アルファベット",
		RomajiFamily: "romajisei romansei seiroman lastnameroman lastnameen familynameen surnameroman 姓ローマ字 ローマ字姓 英字姓 姓英字 romajifamily",
		RomajiGiven:  "romajimei romanmei meiroman firstnameroman firstnameen givennameen 名ローマ字 ローマ字名 英字名 名英字 romajigiven",
		Sex:          "sex seibetsu gender 性別",
		Birth:        "dob seinengappi birthymd birth birthday birthdate dateofbirth 生年月日 誕生日 生まれ",
		Email:        "email mail emailaddress mailaddress メール メールアドレス eメール 電子メール eメールアドレス",
		Phone:        "phone denwa tel1 tel2 telno keitai 電話1 電話2 電話番号1 電話番号2 tel telephone phonenumber mobile mobilephone cell 電話 電話番号 tel番号 携帯 携帯電話 携帯番号 携帯電話番号 連絡先 連絡先電話番号 自宅電話",
		Postal:       "zip yubin yubinbango postcd zipcd zipcode postal postalcode postcode 郵便番号 〒",
		Address:      "address jusho pref prefname 番地建物名 番地等 addr address1 address2 address3 streetnumber street suburb city state prefecture 住所 住所1 住所2 住所3 ご住所 都道府県 市区町村 市町村 町域 番地 建物 建物名 所在地",
		Passport:     "passport passportno passportnumber ppno socsecid ssn nationalid 旅券番号 パスポート番号 パスポート パスポートno 旅券no",
		Issued:       "ppissue issuedate passportissue passportissued passportissuedate dateofissue 発行日 発行年月日 旅券発行日 旅券発行年月日 パスポート発行日",
		Company:      "company 勤務先名 所属名 kaisha companyname corporate organization organisation 会社 会社名 法人名 企業名 団体名 勤務先 所属",
		Extra:        "birthplace 出身地 本籍 国籍 nationality",
	} {
		for _, n := range strings.Fields(names) {
			m[n] = c
		}
	}
	return m
}()

// headingParts decide about headings that are not listed, first hit first.
var headingParts = []struct {
	part string
	is   Column
}{
	{"メール", Email}, {"mail", Email}, {"電話", Phone}, {"携帯", Phone}, {"phone", Phone}, {"郵便", Postal}, {"postal", Postal}, {"zip", Postal},
	{"発行", Issued}, {"旅券番号", Passport}, {"パスポート番号", Passport}, {"passport", Passport}, {"生年月日", Birth}, {"誕生日", Birth}, {"birth", Birth},
	{"性別", Sex}, {"gender", Sex}, {"フリガナ", Kana}, {"ふりがな", Kana}, {"カナ", Kana}, {"kana", Kana}, {"ローマ字", Romaji}, {"romaji", Romaji}, {"英字", Romaji},
	{"住所", Address}, {"address", Address}, {"会社", Company}, {"法人", Company}, {"company", Company}, {"氏名", Name}, {"名前", Name},
}

// Heading returns what a column of that name holds; Ignored when the name says
// nothing.
func Heading(name string) Column {
	var plain []byte
	for _, r := range string(canon.Name(nil, []byte(name))) {
		if strings.ContainsRune(" _-.()[]/:*・（）", r) {
			continue
		}
		plain = append(plain, string(r)...)
	}
	// canon.Name makes katakana of hiragana; the list has both, so compare both.
	h := string(plain)
	if c, ok := headingsFolded[h]; ok {
		return c
	}
	for _, p := range headingParts {
		if strings.Contains(h, string(canon.Name(nil, []byte(p.part)))) {
			return p.is
		}
	}
	return Ignored
}

var headingsFolded = func() map[string]Column {
	m := map[string]Column{}
	for name, c := range headings {
		m[string(canon.Name(nil, []byte(name)))] = c
	}
	return m
}()

// Detect says what each column holds: by its heading, else by a sample of what
// stands in it. plain reports that the headings are data: the file has none.
func Detect(header []string, sample [][]string) (columns []Column, plain bool) {
	columns = make([]Column, len(header))
	known := 0
	for i, h := range header {
		columns[i] = Heading(h)
		if columns[i] != Ignored {
			known++
		}
	}
	plain = isRecord(header, known)
	if known > 0 && !plain {
		guessName(columns, sample)
		return oneOrder(columns), false
	}
	sample = append(sample, header)
	for i := range header {
		columns[i] = guess(sample, i)
		plain = plain || columns[i] != Ignored
	}
	return columns, plain
}

// isRecord reports whether a row of headings, of which some are known, is
// somebody's record all the same: x@hotmail.com has a word for e-mail in it. No
// heading is an address, a telephone number or a postal code; a date may be one,
// beside other headings.
func isRecord(header []string, known int) bool {
	for _, h := range header {
		switch guessValue([]byte(h)) {
		case Email:
			if _, domain, _ := strings.Cut(h, "@"); strings.Contains(domain, ".") {
				return true
			}
		case Phone, Postal:
			return true
		case Birth:
			if known <= 1 {
				return true
			}
		}
	}
	return false
}

// Named reports whether one of the columns holds names: without them hardly
// anything can be matched.
func Named(columns []Column) bool {
	return slices.ContainsFunc(columns, func(c Column) bool { return c >= Name && c <= RomajiGiven })
}

// guessName looks for names by content where no heading speaks of any. What else
// stands under an unknown heading is left alone: a day of registration looks like
// one of birth.
func guessName(columns []Column, sample [][]string) {
	if Named(columns) {
		return
	}
	for i, c := range columns {
		if c != Ignored {
			continue
		}
		if is := guess(sample, i); is == Name || is == Kana {
			columns[i] = is
		}
	}
}

// oneOrder leaves one key column: the first.
func oneOrder(columns []Column) []Column {
	seen := false
	for i, c := range columns {
		if c != Key {
			continue
		}
		if seen {
			columns[i] = Ignored
		}
		seen = true
	}
	return columns
}

// guess says what column i of the sample holds, when most of it agrees.
func guess(sample [][]string, i int) Column {
	var votes [columnCount]int
	filled := 0
	for _, row := range sample {
		if i >= len(row) || row[i] == "" {
			continue
		}
		filled++
		votes[guessValue([]byte(row[i]))]++
	}
	for c := Key + 1; c < columnCount; c++ {
		if filled > 0 && votes[c]*10 >= filled*7 {
			return c
		}
	}
	return Ignored
}

func guessValue(v []byte) Column {
	digits := 0
	for _, c := range v {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	date := canon.Date(v)
	switch {
	case len(canon.Email(nil, v)) > 0:
		return Email
	case date > 18800101 && date < 21000000 && date/100%100 <= 12 && date%100 <= 31:
		return Birth
	case digits == 7 && len(v) <= 8 && (len(v) == 7 || v[3] == '-'):
		return Postal
	case digits >= 10 && len(v) <= digits+4 && (v[0] == '0' || v[0] == '+'):
		return Phone
	case canon.ParseSex(v) != canon.UnknownSex && len(bytes.TrimSpace(v)) <= 6 && digits == 0:
		return Sex
	case digits >= 7 && digits <= 8 && len(v) == digits+2:
		return Passport
	}
	switch canon.ScriptOf(v) {
	case canon.Kanji:
		if bytes.ContainsAny(v, "市区町村郡県都府") && digits > 0 {
			return Address
		}
		if n := len([]rune(string(v))); digits == 0 && n >= 2 && n <= 10 {
			return Name
		}
	case canon.KanaOnly:
		if digits == 0 && len([]rune(string(v))) <= 20 {
			return Kana
		}
	}
	return Ignored
}
