package tls13

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tracedConn is a net.Conn as a Stream of a loop is one.
type tracedConn struct {
	net.Conn
	trace *Trace
}

func (c tracedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:c.trace.Most(len(b))])
	c.trace.In(b[:n])
	return n, err
}

func (c tracedConn) Write(b []byte) (int, error) {
	c.trace.Out(b)
	return c.Conn.Write(b)
}

// TestOpenSSL: with OpenSSL at the other end, which sends tickets first, and changes
// keys when it is asked to.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: no openssl")
	}
	dir := t.TempDir()
	cert := certificate()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"c.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "k.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
	for id := range suites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), program, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_3",
				"-ciphersuites", tls.CipherSuiteName(id), "-cert", filepath.Join(dir, "c.pem"), "-key", filepath.Join(dir, "k.pem"))
			in, err := cmd.StdinPipe()
			must(t, err)
			pipe, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			t.Cleanup(func() {
				_ = in.Close()
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			out := bufio.NewReader(pipe)
			address := ""
			for address == "" {
				line, err := out.ReadString('\n')
				must(t, err)
				if f := strings.Fields(line); len(f) == 2 && f[0] == "ACCEPT" {
					address = f[1]
				}
			}
			raw, err := net.Dial("tcp", address)
			must(t, err)
			defer func() { _ = raw.Close() }()
			below := tracedConn{raw, NewTrace(false)}
			first := tls.Client(below, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: below.trace})
			must(t, first.Handshake())
			below.trace.Begin(first.ConnectionState())
			theySay := func(r io.Reader, text string) {
				t.Helper()
				_, err := fmt.Fprintln(in, text)
				must(t, err)
				got := make([]byte, len(text)+1)
				if _, err := io.ReadFull(r, got); err != nil || string(got) != text+"\n" {
					t.Fatalf("they say %q, %v; want %q", got, err, text)
				}
			}
			prints := func(text string) {
				t.Helper()
				for {
					line, err := out.ReadString('\n')
					must(t, err)
					if strings.Contains(line, text) {
						return
					}
				}
			}
			weSay := func(w io.Writer, text string) {
				t.Helper()
				_, err := fmt.Fprintln(w, text)
				must(t, err)
				prints(text)
			}
			theySay(readCounted{first, below.trace}, "one")
			weSay(first, "zwei")
			below.trace.Settle()
			below.trace.Drained()
			if !below.trace.Rests() || below.trace.other == 0 {
				t.Fatalf("rests %v, %d bytes of tickets", below.trace.Rests(), below.trace.other)
			}
			c, err := New(below, below.trace.State())
			must(t, err)
			for range 3 {
				before := bytes.Clone(c.in.secret)
				must(t, c.askKeyUpdate(1)) // OpenSSL answers with a change of its own
				weSay(c, "after the change")
				theySay(c, "also here")
				if bytes.Equal(before, c.in.secret) {
					t.Error("no key was changed")
				}
				must(t, c.askKeyUpdate(0))
				weSay(c, "only ours")
				theySay(c, "as before")
			}
			must(t, c.CloseWrite())
		})
	}
}
