package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
)

// faultyDisk is the disk of a ledger, which can be full, or fail to sync.
type faultyDisk struct{ full, broken atomic.Bool }

func (d *faultyDisk) files(dir string) durable.FS { return faultyFS{durable.Dir(dir), d} }

type faultyFS struct {
	durable.FS
	disk *faultyDisk
}

func (f faultyFS) Create(name string, mode fs.FileMode) (durable.File, error) {
	if f.disk.full.Load() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	return f.file(f.FS.Create(name, mode))
}

func (f faultyFS) Append(name string) (durable.File, error) { return f.file(f.FS.Append(name)) }

func (f faultyFS) file(file durable.File, err error) (durable.File, error) {
	if err != nil {
		return nil, err
	}
	return faultyFile{file, f.disk}, nil
}

type faultyFile struct {
	durable.File
	disk *faultyDisk
}

// Write takes half of it when the disk is full, as disks do.
func (f faultyFile) Write(b []byte) (int, error) {
	if !f.disk.full.Load() {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f faultyFile) Sync() error {
	if f.disk.broken.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

// outageFirm is a firm with a web gate of either fail mode, whose disk fails.
type outageFirm struct {
	*killedFirm
	shut, open string // addresses of the gates
	metrics    string
}

func newOutageFirm(t *testing.T, dir string) *outageFirm {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "shop") }))
	t.Cleanup(shop.Close)
	var at [3]string
	for i := range at {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		at[i] = fmt.Sprintf("127.0.0.%d:%s", i+2, port) // a free port may be named twice
	}
	site := fmt.Sprintf("sites: [{hosts: [shop.example.jp], upstream: '%s', firewall: 'off', cards: 'off'}]", shop.URL)
	more := fmt.Sprintf("metrics: {listen: '%s'}\nweb:\n  - {name: shut, listen: '%s', %s}\n  - {name: open, listen: '%s', on_failure: open, %s}\n", at[2], at[0], site, at[1], site)
	return &outageFirm{killedFirm: killedFirmIn(t, dir, more), shut: at[0], open: at[1], metrics: at[2]}
}

// startOn runs the process here, on a disk. It returns what ends it, with how it
// ended.
func (f *outageFirm) startOn(disk *faultyDisk) func() error {
	f.t.Helper()
	log, err := os.Create(filepath.Join(f.dir, "up.log"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.log = log
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	a := &app{ctx: ctx, config: filepath.Join(f.dir, "sekisho.yaml"), say: texts.In(lang.English), lang: lang.English,
		env: environment{stdout: log, stderr: log, getenv: func(string) string { return "" }, disk: disk.files}}
	l, err := a.load()
	if err == nil {
		err = os.MkdirAll(viewDir(l.Config), 0o700)
	}
	if err != nil {
		cancel()
		f.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = a.serve(l)
	}()
	stop := func() error {
		cancel()
		<-ended
		return err
	}
	f.t.Cleanup(func() { _, _ = stop(), log.Close() }) // how it ended is asked by the test
	f.await("the process answers", func() bool {
		_, err := f.client.Status(f.t.Context())
		return err == nil
	})
	return stop
}

// get returns status and text of a request, 0 when nobody answers.
func (f *outageFirm) get(address, path string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if address != f.metrics {
		r.Host = "shop.example.jp"
	}
	answer, err := f.web.Do(r)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, ""
	}
	return answer.StatusCode, string(text)
}

// works says that gates pass and an act is done.
func (f *outageFirm) works(what string) {
	f.t.Helper()
	for _, gate := range []string{f.shut, f.open} {
		if status, text := f.get(gate, "/"); status != http.StatusOK || text != "shop" {
			f.t.Errorf("%s: the gate on %s answers %d: %s", what, gate, status, text)
		}
	}
	f.do("ayame", "/wrong", "what", what)
	if len(f.titled(what)) != 1 {
		f.t.Errorf("%s: no case was opened", what)
	}
}

// stopped waits until the ledger has stopped, and looks at what everybody is told.
func (f *outageFirm) stopped(code fault.Code) {
	f.t.Helper()
	f.await("the outage", func() bool {
		s, err := f.client.Status(f.t.Context())
		return err == nil && s.Outage != nil && s.Outage.Code == code
	})
	if status, _ := f.get(f.shut, "/"); status != http.StatusServiceUnavailable {
		f.t.Errorf("the closed gate answers %d", status)
	}
	if status, text := f.get(f.open, "/"); status != http.StatusOK || text != "shop" {
		f.t.Errorf("the open gate answers %d: %s", status, text)
	}
	for _, want := range []string{"Nothing is recorded since", "not recorded, therefore not done", code.String(), "banner-bad"} {
		if !strings.Contains(f.page("/"), want) {
			f.t.Errorf("the first screen does not say %q", want)
		}
	}
	for _, path := range []string{"/ledger", "/events", "/cases", "/scope", "/policy", "/egress"} {
		status, _, text, err := f.ask("ayame", path, nil)
		if err == nil && code == fault.LedgerLost && status == http.StatusServiceUnavailable && strings.Contains(text, code.String()) {
			continue // it reads the ledger, and says why it cannot
		}
		if err != nil || status != http.StatusOK {
			f.t.Errorf("%s: %d, %v: %s", path, status, err, text)
		}
	}
	status, _, text, err := f.ask("ayame", "/wrong", f.form("ayame", "what", "during"))
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(text, "not recorded, therefore not done") || !strings.Contains(text, code.String()) {
		f.t.Errorf("an act is answered %d, %v: %s", status, err, text)
	}
	if made := f.titled("during"); len(made) != 0 {
		f.t.Errorf("what was not recorded was done: %v", made)
	}
	if _, text := f.get(f.metrics, "/metrics"); !strings.Contains(text, "\nsekisho_ledger_stopped 1\n") {
		f.t.Error("no metric says it")
	}
	for _, args := range [][]string{{"status"}, {"doctor", "--quick"}} {
		out, _ := f.program(args...).CombinedOutput() // the doctor ends with 1
		if !strings.Contains(string(out), "not recorded, therefore not done") || !strings.Contains(string(out), code.String()) {
			f.t.Errorf("%v says:\n%s", args, out)
		}
	}
}

// recordedSince says that the ledger is whole and has a gap of every web gate that
// covers a moment.
func (f *outageFirm) recordedSince(moment time.Time, reason string) {
	f.t.Helper()
	l, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	report, err := ledger.Verify(f.t.Context(), ledgerDir(l.Config), ledger.VerifyOptions{})
	if err != nil || !report.OK() {
		f.t.Errorf("verify: %v, %+v", err, report)
	}
	r, err := ledger.OpenReader(ledgerDir(l.Config))
	if err != nil {
		f.t.Fatal(err)
	}
	var covered []event.Place
	err = r.Scan(f.t.Context(), 0, func(_ event.Index, line []byte) error {
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		if g, ok := e.Body.(*event.Gap); ok && g.Reason == reason && g.From <= moment.UnixNano() && g.To > moment.UnixNano() {
			covered = append(covered, g.Places...)
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, place := range []event.Place{"web/shut/shop.example.jp", "web/open/shop.example.jp", "egress/out"} {
		if !slices.Contains(covered, place) {
			f.t.Errorf("no gap of %s covers the outage: %v", place, covered)
		}
	}
}

func (f *outageFirm) logged(want string) {
	f.t.Helper()
	if text, err := os.ReadFile(f.log.Name()); err != nil || !strings.Contains(string(text), want) {
		f.t.Errorf("the log does not say %q: %v\n%s", want, err, text)
	}
}

// goesOn waits until the process began anew.
func (f *outageFirm) goesOn() {
	f.t.Helper()
	f.await("it goes on", func() bool {
		s, err := f.client.Status(f.t.Context())
		return err == nil && s.Outage == nil
	})
}

// TestDiskFull: while the ledger's disk is full nothing is acknowledged, everybody
// is told, and what only reads goes on; with room everything goes on by itself,
// and a gap covers the time.
func TestDiskFull(t *testing.T) {
	f := newOutageFirm(t, t.TempDir())
	disk := &faultyDisk{}
	stop := f.startOn(disk)
	f.works("before")
	disk.full.Store(true)
	f.stopped(fault.LedgerFull)
	during := time.Now()
	f.logged("code=SK8114")
	disk.full.Store(false)
	f.goesOn()
	f.works("after")
	if text := f.page("/"); strings.Contains(text, "SK8114") {
		t.Error("the first screen still speaks of it")
	}
	if err := stop(); err != nil {
		t.Errorf("the end: %v", err)
	}
	f.recordedSince(during, "the disk of the ledger was full")
}

// TestSyncFails: after a failed sync nothing goes on by itself, also when syncs
// succeed again; the process ends with the reason, and the next start says what
// is missing.
func TestSyncFails(t *testing.T) {
	f := newOutageFirm(t, t.TempDir())
	disk := &faultyDisk{}
	stop := f.startOn(disk)
	f.works("before")
	disk.broken.Store(true)
	f.stopped(fault.LedgerBroken)
	during := time.Now()
	f.logged("code=SK8115")
	disk.broken.Store(false)
	f.stopped(fault.LedgerBroken)
	if err := stop(); err == nil || fault.Faults(err)[0].Code != fault.LedgerBroken || exitCode(err) != 3 {
		t.Errorf("the end: %v", err)
	}
	stop = f.startOn(disk)
	f.works("after")
	if err := stop(); err != nil {
		t.Errorf("the end: %v", err)
	}
	f.recordedSince(during, "the disk of the ledger failed")
}

// TestStartOnFullDisk: a start that cannot write says why, and what to do.
func TestStartOnFullDisk(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "egress.yaml")
	if err := os.WriteFile(policy, []byte(roomsPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	p := bareProcess(t, fmt.Sprintf("egress: {policy_file: %s, gates: [{name: out, listen: '127.0.0.1:1'}]}\n", policy))
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	disk := &faultyDisk{}
	disk.full.Store(true)
	again := &process{file: p.file, cfg: p.cfg, log: p.log, now: time.Now, disk: disk.files}
	err := again.open(t.Context(), func(uint64, uint64) {})
	if f := fault.Faults(err)[0]; f.Code != fault.LedgerFull || exitCode(err) != 3 {
		t.Errorf("got %v", err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}

// TestLedgerLost: somebody removes the directory of the ledger under a running
// process. Everybody is told, what does not need the ledger goes on, and when it is
// back the next start says what is missing.
func TestLedgerLost(t *testing.T) {
	f := newOutageFirm(t, t.TempDir())
	stop := f.startOn(&faultyDisk{})
	f.works("before")
	dir, away := filepath.Join(f.dir, "data", "ledger"), filepath.Join(f.dir, "away")
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	f.stopped(fault.LedgerLost)
	during := time.Now()
	f.logged("code=SK8116")
	if err := stop(); err == nil || fault.Faults(err)[0].Code != fault.LedgerLost || exitCode(err) != 3 {
		t.Errorf("the end: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another one began in its place: %v", err)
	}
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	stop = f.startOn(&faultyDisk{})
	f.works("after")
	if err := stop(); err != nil {
		t.Errorf("the end: %v", err)
	}
	f.recordedSince(during, "the files of the ledger were gone")
}

// TestLostSegment: the directory is there, and what was recorded last is not in it: a
// part that fails then does not end the process.
func TestLostSegment(t *testing.T) {
	p := bareProcess(t, "web: [{name: shop, listen: '127.0.0.1:1', sites: [{hosts: [shop.example.jp], upstream: 'http://127.0.0.1:2'}]}]\n")
	t.Cleanup(func() { _ = p.close() }) // of a ledger that has stopped
	failed := errors.New("the ledger says it has more")
	if p.lost() || p.excused("view", failed) {
		t.Fatal("a whole ledger is taken for lost")
	}
	if _, err := p.ledger.Recorder("test/x", 1).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
		t.Fatal(err)
	}
	open, err := filepath.Glob(filepath.Join(ledgerDir(p.cfg.Config), "open", "*"))
	if err != nil || len(open) == 0 {
		t.Fatalf("no open segment: %v", err)
	}
	for _, name := range open {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if p.away() || !p.lost() {
		t.Errorf("away %v, lost %v", p.away(), p.lost())
	}
	if !p.excused("view", failed) {
		t.Error("a part that cannot read it ends the process")
	}
	if o := p.outage(); o == nil || o.Code != fault.LedgerLost {
		t.Errorf("the outage: %+v", o)
	}
}
