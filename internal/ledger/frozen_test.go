package ledger

import (
	"fmt"
	"testing"

	"sekisho/internal/event"
)

// TestFrozenLedger reads a ledger that version 1 of this format has written:
// it must be verified and read for ever. Its private key was thrown away.
func TestFrozenLedger(t *testing.T) {
	const dir = "testdata/v1"
	keys := keysOf(t, dir)
	report := mustVerify(t, dir, VerifyOptions{Keys: keys})
	if !report.OK() || report.Events != 36 || report.Sealed != 2 || report.Open != 1 || report.Chains != 2 {
		t.Fatalf("%+v", report)
	}
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[event.Kind]int)
	err = r.ScanEvents(t.Context(), 0, func(i event.Index, e *event.Event) error {
		kinds[e.Body.Kind()]++
		if c, ok := e.Body.(*event.Crossing); ok && c.Parts[0].Subjects.Len() != uint64(c.Session&0xff)+1 {
			return fmt.Errorf("event %d: %+v", i, c)
		}
		return nil
	})
	if want := "map[3:9 10:9 13:9 14:9]"; err != nil || fmt.Sprint(kinds) != want {
		t.Errorf("kinds %v, %v; want %s", kinds, err, want)
	}
	evidence, err := r.Evidence(t.Context(), []event.Index{0, 5, 27})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := evidence.Verify(keys); err != nil || len(v.Lines) != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}
