package element

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// TestLabelsRemembered asks for the label and the key before every byte of texts made
// of the same few words in ever other surroundings: what is remembered must be what
// reading says.
func TestLabelsRemembered(t *testing.T) {
	words := []string{"電話番号：", "旅券番号: ", "注文番号 ", "口座番号 ", "マイナンバー ", "tel:", "japan ", "order_id=", "\"phone\":\"", "<span>", "1234-5678", "090", "\n", "　", "ｶｰﾄﾞ",
		"生年月日: ", "\"birthdate\":\"", "customer_name\": \"", "name=", "お客様の氏名：", "氏名：", "x", "ー", "、", "Card", "pan", " ", "ア", "xA"}
	for _, c := range []struct {
		name   string
		o      Options
		encode *encoding.Encoder
	}{
		{"UTF-8", Options{Encoding: UTF8}, encoding.Nop.NewEncoder()},
		{"Shift_JIS", Options{Encoding: ShiftJIS, Kinds: MaskOf(CardPAN)}, japanese.ShiftJIS.NewEncoder()},
		{"EUC-JP", Options{Encoding: EUCJP, Kinds: MaskOf(CardPAN)}, japanese.EUCJP.NewEncoder()},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var text []byte
		for len(text) < 20000 {
			w, err := c.encode.Bytes([]byte(words[r.IntN(len(words))]))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, w...)
		}
		s := NewScanner(c.o, func(*Finding) {})
		copy(s.buf[lookBehind:], text)
		remembered := 0
		for p := lookBehind; p < lookBehind+len(text); p++ {
			for _, wanted := range []topic{aboutPhone | aboutOther | aboutBank, aboutMyNumber | aboutLicence | aboutOther, aboutCard} {
				about, distance := s.labelledAt(p, wanted)
				a, d, size := s.readLabel(p, wanted)
				if a != about || d != distance {
					t.Fatalf("%s: the label before %q is %b at %d, remembered as %b at %d", c.name, s.buf[p-contextBefore:p], a, d, about, distance)
				}
				if size >= leastTail && size <= tailBytes {
					remembered++
				}
			}
			kind, weak, ok := s.keyEndingAt(p)
			if k, w, is := s.readKey(p); k != kind || w != weak || is != ok {
				t.Fatalf("%s: the key before %q is %v %v %v, remembered as %v %v %v", c.name, s.buf[p-contextBefore:p], k, w, is, kind, weak, ok)
			}
		}
		if remembered < len(text)/4 {
			t.Errorf("%s: %d labels of %d bytes could be remembered: the text tries nothing", c.name, remembered, len(text))
		}
	}
}
