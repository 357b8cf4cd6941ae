package document

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	pq "github.com/parquet-go/parquet-go/format"
)

type parquetPerson struct {
	Name string  `parquet:"氏名"`
	Mail string  `parquet:"mail,dict"`
	Note *string `parquet:"note,optional"`
}

func parquetOf(t *testing.T, people int, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[parquetPerson](&b, options...)
	rows := make([]parquetPerson, people)
	for i := range rows {
		rows[i] = parquetPerson{Name: fmt.Sprintf("関所%d", i), Mail: fmt.Sprintf("user%d@mail.example", i%7)}
	}
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var codecs = map[string]compress.Codec{"none": &parquet.Uncompressed, "snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "brotli": &parquet.Brotli, "zstd": &parquet.Zstd, "lz4": &parquet.Lz4Raw}

// TestParquet: files of every codec and both kinds of page are read to their end.
func TestParquet(t *testing.T) {
	for name, codec := range codecs {
		for version := 1; version <= 2; version++ {
			pages := 4096
			if name == "lz4" { // the library writes nothing for what cannot be packed
				pages = 1 << 20
			}
			data := parquetOf(t, 5000, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(pages), parquet.MaxRowsPerRowGroup(2000))
			got := strings.Join(read(t, "a.parquet", data, Limits{}), "\n")
			if n := strings.Count(got, "氏名=関所"); n != 5000 || strings.Contains(got, "TROUBLE") {
				t.Errorf("%s, %d: %d of 5000 rows, %.300q", name, version, n, got)
			}
		}
	}
}

// ended is a file of some bytes whose list of what it has is a given one.
func ended(list string) []byte {
	b := append([]byte("PAR1 関所の人 "), list...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(list))), "PAR1"...)
}

// TestHostileParquet: a list that asks for more memory than it has bytes, or goes deeper
// than anybody writes, ends neither the process nor in silence.
func TestHostileParquet(t *testing.T) {
	for name, c := range map[string]struct{ list, want string }{
		"schema of two billion":   {"\x15\x02\x19\xfc\xff\xff\xff\xff\x07", "damaged"},
		"metadata of two billion": {"\x15\x02\x59\xfc\xff\xff\xff\xff\x07", "damaged"},
		"many structs":            {"\x15\x02\x19\xfc\x80\x80\x80\x01" + strings.Repeat("\x00", 1<<21), "limit"},
		"deep":                    {strings.Repeat("\x9c", 1<<20), "limit"},
		"deep lists":              {"\x99" + strings.Repeat("\x19", 1<<20), "limit"},
		"deep schema":             {"\x15\x02\x19\xfc\x80\x08" + strings.Repeat("\x55\x02\x00", 1<<10), "limit"},
		"nothing":                 {"", "damaged"},
		"cut":                     {"\x15\x02\x19\x2c", "damaged"},
	} {
		got, more := grown(t, "a.parquet", ended(c.list))
		if !has(got, "TROUBLE "+c.want) {
			t.Errorf("%s: %.300q", name, got)
		}
		if more > 128<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, more>>20)
		}
	}
	locked := parquetOf(t, 1)
	copy(locked[len(locked)-4:], "PARE")
	if got := read(t, "a.parquet", locked, Limits{}); !has(got, "TROUBLE encrypted") {
		t.Errorf("locked: %q", got)
	}
}

// TestPages: what a page is unpacked to is counted before, whatever it says of itself.
func TestPages(t *testing.T) {
	blank := make([]byte, 8<<20)
	for name, codec := range codecs {
		packed, err := codec.Encode(nil, blank)
		if err != nil {
			t.Fatal(err)
		}
		for most, want := range map[int64]bool{int64(len(blank)): false, 1 << 20: name != "none"} {
			w := &pageWalk{j: &job{ctx: context.Background()}}
			err := w.unpack(codec.CompressionCodec(), io.NewSectionReader(bytes.NewReader(packed), 0, int64(len(packed))), most)
			if w.close(); errors.Is(err, errUnpacked) != want {
				t.Errorf("%s, at most %d: %v", name, most, err)
			}
		}
	}
	w := &pageWalk{j: &job{ctx: context.Background()}}
	for _, block := range []string{"\x11a\x00\x00", "\x10a\xff\xff", "\xf0", "\x00\x01\x00\x00\x01"} { // the reader would try these for ever
		if err := w.unpack(pq.Lz4Raw, io.NewSectionReader(strings.NewReader(block), 0, int64(len(block))), 1<<20); err == nil {
			t.Errorf("a damaged block: %q", block)
		}
	}
	number := func(id byte, n int64) []byte { return binary.AppendVarint([]byte{id<<4 | 5}, n) }
	header := func(unpacked, packed, values int64) []byte {
		b := append(append(append(number(1, 0), number(1, unpacked)...), number(1, packed)...), 0x2c) // 5: a page
		return append(append(b, number(1, values)...), 0, 0)
	}
	data := append(header(10, 4, 1<<31-1), "abcd"...)
	for name, c := range map[string]struct {
		data []byte
		over bool
	}{
		"plain":            {append(header(4, 4, 2), "abcd"...), false},
		"values":           {data, true},
		"bytes":            {append(header(1<<31-1, 4, 1), "abcd"...), true},
		"behind the first": {append(append(header(4, 4, 2), "abcd"...), data...), true},
	} {
		w := &pageWalk{j: &job{ctx: context.Background()}, at: bytes.NewReader(c.data), size: int64(len(c.data))}
		err := w.group(&pq.RowGroup{Columns: []pq.ColumnChunk{{MetaData: pq.ColumnMetaData{TotalCompressedSize: int64(len(c.data))}}}})
		if errors.Is(err, errLimit) != c.over || !c.over && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
