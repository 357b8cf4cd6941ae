package element

import (
	"fmt"
	"testing"
)

func TestColumnHeaders(t *testing.T) {
	for header, want := range map[string]Kind{
		"cust_tel_no": Phone, "shipToAddress2": Address, "user_mail_address": Email, "kokyaku_name": Name, "顧客氏名（漢字）": Name, "お客様住所１": Address,
		"携帯電話番号(必須)": Phone, "member_birth_date": BirthDate, "passport_no": Passport, "card_number_enc": CardPAN, "contact_name": Name, "フリガナ（全角）": Kana,
		"商品名": Unclassified, "created_at": Unclassified, "price": Unclassified, "": Unclassified,
	} {
		kind, match := columnKind(header)
		if kind != want || (match == noMatch) != (want == Unclassified) {
			t.Errorf("%s: %v as %d, want %v", header, kind, match, want)
		}
	}
	for _, header := range []string{"name", "display_name"} { // of persons or of things: the values decide
		if kind, match := columnKind(header); kind != Name || match != weakMatch {
			t.Errorf("%s: %v as %d, want a weak name", header, kind, match)
		}
	}
}

func TestColumnJudge(t *testing.T) {
	rows := func(format string, n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf(format, 1000+i))
		}
		return out
	}
	names := []string{"山田太郎", "佐藤 花子", "鈴木一郎", "高橋健", "田中美咲", "渡辺　直樹", "小林愛", "加藤大輔"}
	for _, c := range []struct {
		header string
		values []string
		want   Kind
		sure   bool
	}{
		{"氏名", names, Name, true},
		{"name", names, Name, true},
		{"name", []string{"widget", "bolt M4", "nut", "gear", "washer", "spring 3"}, Unclassified, false},
		{"x1", names, Name, true},
		{"x2", rows("user%d@mail.example", 20), Email, true},
		{"x3", rows("090-1234-%d", 20), Phone, true},
		{"x4", rows("東京都新宿区西新宿2丁目%d番", 20), Address, true},
		{"tel", rows("031234%d", 20), Phone, true},
		{"tel", nil, Phone, true},
		{"電話番号", rows("see note %d", 20), Phone, false},
		{"登録日", rows("2024-01-%d", 20), Unclassified, false},
		{"生年月日", []string{"1985-03-04", "昭和60年3月4日", "1990/1/2"}, BirthDate, true},
		{"口座番号", rows("123%d", 20), BankAccount, true},
		{"order_id", rows("202401010000%d", 50), Unclassified, false},
	} {
		col := NewColumn(c.header)
		for _, v := range c.values {
			col.Observe([]byte(v))
		}
		col.Observe(nil)
		j := col.Judge()
		if sure := j.Confidence >= 50; sure != c.sure || c.sure && j.Kind != c.want {
			t.Errorf("%s of %d values: %v at %d%% (%v), want %v, sure %v", c.header, len(c.values), j.Kind, j.Confidence, j.Reasons, c.want, c.sure)
		}
	}
}

func TestColumnOfNotesHoldsMore(t *testing.T) {
	col := NewColumn("備考")
	for i := range 300 {
		col.Observe(fmt.Appendf(nil, "%016d", 4000000000000000+i*7919))
	}
	for range 60 {
		col.Observe([]byte("4111 1111 1111 1111"))
		col.Observe([]byte("hanako@mail.example"))
	}
	j := col.Judge()
	if j.Kind != Note || !j.Alarm || !j.Also.Has(CardPAN) || !j.Also.Has(Email) {
		t.Errorf("got %+v", j)
	}
}
