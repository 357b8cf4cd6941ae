package story

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sekisho/internal/lang"
)

// TestData: every line names a source that the story lists, quotes it, and is
// in both languages; every number in a quotation's figure is that number.
func TestData(t *testing.T) {
	date := regexp.MustCompile(`^\d{4}-\d{2}(-\d{2})?$`)
	for _, name := range Names {
		s, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Rows) < 10 || len(s.Figures) < 3 || s.ID != name {
			t.Errorf("%s: %d lines, %d figures", name, len(s.Rows), len(s.Figures))
		}
		for _, r := range s.Rows {
			if r.JA == "" || r.EN == "" || r.Quote == "" || s.Sources[r.Source].JA == "" || !date.MatchString(r.Date) {
				t.Errorf("%s: line without text, quotation, source or date: %+v", name, r)
			}
		}
		for _, f := range s.Figures {
			if f.JA == "" || f.EN == "" || f.Quote == "" || s.Sources[f.Source].EN == "" {
				t.Errorf("%s: figure without text, quotation or source: %+v", name, f)
			}
		}
		if _, err := Begin(name); err != nil {
			t.Error(err)
		}
		for _, l := range []lang.Language{lang.Japanese, lang.English} {
			if !texts.Has("not_" + name) {
				t.Errorf("%s does not say what is not replayed (%s)", name, l)
			}
		}
	}
	if _, err := Read("poem"); err == nil {
		t.Error("a story that does not exist was read")
	}
}

// TestQuotations: every quotation stands in its source, where the published
// texts are at hand.
func TestQuotations(t *testing.T) {
	dir := os.Getenv("SEKISHO_SOURCES")
	if dir == "" {
		t.Skip("SKIPPED: SEKISHO_SOURCES names no directory with the published texts")
	}
	space := regexp.MustCompile(`\s+`)
	sources := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range names {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[filepath.Base(file)[:3]] = space.ReplaceAllString(string(text), "")
	}
	for _, name := range Names {
		s, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		quoted := func(source, quote string) {
			if !strings.Contains(sources[source], space.ReplaceAllString(quote, "")) {
				t.Errorf("%s: %q is not in source %s", name, quote, source)
			}
		}
		for _, r := range s.Rows {
			quoted(r.Source, r.Quote)
		}
		for _, f := range s.Figures {
			quoted(f.Source, f.Quote)
		}
		for _, p := range s.Published {
			if p.Source != "002" && p.Source != "003" { // set in lines, with numbers between
				quoted(p.Source, p.Text)
			}
		}
	}
}

// TestDays: a day without its number stands at the end of its month.
func TestDays(t *testing.T) {
	told := &Told{Source: Source{Rows: []Row{{Date: "2013-09"}, {Date: "2013-09-12"}, {Date: "2013-10-01"}, {Date: "2013-08-29"}}},
		Entries: []Entry{{At: day("2013-09-12 00:30")}, {At: day("2013-09-01 23:59")}}}
	var got []string
	for _, d := range told.Days() {
		got = append(got, d.Date)
	}
	if want := "2013-08-29 2013-09-01 2013-09-12 2013-09 2013-10-01"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
