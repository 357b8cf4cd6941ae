package element

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// onlyPlain reports what a scanner finds in a value that is plain on a line between
// others, beside the kind that Plain says.
func onlyPlain(t *testing.T, value string) {
	t.Helper()
	kind, ok := Plain([]byte(value))
	if !ok {
		return
	}
	for _, around := range []string{"\n", "個人番号\n", "〒\n", "card 4111\n", "生年月日:\n"} {
		before := around + "x\n"
		text := before + value + "\n" + "x\n" + around
		s := NewScanner(Options{Encoding: UTF8}, func(f *Finding) {
			if at := int(f.Offset) - len(before); f.Kind != kind && at+f.Length > 0 && at < len(value) {
				t.Errorf("%q, plain %v, has %v in %q", value, kind, f, text)
			}
		})
		s.Write([]byte(text))
		s.Close()
	}
	if kind == Unclassified {
		return
	}
	for _, k := range []Kind{Phone, PostalCode, Email, Name, CustomerNumber} {
		header := map[Kind]string{Phone: "電話番号", PostalCode: "郵便番号", Email: "email", Name: "氏名", CustomerNumber: "会員番号"}[k]
		f, other := NewField(header), NewField(header)
		judged, _, _ := f.Judge([]byte(value))
		if other.JudgePlain(kind) && (judged != kind || *f != *other) {
			t.Errorf("%q under %s: %v, by Plain %v", value, header, judged, kind)
		}
	}
}

func TestPlain(t *testing.T) {
	for value, want := range map[string]string{
		"090-1234-5678": "phone", "09012345678": "phone", "03-1234-5678": "phone", "060-8588": "postal_code", "taro@example.jp": "email", "user123456@example.co.jp": "email",
		"1234567": "unclassified", "000-0000-0000": "unclassified",
		"0312345678": "", "90-1234-5678": "", "user1234567@example.jp": "", "Taro@example.jp": "", "a1-2@example.jp": "", "4111111111111111": "", "-1234": "", "12--34": "", "@a.jp": "", "a@b": "", "a@b.1p": "", "1234567890": "",
	} {
		kind, ok := Plain([]byte(value))
		if got := kind.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v; want %q", value, got, ok, want)
		}
	}
	r := rand.New(rand.NewPCG(4, 4))
	const of = "0123456789-0123456789-.@abejp"
	for range 1500 {
		b := make([]byte, 1+r.IntN(16))
		for i := range b {
			b[i] = of[r.IntN(len(of))]
		}
		onlyPlain(t, string(b))
		onlyPlain(t, fmt.Sprintf("%s@ab.jp", b))
		onlyPlain(t, fmt.Sprintf("0%02d-%04d-%04d", r.IntN(100), r.IntN(10000), r.IntN(10000)))
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"090-1234-5678", "060-8588", "taro.y@example.jp", "123456789", "birth1985@dob.jp", "tel090@example.jp"} {
		f.Add(s)
	}
	f.Fuzz(onlyPlain)
}
