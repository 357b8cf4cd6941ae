package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/rule"
)

// TestReadMisuse: what a list of misused cards may look like; an error names
// the line and never the number.
func TestReadMisuse(t *testing.T) {
	day := func(text string) int64 {
		d, err := time.ParseInLocation(time.DateOnly, text, rule.Tokyo)
		if err != nil {
			t.Fatal(err)
		}
		return d.UnixNano()
	}
	got, err := readMisuse(strings.NewReader("4111111111111111,2013-04-16,shop,2013-02-01,other,2013-03-01\nM-1,2013-04-17\n"))
	want := []control.MisuseItem{
		{Number: "4111111111111111", At: day("2013-04-16"), Uses: []event.Usage{{Place: "shop", At: day("2013-02-01")}, {Place: "other", At: day("2013-03-01")}}},
		{Number: "M-1", At: day("2013-04-17")},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"4111111111111111\n", "M-1,2013-04-16\n4111111111111111,16 April\n", "M-1,2013-04-16\n4111111111111111,2013-04-16,shop\n",
		"M-1,2013-04-16\n\"4111111111111111\n", "M-1,2013-04-16\n4111111111111111,2013-04-16,shop,soon\n"} {
		_, err := readMisuse(strings.NewReader(bad))
		line := "line 2"
		if strings.Count(bad, "\n") == 1 {
			line = "line 1"
		}
		if err == nil || strings.Contains(err.Error(), "4111") || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got, err := readMisuse(strings.NewReader("")); err != nil || len(got) != 0 {
		t.Errorf("an empty list: %v %v", got, err)
	}
}
