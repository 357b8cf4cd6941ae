package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestConsoleSilentGate: a gate of which nothing was heard for two hours is named
// on the first screen, in the sentence of coverage and among what to do; in a
// browser, in both languages, also in the ledger's room.
func TestConsoleSilentGate(t *testing.T) {
	f := newKilledFirm(t)
	c, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := ledgerConfig(c.Config)
	cfg.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Recorder("gate/shop-db", 0).Record(t.Context(), event.Durable, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}}, &event.Heartbeat{Places: []event.Place{"shop"}})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	f.start()
	said := regexp.MustCompile(`[^>]*shop[^<]*silent since[^<]*`).FindAllString(f.page("/"), -1)
	if len(said) < 2 {
		t.Errorf("the first screen says %q", said)
	}
	t.Run("browser", func(t *testing.T) {
		node, pages := browserAt(t)
		drive(t, node, filepath.Join(pages, "silent.mjs"), f.origin, f.cookies["ayame"])
	})
}
