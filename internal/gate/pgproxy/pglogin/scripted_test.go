package pglogin_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/wire/pgwire"
)

// script is a server that plays a part.
type script struct {
	t    *testing.T
	addr string
}

// startScript runs play for every connection; what it returns does not matter, the connection then closes.
func startScript(t *testing.T, play func(conn net.Conn)) *script {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				play(conn)
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return &script{t: t, addr: ln.Addr().String()}
}

func (s *script) config() pglogin.Config {
	return pglogin.Config{Network: "tcp", Address: s.addr, NewID: func() string { return "E-7" }, Timeout: 10 * time.Second}
}

// readStartup reads a start-up packet.
func readStartup(r io.Reader) (pgwire.Startup, error) {
	b := make([]byte, 4)
	if _, err := io.ReadFull(r, b); err != nil {
		return pgwire.Startup{}, err
	}
	n := int(b[2])<<8 | int(b[3])
	b = append(b, make([]byte, n-4)...)
	if _, err := io.ReadFull(r, b[4:]); err != nil {
		return pgwire.Startup{}, err
	}
	s, _, err := pgwire.ParseStartup(b)
	return s, err
}

// greeting is what a server says to a trusted user.
func greeting(key []byte) []byte {
	b := pgwire.AppendAuthentication(nil, pgwire.AuthOK, nil)
	b = pgwire.AppendParameterStatus(b, "client_encoding", "UTF8")
	b = pgwire.AppendNotice(b, pgwire.ErrorInfo{Severity: "NOTICE", Code: "00000", Message: "hello"})
	b = pgwire.AppendBackendKey(b, 77, key)
	return pgwire.AppendReadyForQuery(b, pgwire.TxIdle)
}

var start30 = pgwire.AppendStartup(nil, pgwire.Version30, "user", "u", "database", "d")

// talk sends pieces, each in a write of its own, and returns what comes back until the end.
func talk(t *testing.T, addr string, pieces ...[]byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	for _, p := range pieces {
		if _, err := conn.Write(p); err != nil {
			break // the gate has closed: what it said is below
		}
	}
	got, _ := io.ReadAll(conn) // a reset after the last word is no matter
	return got
}

// sqlstate returns the SQLSTATE of the ErrorResponse that b begins with, or what b is.
func sqlstate(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	h, ok, err := pgwire.ParseHeader(b, 0)
	if err != nil || !ok || h.Type != pgwire.TypeError || len(b) < h.Len() {
		return "not an error"
	}
	return string(pgwire.ErrorBody(b[pgwire.HeaderLen:h.Len()]).Field(pgwire.FieldCode))
}

func TestFirstBytes(t *testing.T) {
	s := startScript(t, func(conn net.Conn) {
		if _, err := readStartup(conn); err == nil {
			_, _ = conn.Write(greeting([]byte("1234")))
			_, _ = conn.Read(make([]byte, 1))
		}
	})
	cert := pair2(t)
	cfg := s.config()
	cfg.ClientTLS, cfg.Certificate = pglogin.TLSOptional, always(cert)
	cfg.Timeout = time.Second
	g := startGate(t, cfg)
	ssl := pgwire.AppendSSLRequest(nil)
	gss := []byte{0, 0, 0, 8, 4, 210, 22, 48}
	tests := []struct {
		name  string
		bytes []byte
		want  string // SQLSTATE, or what came back
		err   string
	}{
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: gate\r\n\r\n"), "08P01", "length"},
		{"SSH", []byte("SSH-2.0-OpenSSH_9.2\r\n"), "08P01", "length"},
		{"1 GiB", []byte{0x40, 0, 0, 0, 0, 3, 0, 0}, "08P01", "length"},
		{"the longest start-up and one byte", []byte{0, 0, 0x27, 0x11, 0, 3, 0, 0}, "08P01", "length"},
		{"no length", []byte{0, 0, 0, 0, 0, 0, 0, 0}, "08P01", "length"},
		{"protocol 2", []byte{0, 0, 0, 9, 0, 2, 0, 0, 0}, "08P01", "protocol version"},
		{"options without an end", []byte{0, 0, 0, 10, 0, 3, 0, 0, 'u', 0}, "08P01", "malformed"},
		{"no user", pgwire.AppendStartup(nil, pgwire.Version30, "database", "d"), "28000", "no PostgreSQL user name"},
		{"bytes behind SSLRequest", append(append([]byte(nil), ssl...), start30...), "08P01", "unencrypted bytes"},
		{"half a packet", start30[:10], "57014", "timeout"},
		{"nothing", nil, "57014", "timeout"},
		{"many requests", bytes.Repeat(gss, 4), "NNN", "more than two"},
		{"a short cancel", []byte{0, 0, 0, 12, 4, 210, 22, 46, 0, 0, 0, 1}, "08P01", "malformed"},
		{"TLS that is none", append([]byte{0x16, 3, 1, 0, 4}, "junk"...), "alert", "TLS with the client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := talk(t, g.addr, tt.bytes)
			switch tt.want {
			case "alert":
				if len(got) == 0 || got[0] != 0x15 {
					t.Errorf("got %q, want a TLS alert", got)
				}
			case "NNN":
				if !bytes.HasPrefix(got, []byte("NNN")) || sqlstate(got[3:]) != "08P01" {
					t.Errorf("got %q", got)
				}
			default:
				if code := sqlstate(got); code != tt.want {
					t.Errorf("got %s (%q), want %s", code, got, tt.want)
				}
			}
			if err := g.failure(t); !strings.Contains(err.Error(), tt.err) {
				t.Errorf("the gate saw %q, want it to say %q", err, tt.err)
			}
		})
	}
}

// pair2 is a certificate nobody checks.
func pair2(t *testing.T) tls.Certificate {
	t.Helper()
	return pair2From(t, newAuthority(t))
}

func pair2From(t *testing.T, a *authority) tls.Certificate {
	t.Helper()
	certPEM, keyPEM := a.issue(t, "localhost")
	return pair(t, certPEM, keyPEM)
}

// TestSlowLoris: a client that sends a byte now and then is cut at the deadline all the same.
func TestSlowLoris(t *testing.T) {
	s := startScript(t, func(net.Conn) {})
	cfg := s.config()
	cfg.Timeout = 300 * time.Millisecond
	g := startGate(t, cfg)
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	began := time.Now()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		if _, err := conn.Write(start30[i%10 : i%10+1]); err != nil {
			break
		}
		if i == 0 {
			continue
		}
		if time.Since(began) > 15*time.Second {
			t.Fatal("still open")
		}
		<-ticker.C
	}
	if err := g.failure(t); err == nil {
		t.Error("no error")
	}
}

func TestALPN(t *testing.T) {
	s := startScript(t, func(conn net.Conn) {
		if _, err := readStartup(conn); err == nil {
			_, _ = conn.Write(greeting([]byte("1234")))
			_, _ = conn.Read(make([]byte, 1))
		}
	})
	cfg := s.config()
	cfg.ClientTLS, cfg.Certificate = pglogin.TLSRequired, always(pair2(t))
	g := startGate(t, cfg)
	for _, tt := range []struct {
		name   string
		protos []string
		ok     bool
	}{{"postgresql", []string{"postgresql"}, true}, {"http", []string{"h2"}, false}, {"none", nil, false}} {
		conn, err := tls.Dial("tcp", g.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: tt.protos})
		if err == nil {
			_, _ = conn.Write(start30)
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			var first [1]byte
			_, err = io.ReadFull(conn, first[:])
			_ = conn.Close()
		}
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if code := sqlstate(talk(t, g.addr, start30)); code != "28000" {
		t.Errorf("in clear: %s", code)
	}
}

// TestPipelined: what the client sends before it is asked for reaches the session, in order.
func TestPipelined(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 256) // protocol 3.2
	got := make(chan string, 1)
	s := startScript(t, func(conn net.Conn) {
		if _, err := readStartup(conn); err != nil {
			return
		}
		_, _ = conn.Write(append(greeting(key), pgwire.AppendNotice(nil, pgwire.ErrorInfo{Severity: "NOTICE", Message: "at once"})...))
		b := make([]byte, 11)
		_, _ = io.ReadFull(conn, b)
		got <- string(b)
	})
	for _, hold := range []bool{false, true} {
		cfg := s.config()
		cfg.HoldReady = hold
		g := startGate(t, cfg)
		start := pgwire.AppendStartup(nil, pgwire.Version32, "user", "u")
		back := talk(t, g.addr, append(start, "Q1234567890"...))
		if q := <-got; q != "Q1234567890" {
			t.Errorf("hold %t: the server got %q", hold, q)
		}
		want := append(greeting(key), pgwire.AppendNotice(nil, pgwire.ErrorInfo{Severity: "NOTICE", Message: "at once"})...)
		l := g.login(t)
		if hold {
			want = append(bytes.Clone(want[:len(greeting(key))-6]), want[len(greeting(key)):]...)
			if diff := cmp.Diff(pgwire.AppendReadyForQuery(nil, pgwire.TxIdle), l.Held); diff != "" {
				t.Errorf("held: %s", diff)
			}
		}
		if diff := cmp.Diff(want, back); diff != "" {
			t.Errorf("hold %t: %s", hold, diff)
		}
		if l.Version != pgwire.Version32 || !bytes.Equal(l.Key, key) || l.Database != "u" {
			t.Errorf("login %+v", l)
		}
	}
}

// TestRefuseLate: a gate that cannot carry the session says so before the client may speak.
func TestRefuseLate(t *testing.T) {
	last := make(chan string, 1)
	s := startScript(t, func(conn net.Conn) {
		if _, err := readStartup(conn); err != nil {
			return
		}
		_, _ = conn.Write(greeting([]byte("1234")))
		b, _ := io.ReadAll(conn)
		last <- string(b)
	})
	cfg := s.config()
	cfg.HoldReady = true
	acceptor, err := pglogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	got := make(chan []byte, 1)
	go func() {
		_, _ = far.Write(start30)
		b, _ := io.ReadAll(far)
		got <- b
	}()
	login, err := acceptor.Accept(context.Background(), near)
	if err != nil {
		t.Fatal(err)
	}
	login.Refuse(pglogin.Refusal{Code: "53300", Message: "too many sessions at the gate"})
	hello := greeting([]byte("1234"))
	if code := sqlstate((<-got)[len(hello)-6:]); code != "53300" {
		t.Errorf("the client got %s", code)
	}
	if b := <-last; b != "X\x00\x00\x00\x04" {
		t.Errorf("the server got %q", b)
	}
}

// TestLongCancelKey: a key of protocol 3.2 comes back to the server whole.
func TestLongCancelKey(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 256)
	cancels := make(chan pgwire.Startup, 1)
	s := startScript(t, func(conn net.Conn) {
		start, err := readStartup(conn)
		if err != nil {
			return
		}
		if start.Kind == pgwire.StartupCancel {
			cancels <- start
		}
	})
	g := startGate(t, s.config())
	if err := cancelAt(g.addr, 77, key); err != nil {
		t.Fatal(err)
	}
	if c := <-cancels; c.PID != 77 || !bytes.Equal(c.Key, key) {
		t.Errorf("the server got %+v", c)
	}
}

// TestStrangeServers: what is no PostgreSQL behind the gate becomes an error for people, in bounded time.
func TestStrangeServers(t *testing.T) {
	say := func(b []byte) func(net.Conn) {
		return func(conn net.Conn) {
			if _, err := readStartup(conn); err == nil {
				_, _ = conn.Write(b)
				_, _ = io.Copy(io.Discard, conn)
			}
		}
	}
	tests := []struct {
		name string
		play func(net.Conn)
		want string
	}{
		{"closes", func(conn net.Conn) { _, _ = readStartup(conn) }, "08006"},
		{"HTTP", say([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), "08P01"},
		{"1 GiB", say([]byte{'R', 0x40, 0, 0, 0}), "08P01"},
		{"another message", say(pgwire.AppendCommandComplete(nil, "SELECT 1")), "08P01"},
		{"half a message, then nothing", say([]byte{'R', 0, 0}), "57014"},
		{"a bad authentication request", say([]byte{'R', 0, 0, 0, 4}), "08P01"},
		{"a bad key", say(append(pgwire.AppendAuthentication(nil, pgwire.AuthOK, nil), 'K', 0, 0, 0, 6, 1, 2)), "08P01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := startScript(t, tt.play).config()
			cfg.Timeout = time.Second
			g := startGate(t, cfg)
			got := talk(t, g.addr, start30)
			for len(got) > 0 && got[0] == pgwire.TypeAuthentication {
				got = got[9:]
			}
			if code := sqlstate(got); code != tt.want {
				t.Errorf("got %s (%q), want %s", code, got, tt.want)
			}
			if err := g.failure(t); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestBytesBeforeTLSFromTheServer: bytes in clear after the server's 'S' are not taken for its TLS.
func TestBytesBeforeTLSFromTheServer(t *testing.T) {
	s := startScript(t, func(conn net.Conn) {
		if _, err := readStartup(conn); err == nil {
			_, _ = conn.Write(append([]byte{'S'}, greeting([]byte("1234"))...))
			_, _ = io.Copy(io.Discard, conn)
		}
	})
	cfg := s.config()
	cfg.UpstreamTLS = pglogin.Require
	g := startGate(t, cfg)
	if code := sqlstate(talk(t, g.addr, start30)); code != "08006" {
		t.Errorf("got %s", code)
	}
}

func TestTooManyLogins(t *testing.T) {
	s := startScript(t, func(net.Conn) {})
	cfg := s.config()
	cfg.MaxLogins = 1
	acceptor, err := pglogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	first, firstNear := net.Pipe()
	second, secondNear := net.Pipe()
	done := make(chan error, 2)
	go func() { _, err := acceptor.Accept(context.Background(), firstNear); done <- err }()
	if _, err := first.Write(start30[:4]); err != nil { // it is inside Accept
		t.Fatal(err)
	}
	go func() { _, err := acceptor.Accept(context.Background(), secondNear); done <- err }()
	got, _ := io.ReadAll(second)
	if code := sqlstate(got); code != "53300" {
		t.Errorf("got %s", code)
	}
	_ = first.Close()
	errs := errors.Join(<-done, <-done)
	var r *pglogin.Refusal
	if !errors.As(errs, &r) {
		t.Error(errs)
	}
}

// FuzzFirstBytes: whatever a client sends first, the login ends, in one of the ways it may end.
func FuzzFirstBytes(f *testing.F) {
	f.Add(start30, pgwire.AppendPassword(nil, []byte("x\x00")), uint8(3))
	f.Add(pgwire.AppendSSLRequest(nil), start30, uint8(0))
	f.Add(pgwire.AppendCancelRequest(nil, 1, []byte("1234")), []byte(nil), uint8(0))
	f.Add([]byte{0x16, 3, 1}, []byte("x"), uint8(0))
	f.Fuzz(func(t *testing.T, first, second []byte, kind uint8) {
		near, far := net.Pipe()
		acceptor, err := pglogin.New(pglogin.Config{
			Network: "tcp", Address: "scripted", Timeout: 2 * time.Second,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer func() { _ = theirs.Close() }()
					if _, err := readStartup(theirs); err != nil {
						return
					}
					request := pgwire.AppendAuthentication(nil, uint32(kind%13), second[:min(len(second), 4)])
					_, _ = theirs.Write(request)
					_, _ = theirs.Write(second)
				}()
				return ours, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = far.Write(first)
			_, _ = far.Write(second)
			_ = far.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		login, err := acceptor.Accept(context.Background(), near)
		if (login == nil) == (err == nil) {
			t.Fatalf("login %v and error %v", login, err)
		}
		if login != nil {
			login.Close()
		}
	})
}
