package rowfile

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/japanese"
)

// all reads a file whole: its rows, and what was skipped.
func all(t *testing.T, text []byte, each func(f *File, c *Chunk, row func(int, []byte, [][]byte), skipped func(Problem)) int) (rows []string, mixed int) {
	t.Helper()
	f, err := New("test", bytes.NewReader(text))
	if err != nil {
		t.Skip(err)
	}
	_, err = f.Read(context.Background(), 1, func(_ int, c *Chunk) error {
		mixed += each(f, c, func(n int, _ []byte, fields [][]byte) {
			rows = append(rows, fmt.Sprintf("%d %q", n, fields))
		}, func(p Problem) { rows = append(rows, fmt.Sprintf("%d line %d %v", p.Row, p.Line, p.Fault)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, mixed
}

// Plain chunks are cut as all others are.
func FuzzPlainRows(f *testing.F) {
	for _, s := range []string{"a,b,c\n1,2,3\r\n4,5\n\n,,\n大阪,京都,東京", "a\tb\n1\t2,3\n", "a,b\n1,2\r", "a\n\r\nx\n", "a,b\n\xff,1\n漢,字\n", "a,b\n1,\x00\n2,3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, _ := all(t, text, (*File).Each)
		want, _ := all(t, text, (*File).eachParsed)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		if valid(text) != utf8.Valid(text) {
			t.Errorf("valid(%q) = %v", text, valid(text))
		}
	})
}

// Files of all encodings hold the same rows; what cannot be read is named by
// its line.
func TestEncodings(t *testing.T) {
	text := "氏名,住所\n髙橋 一郎,東京都港区芝1-2-3\n﨑山 花子,大阪市北区\n"
	plain := strings.NewReplacer("髙", "高", "﨑", "崎").Replace(text)
	want, _ := all(t, []byte(plain), (*File).Each)
	for name, encode := range map[string]func(string) (string, error){
		"Shift_JIS":   japanese.ShiftJIS.NewEncoder().String,
		"EUC-JP":      japanese.EUCJP.NewEncoder().String,
		"ISO-2022-JP": japanese.ISO2022JP.NewEncoder().String,
	} {
		encoded, err := encode(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, mixed := all(t, []byte(encoded), (*File).Each); cmp.Diff(want, got) != "" || mixed != 0 {
			t.Errorf("%s: %q, %d mixed lines, want %q", name, got, mixed, want)
		}
	}
	sjis, _ := japanese.ShiftJIS.NewEncoder().String("高橋 次郎,名古屋市\n")
	got, mixed := all(t, []byte(plain+sjis+"\"x,1\n,\x00\na,b,c\n"), (*File).Each)
	wantMore := append(want, `2 ["高橋 次郎" "名古屋市"]`, "3 line 5 quote", "4 line 6 nul", "5 line 7 columns")
	if d := cmp.Diff(wantMore, got); d != "" || mixed != 1 {
		t.Errorf("%d mixed lines; %s", mixed, d)
	}
}
