package columns

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"one two three", 7, "one two|three"},
		{"関所は江戸の道に", 8, "関所は江|戸の道に"},
		{"番号（止めた）。次", 10, "番号（止め|た）。次"},
		{"あいうえ（か）", 10, "あいうえ|（か）"},
	} {
		if got := strings.Join(Wrap(c.text, c.n), "|"); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.n, got, c.want)
		}
	}
	if Width("a関") != 3 || Left("関", 4) != "関  " || Right("関", 4) != "  関" || Cut("関所関所", 5) != "関所…" || At(nil, 0) != "" {
		t.Error("widths")
	}
}
