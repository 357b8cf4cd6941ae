package main

import (
	"errors"
	"path/filepath"
	"testing"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestHeadsOnFullDisk: a hub that cannot say what is on its disk tells a site no
// heads, rather than fewer than there are: the site would lose its place.
func TestHeadsOnFullDisk(t *testing.T) {
	disk := &faultyDisk{}
	cfg := ledger.Config{Dir: filepath.Join(t.TempDir(), "ledger"), Tenant: "shop"}
	if err := ledger.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	cfg.FS = disk.files(cfg.Dir)
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it has stopped
	rec := l.Recorder("gate/out@osaka", 0)
	if _, err := rec.Record(t.Context(), event.Durable, &event.Heartbeat{}); err != nil {
		t.Fatal(err)
	}
	heads, err := intake{l}.Heads("osaka")
	if err != nil || len(heads) != 1 || heads[0].Seq != 1 {
		t.Fatalf("%+v, %v", heads, err)
	}
	disk.full.Store(true)
	if _, err := rec.Record(t.Context(), event.Durable, &event.Heartbeat{}); !errors.Is(err, event.ErrStopped) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if heads, err = (intake{l}).Heads("osaka"); !errors.Is(err, event.ErrStopped) {
		t.Errorf("%+v, %v", heads, err)
	}
}

// TestPlaceNamed: each part of what a process guards has its own name at the hub: one
// that joined before folders were shipped ships its databases only.
func TestPlaceNamed(t *testing.T) {
	c := &config.Config{
		Databases: []config.Database{{Name: "hr"}, {Name: "shop", Site: "osaka"}},
		Files:     []config.Files{{Name: "www"}, {Name: "old", SnapshotOf: "shop"}},
		Stores:    []config.Store{{Name: "crm", Site: "osaka"}},
	}
	for name, want := range map[string]event.Place{"shop": "shop@osaka", "hr": "hr", "www": "www", "crm": "crm@osaka", "": ""} {
		if got := placeNamed(c, name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
