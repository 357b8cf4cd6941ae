package story

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sekisho/internal/lang"
)

// network is an office of which only the network is asked.
type network struct {
	Office
	seen *Routes
	err  error
}

func (n *network) Routes(context.Context) (*Routes, error) { return n.seen, n.err }

func good() *Routes {
	return &Routes{Exits: 4, Before: 4, Receipts: 4, Ended: 4, Raised: 4, RaisedAfter: RaisedWithin,
		OneBefore: 3, OneWays: 3, OneReceived: 3, Asked: 2, Denied: 2, Ledgers: 5, Verified: 5}
}

func inNetwork(t *testing.T, seen *Routes, err error) (*Told, error) {
	t.Helper()
	told := &Told{}
	return told, (&teller{Office: &network{seen: seen, err: err}, told: told}).inNetwork(t.Context())
}

// TestInNetwork: every figure of the network is compared, and one that is
// another is a difference.
func TestInNetwork(t *testing.T) {
	told, err := inNetwork(t, good(), nil)
	if err != nil || told.Differences() != 0 || len(told.Checks) == 0 || len(told.Skipped) != 0 || told.Routes == nil {
		t.Errorf("%d differences in %d comparisons, skipped %q (%v)", told.Differences(), len(told.Checks), told.Skipped, err)
	}
	for _, e := range told.Entries {
		for _, l := range []lang.Language{lang.Japanese, lang.English} {
			if text := e.In(l); strings.ContainsAny(text, "{}") || strings.HasPrefix(text, "!") {
				t.Errorf("a line is not filled: %q", text)
			}
		}
	}
	figures := reflect.TypeFor[Routes]()
	for i := range figures.NumField() {
		seen := good()
		f := reflect.ValueOf(seen).Elem().Field(i)
		f.SetInt(f.Int() + int64(time.Second))
		if told, err := inNetwork(t, seen, nil); err != nil || told.Differences() == 0 {
			t.Errorf("%s is another and nothing differs (%v)", figures.Field(i).Name, err)
		}
	}
}

// TestNoNetwork: where there is none it says SKIPPED and why, in both languages,
// and compares nothing; a network that fails is an error.
func TestNoNetwork(t *testing.T) {
	for why, what := range map[string]string{"system": "plan9", "program": "nft", "refused": "operation not permitted", "unasked": ""} {
		told, err := inNetwork(t, nil, fmt.Errorf("play: %w", &NoNetwork{Why: why, What: what}))
		if err != nil || len(told.Checks) != 0 || len(told.Skipped) != 1 || len(told.Entries) != 1 || told.Routes != nil {
			t.Errorf("%s: %d comparisons, skipped %q (%v)", why, len(told.Checks), told.Skipped, err)
			continue
		}
		for _, l := range []lang.Language{lang.Japanese, lang.English} {
			text := told.Skipped[0].In(l)
			if !strings.HasPrefix(text, "SKIPPED: ") || !strings.Contains(text, what) || strings.ContainsAny(text, "{}!") {
				t.Errorf("%s: %q does not say why", why, text)
			}
			var out strings.Builder
			if err := told.Write(&out, l, false); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "– SKIPPED: ") {
				t.Errorf("%s: the page does not say it: %s", why, out.String())
			}
		}
	}
	broken := errors.New("the hub has ended")
	if _, err := inNetwork(t, nil, broken); !errors.Is(err, broken) {
		t.Errorf("error %v, want the network's", err)
	}
}
