package element

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// sample has every element and many near-misses.
var sample = []string{
	"2026-11-22T02:33:12.123Z INFO client=192.0.2.17 user=hanako@mail.example order=4111111111111111 took 12ms\n",
	"氏名：山田　太郎 様　フリガナ：ヤマダ タロウ\n", "〒060-8588 北海道札幌市中央区北3条西6丁目1-2 電話 011-204-5111\n",
	"カード番号 ４１１１－１１１１－１１１１－１１１１ 有効期限 12/26 セキュリティコード 123\n",
	`{"name":"Hanako Yamada","card":"\u0034111 1111 1111 1111","token":"eyJhbGciOiJIUzI1NiJ9.abcdefgh12345678"}` + "\n",
	"pan=4111%201111%201111%201111&cvv=123 &#52;111-1111-1111-1111 3782 822463 10005\n",
	"生年月日 昭和60年3月4日 旅券 TK1234567 個人番号 1234 5678 9018 免許証 123456789012 口座 普通 1234567\n",
	"Set-Cookie: sid=abcdef0123456789; Path=/\nAuthorization: Bearer abcdef0123456789\nAKIAABCDEFGHIJKLMNOP\n",
	"兵庫慎司とジョン・レノンが田中さんに会った。鈴木一郎選手は東京都新宿区西新宿2丁目8番1号に住む。\n",
	"550e8400-e29b-41d4-a716-446655440000 4912345678904 1704412345123 0.4111111111111111 +81 90-1234-5678 ０９０－１２３４－５６７８\n",
	strings.Repeat("4", 30), strings.Repeat("1234 ", 40), strings.Repeat("%34", 40), strings.Repeat("４", 30), "\\u", "&#", "%", "\x00",
}

// collect scans text in the given chunks.
func collect(o Options, text []byte, cuts []int) []Finding {
	var out []Finding
	s := NewScanner(o, func(f *Finding) { out = append(out, *f) })
	last := 0
	for _, c := range append(cuts, len(text)) {
		s.Write(text[last:c])
		last = c
	}
	s.Close()
	return out
}

func sameFindings(t *testing.T, o Options, text []byte, r *rand.Rand) {
	t.Helper()
	want := collect(o, text, nil)
	compare := cmp.Comparer(func(a, b Finding) bool { return a == b })
	for _, f := range want {
		if f.Offset < 0 || f.Length <= 0 || f.Offset+int64(f.Length) > int64(len(text)) {
			t.Fatalf("%v: outside of %d bytes", f, len(text))
		}
	}
	for try := range 4 {
		var cuts []int
		step := []int{1, 7, 100, 5000}[try]
		for at := r.IntN(step) + 1; at < len(text); at += r.IntN(2*step) + 1 {
			cuts = append(cuts, at)
		}
		small := o
		small.Buffer = 1 // the least window
		small.Portable = try%2 == 0
		if d := cmp.Diff(want, collect(small, text, cuts), compare); d != "" {
			t.Fatalf("%d cuts of %q with %v: (-whole +cut)\n%s", len(cuts), text, fmt.Sprint(o.Kinds, o.Encoding), d)
		}
	}
}

func TestFindingsDoNotDependOnChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		var b strings.Builder
		for b.Len() < 20000 {
			b.WriteString(sample[r.IntN(len(sample))])
			if r.IntN(3) == 0 {
				b.WriteString(strings.Repeat("x", r.IntN(300)))
			}
		}
		for _, e := range encodingsOf(b.String()) {
			for _, o := range []Options{{}, {Kinds: MaskOf(CardPAN)}, {MinConfidence: 1}} {
				sameFindings(t, o, e.text, r)
				o.Encoding = e.enc
				sameFindings(t, o, e.text, r)
			}
		}
	}
}

type encoded struct {
	enc  Encoding
	text []byte
}

// encodingsOf writes text in every encoding; what one cannot say is left out.
func encodingsOf(text string) []encoded {
	all := []encoded{{UTF8, []byte(text)}}
	for _, e := range encoders() {
		var out bytes.Buffer
		for _, line := range strings.SplitAfter(text, "\n") {
			if b, _, err := transform.Bytes(e.t, []byte(line)); err == nil {
				if out.Len() > 0 {
					b = bytes.TrimPrefix(b, []byte{0xFF, 0xFE})
				}
				out.Write(b)
			}
		}
		all = append(all, encoded{e.enc, out.Bytes()})
	}
	return all
}

// encoder writes text in an encoding.
type encoder struct {
	enc Encoding
	t   transform.Transformer
}

// encoders are of all encodings but UTF-8.
func encoders() []encoder {
	return []encoder{
		{ShiftJIS, japanese.ShiftJIS.NewEncoder()}, {EUCJP, japanese.EUCJP.NewEncoder()}, {ISO2022JP, japanese.ISO2022JP.NewEncoder()},
		{UTF16LE, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder()},
		{UTF16BE, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder()},
	}
}

// FuzzScan cuts any text anywhere.
func FuzzScan(f *testing.F) {
	for i, s := range sample {
		f.Add([]byte(s), uint64(i), uint8(i))
	}
	f.Add([]byte(strings.Join(sample, "")), uint64(9), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, e uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		if len(text) > 0 && len(text) < 4000 { // longer than what is looked ahead
			text = bytes.Repeat(text, 4000/len(text)+1)
		}
		for _, o := range []Options{{Encoding: Encoding(e % 7), MinConfidence: 1}, {Kinds: MaskOf(CardPAN), Encoding: Encoding(e % 7)}} {
			sameFindings(t, o, text, r)
		}
	})
}
