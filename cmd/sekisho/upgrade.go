package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// A new version follows in the same process: the run ends in order, the ledger
// is closed, and execve(2) begins the program that lies where this one lay. The
// listening sockets stay open meanwhile. If the new program cannot start, it
// gives the process back to the old one, which is held open with the
// configuration that it ran with (docs/decisions/console.md).

// errUpgrade ends a run whose process another program takes over.
var errUpgrade = errors.New("another version follows")

// handoverVar is what a program leaves in the environment of the next.
const handoverVar = "SEKISHO_HANDOVER"

// handover is its content. Numbers of descriptors are those of the process.
type handover struct {
	Sockets map[string]int `json:"sockets"`       // that listen, by network and address
	Old     int            `json:"old,omitempty"` // the program that ran before; 0: nobody is asked to come back
	Config  int            `json:"config"`        // what it ran with
	// Sessions is a text about those that were kept; 0: none.
	Sessions int   `json:"sessions,omitempty"`
	held     []int // their sockets
	control.Upgrade
}

// takeHandover reads what the program before left, once; nil: there was none.
func takeHandover(getenv func(string) string) (*handover, error) {
	text := getenv(handoverVar)
	if text == "" {
		return nil, nil
	}
	if err := os.Unsetenv(handoverVar); err != nil {
		return nil, err
	}
	h := &handover{}
	if err := json.Unmarshal([]byte(text), h); err != nil {
		return nil, fault.New(fault.Internal).Because(fmt.Errorf("%s: %w", handoverVar, err))
	}
	for _, fd := range h.kept() {
		keepPrivate(fd)
	}
	return h, nil
}

// kept are the descriptors that belong to it.
func (h *handover) kept() []int {
	out := []int{h.Config}
	if h.Old != 0 {
		out = append(out, h.Old)
	}
	for _, fd := range h.Sockets {
		out = append(out, fd)
	}
	if h.Sessions != 0 {
		out = append(out, h.Sessions)
	}
	return append(out, h.held...)
}

// sessions takes those that the program before kept.
func (h *handover) sessions(a *app) *waiting {
	if h == nil {
		return &waiting{}
	}
	w, err := readWaiting(h.Sessions)
	if err != nil {
		a.log().Error("sessions of the version before were ended", "err", err)
	}
	if h.Sessions != 0 {
		closeSocket(h.Sessions)
		h.Sessions = 0
	}
	return w
}

// pass begins another program with h and the sessions that wait, and returns only
// when that fails.
func (h *handover) pass(program string, w *waiting) (err error) {
	if h.Sessions, h.held, err = w.write(); err != nil {
		return err
	}
	defer func() {
		if h.Sessions != 0 {
			closeSocket(h.Sessions)
		}
		h.Sessions, h.held = 0, nil
	}()
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return replaceProcess(program, handoverVar+"="+string(text), h.kept())
}

// done lets go of the old program: from now on the new one is on its own.
func (h *handover) done() {
	if h == nil {
		return
	}
	for _, fd := range []int{h.Old, h.Config} {
		if fd != 0 {
			closeSocket(fd)
		}
	}
	h.Old, h.Config = 0, 0
}

// load reads the configuration: the old program comes back with its own.
func (h *handover) load(a *app) (*config.Loaded, error) {
	if h == nil || h.Failed == "" {
		return a.load()
	}
	f, err := keptInForce(h.Config)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", a.config).Because(err)
	}
	a.inForce = f
	return f.load(a.config)
}

// goBack gives the process back to the program that ran before, because this one
// could not start. It returns why, when there is none or it cannot either.
func (h *handover) goBack(a *app, why error) error {
	if h == nil || h.Old == 0 || a.ctx.Err() != nil {
		return why
	}
	a.log().Error("this version cannot start: the one before comes back", "version", version, "before", h.From, "err", why)
	h.Failed = faultText(why)
	old := h.Old
	h.Old = 0
	if err := a.deafly(func() error { return h.pass(programOf(old), a.waiting) }); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// faultText is what a fault says to people, in one line.
func faultText(err error) string {
	var out []string
	for _, f := range fault.Faults(err) {
		out = append(out, f.What(lang.English)+" ("+f.Code.String()+")")
	}
	return strings.Join(out, "; ")
}

// follow begins the program that lies where this one lay. It returns why that
// fails: then this one goes on.
func (a *app) follow() error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	err := a.pass()
	a.followed.Failed = err.Error()
	return err
}

func (a *app) pass() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	h := &handover{Sockets: a.sockets.all(), Upgrade: a.followed.Upgrade}
	defer h.done()
	if h.Old, err = ownProgram(); err != nil {
		return err
	}
	if h.Config, err = a.inForce.keep(); err != nil {
		return err
	}
	tellManager(a.env.getenv, "RELOADING=1")
	return a.deafly(func() error { return h.pass(program, a.waiting) })
}

// nextProgram is the one that would follow.
type nextProgram struct {
	version string
	keeps   bool // it takes up sessions as this one writes them down
}

// nextVersion asks the program that lies where this one lay for its version, and
// whether it can read the configuration.
func (a *app) nextVersion(ctx context.Context) (next nextProgram, err error) {
	program, err := os.Executable()
	if err != nil {
		return next, err
	}
	ctx, cancel := context.WithTimeout(ctx, nextPatience)
	defer cancel()
	ask := func(args ...string) ([]byte, error) {
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, program, append([]string{"-c", a.config, "--lang", "en", "--json"}, args...)...)
		cmd.Args[0], cmd.Stderr = os.Args[0], &said
		out, err := cmd.Output()
		if err != nil {
			first, _, _ := strings.Cut(strings.TrimPrefix(said.String(), "sekisho: "), "\n")
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, first)
		}
		return out, nil
	}
	text, err := ask("version")
	if err != nil {
		return next, err
	}
	var v struct {
		Version  string
		Sessions int
	}
	if err := json.Unmarshal(text, &v); err != nil || v.Version == "" {
		return next, fmt.Errorf("%s does not say its version", program)
	}
	_, err = ask("config", "check")
	return nextProgram{v.Version, v.Sessions == keepsSessions}, err
}

// nextPatience bounds how long the new program may take to read a configuration.
const nextPatience = time.Minute

// Upgrade implements control.Operator: when it returns, the run is about to end.
func (p *process) Upgrade(ctx context.Context, r control.UpgradeRequest) (control.Upgrade, error) {
	refuse := func(problem any) (control.Upgrade, error) {
		return control.Upgrade{}, fault.New(fault.UpgradeRefused, "problem", problem)
	}
	switch {
	case p.next == nil:
		return refuse("this process cannot be taken over: it is not `sekisho up`, or not on Linux")
	case p.outage() != nil:
		return refuse("the ledger cannot be written")
	}
	p.upgrading.Lock()
	defer p.upgrading.Unlock()
	if p.upgrade.Load() != nil {
		return refuse("an upgrade is under way")
	}
	if err := p.samePolicies(); err != nil {
		return refuse(err)
	}
	next, err := p.next(ctx)
	if err != nil {
		return refuse(err)
	}
	u := control.Upgrade{From: version, To: next.version, By: r.By, At: p.now().UTC()}
	if !r.Now {
		if err := p.awaitQuiet(ctx, next); err != nil {
			return control.Upgrade{}, err
		}
	}
	if err := p.recordUpgrade(ctx, u, "ordered"); err != nil {
		p.speak()
		return refuse(err)
	}
	p.log.Info("another version follows", "version", u.To, "this", u.From, "by", u.By)
	p.upgrade.Store(&u)
	p.keeps = next.keeps
	close(p.leave)
	return u, nil
}

// samePolicies reports whether the policies in the files are those in force: a
// newer one that the next program records, and the old one does not know, would
// keep that from coming back. Where the hub's policy of what leaves is in force the
// file of the configuration counts for nothing, and both programs read what was kept.
func (p *process) samePolicies() error {
	l, err := config.Load(p.file)
	if err != nil {
		return err
	}
	if l.Compiled.Digest() != p.policy.Load().Digest() {
		return errors.New("the policy in the file is not the one in force: run `sekisho policy reload` first")
	}
	if now := p.exit.Load(); l.Exit != nil && now != nil && !p.ofHub() && l.Exit.Digest() != now.Digest() {
		return errors.New("the policy of what leaves in the file is not the one in force: run `sekisho policy reload` first")
	}
	return nil
}

// recordUpgrade says what became of an upgrade.
func (p *process) recordUpgrade(ctx context.Context, u control.Upgrade, result string) error {
	_, err := p.self.Record(ctx, event.Durable, &event.Act{By: u.By, Do: "upgrade", Target: u.From + " -> " + u.To, Result: result, Detail: u.Failed})
	return err
}

// recordFollowed says, when this run is up, how the upgrade ended that began it.
func (p *process) recordFollowed(ctx context.Context) error {
	u := p.followed
	if u == nil || u.Recorded {
		return nil
	}
	result := "done"
	if u.Failed != "" {
		result = "failed"
		p.log.Error("an upgrade failed: the version before goes on", "version", version, "other", u.To, "why", u.Failed)
	}
	if err := p.recordUpgrade(ctx, u.Upgrade, result); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	u.Recorded = true
	return nil
}

// followed is an upgrade that a run began with.
type followed struct {
	control.Upgrade
	Recorded bool
}

type upgradeCmd struct {
	By   string        `help:"help_by"`
	Wait time.Duration `default:"10m" help:"help_upgrade_wait"`
	Now  bool          `help:"help_upgrade_now"`
}

// Run has the running process taken over by the program that lies where it lay,
// and waits until that is up.
func (c upgradeCmd) Run(a *app) error {
	if a.hub.address != "" {
		return fault.New(fault.HereOnly, "command", "sekisho "+a.command)
	}
	op, err := a.operator()
	if err != nil {
		return err
	}
	before, err := op.Status(a.ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Wait)
	defer cancel()
	u, err := c.order(ctx, a, op)
	if err != nil {
		return err
	}
	after, err := awaitNext(ctx, op, before)
	if err != nil {
		return err
	}
	if after.Upgrade == nil {
		u.Failed = "the process ended and was started anew"
	} else {
		u = *after.Upgrade
	}
	if u.Failed != "" {
		return fault.New(fault.UpgradeFailed, "to", u.To, "from", u.From, "problem", u.Failed)
	}
	return a.out(u, func() { a.print("upgraded", "from", u.From, "to", u.To, "pid", after.PID) })
}

// order has the process begin, at a moment at which nothing would end.
func (c upgradeCmd) order(ctx context.Context, a *app, op control.Operator) (control.Upgrade, error) {
	for told := false; ; told = true {
		u, err := op.Upgrade(a.ctx, control.UpgradeRequest{By: a.person(c.By), Now: c.Now})
		if err == nil || fault.Faults(err)[0].Code != fault.UpgradeBusy {
			return u, err
		}
		if !told {
			for _, f := range fault.Faults(err) {
				fmt.Fprintln(a.env.stderr, f.What(a.lang))
			}
		}
		if pause(ctx, time.Second) != nil {
			return u, err
		}
	}
}

// awaitNext waits until a run that began after before answers, or the process is
// gone.
func awaitNext(ctx context.Context, op control.Operator, before control.Status) (control.Status, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := op.Status(ctx)
		if err == nil && !s.Since.Equal(before.Since) {
			return s, nil
		}
		if err != nil && ctx.Err() == nil && gone(before.PID) {
			return s, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, fault.New(fault.UpgradeSlow, "pid", before.PID)
		}
	}
}

// gone reports that there is no process of a number.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	return err != nil || slices.ContainsFunc([]error{os.ErrProcessDone, syscall.ESRCH}, func(e error) bool { return errors.Is(p.Signal(syscall.Signal(0)), e) })
}

// withoutUpgrade is what else ended a run than its upgrade.
func withoutUpgrade(all error) error {
	var rest []error
	if joined, ok := all.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if err != errUpgrade {
				rest = append(rest, err)
			}
		}
	}
	return errors.Join(rest...)
}
