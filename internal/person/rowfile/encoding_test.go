package rowfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"
)

// Files in Unicode hold the same rows whatever stands before them: a mark of
// either order, UTF-8's, or none.
func TestUnicode(t *testing.T) {
	text := "氏名,住所\n髙橋 一郎,東京都港区芝1-2-3\n﨑山 花子,大阪市北区\n"
	want, _ := all(t, []byte(text), (*File).Each)
	if len(want) != 2 {
		t.Fatalf("rows: %q", want)
	}
	for name, e := range map[string]struct {
		order unicode.Endianness
		mark  unicode.BOMPolicy
	}{
		"little": {unicode.LittleEndian, unicode.UseBOM}, "big": {unicode.BigEndian, unicode.UseBOM},
		"little without a mark": {unicode.LittleEndian, unicode.IgnoreBOM}, "big without a mark": {unicode.BigEndian, unicode.IgnoreBOM},
	} {
		encoded, err := unicode.UTF16(e.order, e.mark).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := New("test", strings.NewReader(encoded)); err != nil || f.Encoding != UTF16 {
			t.Fatalf("UTF-16, %s: %v", name, err)
		}
		if got, mixed := all(t, []byte(encoded), (*File).Each); cmp.Diff(want, got) != "" || mixed != 0 {
			t.Errorf("UTF-16, %s: %q, %d mixed lines, want %q", name, got, mixed, want)
		}
	}
	if got, mixed := all(t, []byte("\xEF\xBB\xBF"+text), (*File).Each); cmp.Diff(want, got) != "" || mixed != 0 {
		t.Errorf("UTF-8 with a mark: %q, %d mixed lines, want %q", got, mixed, want)
	}
}
