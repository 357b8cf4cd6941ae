package disclosure_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/viewtest"
)

// moved is a ledger whose files were taken away: it says that it has more
// events than can be read.
type moved struct{ viewtest.Ledger }

func (m moved) Wait(context.Context, event.Index) (event.Index, error) {
	return event.Index(len(m.Ledger) + 3), nil
}

func TestFollowerNoticesThatTheFilesAreGone(t *testing.T) {
	v, err := disclosure.Open(t.Context(), disclosure.Config{Path: filepath.Join(t.TempDir(), "view.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var l viewtest.Ledger
	l.Add("gate/shop", 1, 1, 0, &event.SourceStart{Start: 1})
	f, err := view.Follow(t.Context(), "disclosure", moved{l}, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "its files hold 1") {
		t.Fatalf("Run = %v, want that the files hold 1", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Run(ctx); err != nil {
		t.Errorf("Run after the end of its context = %v, want nil", err)
	}
}
