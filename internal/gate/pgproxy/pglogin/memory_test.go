package pglogin_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/wire/pgwire"
)

// TestMemoryOfHalfLogins: lengths that a client claims cost nothing before their bytes come, whether it claims the
// longest start-up packet, the longest password, or a server claims the longest message.
func TestMemoryOfHalfLogins(t *testing.T) {
	const logins, limitBytes = 300, 32 << 10
	longStart := []byte{0, 0, 0x27, 0x10, 0, 3, 0, 0, 'u'}
	longPassword := append(append([]byte(nil), start30...), 'p', 0, 0, 0xff, 0xff, 'x')
	longTLS := []byte{0x16, 3, 1, 0x40, 0, 'x'}
	acceptor, err := pglogin.New(pglogin.Config{
		Network: "tcp", Address: "scripted", ClientTLS: pglogin.TLSOptional, Certificate: always(pair2(t)),
		Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				if _, err := readStartup(theirs); err != nil {
					return
				}
				request := pgwire.AppendAuthentication(nil, pgwire.AuthCleartext, nil)
				_, _ = theirs.Write(append(request, 'R', 0, 0x0f, 0xff, 0xff))
				drain(theirs)
			}()
			return ours, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string][]byte{"start-up": longStart, "password": longPassword, "TLS": longTLS} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			before := heap()
			for range logins {
				near, far := net.Pipe()
				wg.Go(func() {
					if l, err := acceptor.Accept(ctx, near); err == nil {
						t.Error("half a login was accepted")
						l.Close()
					}
				})
				wg.Go(func() { drain(far) })
				_ = far.SetWriteDeadline(time.Now().Add(20 * time.Second))
				if _, err := far.Write(first); err != nil { // a pipe: it returns when the gate has read everything
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = far.Close() })
			}
			if used := (heap() - before) / logins; used > limitBytes {
				t.Errorf("a half login holds %d bytes, limit %d", used, limitBytes)
			} else {
				t.Logf("a half login holds %d bytes", used)
			}
			cancel()
			wg.Wait()
		})
	}
}

// drain reads to the end and holds next to nothing: io.Copy would hold 8 KiB.
func drain(r io.Reader) {
	for b := make([]byte, 64); ; {
		if _, err := r.Read(b); err != nil {
			return
		}
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
