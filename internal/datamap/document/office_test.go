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

// TestOfficeAttributes: names of authors, alternative texts, what forms ask and answer and
// whatever else people write into attributes or beside the text is read.
func TestOfficeAttributes(t *testing.T) {
	const taro, name = "taro@mail.example", "Taro Sekisho"
	docx := func(member, text string) []byte {
		return zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document/>", member, text)
	}
	sheet := func(s string) []byte {
		return workbookOf(t, "xl/worksheets/sheet1.xml", "<worksheet>"+s+"</worksheet>")
	}
	for file, tt := range map[string]struct {
		data []byte
		want string
	}{
		"author.docx":     {docx("word/comments.xml", `<w:comments><w:comment w:id="0" w:author="`+name+`"><w:p><w:t>x</w:t></w:p></w:comment></w:comments>`), name},
		"people.docx":     {docx("word/people.xml", `<w15:people><w15:person w15:author="a"><w15:presenceInfo w15:userId="`+taro+`"/></w15:person></w15:people>`), taro},
		"picture.docx":    {docx("word/header1.xml", `<w:hdr><wp:docPr id="1" descr="`+name+`"/></w:hdr>`), name},
		"variable.docx":   {docx("word/settings.xml", `<w:settings><w:docVars><w:docVar w:name="a" w:val="`+name+`"/></w:docVars></w:settings>`), name},
		"list.docx":       {docx("word/glossary/document.xml", `<w:sdt><w:listItem w:displayText="`+name+`" w:value="1"/></w:sdt>`), name},
		"title.docx":      {docx("docProps/core.xml", `<cp><dc:creator>`+name+`</dc:creator><cp:lastModifiedBy>other</cp:lastModifiedBy></cp>`), name + "\n"},
		"master.pptx":     {docx("ppt/slideMasters/slideMaster1.xml", `<p><a:p><a:r><a:t>`+name+`</a:t></a:r></a:p></p>`), name},
		"authors.pptx":    {docx("ppt/commentAuthors.xml", `<p:cmAuthorLst><p:cmAuthor id="0" name="`+name+`"/></p:cmAuthorLst>`), name},
		"entity.docx":     {docx("word/footer1.xml", `<w:ftr><x y="&#x95a2;&#x6240;"/></w:ftr>`), "関所"},
		"persons.xlsx":    {workbookOf(t, "xl/persons/person.xml", `<personList><person displayName="`+name+`" userId="x"/></personList>`), name},
		"comments.xlsx":   {workbookOf(t, "xl/comments1.xml", `<comments><authors><author>`+name+`</author><author>b</author></authors></comments>`), name + "\n"},
		"chart.xlsx":      {workbookOf(t, "xl/charts/chart1.xml", `<c><c:pt><c:v>`+name+`</c:v></c:pt><c:pt><c:v>b</c:v></c:pt></c>`), name + "\n"},
		"table.xlsx":      {workbookOf(t, "xl/tables/table1.xml", `<table><tableColumn id="1" name="`+name+`"/></table>`), name},
		"hint.xlsx":       {sheet(`<sheetData/><dataValidations><dataValidation prompt="` + name + `"/></dataValidations>`), name},
		"filter.xlsx":     {sheet(`<sheetData/><autoFilter><filterColumn><filters><filter val="` + name + `"/></filters></filterColumn></autoFilter>`), name},
		"link.xlsx":       {sheet(`<sheetData/><hyperlinks><hyperlink ref="A1" display="` + name + `"/></hyperlinks>`), name},
		"scenario.xlsx":   {sheet(`<sheetData/><scenarios><scenario name="a" comment="` + name + `"/></scenarios>`), name},
		"pivot.xlsx":      {workbookOf(t, "xl/pivotCache/pivotCacheDefinition1.xml", `<pivotCacheDefinition refreshedBy="`+name+`"/>`), name},
		"range.xlsx":      {zipped(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", `<workbook><definedNames><definedName name="a" comment="b">"`+name+`"</definedName></definedNames></workbook>`), name},
		"format.xlsx":     {workbookOf(t, "xl/styles.xml", `<styleSheet><numFmt numFmtId="170" formatCode="&quot;`+name+`&quot;0"/></styleSheet>`), name},
		"rounded.ods":     {odsOf(t, `<table:table><table:table-row><table:table-cell office:value="4111111111111111"><text:p>4.11E+15</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>`), "4111111111111111"},
		"form.odt":        {odsOf(t, `<form:text form:current-value="`+name+`"/>`), name},
		"basic.odt":       {zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<x/>", "Basic/Standard/Module1.xml", "<script:module>Print &quot;"+name+"&quot;</script:module>"), name},
		"settings.odt":    {zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<x/>", "settings.xml", "<config-item>"+name+"</config-item>"), name},
		"comment.html":    {[]byte(`<html><body><!-- ` + name + ` -- >-->x`), name},
		"comment.xml":     {[]byte(`<?xml version="1.0"?><a><!--` + name + `--><b>x</b></a>`), name},
		"entity.xml":      {[]byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY n "` + taro + `">]><a>&n;</a>`), taro},
		"comment.docx":    {docx("word/footer1.xml", `<w:ftr><!--`+name+`--></w:ftr>`), name},
		"comment.xlsx":    {sheet(`<sheetData/><!--` + name + `-->`), name},
		"comment.ods":     {odsOf(t, `<!--`+strings.Repeat("x ", maxText)+name+`-->`), name},
		"picture.html":    {[]byte(`<html><body><img alt="` + name + `"><b title="x">`), name},
		"placeholder.htm": {[]byte(`<html><body><input name=a placeholder="` + name + `">`), name},
	} {
		if got := strings.Join(read(t, file, tt.data, Limits{}), "\n") + "\n"; !strings.Contains(got, tt.want) || strings.Contains(got, "TROUBLE") {
			t.Errorf("%s: %.300q", file, got)
		}
	}
	// Numbers of the format are none of anybody, and a name that comes again is one value.
	same := docx("word/comments.xml", strings.Repeat(`<w:comment w:rsidR="00A77B3E" w:id="2147483647" w:author="`+name+`"><w:t>x</w:t></w:comment>`, 100))
	if got := strings.Join(read(t, "a.docx", same, Limits{}), "\n"); strings.Count(got, name) != 1 || strings.Contains(got, "2147483647") {
		t.Errorf("%.300q", got)
	}
	for kind, want := range map[string]string{"image/png": "picture", "application/pdf": "unreadable"} {
		if got := read(t, "a.html", []byte(`<html><body><a href="data:`+kind+`;base64,eHh4">x</a>`), Limits{}); !has(got, "TROUBLE "+want) {
			t.Errorf("%s within a page: %q", kind, got)
		}
	}
	// A tag with more in it than is kept is told.
	for file, data := range map[string][]byte{
		"a.docx": docx("word/footer1.xml", `<w:ftr><x y="`+strings.Repeat("x ", maxTag)+taro+`"/></w:ftr>`),
		"a.xlsx": sheet(`<sheetData/><x y="` + strings.Repeat("x ", maxTag) + taro + `"/>`),
		"a.ods":  odsOf(t, `<x y="`+strings.Repeat("x ", maxTag)+taro+`"/>`),
		"a.html": []byte(`<html><body><x y="` + strings.Repeat("x ", maxTag) + taro + `"/>`),
		"a.xml":  []byte(`<?xml version="1.0"?><a><x y="` + strings.Repeat("x ", maxTag) + taro + `"/></a>`),
	} {
		if got := read(t, file, data, Limits{}); !has(got, "TROUBLE limit") {
			t.Errorf("%s: %.300q", file, got)
		}
	}
}
