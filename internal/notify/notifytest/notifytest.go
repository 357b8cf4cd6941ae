// Package notifytest is a mail server for tests, which does what it is told to do
// wrongly. It is no mailer: mail that it takes is dropped.
package notifytest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a mail server on loopback. Its login is User and Password.
type Server struct {
	Addr  string
	Roots *x509.CertPool // who vouches for its certificate
	// Asked is closed when a client has connected.
	Asked chan struct{}

	listener net.Listener
	cert     tls.Certificate
	silent   bool
	login    bool
	once     sync.Once
	wait     sync.WaitGroup

	mu    sync.Mutex
	lines []string
}

// ways to enter are those that a client takes: with TLS, and without.
var ways = map[bool]string{true: "PLAIN", false: "CRAM-MD5"}

// The login that a Server takes.
const (
	User     = "sekisho@example.jp"
	Password = "seven grey geese"
)

// Begin begins a server that shows a certificate for a name ("" for none: it has no
// STARTTLS). login: it takes and demands one. silent: it says nothing at all.
func Begin(t testing.TB, name string, login, silent bool) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), Asked: make(chan struct{}), listener: l, login: login, silent: silent}
	if name != "" {
		s.certify(t, name)
	}
	s.wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.once.Do(func() { close(s.Asked) })
			s.wait.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.wait.Wait()
	})
	return s
}

func (s *Server) certify(t testing.TB, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	if ip := net.ParseIP(name); ip != nil {
		about.IPAddresses = []net.IP{ip}
	} else {
		about.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s.Roots = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots.AddCert(leaf)
}

// Said returns the first words of what clients said, in order, once all have gone.
func (s *Server) Said() []string {
	s.listener.Close()
	s.wait.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

func (s *Server) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	if s.silent {
		_, _ = io.Copy(io.Discard, conn) // until it goes away
		return
	}
	in, safe := bufio.NewReader(conn), false
	_, _ = io.WriteString(conn, "220 test ESMTP\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		word = strings.ToUpper(word)
		s.mu.Lock()
		s.lines = append(s.lines, word)
		s.mu.Unlock()
		answer := "250 ok"
		switch word {
		case "EHLO":
			answer = "250-test"
			if s.cert.PrivateKey != nil && !safe {
				answer += "\r\n250-STARTTLS"
			}
			if s.login {
				answer += "\r\n250-AUTH " + ways[safe]
			}
			answer += "\r\n250 OK"
		case "STARTTLS":
			_, _ = io.WriteString(conn, "220 go\r\n")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}})
			in, safe = bufio.NewReader(conn), true
			continue
		case "AUTH":
			answer = s.enter(conn, in, rest)
		case "DATA":
			_, _ = io.WriteString(conn, "354 go\r\n")
			for line != ".\r\n" && err == nil {
				line, err = in.ReadString('\n')
			}
		case "QUIT":
			_, _ = io.WriteString(conn, "221 bye\r\n")
			return
		}
		if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
			return
		}
	}
}

// enter answers to a login: PLAIN with the right words enters, all else does not.
func (s *Server) enter(conn net.Conn, in *bufio.Reader, rest string) string {
	kind, word, _ := strings.Cut(rest, " ")
	if kind == "CRAM-MD5" {
		_, _ = io.WriteString(conn, "334 "+base64.StdEncoding.EncodeToString([]byte("<1@test>"))+"\r\n")
		_, _ = in.ReadString('\n')
		return "535 no"
	}
	text, err := base64.StdEncoding.DecodeString(word)
	if err != nil || string(text) != "\x00"+User+"\x00"+Password {
		return "535 no"
	}
	return "235 welcome"
}
