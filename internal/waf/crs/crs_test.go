package crs

import (
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/google/go-cmp/cmp"
)

// The table that is built in is that of the rule set that is built in.
func TestTableIsDerived(t *testing.T) {
	table, err := Derive(coreruleset.FS)
	if err != nil {
		t.Fatal(err)
	}
	if table.Write() != embedded {
		t.Error("table.txt is not what the rule set yields: run go generate ./internal/waf/crs and read the difference")
	}
	read, err := Read(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(embedded, read.Write()); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
	if len(read.Searches) < 250 {
		t.Errorf("%d rules can be answered for by literals, want at least 250", len(read.Searches))
	}
}

// What is corrected in rules is still there to be corrected.
func TestCorrected(t *testing.T) {
	rules, err := Rules(coreruleset.FS)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{942360: `|^[\x00-@\x5b-\x5e\x60\x7b-\x7f]+(`, 932130: `|[<>]\((?:` + command + `[^\)]*|` + redirection + `)\)|`}
	for _, r := range rules {
		if part, ok := want[r.ID]; ok && strings.Contains(r.Argument, part) && strings.Contains(r.Text, part) {
			delete(want, r.ID)
		}
		if strings.Contains(r.Text, "t:utf8toUnicode") && r.ID/1000 == 942 {
			t.Errorf("rule %d keeps the low byte of characters", r.ID)
		}
	}
	if len(want) > 0 {
		t.Errorf("not corrected: %v", want)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"needs \"a\"", "rule x paranoia 1", "rule 1 paranoia 1\nkinds nowhere", "rule 1 paranoia 1\nneeds (&", "rule 1 paranoia 1\nwhat ever"} {
		if _, err := Read(text); err == nil {
			t.Errorf("Read(%q) succeeded", text)
		}
	}
}
