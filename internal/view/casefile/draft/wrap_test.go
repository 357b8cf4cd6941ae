package draft

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
)

// wide measures: one for a letter, two for a Japanese character.
func wide(text string) (w float64) {
	for _, r := range text {
		w++
		if !narrow(r) && r > 0x2000 {
			w++
		}
	}
	return w
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"様式と照合していません。": "様式と照合|していませ|ん。",
		"□氏名　□電話番号　■その他":     "□氏名|□電話番号|■その他",
		"confirmed 270, all": "confirmed|270, all",
		"「括弧」は行頭に来ない":        "「括弧」は|行頭に来な|い",
		"123456789012345":    "1234567890|12345",
	} {
		if got := strings.Join(wrap(text, 10, wide), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestWrapKeeps: no character is lost, and no line is wider than it may be.
func TestWrapKeeps(t *testing.T) {
	blank := regexp.MustCompile(`[\s\p{Z}]`)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("あ漢字、。「」□■　 abc12-")), 0, 80, -1).Draw(rt, "text")
		width := float64(rapid.IntRange(4, 30).Draw(rt, "width"))
		lines := wrap(text, width, wide)
		if got, want := blank.ReplaceAllString(strings.Join(lines, ""), ""), blank.ReplaceAllString(text, ""); got != want {
			rt.Fatalf("%q became %q", want, got)
		}
		for _, l := range lines {
			if wide(l) > width {
				rt.Fatalf("%q is wider than %v", l, width)
			}
		}
	})
}

var (
	streams = regexp.MustCompile(`(?s)stream\r?\n(.*?)endstream`)
	shown   = regexp.MustCompile(`(?s)\(((?:\\.|[^\\)])*)\) ?Tj`)
)

// pdfText returns the characters that a PDF of ours shows, without blanks.
func pdfText(t *testing.T, pdf []byte) string {
	t.Helper()
	var out strings.Builder
	for _, m := range streams.FindAllSubmatch(pdf, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue // no text
		}
		page, err := io.ReadAll(z)
		if err != nil {
			continue
		}
		for _, s := range shown.FindAllSubmatch(page, -1) {
			raw := regexp.MustCompile(`(?s)\\(.)`).ReplaceAllFunc(s[1], func(e []byte) []byte {
				if e[1] == 'r' {
					return []byte("\r")
				}
				return e[1:]
			})
			var units []uint16
			for i := 0; i+1 < len(raw); i += 2 {
				units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
			}
			out.WriteString(string(utf16.Decode(units)))
		}
	}
	return regexp.MustCompile(`\s`).ReplaceAllString(out.String(), "")
}

// TestPDFKeepsText: what the plain text says, the PDF shows, to the character:
// people read the one and send the other.
func TestPDFKeepsText(t *testing.T) {
	c := sample(t)
	c.Title = strings.Repeat("当社で使われたカードが続けて不正に使われているとの連絡を受けました（カード会社）。", 4)
	blank := regexp.MustCompile(`[\s\p{Z}■]`)
	for _, kind := range Kinds {
		for _, l := range []lang.Language{lang.Japanese, lang.English} {
			d, err := Build(kind, c, casefile.DefaultBooks(), company, map[string]string{"cause": "調査中です。ログの無い期間があります。"}, l, now)
			if err != nil {
				t.Fatal(err)
			}
			pdf, err := d.PDF("c1")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := blank.ReplaceAllString(pdfText(t, pdf), ""), blank.ReplaceAllString(d.Text("c1"), ""); got != want {
				t.Errorf("%s %s: the PDF shows\n%s\nand the text says\n%s", kind, l, got, want)
			}
		}
	}
}
