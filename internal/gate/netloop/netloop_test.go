package netloop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sekisho/internal/gate/netloop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eachCarrier runs a test over every carrier of this system.
func eachCarrier(t *testing.T, test func(t *testing.T, cfg netloop.Config)) {
	for name, cfg := range map[string]netloop.Config{
		"native":    {Workers: 2},
		"lingering": {Workers: 2, Linger: true},
		"portable":  {Workers: 2, Portable: true},
	} {
		t.Run(name, func(t *testing.T) { test(t, cfg) })
	}
}

// start runs a loop until the test ends.
func start(t *testing.T, cfg netloop.Config) netloop.Loop {
	t.Helper()
	loop, err := netloop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := loop.Pairs(); n != 0 {
			t.Errorf("%d pairs after Run", n)
		}
	})
	return loop
}

// connected returns both ends of a new connection.
func connected(t *testing.T, network string) (a, b net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "netloop")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := ln.Accept()
		accepted <- c
	}()
	if a, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b = <-accepted; b == nil {
		t.Fatal("no connection was accepted")
	}
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	for _, c := range []net.Conn{a, b} {
		_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a hanging test ends with a message
	}
	return a, b
}

// forward passes everything on and remembers how the pair ended.
type forward struct {
	mu     sync.Mutex
	closed []string
	over   chan struct{} // closed with the second OnClosed
	half   bool          // pass half-closes on
	onData func(p *netloop.Pair, s netloop.Side, b []byte) error
	onWake func(p *netloop.Pair) error
	onTick func(p *netloop.Pair, now time.Time) error
	onOpen func(p *netloop.Pair) error
}

func newForward() *forward { return &forward{over: make(chan struct{})} }

func (f *forward) OnOpen(p *netloop.Pair) error {
	if f.onOpen != nil {
		return f.onOpen(p)
	}
	return nil
}

func (f *forward) OnData(p *netloop.Pair, s netloop.Side, b []byte) error {
	if f.onData != nil {
		return f.onData(p, s, b)
	}
	p.Write(s.Other(), b)
	return nil
}

func (f *forward) OnClosed(p *netloop.Pair, s netloop.Side, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = append(f.closed, fmt.Sprintf("%s: %v", s, err))
	if f.half {
		p.CloseWrite(s.Other())
	}
	if len(f.closed) == 2 {
		close(f.over)
	}
}

func (f *forward) OnWake(p *netloop.Pair) error {
	if f.onWake != nil {
		return f.onWake(p)
	}
	return nil
}

func (f *forward) OnTick(p *netloop.Pair, now time.Time) error {
	if f.onTick != nil {
		return f.onTick(p, now)
	}
	return nil
}

// wait returns how both sides ended.
func (f *forward) wait(t *testing.T) []string {
	t.Helper()
	select {
	case <-f.over:
	case <-time.After(20 * time.Second):
		t.Fatal("the pair did not end")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// peers are the far ends of a pair.
type peers struct{ client, upstream net.Conn }

func add(t *testing.T, loop netloop.Loop, network string, h netloop.Handler) (*netloop.Pair, peers) {
	t.Helper()
	c, gc := connected(t, network)
	u, gu := connected(t, network)
	p, err := loop.Add(netloop.Transport{Conn: gc}, netloop.Transport{Conn: gu}, h)
	if err != nil {
		t.Fatal(err)
	}
	return p, peers{client: c, upstream: u}
}

// pump writes total bytes in random pieces and returns their digest.
func pump(w io.Writer, seed uint64, total int) ([32]byte, error) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	sum := sha256.New()
	for total > 0 {
		b := make([]byte, min(total, 1+rnd.IntN(1<<rnd.IntN(19))))
		for i := 0; i < len(b); i += 8 {
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], rnd.Uint64())
			copy(b[i:], word[:])
		}
		sum.Write(b)
		if _, err := w.Write(b); err != nil {
			return [32]byte{}, err
		}
		total -= len(b)
	}
	return [32]byte(sum.Sum(nil)), nil
}

// drainAll reads to the end in random pieces and returns the digest and the count.
func drainAll(r io.Reader, seed uint64) ([32]byte, int, error) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	sum := sha256.New()
	total := 0
	for {
		b := make([]byte, 1+rnd.IntN(1<<rnd.IntN(18)))
		n, err := r.Read(b)
		sum.Write(b[:n])
		total += n
		if err == io.EOF {
			return [32]byte(sum.Sum(nil)), total, nil
		}
		if err != nil {
			return [32]byte{}, total, err
		}
	}
}

type halfCloser interface{ CloseWrite() error }

// exchange sends total bytes both ways at once, ends both directions, and compares.
func exchange(t *testing.T, p peers, seed uint64, total int) {
	t.Helper()
	var wg sync.WaitGroup
	var sent, got [2][32]byte
	errs := make([]error, 4)
	for i, c := range []net.Conn{p.client, p.upstream} {
		wg.Go(func() {
			sent[i], errs[i] = pump(c, seed+uint64(i), total)
			if err := c.(halfCloser).CloseWrite(); err != nil {
				errs[i] = errors.Join(errs[i], err)
			}
		})
		wg.Go(func() {
			var n int
			got[i], n, errs[2+i] = drainAll(c, seed+uint64(i))
			if n != total {
				errs[2+i] = errors.Join(errs[2+i], fmt.Errorf("got %d of %d bytes", n, total))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if sent[0] != got[1] || sent[1] != got[0] {
		t.Fatal("bytes were changed on the way")
	}
}

func TestBytesPassUnchanged(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 32 << 10
		loop := start(t, cfg)
		for _, network := range []string{"tcp", "unix"} {
			for seed := range uint64(3) {
				t.Run(fmt.Sprintf("%s/%d", network, seed), func(t *testing.T) {
					h := newForward()
					h.half = true
					_, p := add(t, loop, network, h)
					exchange(t, p, seed*10, 3<<20)
					if closed := h.wait(t); closed[0][len(closed[0])-5:] != "<nil>" {
						t.Errorf("first end: %q", closed)
					}
				})
			}
		}
	})
}

// FuzzChunks changes how the handler queues: whole, split, copied, out of two calls, with own bytes before.
func FuzzChunks(f *testing.F) {
	f.Add(uint64(1), uint16(3000), uint8(0), false)
	f.Add(uint64(2), uint16(60000), uint8(7), true)
	f.Fuzz(func(t *testing.T, seed uint64, size uint16, split uint8, portable bool) {
		loop := start(t, netloop.Config{Portable: portable, Workers: 1, MaxBuffered: 4096})
		h := newForward()
		h.half = true
		rnd := rand.New(rand.NewPCG(seed, 3))
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			for len(b) > 0 {
				n := min(len(b), 1+rnd.IntN(1+int(split)*97))
				switch rnd.IntN(3) {
				case 0:
					p.Write(s.Other(), bytes.Clone(b[:n]))
				case 1:
					p.Write(s.Other(), b[:n:n])
				default:
					p.Write(s.Other(), b[:n])
				}
				b = b[n:]
			}
			return nil
		}
		_, p := add(t, loop, "unix", h)
		exchange(t, p, seed, int(size)*3)
		h.wait(t)
	})
}
