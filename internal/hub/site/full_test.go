package site

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/policy/cut"
)

// fullDisk makes no files while it is full.
type fullDisk struct {
	durable.FS
	full atomic.Bool
}

func (d *fullDisk) Create(name string, mode fs.FileMode) (durable.File, error) {
	if d.full.Load() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	return d.FS.Create(name, mode)
}

// TestCutOnFullDisk: a site whose disk is full takes orders all the same, hears
// them also when its certificate should be renewed and a policy waits, and keeps
// everything when there is room.
func TestCutOnFullDisk(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	disk := &fullDisk{FS: durable.Dir(dir)}
	policies := &policies{put: make(chan uint64, 8)}
	var site *Site
	w.files, w.policies, w.tell = disk, policies, func(s *Site) { site = s }
	g := &gate{flows: 5}
	stop := w.run("osaka", dir, map[string]*gate{"out": g})
	disk.full.Store(true)
	order := func(what string, closed uint64) {
		t.Helper()
		r, err := w.cuts.Order(t.Context(), hub.Change{By: "ayame", Reason: what, Add: []cut.Entry{{Kind: cut.All, Until: w.now().Add(time.Hour).UnixNano()}}})
		if err != nil {
			t.Fatal(err)
		}
		if s := state(t, r, "osaka/out"); s.Red || s.Closed != closed || s.Generation != g.generation() || s.Generation != r.Generation {
			t.Errorf("%s: %+v, the gate has %d", what, s, g.generation())
		}
	}
	order("first", 5)
	if _, err := os.Stat(filepath.Join(dir, orderFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the disk is not full: %v", err)
	}
	signer, verifier := w.keys()
	if err := w.server.Push("default", 1, "one", signer, verifier); err != nil {
		t.Fatal(err)
	}
	order("behind a policy", 0)
	if site.Policy() != nil {
		t.Error("a policy that a crash would lose is in force")
	}
	first := site.current()
	w.ahead.Add(int64(21 * day))
	order("with a certificate that is due", 0)
	if site.current() != first {
		t.Error("a certificate that is not on disk is used")
	}

	w.ahead.Add(int64(renewAgain))
	order("with a certificate that is tried again", 0)
	if n := count[*event.GateEnrolled](w); n > 3 { // invited, joined, and one that waits for room
		t.Errorf("%d certificates were given", n)
	}

	disk.full.Store(false)
	if got := policies.next(t); got != 1 {
		t.Errorf("policy %d is in force, want 1", got)
	}
	stop() // what is left is kept at the latest now
	w.stop()
	again := &gate{}
	w.run("osaka", dir, map[string]*gate{"out": again})
	if again.generation() != 4 {
		t.Errorf("generation %d after a restart without a hub, want 4", again.generation())
	}
}

// TestShipOnFullDisk: a site that cannot write down how far it is sends on, once
// each, and lets retention take nothing.
func TestShipOnFullDisk(t *testing.T) {
	ledger := emptyRecord()
	taker := &taker{seqs: map[chainName]uint64{}, fate: func() int { return answered }}
	dir := t.TempDir()
	disk := &fullDisk{FS: durable.Dir(dir)}
	disk.full.Store(true)
	var said bytes.Buffer
	now := time.Unix(0, 0)
	s := &Site{member: &Membership{Hub: "https://hub"}, cfg: Config{Dir: dir, Files: disk, Lines: ledger, Ships: func(string) bool { return true },
		Log: slog.New(slog.NewTextHandler(&said, nil)), Now: func() time.Time { now = now.Add(time.Minute); return now }}}
	ship := func(want int) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ledger.idle = cancel
		_ = s.shipOver(ctx, &http.Client{Transport: taker}) // it ends when all is sent
		if len(taker.lines) != want || taker.bad != nil {
			t.Fatalf("the hub has %d lines, want %d: %v", len(taker.lines), want, taker.bad)
		}
	}
	for range 5 {
		ledger.add("gate/out@osaka", 0)
	}
	ship(5)
	if s.Shipped() != 0 || !bytes.Contains(said.Bytes(), []byte("not on disk")) {
		t.Errorf("retention may take what is before %d; said: %s", s.Shipped(), said.String())
	}
	ledger.add("gate/out@osaka", 0)
	ship(6)
	disk.full.Store(false)
	ledger.add("gate/out@osaka", 0)
	ship(7)
	if s.Shipped() != 7 {
		t.Errorf("retention may take what is before %d, want 7", s.Shipped())
	}
}
