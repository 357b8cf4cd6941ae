package tlsrecord

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

// openSSL is a program that speaks TLS, line by line.
type openSSL struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

func startOpenSSL(t *testing.T, arguments ...string) openSSL {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: no openssl")
	}
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return openSSL{t, in, bufio.NewReader(out)}
}

// serve starts a server with one suite, and returns its address.
func serve(t *testing.T, id uint16) (openSSL, string) {
	t.Helper()
	dir := t.TempDir()
	arguments := []string{"s_server", "-accept", "127.0.0.1:0", "-naccept", "1"}
	for name, c := range map[string]tls.Certificate{"": certificate(), "d": certificateRSA()} {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		must(t, err)
		for option, b := range map[string]*pem.Block{name + "cert": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, name + "key": {Type: "PRIVATE KEY", Bytes: key}} {
			file := filepath.Join(dir, option)
			must(t, os.WriteFile(file, pem.EncodeToMemory(b), 0o600))
			arguments = append(arguments, "-"+option, file)
		}
	}
	o := startOpenSSL(t, append(arguments, only(id)...)...)
	for {
		line, err := o.out.ReadString('\n')
		must(t, err)
		if f := strings.Fields(line); len(f) == 2 && f[0] == "ACCEPT" {
			return o, f[1]
		}
	}
}

// only returns the options of OpenSSL for one suite.
func only(id uint16) []string {
	name := tls.CipherSuiteName(id)
	if !suites[id].old {
		return []string{"-tls1_3", "-ciphersuites", name}
	}
	name = strings.NewReplacer("TLS_RSA_WITH_", "", "TLS_", "", "WITH_", "", "AES_", "AES", "POLY1305_SHA256", "POLY1305").Replace(name)
	return []string{"-tls1_2", "-cipher", strings.ReplaceAll(name, "_", "-")}
}

// says has them say a line that r reads.
func (o openSSL) says(r io.Reader, text string) {
	o.t.Helper()
	_, err := fmt.Fprintln(o.in, text)
	must(o.t, err)
	got := make([]byte, len(text)+1)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != text+"\n" {
		o.t.Fatalf("they say %q, %v; want %q", got, err, text)
	}
}

// hears says a line, and waits until they print it.
func (o openSSL) hears(w io.Writer, text string) {
	o.t.Helper()
	_, err := fmt.Fprintln(w, text)
	must(o.t, err)
	for {
		line, err := o.out.ReadString('\n')
		must(o.t, err)
		if strings.Contains(line, text) {
			return
		}
	}
}

// TestOpenSSL: with OpenSSL at the other end, which sends tickets first, and changes
// keys when it is asked to. In TLS 1.2 it hears that there is no other handshake.
func TestOpenSSL(t *testing.T) {
	for id, s := range suites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			server, address := serve(t, id)
			raw, err := net.Dial("tcp", address)
			must(t, err)
			defer func() { _ = raw.Close() }()
			below := tracedConn{raw, NewTrace(false)}
			cfg := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: below.trace}
			if s.old {
				cfg.CipherSuites = []uint16{id}
			}
			first := tls.Client(below, cfg)
			must(t, first.Handshake())
			below.trace.Begin(first.ConnectionState())
			server.says(readCounted{first, below.trace}, "one")
			server.hears(first, "zwei")
			below.trace.Settle()
			below.trace.Drained()
			if !below.trace.Rests() || s.old != (below.trace.other == 0) {
				t.Fatalf("rests %v, %d bytes of tickets", below.trace.Rests(), below.trace.other)
			}
			c, err := New(below, below.trace.State())
			must(t, err)
			if s.old {
				goesOn(t, server, c, "r", NoRenegotiation)
				return
			}
			for range 3 {
				before := bytes.Clone(c.in.secret)
				must(t, c.askKeyUpdate(1)) // OpenSSL answers with a change of its own
				server.hears(c, "after the change")
				server.says(c, "also here")
				if bytes.Equal(before, c.in.secret) {
					t.Error("no key was changed")
				}
				must(t, c.askKeyUpdate(0))
				server.hears(c, "only ours")
				server.says(c, "as before")
			}
			must(t, c.CloseWrite())
		})
	}
}

// goesOn passes lines in both directions, and has them begin another handshake.
func goesOn(t *testing.T, o openSSL, c *Conn, again string, why Alert) {
	t.Helper()
	for i := range 3 {
		o.says(c, fmt.Sprint("theirs ", i))
		o.hears(c, fmt.Sprint("ours ", i))
	}
	_, err := fmt.Fprintln(o.in, again)
	must(t, err)
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != why {
		t.Errorf("another handshake: %d, %v", n, err)
	}
}

// TestOpenSSLClient: the same with a client of TLS 1.2.
func TestOpenSSLClient(t *testing.T) {
	for id, s := range suites {
		if !s.old {
			continue // as the server's end, above
		}
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			defer func() { _ = l.Close() }()
			client := startOpenSSL(t, append([]string{"s_client", "-connect", l.Addr().String()}, only(id)...)...)
			raw, err := l.Accept()
			must(t, err)
			defer func() { _ = raw.Close() }()
			below := tracedConn{raw, NewTrace(true)}
			first := tls.Server(below, &tls.Config{Certificates: []tls.Certificate{certificate(), certificateRSA()}, CipherSuites: []uint16{id},
				SessionTicketsDisabled: true, KeyLogWriter: below.trace})
			must(t, first.Handshake())
			below.trace.Begin(first.ConnectionState())
			client.says(readCounted{first, below.trace}, "one")
			client.hears(first, "zwei")
			below.trace.Settle()
			below.trace.Drained()
			if !below.trace.Rests() {
				t.Fatal("it does not rest")
			}
			c, err := New(below, below.trace.State())
			must(t, err)
			goesOn(t, client, c, "R", UnexpectedMessage)
		})
	}
}
