package netloop_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"sekisho/internal/gate/netloop"
)

// ending is a forward that is told of the last byte.
type ending struct {
	*forward
	gone chan error
}

// OnGone implements netloop.Ender.
func (e *ending) OnGone(_ *netloop.Pair, err error) { e.gone <- err }

// slowEnd makes a pair both of whose sides have ended while most of total bytes are still to be taken by a client that
// does not read. The pair is alive: it answers a wake.
func slowEnd(t *testing.T, loop netloop.Loop, total int, wake func(*netloop.Pair)) (*netloop.Pair, net.Conn, *ending) {
	t.Helper()
	h := &ending{forward: newForward(), gone: make(chan error, 2)}
	h.half = true
	woken := make(chan struct{}, 2)
	h.onWake = func(p *netloop.Pair) error { wake(p); woken <- struct{}{}; return nil }
	c, gc := connected(t, "tcp")
	u, gu := connected(t, "tcp")
	if err := errors.Join(c.(*net.TCPConn).SetReadBuffer(16<<10), gc.(*net.TCPConn).SetWriteBuffer(1<<20)); err != nil {
		t.Fatal(err)
	}
	pair, err := loop.Add(netloop.Transport{Conn: gc}, netloop.Transport{Conn: gu}, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	send(t, u, make([]byte, total))
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	h.wait(t) // both OnClosed
	pair.Wake()
	select {
	case <-woken:
	case <-time.After(20 * time.Second):
		t.Fatal("the pair is over while bytes are still on their way")
	}
	return pair, c, h
}

// TestGoneWithTheLastByte: OnGone comes when nothing is left of what both sides sent before they ended, neither in the
// pair's queue nor, where the kernel tells, in the socket.
func TestGoneWithTheLastByte(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 32 << 20
		for name, total := range map[string]int{"queue": 16 << 20, "kernel": 400 << 10} {
			t.Run(name, func(t *testing.T) {
				if name == "kernel" && (cfg.Portable || runtime.GOOS != "linux") {
					t.Skip("SKIPPED: this carrier does not see what the kernel holds")
				}
				_, c, h := slowEnd(t, start(t, cfg), total, func(*netloop.Pair) {})
				select {
				case err := <-h.gone:
					t.Fatalf("gone with %v before the client has read", err)
				default:
				}
				if n, err := io.Copy(io.Discard, c); err != nil || n != int64(total) {
					t.Fatalf("the client got %d of %d bytes, %v", n, total, err)
				}
				if err := <-h.gone; err != nil {
					t.Errorf("gone with %v", err)
				}
			})
		}
	})
}

// TestResetAfterBothEnds: what is still on its way after both ends can be dropped, and nothing follows OnGone.
func TestResetAfterBothEnds(t *testing.T) {
	no := errors.New("no further")
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 32 << 20
		const total = 16 << 20
		_, c, h := slowEnd(t, start(t, cfg), total, func(p *netloop.Pair) { p.Reset(no) })
		if err := <-h.gone; !errors.Is(err, no) {
			t.Errorf("gone with %v", err)
		}
		if n, err := io.Copy(io.Discard, c); err == nil || n >= total {
			t.Errorf("after OnGone the client got %d bytes and %v", n, err)
		}
	})
}

// TestResetAfterFlush: a last word leaves, and the peers see an orderly end, unless something cannot leave at once.
func TestResetAfterFlush(t *testing.T) {
	no := errors.New("no further")
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := &ending{forward: newForward(), gone: make(chan error, 2)}
		h.onWake = func(p *netloop.Pair) error {
			p.Write(netloop.Client, []byte("FATAL"))
			p.ResetAfterFlush(no)
			return nil
		}
		pair, p := add(t, start(t, cfg), "tcp", h)
		pair.Wake()
		want(t, p.client, "FATAL")
		if err := <-h.gone; !errors.Is(err, no) {
			t.Errorf("gone with %v", err)
		}
	})
}
