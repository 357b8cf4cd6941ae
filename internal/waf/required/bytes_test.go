package required

import "testing"

func TestNamesBytes(t *testing.T) {
	for pattern, want := range map[string]bool{`a\x5c`: false, `\x{bc}[^>]`: true, `\xe2\x80\x8b`: false, `\xe2`: true, `あ`: false} {
		if got := NamesBytes(pattern); got != want {
			t.Errorf("NamesBytes(%q) = %v, want %v", pattern, got, want)
		}
	}
}
