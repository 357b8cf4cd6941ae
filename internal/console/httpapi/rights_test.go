package httpapi

import (
	_ "embed"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// rights is what each call demands, written by hand and read by people: the rules must
// agree with it. What depends on the body is "*", and stands in requests.
//
//go:embed testdata/rights.txt
var rights string

// TestRights: no call demands less, or anything else, than the table says.
// TestEveryCallRoleAndToken asks with every role for what the rules themselves demand.
func TestRights(t *testing.T) {
	want := map[string]string{}
	for line := range strings.Lines(rights) {
		f := strings.Fields(line)
		if len(f) != 2 || want[f[1]] != "" {
			t.Fatalf("a line of the table: %q", line)
		}
		want[f[1]] = f[0]
	}
	got := map[string]string{}
	for call, rule := range every() {
		got[call] = string(rule(nil))
		if requests[call] != nil {
			got[call] = "*"
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("who may what (-table +rules):\n%s", diff)
	}
}
