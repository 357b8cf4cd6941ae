package account

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sekisho/internal/event"
)

// TestUndone: a change that was announced and not made is taken back in the
// ledger: at once where it can be, else by the next start.
func TestUndone(t *testing.T) {
	w := newOffice(t)
	w.officer(t)
	ctx := t.Context()
	code, err := w.Invite(ctx, "ayame", "sora", []Role{Viewer})
	if err != nil {
		t.Fatal(err)
	}
	w.join(t, code, "sora")
	steps := func() (out []string) {
		for _, b := range w.events {
			if e, ok := b.(*event.Account); ok && e.Account == "sora" {
				out = append(out, e.Step+" "+e.Undone)
			}
		}
		return out
	}
	begin := len(steps())
	// The change itself fails: there is no such passkey.
	if err := w.RemovePasskey(ctx, "ayame", "sora", []byte("none")); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v, want ErrUnknown", err)
	}
	if got := steps()[begin:]; !slices.Equal(got, []string{"passkey-removed ", "undone passkey-removed"}) {
		t.Errorf("recorded %q", got)
	}
	// The process ends when the event is on disk.
	gone, end := context.WithCancel(ctx)
	lost := errors.New("the process is gone")
	record, lives := w.Record, true
	w.Record = func(c context.Context, by event.Source, bodies ...event.Body) error {
		if !lives {
			return lost
		}
		lives = false
		end()
		return record(ctx, by, bodies...)
	}
	begin = len(steps())
	if err := w.SetRoles(gone, "ayame", "sora", w.Tenant, []Role{Auditor}); !errors.Is(err, lost) {
		t.Errorf("%v, want that it is gone", err)
	}
	u, err := w.User(ctx, "sora")
	if err != nil || !slices.Equal(u.Roles, []Grant{{w.Tenant, Viewer}}) {
		t.Errorf("half done: %v, %v", u.Roles, err)
	}
	w.Record = record
	for range 2 { // the second time there is nothing to say
		if err := w.Settle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := steps()[begin:]; !slices.Equal(got, []string{"roles ", "undone roles"}) {
		t.Errorf("recorded %q", got)
	}
}
