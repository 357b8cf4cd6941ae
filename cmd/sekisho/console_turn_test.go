package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
)

// TestWholeBounded: one question at a time reads the whole ledger, each for so long;
// who waits for longer is told, who goes away waits no more, and no account takes all
// the turns.
func TestWholeBounded(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	synctest.Test(t, func(t *testing.T) {
		c := &console{process: p}
		as := func(who string) context.Context {
			return control.WithPeer(t.Context(), control.Peer{UID: -1, Console: who})
		}
		ask := func(ctx context.Context, read func(context.Context) error) chan error {
			said := make(chan error, 1)
			go func() {
				_, err := whole(ctx, c, func(ctx context.Context, _ *ledger.Reader) (int, error) { return 0, read(ctx) })
				said <- err
			}()
			synctest.Wait()
			return said
		}
		long := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		short := func(context.Context) error { return nil }
		want := func(what string, err error, code fault.Code, after time.Duration, since time.Time) {
			t.Helper()
			if took := time.Since(since); err == nil || fault.Faults(err)[0].Code != code || took != after {
				t.Errorf("%s: %v after %s", what, err, took)
			}
		}

		begin := time.Now()
		first := ask(as("ren"), long)
		waits := []chan error{ask(as("mei"), short), ask(as("ren"), short), ask(as("ren"), short), ask(as("ren"), short)}
		want("one too many of an account", <-ask(as("ren"), short), fault.APIReading, 0, begin)
		gone, cancel := context.WithCancel(as("sora"))
		left := ask(gone, short)
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
			t.Errorf("who went away: %v after %s", err, time.Since(begin))
		}
		for _, w := range waits {
			want("one that waited", <-w, fault.APIReading, turnWait, begin)
		}
		want("a long one", <-first, fault.ReadingLong, turnTakes, begin)
		if err := <-ask(as("ren"), short); err != nil {
			t.Errorf("the next: %v", err)
		}
		over := errors.New("no such line")
		if err := <-ask(as("ren"), func(context.Context) error { return over }); !errors.Is(err, over) {
			t.Errorf("what went wrong: %v", err)
		}
		if len(c.whole.asked) != 0 {
			t.Errorf("counted as asking: %v", c.whole.asked)
		}
	})
}
