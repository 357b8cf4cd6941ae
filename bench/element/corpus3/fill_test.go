package corpus3

import (
	"bytes"
	"strings"
	"testing"
)

// TestPieces: every template can be filled in, pieces lie in their order within a line of
// the text, the same seed writes the same, and card numbers have their check digit.
func TestPieces(t *testing.T) {
	for _, k := range kinds {
		for _, template := range append(k.templates, nobodys...) {
			NewClerk(1).fill(template)
		}
	}
	first, again := NewClerk(3).Papers(8192), NewClerk(3).Papers(8192)
	for i, p := range first {
		if !bytes.Equal(p.Text, again[i].Text) || len(p.Pieces) < 20 || strings.ContainsAny(string(p.Text), "\x00") {
			t.Errorf("%s: %d pieces; or another text for the same seed", p.Kind, len(p.Pieces))
		}
		end := 0
		for _, x := range p.Pieces {
			if x.From < end || x.To <= x.From || x.To > len(p.Text) || bytes.IndexByte(p.Text[x.From:x.To], '\n') >= 0 {
				t.Fatalf("%s: piece %+v behind %d", p.Kind, x, end)
			}
			end = x.To
		}
	}
	for s, want := range map[string]byte{"411111111111111": '1', "37828224631000": '5', "7992739871": '3'} {
		if got := sum10(s); got != want {
			t.Errorf("%s: %c, want %c", s, got, want)
		}
	}
	for _, l := range NewClerk(3).Lists(2) {
		if len(l.Header) != len(l.Elements) || len(l.Rows) != 2 || len(l.Rows[0]) != len(l.Header) {
			t.Errorf("%v: %d columns, %d rows", l.Header, len(l.Elements), len(l.Rows))
		}
	}
}
