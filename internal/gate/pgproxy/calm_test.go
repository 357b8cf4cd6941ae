package pgproxy

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestCodeWaits: what a DO block writes cannot be known while another session
// changes the schema, so it waits until that is over, or once in vain.
func TestCodeWaits(t *testing.T) {
	const code = "DO $$BEGIN UPDATE tours SET days = 2; END$$"
	begun := func(t *testing.T) *bench {
		b := newBench(t, nil)
		b.defer_ = true
		b.g.reg.schemaChanging()
		if got := b.client(q(code)); len(got) > 0 || len(b.later) != 1 {
			t.Fatalf("sent %q, %d waits", got, len(b.later))
		}
		return b
	}
	t.Run("until it is over", func(t *testing.T) {
		b := begun(t)
		b.g.reg.schemaChanging()
		b.g.reg.schemaChanged()
		b.g.reg.schemaChanged()
		b.later[0]()
		if b.wakes != 1 {
			t.Errorf("%d wakes", b.wakes)
		}
		b.e.woken()
		b.same("after the change", b.drain(&b.e.toServer), q(code))
	})
	t.Run("in vain", func(t *testing.T) {
		b := begun(t)
		b.e.woken()
		b.same("after the patience", b.drain(&b.e.toServer), q(code))
	})
	t.Run("not for its own change", func(t *testing.T) {
		b := newBench(t, nil)
		b.client(q("CREATE TABLE x (n int)"))
		b.same("at once", b.client(q(code)), q(code))
	})
}

// TestWhenCalm wakes at the end of the last change, after the patience, and
// when the gate ends.
func TestWhenCalm(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(g *shared, stop func())
		wait time.Duration
	}{
		{"the change ends", func(g *shared, _ func()) { g.reg.schemaChanged() }, 0},
		{"it ended already", func(*shared, func()) {}, 0},
		{"it goes on", nil, changePatience},
		{"the gate ends", func(_ *shared, stop func()) { stop() }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				g := newShared(ctx, Settings{Place: "shop"}, nil, func(f func()) { go f() }, func(string, error) {})
				if c.name != "it ended already" {
					g.reg.schemaChanging()
				}
				woken := make(chan time.Time, 1)
				begin := time.Now()
				g.whenCalm(func() { woken <- time.Now() })
				if c.end != nil {
					c.end(g, stop)
				}
				if got := (<-woken).Sub(begin); got != c.wait {
					t.Errorf("woken after %v, want %v", got, c.wait)
				}
			})
		})
	}
}
