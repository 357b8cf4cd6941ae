package netloop_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/wire/tls13"
)

// traced makes a TLS connection whose session can be handed on: ours as a Transport, and the far end with what is below it.
func traced(t *testing.T, version uint16, weServe bool) (_ netloop.Transport, far, raw net.Conn) {
	t.Helper()
	raw, near := connected(t, "tcp")
	st := netloop.NewStream(near)
	st.Trace = tls13.NewTrace(weServe)
	serverCfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MaxVersion: version}
	clientCfg := &tls.Config{InsecureSkipVerify: true}
	var ours, theirs *tls.Conn
	if weServe {
		serverCfg.SessionTicketsDisabled, serverCfg.KeyLogWriter = true, st.Trace
		ours, theirs = tls.Server(st, serverCfg), tls.Client(raw, clientCfg)
	} else {
		clientCfg.KeyLogWriter = st.Trace
		ours, theirs = tls.Client(st, clientCfg), tls.Server(raw, serverCfg)
	}
	done := make(chan error, 1)
	go func() { done <- theirs.Handshake() }()
	if err := errors.Join(ours.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	st.Trace.Begin(ours.ConnectionState())
	return netloop.Transport{Conn: st, TLS: ours}, theirs, raw
}

// handOn has the pair detached, and its sockets taken by another program's loop.
func handOn[H netloop.Handler](t *testing.T, client, server net.Conn, h *leaving, next H) H {
	t.Helper()
	say(t, client, server, "go")
	sockets := <-h.sockets
	for i, s := range sockets {
		text, err := json.Marshal(s.TLS)
		if err != nil {
			t.Fatal(err)
		}
		var state *tls13.State
		if err := json.Unmarshal(text, &state); err != nil {
			t.Fatal(err)
		}
		if sockets[i], err = netloop.Adopt(s.Descriptor(), state); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := start(t, netloop.Config{Workers: 1}).Add(netloop.Transport{Socket: sockets[0]}, netloop.Transport{Socket: sockets[1]}, next); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestDetachTLS: TLS sessions on either side, or both, go on in another loop, and in one after it; what comes between waits
// in the socket; large answers pass unchanged.
func TestDetachTLS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	for _, legs := range []string{"client", "upstream", "both"} {
		t.Run(legs, func(t *testing.T) {
			var client, server net.Conn
			var in, out netloop.Transport
			client, in.Conn = connected(t, "tcp")
			server, out.Conn = connected(t, "tcp")
			if legs != "upstream" {
				in, client, _ = traced(t, tls.VersionTLS13, true)
			}
			if legs != "client" {
				out, server, _ = traced(t, tls.VersionTLS13, false)
			}
			first := start(t, netloop.Config{Workers: 1})
			h := newLeaving()
			if _, err := first.Add(in, out, h); err != nil {
				t.Fatal(err)
			}
			say(t, client, server, "one")
			say(t, server, client, "two")
			for range 2 {
				h = handOn(t, client, server, h, newLeaving())
				say(t, client, server, "three")
				say(t, server, client, "back")
			}
			last := newForward()
			last.half = true
			handOn(t, client, server, h, last)
			exchange(t, peers{client: half(client), upstream: half(server)}, 11, 2<<20)
			last.wait(t)
		})
	}
}

func half(c net.Conn) net.Conn {
	if t, ok := c.(*tls.Conn); ok {
		return tlsEnd{t}
	}
	return c
}

// TestDetachTLSForged: who puts a record into a session that was handed on, or takes one out, ends it, and the peer hears
// why.
func TestDetachTLSForged(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	in, client, raw := traced(t, tls.VersionTLS13, true)
	server, outer := connected(t, "tcp")
	first := start(t, netloop.Config{Workers: 1})
	h := newLeaving()
	if _, err := first.Add(in, netloop.Transport{Conn: outer}, h); err != nil {
		t.Fatal(err)
	}
	h = handOn(t, client, server, h, newLeaving())
	send(t, raw, append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...))
	if _, err := client.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "remote error: tls: bad record MAC") {
		t.Errorf("the peer hears %v", err)
	}
	wantEnd(t, server)
	if closed := h.wait(t); !strings.HasPrefix(closed[0], "client: tls13: alert 20") {
		t.Errorf("ended with %q", closed)
	}
}

// TestDetachTLSRefused: a session that cannot be known is not let go of, and says so beforehand.
func TestDetachTLSRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "not followed": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			in, client, _ := traced(t, version, true)
			if version == tls.VersionTLS13 {
				in.Conn.(*netloop.Stream).Trace = nil
			}
			if in.Keepable() {
				t.Error("it says that it can be kept")
			}
			server, outer := connected(t, "tcp")
			h := newLeaving()
			if _, err := start(t, netloop.Config{Workers: 1}).Add(in, netloop.Transport{Conn: outer}, h); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Write([]byte("go")); err != nil {
				t.Fatal(err)
			}
			hear(t, server, "go")
			<-h.over
			if !h.refused {
				t.Error("let go of")
			}
		})
	}
}

// TestDetachTLSInARecord: while the beginning of a record waits in crypto/tls nobody lets go of the session.
func TestDetachTLSInARecord(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	in, client, raw := traced(t, tls.VersionTLS13, true)
	server, outer := connected(t, "tcp")
	h := newLeaving()
	detached := make(chan bool, 1)
	h.onWake = func(p *netloop.Pair) error {
		detached <- p.Detach()
		return nil
	}
	p, err := start(t, netloop.Config{Workers: 1}).Add(in, netloop.Transport{Conn: outer}, h)
	if err != nil {
		t.Fatal(err)
	}
	say(t, client, server, "one")
	send(t, raw, []byte{23, 3, 3}) // and nothing that follows
	send(t, server, []byte("later"))
	hear(t, client, "later") // so the loop has looked at both
	p.Wake()
	if <-detached {
		t.Error("let go of in the middle of a record")
	}
}
