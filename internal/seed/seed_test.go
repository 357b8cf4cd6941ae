package seed

import (
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestChoose(t *testing.T) {
	env := func(list map[string]string) func(string) string {
		return func(name string) string { return list[name] }
	}
	if got := choose(env(nil)); got != 1 {
		t.Errorf("nothing is set: got %d, want 1", got)
	}
	if got := choose(env(map[string]string{"SEKISHO_SEED": "77", "SEKISHO_LONG": "1"})); got != 77 {
		t.Errorf("a seed is set: got %d, want 77", got)
	}
	if got := choose(env(map[string]string{"SEKISHO_LONG": "1"})); got <= 1 {
		t.Errorf("a long run: got %d, want one nobody has seen", got)
	}
}

// TestRapidBeginsThere: rapid draws the same values twice.
func TestRapidBeginsThere(t *testing.T) {
	if got, want := flag.Lookup("rapid.seed").Value.String(), fmt.Sprint(For(t)); got != want {
		t.Skipf("SKIPPED: -rapid.seed=%s was given", got)
	}
	var runs [2][]uint64
	for i := range runs {
		rapid.Check(t, func(t *rapid.T) { runs[i] = append(runs[i], rapid.Uint64().Draw(t, "x")) })
	}
	if fmt.Sprint(runs[0]) != fmt.Sprint(runs[1]) {
		t.Error("two runs drew different values")
	}
}
