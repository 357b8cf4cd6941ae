package leaked

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"testing"
)

// FuzzFile: whatever stands in a file, a look-up ends, and what it says to be there
// is a line of the file.
func FuzzFile(f *testing.F) {
	line := func(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }
	f.Add([]byte(line("a")+"\n"), "a")
	f.Add([]byte(line("password")+":9545824\r\n"+line("b")+":1\r\n"), "b")
	f.Add([]byte("\n\n\n"), "")
	f.Add(bytes.Repeat([]byte("F"), 500), "x")
	f.Add([]byte(line("b")+"\n"+line("a")+"\n\x00\n"+line("c")), "c")
	f.Fuzz(func(t *testing.T, text []byte, password string) {
		file := &File{from: bytes.NewReader(text), size: int64(len(text))}
		if file.Has(password) && !bytes.Contains(bytes.ToUpper(text), []byte(line(password))) {
			t.Fatalf("%q is in %q", password, text)
		}
		for at := int64(0); at < file.size; {
			hash, next, err := file.line(at)
			if err != nil {
				break
			}
			if next <= at || len(hash) != digits {
				t.Fatalf("line at %d: %q, next %d", at, hash, next)
			}
			at = next
		}
	})
}
