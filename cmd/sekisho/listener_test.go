package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/ledger/witness"
	"sekisho/internal/metrics"
)

// TestListenersTakeGarbage sends what no client should to the listeners that
// speak HTTP: each is answered with a refusal or the end of the connection, holds
// next to nothing of it, and serves the next client.
func TestListenersTakeGarbage(t *testing.T) {
	dir := t.TempDir()
	if _, err := witness.CreateKey(dir, "w.example"); err != nil {
		t.Fatal(err)
	}
	_, key, err := note.GenerateKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := witness.ReadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	cosigns, err := witness.New(witness.Config{Dir: t.TempDir(), Signer: signer, Logs: []string{key}})
	if err != nil {
		t.Fatal(err)
	}
	cert, certKey := certificateFiles(t, t.TempDir(), "localhost", time.Now().Add(time.Hour))
	log := slog.New(slog.DiscardHandler)
	for name, serve := range map[string]func(context.Context, net.Listener) error{
		"witness": func(ctx context.Context, l net.Listener) error {
			return witnessServeCmd{}.serve(ctx, l, cosigns, log)
		},
		"witness over TLS": func(ctx context.Context, l net.Listener) error {
			return witnessServeCmd{Cert: cert, TLSKey: certKey}.serve(ctx, l, cosigns, log)
		},
		"metrics": func(ctx context.Context, l net.Listener) error { return metrics.New("test").Serve(ctx, l, log) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- serve(ctx, l) }()
			defer func() {
				cancel()
				if err := <-done; err != nil && err != http.ErrServerClosed {
					t.Error(err)
				}
			}()
			secure := strings.HasSuffix(name, "TLS")
			dial := func() net.Conn {
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if secure {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				return conn
			}
			before := heap()
			head := "POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\n"
			for what, text := range map[string]io.Reader{
				"garbage":                         strings.NewReader(strings.Repeat("\x00\xff\x16garbage", 4096)),
				"a PostgreSQL startup of 1 GiB":   bytes.NewReader([]byte{0x40, 0, 0, 0, 0, 3, 0, 0}),
				"a body of 1 GiB":                 io.MultiReader(strings.NewReader(head+"Content-Length: 1073741824\r\n\r\n"), endless{}),
				"a chunk of 1 GiB":                io.MultiReader(strings.NewReader(head+"Transfer-Encoding: chunked\r\n\r\n40000000\r\n"), endless{}),
				"a header without end":            io.MultiReader(strings.NewReader(head+"X: "), endless{}),
				"two lengths":                     strings.NewReader(head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
				"half a request":                  strings.NewReader(head),
				"a method and path that are none": strings.NewReader("BREW /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
			} {
				answer := provoke(t, dial(), text)
				if !(answer == "" || strings.HasPrefix(answer, "HTTP/1.1 4") || strings.HasPrefix(answer, "HTTP/1.0 4")) {
					t.Errorf("%s: %.60q", what, answer)
				}
				if grown := heap() - before; grown > 16<<20 {
					t.Errorf("%s: %d MiB are held", what, grown>>20)
				}
			}
			secure = !secure // the wrong one of the two
			if answer := provoke(t, dial(), strings.NewReader(head+"\r\n")); answer != "" && !strings.HasPrefix(answer, "HTTP/1.0 400") {
				t.Errorf("TLS where none is, or none where it is: %.60q", answer)
			}
			secure = !secure
			if answer := provoke(t, dial(), strings.NewReader("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); !strings.HasPrefix(answer, "HTTP/1.1 ") {
				t.Errorf("the next client: %.60q", answer)
			}
		})
	}
}

// provoke sends text until it or the server ends, and returns what the server said.
func provoke(t *testing.T, conn net.Conn, text io.Reader) string {
	t.Helper()
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
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

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// heap is how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
