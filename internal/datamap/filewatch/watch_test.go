//go:build linux

package filewatch

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// room is a watched folder.
type room struct {
	t     *testing.T
	root  string
	w     *Watch
	seen  []*Sight
	texts map[*Sight]string
	loss  []Loss
}

// modes runs f with fanotify, where the machine allows it, and without.
func modes(t *testing.T, f func(*testing.T, *room)) {
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "fanotify", true: "inotify"}[plain], func(t *testing.T) { f(t, newRoom(t, Config{Plain: plain})) })
	}
}

func newRoom(t *testing.T, cfg Config) *room {
	t.Helper()
	r := &room{t: t, root: t.TempDir(), texts: map[*Sight]string{}}
	cfg.Root = r.root
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.w = w
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !cfg.Plain && !w.Holds() {
		t.Skip("SKIPPED ALOUD: fanotify needs CAP_SYS_ADMIN")
	}
	return r
}

// until takes sights until enough says so.
func (r *room) until(enough func() bool) {
	r.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		seen, loss := r.w.Take()
		r.loss = append(r.loss, loss...)
		for _, s := range seen {
			if s.File != nil {
				text, err := io.ReadAll(s.File)
				if err != nil {
					r.t.Fatal(err)
				}
				r.texts[s] = string(text)
				s.File.Close()
			}
			r.seen = append(r.seen, s)
		}
		if enough() {
			return
		}
		select {
		case <-r.w.Ready():
		case <-deadline:
			r.t.Fatalf("after a minute: %d sights, losses %v", len(r.seen), r.loss)
		}
	}
}

func (r *room) write(name, text string) string {
	r.t.Helper()
	name = filepath.Join(r.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}

// TestShortLives: 1,000 files, each created, filled and deleted at once. Each is a
// sight; with fanotify every content is read, without it what was too late says so.
func TestShortLives(t *testing.T) {
	const files = 1000
	modes(t, func(t *testing.T, r *room) {
		go func() {
			for i := range files {
				name := filepath.Join(r.root, fmt.Sprintf("list%d.csv", i))
				os.WriteFile(name, fmt.Appendf(nil, "customer %d", i), 0o600)
				os.Remove(name)
			}
		}()
		gone := map[string]bool{}
		late := 0
		counted := 0
		r.until(func() bool {
			for _, s := range r.seen[counted:] {
				if s.Gone {
					gone[s.Path] = true
				}
			}
			counted = len(r.seen)
			return len(gone) == files
		})
		texts := map[string]string{} // a life may be told in two sights
		tooLate := map[string]bool{}
		for _, s := range r.seen {
			if text := r.texts[s]; text != "" {
				texts[s.Path] = text
			}
			tooLate[s.Path] = tooLate[s.Path] || s.Late()
		}
		for i := range files {
			name := fmt.Sprintf("list%d.csv", i)
			if tooLate[name] {
				late++
			} else if got, want := texts[name], fmt.Sprintf("customer %d", i); got != want && r.w.Holds() {
				t.Errorf("%s: read %q, want %q", name, got, want)
			}
		}
		if len(r.loss) > 0 {
			t.Errorf("losses %v", r.loss)
		}
		if r.w.Holds() && late > 0 {
			t.Errorf("%d of %d were too late although the kernel holds them", late, files)
		}
		t.Logf("%d files, %d of them too late", files, late)
	})
}

// TestLives: what a sight says of each life.
func TestLives(t *testing.T) {
	modes(t, func(t *testing.T, r *room) {
		// await waits until the sights of a path, taken together, say all of it: what
		// happened to one file may be told in several sights.
		await := func(path string, want ...string) {
			t.Helper()
			r.until(func() bool {
				said := ""
				for _, s := range r.seen {
					if s.Path == path {
						said += " " + line(r, s)
					}
				}
				for _, w := range want {
					if !strings.Contains(said, w) {
						return false
					}
				}
				return true
			})
		}
		r.write("a.csv", "one")
		await("a.csv", "created", "written", `"one"`)
		r.write("a.csv", "two")
		await("a.csv", `"two"`)
		if err := os.Rename(filepath.Join(r.root, "a.csv"), filepath.Join(r.root, "b.csv")); err != nil {
			t.Fatal(err)
		}
		await("a.csv", "gone")
		await("b.csv", "created", "was a.csv", `"two"`)
		r.write("new/deep/c.csv", "three")
		await("new/deep/c.csv", "written", `"three"`)
		if err := os.RemoveAll(filepath.Join(r.root, "new")); err != nil {
			t.Fatal(err)
		}
		await("new/deep/c.csv", "gone")
		await("new", "gone", "dir")
	})
}

func line(r *room, s *Sight) string {
	words := []string{}
	for _, w := range []struct {
		on   bool
		word string
	}{{s.Created, "created"}, {s.Written, "written"}, {s.Was != "", "was " + s.Was}, {s.Gone, "gone"}, {s.Dir, "dir"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	if text, ok := r.texts[s]; ok {
		words = append(words, fmt.Sprintf("%q", text))
	}
	return strings.Join(words, " ")
}

// TestLoss: what nobody waits for is a loss, and files are not held without end.
func TestLoss(t *testing.T) {
	r := newRoom(t, Config{Plain: true, Pending: 10, Held: 4})
	for i := range 100 {
		r.write(fmt.Sprintf("f%d", i), "x")
	}
	r.until(func() bool { return len(r.loss) > 0 })
	if len(r.seen) > 10 {
		t.Errorf("%d sights, want at most 10 waiting", len(r.seen))
	}
	if r.loss[0].Reason != Overflow {
		t.Errorf("loss %+v", r.loss[0])
	}
}

// TestMarks: a sight of an empty file is not late, one that was never opened is.
func TestMarks(t *testing.T) {
	got := []bool{
		(&Sight{Created: true, Gone: true, Size: -1}).Late(),
		(&Sight{Created: true, Gone: true, Size: 0}).Late(),
		(&Sight{Gone: true, Size: -1}).Late(),
		(&Sight{Created: true, Written: true, Gone: true, Size: -1, MovedTo: "b"}).Late(),
	}
	if diff := cmp.Diff([]bool{true, false, false, false}, got); diff != "" {
		t.Error(diff)
	}
}
