package coding

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

// No encoding makes more than it may, and what it makes is the same each time.
func FuzzDecode(f *testing.F) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(strings.Repeat("a", 5000))); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(zipped.Bytes(), "gzip")
	f.Add([]byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1}, "deflate")
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 4, 0}, "zstd, gzip")
	f.Add([]byte{0x3b}, "br")
	f.Add([]byte("plain"), "identity")
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		const most = 4 << 10
		got, err := Decode(body, []string{encoding}, most)
		if err == nil && len(got) > max(most, len(body)) {
			t.Fatalf("%d bytes of at most %d", len(got), most)
		}
		again, err2 := Decode(body, []string{encoding}, most)
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, again) {
			t.Fatalf("%q, %v, and then %q, %v", got, err, again, err2)
		}
	})
}
