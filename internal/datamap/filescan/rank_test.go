package filescan

import (
	"slices"
	"testing"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// TestOldOnlyWhenSomebodySays: a table says of no time when it was changed, and is not
// called old for that.
func TestOldOnlyWhenSomebodySays(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for at, old := range map[time.Time]bool{{}: false, now.AddDate(-2, 0, 0): true, now.AddDate(0, -2, 0): false} {
		r := rank(&Object{Path: "customers", Modified: at, Elements: []Found{{Kind: element.CardPAN, Count: 3}}}, now)
		if slices.Contains(r.Reasons, "old") != old {
			t.Errorf("changed at %v: %q", at, r.Reasons)
		}
	}
}

// TestWhatIsSerious: what was there and could not be read is told by name, also when it
// went while the scan was under way.
func TestWhatIsSerious(t *testing.T) {
	for trouble, want := range map[document.Trouble]bool{document.Vanished: true, document.Denied: true, document.Limit: true, document.Link: false, document.Special: false, document.Foreign: false} {
		if serious(trouble) != want {
			t.Errorf("%v: %v", trouble, !want)
		}
	}
}
