package document

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPDFOpened: what qpdf 11.3 encrypted with an empty password in every way that is
// known is read, pages, strings, files and what is about the document; with another
// password it is told.
func TestPDFOpened(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pdf")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := read(t, "a.pdf", data, Limits{})
		got := strings.Join(lines, "\n")
		if filepath.Base(name) == "locked.pdf" {
			if !has(lines, "TROUBLE encrypted") || strings.Contains(got, "@") {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		for _, want := range []string{"taro@mail.example", "Title: hanako@mail.example", "a.txt: jiro@mail.example", "saburo@mail.example"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not read: %q", name, want, got)
			}
		}
		if troubled(lines) {
			t.Errorf("%s: %q", name, got)
		}
		// Bytes that are no key, a stream that is cut: told, never silent.
		for _, broken := range [][]byte{
			bytes.Replace(data, []byte("/U <"), []byte("/U <00"), 1),
			bytes.Replace(data, []byte("/Filter /Standard"), []byte("/Filter /Anything"), 1),
			bytes.Replace(data, []byte("/V "), []byte("/V 9"), 1),
		} {
			if lines := read(t, "a.pdf", broken, Limits{}); !troubled(lines) {
				t.Errorf("%s, broken: %q", name, lines)
			}
		}
	}
}
