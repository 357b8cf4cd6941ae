package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/control"
	"sekisho/internal/ledger/witness"
	"sekisho/internal/metrics"
)

// listening is a listener of ours that speaks HTTP.
type listening struct {
	network, address string
	serve            func(ctx context.Context) error
}

// TestListenersTakeGarbage sends what no client should to the listeners that
// speak HTTP: each is answered with a refusal or the end of the connection, costs
// next to no memory, and the next client is served. When the listener stopped,
// nothing of it runs, whoever is still connected.
func TestListenersTakeGarbage(t *testing.T) {
	cert, key := certificateFiles(t, t.TempDir(), "localhost", time.Now().Add(time.Hour))
	for _, c := range []struct {
		name string
		open func(t *testing.T) listening
		post string // a path that takes what is posted
		good string // a request that is answered
		want string // with this
		held bool   // somebody is in the middle of a request when it stops
	}{
		{"witness", openWitness("", ""), "/add-checkpoint", "GET /", "404", true},
		{"witness over TLS", openWitness(cert, key), "/add-checkpoint", "GET /", "404", false},
		{"metrics", openMetrics, "/metrics", "GET /metrics", "200", true},
		{"console", openConsole("", ""), "/lang", "GET /login", "200", true},
		{"console over TLS", openConsole(cert, key), "/lang", "GET /login", "200", false},
		{"console's API", openConsole("", ""), control.API + "status", "GET " + control.API + "openapi.json", "200", false},
		{"control socket", openControl, "/v1/cut", "POST /v1/status", "200", false},
	} {
		before := goleak.IgnoreCurrent()
		t.Run(c.name, func(t *testing.T) {
			l := c.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- l.serve(ctx) }()
			secure := strings.HasSuffix(c.name, "TLS")
			dial := func(secure bool) net.Conn {
				conn, err := net.Dial(l.network, l.address)
				if err != nil {
					t.Fatal(err)
				}
				if secure {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				return conn
			}
			head := "POST " + c.post + " HTTP/1.1\r\nHost: localhost\r\n"
			for _, g := range garbage(head) {
				before := allocated()
				answer := provoke(t, dial(secure), g.text)
				if answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 4") && !strings.HasPrefix(answer, "HTTP/1.0 4") {
					t.Errorf("%s: %.60q", g.what, answer)
				}
				if cost := allocated() - before; cost > 48<<20 { // of a gibibyte; 36 MiB with the race detector
					t.Errorf("%s: cost %d MiB", g.what, cost>>20)
				}
			}
			for _, g := range garbage(head) {
				if !secure {
					break
				}
				const alert = "\x15\x03" // a record of TLS (RFC 8446, 5.1)
				if answer := provoke(t, dial(false), g.text); answer != "" && !strings.HasPrefix(answer, alert) && !strings.HasPrefix(answer, "HTTP/1.0 400") {
					t.Errorf("without TLS, %s: %.60q", g.what, answer)
				}
			}
			request := c.good + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
			if answer := provoke(t, dial(!secure), strings.NewReader(request)); answer != "" && !strings.HasPrefix(answer, "HTTP/1.0 400") {
				t.Errorf("TLS where none is, or none where it is: %.60q", answer)
			}
			if answer := provoke(t, dial(secure), strings.NewReader(request)); !strings.HasPrefix(answer, "HTTP/1.1 "+c.want+" ") {
				t.Errorf("the next client: %.60q, want %s", answer, c.want)
			}
			if c.held {
				half := dial(secure)
				defer half.Close()
				if _, err := io.WriteString(half, head+"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if _, err := half.Read(make([]byte, 1)); err != nil { // it is being read, or refused already
					t.Fatal(err)
				}
			}
			cancel()
			if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("it stopped with %v", err)
			}
		})
		noneLeft(t, c.name, before)
	}
}

func openLoopback(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func openWitness(cert, key string) func(t *testing.T) listening {
	return func(t *testing.T) listening {
		dir := t.TempDir()
		if _, err := witness.CreateKey(dir, "w.example"); err != nil {
			t.Fatal(err)
		}
		_, ledgerKey, err := note.GenerateKey(rand.Reader, "ledger.example")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := witness.ReadKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		cosigns, err := witness.New(witness.Config{Dir: t.TempDir(), Signer: signer, Logs: []string{ledgerKey}})
		if err != nil {
			t.Fatal(err)
		}
		l := openLoopback(t)
		return listening{"tcp", l.Addr().String(), func(ctx context.Context) error {
			return witnessServeCmd{Cert: cert, TLSKey: key}.serve(ctx, l, cosigns, slog.New(slog.DiscardHandler))
		}}
	}
}

func openMetrics(t *testing.T) listening {
	l := openLoopback(t)
	return listening{"tcp", l.Addr().String(), func(ctx context.Context) error {
		return metrics.New("test").Serve(ctx, l, slog.New(slog.DiscardHandler))
	}}
}

func openConsole(cert, key string) func(t *testing.T) listening {
	return func(t *testing.T) listening {
		secure := ""
		if cert != "" {
			secure = fmt.Sprintf(", cert: '%s', key: '%s'", cert, key)
		}
		c := &console{process: bareProcess(t, "hub: {listen: '127.0.0.1:0'}\nconsole: {listen: '127.0.0.1:0'"+secure+"}\n")}
		t.Cleanup(func() {
			if err := c.close(); err != nil {
				t.Error(err)
			}
		})
		if err := c.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		return listening{"tcp", c.listener.Addr().String(), c.serve}
	}
}

// idle is a process that has nothing to tell.
type idle struct{ control.Operator }

func (idle) Status(context.Context) (control.Status, error) { return control.Status{}, nil }

func openControl(t *testing.T) listening {
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := control.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return listening{"unix", path, func(ctx context.Context) error { return control.Serve(ctx, l, idle{}, slog.New(slog.DiscardHandler)) }}
}

// piece is something that is sent.
type piece struct {
	what string
	text io.Reader
}

// garbage is what no client should send. head begins a request with a body.
func garbage(head string) []piece {
	all := []piece{
		{"no HTTP", strings.NewReader(strings.Repeat("\x00\xff\x16garbage", 4096))},
		{"a PostgreSQL startup of 1 GiB", bytes.NewReader([]byte{0x40, 0, 0, 0, 0, 3, 0, 0})},
		{"a record of TLS that never ends", io.MultiReader(strings.NewReader("\x16\x03\x01\xff\xff\x01\x00\xff\xff"), endless{})},
		{"a body of 1 GiB", io.MultiReader(strings.NewReader(head+"Content-Length: 1073741824\r\n\r\n"), endless{})},
		{"a form of 1 GiB", io.MultiReader(strings.NewReader(head+"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1073741824\r\n\r\nlang="), endless{})},
		{"a text of 1 GiB in JSON", io.MultiReader(strings.NewReader(head+"Content-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n{\"By\":\""), endless{})},
		{"a chunk of 1 GiB", io.MultiReader(strings.NewReader(head+"Transfer-Encoding: chunked\r\n\r\n40000000\r\n"), endless{})},
		{"a chunk without a number", strings.NewReader(head + "Transfer-Encoding: chunked\r\n\r\nmany\r\n")},
		{"a line without end", io.MultiReader(strings.NewReader("POST /"), endless{})},
		{"a header without end", io.MultiReader(strings.NewReader(head+"X: "), endless{})},
		{"headers without end", io.MultiReader(strings.NewReader(head), endless{"X: y\r\n"})},
		{"two lengths", strings.NewReader(head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")},
		{"a length below zero", strings.NewReader(head + "Content-Length: -1\r\n\r\n")},
		{"a method and path that are none", strings.NewReader("BREW /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")},
	}
	for n := 0; n < len(head); n += 9 {
		all = append(all, piece{fmt.Sprintf("%d bytes of a request", n), strings.NewReader(head[:n])})
	}
	for seed := range uint64(16) {
		r := mathrand.New(mathrand.NewPCG(seed, 0x6a7b))
		noise := make([]byte, 1+r.IntN(1<<14))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		all = append(all, piece{fmt.Sprint("random bytes, seed ", seed), bytes.NewReader(noise)},
			piece{fmt.Sprint("a random body, seed ", seed), strings.NewReader(fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(noise), noise))})
	}
	return all
}

// provoke sends text until it or the server ends, and returns what the server said.
func provoke(t *testing.T, conn net.Conn, text io.Reader) string {
	t.Helper()
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if s, ok := conn.(*tls.Conn); ok && s.Handshake() != nil { // else it could not say that it is done
			return
		}
		_, _ = io.Copy(conn, text) // the server ends it
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	answer, _ := io.ReadAll(io.LimitReader(conn, 1<<20)) // also what came before a reset
	_ = conn.Close()
	<-sent
	return string(answer)
}

// endless repeats a text, or x, without end.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	if e.text == "" {
		e.text = "x"
	}
	n := 0
	for n+len(e.text) <= len(p) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

// allocated is how many bytes were asked for since the program began, also those
// that are free again.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// noneLeft waits until no goroutine runs that was not there before.
func noneLeft(t *testing.T, what string, before goleak.Option) {
	t.Helper()
	var err error
	for range 100 { // half a second each
		if err = goleak.Find(before); err == nil {
			return
		}
	}
	t.Errorf("%s: %v", what, err)
}
