package element

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kindsAndMasks scans text and returns each finding as "kind mask".
func kindsAndMasks(o Options, text string) map[string]int {
	out := map[string]int{}
	s := NewScanner(o, func(f *Finding) { out[f.Kind.String()+" "+f.Masked()]++ })
	s.Write([]byte(text))
	s.Close()
	return out
}

const viewRecord = "氏名：山田　太郎 様\n住所：東京都新宿区西新宿2丁目8番1号\n電話 090-1234-5678\nカード番号 4111 1111 1111 1111\nmail hanako@mail.example\n"

var viewWant = map[string]int{"name ****": 1, "address ****": 1, "phone *********78": 1, "card.pan 411111******1111": 1, "email ****": 1}

// TestEncodedText finds in each transfer encoding what is there without it.
func TestEncodedText(t *testing.T) {
	var quoted strings.Builder
	w := quotedprintable.NewWriter(&quoted)
	fmt.Fprint(w, viewRecord)
	w.Close()
	var html strings.Builder
	for _, r := range viewRecord {
		if r < 0x80 {
			html.WriteRune(r)
		} else {
			fmt.Fprintf(&html, "&#x%x;", r)
		}
	}
	coded := base64.StdEncoding.EncodeToString([]byte(viewRecord))
	var wrapped strings.Builder
	for i := 0; i < len(coded); i += 76 {
		wrapped.WriteString(coded[i:min(i+76, len(coded))] + "\r\n")
	}
	for _, c := range []struct{ name, text string }{
		{"plain", viewRecord},
		{"JSON", strconv.QuoteToASCII(viewRecord)},
		{"URL", "q=" + url.QueryEscape(viewRecord)},
		{"HTML", html.String()},
		{"quoted-printable", quoted.String()},
		{"base64", "data:text/plain;base64," + coded},
		{"base64 of mail", "Content-Transfer-Encoding: base64\r\n\r\n" + wrapped.String()},
		{"base64 in JSON", strconv.Quote(wrapped.String())},
	} {
		if d := cmp.Diff(viewWant, kindsAndMasks(Options{}, c.text)); d != "" {
			t.Errorf("%s: (-want +got)\n%s\n%s", c.name, d, c.text)
		}
	}
}

// TestLongBase64 finds each of many records once, wherever the looks at the text
// meet.
func TestLongBase64(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "%d user%d@mail.example card 4111 1111 1111 1111\n", i, i)
	}
	got := kindsAndMasks(Options{}, "attachment:"+base64.StdEncoding.EncodeToString([]byte(b.String()))+"\n")
	if d := cmp.Diff(map[string]int{"email ****": 200, "card.pan 411111******1111": 200}, got); d != "" {
		t.Error("(-want +got)\n" + d)
	}
}

// TestPieces: card numbers cut over tokens, tags, columns and lines.
func TestPieces(t *testing.T) {
	const pan = "4111111111111111"
	for _, c := range []struct {
		text string
		want bool
	}{
		{`{"card":["4111","1111","1111","1111"]}`, true},
		{`{"card1":"4111","card2":"1111","card3":"1111","card4":"1111"}`, true},
		{`<td>card</td><td>4111</td><td>1111</td><td>1111</td><td>1111</td>`, true},
		{`<b>4111</b><b>1111</b><i>1111</i><span class="x">1111</span>`, true},
		{"カード番号,4111,1111,1111,1111\n", true},
		{"card no\t4111\t1111\t1111\t1111\n", true},
		{"card 4111 - 1111 - 1111 - 1111", true},
		{"カード番号 41111111,11111111\n", true},
		{"card 4111 1111 11=\r\n11 1111 ok", true},
		{"3782 - 822463 - 10005", false},         // dashes with spaces around groups of other sizes
		{"4111,1111,1111,1111", false},           // a row of numbers
		{"注文 4111,1111,1111,1111", false},        //
		{"[5100,4111,1111,1111,1111]", false},    // the check digit is right by chance
		{`{"a":"4111","b":"1111","c":2}`, false}, //
		{"4111,1111,1111,1112 card", false},
	} {
		got := false
		s := NewScanner(Options{Hash: func(_ Kind, v []byte) [16]byte {
			got = got || string(v) == pan
			return [16]byte{}
		}}, func(f *Finding) {})
		s.Write([]byte(c.text))
		s.Close()
		if got != c.want {
			t.Errorf("%q: found %v, want %v", c.text, got, c.want)
		}
	}
}

// TestLongRows: numbers in rows that are longer than any window, and in lists.
func TestLongRows(t *testing.T) {
	for _, filler := range []string{"12 ", "123 4567 ", "7 ", strings.Repeat("9", 30) + " "} {
		for _, n := range []int{10, 300, 3000} {
			text := strings.Repeat(filler, n) + "5555555555554444 " + strings.Repeat(filler, n) + "4111 1111 1111 1111\n"
			for _, o := range []Options{{}, {Kinds: MaskOf(CardPAN)}, {Kinds: MaskOf(CardPAN), Portable: true}} {
				got := kindsAndMasks(o, text)
				if got["card.pan 555555******4444"] != 1 || got["card.pan 411111******1111"] != 1 {
					t.Errorf("%d times %q: got %v", n, filler, got)
				}
			}
		}
	}
	if got := kindsAndMasks(Options{}, strings.Repeat("4", 100000)); len(got) != 0 {
		t.Errorf("in a row of fours: %v", got)
	}
}
