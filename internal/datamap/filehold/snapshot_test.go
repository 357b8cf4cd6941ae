package filehold

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// TestSnapshotsWithinATree: the folders in which file systems show their snapshots are
// copies of the folders above, told once each; what is in them rests there as anywhere.
func TestSnapshotsWithinATree(t *testing.T) {
	w := newWorld(t)
	var all store
	for i, name := range []string{"lists/a.csv", ".snapshots/12/snapshot/a.csv", ".snapshots/12/snapshot/b.csv",
		"lists/.zfs/snapshot/auto-2026-11-20_00.00/a.csv", "lists/.zfs/snapshot/auto-2026-11-21_00.00/a.csv", "lists/.zfs/shares/a.csv", "notes.snapshots/1/a.csv"} {
		all = append(all, object(name, int64(i+1), "メールアドレス\nuser@mail.example\n", 0))
	}
	all = append(all, object("x/.snapshot/hourly.0/empty.txt", 99, "nobody", 0))
	w.tree.cfg.Store = all
	w.scan()
	var got []string
	for _, c := range eventtest.Of[*event.Copied](w.rec) {
		got = append(got, string(c.Place)+" is a "+c.How+" of "+string(c.Of[0]))
	}
	slices.Sort(got)
	want := []string{
		"www/.snapshots/12 is a snapshot of www",
		"www/lists/.zfs/snapshot/auto-2026-11-20_00.00 is a snapshot of www/lists",
		"www/lists/.zfs/snapshot/auto-2026-11-21_00.00 is a snapshot of www/lists",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	places := map[event.Place]bool{}
	for _, h := range eventtest.Of[*event.HoldingScan](w.rec) {
		places[h.Table] = true
	}
	if len(places) != 7 {
		t.Errorf("holdings at %v", places)
	}
	w.scan()
	if again := eventtest.Of[*event.Copied](w.rec); len(again) != 0 {
		t.Errorf("told again: %v", again)
	}
}
