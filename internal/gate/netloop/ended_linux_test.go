package netloop_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"sekisho/internal/gate/netloop"
)

// descriptors counts those of the process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// fate is how a connection ended for its peer.
func fate(c net.Conn) string {
	var b [16]byte
	for { // what came before the reset may still be read
		switch _, err := c.Read(b[:]); {
		case err == nil:
		case errors.Is(err, io.EOF):
			return "end"
		default:
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return "nothing"
			}
			return "reset"
		}
	}
}

// TestResetBeforeItIsTold: when the handler hears the end of a pair that was reset, both peers have had it already.
// The descriptors are closed afterwards, without anything that happens.
func TestResetBeforeItIsTold(t *testing.T) {
	const pairs = 40
	loop := start(t, netloop.Config{Workers: 1})
	var all []*netloop.Pair
	var mu sync.Mutex
	var told []string
	over := make(chan struct{})
	before := descriptors(t)
	for range pairs {
		var p peers
		h := newForward()
		h.onWake = func(pair *netloop.Pair) error { pair.Reset(errors.New("no further")); return nil }
		var pair *netloop.Pair
		pair, p = add(t, loop, "tcp", &watched{forward: h, at: func() {
			one := []string{fate(p.client), fate(p.upstream)}
			mu.Lock()
			defer mu.Unlock()
			if told = append(told, one...); len(told) == 2*pairs {
				close(over)
			}
		}})
		all = append(all, pair)
	}
	netloop.WakeAll(all)
	<-over
	for i, one := range told {
		if one != "reset" {
			t.Errorf("peer %d: %s", i, one)
		}
	}
	// The peers' ends stay open until the test ends; the loop's own go by themselves.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(30 * time.Second); descriptors(t) > before+2*pairs; <-tick.C {
		if time.Now().After(until) {
			t.Fatalf("%d descriptors, want %d", descriptors(t), before+2*pairs)
		}
	}
}

// watched calls at with the first OnClosed of its pair.
type watched struct {
	*forward
	once sync.Once
	at   func()
}

// OnClosed implements netloop.Handler.
func (w *watched) OnClosed(p *netloop.Pair, s netloop.Side, err error) {
	w.once.Do(w.at)
	w.forward.OnClosed(p, s, err)
}

// TestResetOfUnixSockets: those cannot be dissolved; they are closed at once.
func TestResetOfUnixSockets(t *testing.T) {
	h := newForward()
	h.onWake = func(p *netloop.Pair) error { p.Reset(errors.New("no further")); return nil }
	pair, p := add(t, start(t, netloop.Config{Workers: 1}), "unix", h)
	pair.Wake()
	h.wait(t)
	for _, c := range []net.Conn{p.client, p.upstream} {
		if got := fate(c); got == "nothing" {
			t.Error("a peer hears nothing")
		}
	}
}

// TestNewPairsAfterReset: what waits for its close makes room for what comes, and ends with the loop.
func TestNewPairsAfterReset(t *testing.T) {
	before := -1
	for range 2 { // Go's poller opens its own in the first round
		t.Run("round", func(t *testing.T) {
			loop := start(t, netloop.Config{Workers: 1})
			for range 3 {
				var all []*netloop.Pair
				var handlers []*forward
				for range 10 {
					h := newForward()
					h.onWake = func(p *netloop.Pair) error { p.Reset(errors.New("no further")); return nil }
					pair, _ := add(t, loop, "tcp", h)
					all, handlers = append(all, pair), append(handlers, h)
				}
				netloop.WakeAll(all)
				for _, h := range handlers {
					h.wait(t)
				}
			}
			_, p := add(t, loop, "tcp", newForward())
			send(t, p.client, []byte("still"))
			want(t, p.upstream, "still")
		})
		if before < 0 {
			before = descriptors(t)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
