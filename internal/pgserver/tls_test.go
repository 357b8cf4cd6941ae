package pgserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// selfSigned makes a certificate and its key, both PEM.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestTLS(t *testing.T) {
	cert, key := selfSigned(t)
	s := pgservertest.Start(t, pgserver.Config{CertPEM: cert, KeyPEM: key, ClientCAPEM: cert})
	const encrypted = "SELECT ssl::text || ' ' || version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
	if got := query(t, s.DSN(pgserver.Superuser, "postgres"), encrypted); got != "true TLSv1.3" {
		t.Errorf("session over %q, want TLS 1.3", got)
	}
	if got := query(t, s.DSN(pgserver.Superuser, "postgres"), "SHOW ssl_ca_file"); got != "clients.crt" {
		t.Errorf("authority of client certificates: %q", got)
	}
}
