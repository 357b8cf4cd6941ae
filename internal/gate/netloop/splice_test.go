package netloop_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/gate/netloop"
)

// blind lets everything pass unseen that may.
type blind struct {
	*forward
	passed   atomic.Int64
	onPassed func(p *netloop.Pair, s netloop.Side, n int) error
}

func newBlind() *blind { return &blind{forward: newForward()} }

func (*blind) MayPass(*netloop.Pair, netloop.Side) bool { return true }

func (b *blind) OnPassed(p *netloop.Pair, s netloop.Side, n int) error {
	b.passed.Add(int64(n))
	if b.onPassed != nil {
		return b.onPassed(p, s, n)
	}
	return nil
}

// TestBytesPassUnseen: what goes through the kernel arrives as it was sent, is
// counted, and its end follows it; over TLS nothing does.
func TestBytesPassUnseen(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		var unseen int64
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network, func(t *testing.T) {
				h := newBlind()
				h.half = true
				var seen atomic.Int64
				h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
					seen.Add(int64(len(b)))
					p.Write(s.Other(), b)
					return nil
				}
				_, p := add(t, loop, network, h)
				const total = 8 << 20
				exchange(t, p, 7, total)
				h.wait(t)
				if n := seen.Load() + h.passed.Load(); n != 2*total {
					t.Errorf("%d bytes were counted, want %d", n, 2*total)
				}
				unseen += h.passed.Load()
			})
		}
		if native := !cfg.Portable && runtime.GOOS == "linux"; native != (unseen > 0) {
			t.Errorf("native %t, %d bytes passed unseen", native, unseen)
		}
	})
}

// TestUnseenBytesWaitForASlowReader: what a peer does not take is bounded, comes
// in order with what the handler adds at the end, and stays whole.
func TestUnseenBytesWaitForASlowReader(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newBlind()
		h.half = true
		_, p := add(t, start(t, cfg), "tcp", h)
		block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		stuck := make(chan struct{})
		sent := make(chan int, 1)
		go func() { // until neither side's buffers take more
			total := 0
			for range 256 {
				_ = p.upstream.SetWriteDeadline(time.Now().Add(time.Second))
				n, err := p.upstream.Write(block)
				if total += n; err != nil {
					break
				}
			}
			close(stuck)
			_ = p.upstream.(halfCloser).CloseWrite()
			sent <- total
		}()
		<-stuck
		got, err := io.ReadAll(p.client)
		if err != nil {
			t.Fatal(err)
		}
		if total := <-sent; len(got) != total || total == 256*len(block) {
			t.Fatalf("%d bytes came of %d", len(got), total)
		}
		for i := 0; i < len(got); i += len(block) {
			if n := min(len(block), len(got)-i); !bytes.Equal(got[i:i+n], block[:n]) {
				t.Fatalf("other bytes between %d and %d", i, i+n)
			}
		}
		_ = p.client.Close()
		h.wait(t)
	})
}

// TestCloseKeepsUnseenBytesBack: what the handler was told of and does not want
// to pass does not arrive.
func TestCloseKeepsUnseenBytesBack(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		if cfg.Portable || runtime.GOOS != "linux" {
			return // nothing passes unseen here
		}
		h := newBlind()
		var allowed atomic.Int64
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			allowed.Add(int64(len(b)))
			p.Write(s.Other(), b)
			return nil
		}
		no := errors.New("no further")
		h.onPassed = func(p *netloop.Pair, _ netloop.Side, n int) error { p.Close(no); return nil }
		_, p := add(t, start(t, cfg), "tcp", h)
		go func() { _, _ = p.upstream.Write(make([]byte, 16<<20)) }()
		n, _ := io.Copy(io.Discard, p.client)
		if closed := h.wait(t); closed[1] != "upstream: no further" && closed[0] != "upstream: no further" {
			t.Errorf("ends: %q", closed)
		}
		if n > allowed.Load() || h.passed.Load() == 0 {
			t.Errorf("%d bytes came, %d were allowed, %d were kept back", n, allowed.Load(), h.passed.Load())
		}
	})
}

// TestManyPipes: more stalled streams than a worker has pipes for go on, by
// copying.
func TestManyPipes(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 240 MB")
	}
	loop := start(t, netloop.Config{Workers: 1})
	var wait sync.WaitGroup
	for range 80 {
		h := newBlind()
		h.half = true
		_, p := add(t, loop, "tcp", h)
		const total = 3 << 20
		wait.Go(func() {
			_, err := p.upstream.Write(make([]byte, total))
			if err = errors.Join(err, p.upstream.(halfCloser).CloseWrite()); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			n, err := io.Copy(io.Discard, p.client)
			if n != total || err != nil {
				t.Errorf("%d bytes came: %v", n, err)
			}
			_ = p.client.Close()
		})
	}
	wait.Wait()
}

// TestReset: a peer sees a reset and no end, on both sides: the kernel has dropped
// what it held for it.
func TestReset(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		no := errors.New("no further")
		handed := make(chan struct{})
		h := newForward()
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			p.Write(s.Other(), b)
			close(handed)
			return nil
		}
		h.onWake = func(p *netloop.Pair) error { p.Reset(no); return nil }
		pair, p := add(t, start(t, cfg), "tcp", h)
		send(t, p.client, []byte("secret"))
		<-handed
		pair.Wake()
		h.wait(t)
		var reset *net.OpError
		for _, c := range []net.Conn{p.client, p.upstream} {
			var b [16]byte
			for { // what came before the reset may still be read, an orderly end may not
				if _, err := c.Read(b[:]); errors.Is(err, io.EOF) {
					t.Errorf("an orderly end")
				} else if err == nil {
					continue
				} else if !errors.As(err, &reset) || reset.Timeout() {
					t.Errorf("ended with %v", err)
				}
				break
			}
		}
	})
}
