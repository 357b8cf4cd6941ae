package resolver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestOverTLS asks over TLS (RFC 7858): the same answers, refusals with their
// reason, several questions in one connection; what is no TLS gets nothing.
func TestOverTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"dns.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.TLS = l })
	w.has("www.example.jp", "A", "60 A 9.9.9.9")
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	client := &dns.Client{Net: "tcp-tls", Timeout: patience, TLSConfig: &tls.Config{RootCAs: pool, ServerName: "dns.example"}}
	conn, err := client.Dial(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		m, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion("www.example.jp.", dns.TypeA), conn)
		if err != nil || len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "9.9.9.9" {
			t.Fatalf("%v, %v", m, err)
		}
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("%d questions left, want 1", n)
	}
	q := new(dns.Msg).SetQuestion("www.evil.example.", dns.TypeA)
	q.SetEdns0(1232, false)
	if m, _, err := client.ExchangeWithConn(q, conn); err != nil || m.Rcode != dns.RcodeNameError || len(m.Answer) > 0 {
		t.Errorf("a name that is not allowed: %v, %v", m, err)
	}
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	wire, err := new(dns.Msg).SetQuestion("www.example.jp.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.SetDeadline(time.Now().Add(patience))
	if _, err := plain.Write(append([]byte{0, byte(len(wire))}, wire...)); err != nil {
		t.Fatal(err)
	}
	var in [512]byte
	if n, _ := plain.Read(in[:]); n > 0 && in[0] != 21 { // a TLS alert is all it may get
		t.Errorf("in clear: %x", in[:n])
	}
}
