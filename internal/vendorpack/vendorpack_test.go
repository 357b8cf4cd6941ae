package vendorpack

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func written(t *testing.T, form string) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, form, Sender{Name: "見本旅行", Head: "代表取締役 見本太郎"}, "見本システム", today); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWrite: both forms ask for every requirement, and log access,
// preservation, investigation and notice are among them.
func TestWrite(t *testing.T) {
	all, err := Items()
	if err != nil {
		t.Fatal(err)
	}
	letter, terms := written(t, Letter), written(t, Clauses)
	for _, x := range all {
		if x.ID == "" || x.Title == "" || x.Quote == "" || x.Request == "" || len(x.Clauses) == 0 {
			t.Errorf("%+v is not whole", x)
		}
		if !strings.Contains(letter, x.Request) || !strings.Contains(letter, x.ID) {
			t.Errorf("the letter does not ask for %s", x.ID)
		}
		for _, c := range x.Clauses {
			if !strings.Contains(terms, c) {
				t.Errorf("a clause of %s is missing", x.ID)
			}
		}
	}
	for text, words := range map[string][]string{
		letter: {"2026年11月22日", "2026年12月6日", "見本システム 御中", "見本太郎", "OUT-07", "OUT-08", "弁護士"},
		terms:  {"見本旅行(以下「甲」", "保全", "調査機関", "捜査機関", "ログ", "二十四時間以内", "第1条", "第26条", "弁護士"},
	} {
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%q is missing in:\n%s", w, text)
			}
		}
	}
}

// TestQuotes holds ids and quotes against the requirement data, where that is
// at hand.
func TestQuotes(t *testing.T) {
	file := os.Getenv("SEKISHO_REQUIREMENTS")
	if file == "" {
		t.Skip("SKIPPED: SEKISHO_REQUIREMENTS does not name the requirement data (requirements.json)")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Requirements []struct{ ID, Quote string }
	}
	if err := json.Unmarshal(text, &data.Requirements); err != nil {
		if err := json.Unmarshal(text, &data); err != nil {
			t.Fatal(err)
		}
	}
	quotes := map[string]string{}
	for _, r := range data.Requirements {
		quotes[r.ID] = r.Quote
	}
	all, err := Items()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if quotes[x.ID] != x.Quote {
			t.Errorf("%s: quote %q, the data has %q", x.ID, x.Quote, quotes[x.ID])
		}
	}
}
