package exitca

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAuthority(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	if _, err := Open(dir, clock); !errors.Is(err, ErrNone) {
		t.Fatalf("an empty folder: %v", err)
	}
	made, err := Make(dir, []string{"upload.example.jp", "share.example"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, clock)
	if err != nil || a.Fingerprint() != made.Fingerprint() {
		t.Fatalf("another one was read: %v", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.PEM()) {
		t.Fatal("the PEM is none")
	}
	verify := func(name string, at time.Time) error {
		l, err := a.Leaf(name)
		if err != nil {
			return err
		}
		_, err = l.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at})
		return err
	}
	for _, name := range []string{"upload.example.jp", "a.b.share.example", "share.example"} {
		if err := verify(name, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.jp", "www.example.jp", "notshare.example", "*.share.example", ""} {
		if _, err := a.Leaf(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	first, _ := a.Leaf("share.example")
	if again, _ := a.Leaf("share.example"); again != first {
		t.Error("a certificate is not kept")
	}
	now = now.Add(LeafLife - renew)
	if again, _ := a.Leaf("share.example"); again == first {
		t.Error("a certificate is not renewed")
	}
	now = now.Add(Life)
	if _, err := a.Leaf("share.example"); !errors.Is(err, ErrOver) {
		t.Errorf("after its life: %v", err)
	}
}

// TestStolenKey: with the key alone nobody can be another server.
func TestStolenKey(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	a, err := Make(t.TempDir(), []string{"share.example"}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	free := *a.cert
	free.PermittedDNSDomains = []string{"bank.example"} // what a thief's own program would think
	thief := &Authority{cert: &free, key: a.key, leaf: a.leaf, now: a.now, leaves: a.leaves}
	l, err := thief.Leaf("bank.example")
	if err != nil {
		t.Fatal(err)
	}
	var constraint x509.CertificateInvalidError
	if _, err := l.Leaf.Verify(x509.VerifyOptions{DNSName: "bank.example", Roots: roots, CurrentTime: now}); !errors.As(err, &constraint) || constraint.Reason != x509.CANotAuthorizedForThisName {
		t.Errorf("a certificate for another server: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	for _, names := range [][]string{nil, {""}, {"Share.example"}, {"*.share.example"}, {"jp"}, {"co.jp"}, {".example"}} {
		if _, err := Make(t.TempDir(), names, time.Now); err == nil {
			t.Errorf("made for %q", names)
		}
	}
	dir := t.TempDir()
	if _, err := Make(dir, []string{"share.example"}, time.Now); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, KeyFile), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, time.Now); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a key that others read: %v", err)
	}
}
