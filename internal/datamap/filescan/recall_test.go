package filescan

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// repeated are synthetic values that come again and again:
// alone, and such as the engine looks at together with what stands beside them.
var repeated = []string{
	"山田 太郎", "鈴木花子様", "佐藤　一郎", "ヤマダ タロウ", "窓側の席を希望", "東京都千代田区丸の内1-2-3", "大阪府大阪市北区梅田3-1", "090-1234-5678", "03(1234)5678", "0312345678",
	"taro@example.jp", "100-0001", "〒", "〒100-0001", "郵便番号 1000001", "東京都", "生", "seinen 1980-04-01", "1985-03-04", "昭和60年3月4日生", "個人番号 123456789018", "マイナンバー", "口座 1234567",
	"192.168.0.1", "AB1234567", "旅券 AB1234567", "田中", "田中は", "ダニエル", "ジョン・スミス", "4111", "1111", "41111111", "11111111", "4111 - 1111", "4111,", `"4111`, "<td>4111</td>", "card", "CVV", "123",
	"name: 高橋健太", "password=", "password=hunter2hunter2", "=E5=B1=B1", "=", "電話=", "&#52;111", "４１１１ １１１１ １１１１ １１１１", "％", "名前：", "dGVsOiAwOTAtMTIzNC01Njc4IGNhcmQ=", "YWJjZGVmZ2hpamtsbW5vcA",
	"12345", "1000001", "012345678", "000-0000-0000", "090-0000-1234", "0120-123-456", "060-8588", "k.tanaka@example.co.jp", "a12@b.jp", "taro-1985-03-04@example.jp", "birth1985@example.jp",
	"{\"a\": \"\\u5c71\"}", "AKIAIOSFODNN7EXAMPLE", "12ー3", "5年", "a\nb", "", " ", strings.Repeat("長い", 40),
}

// card returns a number of a test range that passes the check digit, or does not.
func card(r *rand.Rand, right bool) string {
	d := []byte("411111" + fmt.Sprintf("%09d", r.IntN(1e9)))
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	check := (10 - sum%10) % 10
	if !right {
		check = (check + 1) % 10
	}
	return string(d) + string(byte('0'+check))
}

// fill hands the same rows to a tally.
func fill(t *tally, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	headers := []string{"会員番号", "氏名", "電話番号", "メールアドレス", "住所", "郵便番号", "備考", "", "card1", "card2", "card3", "card4", "生年月日", "カード番号"}
	r.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
	headers = headers[:1+r.IntN(len(headers))]
	pool := make([]string, 1+r.IntN(8))
	for i := range pool {
		pool[i] = repeated[r.IntN(len(repeated))]
	}
	cards := r.IntN(4) == 0  // from some row on
	shared := r.IntN(2) == 0 // the values of the pool are a file's own strings
	x := t.Table("sheet")
	for _, h := range headers {
		x.Cell(x.Column(h), []byte(h))
	}
	x.EndRow()
	for row := range 400 + r.IntN(1500) {
		number := card(r, r.IntN(3) > 0)
		for c, h := range headers {
			pooled := r.IntN(len(pool))
			value := pool[pooled]
			switch k := r.IntN(100); {
			case k < 3:
				value = repeated[r.IntN(len(repeated))]
			case k < 12:
				value = fmt.Sprintf("user%d@example.jp", row)
			case k < 20:
				value = fmt.Sprintf("080-%04d-%04d", row, c)
			case k < 22 && cards && row > 300:
				value = card(r, k == 20)
			case strings.HasPrefix(h, "card") && k < 70:
				i := 4 * int(h[4]-'1')
				value = number[i : i+4]
			}
			if shared && value == pool[pooled] {
				x.(document.Shared).SharedCell(x.Column(h), pooled, []byte(value))
			} else {
				x.Cell(x.Column(h), []byte(value))
			}
		}
		x.EndRow()
	}
	x.Close()
}

// TestRecallChangesNothing: with and without the memory of values, what was found,
// where, and how often is the same.
func TestRecallChangesNothing(t *testing.T) {
	plain, quick := newTally(), newTally()
	plain.noRecall = true
	seen := map[element.Kind]bool{}
	for seed := range uint64(60) {
		var got, want Object
		for tally, o := range map[*tally]*Object{plain: &want, quick: &got} {
			tally.reset()
			fill(tally, seed)
			fill(tally, seed+1000) // another table: nothing is taken over
			tally.into(o)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Object{})); diff != "" {
			t.Fatalf("seed %d: every value looked through (-), remembered (+):\n%s", seed, diff)
		}
		for _, f := range got.Elements {
			seen[f.Kind] = true
		}
	}
	for _, k := range []element.Kind{element.CardPAN, element.Name, element.Address, element.Phone, element.Email, element.PostalCode, element.BirthDate, element.MyNumber} {
		if !seen[k] {
			t.Errorf("no table held a %v", k)
		}
	}
}

// TestRecallOfAWorkbook: strings that come again are left out of what is looked
// through, and are found in all their cells.
func TestRecallOfAWorkbook(t *testing.T) {
	const rows = 6000
	var table, sheet strings.Builder
	table.WriteString("<si><t>氏名</t></si><si><t>備考</t></si><si><t>住所</t></si><si><t>佐藤 花子</t></si><si><t>折り返し 090-1234-5678 へ</t></si><si><t>東京都千代田区丸の内1-2-3</t></si>")
	sheet.WriteString(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>`)
	for r := 2; r < rows+2; r++ {
		fmt.Fprintf(&sheet, `<row r="%d"><c r="A%d" t="s"><v>3</v></c><c r="B%d" t="s"><v>4</v></c><c r="C%d" t="s"><v>5</v></c></row>`, r, r, r, r)
	}
	var book bytes.Buffer
	z := zip.NewWriter(&book)
	for _, m := range [][2]string{{"[Content_Types].xml", "<Types/>"}, {"xl/workbook.xml", "<workbook/>"}, {"xl/sharedStrings.xml", "<sst>" + table.String() + "</sst>"}, {"xl/worksheets/sheet1.xml", "<worksheet><sheetData>" + sheet.String() + "</sheetData></worksheet>"}} {
		w, err := z.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, m[1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	scan := func(noRecall bool) (o Object, written int64) {
		x := &watched{tally: newTally()}
		x.noRecall = noRecall
		if err := (&document.Reader{}).Read(context.Background(), "a.xlsx", bytes.NewReader(book.Bytes()), int64(book.Len()), x); err != nil {
			t.Fatal(err)
		}
		x.into(&o)
		for _, s := range x.tables {
			written += s.end
		}
		return o, written
	}
	want, whole := scan(true)
	got, part := scan(false)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Object{})); diff != "" {
		t.Errorf("every value looked through (-), remembered (+):\n%s", diff)
	}
	for _, k := range []element.Kind{element.Name, element.Phone, element.Address} {
		if n := got.Count(k); n != rows {
			t.Errorf("%d of %v, want %d", n, k, rows)
		}
	}
	if part*20 > whole {
		t.Errorf("%d bytes of %d were looked through, want a twentieth at most", part, whole)
	}
}

// watched keeps the tables of a tally.
type watched struct {
	*tally
	tables []*tableStream
}

// Table implements document.Sink.
func (w *watched) Table(part string) document.Table {
	x := w.tally.Table(part).(*tableStream)
	w.tables = append(w.tables, x)
	return x
}
