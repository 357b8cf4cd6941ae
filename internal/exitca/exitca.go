// Package exitca is the authority whose certificates an egress gate shows to
// clients in the place of servers, so that it can read what they send there. It
// is made by a person, for names that the person says: the certificate carries
// them as critical name constraints (RFC 5280, 4.2.1.10), so that whoever steals
// its key can pretend to be no other server.
//
// Its key is a file of the keys folder, its life a year. Certificates of names
// live a week, are made when they are needed and kept in memory only; all have
// one key, which is new with every start.
//
// It decides nothing: which tunnels are read is the policy's to say.
package exitca

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
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"sekisho/internal/durable"
)

const (
	// KeyFile and CertFile are the authority in the keys folder, mode 0600.
	KeyFile  = "egress-ca.key"
	CertFile = "egress-ca.pem"

	// Life is how long the authority is good, LeafLife a certificate of a name.
	Life     = 365 * 24 * time.Hour
	LeafLife = 7 * 24 * time.Hour
	// renew is how long before its end a certificate of a name is made anew.
	renew = 24 * time.Hour
	// skew allows for clocks that are behind.
	skew = 5 * time.Minute
	// maxLeaves bounds the certificates in memory; beyond it all are forgotten.
	maxLeaves = 10_000
)

var (
	// ErrNone: no authority was made.
	ErrNone = errors.New("no authority was made")
	// ErrName: the authority is not for this name.
	ErrName = errors.New("the authority is not for this name")
	// ErrOver: the authority's life is over.
	ErrOver = errors.New("the authority's life is over")
)

// Authority signs. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	leaf *ecdsa.PrivateKey
	now  func() time.Time

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // guarded by mu
}

// Make makes an authority for names and everything below them and puts it into
// dir, in the place of one that is there. Clients must be given the new
// certificate then.
func Make(dir string, names []string, now func() time.Time) (*Authority, error) {
	if len(names) == 0 {
		return nil, errors.New("an authority is for names")
	}
	for _, n := range names {
		if n == "" || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || n[0] == '.' || topLevel(n) {
			return nil, fmt.Errorf("%q is no name of a server in lower case", n)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := number()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Sekisho egress " + hex.EncodeToString(serial.Bytes()[:4])},
		NotBefore: now().Add(-skew), NotAfter: now().Add(Life), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: names, ExcludedIPRanges: []*net.IPNet{
			{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	// The certificate last: without it there is no authority, and one that does
	// not fit its key is none either (Open).
	err = durable.WriteFile(durable.Dir(dir), KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
	if err == nil {
		err = durable.WriteFile(durable.Dir(dir), CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	return Open(dir, now)
}

// topLevel reports whether a name is one under which strangers register theirs:
// jp, co.jp.
func topLevel(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return icann && suffix == name
}

// Open reads the authority of dir; ErrNone when there is none.
func Open(dir string, now func() time.Time) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, fmt.Errorf("%s: %w", CertFile, err)
	}
	if info, err := os.Stat(filepath.Join(dir, KeyFile)); err != nil {
		return nil, err
	} else if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600", KeyFile)
	}
	a := &Authority{cert: pair.Leaf, key: pair.PrivateKey.(crypto.Signer), now: now, leaves: map[string]*tls.Certificate{}}
	if a.leaf, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	return a, nil
}

func number() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 126, 1), nil // of sixteen bytes always
}

// PEM is the certificate that clients are to trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Fingerprint is the SHA-256 of the certificate in hexadecimal.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Until is the end of the authority's life.
func (a *Authority) Until() time.Time { return a.cert.NotAfter }

// Names are those that the authority is for, with everything below them.
func (a *Authority) Names() []string { return slices.Clone(a.cert.PermittedDNSDomains) }

// Covers reports whether the authority is for a name of a policy:
// "www.example.jp", "*.example.jp".
func (a *Authority) Covers(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	return slices.ContainsFunc(a.cert.PermittedDNSDomains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) })
}

// Leaf is a certificate for a name, in lower case. Errors: ErrName, ErrOver.
func (a *Authority) Leaf(name string) (*tls.Certificate, error) {
	now := a.now()
	if !a.Covers(name) || strings.HasPrefix(name, "*") {
		return nil, ErrName
	}
	if !now.Before(a.cert.NotAfter) {
		return nil, ErrOver
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.leaves[name]; l != nil && now.Before(l.Leaf.NotAfter.Add(-renew)) {
		return l, nil
	}
	serial, err := number()
	if err != nil {
		return nil, err
	}
	until := now.Add(LeafLife)
	if a.cert.NotAfter.Before(until) {
		until = a.cert.NotAfter
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name[:min(len(name), 64)]}, NotBefore: now.Add(-skew), NotAfter: until,
		DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, a.leaf.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves)
	}
	made := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.leaf, Leaf: leaf}
	a.leaves[name] = made
	return made, nil
}
