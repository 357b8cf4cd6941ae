package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/lang"
)

// certificateFiles writes a certificate that ends at a time, and its key.
func certificateFiles(t *testing.T, dir, name string, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-1000 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// newDoctor is a doctor on a fixed day.
func newDoctor(t *testing.T, now time.Time, l lang.Language) *doctor {
	var out bytes.Buffer
	a := &app{ctx: t.Context(), env: environment{stdout: &out, stderr: &out}, say: texts.In(l), lang: l, config: defaultConfig}
	return &doctor{a: a, l: &config.Loaded{Config: &config.Config{}}, now: func() time.Time { return now }}
}

func TestDoctorCertificates(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	good, goodKey := certificateFiles(t, dir, "good", now.Add(90*24*time.Hour))
	soon, soonKey := certificateFiles(t, dir, "soon", now.Add(10*24*time.Hour))
	over, overKey := certificateFiles(t, dir, "over", now.Add(-24*time.Hour))
	d := newDoctor(t, now, lang.English)
	for _, c := range []struct{ cert, key, state, text string }{
		{good, goodKey, doctorOK, "until 2027-02-20"},
		{good, "", doctorOK, "until 2027-02-20"},
		{soon, soonKey, doctorWarn, "in 10 days"},
		{over, overKey, doctorBad, "ended on 2026-11-21"},
		{good, soonKey, doctorBad, "cannot be used"},
		{filepath.Join(dir, "none.crt"), "", doctorBad, "cannot be used"},
		{goodKey, "", doctorBad, "no certificate"},
	} {
		d.found = nil
		d.certificate(c.cert, c.key)
		if len(d.found) != 1 || d.found[0].State != c.state || !strings.Contains(d.found[0].Text, c.text) {
			t.Errorf("%s with %s: %+v, want %s %q", c.cert, c.key, d.found, c.state, c.text)
		}
		if mended := d.found[0].Mend != ""; mended != (c.state != doctorOK) {
			t.Errorf("%s: mend %q", c.cert, d.found[0].Mend)
		}
	}
	// Each file is looked at once, however often it is named.
	d.found = nil
	d.l.Console = &config.Console{Cert: good, Key: goodKey}
	d.l.Metrics = &config.Metrics{Cert: good, Key: goodKey}
	d.certificates()
	if len(d.found) != 1 {
		t.Errorf("one file named twice: %+v", d.found)
	}
}

// A port that another program holds is bad before the start and good while the
// process runs.
func TestDoctorPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newDoctor(t, time.Now(), lang.Japanese)
	d.l.Gates = []config.Gate{{Name: "shop-db", Listen: l.Addr().String()}}
	d.ports()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if len(d.found) != 1 || d.found[0].State != doctorBad || !strings.Contains(d.found[0].Mend, port) || !strings.Contains(d.found[0].Text, "別のプログラム") {
		t.Errorf("a taken port: %+v", d.found)
	}
	d.found, d.status = nil, &control.Status{}
	d.ports()
	if len(d.found) != 1 || d.found[0].State != doctorOK {
		t.Errorf("a port that answers: %+v", d.found)
	}
	l.Close()
	d.found = nil
	d.ports()
	if len(d.found) != 1 || d.found[0].State != doctorBad || !strings.Contains(d.found[0].Text, "応答がありません") {
		t.Errorf("a port that does not answer: %+v", d.found)
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "/etc/x.yaml": "/etc/x.yaml"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
