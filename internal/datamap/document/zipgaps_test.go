package document

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// TestZipBeside: comments, fields, and what stands before, between and behind the members
// of a zip is read; what was deleted from its list is told, too.
func TestZipBeside(t *testing.T) {
	const taro, hanako = "taro@mail.example", "hanako@mail.example"
	write := func(h zip.FileHeader, comment string, names ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range names {
			m := h
			m.Name, m.Method = name, zip.Deflate
			f, err := w.CreateHeader(&m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte(hanako)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.SetComment(comment); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	plain := write(zip.FileHeader{}, "", "a.txt", "b.txt")
	list := bytes.Index(plain, []byte("PK\x01\x02"))
	second := bytes.LastIndex(plain[:list], []byte("PK\x03\x04"))
	insert := func(at int, what string, moved bool) []byte { // moved: the end still finds the list
		out := append(append(bytes.Clone(plain[:at]), what...), plain[at:]...)
		end := out[bytes.LastIndex(out, []byte("PK\x05\x06")):]
		if moved {
			binary.LittleEndian.PutUint32(end[16:], uint32(list+len(what)))
		}
		return out
	}
	deleted := zipped(t, "gone.txt", taro)
	deleted = deleted[:bytes.Index(deleted, []byte("PK\x01\x02"))]
	shifted := insert(second, taro, true)
	at := list + len(taro) + bytes.Index(shifted[list+len(taro)+4:], []byte("PK\x01\x02")) + 4
	binary.LittleEndian.PutUint32(shifted[at+42:], uint32(second+len(taro)))
	field := append([]byte("\x99\x77\x11\x00"), taro...)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 9)
	if err != nil {
		t.Fatal(err)
	}
	behind := append(compressed(t, w, &packed, []byte(hanako)), taro...)
	var slack bytes.Buffer
	raw := zip.NewWriter(&slack)
	f, err := raw.CreateRaw(&zip.FileHeader{Name: "a.txt", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(hanako)), UncompressedSize64: uint64(len(hanako)), CompressedSize64: uint64(len(behind))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(behind); err != nil || raw.Close() != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
		told string
	}{
		"nothing":             {plain, hanako, ""},
		"zeros":               {insert(list, strings.Repeat("\x00", 100), true), hanako, ""},
		"a comment":           {write(zip.FileHeader{}, taro, "a.txt"), taro, ""},
		"in Shift_JIS":        {write(zip.FileHeader{}, string(sjis(t, "関所の一郎様")), "a.txt"), "関所の一郎様", ""},
		"a member's comment":  {write(zip.FileHeader{Comment: taro}, "", "a.txt"), taro, ""},
		"a field":             {write(zip.FileHeader{Extra: field}, "", "a.txt"), taro, ""},
		"before the list":     {insert(list, taro, true), taro, ""},
		"between the members": {shifted, taro, ""},
		"behind the end":      {append(bytes.Clone(plain), taro...), taro, ""},
		"behind the list":     {insert(bytes.LastIndex(plain, []byte("PK\x05\x06")), taro, false), taro, ""},
		"a member deleted":    {insert(list, string(deleted), true), "gone.txt: " + taro, "damaged"},
		"after other bytes":   {insert(list, "what is here\n"+string(deleted), true), "gone.txt: " + taro, "damaged"},
		"a zip in the end":    {append(bytes.Clone(plain), gz(t, []byte(taro))...), taro, ""},
		"behind deflate":      {slack.Bytes(), hanako, "damaged"},
	} {
		got := strings.Join(read(t, "a.zip", tt.data, Limits{}), "\n")
		if !strings.Contains(got, tt.want) || !strings.Contains(got, hanako) {
			t.Errorf("%s: not read: %.400q", name, got)
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || tt.told != "" && !strings.Contains(got, "TROUBLE "+tt.told) {
			t.Errorf("%s: %.400q", name, got)
		}
		if name == "nothing" && strings.Contains(got, "beside") || strings.Count(got, hanako) > 2 {
			t.Errorf("%s: read twice: %.400q", name, got)
		}
	}
	book := append(workbookFile(t), taro...)
	if got := strings.Join(read(t, "a.xlsx", book, Limits{}), "\n"); !strings.Contains(got, taro) {
		t.Errorf("a workbook: %.400q", got)
	}
}

// TestGzipNotes: what was written into the headers of a gzip stream is read, of every
// member; and so is a run of as few bytes as two characters have.
func TestGzipNotes(t *testing.T) {
	one := func(comment string, extra, text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Comment, w.Extra = comment, []byte(extra)
		return compressed(t, w, &b, []byte(text))
	}
	two := append(one("", "xx\x11\x00taro@mail.example", "one\n"), one("hanako@mail.example", "", "two\n")...)
	got := read(t, "a.gz", two, Limits{})
	for _, want := range []string{"comments: taro@mail.example", "comments: hanako@mail.example", "one", "two"} {
		if !has(got, want) {
			t.Errorf("%s is not read: %q", want, got)
		}
	}
	if troubled(got) {
		t.Errorf("%q", got)
	}
	if got := read(t, "a.gz", append(gz(t, []byte("one\n")), "taro@mail.example"...), Limits{}); !troubled(got) {
		t.Errorf("what is behind the end: %q", got)
	}
	if got := read(t, "a.bin", []byte("\x00\x01\x02\x00\x00関所\x00\x00\x01"), Limits{}); !has(got, "関所") {
		t.Errorf("two characters: %q", got)
	}
}
