package document

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// TestParquetPrefixes: values that say how much of the one before they begin with are
// read, and a page of which they make more than a column may take is told.
func TestParquetPrefixes(t *testing.T) {
	write := func(version int, node parquet.Node, long string, rows int) []byte {
		var b bytes.Buffer
		w := parquet.NewWriter(&b, parquet.NewSchema("t", parquet.Group{"name": node}), parquet.PageBufferSize(1<<30), parquet.DataPageVersion(version))
		for i := range rows {
			v := parquet.ValueOf(fmt.Sprintf("%s taro%d@mail.example", long, i)).Level(0, 0, 0)
			switch {
			case node.Repeated():
				v = v.Level(0, 1, 0)
			case node.Optional():
				v = v.Level(0, 1, 0)
			}
			if _, err := w.WriteRows([]parquet.Row{{v}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	plain := parquet.Encoded(parquet.String(), &parquet.DeltaByteArray)
	for _, version := range []int{1, 2} {
		for name, node := range map[string]parquet.Node{
			"required": plain, "optional": parquet.Optional(plain), "repeated": parquet.Repeated(plain),
			"packed": parquet.Compressed(plain, &parquet.Snappy), "packed optional": parquet.Optional(parquet.Compressed(plain, &parquet.Zstd)),
		} {
			if got := read(t, "a.parquet", write(version, node, "x", 300), Limits{}); troubled(got) || !has(got, "taro0@mail.example") || !has(got, "taro299@mail.example") {
				t.Errorf("%d %s: %.300q", version, name, lastOf(got, 2))
			}
			if got := read(t, "a.parquet", write(version, node, strings.Repeat("x", 20<<10), 3500), Limits{}); !has(got, "TROUBLE limit") {
				t.Errorf("%d %s: a page of 70 MB is not told", version, name)
			}
		}
	}
}

// pageOf writes a page: of the first kind, or of the second with its levels.
func pageOf(second bool, encoding pq.Encoding, values int64, repeats, optional, body string, unpacked int) string {
	number := func(b []byte, delta byte, n int64) []byte { return binary.AppendVarint(append(b, delta<<4|5), n) }
	kind, data := int64(0), repeats+optional+body
	if second {
		kind = 3
	}
	b := number(number(number(nil, 1, kind), 1, int64(len(repeats)+len(optional)+unpacked)), 1, int64(len(data)))
	if second {
		b = number(number(number(number(append(b, 0x5c), 1, values), 1, 0), 1, 0), 1, int64(encoding))
		b = number(number(b, 1, int64(len(optional))), 1, int64(len(repeats)))
	} else {
		b = number(number(number(number(append(b, 0x2c), 1, values), 1, int64(encoding)), 1, 3), 1, 3)
	}
	return string(append(b, 0, 0)) + data
}

// TestParquetRuns: a page of a few bytes that says that it has two billion values is told
// before anybody makes room for them, wherever it says so; others are let through.
func TestParquetRuns(t *testing.T) {
	run := func(n uint64, value ...byte) string { return string(append(binary.AppendUvarint(nil, n<<1), value...)) }
	literals := func(groups uint64, values string) string {
		return string(binary.AppendUvarint(nil, groups<<1|1)) + values
	}
	long := func(s string) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	delta := func(n uint64) string {
		return string(append(binary.AppendUvarint([]byte("\x80\x80\x04\x01"), n), 0)) + strings.Repeat("\x00\x00", int(min(n/65536+1, 100)))
	}
	const many = 1<<31 - 1
	flat, optional, list := parquetLeaf{}, parquetLeaf{optional: 1}, parquetLeaf{repeated: 1, optional: 1}
	page := func(encoding pq.Encoding, body string) string {
		return pageOf(false, encoding, 9, "", "", body, len(body))
	}
	for name, tt := range map[string]struct {
		data string
		leaf parquetLeaf
		over bool
	}{
		"indexes":            {page(pq.RLEDictionary, "\x08"+run(9, 1)), flat, false},
		"indexes, filled up": {page(pq.RLEDictionary, "\x01"+literals(2, "ab")), flat, false},
		"no index":           {page(pq.RLEDictionary, ""), flat, false},
		"many indexes":       {page(pq.RLEDictionary, "\x08"+run(many, 1)), flat, true},
		//lint:ignore SA1019 files that are older have it
		"many runs of indexes":  {page(pq.PlainDictionary, "\x08"+strings.Repeat(run(1000, 1), 9)), flat, true},
		"indexes of no bits":    {page(pq.RLEDictionary, "\x00"+literals(1<<28, "")), flat, true},
		"booleans":              {page(pq.RLE, long(run(9, 1))), flat, false},
		"many booleans":         {page(pq.RLE, long(run(many, 1))), flat, true},
		"numbers":               {page(pq.DeltaBinaryPacked, delta(9)), flat, false},
		"many numbers":          {page(pq.DeltaBinaryPacked, delta(many)), flat, true},
		"lengths":               {page(pq.DeltaLengthByteArray, delta(9)), flat, false},
		"many lengths":          {page(pq.DeltaLengthByteArray, delta(many)), flat, true},
		"a length below 0":      {page(pq.DeltaLengthByteArray, "\x80\x01\x01\x01\x01"), flat, true},
		"beginnings":            {page(pq.DeltaByteArray, delta(9)+delta(9)), flat, false},
		"many endings":          {page(pq.DeltaByteArray, delta(9)+delta(many)), flat, true},
		"levels":                {page(pq.Plain, long(run(9, 1))+"values"), optional, false},
		"many levels":           {page(pq.Plain, long(run(many, 1))+"values"), optional, true},
		"levels of the second":  {pageOf(true, pq.Plain, 9, run(9, 0), run(9, 1), "values", 6), list, false},
		"many of the second":    {pageOf(true, pq.Plain, 9, run(9, 0), run(many, 1), "values", 6), list, true},
		"many repeats":          {pageOf(true, pq.Plain, 9, run(many, 0), run(9, 1), "values", 6), list, true},
		"many values":           {pageOf(false, pq.Plain, many, "", "", "values", 6), flat, true},
		"rows of many values":   {strings.Repeat(pageOf(true, pq.Plain, 1<<20, run(1, 0)+run(1<<20-1, 1), run(1<<20, 1), "", 0), 9), list, false},
		"a row of many values":  {strings.Repeat(pageOf(true, pq.Plain, 1<<20, run(1<<20, 1), run(1<<20, 1), "", 0), 9), list, true},
		"the same of the first": {strings.Repeat(pageOf(false, pq.Plain, 1<<20, "", "", long(run(1<<20, 1))+long(run(1<<20, 1)), 16), 9), list, true},
	} {
		w := &pageWalk{j: &job{ctx: context.Background()}, at: strings.NewReader(tt.data), size: int64(len(tt.data)), leaves: []parquetLeaf{tt.leaf}}
		err := w.group(&pq.RowGroup{Columns: []pq.ColumnChunk{{MetaData: pq.ColumnMetaData{TotalCompressedSize: int64(len(tt.data))}}}})
		if errors.Is(err, errLimit) != tt.over || !tt.over && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Of rows whose values are large no more than one is read at once.
	for size, want := range map[int]int{1 << 10: rowBatch, 20 << 20: 1} {
		packed, err := parquet.Zstd.Encode(nil, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		data := strings.Repeat(pageOf(false, pq.Plain, 1, "", "", string(packed), size), 20)
		w := &pageWalk{j: &job{ctx: context.Background()}, at: strings.NewReader(data), size: int64(len(data))}
		err = w.group(&pq.RowGroup{Columns: []pq.ColumnChunk{{MetaData: pq.ColumnMetaData{Codec: pq.Zstd, TotalCompressedSize: int64(len(data))}}}})
		if w.close(); err != nil || w.batch != want {
			t.Errorf("values of %d bytes: %d rows at once, %v", size, w.batch, err)
		}
	}
}

// TestParquetNested: lists of lists, groups within optional groups and maps are read in
// every encoding, also rows that go on over pages.
func TestParquetNested(t *testing.T) {
	type inner struct {
		Name string   `parquet:"name,delta"`
		Tags []string `parquet:"tags,dict"`
		Note string   `parquet:"note,delta"`
		Age  int64    `parquet:"age,delta"`
		On   bool     `parquet:"on"`
	}
	type outer struct {
		People []inner           `parquet:"people"`
		More   map[string]string `parquet:"more"`
		One    *inner            `parquet:"one,optional"`
	}
	for version := 1; version <= 2; version++ {
		for name, codec := range codecs {
			if name == "lz4" {
				continue
			}
			var b bytes.Buffer
			w := parquet.NewGenericWriter[outer](&b, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(4096))
			for i := range 300 {
				age := int64(i)
				row := outer{More: map[string]string{"k": fmt.Sprintf("more%d@mail.example", i)}}
				for k := range i % 40 {
					row.People = append(row.People, inner{Name: fmt.Sprintf("taro%d.%d@mail.example", i, k), Tags: []string{"a", fmt.Sprintf("tag%d", k)}, Note: strings.Repeat("x", k), Age: age, On: k%2 == 0})
				}
				if i%3 == 0 {
					row.One = &inner{Name: fmt.Sprintf("one%d@mail.example", i)}
				}
				if _, err := w.Write([]outer{row}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got := read(t, "a.parquet", b.Bytes(), Limits{})
			all := strings.Join(got, "\n")
			if troubled(got) || !strings.Contains(all, "taro299.18@mail.example") || !strings.Contains(all, "one297@mail.example") || strings.Count(all, "more") < 300 {
				t.Errorf("%s, %d: %.300q", name, version, lastOf(got, 2))
			}
		}
	}
}
