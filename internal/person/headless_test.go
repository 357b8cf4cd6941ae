package person

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/person/record"
)

// A file without names of columns begins with somebody's record: it counts, and no
// report nor manifest shows it where the names of columns stand. Columns are told
// by their place; by their heading where the file has one that is unknown.
func TestHeadless(t *testing.T) {
	rows := crowd(150, 41)
	headed := people(t, header+strings.Join(rows, "\n")+"\n", Options{})
	res := people(t, strings.Join(rows, "\n")+"\n", Options{})
	if res.Reads[0].Records != headed.Reads[0].Records || res.Count().Persons != headed.Count().Persons {
		t.Errorf("%d records, %d persons; with names of columns %d and %d", res.Reads[0].Records, res.Count().Persons, headed.Reads[0].Records, headed.Count().Persons)
	}
	for i, h := range res.Reads[0].Header {
		if h != fmt.Sprintf("#%d", i+1) {
			t.Errorf("column %d is called %q", i+1, h)
		}
	}
	read := func(text string, columns map[string]record.Column) Read {
		t.Helper()
		res, err := Run(t.Context(), []Source{{Name: "shop", File: write(t, text), Columns: columns}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Close()
		return res.Reads[0]
	}
	if r := read(strings.Join(rows, "\n")+"\n", map[string]record.Column{"#9": record.Ignored}); r.Columns[8] != record.Ignored || r.Columns[1] != record.Name {
		t.Errorf("columns %v, want the ninth ignored", r.Columns)
	}
	unknown := "a1,a2,a3,a4,a5,a6,a7,a8,a9,a10\n" + strings.Join(rows, "\n") + "\n"
	if r := read(unknown, map[string]record.Column{"a2": record.Name}); r.Header[1] != "a2" || r.Columns[1] != record.Name || r.Records != len(rows) {
		t.Errorf("%d records of %d, columns %v called %v", r.Records, len(rows), r.Columns, r.Header)
	}
}

// Nor does a table of a workbook that nobody's columns were found in.
func TestHeadlessWorkbook(t *testing.T) {
	rows := []string{strings.TrimSpace(header)}
	rows = append(rows, crowd(60, 41)...)
	book := workbookOf(t, sheet{"顧客", rows}, sheet{"控え", crowd(20, 42)})
	res, err := Run(t.Context(), []Source{{Name: filepath.Base(book), File: book}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	names := 0
	for _, r := range res.Reads {
		for _, h := range r.Header {
			if strings.Contains(h, "@example.jp") || strings.HasPrefix(h, "090") {
				t.Errorf("%s: a column is called %s", r.Source, h)
			}
			if h == "氏名" {
				names++
			}
		}
	}
	if names != 1 || len(res.Reads) != 2 {
		t.Errorf("%d tables with names of columns of %d, want 1 of 2", names, len(res.Reads))
	}
}
