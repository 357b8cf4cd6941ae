package person

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/record"
)

const header = "会員番号,氏名,フリガナ,性別,生年月日,メールアドレス,電話番号,郵便番号,住所,旅券番号\n"

// write makes a file of customer records.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "customers.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func people(t *testing.T, text string, o Options) *Result {
	t.Helper()
	res, err := Run(context.Background(), []Source{{Name: "shop", File: write(t, text)}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// crowd are n people with one record each, as a background to learn from, and
// a second record of every third.
func crowd(n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	families := strings.Fields("青木/アオキ 井上/イノウエ 内田/ウチダ 遠藤/エンドウ 岡本/オカモト 加藤/カトウ 木村/キムラ 久保/クボ 小林/コバヤシ 坂本/サカモト 清水/シミズ 鈴木/スズキ 関/セキ 高田/タカダ 千葉/チバ 辻/ツジ 寺田/テラダ 中島/ナカジマ 西田/ニシダ 野村/ノムラ")
	givens := strings.Fields("明/アキラ 郁子/イクコ 梅子/ウメコ 絵美/エミ 修/オサム 和夫/カズオ 清/キヨシ 邦子/クニコ 健/ケン 光一/コウイチ 幸子/サチコ 茂/シゲル 進/ススム 誠/マコト 妙子/タエコ 千秋/チアキ 努/ツトム 輝男/テルオ 直樹/ナオキ 信子/ノブコ 浩/ヒロシ 富美/フミ 真理/マリ 実/ミノル 恵/メグミ 康夫/ヤスオ 由美/ユミ 洋子/ヨウコ 隆二/リュウジ 渉/ワタル")
	var rows []string
	for i := range n {
		f := strings.Split(families[r.IntN(len(families))], "/")
		g := strings.Split(givens[r.IntN(len(givens))], "/")
		birth := fmt.Sprintf("%d-%02d-%02d", 1940+r.IntN(65), 1+r.IntN(12), 1+r.IntN(28))
		phone, mail := fmt.Sprintf("090%08d", r.IntN(1e8)), fmt.Sprintf("u%d@example.jp", r.IntN(1e9))
		postal, house := 1000000+r.IntN(300), fmt.Sprintf("東京都港区芝%d-%d-%d", 1+r.IntN(5), 1+r.IntN(30), 1+r.IntN(20))
		row := func(key string) string {
			return fmt.Sprintf("%s,%s %s,%s %s,,%s,%s,%s,%d,%s,", key, f[0], g[0], f[1], g[1], birth, mail, phone, postal, house)
		}
		rows = append(rows, row(fmt.Sprintf("c%d", i)))
		if i%3 == 0 {
			rows = append(rows, row(fmt.Sprintf("d%d", i)))
		}
	}
	return rows
}

// keyed maps keys of the first column to rows.
func keyed(text string) map[string]uint32 {
	m := map[string]uint32{}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		key, _, _ := strings.Cut(line, ",")
		m[key] = uint32(i)
	}
	return m
}

func TestWhoIsOne(t *testing.T) {
	special := []string{
		// one person in many writings
		"a1,髙橋 一郎,タカハシ イチロウ,男,昭和54年3月2日,ichiro@example.jp,090-1234-5678,100-0001,東京都千代田区千代田1丁目1番1号,TR1234567",
		"a2,高橋一郎,,M,1979/3/2,ICHIRO@example.jp,+81 90 1234 5678,1000001,千代田区千代田1-1-1 宮殿,",
		"a3,TAKAHASHI ICHIRO,,M,S54.3.2,,,,,ＴＲ１２３４５６７",
		// twins of one house, one e-mail and one telephone
		"b1,佐野 健太,サノ ケンタ,男,2010-05-05,sano@example.jp,0311112222,1500001,東京都渋谷区神宮前1-2-3,",
		"b2,佐野 翔太,サノ ショウタ,男,2010-05-05,sano@example.jp,0311112222,1500001,東京都渋谷区神宮前1-2-3,",
		// father and son of one name, born at other times
		"e1,三浦 清,ミウラ キヨシ,男,1950-01-09,,0455556666,2310001,神奈川県横浜市中区新港1-1-1,",
		"e2,三浦 清,ミウラ キヨシ,男,1980-11-20,,0455556666,2310001,神奈川県横浜市中区新港1-1-1,",
	}
	text := header + strings.Join(append(crowd(600, 1), special...), "\n") + "\n"
	res := people(t, text, Options{})
	rows := keyed(text)
	same := func(a, b string) bool { return res.Sets.Find(rows[a]) == res.Sets.Find(rows[b]) }
	for _, p := range [][2]string{{"a1", "a2"}, {"a1", "a3"}, {"c3", "d3"}, {"c30", "d30"}} {
		if !same(p[0], p[1]) {
			t.Errorf("%s and %s are two persons, want one", p[0], p[1])
		}
	}
	for _, p := range [][2]string{{"b1", "b2"}, {"e1", "e2"}, {"a1", "b1"}, {"c1", "c2"}} {
		if same(p[0], p[1]) {
			t.Errorf("%s and %s are one person, want two", p[0], p[1])
		}
	}
}

// A company books for many people with one address and one telephone: nobody
// becomes one person by that.
func TestCorporateBooker(t *testing.T) {
	rows := crowd(400, 2)
	for i, name := range strings.Fields("石川 大野 金子 藤井 河野 丸山 横田 村上") {
		rows = append(rows, fmt.Sprintf("k%d,%s 一,%s ハジメ,,,travel@corp.example,0399998888,,,", i, name, []string{"イシカワ", "オオノ", "カネコ", "フジイ", "コウノ", "マルヤマ", "ヨコタ", "ムラカミ"}[i]))
	}
	for i, given := range strings.Fields("アイ ウタ エリ カナ サキ チカ ナナ") {
		rows = append(rows, fmt.Sprintf("m%d,,モリ %s,,,travel@corp.example,0399998888,,,", i, given))
	}
	text := header + strings.Join(rows, "\n") + "\n"
	res := people(t, text, Options{})
	at := keyed(text)
	for i := range 7 {
		if n := res.Sets.Len(at[fmt.Sprintf("m%d", i)]); n != 1 {
			t.Errorf("record m%d stands in a cluster of %d", i, n)
		}
	}
	found := false
	for _, s := range res.Match.Shared {
		found = found || s.What == "email" && s.Groups == 1 && s.Records == 15
	}
	if !found {
		t.Errorf("shared values found: %+v, want the company's e-mail with 15 records", res.Match.Shared)
	}
}

// partition is the clusters as sorted lists of keys.
func partition(res *Result, keys []string) []string {
	m := map[uint32][]string{}
	for i, k := range keys {
		c := res.Sets.Find(uint32(i))
		m[c] = append(m[c], k)
	}
	var out []string
	for _, c := range m {
		slices.Sort(c)
		out = append(out, strings.Join(c, " "))
	}
	slices.Sort(out)
	return out
}

func TestSameForAnyOrderAndWorkers(t *testing.T) {
	rows := crowd(1500, 3)
	keysOf := func(rows []string) (keys []string) {
		for _, r := range rows {
			k, _, _ := strings.Cut(r, ",")
			keys = append(keys, k)
		}
		return keys
	}
	want := partition(people(t, header+strings.Join(rows, "\n")+"\n", Options{Workers: 1}), keysOf(rows))
	if len(want) >= len(rows) {
		t.Fatalf("nothing was joined: %d clusters of %d records", len(want), len(rows))
	}
	for seed := range uint64(3) {
		shuffled := slices.Clone(rows)
		rand.New(rand.NewPCG(seed, 9)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got := partition(people(t, header+strings.Join(shuffled, "\n")+"\n", Options{Workers: 1 + int(seed)*3}), keysOf(shuffled))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("shuffled by seed %d (-want +got):\n%s", seed, d)
		}
	}
}

func TestBrokenRowsAreNamed(t *testing.T) {
	text := header +
		"1,青木 明,アオキ アキラ,,1980-01-01,a@example.jp,0311112222,1000001,東京都港区芝1-1-1,\n" +
		"2,\"stray quote,,,,,,,,\n" +
		"3,nul\x00,,,,,,,,\n" +
		"4,too,few\n" +
		"5,\xff\xfe\xfd,,,,,,,,\n" +
		"6,\"青木, 明\",アオキ アキラ,,1980-01-01,a@example.jp,0311112222,1000001,\"東京都港区芝\n1-1-1\",\n" +
		"7,木村 健,キムラ ケン,,1970-02-02,,,,,\n"
	res := people(t, text, Options{})
	r := res.Reads[0]
	var got []string
	for _, p := range r.Problems {
		got = append(got, fmt.Sprintf("%d %s", p.Line, p.Fault))
	}
	if d := cmp.Diff([]string{"3 quote", "4 nul", "5 columns", "6 encoding"}, got); d != "" {
		t.Errorf("skipped rows (-want +got):\n%s", d)
	}
	if r.Records != 3 || r.Skipped != 4 || r.Rows != 7 {
		t.Errorf("read %d of %d rows, skipped %d; want 3 of 7, 4", r.Records, r.Rows, r.Skipped)
	}
	if res.Table.At(0).Phone == 0 || res.Table.At(5).Street != res.Table.At(0).Street {
		t.Errorf("the quoted row was not read as the plain one: %+v", res.Table.At(5))
	}
}

// A field of many megabytes costs its row, not the memory of the machine, nor
// the rows behind it.
func TestHugeField(t *testing.T) {
	for name, huge := range map[string]string{"plain": strings.Repeat("x", 5<<20), "quoted": `"` + strings.Repeat("x", 5<<20) + `"`} {
		t.Run(name, func(t *testing.T) {
			rows := crowd(30, 4)
			text := header + strings.Join(rows[:10], "\n") + "\nh," + huge + ",,,,,,,,\n" + strings.Join(rows[10:], "\n") + "\n"
			r := people(t, text, Options{}).Reads[0]
			if r.Records != len(rows) || r.Skipped != 1 || r.Problems[0].Line != 12 {
				t.Errorf("read %d records of %d, skipped %+v", r.Records, len(rows), r.Problems)
			}
		})
	}
}

// A field of 100 MB that a database or program writes costs its row too, whether
// or not its quote closes, and is never held whole.
func TestHugeFieldOfRows(t *testing.T) {
	part := bytes.Repeat([]byte("x"), 1<<20)
	for name, quote := range map[string]string{"plain": "", "quoted": `"`} {
		t.Run(name, func(t *testing.T) {
			rows := crowd(30, 4)
			res, err := Run(t.Context(), []Source{{Name: "shop", Rows: func(_ context.Context, w io.Writer) (int, error) {
				_, err := io.WriteString(w, header+strings.Join(rows[:10], "\n")+"\nh,"+quote)
				for range 100 {
					if err == nil {
						_, err = w.Write(part)
					}
				}
				if err == nil {
					_, err = io.WriteString(w, quote+",,,,,,,,\n"+strings.Join(rows[10:], "\n")+"\n")
				}
				return 3, err
			}}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := res.Reads[0]
			if r.Records != len(rows) || r.Skipped != 4 || r.Problems[len(r.Problems)-1].Line != 12 && r.Problems[0].Line != 12 {
				t.Errorf("read %d records of %d, skipped %d: %+v", r.Records, len(rows), r.Skipped, r.Problems)
			}
		})
	}
}

func TestColumnsAreFound(t *testing.T) {
	got, plain := record.Detect(strings.Split(strings.TrimSpace(header), ","), nil)
	want := []record.Column{record.Key, record.Name, record.Kana, record.Sex, record.Birth, record.Email, record.Phone, record.Postal, record.Address, record.Passport}
	if d := cmp.Diff(want, got); d != "" || plain {
		t.Errorf("by heading (-want +got), headless %v:\n%s", plain, d)
	}
	row := strings.Split("17,山田 花子,ヤマダ ハナコ,女,昭和60年1月2日,h@example.jp,090-1111-2222,100-0001,東京都港区芝1-2-3,TR1234567", ",")
	got, plain = record.Detect(row, [][]string{row})
	want[0] = record.Ignored
	if d := cmp.Diff(want, got); d != "" || !plain {
		t.Errorf("by content (-want +got), headless %v:\n%s", plain, d)
	}
	for text, headless := range map[string]bool{
		"17,山田 花子,h@gmail.com": true, "h@hotmail.example": true, "17,KANA SATO,1985-01-02": true, "passport k,090-1111-2222": true, "氏名フリガナ子,100-0001": true,
		"氏名,生年月日,2024-01-01": false, "name,e-mail@home,tel": false, "氏名,電話番号1,電話番号2": false, "": false,
	} {
		if _, plain := record.Detect(strings.Split(text, ","), nil); plain != headless {
			t.Errorf("%q: headless %v, want %v", text, plain, headless)
		}
	}
}

// Headings as other people's systems write them.
func TestHeadings(t *testing.T) {
	for heading, want := range map[string]record.Column{
		"cust_id": record.Key, "会員No.": record.Key, "お客様コード": record.Key, "shimei": record.Name, "guest_name": record.Name, "氏名（漢字）": record.Name,
		"CUST_NAME_KANA": record.Kana, "氏名(カナ)": record.Kana, "セイ": record.KanaFamily, "First Name (Kana)": record.KanaGiven, "ROMAN_SEI": record.RomajiFamily,
		"ローマ字(名)": record.RomajiGiven, "seinengappi": record.Birth, "birth_dt": record.Birth, "生年月日(西暦)": record.Birth, "TEL1": record.Phone, "tel_no": record.Phone,
		"mail_addr": record.Email, "E-Mail": record.Email, "〒": record.Postal, "zip_cd": record.Postal, "番地・建物名": record.Address, "住所1(都道府県)": record.Address,
		"勤務先名": record.Company, "旅券発行年月日": record.Issued, "passport_no": record.Passport, "seibetsu": record.Sex, "hotel": record.Ignored, "備考": record.Ignored,
	} {
		if got := record.Heading(heading); got != want {
			t.Errorf("%s is %v, want %v", heading, got, want)
		}
	}
}

// Nothing but a decision joins what a guard separates.
func TestGuards(t *testing.T) {
	var buf bytes.Buffer
	buf.WriteString(header)
	for _, r := range crowd(300, 5) {
		buf.WriteString(r + "\n")
	}
	res := people(t, buf.String(), Options{})
	guard := cluster.Guard{Families: res.Match.Families}
	if !guard.Families {
		t.Error("too little to tell must count as families")
	}
}
