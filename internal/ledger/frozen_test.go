package ledger

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

// TestFrozenLedger reads ledgers that earlier programs have written: they must
// be verified and read for ever. Their private keys were thrown away. That of
// leaf version 2 begins with a segment of version 1, as ledgers do that are
// older than the version.
func TestFrozenLedger(t *testing.T) {
	for _, c := range []struct {
		version  int
		events   event.Index
		sealed   uint64
		open     int
		indexes  []event.Index
		versions []int
	}{
		{1, 36, 2, 1, []event.Index{0, 5, 27}, []int{1, 1}},
		{2, 80, 3, 1, []event.Index{3, 17, 63}, []int{1, 2, 2}},
	} {
		t.Run(fmt.Sprint(c.version), func(t *testing.T) {
			dir := fmt.Sprintf("testdata/v%d", c.version)
			keys := keysOf(t, dir)
			report := mustVerify(t, dir, VerifyOptions{Keys: keys})
			if !report.OK() || report.Events != c.events || report.Sealed != c.sealed || report.Open != c.open || report.Chains != 2 {
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
			each := c.events / 4
			if want := fmt.Sprintf("map[3:%d 10:%d 13:%d 14:%d]", each, each, each, each); err != nil || fmt.Sprint(kinds) != want {
				t.Errorf("kinds %v, %v; want %s", kinds, err, want)
			}
			evidence, err := r.Evidence(t.Context(), c.indexes)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := evidence.Verify(keys); err != nil || len(v.Lines) != 3 {
				t.Errorf("%+v, %v", v, err)
			}
			var versions []int
			for _, leaf := range r.sealedLeaves() {
				versions = append(versions, leaf.Version)
			}
			if diff := cmp.Diff(c.versions, versions); diff != "" {
				t.Errorf("versions of the digests (-want +got):\n%s", diff)
			}
		})
	}
}
