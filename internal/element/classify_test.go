package element

import (
	"math/rand/v2"
	"testing"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		value string
		want  Mask
	}{
		{"hanako@mail.example", MaskOf(Email)},
		{"ｈａｎａｋｏ＠ｍａｉｌ．ｅｘａｍｐｌｅ", MaskOf(Email)},
		{"a..b.@mobile.example", MaskOf(Email)},
		{"not@mail", 0}, {"@mail.example", 0}, {"a@b@mail.example", 0},
		{"4111 1111 1111 1111", MaskOf(CardPAN)},
		{"４１１１－１１１１－１１１１－１１１１", MaskOf(CardPAN)},
		{"4111ー1111ー1111ー1111", MaskOf(CardPAN)},
		{"3530111333300000", MaskOf(CardPAN)},
		{"378282246310005", MaskOf(CardPAN)},
		{"2221000000000009", MaskOf(CardPAN)},
		{"4111111111111112", 0}, {"9999999999999995", 0},
		{"090-1234-5678", MaskOf(Phone)}, {"09012345678", MaskOf(Phone)}, {"+81 90-1234-5678", MaskOf(Phone)},
		{"03(1234)5678", MaskOf(Phone)}, {"０３−１２３４−５６７８", MaskOf(Phone)},
		{"0312345678", 0}, // ten digits without separators are too common
		{"060-8588", MaskOf(PostalCode)}, {"〒060-8588", MaskOf(PostalCode)}, {"〒０６０－８５８８", MaskOf(PostalCode)},
		{"1985-03-04", MaskOf(BirthDate)}, {"1985年3月4日", MaskOf(BirthDate)}, {"昭和60年3月4日", MaskOf(BirthDate)},
		{"S60.3.4", MaskOf(BirthDate)}, {"19850304", MaskOf(BirthDate)}, {"令和元年5月1日", MaskOf(BirthDate)},
		{"1985-13-04", 0}, {"2485-03-04", 0}, {"1985", 0},
		{"TK1234567", MaskOf(Passport)}, {"TK123456", 0},
		{"123456789018", MaskOf(MyNumber)},
		{"北海道札幌市中央区北1条西2丁目", MaskOf(Address)}, {"北海道", 0},
		{"ヤマダ　タロウ", MaskOf(Kana)}, {"ﾔﾏﾀﾞ ﾀﾛｳ", MaskOf(Kana)},
		{"192.0.2.17", MaskOf(IPAddress)}, {"192.0.2.256", 0},
		{"", 0}, {"ab", 0}, {"hello", 0}, {"12345", 0}, {"\xff\xfe\xfd\xfc", 0},
	} {
		if got := Classify([]byte(c.value)); got != c.want {
			t.Errorf("Classify(%q) = {%v}, want {%v}", c.value, got, c.want)
		}
	}
}

func TestCheckDigitsFindEverySingleError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		d := make([]byte, 16)
		for i := range d {
			d[i] = byte(r.IntN(10))
		}
		var good []byte
		for c := range byte(10) {
			d[15] = c
			if Luhn(d) {
				good = append(good, c)
			}
		}
		if len(good) != 1 {
			t.Fatalf("%v: check digits %v, want exactly one", d[:15], good)
		}
	}
}

func TestMyNumberCheckDigit(t *testing.T) {
	// The worked example of the ordinance's method: 12345678901 → 8.
	d := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 0}
	for c := range byte(10) {
		d[11] = c
		if got, want := IsMyNumber(d), c == 8; got != want {
			t.Errorf("IsMyNumber with check digit %d = %v, want %v", c, got, want)
		}
	}
}

func TestKindNamesRoundTrip(t *testing.T) {
	for _, k := range Kinds() {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", k, got, ok)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"4111 1111 1111 1111", "令和元年5月1日", "+81(0)90", "03(1234", "〒", "S6", "ー１"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		before := string(value)
		m := Classify(value)
		if string(value) != before {
			t.Fatal("the value was changed")
		}
		if n := len(m.Kinds()); n > 2 {
			t.Fatalf("%d kinds for one value: %v", n, m)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	values := [][]byte{[]byte("hanako@mail.example"), []byte("4111 1111 1111 1111"), []byte("北海道札幌市中央区"), []byte("a plain text of no interest")}
	b.ReportAllocs()
	for i := range b.N {
		Classify(values[i%len(values)])
	}
}
