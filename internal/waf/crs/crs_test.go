package crs

import (
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

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"needs \"a\"", "rule x paranoia 1", "rule 1 paranoia 1\nkinds nowhere", "rule 1 paranoia 1\nneeds (&", "rule 1 paranoia 1\nwhat ever"} {
		if _, err := Read(text); err == nil {
			t.Errorf("Read(%q) succeeded", text)
		}
	}
}
