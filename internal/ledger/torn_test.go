package ledger

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/event"
)

// TestTornTail puts what crashes leave at the end of the open segment: it is
// cut off where that is safe, and never read as an event.
func TestTornTail(t *testing.T) {
	for _, c := range []struct {
		name     string
		tail     string
		powerCut bool
		opens    bool
	}{
		{"half a line", `{"t":"shop","s":"gate/sh`, false, true},
		{"half a line after a power cut", `{"t":"shop","s":"gate/sh`, true, true},
		{"zeros", strings.Repeat("\x00", 5000), true, true},
		{"zeros and a line feed", strings.Repeat("\x00", 5000) + "\n" + strings.Repeat("\x00", 100), true, true},
		{"zeros without a power cut", strings.Repeat("\x00", 500) + "\n", false, false},
		{"an event after zeros", strings.Repeat("\x00", 500) + "\n" + strangeLine, true, false},
		{"an event of nobody", strangeLine, true, false},
		{"garbage without a power cut", "hello\n", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := internalConfig(t)
			cfg.BootID = "boot 1"
			mustInit(t, cfg)
			l, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				if _, err := l.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: i}); err != nil {
					t.Fatal(err)
				}
			}
			crashed := cfg // as it is now, without a clean end
			crashed.Dir = t.TempDir()
			if err := os.CopyFS(crashed.Dir, os.DirFS(cfg.Dir)); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(crashed.Dir, checkpointKeyName), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.powerCut {
				crashed.BootID = "boot 2"
			}
			name := filepath.Join(crashed.Dir, openName(0))
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, append(text, c.tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err = Open(t.Context(), crashed)
			if (err == nil) != c.opens {
				t.Fatalf("open: %v, want success %v", err, c.opens)
			}
			if err != nil {
				return
			}
			if r := l.Recovered(); r.Clean || r.CutBytes != int64(len(c.tail)) || (r.Lost != nil) != c.powerCut || l.Head() != 5 {
				t.Errorf("%+v, %d events", r, l.Head())
			}
			if seq, err := l.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil || seq != 6 {
				t.Errorf("the chain goes on with %d, %v; want 6", seq, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if r := mustVerify(t, crashed.Dir, VerifyOptions{}); !r.OK() || r.Events != 6 {
				t.Errorf("%+v", r)
			}
		})
	}
}

const strangeLine = `{"t":"shop","s":"gate/else","w":1,"n":7,"at":1,"ce":1,"k":2,"p":"AAAAAAAAAAAAAAAAAAAAAA","b":{}}` + "\n"

// TestMutatedTail changes the open segment at random, without heads to compare
// with: what Verify takes for whole begins with the very lines that were
// written.
func TestMutatedTail(t *testing.T) {
	sample := sampleLedger(t)
	name := filepath.Join(sample.Dir, openName(3))
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(sample.Dir, headsName)); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for range 150 {
		bad := append([]byte(nil), good...)
		for range 1 + rng.IntN(2) {
			i, j := rng.IntN(len(bad)), rng.IntN(len(bad))
			switch rng.IntN(4) {
			case 0:
				bad[i] ^= 1 << rng.IntN(8)
			case 1:
				bad = bad[:i+1]
			case 2:
				i, j = min(i, j), max(i, j)
				bad = append(bad[:i], bad[j:]...)
			default:
				bad = append(bad[:i:i], bad[min(i, j):]...)
			}
			if len(bad) == 0 {
				bad = []byte{'\n'}
			}
		}
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		report := mustVerify(t, sample.Dir, VerifyOptions{})
		if !report.OK() {
			continue
		}
		whole := bad[:strings.LastIndexByte(string(bad), '\n')+1]
		last := strings.LastIndexByte(strings.TrimSuffix(string(whole), "\n"), '\n') + 1
		// The last line of a chain has no successor that binds it.
		before := strings.LastIndexByte(strings.TrimSuffix(string(whole[:last]), "\n"), '\n') + 1
		if !strings.HasPrefix(string(good), string(whole[:before])) {
			t.Fatalf("changed lines were taken:\n%s", whole)
		}
	}
}
