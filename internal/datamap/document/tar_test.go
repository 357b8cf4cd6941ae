package document

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// oldSparse is a member as GNU tar -S --format=oldgnu writes it: data, then a hole up to
// size.
func oldSparse(name, data string, size int64) []byte {
	h := make([]byte, tarBlock)
	copy(h, name)
	for at, v := range map[int]string{100: "0000644", 108: "0000000", 116: "0000000", 124: fmt.Sprintf("%011o", len(data)), 136: "00000000000",
		386: "00000000000", 398: fmt.Sprintf("%011o", len(data))} {
		copy(h[at:], v)
	}
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[410:], fmt.Sprintf("%011o", size)) // the end of the map: an empty piece
	copy(h[422:], "00000000000")
	h[483] = 0x80 // the size as a number
	binary.BigEndian.PutUint64(h[487:], uint64(size))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(append(h, data...), make([]byte, (tarBlock-len(data)%tarBlock)%tarBlock)...)
}

// TestTar: every kind of member that holds something is read, archives behind archives
// are, and one that was cut anywhere is told.
func TestTar(t *testing.T) {
	const text = "taro@mail.example\n"
	one := func(h tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		h.Size, h.Mode = int64(len(text)), 0o600
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	plain := one(tar.Header{Name: "a.txt"})
	kind := func(c byte) []byte {
		data := bytes.Clone(plain)
		sum := 0
		data[156] = c
		copy(data[148:], "        ")
		for _, c := range data[:tarBlock] {
			sum += int(c)
		}
		copy(data[148:], fmt.Sprintf("%06o\x00 ", sum))
		return data
	}
	end := make([]byte, 2*tarBlock)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	body := plain[:2*tarBlock]
	for _, tt := range []struct {
		name string
		data []byte
		n    int // how often it is read
		told string
	}{
		{"plain", plain, 1, ""},
		{"PAX", one(tar.Header{Name: strings.Repeat("名", 200), PAXRecords: map[string]string{"A.b": strings.Repeat("x", 5000)}}), 1, ""},
		{"a contiguous file", kind('7'), 1, ""},
		{"an unknown kind", kind('Q'), 1, ""},
		{"the rest of another volume", kind('M'), 1, "damaged"},
		{"cut between members", join(body, body), 2, "damaged"},
		{"cut within", plain[:tarBlock+5], 0, "damaged"},
		{"one block of zeros", plain[:3*tarBlock], 1, ""},
		{"two archives", join(plain, plain), 2, ""},
		{"two archives, much between", join(plain, make([]byte, 100<<10), plain), 2, ""},
		{"something behind", join(plain, []byte("\x01\x02 "+text)), 2, ""},
		{"a file behind", join(plain, gz(t, []byte(strings.Repeat("words ", 50)+text))), 2, ""},
		{"a comment", one(tar.Header{Name: "a.txt", PAXRecords: map[string]string{"comment": text}}), 2, ""},
		{"a hole", join(oldSparse("a.txt", text, 5000), body, end), 2, ""},
		{"a large hole", join(body, oldSparse("a.txt", text, 1<<50), end), 2, "limit"},
		{"a cut hole", oldSparse("a.txt", text, 5000), 1, "damaged"},
		{"a size beyond everything", join(body, func() []byte {
			h := oldSparse("a.txt", text, 1<<62)
			binary.BigEndian.PutUint64(h[487:], 1<<63-1)
			return h
		}()), 1, "damaged"},
	} {
		lines, more := grown(t, "a.tar", tt.data)
		got := strings.Join(lines, "\n")
		if n := strings.Count(got, "taro@mail.example"); n != tt.n {
			t.Errorf("%s: read %d times, want %d: %.300q", tt.name, n, tt.n, got)
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || tt.told != "" && !strings.Contains(got, "TROUBLE "+tt.told) {
			t.Errorf("%s: %.300q", tt.name, got)
		}
		if more > 64<<20 {
			t.Errorf("%s: the heap grew by %d MiB", tt.name, more>>20)
		}
	}
}

// TestCutHead: a part that is cut within what is looked at to know what it is, is told.
func TestCutHead(t *testing.T) {
	text := strings.Repeat("taro@mail.example\n", 20)
	packed := gz(t, []byte(text))
	for name, data := range map[string][]byte{
		"a.gz":     packed[:len(packed)-9],
		"a.tar.gz": gz(t, tarred(t, "a.txt", []byte(text)))[:120],
		"a.tar":    tarred(t, "in.gz", packed[:len(packed)-9]),
	} {
		if got := read(t, name, data, Limits{}); !has(got, "TROUBLE damaged") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
