package webui

import (
	_ "embed"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// rights is what each page and act demands, written by hand and read by people: the
// pages must agree with it. "-" is anybody who has entered.
//
//go:embed testdata/rights.txt
var rights string

// TestRights: no page and no act demands less, or anything else, than the table says.
// TestRolesAndPages asks with every role for what the pages themselves demand.
func TestRights(t *testing.T) {
	s, _ := newServer(t)
	want := map[string]string{}
	for line := range strings.Lines(rights) {
		f := strings.Fields(line)
		if len(f) != 3 || want[f[1]+" "+f[2]] != "" {
			t.Fatalf("a line of the table: %q", line)
		}
		want[f[1]+" "+f[2]] = f[0]
	}
	got := map[string]string{}
	for _, p := range s.pages {
		do := string(p.do)
		if p.do == anybody {
			do = "-"
		}
		got[p.at] = do
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("who may what (-table +pages):\n%s", diff)
	}
	for at, do := range got {
		if strings.HasPrefix(at, "POST ") && do == "see" {
			t.Errorf("%s changes something, and seeing is enough", at)
		}
	}
}
