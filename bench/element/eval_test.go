package main

import "testing"

// TestChaptersAfter: what others wrote into the document stays, wherever it stands.
func TestChaptersAfter(t *testing.T) {
	for old, want := range map[string]string{
		"": "", "# How right the element engine is\n\nfigures\n": "",
		"# How right the element engine is\n\nfigures\n\n# How right persons are\n\nmore\n": "\n# How right persons are\n\nmore\n",
		"# How right persons are\n\nmore\n\n# Another\n":                                    "\n# How right persons are\n\nmore\n\n# Another\n",
		"x": "\nx",
	} {
		if got := chaptersAfter(old); got != want {
			t.Errorf("after %q: %q, want %q", old, got, want)
		}
	}
}
