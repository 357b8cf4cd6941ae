package account

import (
	"context"
	"errors"
	"testing"

	"sekisho/internal/event"
)

// TestEndsSettled: sessions that were to end when the process did end with the next
// start, all of them, whether or not the ledger says so already; and one whose end
// was never promised goes on.
func TestEndsSettled(t *testing.T) {
	lost := errors.New("the process is gone")
	for _, c := range []struct {
		what  string
		kept  bool // the ledger has what it was given
		end   func(o *office, mine *Session) error
		rest  int // of three, after the next start
		lives int // before it
	}{
		{"before it was recorded", false, func(o *office, mine *Session) error { return o.EndEntries(context.Background(), mine, "") }, 1, 3},
		{"after it was recorded", true, func(o *office, mine *Session) error { return o.EndEntries(context.Background(), mine, "") }, 1, 3},
		{"leaving before it was recorded", false, func(o *office, mine *Session) error { return o.Logout(context.Background(), mine, "192.0.2.1") }, 2, 2},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := newOffice(t)
			key := o.officer(t)
			var mine *Session
			for range 3 {
				cookie, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1")
				if err != nil {
					t.Fatal(err)
				}
				if mine, err = o.Session(t.Context(), cookie); err != nil {
					t.Fatal(err)
				}
				o.pass(totpStep)
			}
			record := o.Record
			o.events = nil
			o.Record = func(ctx context.Context, by event.Source, bodies ...event.Body) error {
				if c.kept {
					return errors.Join(lost, record(ctx, by, bodies...))
				}
				return lost
			}
			if err := c.end(o, mine); !errors.Is(err, lost) {
				t.Fatal(err)
			}
			left := func() int {
				all, err := o.Entries(t.Context(), mine)
				if err != nil {
					t.Fatal(err)
				}
				return len(all)
			}
			if n := left(); n != c.lives {
				t.Errorf("%d live on before the next start", n)
			}
			o.Record = record
			for range 2 { // the second time there is nothing to do
				if err := o.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := left(); n != c.rest {
				t.Errorf("%d live on", n)
			}
			said, want := 0, 3-c.rest
			for _, b := range o.events {
				if l, ok := b.(*event.Login); ok && l.Step == "ended" && l.Account == "ayame" && l.Method == "password" && l.Address == "192.0.2.1" {
					said++
				}
			}
			if c.kept {
				want *= 2
			}
			if said != want {
				t.Errorf("the ledger says %d times that one has ended, want %d", said, want)
			}
		})
	}
}
