package document

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

// people are many lines that hardly pack, each with a card number of its own row.
func people(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("関所%06d %s", i, rand.Text())
	}
	return lines
}

// large returns a file of every format with many people in it.
func large(t *testing.T, lines []string) map[string][]byte {
	text := strings.Join(lines, "\n") + "\n"
	each := func(format string) string {
		var b strings.Builder
		for i, l := range lines {
			fmt.Fprintf(&b, format, i, l)
		}
		return b.String()
	}
	var zst, xzed, pq bytes.Buffer
	zw, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	xw, err := xz.NewWriter(&xzed)
	if err != nil {
		t.Fatal(err)
	}
	type row = struct {
		Name string `parquet:"name"`
	}
	rows := make([]row, len(lines))
	for i, l := range lines {
		rows[i].Name = l
	}
	if err := parquet.Write(&pq, rows); err != nil {
		t.Fatal(err)
	}
	sheet := `<worksheet><sheetData>` + each(`<row r="%[1]d"><c r="A1" t="inlineStr"><is><t>%[2]s</t></is></c></row>`) + `</sheetData></worksheet>`
	return map[string][]byte{
		"a.csv":     []byte("no,name\n" + each("%d,\"%s\"\n")),
		"a.tsv":     []byte("no\tname\n" + each("%d\t%s\n")),
		"a.json":    []byte("[" + each(`{"no":%d,"name":"%s"},`) + `{"no":0}]`),
		"a.ndjson":  []byte(each("{\"no\":%d,\"name\":\"%s\"}\n")),
		"a.xml":     []byte(`<?xml version="1.0"?><all>` + each(`<p no="%d"><name>%s</name></p>`) + "</all>"),
		"a.html":    []byte("<html><body>" + each("<p id=%d>%s</p>") + "</body></html>"),
		"a.sql":     []byte("-- PostgreSQL database dump\nCOPY public.c (no, name) FROM stdin;\n" + each("%d\t%s\n") + "\\.\n"),
		"b.sql":     []byte("-- MySQL dump 10\nINSERT INTO `c` VALUES " + strings.TrimSuffix(each("(%d,'%s'),"), ",") + ";\n"),
		"a.eml":     []byte("From: a@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n--B--\r\n"),
		"a.mbox":    []byte(each("From a\nSubject: %d\n\n%s\n\n")),
		"a.log.gz":  gz(t, []byte(text)),
		"a.log.zst": compressed(t, zw, &zst, []byte(text)),
		"a.log.xz":  compressed(t, xw, &xzed, []byte(text)),
		"a.tar":     tarred(t, "deep/list.txt", []byte(text)),
		"a.zip":     zipped(t, "x.txt", text, "y.txt", text),
		"a.tar.gz":  gz(t, tarred(t, "in.zip", zipped(t, "x.txt", text))),
		"a.xlsx":    zipped(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", "<workbook/>", "xl/worksheets/sheet1.xml", sheet),
		"a.docx":    zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document>"+each(`<w:p><w:t no="%d">%s</w:t></w:p>`)+"</w:document>"),
		"a.ods": zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml",
			`<office:document-content><table:table table:name="T">`+each(`<table:table-row><table:table-cell no="%d"><text:p>%s</text:p></table:table-cell></table:table-row>`)+`</table:table></office:document-content>`),
		"a.parquet": pq.Bytes(),
		"a.db":      sqliteRows(t, lines),
		"a.pdf":     []byte("%PDF-1.4\n1 0 obj <</Type /Page /Contents 2 0 R /Resources <</Font <</F1 3 0 R>>>>>> endobj\n3 0 obj <</Type /Font /Subtype /Type0 /ToUnicode 4 0 R>> endobj\n4 0 obj <</Length 120>> stream\n1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0001> <95A26240> endbfchar\nendstream endobj\n2 0 obj <</Length 400000>> stream\nBT /F1 9 Tf " + strings.Repeat("<0001> Tj 0 -9 Td ", len(lines)) + "ET\nendstream endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"),
	}
}

// endless are the formats that have no end which could be missing: of a half what is
// there is all there is.
var endless = []string{"a.csv", "a.tsv", "a.ndjson", "a.html", "a.mbox"}

// backwards are the formats whose end says what they hold: without it their columns
// cannot be found.
var backwards = []string{"a.parquet"}

// TestHalfOfEveryFormat: of half a file everything before the cut is read where the
// format allows it, and that the rest is missing is said at the file's name.
func TestHalfOfEveryFormat(t *testing.T) {
	people := people(6000)
	for name, data := range large(t, people) {
		t.Run(name, func(t *testing.T) {
			whole := read(t, name, data, Limits{})
			if troubled(whole) {
				t.Fatalf("the whole file: %q", lastOf(whole, 3))
			}
			half := read(t, name, data[:len(data)*3/5], Limits{})
			if !slices.Contains(endless, name) && !troubled(half) {
				t.Errorf("nothing says that it is half a file: %d of %d lines, %q", len(half), len(whole), lastOf(half, 2))
			}
			if n := strings.Count(strings.Join(half, "\n"), "関所"); n < len(people)/2 && !slices.Contains(backwards, name) {
				t.Errorf("%d of %d people are read in three fifths of the file", n, len(people))
			}
		})
	}
}

func troubled(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "TROUBLE") })
}

func lastOf(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// TestWrongEncodings: a table is read in the encoding that it is in, whatever it says of
// itself; bytes of no encoding break nothing and hide nothing that is ASCII.
func TestWrongEncodings(t *testing.T) {
	const text = "no,氏名,mail\n1,関所一郎,a@example.jp\n2,関所花子,b@example.jp\n"
	write := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rubbish := bytes.ReplaceAll([]byte(text), []byte("関所"), []byte{0xFF, 0xC3, 0x28, 0x80, 0xED, 0xA0})
	for name, data := range map[string][]byte{
		"Shift_JIS":    write(japanese.ShiftJIS.NewEncoder().Bytes([]byte(text))),
		"EUC-JP":       write(japanese.EUCJP.NewEncoder().Bytes([]byte(text))),
		"ISO-2022-JP":  write(japanese.ISO2022JP.NewEncoder().Bytes([]byte(text))),
		"UTF-16":       write(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(text))),
		"UTF-16BE":     write(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(text))),
		"of none":      rubbish,
		"two of them":  append([]byte(text), write(japanese.ShiftJIS.NewEncoder().Bytes([]byte(text)))...),
		"said wrongly": append([]byte("\xEF\xBB\xBF"), write(japanese.ShiftJIS.NewEncoder().Bytes([]byte(text)))...),
	} {
		lines := strings.Join(read(t, "a.csv", data, Limits{}), "\n")
		for _, want := range []string{"a@example.jp", "b@example.jp"} {
			if !strings.Contains(lines, want) {
				t.Errorf("%s: %q is not in %q", name, want, lines)
			}
		}
		if name != "of none" && name != "said wrongly" && !strings.Contains(lines, "氏名=関所一郎") {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// TestMemoryOfEveryFormat: what a format makes of a bomb stays small. (That a whole
// process stays below 512 MiB is testdata/up/replay-hostile.txtar.)
func TestMemoryOfEveryFormat(t *testing.T) {
	blank := strings.Repeat(" ", 24<<20)
	var zst bytes.Buffer
	zw, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	packed := gz(t, []byte(blank))
	for name, data := range map[string][]byte{
		"a.gz":   packed,
		"a.zst":  compressed(t, zw, &zst, []byte(blank)),
		"a.zip":  zipped(t, "a.txt", blank),
		"a.docx": zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document><w:p><w:t>"+blank+"</w:t></w:p></w:document>"),
		"a.xlsx": zipped(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", "<workbook/>", "xl/sharedStrings.xml", `<sst uniqueCount="4000000000"><si><t>`+blank+"</t></si></sst>"),
		"a.ods":  zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<office:document-content>"+blank+"</office:document-content>"),
		"a.eml":  []byte("From: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: application/gzip; name=a.gz\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(packed) + "\r\n--B--\r\n"),
		"a.tar":  tarred(t, "a.gz", packed),
	} {
		defer debug.SetGCPercent(debug.SetGCPercent(20))
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s troubles
		reader := Reader{Limits: Limits{Memory: 8 << 20}, Temp: t.TempDir()}
		if err := reader.Read(context.Background(), name, bytes.NewReader(data), int64(len(data)), &s); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if !s.limit {
			t.Errorf("%s: nothing says that it was not read to its end", name)
		}
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 48<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
		}
	}
}

// troubles is a silent sink that remembers whether a limit was reached.
type troubles struct {
	silent
	limit bool
}

func (s *troubles) Trouble(_ string, t Trouble, _ string) { s.limit = s.limit || t == Limit }
