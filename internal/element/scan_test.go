package element

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// findings scans text whole and writes each finding as "kind:value".
func findings(o Options, text string) []string {
	var out []string
	s := NewScanner(o, func(f *Finding) {
		out = append(out, f.Kind.String()+":"+text[f.Offset:f.Offset+int64(f.Length)])
	})
	s.Write([]byte(text))
	s.Close()
	return out
}

func TestCards(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"4111111111111111", []string{"4111111111111111"}},
		{"card 4111 1111 1111 1111 end", []string{"4111 1111 1111 1111"}},
		{"4111-1111-1111-1111", []string{"4111-1111-1111-1111"}},
		{"pan=4111+1111+1111+1111&x=1", []string{"4111+1111+1111+1111"}},
		{"pan=4111%201111%201111%201111&x=1", []string{"4111%201111%201111%201111"}},
		{"q=%204111111111111111", []string{"4111111111111111"}},
		{`{"n":"\u30004111111111111111"}`, []string{"4111111111111111"}},
		{`{"n":"\uff14\uff11\uff11\uff11111111111111"}`, []string{`\uff14\uff11\uff11\uff11111111111111`}},
		{"%34111111111111111", []string{"%34111111111111111"}},
		{"&#52;&#49;11 1111 1111 1111", []string{"&#52;&#49;11 1111 1111 1111"}},
		{"4111&nbsp;1111&nbsp;1111&nbsp;1111", []string{"4111&nbsp;1111&nbsp;1111&nbsp;1111"}},
		{"４１１１－１１１１－１１１１－１１１１", []string{"４１１１－１１１１－１１１１－１１１１"}},
		{"番号は４１１１　１１１１　１１１１　１１１１です", []string{"４１１１　１１１１　１１１１　１１１１"}},
		{"4111ー1111ー1111ー1111", []string{"4111ー1111ー1111ー1111"}},
		{"4111・1111・1111・1111", []string{"4111・1111・1111・1111"}},
		{"41１１1111１１１１1111", []string{"41１１1111１１１１1111"}},
		{"４111 1111 1111 1111", []string{"４111 1111 1111 1111"}},
		{"4111 １１１１ 1111 １１１１", []string{"4111 １１１１ 1111 １１１１"}},
		{"3782 822463 10005", []string{"3782 822463 10005"}},
		{"JCB3530111333300000", []string{"3530111333300000"}},
		{"qty 3 4111 1111 1111 1111 12/26 123", []string{"4111 1111 1111 1111"}},
		{"2024 4111 1111 1111 1111", []string{"4111 1111 1111 1111"}},
		{"カード番号：4111111111111111（VISA）", []string{"4111111111111111"}},
		{"\t5555555555554444\r\n", []string{"5555555555554444"}},
		{`"2221000000000009"`, []string{"2221000000000009"}},
		{"6011111111111117,6200000000000005", []string{"6011111111111117", "6200000000000005"}},
		{"0.4111111111111111", nil},
		{"order 4111111111111111", nil}, // an order number that passes by chance
		{"伝票番号:4111111111111111", nil},
		{"a4111111111111111", nil}, {"4111111111111111f", nil}, {"41111111111111112", nil},
		{"4111111111111112", nil},
		{"jan 4912345678904", nil}, {"4912345678904", nil},
		{"imei 490154203237518", nil},
		{"1704412345123", nil},
		{"550e8400-e29b-41d4-a716-446655440000", nil},
		{"DE89 3704 0044 0532 0130 00", nil},
		{"", nil}, {"4", nil},
	} {
		for _, o := range []Options{{Kinds: MaskOf(CardPAN)}, {Kinds: MaskOf(CardPAN), Portable: true}, {}} {
			var got []string
			for _, f := range findings(o, c.text) {
				if v, ok := strings.CutPrefix(f, "card.pan:"); ok {
					got = append(got, v)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%q with %+v: (-want +got)\n%s", c.text, fmt.Sprint(o.Kinds, o.Portable), d)
			}
		}
	}
}
