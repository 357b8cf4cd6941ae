package pglogin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// shared is the PostgreSQL of all tests here.
var shared pgservertest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgservertest.Main{M: m, Server: &shared}) }

// authority signs certificates for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue returns a certificate for a name, as PEM of certificate and key.
func (a *authority) issue(t testing.TB, name string) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func pair(t testing.TB, certPEM, keyPEM []byte) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a PostgreSQL with users of every kind of authentication, and certificates.
type world struct {
	server *pgserver.Server
	*certificates
	dir string // ca.pem, client.crt, client.key (common name u_cert)
}

// certificates are the same for all tests, as the server is.
type certificates struct {
	ca                   *authority
	certPEM, keyPEM      []byte          // the server's own
	clientPEM, clientKey []byte          // of u_cert
	serverCert           tls.Certificate // the server's own
	otherCert            tls.Certificate // of the same authority
}

const password = "pässwörd 一" // not ASCII: SASLprep must not change it

var madeCertificates struct {
	sync.Mutex
	*certificates
}

func certificatesOf(t *testing.T) *certificates {
	t.Helper()
	madeCertificates.Lock()
	defer madeCertificates.Unlock()
	if madeCertificates.certificates == nil {
		c := &certificates{ca: newAuthority(t)}
		c.certPEM, c.keyPEM = c.ca.issue(t, "localhost")
		c.serverCert = pair(t, c.certPEM, c.keyPEM)
		otherPEM, otherKey := c.ca.issue(t, "localhost")
		c.otherCert = pair(t, otherPEM, otherKey)
		c.clientPEM, c.clientKey = c.ca.issue(t, "u_cert")
		madeCertificates.certificates = c
	}
	return madeCertificates.certificates
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{certificates: certificatesOf(t), dir: t.TempDir()}
	for name, data := range map[string][]byte{"ca.pem": w.ca.pem, "client.crt": w.clientPEM, "client.key": w.clientKey} {
		if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := pgserver.Config{
		CertPEM: w.certPEM, KeyPEM: w.keyPEM, ClientCAPEM: w.ca.pem,
		HBA: []string{
			"host all u_scram 127.0.0.0/8 scram-sha-256",
			"host all gate_role 127.0.0.0/8 scram-sha-256",
			"host all u_md5 127.0.0.0/8 md5",
			"host all u_plain 127.0.0.0/8 password",
			"host all u_few 127.0.0.0/8 trust",
			"hostssl all u_cert 127.0.0.0/8 cert",
			"host all u_cert 127.0.0.0/8 reject",
			"local all u_peer peer",
			"hostnossl all u_clear 127.0.0.0/8 trust",
			"host all u_clear 127.0.0.0/8 reject",
		},
	}
	w.server = shared.Start(t, cfg, func(ctx context.Context, server *pgserver.Server) error {
		quoted := "'" + password + "'"
		return server.Exec(ctx, "postgres", `
		CREATE ROLE u_scram LOGIN PASSWORD `+quoted+`; CREATE ROLE u_plain LOGIN PASSWORD `+quoted+`;
		CREATE ROLE gate_role LOGIN PASSWORD 'gate own secret';
		SET password_encryption = 'md5'; CREATE ROLE u_md5 LOGIN PASSWORD `+quoted+`;
		CREATE ROLE u_trust LOGIN; CREATE ROLE u_clear LOGIN; CREATE ROLE u_cert LOGIN; CREATE ROLE u_peer LOGIN; CREATE ROLE u_few LOGIN CONNECTION LIMIT 0`)
	})
	return w
}

func always(c tls.Certificate) func() (*tls.Certificate, error) {
	return func() (*tls.Certificate, error) { return &c, nil }
}

// config is a relaying gate before the server, TLS on both legs, with the certificate given.
func (w *world) config(cert tls.Certificate) pglogin.Config {
	return pglogin.Config{
		Network: "tcp", Address: w.server.Addr(), ClientTLS: pglogin.TLSOptional, Certificate: always(cert),
		UpstreamTLS: pglogin.VerifyFull, UpstreamConfig: &tls.Config{RootCAs: w.ca.pool(), ServerName: "localhost"},
		NewID: func() string { return "E-7" },
	}
}

// passOn is a session that passes everything on.
type passOn struct{ login *pglogin.Login }

func (s passOn) OnData(p *netloop.Pair, side netloop.Side, b []byte) error {
	p.Write(side.Other(), b)
	return nil
}

func (s passOn) OnClosed(_ *netloop.Pair, side netloop.Side, _ error) {
	if side == netloop.Client {
		s.login.Release()
	}
}

func (s passOn) OnWake(*netloop.Pair) error { return nil }

func (s passOn) OnTick(*netloop.Pair, time.Time) error { return nil }

// gate is a running gate.
type gate struct {
	addr   string
	port   int
	logins chan *pglogin.Login
	errs   chan error
}

// startGate runs a gate until the test ends.
func startGate(t *testing.T, cfg pglogin.Config) *gate {
	t.Helper()
	return startGateAt(t, cfg, netloop.Config{}, "tcp", "127.0.0.1:0")
}

func startGateAt(t *testing.T, cfg pglogin.Config, loopCfg netloop.Config, network, address string) *gate {
	t.Helper()
	acceptor, err := pglogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	loop, err := netloop.New(loopCfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{addr: ln.Addr().String(), logins: make(chan *pglogin.Login, 1000), errs: make(chan error, 1000)}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		g.port = a.Port
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = loop.Run(ctx) })
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { g.serve(ctx, acceptor, loop, conn) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); cancel(); wg.Wait() })
	return g
}

func (g *gate) serve(ctx context.Context, a *pglogin.Acceptor, loop netloop.Loop, conn net.Conn) {
	login, err := a.Accept(ctx, conn)
	if err != nil {
		g.errs <- err
		return
	}
	if _, err := loop.Add(login.Client, login.Upstream, passOn{login}); err != nil {
		login.Close()
		g.errs <- err
		return
	}
	g.logins <- login
}

// login returns the next finished login.
func (g *gate) login(t *testing.T) *pglogin.Login {
	t.Helper()
	select {
	case l := <-g.logins:
		return l
	case err := <-g.errs:
		t.Fatalf("no login: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no login")
	}
	return nil
}

// failure returns the next login that failed, leaving out clients that only left (a second try without TLS).
func (g *gate) failure(t *testing.T) error {
	t.Helper()
	for {
		select {
		case err := <-g.errs:
			if !errors.Is(err, pglogin.ErrLeft) {
				return err
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no login failed")
		}
	}
}

// dsn is a connection string of this gate; sslmode is disable unless more says otherwise.
func (g *gate) dsn(user, more string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=postgres connect_timeout=20 sslmode=disable %s", g.port, user, password, more)
}
