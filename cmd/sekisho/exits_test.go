package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/config"
	"sekisho/internal/wayout"
)

// TestExitWatch: an unknown way is told once, and again when it comes back.
func TestExitWatch(t *testing.T) {
	w := newExitWatch([]config.Exit{{Name: "main", Interface: "eth0", Next: "192.0.2.1"}})
	w.proc, w.own = t.TempDir(), func() []netip.Addr { return nil }
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
		fresh, gone, err := w.look()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]wayout.Way{c.fresh, c.gone}, [][]wayout.Way{fresh, gone}, compare); diff != "" {
			t.Errorf("look %d (-want +got):\n%s", i, diff)
		}
	}
	if err := os.Remove(filepath.Join(w.proc, "net/route")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.look(); err == nil {
		t.Error("nothing can be seen, and nobody says so")
	}
}
