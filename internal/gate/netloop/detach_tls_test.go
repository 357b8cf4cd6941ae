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
	"sekisho/internal/wire/tlsrecord"
)

// tlsKind is what both ends speak.
type tlsKind struct {
	name    string
	version uint16
	suites  []uint16 // of TLS 1.2
}

var (
	tls13  = tlsKind{"TLS 1.3", tls.VersionTLS13, nil}
	tls12  = tlsKind{"TLS 1.2 AES-GCM", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
	chacha = tlsKind{"TLS 1.2 ChaCha20", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}
	cbc    = tlsKind{"TLS 1.2 CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}
)

// traced makes a TLS connection whose session can be handed on: ours as a Transport, and the far end with what is below it.
func traced(t *testing.T, how tlsKind, weServe bool) (_ netloop.Transport, far, raw net.Conn) {
	t.Helper()
	raw, near := connected(t, "tcp")
	st := netloop.NewStream(near)
	st.Trace = tlsrecord.NewTrace(weServe)
	serverCfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MaxVersion: how.version, CipherSuites: how.suites}
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
		var state *tlsrecord.State
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
	for _, how := range []tlsKind{tls13, tls12, chacha} {
		for _, legs := range []string{"client", "upstream", "both"} {
			t.Run(how.name+"/"+legs, func(t *testing.T) { testDetachTLS(t, how, legs) })
		}
	}
}

func testDetachTLS(t *testing.T, how tlsKind, legs string) {
	var client, server net.Conn
	var in, out netloop.Transport
	client, in.Conn = connected(t, "tcp")
	server, out.Conn = connected(t, "tcp")
	if legs != "upstream" {
		in, client, _ = traced(t, how, true)
	}
	if legs != "client" {
		out, server, _ = traced(t, how, false)
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
	for _, how := range []tlsKind{tls13, tls12, chacha} {
		t.Run(how.name, func(t *testing.T) {
			in, client, raw := traced(t, how, true)
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
			if closed := h.wait(t); !strings.HasPrefix(closed[0], "client: tlsrecord: alert 20") {
				t.Errorf("ended with %q", closed)
			}
		})
	}
}

// TestDetachTLSRefused: a session that cannot be known is not let go of, and says so beforehand.
func TestDetachTLSRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only the epoll carrier lets go of a pair")
	}
	for name, how := range map[string]tlsKind{"CBC": cbc, "not followed": tls13, "TLS 1.2, not followed": tls12} {
		t.Run(name, func(t *testing.T) {
			in, client, _ := traced(t, how, true)
			if name != "CBC" {
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
	for _, how := range []tlsKind{tls13, tls12} {
		t.Run(how.name, func(t *testing.T) {
			in, client, raw := traced(t, how, true)
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
		})
	}
}
