package document

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding/japanese"

	"sekisho/internal/element"
)

// record writes down what a sink is told, one line a text line, a row, a trouble.
type record struct {
	lines []string
}

type recordText struct {
	r    *record
	part string
	buf  bytes.Buffer
}

func (t *recordText) Write(p []byte) (int, error) { return t.buf.Write(p) }
func (t *recordText) Close() error {
	for line := range strings.Lines(t.buf.String()) {
		if line = strings.TrimSpace(line); line != "" {
			t.r.lines = append(t.r.lines, fmt.Sprintf("%s: %s", t.part, line))
		}
	}
	return nil
}

func (r *record) Text(part string, _ element.Encoding) io.WriteCloser {
	return &recordText{r: r, part: part}
}

func (r *record) Trouble(part string, t Trouble, _ string) {
	r.lines = append(r.lines, fmt.Sprintf("%s: TROUBLE %v", part, t))
}

func (r *record) Table(part string) Table { return &recordTable{r: r, part: part} }

type recordTable struct {
	r       *record
	part    string
	headers []string
	row     []string
}

func (t *recordTable) Column(header string) int {
	for i, h := range t.headers {
		if h == header && h != "" {
			return i
		}
	}
	t.headers = append(t.headers, header)
	return len(t.headers) - 1
}

func (t *recordTable) Cell(column int, value []byte) {
	t.row = append(t.row, t.headers[column]+"="+string(value))
}

func (t *recordTable) EndRow() {
	t.r.lines = append(t.r.lines, fmt.Sprintf("%s: | %s", t.part, strings.Join(t.row, " | ")))
	t.row = nil
}

func (t *recordTable) Close() {
	if len(t.row) > 0 {
		t.EndRow()
	}
}

func read(t testing.TB, name string, data []byte, limits Limits) []string {
	t.Helper()
	var r record
	readInto(t, name, data, limits, &r)
	return r.lines
}

func readInto(t testing.TB, name string, data []byte, limits Limits, sink Sink) {
	t.Helper()
	reader := Reader{Limits: limits, Temp: t.TempDir()}
	if err := reader.Read(context.Background(), name, bytes.NewReader(data), int64(len(data)), sink); err != nil {
		t.Fatal(err)
	}
}

func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compressed(t testing.TB, w io.WriteCloser, b *bytes.Buffer, text []byte) []byte {
	t.Helper()
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, text []byte) []byte {
	var b bytes.Buffer
	return compressed(t, gzip.NewWriter(&b), &b, text)
}

func tarred(t testing.TB, name string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	return compressed(t, w, &b, text)
}

func sjis(t testing.TB, s string) []byte {
	t.Helper()
	b, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func workbookFile(t testing.TB) []byte {
	return zipped(t,
		"[Content_Types].xml", `<Types/>`,
		"xl/workbook.xml", `<workbook xmlns:r="r"><sheets><sheet name="顧客 &amp; 予約" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/styles.xml", `<styleSheet><numFmts> <numFmt numFmtId="176" formatCode="yyyy/m/d"/></numFmts> <cellXfs> <xf numFmtId="0"/> <xf numFmtId="176"/> </cellXfs></styleSheet>`,
		"xl/sharedStrings.xml", `<sst><si><t>氏名</t></si><si><t>生年月日</t></si><si><t>備考</t></si><si><r><t>関所</t></r><r><t>一郎</t></r><rPh sb="0" eb="1"><t>セキショ</t></rPh></si></sst>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>会員の表</t></is></c></row>`+
			`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="D2" t="s"><v>2</v></c></row>`+
			`<row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3" s="1"><v>29221</v></c><c r="D3"><v>4.11111111111111E15</v></c></row></sheetData></worksheet>`,
		"xl/comments1.xml", `<comments><comment><t>電話 0312</t><t>345678</t></comment></comments>`,
	)
}

func TestFormats(t *testing.T) {
	var xzed, zst bytes.Buffer
	xw, err := xz.NewWriter(&xzed)
	if err != nil {
		t.Fatal(err)
	}
	zw, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	iso, err := japanese.ISO2022JP.NewEncoder().String("予約の件、関所花子様")
	if err != nil {
		t.Fatal(err)
	}
	book := workbookFile(t)
	type row = struct {
		ID   int64  `parquet:"id"`
		Name string `parquet:"氏名"`
	}
	var pq bytes.Buffer
	if err := parquet.Write(&pq, []row{{1, "関所一郎"}, {2, "関所花子"}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want []string
	}{
		{"empty", nil, nil},
		{"note.txt", []byte("関所 一郎\n"), []string{": 関所 一郎"}},
		{"list.csv", sjis(t, "会員番号,氏名,備考\r\n7,関所一郎,\"二行\r\nの, 備考\"\r\n8,\"関所 \"\"花\"\"子\",\r\n"), []string{
			": | 会員番号=会員番号 | 氏名=氏名 | 備考=備考", ": | 会員番号=7 | 氏名=関所一郎 | 備考=二行\nの, 備考", `: | 会員番号=8 | 氏名=関所 "花"子`}},
		{"data", []byte("id\temail\tphone\n1\ta@example.jp\t090\n2\tb@example.jp\t080\n3\t\t070\n"), []string{
			": | id=id | email=email | phone=phone", ": | id=1 | email=a@example.jp | phone=090", ": | id=2 | email=b@example.jp | phone=080", ": | id=3 | phone=070"}},
		{"a.json", []byte(`[{"name":"\u95a2\u6240","tags":["4111","1111","1111","1111"],"in":{"tel":"03"}},{"name":null}]`), []string{
			": | name=関所 | tags=4111 | tags=1111 | tags=1111 | tags=1111 | tags=4111 1111 1111 1111 | tel=03"}},
		{"a.ndjson", []byte("{\"a\":1}\n{\"a\":\"x\\ny\"}\n"), []string{": | a=1", ": | a=x\ny"}},
		{"a.xml", []byte(`<?xml version="1.0"?><all><p id="7"><name>関所 &#x4e00;郎</name><![CDATA[a<b]]></p></all>`), []string{": | id=7 | name=関所 一郎 | p=a<b"}},
		{"a.html", []byte("<html><body><b>4111</b><i>1111</i><p>次</p><!-- 注 --><input name=tel value='0312345678'></body>"), []string{": 41111111", ": 次", ": tel: 0312345678", "comments: 注"}},
		{"dump.sql", []byte("-- PostgreSQL database dump\nCOPY public.customers (id, \"name\", note) FROM stdin;\n1\t関所\ta\\tb\n2\t\\N\tc\n\\.\n\nSELECT 1;\n"), []string{
			": -- PostgreSQL database dump", ": SELECT 1;", // see below: text comes at its Close
			"public.customers: | id=1 | name=関所 | note=a b", "public.customers: | id=2 | note=c"}},
		{"my.sql", []byte("-- MySQL dump 10\nCREATE TABLE `c` (\n `id` int(11) NOT NULL,\n `name` varchar(20),\n PRIMARY KEY (`id`)\n);\nINSERT INTO `c` VALUES (1,'O\\'Neil'),(2,NULL);\nINSERT INTO `c` (`name`) VALUES ('関所');\n"), []string{
			"c: | id=1 | name=O'Neil", "c: | id=2", "c: | name=関所", ": -- MySQL dump 10", ": CREATE TABLE `c` (", ": `id` int(11) NOT NULL,", ": `name` varchar(20),", ": PRIMARY KEY (`id`)", ": );"}},
		{"a.gz", gz(t, []byte("中身\n")), []string{": 中身"}},
		{"a.zst", compressed(t, zw, &zst, []byte("中身\n")), []string{": 中身"}},
		{"a.xz", compressed(t, xw, &xzed, []byte("中身\n")), []string{": 中身"}},
		{"a.tar.gz", gz(t, tarred(t, "deep/book.xlsx", book)), []string{
			"deep/book.xlsx/xl/comments1.xml: 電話 0312345678",
			"deep/book.xlsx/xl/workbook.xml/attributes: 顧客 & 予約",
			"deep/book.xlsx/xl/styles.xml/attributes: yyyy/m/d",
			"deep/book.xlsx/顧客 & 予約: | =会員の表",
			"deep/book.xlsx/顧客 & 予約: | 氏名=氏名 | 生年月日=生年月日 | 備考=備考",
			"deep/book.xlsx/顧客 & 予約: | 氏名=関所一郎 | 生年月日=1980-01-01 | 備考=4111111111111110"}},
		{"old.zip", zipped(t, string(sjis(t, "名簿.txt")), "中身"), []string{"名簿.txt: 中身"}},
		{"a.docx", zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", `<w:document><w:p><w:r><w:t>4111</w:t></w:r><w:r><w:t> 1111</w:t></w:r></w:p><w:p><w:t>次</w:t></w:p></w:document>`), []string{
			"word/document.xml: 4111 1111", "word/document.xml: 次"}},
		{"a.ods", zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml",
			`<office:document-content><table:table table:name="表"><table:table-row><table:table-cell><text:p>氏名</text:p></table:table-cell><table:table-cell><text:p>電話</text:p></table:table-cell></table:table-row>`+
				`<table:table-row><table:table-cell><text:p>関所</text:p></table:table-cell><table:table-cell office:date-value="2000-01-02"><text:p>x</text:p></table:table-cell></table:table-row></table:table></office:document-content>`), []string{
			"表: | 氏名=氏名 | 電話=電話", "表: | 氏名=関所 | 電話=2000-01-02 x", "attributes: 表"}},
		{"a.eml", []byte("From: =?ISO-2022-JP?B?" + base64.StdEncoding.EncodeToString([]byte(iso)) + "?=\r\nTo: x@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n" + iso + "\r\n--B\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n4111 1111=\r\n 1111 1111\r\n--B\r\nContent-Type: application/zip; name=\"a.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(zipped(t, "x.txt", "奥")) + "\r\n--B--\r\n"), []string{
			": | From=予約の件、関所花子様 | To=x@example.jp", ": 予約の件、関所花子様", "2: 4111 1111 1111 1111", "3/a.zip/x.txt: 奥"}},
		{"box.mbox", []byte("From a\nSubject: s1\nX: 1\n\none\n\nFrom b\nSubject: s2\n\ntwo\nFrom here\n"), []string{
			"message 1: | Subject=s1 | X=1", "message 1: one", "message 2: | Subject=s2", "message 2: two", "message 2: From here"}},
		{"blob.bin", append(append([]byte{0, 1, 2, 0, 0, 3}, "4111111111111111"...), 0, 0, 1, 2, 'a', 0, 'b', 0, 'c', 0, 'd', 0, 'e', 0, 'f', 0, 'g', 0, 0, 0), []string{": 4111111111111111", ": abcdefg"}},
		{"photo.jpg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), []string{": TROUBLE picture"}},
		{"a.pdf", simplePDF(t), []string{": 4111 1111 1111 1111", ": 関所", ": Title: note"}},
		{"cid.pdf", []byte("%PDF-1.4\n1 0 obj <</Type /Page /Contents 2 0 R /Resources <</Font <</F1 3 0 R>>>>>> endobj\n2 0 obj <</Length 30>> stream\nBT /F1 9 Tf <00410042> Tj ET\nendstream endobj\n3 0 obj <</Type /Font /Subtype /Type0 /Encoding /Identity-H>> endobj\n%%EOF\n"), []string{": TROUBLE unreadable"}},
		{"p.parquet", pq.Bytes(), []string{": | id=1 | 氏名=関所一郎", ": | id=2 | 氏名=関所花子"}},
		{"s.db", sqliteFile(t), []string{"客: | id=1 | 氏名=関所一郎"}},
	} {
		got := read(t, tt.name, tt.data, Limits{})
		want := append([]string(nil), tt.want...)
		if strings.HasSuffix(tt.name, ".sql") || tt.name == "a.tar.gz" {
			sortLines(got)
			sortLines(want)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
	}
}

func sortLines(lines []string) {
	for i := range lines {
		for k := i; k > 0 && lines[k] < lines[k-1]; k-- {
			lines[k], lines[k-1] = lines[k-1], lines[k]
		}
	}
}

// simplePDF has a page with a font of one byte a code and one of two with its
// ToUnicode table, the second in an object stream.
func simplePDF(t testing.TB) []byte {
	deflate := func(s string) string {
		var b bytes.Buffer
		return string(compressed(t, zlib.NewWriter(&b), &b, []byte(s)))
	}
	content := deflate("BT /F1 12 Tf 10 10 Td (4111 \\0611) Tj [(11 1)-20(111 )] TJ (1111) Tj 0 -14 Td /F2 12 Tf <00010002> Tj ET")
	cmap := deflate("1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0001> <95A2> endbfchar 1 beginbfrange <0002> <0003> <6240> endbfrange")
	objects := deflate("4 0 5 56 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>    <</Type /Font /Subtype /Type0 /ToUnicode 6 0 R>>")
	return []byte("%PDF-1.5\n1 0 obj <</Type /Page /Contents [2 0 R] /Resources <</Font <</F1 4 0 R /F2 5 0 R>>>>>> endobj\n" +
		fmt.Sprintf("2 0 obj <</Length %d /Filter /FlateDecode>> stream\n%s\nendstream endobj\n", len(content), content) +
		fmt.Sprintf("3 0 obj <</Type /ObjStm /N 2 /First 9 /Length %d /Filter [/FlateDecode]>> stream\r\n%s\nendstream endobj\n", len(objects), objects) +
		fmt.Sprintf("6 0 obj <</Length %d /Filter /FlateDecode>> stream\n%s\nendstream endobj\n7 0 obj <</Title (note)>> endobj\n%%%%EOF\n", len(cmap), cmap))
}

func sqliteFile(t testing.TB) []byte {
	t.Helper()
	return sqliteMade(t, `CREATE TABLE "客" (id INTEGER, "氏名" TEXT); INSERT INTO "客" VALUES (1, '関所一郎')`)
}

// sqliteRows is a database with a row for each name.
func sqliteRows(t testing.TB, names []string) []byte {
	t.Helper()
	return sqliteMade(t, "CREATE TABLE c (name TEXT); INSERT INTO c VALUES ('"+strings.Join(names, "'), ('")+"')")
}

func sqliteMade(t testing.TB, statements string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(statements)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
