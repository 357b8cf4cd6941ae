package netloop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/gate/netloop"
)

// send writes all of b or ends the test.
func send(t *testing.T, w io.Writer, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

// want reads exactly what is expected.
func want(t *testing.T, r io.Reader, text string) {
	t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatalf("reading %q: %v", text, err)
	}
	if string(b) != text {
		t.Fatalf("got %q, want %q", b, text)
	}
}

// wantEnd reads until the peer ends in an orderly way.
func wantEnd(t *testing.T, r io.Reader) {
	t.Helper()
	rest, err := io.ReadAll(r)
	if err != nil || len(rest) > 0 {
		t.Fatalf("got %q and %v, want the end", rest, err)
	}
}

func TestLastWordsReachTheClient(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newForward()
		_, p := add(t, start(t, cfg), "tcp", h)
		send(t, p.upstream, []byte("FATAL: going down"))
		_ = p.upstream.Close()
		want(t, p.client, "FATAL: going down")
		wantEnd(t, p.client)
		if diff := cmp.Diff([]string{"upstream: <nil>", "client: netloop: the pair was closed"}, h.wait(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLastWordsAfterReset: the server says why and closes while we still write to it. The write fails; the words
// must arrive all the same.
func TestLastWordsAfterReset(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newForward()
		h.onOpen = func(p *netloop.Pair) error { p.Pause(netloop.Upstream); return nil }
		writes := make(chan struct{}, 100)
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			p.Write(s.Other(), b)
			if s == netloop.Client {
				writes <- struct{}{}
			}
			if bytes.Contains(b, []byte("last")) {
				p.Resume(netloop.Upstream)
			}
			return nil
		}
		_, p := add(t, start(t, cfg), "tcp", h)
		send(t, p.upstream, []byte("FATAL: why"))
		_ = p.upstream.Close()
		for range 20 { // the first is answered by a reset, the next ones fail
			send(t, p.client, []byte("query"))
			<-writes
		}
		send(t, p.client, []byte("last"))
		want(t, p.client, "FATAL: why")
		wantEnd(t, p.client)
		h.wait(t)
	})
}

func TestHandlerErrorEndsAfterFlush(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		refused := errors.New("refused by policy")
		h := newForward()
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			p.Write(netloop.Client, []byte("ERROR"))
			return refused
		}
		_, p := add(t, start(t, cfg), "tcp", h)
		send(t, p.client, []byte("SELECT"))
		want(t, p.client, "ERROR")
		wantEnd(t, p.client)
		wantEnd(t, p.upstream)
		if diff := cmp.Diff([]string{"client: refused by policy", "upstream: refused by policy"}, h.wait(t)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAheadComesFirst(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		c, gc := connected(t, "tcp")
		u, gu := connected(t, "tcp")
		send(t, c, []byte(" and socket"))
		h := newForward()
		var order []string
		h.onOpen = func(p *netloop.Pair) error { p.Write(netloop.Upstream, []byte("open, ")); return nil }
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			order = append(order, s.String())
			p.Write(s.Other(), b)
			return nil
		}
		if _, err := loop.Add(netloop.Transport{Conn: gc, Ahead: []byte("ahead")}, netloop.Transport{Conn: gu, Ahead: []byte("reply")}, h); err != nil {
			t.Fatal(err)
		}
		want(t, u, "open, ahead and socket")
		want(t, c, "reply")
		_ = c.Close()
		h.wait(t)
	})
}

func TestPauseAndWake(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newForward()
		seen := make(chan string, 10)
		h.onOpen = func(p *netloop.Pair) error { p.Pause(netloop.Client); return nil }
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			seen <- s.String() + " " + string(b)
			return nil
		}
		wakes := 0
		h.onWake = func(p *netloop.Pair) error {
			wakes++
			seen <- fmt.Sprintf("wake, client paused: %t", p.Paused(netloop.Client))
			p.Resume(netloop.Client)
			return nil
		}
		pair, p := add(t, start(t, cfg), "tcp", h)
		send(t, p.client, []byte("late"))
		send(t, p.upstream, []byte("early"))
		var got []string
		got = append(got, <-seen)
		pair.Wake()
		got = append(got, <-seen, <-seen)
		if diff := cmp.Diff([]string{"upstream early", "wake, client paused: true", "client late"}, got); diff != "" {
			t.Error(diff)
		}
		_ = p.client.Close()
		h.wait(t)
		pair.Wake() // after the end: nothing happens
	})
}

func TestTick(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newForward()
		type tick struct{ late time.Duration }
		ticks := make(chan tick, 10)
		var deadline time.Time
		h.onOpen = func(p *netloop.Pair) error {
			p.ArmTick(p.Now().Add(time.Hour)) // replaced
			deadline = p.Now().Add(20 * time.Millisecond)
			p.ArmTick(deadline)
			return nil
		}
		h.onTick = func(p *netloop.Pair, now time.Time) error {
			ticks <- tick{now.Sub(deadline)}
			deadline = now.Add(10 * time.Millisecond)
			if len(ticks) < 3 {
				p.ArmTick(deadline)
			} else {
				p.ArmTick(deadline)
				p.ArmTick(time.Time{}) // taken back
				p.Write(netloop.Client, []byte("three"))
			}
			return nil
		}
		_, p := add(t, start(t, cfg), "tcp", h)
		want(t, p.client, "three")
		for range 3 {
			if k := <-ticks; k.late < 0 {
				t.Errorf("a tick %v before its deadline", -k.late)
			}
		}
		_ = p.client.Close()
		h.wait(t)
		if len(ticks) > 0 {
			t.Error("a tick that was taken back")
		}
	})
}

func TestKill(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		h := newForward()
		pair, p := add(t, start(t, cfg), "tcp", h)
		pair.Kill(errors.New("destination cut"))
		pair.Kill(errors.New("too late"))
		wantEnd(t, p.client)
		wantEnd(t, p.upstream)
		if diff := cmp.Diff([]string{"client: destination cut", "upstream: destination cut"}, h.wait(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestSlowReader: what waits for a client that does not read is bounded, also when the handler multiplies it.
func TestSlowReader(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 64 << 10
		var most atomic.Int64
		backlog := make(chan struct{})
		h := newForward()
		h.half = true
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			p.Write(s.Other(), b)
			p.Write(s.Other(), bytes.Clone(b))
			if n := int64(p.Buffered(s.Other())); n > most.Load() {
				most.Store(n)
			}
			if most.Load() > int64(cfg.MaxBuffered) {
				select {
				case <-backlog:
				default:
					close(backlog)
				}
			}
			return nil
		}
		_, p := add(t, start(t, cfg), "tcp", h)
		const total = 32 << 20
		sent := make(chan error, 1)
		go func() {
			_, err := p.upstream.Write(bytes.Repeat([]byte("0123456789abcdef"), total/16))
			sent <- errors.Join(err, p.upstream.(halfCloser).CloseWrite())
		}()
		select {
		case <-backlog: // nothing is read before
		case <-time.After(20 * time.Second):
			t.Fatal("no backlog formed")
		}
		n, err := io.Copy(io.Discard, p.client)
		if n != 2*total || err != nil {
			t.Fatalf("got %d bytes, want %d: %v", n, 2*total, err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		// One full read, doubled, may come on top of the limit.
		if limit := int64(cfg.MaxBuffered + 2*64<<10); most.Load() > limit {
			t.Errorf("%d bytes were queued, limit %d", most.Load(), limit)
		}
		_ = p.client.Close()
		h.wait(t)
	})
}

// TestAnswersToAFlood: a client that sends and never reads what the handler itself answers (refusals) is not read
// for ever.
func TestAnswersToAFlood(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 64 << 10
		const answer = 16 // bytes for one
		var most, total atomic.Int64
		full := make(chan struct{})
		h := newForward()
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			for range answer {
				p.Write(netloop.Client, b)
			}
			total.Add(int64(len(b)))
			if n := int64(p.Buffered(netloop.Client)); n > most.Load() {
				most.Store(n)
			}
			if most.Load() > int64(2*cfg.MaxBuffered) {
				select {
				case <-full:
				default:
					close(full)
				}
			}
			return nil
		}
		_, p := add(t, start(t, cfg), "tcp", h)
		const flood = 4 << 20
		sent := make(chan error, 1)
		go func() {
			_, err := p.client.Write(make([]byte, flood))
			sent <- err
		}()
		select {
		case <-full:
		case <-time.After(20 * time.Second):
			t.Fatal("no backlog formed")
		}
		if n, err := io.CopyN(io.Discard, p.client, answer*flood); err != nil {
			t.Fatalf("%d bytes of the answers, then %v", n, err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if limit := int64(2*cfg.MaxBuffered + answer*64<<10); most.Load() > limit || total.Load() != flood {
			t.Errorf("%d bytes were queued, limit %d; %d of %d were read", most.Load(), limit, total.Load(), flood)
		}
		_ = p.client.Close()
		h.wait(t)
	})
}

func TestLimitsEndPairs(t *testing.T) {
	flood := func(p *netloop.Pair) error { p.Write(netloop.Client, make([]byte, 32<<20)); return nil }
	tests := []struct {
		name string
		cfg  netloop.Config
		open func(p *netloop.Pair) error
		want error
	}{
		{"stalled", netloop.Config{WriteStall: 50 * time.Millisecond}, flood, netloop.ErrStalled},
		{"flush", netloop.Config{FlushTimeout: 50 * time.Millisecond}, func(p *netloop.Pair) error {
			p.CloseAfterFlush()
			return flood(p)
		}, netloop.ErrStalled},
		{"idle", netloop.Config{Idle: 50 * time.Millisecond}, func(*netloop.Pair) error { return nil }, netloop.ErrIdle},
		{"overflow", netloop.Config{HardBuffered: 1 << 20}, func(p *netloop.Pair) error {
			for range 2 {
				p.Write(netloop.Client, make([]byte, 1<<20))
			}
			return nil
		}, netloop.ErrOverflow},
	}
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				tt.cfg.Portable, tt.cfg.Linger = cfg.Portable, cfg.Linger
				h := newForward()
				h.onOpen = tt.open
				add(t, start(t, tt.cfg), "tcp", h)
				text := tt.want.Error()
				if diff := cmp.Diff([]string{"client: " + text, "upstream: " + text}, h.wait(t)); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

func TestFullAndStopped(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxPairs = 1
		var loop netloop.Loop
		h := newForward()
		t.Run("run", func(inner *testing.T) {
			loop = start(inner, cfg) // stops before the connections close
			add(t, loop, "tcp", h)
			_, gc := connected(t, "tcp")
			_, gu := connected(t, "tcp")
			if _, err := loop.Add(netloop.Transport{Conn: gc}, netloop.Transport{Conn: gu}, newForward()); !errors.Is(err, netloop.ErrFull) {
				t.Errorf("second pair: %v, want ErrFull", err)
			}
			send(t, gc, []byte("still ours"))
		})
		text := netloop.ErrStopped.Error()
		if diff := cmp.Diff([]string{"client: " + text, "upstream: " + text}, h.wait(t)); diff != "" {
			t.Error(diff)
		}
		_, gc := connected(t, "tcp")
		_, gu := connected(t, "tcp")
		if _, err := loop.Add(netloop.Transport{Conn: gc}, netloop.Transport{Conn: gu}, newForward()); !errors.Is(err, netloop.ErrStopped) {
			t.Errorf("after Run: %v, want ErrStopped", err)
		}
	})
}

func TestForeignConnection(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _ = a.Close(); _ = b.Close() }()
	_, gu := connected(t, "tcp")
	loop := start(t, netloop.Config{})
	_, err := loop.Add(netloop.Transport{Conn: gu}, netloop.Transport{Conn: b}, newForward())
	if err == nil {
		t.Skip("this system's carrier takes any connection")
	}
	if got, wanted := err.Error(), "netloop: take over the upstream connection: *net.pipe is neither a TCP nor a Unix connection (Config.Portable takes any)"; got != wanted {
		t.Errorf("got %q, want %q", got, wanted)
	}
}

// TestHammer: many pairs that come and go, write both ways, are woken, killed and reset at once.
func TestHammer(t *testing.T) {
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				for round := range 4 {
					hammerPair(t, loop, uint64(i*10+round))
				}
			})
		}
		wg.Wait()
	})
}

func hammerPair(t *testing.T, loop netloop.Loop, seed uint64) {
	h := newForward()
	h.half = seed%2 == 0
	h.onWake = func(p *netloop.Pair) error { p.Write(netloop.Client, nil); p.ArmTick(p.Now()); return nil }
	pair, p := add(t, loop, []string{"tcp", "unix"}[seed%2], h)
	var wg sync.WaitGroup
	for _, c := range []net.Conn{p.client, p.upstream} {
		wg.Go(func() { _, _ = pump(c, seed, 100<<10); _ = c.(halfCloser).CloseWrite() })
		wg.Go(func() { _, _, _ = drainAll(c, seed) })
	}
	wg.Go(func() {
		for range 20 {
			pair.Wake()
		}
		switch seed % 5 {
		case 0:
			pair.Kill(netloop.ErrIdle)
		case 1:
			if c, ok := p.client.(*net.TCPConn); ok {
				_ = c.SetLinger(0)
			}
			_ = p.client.Close()
		}
	})
	wg.Wait()
	h.wait(t)
	_ = p.client.Close()
	_ = p.upstream.Close()
}
