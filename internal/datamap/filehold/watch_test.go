//go:build linux

package filehold

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/datamap/filewatch"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// watched is a world whose tree is watched.
func watched(t *testing.T, plain bool) (*world, *filewatch.Watch) {
	w := newWorld(t)
	watch, err := filewatch.New(filewatch.Config{Root: w.root, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	w.watch, w.contents = watch, NewContents([]byte("key"))
	w.tree = New(w.config(nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- watch.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w, watch
}

// until takes what the watch saw until enough was recorded.
func (w *world) until(watch *filewatch.Watch, enough func() bool) {
	w.t.Helper()
	deadline := time.After(2 * time.Minute)
	for !enough() {
		select {
		case <-watch.Ready():
		case <-deadline:
			w.t.Fatalf("after two minutes: %d events", len(w.rec.Bodies()))
		}
		if err := w.tree.Seen(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestThousandShortLives: 1,000 lists of customers, each created, filled and deleted at
// once. Each is an event; whose data was in it is known, or it is a finding that bounds
// what may have been in it. None is silent.
func TestThousandShortLives(t *testing.T) {
	const files = 1000
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "fanotify", true: "inotify"}[plain], func(t *testing.T) {
			w, watch := watched(t, plain)
			if !plain && !watch.Holds() {
				t.Skip("SKIPPED ALOUD: fanotify needs CAP_SYS_ADMIN")
			}
			for i := range files {
				w.owners[fmt.Sprintf("user%d@mail.example", i)] = uint32(i + 1)
			}
			go func() {
				for i := range files {
					name := filepath.Join(w.root, fmt.Sprintf("list%d.csv", i))
					os.WriteFile(name, fmt.Appendf(nil, "email\nuser%d@mail.example\n", i), 0o600)
					os.Remove(name)
				}
			}()
			ends := map[event.Place]bool{}
			w.until(watch, func() bool {
				for _, o := range eventtest.Of[*event.Object](w.rec) {
					if o.Gone {
						ends[o.Place] = true
					}
				}
				return len(ends) == files
			})
			known, bounded, found := map[event.Place]bool{}, map[event.Place]bool{}, map[event.Place]bool{}
			for _, b := range w.rec.Bodies() {
				switch b := b.(type) {
				case *event.HoldingScan:
					if b.Source == "shop.customers" && len(b.Subjects) > 0 {
						known[b.Table] = fmt.Sprintf("www/list%d.csv", b.Subjects[0].First-1) == string(b.Table)
					}
					if b.Source == Unknown && b.Unknown > 0 {
						bounded[b.Table] = true
					}
				case *event.Finding:
					found[b.Place] = found[b.Place] || b.Code == "SK3203"
				case *event.Gap:
					t.Errorf("gap: %s", b.Reason)
				}
			}
			for i := range files {
				place := event.Place(fmt.Sprintf("www/list%d.csv", i))
				if !ends[place] || !known[place] && !(bounded[place] && found[place]) {
					t.Errorf("%s: end %v, known %v, bounded %v, finding %v", place, ends[place], known[place], bounded[place], found[place])
				}
			}
			if !plain && len(known) != files {
				t.Errorf("%d of %d contents are known although the kernel held them", len(known), files)
			}
			t.Logf("%d files: %d known, %d bounded", files, len(known), len(bounded))
		})
	}
}

// TestWatchedMoves: a move names where the file was, a copy where the same content is,
// and a folder that goes takes what was in it along.
func TestWatchedMoves(t *testing.T) {
	w, watch := watched(t, true)
	w.owners["taro@mail.example"] = 7
	said := func(want string) func() bool {
		return func() bool {
			for _, o := range eventtest.Of[*event.Object](w.rec) {
				text := fmt.Sprintf("%s was %s like %s gone %v", o.Place, o.Was, o.Like, o.Gone)
				if text == want {
					return true
				}
			}
			return false
		}
	}
	w.write("a.csv", list)
	w.until(watch, said("www/a.csv was  like  gone false"))
	if err := os.Rename(filepath.Join(w.root, "a.csv"), filepath.Join(w.root, "b.csv")); err != nil {
		t.Fatal(err)
	}
	w.until(watch, said("www/b.csv was www/a.csv like  gone false"))
	w.write("c.csv", list)
	w.until(watch, said("www/c.csv was  like www/b.csv gone false"))
	if err := os.Mkdir(filepath.Join(w.root, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write("d/first.txt", "nobody") // once it was seen the folder is watched
	w.until(watch, said("www/d/first.txt was  like  gone false"))
	if err := os.Rename(filepath.Join(w.root, "c.csv"), filepath.Join(w.root, "d", "c.csv")); err != nil {
		t.Fatal(err)
	}
	w.until(watch, said("www/d/c.csv was www/c.csv like  gone false"))
	if err := os.RemoveAll(filepath.Join(w.root, "d")); err != nil {
		t.Fatal(err)
	}
	w.until(watch, said("www/d/c.csv was  like  gone true"))
	last := map[event.Place]bool{}
	for _, h := range eventtest.Of[*event.HoldingScan](w.rec) {
		last[h.Table] = len(h.Subjects) > 0
	}
	for place, holds := range last {
		if holds != (place == "www/b.csv") {
			t.Errorf("%s holds somebody: %v", place, holds)
		}
	}
}

// TestLossIsAGap: what the watch lost is a gap and a finding.
func TestLossIsAGap(t *testing.T) {
	w := newWorld(t)
	w.watch = &told{losses: []filewatch.Loss{{From: time.Unix(5, 0), To: time.Unix(9, 0), Reason: filewatch.Overflow}}}
	w.tree = New(w.config(nil))
	if err := w.tree.Seen(context.Background()); err != nil {
		t.Fatal(err)
	}
	gaps := eventtest.Of[*event.Gap](w.rec)
	if len(gaps) != 1 || gaps[0].From != 5e9 || gaps[0].To != 9e9 || gaps[0].Places[0] != "www" || !strings.Contains(gaps[0].Reason, "overflow") {
		t.Errorf("gaps %+v", gaps)
	}
	if f := eventtest.Of[*event.Finding](w.rec); len(f) != 1 || f[0].Code != "SK3204" {
		t.Errorf("findings %+v", f)
	}
}

// told tells once what it was given.
type told struct{ losses []filewatch.Loss }

func (*told) Ready() <-chan struct{} { return nil }

func (x *told) Take() ([]*filewatch.Sight, []filewatch.Loss) {
	out := x.losses
	x.losses = nil
	return nil, out
}
