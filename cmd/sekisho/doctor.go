package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
)

// doctorCmd says what is wrong with an installation and the one command that
// mends it. It changes nothing, and works with and without a running process.
type doctorCmd struct {
	Quick bool `help:"help_doctor_quick"`
}

// The states of a check.
const (
	doctorOK   = "ok"
	doctorWarn = "warn" // it works, and somebody should look
	doctorBad  = "bad"
)

// symptom is what one check found.
type symptom struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	Mend  string `json:"mend,omitempty"` // a command, or what to do
}

// doctor collects what the checks find.
type doctor struct {
	a      *app
	l      *config.Loaded
	op     *control.Client
	status *control.Status // nil: no process runs, or it does not answer
	holder int             // the process that has the ledger open, when that is known
	hangs  bool            // a process is there, and does not answer
	found  []symptom
	now    func() time.Time
	runsAs func() (uid int, known bool) // who must own the files; nil: owner
}

func (d *doctor) ok(check, key string, args ...any) { d.add(check, doctorOK, "", key, args...) }

func (d *doctor) warn(check, mend, key string, args ...any) {
	d.add(check, doctorWarn, mend, key, args...)
}

func (d *doctor) bad(check, mend, key string, args ...any) {
	d.add(check, doctorBad, mend, key, args...)
}

func (d *doctor) add(check, state, mend, key string, args ...any) {
	d.found = append(d.found, symptom{check, state, d.a.say.Text(key, args...), mend})
}

// fault says what a fault says, with its own advice unless mend is better.
func (d *doctor) fault(check, mend string, err error) {
	for _, f := range fault.Faults(err) {
		advice := mend
		if advice == "" {
			advice = f.Try(d.a.lang)
		}
		where := ""
		if f.File != "" && f.Line > 0 {
			where = fmt.Sprintf("%s:%d  ", f.File, f.Line)
		}
		d.found = append(d.found, symptom{check, doctorBad, where + f.What(d.a.lang) + " (" + f.Code.String() + ")", advice})
	}
}

// Run checks everything. The exit code is 1 when something is wrong.
func (c doctorCmd) Run(a *app) error {
	d := &doctor{a: a, now: time.Now}
	if d.config() && d.files() {
		d.keys()
		d.people()
		d.process()
		d.ledger(c.Quick)
		d.disk()
		d.clock()
		for i := range d.l.Databases {
			d.database(&d.l.Databases[i])
		}
		d.ports()
		d.gates()
		d.console()
		d.certificates()
	}
	bad, warned := 0, 0
	for _, s := range d.found {
		switch s.State {
		case doctorBad:
			bad++
		case doctorWarn:
			warned++
		}
	}
	err := a.out(d.found, func() { d.show(bad, warned) })
	if err == nil && bad > 0 {
		return errNo
	}
	return err
}

func (d *doctor) show(bad, warned int) {
	for _, s := range d.found {
		fmt.Fprintf(d.a.env.stdout, "%s %s: %s\n", d.a.say.Text("doctor_"+s.State), d.a.say.Text("doctor_check_"+s.Check), s.Text)
		if s.Mend != "" {
			fmt.Fprintf(d.a.env.stdout, "     → %s\n", s.Mend)
		}
	}
	if bad == 0 && warned == 0 {
		d.a.print("doctor_well")
		return
	}
	d.a.print("doctor_sum", "bad", bad, "warned", warned)
}

// config reads the configuration as `sekisho up` does.
func (d *doctor) config() bool {
	l, err := d.a.load()
	if err != nil {
		// What the directories hold belongs to it: who may not read them is told that.
		if l, bad := config.Load(d.a.config); bad == nil && errors.Is(err, fs.ErrPermission) {
			d.l = l
			if !d.files() {
				return false
			}
		}
		mend := ""
		switch fault.Faults(err)[0].Code {
		case fault.ConfigAbsent:
			mend = d.a.self("init --ask")
		case fault.ConfigUnreadable:
			mend = d.unreadable(d.a.config, "")
		}
		d.fault("config", mend, err)
		return false
	}
	d.l = l
	d.op = control.NewClient(l.Control, d.a.config)
	d.ok("config", "doctor_config", "file", d.a.config)
	return true
}

// keys looks for the keyring and its keys.
func (d *doctor) keys() {
	ring, err := keyring.Open(d.l.Keys)
	if err != nil {
		mend := d.keysBack()
		if _, bad := ledger.ReadIdentity(ledgerDir(d.l.Config)); errors.Is(err, keyring.ErrNoRing) && errors.Is(bad, ledger.ErrNotLedger) {
			mend = d.begin()
		}
		d.fault("keys", mend, keysFault(d.l.Keys, d.a.config, err))
		return
	}
	for _, purpose := range []keyring.Purpose{keyring.Dictionary, keyring.Identifier} {
		if _, err := ring.Current(event.Tenant(d.l.Tenant), purpose); err != nil {
			d.fault("keys", d.keysBack(), keysFault(d.l.Keys, d.a.config, err))
			return
		}
	}
	if rel, err := filepath.Rel(d.l.Data, d.l.Keys); err == nil && !strings.HasPrefix(rel, "..") {
		d.warn("keys", d.a.say.Text("doctor_keys_move"), "doctor_keys_inside", "keys", d.l.Keys, "data", d.l.Data)
		return
	}
	d.ok("keys", "doctor_keys", "n", len(ring.IDs()), "dir", d.l.Keys)
}

// keysBack takes the keys, and nothing else, out of a backup (a tar archive, where they
// are extra/keys): the ledger beside them goes on.
func (d *doctor) keysBack() string {
	return "umask 077; tar --zstd -xf BACKUP --skip-old-files --one-top-level=" + shellWord(d.l.Keys) + " --strip-components=2 extra/keys"
}

// begin is what helps where no ledger is: a first one, unless there was one. Then its
// backup; what is left of it is put aside, not deleted.
func (d *doctor) begin() string {
	if left, err := os.ReadDir(viewDir(d.l.Config)); err == nil && len(left) > 0 || exists(accountsFile(d.l.Config)) {
		return d.ledgerBack()
	}
	return d.a.self("init")
}

func (d *doctor) ledgerBack() string {
	var mend string
	for _, dir := range []string{d.l.Data, d.l.Keys} {
		if exists(dir) {
			mend += "mv " + shellWord(dir) + " " + shellWord(dir+".aside") + " && "
		}
	}
	return mend + d.a.self("restore BACKUP")
}

// answerTime is how long the process is waited for.
const answerTime = 15 * time.Second

// process asks whether one runs.
func (d *doctor) process() {
	d.holder = holderOf(filepath.Join(ledgerDir(d.l.Config), "lock"))
	ctx, cancel := context.WithTimeout(d.a.ctx, answerTime)
	defer cancel()
	status, err := d.op.Status(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil || d.holder != 0:
		d.hangs = true
		d.bad("process", d.restart(), "doctor_process_hangs", "pid", d.holder)
		return
	default:
		d.bad("process", d.up(), "doctor_process_none")
		return
	}
	d.status = &status
	if o := status.Outage; o != nil {
		mend := ""
		if o.Code == fault.LedgerLost {
			mend = d.stopped() + d.ledgerBack()
		}
		d.fault("process", mend, o.Fault())
		return
	}
	if lag := status.Head - min(status.Folded, status.Head); lag > lagEvents {
		d.warn("process", d.a.self("status"), "doctor_process_behind", "n", countOf(lag))
		return
	}
	if status.Version != version {
		d.warn("process", d.upgrade(), "doctor_process_other", "running", status.Version, "installed", version)
		return
	}
	d.ok("process", "doctor_process", "pid", status.PID, "since", at(status.Since))
}

// lagEvents is how far the view may be behind before it is said.
const lagEvents = 100_000

// ledger looks whether it is there, verifies it unless quick, and asks when a
// checkpoint was signed last.
func (d *doctor) ledger(quick bool) {
	dir := ledgerDir(d.l.Config)
	if _, err := ledger.ReadIdentity(dir); err != nil {
		if d.status == nil || d.status.Outage == nil { // else it was said
			d.fault("ledger", d.begin(), ledgerFault(dir, d.a.config, err))
		}
		return
	}
	if quick {
		d.ok("ledger", "doctor_ledger_quick", "dir", dir)
		return
	}
	bar := d.a.progress("progress_verify")
	report, err := ledger.Verify(d.a.ctx, dir, ledger.VerifyOptions{Progress: func(done, of int) { bar.show(uint64(done), uint64(of)) }})
	bar.end()
	switch {
	case err != nil:
		d.fault("ledger", d.a.self("verify"), ledgerFault(dir, d.a.config, err))
	case !report.OK():
		d.bad("ledger", d.stopped()+d.ledgerBack(), "doctor_ledger_bad", "problem", report.Problems[0])
	default:
		d.ok("ledger", "doctor_ledger", "events", countOf(uint64(report.Events)), "sealed", report.Sealed)
	}
}

// gates looks at what the running process says of its gates, and when each was
// heard last: a gate says so once a second.
func (d *doctor) gates() {
	if d.status == nil || d.status.Outage != nil || len(d.l.Gates) == 0 {
		return // an outage was said, and no gate is heard in it
	}
	last, err := lastSigns(d.a.ctx, ledgerDir(d.l.Config))
	if err != nil {
		d.fault("gates", "", ledgerFault(ledgerDir(d.l.Config), d.a.config, err))
		return
	}
	for _, g := range d.status.Gates {
		heard := last[event.Source("gate/"+d.siteOf(g.Name))]
		switch {
		case g.Bypass:
			d.warn("gates", d.a.self("bypass off "+g.Name), "doctor_gate_bypass", "gate", g.Name)
		case g.Suspected:
			d.warn("gates", d.a.self("gate clear "+g.Name+" --reason …"), "doctor_gate_suspected", "gate", g.Name)
		case d.now().Sub(d.status.Since) <= silentAfter: // it has hardly begun
			d.ok("gates", "doctor_gate", "gate", g.Name, "listen", g.Listen, "mode", d.a.say.Text("mode_"+g.Mode), "sessions", g.Sessions)
		case heard.IsZero():
			d.bad("gates", d.restart(), "doctor_gate_never", "gate", g.Name)
		case d.now().Sub(heard) > silentAfter:
			d.bad("gates", d.restart(), "doctor_gate_silent", "gate", g.Name, "since", at(heard))
		default:
			d.ok("gates", "doctor_gate", "gate", g.Name, "listen", g.Listen, "mode", d.a.say.Text("mode_"+g.Mode), "sessions", g.Sessions)
		}
	}
}

// siteOf is a gate's name in events.
func (d *doctor) siteOf(gate string) string {
	if m, err := membership(d.l.Config); err == nil && m != nil && m.Whole {
		return frame.Of(gate, m.Site)
	}
	return gate
}

// silentAfter is longer than the ten seconds after which a question counts a
// gate as silent (scope.DefaultSilence): what the doctor calls silent is.
const silentAfter = 30 * time.Second

// signsBack is how many of the newest events are looked at for signs of life.
const signsBack = 50_000

// lastSigns returns when each source gave its last sign of life.
func lastSigns(ctx context.Context, dir string) (map[event.Source]time.Time, error) {
	r, err := ledger.OpenReader(dir)
	if err != nil {
		return nil, err
	}
	end, err := r.End(ctx)
	if err != nil {
		return nil, err
	}
	from := end - min(end, signsBack)
	if first, err := r.First(); err != nil || from < first {
		if err != nil {
			return nil, err
		}
		from = first
	}
	out := map[event.Source]time.Time{}
	err = r.Scan(ctx, from, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err == nil && h.Kind == event.KindHeartbeat {
			out[event.Source(h.Source)] = event.Time(h.At)
		}
		return err
	})
	if errors.Is(err, ledger.ErrDropped) { // retention went on meanwhile
		err = nil
	}
	return out, err
}
