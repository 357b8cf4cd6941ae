package corpus2

import (
	"bytes"
	"testing"
)

// TestMarks: every mark lies in its text and holds no line break, the same seed writes the
// same, and card numbers have their check digit.
func TestMarks(t *testing.T) {
	first, again := NewAuthor(3).Documents(4096), NewAuthor(3).Documents(4096)
	for i, d := range first {
		if !bytes.Equal(d.Text, again[i].Text) || len(d.Marks) < 20 {
			t.Errorf("%s: %d marks; or another text for the same seed", d.Kind, len(d.Marks))
		}
		end := 0
		for _, m := range d.Marks {
			if m.Start < end || m.End <= m.Start || m.End > len(d.Text) || bytes.IndexByte(d.Text[m.Start:m.End], '\n') >= 0 {
				t.Fatalf("%s: mark %+v behind %d", d.Kind, m, end)
			}
			end = m.End
		}
	}
	for s, want := range map[string]string{"411111111111111": "1", "37828224631000": "5", "7992739871": "3"} {
		if got := luhn(s); got != want {
			t.Errorf("luhn(%s) = %s, want %s", s, got, want)
		}
	}
}
