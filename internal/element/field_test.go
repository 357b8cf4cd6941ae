package element

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; go test -update writes it anew\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestHeaderKind(t *testing.T) {
	for _, c := range []struct {
		header string
		kind   Kind
		weak   bool
		ok     bool
	}{
		{"氏名", Name, false, true}, {"customer_name", Name, false, true}, {"CustomerName", Name, false, true}, {"name", Name, true, true},
		{"郵便番号", PostalCode, false, true}, {"E-Mail", Email, false, true}, {"カード番号", CardPAN, false, true}, {"birth date", BirthDate, false, true},
		{"お客様氏名（漢字）", Name, false, true}, {"氏名(フリガナ)", Kana, false, true}, {"宿泊者名", Name, false, true}, {"shipping_name", Name, true, true}, {"姓（漢字）", Name, false, true},
		{"配送先住所２", Address, false, true}, {"contact_email", Email, false, true}, {"電話番号（携帯）", Phone, false, true}, {"契約者生年月日", BirthDate, false, true},
		{"商品名", 0, false, false}, {"product_name", 0, false, false}, {"住所コード", Address, true, true},
		{"price", 0, false, false}, {"", 0, false, false}, {"filename", 0, false, false},
	} {
		kind, weak, ok := HeaderKind(c.header)
		if kind != c.kind || weak != c.weak || ok != c.ok {
			t.Errorf("HeaderKind(%q) = %v, %v, %v, want %v, %v, %v", c.header, kind, weak, ok, c.kind, c.weak, c.ok)
		}
	}
}

func TestFieldJudge(t *testing.T) {
	for _, c := range []struct {
		header, value string
		want          Kind
	}{
		{"氏名", "山田　太郎", Name}, {"name", "山田太郎", Name}, {"name", "widget", Unclassified}, {"customer_name", "Hanako Yamada", Name},
		{"フルネーム", "ジョン・スミス", Name}, {"スタッフ名", "佐藤 ひろし", Name}, {"お客様", "佐藤 ひろし", Name}, {"お客様", "未登録", Unclassified}, {"ユーザー名", "yamada01", Unclassified},
		{"自宅TEL", "0312345678", Phone}, {"携帯TEL", "9012345678", Phone}, {"電話番号", "312345678", Phone}, {"電話番号", "12345", Unclassified},
		{"マイナンバー", "1234-5678-9018", MyNumber}, {"マイナンバー", "1234-5678-9012", Unclassified}, {"mynum", "123456789018", MyNumber},
		{"姓", "原", Name}, {"フリガナ", "ヤマダ タロウ", Kana}, {"住所", "札幌市中央区北1条西2丁目", Address}, {"電話番号", "0312345678", Phone},
		{"zip", "0608588", PostalCode}, {"カード番号", "４１１１１１１１１１１１１１１１", CardPAN}, {"カード番号", "4111111111111112", Unclassified},
		{"口座番号", "1234567", BankAccount}, {"cvv", "123", CardCVV}, {"有効期限", "12/26", CardExpiry}, {"price", "4111111111111111", Unclassified}, {"氏名", "", Unclassified},
	} {
		if got, _, _ := NewField(c.header).Judge([]byte(c.value)); got != c.want {
			t.Errorf("field %q: Judge(%q) = %v, want %v", c.header, c.value, got, c.want)
		}
	}
}

// TestFieldStatistics: in a field of numbers of another kind a card number by
// chance is less sure, but one that was typed there is still reported, and more
// than chance raises an alarm.
func TestFieldStatistics(t *testing.T) {
	f := NewField("会員番号")
	for i := range 200 {
		f.Observe(fmt.Appendf(nil, "4%015d", i*7919))
	}
	found := Finding{Kind: CardPAN, Confidence: 62}
	f.Adjust(&found)
	if found.Confidence != 50 || found.Reasons&ByFieldOfNumbers == 0 {
		t.Errorf("in a field of numbers: %v, want 50 with its reason", found)
	}
	if f.Alarm() {
		t.Error("an alarm by chance alone")
	}
	for range 40 {
		f.Observe([]byte("4111 1111 1111 1111"))
	}
	if !f.Alarm() {
		t.Error("no alarm for 40 card numbers among 240")
	}
	grouped := Finding{Kind: CardPAN, Confidence: 85, Reasons: ByGrouping}
	if f.Adjust(&grouped); grouped.Confidence != 85 {
		t.Errorf("a grouped card number became %d", grouped.Confidence)
	}
}
