package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/config"
	"sekisho/internal/wayout"
)

// TestExitWatch: an unknown way is told once, and again when it comes back.
func TestExitWatch(t *testing.T) {
	w := newExitWatch([]config.Exit{{Name: "main", Interface: "eth0", Next: "192.0.2.1"}})
	w.proc, w.own = t.TempDir(), func() []netip.Addr { return nil }
	w.counters = nil
	write := func(more string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(w.proc, "net"), 0o700); err != nil {
			t.Fatal(err)
		}
		text := "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 010200C0 0003 0 0 0 00000000\n" + more
		if err := os.WriteFile(filepath.Join(w.proc, "net/route"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	phone := wayout.Way{Kind: "route", Interface: "usb0"}
	compare := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	for i, c := range []struct {
		more        string
		fresh, gone []wayout.Way
	}{
		{"", nil, nil},
		{"usb0 00000000 00000000 0001 0 0 700 00000000\n", []wayout.Way{phone}, nil},
		{"usb0 00000000 00000000 0001 0 0 700 00000000\n", nil, nil},
		{"", nil, []wayout.Way{phone}},
		{"usb0 00000000 00000000 0001 0 0 700 00000000\n", []wayout.Way{phone}, nil},
	} {
		write(c.more)
		fresh, gone, err := w.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]wayout.Way{c.fresh, c.gone}, [][]wayout.Way{fresh, gone}, compare); diff != "" {
			t.Errorf("look %d (-want +got):\n%s", i, diff)
		}
	}
	// A canary that sees another address than any exit's, and one that does not
	// answer.
	w.exits[0].Outside = netip.MustParseAddr("203.0.113.1")
	for _, c := range []struct {
		seen  string
		err   error
		fresh int
		gone  int
	}{{"203.0.113.1", nil, 0, 0}, {"203.0.113.9", nil, 1, 0}, {"203.0.113.9", nil, 0, 0}, {"10.0.0.9", nil, 0, 1}, {"", errors.New("no answer"), 0, 0}} {
		w.canary = func(context.Context) (netip.Addr, error) {
			a, _ := netip.ParseAddr(c.seen)
			return a, c.err
		}
		if fresh, gone, err := w.look(t.Context()); err != nil || len(fresh) != c.fresh || len(gone) != c.gone {
			t.Errorf("canary %q: %v, %v, %v", c.seen, fresh, gone, err)
		}
	}
	// A counter that rises is one finding for an hour; one that does not is none.
	clock := time.Unix(1_000_000, 0)
	w.canary, w.now = nil, func() time.Time { return clock }
	for i, c := range []struct {
		packets     int
		fresh, gone int
	}{{0, 0, 0}, {3, 1, 0}, {3, 0, 0}, {9, 0, 0}, {9, 0, 0}, {9, 0, 1}, {0, 0, 0}, {1, 1, 0}} {
		clock = clock.Add(40 * time.Minute)
		w.counters = func(context.Context) []byte {
			return fmt.Appendf(nil, "table inet sekisho {\n\tcounter bypass {\n\t\tpackets %d bytes 9\n\t}\n}\n", c.packets)
		}
		if fresh, gone, err := w.look(t.Context()); err != nil || len(fresh) != c.fresh || len(gone) != c.gone {
			t.Errorf("counter, look %d: %v, %v, %v", i, fresh, gone, err)
		}
	}
	if err := os.Remove(filepath.Join(w.proc, "net/route")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.look(t.Context()); err == nil {
		t.Error("nothing can be seen, and nobody says so")
	}
}
