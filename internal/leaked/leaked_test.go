package leaked

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func write(t testing.TB, dir, text string) string {
	t.Helper()
	name := filepath.Join(dir, "leaked.txt")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every password of a file is found and no other, whatever the ends of its lines.
func TestHas(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(r, "n")
		end := rapid.SampledFrom([]string{"\n", "\r\n", ":3\n", ":123456\r\n"}).Draw(r, "end")
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("%X%s", sha1.Sum([]byte(fmt.Sprint("known", i))), end))
		}
		slices.Sort(lines)
		text := strings.Join(lines, "")
		if rapid.Bool().Draw(r, "cut") {
			text = strings.TrimRight(text, "\r\n")
		}
		f, err := Open(write(t, dir, text))
		if err != nil {
			r.Fatal(err)
		}
		defer f.Close()
		for i := range n {
			if !f.Has(fmt.Sprint("known", i)) {
				r.Fatalf("known%d of %d is not found", i, n)
			}
			if f.Has(fmt.Sprint("other", i)) {
				r.Fatalf("other%d is found", i)
			}
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	a, b := fmt.Sprintf("%X", sha1.Sum([]byte("a"))), fmt.Sprintf("%X", sha1.Sum([]byte("b")))
	lines := []string{a, b}
	slices.Sort(lines)
	filler := strings.Repeat(lines[0]+"\n", 5)
	for name, text := range map[string]string{"words": "password\n123456\n", "empty": "", "descending": lines[1] + "\n" + filler} {
		if f, err := Open(write(t, t.TempDir(), text)); err == nil {
			t.Errorf("%s: opened", name)
			_ = f.Close()
		}
	}
}
