package netloop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"sekisho/internal/gate/netloop"
)

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gate"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shaken makes a TLS connection: ours as a Transport, and the far end.
func shaken(t *testing.T, network string, version uint16, cert tls.Certificate, weServe bool) (netloop.Transport, *tls.Conn) {
	t.Helper()
	far, near := connected(t, network)
	serverCfg := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version}
	clientCfg := &tls.Config{InsecureSkipVerify: true}
	st := netloop.NewStream(near)
	var ours, theirs *tls.Conn
	if weServe {
		ours, theirs = tls.Server(st, serverCfg), tls.Client(far, clientCfg)
	} else {
		ours, theirs = tls.Client(st, clientCfg), tls.Server(far, serverCfg)
	}
	done := make(chan error, 1)
	go func() { done <- theirs.Handshake() }()
	if err := ours.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return netloop.Transport{Conn: st, TLS: ours}, theirs
}

// tlsEnd sends close_notify and FIN where the protocol has a half-close.
type tlsEnd struct{ *tls.Conn }

func (c tlsEnd) CloseWrite() error { return c.Conn.CloseWrite() }

func TestTLSBytesPassUnchanged(t *testing.T) {
	cert := selfSigned(t)
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		cfg.MaxBuffered = 32 << 10
		loop := start(t, cfg)
		for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, legs := range []string{"client", "upstream", "both"} {
				t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), legs), func(t *testing.T) {
					h := newForward()
					h.half = true
					var p peers
					var client, upstream netloop.Transport
					if legs != "upstream" {
						var far *tls.Conn
						client, far = shaken(t, "tcp", version, cert, true)
						p.client = tlsEnd{far}
					} else {
						p.client, client.Conn = connected(t, "tcp")
					}
					if legs != "client" {
						var far *tls.Conn
						upstream, far = shaken(t, "unix", version, cert, false)
						p.upstream = tlsEnd{far}
					} else {
						p.upstream, upstream.Conn = connected(t, "unix")
					}
					if _, err := loop.Add(client, upstream, h); err != nil {
						t.Fatal(err)
					}
					exchange(t, p, uint64(i), 2<<20)
					h.wait(t)
				})
			}
		}
	})
}

// TestTLSBytesBehindTheHandshake: what crypto/tls has read and not given out when the loop takes over is not lost,
// though no event will tell of it.
func TestTLSBytesBehindTheHandshake(t *testing.T) {
	cert := selfSigned(t)
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		client, far := shaken(t, "tcp", tls.VersionTLS13, cert, true)
		send(t, far, []byte("0123456789"))
		var first [1]byte
		if _, err := client.TLS.Read(first[:]); err != nil { // the record is read whole
			t.Fatal(err)
		}
		client.Ahead = first[:]
		u, gu := connected(t, "tcp")
		h := newForward()
		if _, err := loop.Add(client, netloop.Transport{Conn: gu}, h); err != nil {
			t.Fatal(err)
		}
		want(t, u, "0123456789")
		_ = far.Close()
		wantEnd(t, u)
		h.wait(t)
	})
}

// TestTLSPauseInsideARead: a handler that pauses between two pieces of one read gets the rest later.
func TestTLSPauseInsideARead(t *testing.T) {
	cert := selfSigned(t)
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		client, far := shaken(t, "tcp", tls.VersionTLS13, cert, true)
		u, gu := connected(t, "tcp")
		h := newForward()
		h.half = true
		h.onData = func(p *netloop.Pair, s netloop.Side, b []byte) error {
			p.Write(s.Other(), b)
			p.Pause(s)
			p.ArmTick(p.Now())
			return nil
		}
		h.onTick = func(p *netloop.Pair, _ time.Time) error {
			p.Resume(netloop.Client)
			p.Resume(netloop.Upstream)
			return nil
		}
		if _, err := loop.Add(client, netloop.Transport{Conn: gu}, h); err != nil {
			t.Fatal(err)
		}
		exchange(t, peers{client: tlsEnd{far}, upstream: u}, 7, 1<<20)
		h.wait(t)
	})
}

// TestTLSGarbage: bytes that are no record end the pair with an error, and the other side in an orderly way.
func TestTLSGarbage(t *testing.T) {
	cert := selfSigned(t)
	eachCarrier(t, func(t *testing.T, cfg netloop.Config) {
		loop := start(t, cfg)
		far, near := connected(t, "tcp")
		st := netloop.NewStream(near)
		ours := tls.Server(st, &tls.Config{Certificates: []tls.Certificate{cert}})
		theirs := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
		done := make(chan error, 1)
		go func() { done <- theirs.Handshake() }()
		if err := ours.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		u, gu := connected(t, "tcp")
		h := newForward()
		if _, err := loop.Add(netloop.Transport{Conn: st, TLS: ours}, netloop.Transport{Conn: gu}, h); err != nil {
			t.Fatal(err)
		}
		send(t, far, []byte("GET / HTTP/1.1\r\n\r\n"))
		wantEnd(t, u)
		if closed := h.wait(t); !strings.HasPrefix(closed[0], "client: tls: ") {
			t.Errorf("ended with %q, want an error of TLS", closed)
		}
	})
}
