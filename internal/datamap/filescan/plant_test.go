package filescan

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"sekisho/demo/plant"
)

// writeNotes writes the notes as a table, a dump, a workbook and a log.
func writeNotes(t testing.TB, dir string, all []plant.Note) {
	t.Helper()
	write := func(name string, body func(w io.Writer)) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(f)
		body(w)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.csv", func(w io.Writer) {
		fmt.Fprintf(w, "id,備考\n")
		for _, n := range all {
			fmt.Fprintf(w, "%d,%s\n", n.ID, n.Text)
		}
	})
	write("shop.sql", func(w io.Writer) {
		fmt.Fprintf(w, "-- PostgreSQL database dump\n\nCOPY public.notes (id, remark) FROM stdin;\n")
		for _, n := range all {
			fmt.Fprintf(w, "%d\t%s\n", n.ID, n.Text)
		}
		fmt.Fprintf(w, "\\.\n")
	})
	write("app.log", func(w io.Writer) {
		for i, n := range all {
			fmt.Fprintf(w, "2015-08-%02dT10:%02d:%02d INFO notes: saved id=%d remark=%s\n", 1+i%28, i%60, i%60, n.ID, n.Text)
		}
	})
	write("notes.xlsx", func(w io.Writer) {
		z := zip.NewWriter(w)
		part := func(name string) io.Writer {
			p, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		fmt.Fprint(part("[Content_Types].xml"), "<Types/>")
		fmt.Fprint(part("xl/workbook.xml"), `<workbook><sheets><sheet name="備考" r:id="r1"/></sheets></workbook>`)
		p := part("xl/worksheets/sheet1.xml")
		fmt.Fprint(p, `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>備考</t></is></c></row>`)
		for i, n := range all {
			fmt.Fprintf(p, `<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="inlineStr"><is><t>%s</t></is></c></row>`, i+2, i+2, n.ID, i+2, n.Text)
		}
		fmt.Fprint(p, `</sheetData></worksheet>`)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
