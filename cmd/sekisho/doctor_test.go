package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

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
	if len(d.found) != 1 || d.found[0].State != doctorBad || !strings.Contains(d.found[0].Text, ":"+port) || !strings.Contains(d.found[0].Text, "別のプログラム") {
		t.Fatalf("a taken port: %+v", d.found)
	}
	d.a.config = filepath.Join(t.TempDir(), "sekisho.yaml") // what mends it is a change of this file
	if err := os.WriteFile(d.a.config, []byte("listen: "+l.Addr().String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.found = nil
	d.ports()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", d.found[0].Mend).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", d.found[0].Mend, err, out)
	}
	text, err := os.ReadFile(d.a.config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.TrimSpace(strings.TrimPrefix(string(text), "listen: "))
	if host, other, err := net.SplitHostPort(moved); err != nil || host != "127.0.0.1" || other == port {
		t.Errorf("moved to %q", moved)
	}
	d.found = nil
	d.taken(address{"127.0.0.1:80", "gates.shop-db"}, &net.OpError{Err: os.NewSyscallError("bind", syscall.EACCES)})
	d.taken(address{"192.0.2.9:6432", "gates.shop-db"}, &net.OpError{Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)})
	if len(d.found) != 2 || !strings.Contains(d.found[0].Mend, "cap_net_bind_service") || !strings.Contains(d.found[1].Mend, "127.0.0.1:6432") {
		t.Errorf("addresses that it may not have: %+v", d.found)
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

// mend runs what the doctor names for the first thing that is wrong in a check, as an
// administrator of the database, and looks that it is wrong no more. BACKUP is the file
// backup.tar.zst.
func mend(ts *testscript.TestScript, _ bool, args []string) {
	first := func() *symptom {
		cmd := exec.Command("sekisho", "--json", "doctor", "--quick")
		cmd.Dir, cmd.Env = ts.Getenv("WORK"), append(os.Environ(), "LANG=C.UTF-8", "PGSSLMODE=disable")
		text, _ := cmd.Output() // it ends with 1 when something is wrong
		var found []symptom
		ts.Check(json.Unmarshal(text, &found))
		for _, s := range found {
			if s.Check == args[0] && s.State == doctorBad {
				return &s
			}
		}
		return nil
	}
	wrong := first()
	if wrong == nil {
		ts.Fatalf("the doctor finds nothing wrong with %s", args[0])
	}
	cmd := exec.Command("sh", "-c", strings.NewReplacer("sudo ", "", "BACKUP", "backup.tar.zst", " -U postgres", "").Replace(wrong.Mend))
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), append(os.Environ(), "LANG=C.UTF-8", "PGSSLMODE=disable", "PGUSER=boss")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%s: %s: %v\n%s", wrong.Text, wrong.Mend, err, out)
	}
	if still := first(); still != nil {
		ts.Fatalf("%s: after %s: %s", wrong.Text, wrong.Mend, still.Text)
	}
	ts.Logf("%s: %s", wrong.Text, wrong.Mend)
}

// TestDoctorFiles: a file of another user, one that cannot be used, and keys that others
// may read; what the doctor names mends each.
func TestDoctorFiles(t *testing.T) {
	dir := t.TempDir()
	d := newDoctor(t, time.Now(), lang.English)
	d.l.Data, d.l.Keys = filepath.Join(dir, "data"), filepath.Join(dir, "its keys")
	inner := filepath.Join(d.l.Data, "ledger", "open")
	for _, made := range []string{inner, d.l.Keys} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root := os.Geteuid() == 0
	uid := os.Geteuid()
	if root {
		uid = 12345 // whom the unit runs as
		if err := exec.CommandContext(t.Context(), "chown", "-R", "12345", d.l.Data, d.l.Keys).Run(); err != nil {
			t.Fatal(err)
		}
	}
	d.runsAs = func() (int, bool) { return uid, true }
	if !d.files() || len(d.found) > 0 {
		t.Fatalf("before: %+v", d.found)
	}
	wrong := func(what, text string, act func() error) {
		t.Helper()
		if err := act(); err != nil {
			t.Fatal(err)
		}
		d.found = nil
		if d.files() || len(d.found) != 1 || d.found[0].State != doctorBad || !strings.Contains(d.found[0].Text, text) {
			t.Fatalf("%s: %+v, want %q", what, d.found, text)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", d.found[0].Mend).CombinedOutput(); err != nil {
			t.Fatalf("%s: %s: %v: %s", what, d.found[0].Mend, err, out)
		}
		d.found = nil
		if !d.files() || len(d.found) > 0 {
			t.Errorf("%s: mended, and still %+v", what, d.found)
		}
	}
	wrong("keys for all", "others may read", func() error { return os.Chmod(d.l.Keys, 0o755) })
	if root {
		wrong("a file of root", "belongs to root; the process runs as 12345", func() error { return os.WriteFile(filepath.Join(inner, "x"), nil, 0o600) })
		t.Log("SKIPPED: what may not be used, as root may use everything")
		return
	}
	t.Log("SKIPPED: a file of another user, which only root can make")
	wrong("a directory that is shut", "cannot be used", func() error { return os.Chmod(inner, 0o500) })
}

// TestDoctorHangs: a process that takes the question and does not answer is not waited
// for without end, and is not called none.
func TestDoctorHangs(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "control.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newDoctor(t, time.Now(), lang.English)
	d.l.Data = dir
	d.op = control.NewClient(socket, defaultConfig)
	ctx, enough := context.WithCancel(t.Context())
	d.a.ctx = ctx
	go func() { // its patience ends when it has asked
		c, err := l.Accept()
		if err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		if err != nil {
			t.Error(err)
		}
		enough()
	}()
	d.process()
	if len(d.found) != 1 || d.found[0].State != doctorBad || !strings.Contains(d.found[0].Text, "does not answer") || !d.hangs {
		t.Fatalf("%+v", d.found)
	}
	d.found = nil
	d.ports()
	if len(d.found) != 0 {
		t.Errorf("its own ports are said too: %+v", d.found)
	}
	d.holder = 4711
	if got, want := d.restart(), "kill -KILL 4711 && tail --pid=4711 -f /dev/null; sekisho up"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.hangs, d.status = false, &control.Status{PID: 4712}
	if got, want := d.restart(), "kill 4712 && tail --pid=4712 -f /dev/null; sekisho up"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
