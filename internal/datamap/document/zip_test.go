package document

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// TestZipOdd: members packed in other ways, with the mode of something else, without
// lengths before them, of more than 4 GiB by their headers, or lying over each other are
// read, or told.
func TestZipOdd(t *testing.T) {
	const text = "taro@mail.example\n"
	raw := func(h zip.FileHeader, packed []byte) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h.Name = "a.txt"
		h.CRC32, h.UncompressedSize64, h.CompressedSize64 = crc32.ChecksumIEEE([]byte(text)), uint64(len(text)), uint64(len(packed))
		f, err := w.CreateRaw(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(packed); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	bz, err := hex.DecodeString("425a68393141592653595c40aba900000855800010000140002226d44020003100d0014d31307a8df99068abcc52bc1a2ee48a70a120b8815752")
	if err != nil {
		t.Fatal(err)
	}
	var zst, xzed bytes.Buffer
	zw, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	xw, err := xz.WriterConfig{DictCap: 1 << 20}.NewWriter(&xzed)
	if err != nil {
		t.Fatal(err)
	}
	link := zip.FileHeader{}
	link.SetMode(fs.ModeSymlink | 0o777)
	two := zipped(t, "a.txt", text, "b.txt", text)
	front := two[:bytes.Index(two, []byte("PK\x01\x02"))] // with descriptors
	broken := bytes.Clone(front)
	broken[30+5] ^= 0xff // the first byte that is packed: a block of no kind
	large := append([]byte("PK\x03\x04\x2d\x00\x00\x00\x00\x00"), make([]byte, 20)...)
	binary.LittleEndian.PutUint32(large[18:], 1<<32-1)
	binary.LittleEndian.PutUint32(large[22:], 1<<32-1)
	large[26] = 5
	large = append(append(large, "a.txt"...), text...)
	for _, tt := range []struct {
		name string
		data []byte
		n    int
		told string
	}{
		{"bzip2", raw(zip.FileHeader{Method: 12}, bz), 1, ""},
		{"zstd", raw(zip.FileHeader{Method: 93}, compressed(t, zw, &zst, []byte(text))), 1, ""},
		{"xz", raw(zip.FileHeader{Method: 95}, compressed(t, xw, &xzed, []byte(text))), 1, ""},
		{"Deflate64", raw(zip.FileHeader{Method: 9}, []byte(text)), 0, "unreadable"},
		{"AES", raw(zip.FileHeader{Method: 99, Flags: 1}, []byte(text)), 0, "encrypted"},
		{"a link", raw(link, []byte(text)), 1, ""},
		{"a folder", bytes.ReplaceAll(raw(zip.FileHeader{}, []byte(text)), []byte("a.txt"), []byte("atxt/")), 0, "damaged"},
		{"no list", front, 2, "damaged"},
		{"no list, a broken member", broken, 1, "damaged"},
		{"no list, 4 GiB", large, 1, "damaged"},
	} {
		got := strings.Join(read(t, "a.zip", tt.data, Limits{}), "\n")
		if n := strings.Count(got, "taro@mail.example"); n != tt.n {
			t.Errorf("%s: read %d times, want %d: %q", tt.name, n, tt.n, got)
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || tt.told != "" && !strings.Contains(got, "TROUBLE "+tt.told) {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

// TestZipOverlap: members that are the same bytes of an archive are a bomb.
func TestZipOverlap(t *testing.T) {
	one := zipped(t, "a.txt", strings.Repeat(" ", 4<<20))
	list := bytes.Index(one, []byte("PK\x01\x02"))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	const members = 500
	data := append(bytes.Clone(one[:list]), bytes.Repeat(one[list:end], members)...)
	tail := bytes.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], members)
	binary.LittleEndian.PutUint16(tail[10:], members)
	binary.LittleEndian.PutUint32(tail[12:], uint32(members*(end-list)))
	var s troubles
	readInto(t, "a.zip", append(data, tail...), Limits{}, &s)
	if !s.limit || s.bytes > 64<<20 {
		t.Errorf("told %v, %d bytes read", s.limit, s.bytes)
	}
}
