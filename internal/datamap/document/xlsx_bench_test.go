package document

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

func BenchmarkXLSX(b *testing.B) {
	var strs, rows strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&strs, "<si><t>東京都千代田区丸の内%d</t></si>", i)
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="s"><v>%d</v></c><c r="C%d" t="s"><v>%d</v></c></row>`, i, i, i, i, i, i, i/3)
	}
	data := zipped(b, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", "<workbook/>",
		"xl/sharedStrings.xml", "<sst>"+strs.String()+"</sst>", "xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+rows.String()+"</sheetData></worksheet>")
	b.SetBytes(int64(strs.Len() + rows.Len()))
	for b.Loop() {
		var s silent
		if err := (&Reader{}).Read(context.Background(), "a.xlsx", bytes.NewReader(data), int64(len(data)), &s); err != nil {
			b.Fatal(err)
		}
	}
}
