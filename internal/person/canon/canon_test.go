package canon

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"髙橋　一郎", "高橋 一郎"}, {"高橋 一郎 様", "高橋 一郎"}, {"渡邉\U000E0101 花子", "渡辺 花子"},
		{"齋藤ｱｲ", "斎藤アイ"}, {" 山﨑　　\u200b健  ", "山崎 健"}, {"ｶﾞﾝ･ﾊﾟｸ", "ガン パク"}, {"ＳＭＩＴＨ　Ｊｏｈｎ", "smith john"},
		{"様", "様"}, {"廣瀨 眞", "広瀬 真"}, {"吉田", "吉田"}, {"𠮷田", "吉田"},
	} {
		if got := string(Name(nil, []byte(c.in))); got != c.want {
			t.Errorf("Name(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// Every way of writing a name ends as the same romaji.
func TestOneSpelling(t *testing.T) {
	for want, writings := range map[string][]string{
		"yamaguchi": {"やまぐち", "ヤマグチ", "ﾔﾏｸﾞﾁ", "YAMAGUCHI", "Yamaguti"},
		"ono":       {"おおの", "オオノ", "オーノ", "OHNO", "ONO", "Oono", "Ōno", "Ôno"},
		"sato shota": {"さとう しょうた", "ｻﾄｳ ｼｮｳﾀ", "SATO SHOTA", "SATOH SHOHTA", "satou syouta",
			"Satō　Shōta", "SATO, SHOTA"},
		"nanba":      {"なんば", "NAMBA", "NANBA"},
		"hyuga":      {"ひゅうが", "HYUUGA", "Hyuga"},
		"hatchobori": {"はっちょうぼり", "HATCHOBORI", "Hattyoubori", "hacchoubori"},
		"kazuko":     {"かづこ", "カズコ", "Kazuko", "KADZUKO"},
		"fujii":      {"ふじい", "HUZII", "FUJII"},
		"ohashi":     {"おおはし", "OHASHI", "OHHASHI"},
		"junichi":    {"じゅんいち", "ジュンイチ", "Jun'ichi", "ZYUNITI"},
		"kaori":      {"かをり", "カオリ", "KAORI", "KAWORI"},
		"tsutsumi":   {"つつみ", "TUTUMI", "TSUTSUMI"},
	} {
		for _, in := range writings {
			var got []byte
			if ScriptOf([]byte(in)) == Latin {
				got = Romaji(nil, []byte(in))
			} else {
				got = KanaRomaji(nil, Kana(nil, []byte(in)))
			}
			if string(got) != want {
				t.Errorf("%q becomes %q, want %q", in, got, want)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	for in, want := range map[string]Script{"": None, "123": None, "佐々木": Kanji, "真理ちゃん": Kanji, "ヤマダ タロウ": KanaOnly,
		"ﾔﾏﾀﾞ": KanaOnly, "YAMADA Taro": Latin, "Ōno": Latin, "アンA": KanaOnly} {
		got := ScriptOf([]byte(in))
		if in == "アンA" { // letters and kana: either is usable
			continue
		}
		if got != want {
			t.Errorf("ScriptOf(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		in   string
		want uint32
	}{
		{"1979-03-02", 19790302}, {"1979/3/2", 19790302}, {"19790302", 19790302}, {"昭和54年3月2日", 19790302}, {"S54.3.2", 19790302},
		{"昭和五十四年三月二日", 19790302}, {"平成元年１月８日", 19890108}, {"令和2年12月31日", 20201231}, {"H01.02.03", 19890203},
		{"S540302", 19790302}, {"1979-03-02T00:00:00Z", 19790302}, {"1979-03-02 12:34", 19790302}, {"31.12.1979", 19791231}, {"12/31/1979", 19791231},
		{"明治45年7月29日", 19120729}, {"大正十二年九月一日", 19230901}, {"", 0}, {"不明", 0}, {"1979", 0}, {"19560499", 19560499},
		{"１９７９年０３月０２日", 19790302}, {"平成二十三年三月十一日", 20110311},
		{"十十十十十十十十", 0}, {"1979年" + strings.Repeat("十", 30) + "月1日", 0}, // beyond every date
	} {
		if got := Date([]byte(c.in)); got != c.want {
			t.Errorf("Date(%q) = %d, want %d", c.in, got, c.want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		want, town string
		in         []string
	}{
		{"千代田区霞ケ関1-2-3", "千代田区霞ケ関", []string{"東京都千代田区霞が関1丁目2番3号", "千代田区霞ヶ関一丁目２－３ 合同庁舎5号館", "東京都 千代田区 霞ケ関 1-2-3",
			"東京都千代田区霞ｹ関1丁目2番地の3", "千代田区霞が関１ー２ー３"}},
		{"札幌市中央区北1条西2-3-4", "札幌市中央区北1条西", []string{"北海道札幌市中央区北一条西2丁目3-4", "札幌市中央区北1条西二丁目3番4号"}},
		{"京都市中京区本能寺前町488", "京都市中京区本能寺前町", []string{"京都府京都市中京区寺町通御池上る本能寺前町488", "京都市中京区本能寺前町488番地"}},
		{"島田市金谷河原12-5", "島田市金谷河原", []string{"静岡県島田市大字金谷河原12番地の5", "島田市金谷河原字12-5"}},
		{"甲府市丸の内1-18-1", "甲府市丸の内", []string{"山梨県甲府市丸ノ内1-18-1", "甲府市丸之内一丁目十八番一号"}},
		{"7wallabyplace", "wallabyplace", []string{"7 Wallaby Place", "7, wallaby place"}},
	} {
		for _, in := range c.in {
			_, got := Address(nil, []byte(in))
			if string(got.Street) != c.want || string(got.Town) != c.town {
				t.Errorf("Address(%q) = %q in %q, want %q in %q", in, got.Street, got.Town, c.want, c.town)
			}
		}
	}
	for p := range prefectureNames { // 埼玉県 too, whose first character has a standard form
		const town = "中央区本町"
		if _, got := Address(nil, []byte(p+town+"1")); string(got.Town) != town {
			t.Errorf("Address(%q) is in %q, want %q", p+town+"1", got.Town, town)
		}
	}
}

func TestContacts(t *testing.T) {
	for in, want := range map[string]uint64{"090-1234-5678": 109012345678, "+81 90 1234 5678": 109012345678, "0081-90-1234-5678": 109012345678,
		"＋８１（０）９０１２３４５６７８": 109012345678, "03(1234)5678 内線12": 10312345678, "03-1234-5678/090-1111-2222": 10312345678, "12": 0, "": 0} {
		if got := Phone([]byte(in)); got != want {
			t.Errorf("Phone(%q) = %d, want %d", in, got, want)
		}
	}
	for in, want := range map[string]string{"Taro.Yamada+shop@Gmail.com": "taroyamada@gmail.com", "山田 <Y@Example.JP>": "y@example.jp",
		"ａ＠ｅｘａｍｐｌｅ．ｊｐ": "a@example.jp", "none": "", "@x": "", "a@": "", "+a@x.jp": "+a@x.jp"} {
		if got := string(Email(nil, []byte(in))); got != want {
			t.Errorf("Email(%q) = %q, want %q", in, got, want)
		}
	}
	if a, b := Document([]byte("ＴＲ-1234567")), Document([]byte("tr1234567")); a != b || a == 0 {
		t.Errorf("Document: %d and %d", a, b)
	}
	if a, b := Postal([]byte("〒060-0001")), Postal([]byte("０６００００１")); a != b || a != 10600001 {
		t.Errorf("Postal: %d and %d", a, b)
	}
	for in, want := range map[string]string{"株式会社サンプル旅行": "サンプル旅行", "サンプル旅行㈱": "サンプル旅行", "（株）ｻﾝﾌﾟﾙ旅行": "サンプル旅行",
		"Sample Travel Co., Ltd.": "sampletravel", "株式会社": "株式会社"} {
		if got := string(Company(nil, []byte(in))); got != want {
			t.Errorf("Company(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]Sex{"男性": Male, "Ｆ": Female, "female": Female, "2": Female, "9": UnknownSex, "": UnknownSex, "X": UnknownSex} {
		if got := ParseSex([]byte(in)); got != want {
			t.Errorf("ParseSex(%q) = %d, want %d", in, got, want)
		}
	}
}

// forms are all normalisers. Those that return numbers are followed by what
// writes the number as the field again; nothing is the missing one.
var forms = []struct {
	what string
	form func(dst, s []byte) []byte
}{
	{"Name", Name},
	{"Kana", Kana},
	{"Romaji", Romaji},
	{"Company", Company},
	{"Email", Email},
	{"Street", func(dst, s []byte) []byte { _, p := Address(dst, s); return p.Street }},
	{"Date", func(dst, s []byte) []byte {
		if d := Date(s); d != 0 {
			return fmt.Appendf(dst, "%08d", d)
		}
		return dst
	}},
	{"Phone", func(dst, s []byte) []byte { return withoutOne(dst, Phone(s), 10) }},
	{"Postal", func(dst, s []byte) []byte { return withoutOne(dst, uint64(Postal(s)), 10) }},
	{"Document", func(dst, s []byte) []byte { return withoutOne(dst, Document(s), 36) }},
	{"Sex", func(dst, s []byte) []byte {
		if x := ParseSex(s); x != UnknownSex { // the codes of ISO/IEC 5218
			return fmt.Append(dst, x)
		}
		return dst
	}},
}

// withoutOne writes the digits behind the 1 that keeps leading zeros.
func withoutOne(dst []byte, v uint64, base int) []byte {
	if v == 0 {
		return dst
	}
	return append(dst, strconv.FormatUint(v, base)[1:]...)
}

func checkIdempotent(t *testing.T, s []byte) {
	t.Helper()
	for _, f := range forms {
		once := f.form(nil, s)
		if twice := f.form(nil, once); !bytes.Equal(once, twice) {
			t.Errorf("%s(%q) = %q, and again %q", f.what, s, once, twice)
		}
	}
	kana := KanaRomaji(nil, Kana(nil, s))
	if again := Romaji(nil, kana); !bytes.Equal(kana, again) {
		t.Errorf("KanaRomaji(%q) = %q, as romaji %q", s, kana, again)
	}
}

// What the forms of numbers write is the number: without that, FuzzIdempotent
// could compare nothing with nothing.
func TestForms(t *testing.T) {
	want := map[string][2]string{"Name": {"髙橋", "高橋"}, "Kana": {"たろう", "タロウ"}, "Romaji": {"SATOH", "sato"}, "Company": {"㈱見本", "見本"},
		"Email": {"A@b.jp", "a@b.jp"}, "Street": {"港区芝五丁目3番地の2", "港区芝5-3-2"}, "Date": {"昭和54年3月2日", "19790302"}, "Phone": {"+81 90-1234-5678", "09012345678"},
		"Postal": {"〒060-0001", "0600001"}, "Document": {"ＴＲ-0123456", "tr0123456"}, "Sex": {"女性", "2"}}
	for _, f := range forms {
		if got := string(f.form(nil, []byte(want[f.what][0]))); got != want[f.what][1] {
			t.Errorf("%s(%q) = %q, want %q", f.what, want[f.what][0], got, want[f.what][1])
		}
	}
}

// A canonical form is its own canonical form, of every field.
func FuzzIdempotent(f *testing.F) {
	for _, s := range []string{"髙橋　一郎 様", "ｼｮｳﾀ ｻﾄｳ", "SATOH syouta", "東京都千代田区霞が関一丁目2番3号", "札幌市中央区北一条西2丁目3-4",
		"京都市中京区寺町通御池上る本能寺前町488", "㈱ｻﾝﾌﾟﾙ Co.,Ltd.", "a+b@gmail.com", "o-o-h-u-u", "三丁目百二十番5", "字大字大字", "7 wallaby pl 3a",
		"昭和五十四年三月二日", "S540302", "54-3-2", "31.12.1979", "1979-03-02T00:00:00Z", "0-0-1", "十十十十十十十十", "十十十十十十十十十十十十十十十十十十十十年一月一日",
		"+81 (0)90-1234-5678", "0081-0081-12345", "+81 81 1234 5678", "810123456789", "03-1234-5678/090-1111-2222", "000000000000000000000",
		"〒060-0001", "999999999", "TR-0000001", "abcdefghijkl", "zzzzzzzzzzz", "男", "F", "♀ 2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(checkIdempotent)
}

// What the quick functions read, they read as the general ones do.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"a.B-c_9@Gmail.com", "x@y", "@gmail.com", ".@gmail.com", "a@b@c", "090-1234-5678", "0312345678", "00811234567", "0------------",
		"100-0001", "1000001", "------", "1979-3-2", "19790302", "S54.3.2", "昭和54年3月2日", "平成元年1月1日", "H31.4.30 ", "3/2/1979", "1979-03-123", "0000-1-1", "R99999.1.1",
		"TR1234567", "tr", "abcdefghijk", "Kk\x00", "\xE6\x98"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		if got, want := string(Email(nil, s)), string(email(nil, s)); got != want {
			t.Errorf("Email(%q) = %q, want %q", s, got, want)
		}
		for _, c := range []struct {
			name      string
			got, want uint64
		}{
			{"Phone", Phone(s), phone(s)}, {"Postal", uint64(Postal(s)), uint64(postal(s))},
			{"Date", uint64(Date(s)), uint64(date(s))}, {"Document", Document(s), document(s)},
		} {
			if c.got != c.want {
				t.Errorf("%s(%q) = %d, want %d", c.name, s, c.got, c.want)
			}
		}
	})
}

// An address read in two parts is the one read as a whole.
func FuzzHead(f *testing.F) {
	for _, s := range []string{"北海道網走市桂町２－２４－２８", "愛知県東海市荒尾町一丁目39-9", "札幌市中央区北一条西2丁目", "東京都千代田区千代田1丁目1番1号 宮殿",
		"千代田区一番町二3", "京都市中京区烏丸通4条上る5", "大字2", "港区芝五丁目3番地の2", "A町1", "港区芝12345678号室", "港区芝1番町2", "港区芝1丁2号3棟", "北海道3道1",
		"岐阜市本町五丁目34-11", "港区芝二五丁目3", "港区芝三字五丁目3", "港区三番五丁目6", "青森県北海道五丁目6", "東京都字三3", "港区芝三゛五丁目1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		end := HeadEnd(s)
		if end == 0 {
			return
		}
		town, numbers, ok := Head(nil, WithoutPrefecture(s[:end]))
		if !ok {
			return
		}
		all, ok := Tail(append([]byte(nil), numbers...), s[end:])
		if !ok {
			return
		}
		if _, p := Address(nil, s); string(p.Town) != string(town) || string(p.Numbers()) != string(all) {
			t.Errorf("%q: in parts %q %q, as a whole %q %q", s, town, all, p.Town, p.Numbers())
		}
	})
}
