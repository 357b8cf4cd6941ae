// Package pki is the hub's own small certificate authority: one root that is
// made once and kept in a file, certificates for the hub and for remote gates
// that live 30 days and are renewed before.
//
// It is no general authority: it signs keys for server or client
// authentication of one installation, keeps no list of what it signed and
// revokes nothing; who may connect is decided by the hub at every connection.
// The root itself is not rotated: a new root needs gates to join again.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/durable"
)

const (
	rootLife = 10 * 365 * 24 * time.Hour
	// Life is how long a certificate is good.
	Life = 30 * 24 * time.Hour
	// skew allows for clocks that are behind.
	skew = 5 * time.Minute

	keyFile  = "hub-root.key"
	certFile = "hub-root.pem"
)

// Authority is the root. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	now  func() time.Time
}

// Open reads the root from dir, or makes it there: the key first, mode 0600.
func Open(dir string, now func() time.Time) (*Authority, error) {
	a := &Authority{now: now}
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return a, a.make(dir)
	}
	if err != nil {
		return nil, err
	}
	if a.key, err = ParseKey(text); err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	if text, err = os.ReadFile(filepath.Join(dir, certFile)); errors.Is(err, fs.ErrNotExist) {
		return a, a.makeCert(dir) // a crash between the two files
	} else if err != nil {
		return nil, err
	}
	if a.cert, err = ParseCert(text); err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	return a, nil
}

func (a *Authority) make(dir string) error {
	key, text, err := NewKey()
	if err != nil {
		return err
	}
	a.key = key
	if err := durable.WriteFile(durable.Dir(dir), keyFile, text, 0o600); err != nil {
		return err
	}
	return a.makeCert(dir)
}

func (a *Authority) makeCert(dir string) error {
	t, err := a.template("Sekisho hub", rootLife)
	if err != nil {
		return err
	}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return durable.WriteFile(durable.Dir(dir), certFile, CertPEM(der), 0o600)
}

func (a *Authority) template(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: a.now().Add(-skew), NotAfter: a.now().Add(life)}, nil
}

// Root is the root's certificate, as PEM.
func (a *Authority) Root() []byte { return CertPEM(a.cert.Raw) }

// Fingerprint is the SHA-256 of the root's certificate in hexadecimal: a token
// carries it, so that a gate that joins knows the hub.
func (a *Authority) Fingerprint() string { return Fingerprint(a.cert.Raw) }

// Pool holds the root.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// Server makes a certificate for the hub under the given names and addresses.
func (a *Authority) Server(hosts []string) (*tls.Certificate, error) {
	t, err := a.template("hub", Life)
	if err != nil {
		return nil, err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	key, _, err := NewKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, err
}

// Client signs a gate's request. Of the request only the key counts: the name
// is the one that the token or the older certificate gives.
func (a *Authority) Client(request []byte, name string) (cert []byte, err error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("no certificate request")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	if err := r.CheckSignature(); err != nil {
		return nil, err
	}
	if k, ok := r.PublicKey.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("the key is not on P-256")
	}
	t, err := a.template(name, Life)
	if err != nil {
		return nil, err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, r.PublicKey, a.key)
	return CertPEM(der), err
}

// NewKey makes a key and its PEM text.
func NewKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// Request makes a certificate request for a key.
func Request(key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), err
}

// ParseKey reads a key's PEM text. Its errors hold nothing of it.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if s, ok := key.(crypto.Signer); ok && err == nil {
		return s, nil
	}
	return nil, errors.New("no private key in PKCS #8")
}

// ParseCert reads the first certificate of a PEM text.
func ParseCert(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// CertPEM is a certificate's PEM text.
func CertPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Fingerprint is the SHA-256 of a certificate in hexadecimal.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
