package netloop_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"sekisho/internal/gate/netloop"
)

// leaving passes everything on until the client says "go"; then it has the pair detached.
type leaving struct {
	*forward
	refused bool
	sockets chan [2]*netloop.Socket
}

func newLeaving() *leaving {
	return &leaving{forward: newForward(), sockets: make(chan [2]*netloop.Socket, 1)}
}

func (l *leaving) OnData(p *netloop.Pair, s netloop.Side, b []byte) error {
	p.Write(s.Other(), b)
	if strings.Contains(string(b), "go") && !p.Detach() {
		l.refused = true
		return errors.New("not detached")
	}
	return nil
}

func (l *leaving) OnDetached(_ *netloop.Pair, client, upstream *netloop.Socket) {
	l.sockets <- [2]*netloop.Socket{client, upstream}
}

// TestDetach: what was queued leaves first, what comes afterwards waits in the
// socket, and another loop goes on with both.
func TestDetach(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			client, inner := connected(t, network)
			outer, server := connected(t, network)
			first, next := start(t, netloop.Config{Workers: 1}), start(t, netloop.Config{Workers: 1})
			h := newLeaving()
			if _, err := first.Add(netloop.Transport{Conn: inner}, netloop.Transport{Conn: outer}, h); err != nil {
				t.Fatal(err)
			}
			say(t, client, server, "one")
			say(t, client, server, "go")
			sockets := <-h.sockets
			if n := first.Pairs(); n != 0 {
				t.Errorf("%d pairs after the only one was let go of", n)
			}
			if _, err := fmt.Fprint(client, "between"); err != nil {
				t.Fatal(err)
			}
			for i, s := range sockets { // as another program gets them
				again, err := netloop.Adopt(s.Descriptor(), s.TLS)
				if err != nil {
					t.Fatal(err)
				}
				sockets[i] = again
			}
			if _, err := next.Add(netloop.Transport{Socket: sockets[0]}, netloop.Transport{Socket: sockets[1]}, newForward()); err != nil {
				t.Fatal(err)
			}
			hear(t, server, "between")
			say(t, client, server, "three")
			say(t, server, client, "back")
			if len(h.closed) != 0 {
				t.Errorf("the first loop says that sides ended: %q", h.closed)
			}
		})
	}
}

// TestDetachHalf: where one side has ended, and the other was told, another loop tells it
// again, goes on with what the other still sends, and both ends are told once.
func TestDetachHalf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			client, inner := connected(t, network)
			outer, server := connected(t, network)
			first, next := start(t, netloop.Config{Workers: 1}), start(t, netloop.Config{Workers: 1})
			h := newLeaving()
			h.half = true
			if _, err := first.Add(netloop.Transport{Conn: inner}, netloop.Transport{Conn: outer}, h); err != nil {
				t.Fatal(err)
			}
			say(t, client, server, "one")
			if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if n, err := server.Read(make([]byte, 1)); err != io.EOF {
				t.Fatalf("%d bytes, %v; want the end", n, err)
			}
			say(t, server, client, "go")
			sockets := <-h.sockets
			if _, err := fmt.Fprint(server, "between"); err != nil {
				t.Fatal(err)
			}
			last := newForward()
			last.half = true
			if _, err := next.Add(netloop.Transport{Socket: sockets[0]}, netloop.Transport{Socket: sockets[1]}, last); err != nil {
				t.Fatal(err)
			}
			hear(t, client, "between")
			say(t, server, client, "three")
			server.Close()
			if n, err := client.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%d bytes, %v; want the end", n, err)
			}
			<-last.over
		})
	}
}

// TestDetachRefused: a pair whose peer is gone ends as ever, and where the
// carrier cannot let go the Handler hears it.
func TestDetachRefused(t *testing.T) {
	client, inner := connected(t, "tcp")
	outer, server := connected(t, "tcp")
	loop := start(t, netloop.Config{Portable: true})
	h := newLeaving()
	if _, err := loop.Add(netloop.Transport{Conn: inner}, netloop.Transport{Conn: outer}, h); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(client, "go"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(server)
	<-h.over
	if !h.refused {
		t.Error("the portable carrier let go of a pair")
	}
}

func say(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	if _, err := fmt.Fprint(from, text); err != nil {
		t.Fatal(err)
	}
	hear(t, to, text)
}

func hear(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}
