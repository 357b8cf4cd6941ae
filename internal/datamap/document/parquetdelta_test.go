package document

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
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
