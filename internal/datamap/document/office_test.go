package document

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func workbookOf(t testing.TB, members ...string) []byte {
	return zipped(t, append([]string{"[Content_Types].xml", "<Types/>", "xl/workbook.xml", `<workbook><sheets><sheet name="客" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Target="sheets/main.xml"/></Relationships>`}, members...)...)
}

func odsOf(t testing.TB, content string) []byte {
	return zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<office:document-content>"+content+"</office:document-content>")
}

// TestOfficeBeside: what stands beside the cells of a sheet, or where few programs put
// it, is read.
func TestOfficeBeside(t *testing.T) {
	const taro = "taro@mail.example"
	sheet := func(s string) string { return "<worksheet>" + s + "</worksheet>" }
	cell := `<c r="A1" t="inlineStr"><is><t>%s</t></is></c>`
	for name, data := range map[string][]byte{
		"elsewhere.xlsx": workbookOf(t, "xl/sharedStrings.xml", "<sst><si><t>"+taro+"</t></si></sst>", "xl/sheets/main.xml", sheet(`<sheetData><row><c r="A1" t="s"><v>0</v></c></row></sheetData>`)),
		"unused.xlsx":    workbookOf(t, "xl/sharedStrings.xml", "<sst><si><t>a</t></si><si><t>"+taro+"</t></si></sst>", "xl/worksheets/sheet1.xml", sheet(`<sheetData><row><c r="A1" t="s"><v>0</v></c></row></sheetData>`)),
		"header.xlsx":    workbookOf(t, "xl/worksheets/sheet1.xml", sheet("<sheetData/><headerFooter><oddHeader>"+taro+"</oddHeader></headerFooter>")),
		"list.xlsx":      workbookOf(t, "xl/worksheets/sheet1.xml", sheet(`<sheetData/><dataValidations><dataValidation><formula1>"`+taro+`"</formula1></dataValidation></dataValidations>`)),
		"pivot.xlsx":     workbookOf(t, "xl/pivotCache/pivotCacheDefinition1.xml", `<pivotCacheDefinition><cacheFields><cacheField><sharedItems><s v="`+taro+`"/></sharedItems></cacheField></cacheFields></pivotCacheDefinition>`),
		"link.xlsx":      workbookOf(t, "xl/worksheets/_rels/sheet1.xml.rels", `<Relationships><Relationship Target="mailto:`+taro+`" TargetMode="External"/></Relationships>`),
		"twice.xlsx":     workbookOf(t, "xl/worksheets/sheet1.xml", sheet("<sheetData><row>"+fmt.Sprintf(cell, taro)+fmt.Sprintf(cell, "b")+"</row></sheetData>")),
		"far.xlsx":       workbookOf(t, "xl/worksheets/sheet1.xml", sheet("<sheetData><row>"+strings.ReplaceAll(fmt.Sprintf(cell, taro), "A1", "ZZZZ1")+"</row></sheetData>")),
		"long.xlsx":      workbookOf(t, "xl/worksheets/sheet1.xml", sheet("<sheetData><row>"+fmt.Sprintf(cell, strings.Repeat("x ", maxCell)+taro)+"</row></sheetData>")),
		"covered.ods":    odsOf(t, "<table:table><table:table-row><table:covered-table-cell><text:p>"+taro+"</text:p></table:covered-table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"),
		"shape.ods":      odsOf(t, "<table:table><table:shapes><draw:frame><text:p>"+taro+"</text:p></draw:frame></table:shapes><table:table-row><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"),
		"long.ods":       odsOf(t, "<table:table><table:table-row><table:table-cell><text:p>"+strings.Repeat("x ", maxCell)+taro+"</text:p></table:table-cell></table:table-row></table:table>"),
		"wide.ods":       odsOf(t, `<table:table><table:table-row><table:table-cell table:number-columns-repeated="20000"/><table:table-cell><text:p>`+taro+"</text:p></table:table-cell></table:table-row></table:table>"),
	} {
		if got := strings.Join(read(t, name, data, Limits{}), "\n"); !strings.Contains(got, taro) || strings.Contains(got, "TROUBLE") {
			t.Errorf("%s: %.300q", name, got)
		}
	}
}

// TestOfficeHostile: rows and cells without end, and documents in documents, take no
// more memory than others; what is too deep is told.
func TestOfficeHostile(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	cell := `<c r="A1" t="inlineStr"><is><t>` + strings.Repeat("関", 80<<10) + `</t></is></c>`
	deep := []byte("taro@mail.example")
	for range 300 {
		deep = zipped(t, "[Content_Types].xml", "<Types/>", "word/embeddings/a.docx", string(deep))
	}
	far := strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, 1<<16)
	for _, tt := range []struct {
		name string
		data []byte
		told bool
	}{
		{"row.xlsx", workbookOf(t, "xl/worksheets/sheet1.xml", "<worksheet><sheetData><row>"+strings.Repeat(cell, 400)), true},
		{"cell.xlsx", workbookOf(t, "xl/worksheets/sheet1.xml", "<worksheet><sheetData><row><c t=\"inlineStr\"><is><t>"+strings.Repeat("x", 96<<20)), true},
		{"far.xlsx", workbookOf(t, "xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+far), false},
		{"row.ods", odsOf(t, "<table:table><table:table-row>"+strings.Repeat("<table:table-cell><text:p>"+strings.Repeat("関", 80<<10)+"</text:p></table:table-cell>", 400)), true},
		{"deep.docx", deep, true},
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s troubles
		reader := Reader{Limits: Limits{Ratio: 1 << 20}, Temp: t.TempDir()}
		if tt.name != "deep.docx" {
			s.limit = tt.told
		}
		if err := reader.Read(t.Context(), tt.name, bytes.NewReader(tt.data), int64(len(tt.data)), &s); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if s.limit != tt.told {
			t.Errorf("%s: told %v", tt.name, s.limit)
		}
		if more := int64(after.HeapSys) - int64(before.HeapSys); more > 48<<20 {
			t.Errorf("%s: the heap grew by %d MiB", tt.name, more>>20)
		}
	}
}

// TestMailHeader: a header of many folded lines, or of many fields, is read in time that
// grows with its size.
func TestMailHeader(t *testing.T) {
	folded := "From: a@mail.example\r\nTo: x" + strings.Repeat("\r\n y", 200<<10) + " taro@mail.example\r\nMIME-Version: 1.0\r\n\r\nx"
	if got := strings.Join(read(t, "a.eml", []byte(folded), Limits{}), "\n"); !strings.Contains(got, "taro@mail.example") {
		t.Errorf("%.300q", got)
	}
	many := "From: a@mail.example\r\nMIME-Version: 1.0\r\n"
	for i := range maxFields {
		many += fmt.Sprintf("X%d: a\r\n", i)
	}
	if got := read(t, "a.eml", []byte(many+"\r\ntaro@mail.example"), Limits{}); !has(got, "TROUBLE limit") {
		t.Errorf("%.300q", lastOf(got, 2))
	}
}
