package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/view"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
)

// caseKeeper keeps the view of cases in step with the ledger, and the desk.
type caseKeeper struct {
	view     *casefile.View
	follower *view.Follower
	desk     *desk.Desk
	firm     *desk.Firm
	file     string
	poke     chan struct{} // something was recorded: look at the timers
	live     bool          // other goroutines follow the ledger
}

func casefileFile(c *config.Config) string { return filepath.Join(viewDir(c), "casefile.db") }

// loadFirm reads the file of the company and its people; without one there is
// nobody to call, which every case shows in red.
func loadFirm(l *config.Loaded, file string) (*desk.Firm, error) {
	if l.Cases == "" {
		return &desk.Firm{}, nil
	}
	name := l.Cases
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(file), name)
	}
	f, err := desk.LoadFirm(name)
	if err != nil {
		return nil, fault.New(fault.CaseFile, "file", name).Because(err)
	}
	return f, nil
}

// openCases opens the view where it was left. live: another goroutine follows
// the ledger.
func (p *process) openCases(ctx context.Context, live bool) error {
	k := &caseKeeper{file: casefileFile(p.cfg.Config), poke: make(chan struct{}, 1), live: live}
	var err error
	if k.firm, err = loadFirm(p.cfg, p.file); err != nil {
		return err
	}
	if k.view, err = casefile.Open(ctx, casefile.Config{Path: k.file}); err != nil {
		return fault.New(fault.ViewOpen, "file", k.file).Because(err)
	}
	if k.follower, err = view.Follow(ctx, "casefile", p.ledger, k.view); err != nil {
		return errors.Join(fault.New(fault.ViewOpen, "file", k.file).Because(err), k.view.Close())
	}
	settle := func(ctx context.Context) error { return k.follower.CatchUp(ctx) }
	if live {
		settle = func(ctx context.Context) error {
			if head := p.ledger.Head(); head > 0 {
				return k.follower.Await(ctx, head-1)
			}
			return nil
		}
	}
	k.desk = desk.New(desk.Config{View: k.view, Firm: k.firm.View(), Settle: settle, Reach: k.firm.Reach, Now: p.now, Log: p.log, Lang: lang.Japanese,
		Company: k.firm.Letterhead(), Keep: p.keep, Kept: p.kept,
		Record: func(ctx context.Context, by event.Source, bodies ...event.Body) error {
			_, err := p.ledger.Recorder(by, 0).Record(ctx, event.Durable, bodies...)
			return err
		}})
	p.cases = k
	return nil
}

// startCases follows the ledger and calls people when timers are due.
func (p *process) startCases(ctx context.Context, s *stage) error {
	if err := p.openCases(ctx, true); err != nil {
		return err
	}
	for _, w := range p.cases.firm.Warnings(lang.English) {
		p.log.Warn("people on duty", "problem", w)
	}
	s.run("casefile view", p.cases.follower.Run)
	if err := p.reportStart(ctx); err != nil {
		return err
	}
	s.run("case timers", p.caseTimers)
	return nil
}

// timerPace is how often the timers are looked at, at least.
const timerPace = 30 * time.Second

// caseTimers calls people when timers are due, until ctx ends. A call that
// cannot be recorded is tried again.
func (p *process) caseTimers(ctx context.Context) error {
	for {
		wait := timerPace
		next, err := p.cases.desk.Tick(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			p.log.Error("case timers", "err", err)
		case !next.IsZero():
			wait = min(wait, max(next.Sub(p.now()), time.Second))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-p.cases.poke:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// unseen is how many events the cases will not show before the outage is over.
func (k *caseKeeper) unseen(head event.Index) uint64 {
	if k == nil || k.follower.Ended() == nil {
		return 0
	}
	return uint64(head - min(head, k.follower.Cursor().Next))
}

func (k *caseKeeper) close() error {
	if k == nil {
		return nil
	}
	return k.view.Close()
}

// RecordCase implements control.Operator.
func (p *process) RecordCase(ctx context.Context, r control.CaseRequest) (control.CaseReceipt, error) {
	body, err := new(event.Decoder).Body(event.Header{Kind: r.Kind, Body: r.Body})
	cased, ok := body.(event.Cased)
	if err != nil || !ok {
		return control.CaseReceipt{}, fault.New(fault.ControlRefused, "problem", "the request is not understood", "hint", "use the same version for both")
	}
	if b, ok := body.(*event.CaseDraft); ok && b.Lang == "" {
		b.Lang = r.Lang
	}
	out, err := p.recordCase(ctx, cased, callerOf(ctx, r.Key))
	if err != nil {
		return out, refusedIn(err, r.Lang)
	}
	p.cases.look()
	return out, nil
}

// refusedIn makes a fault of a refusal, in the language of whoever asked.
func refusedIn(err error, language string) error {
	var no *casefile.Refusal
	if errors.As(err, &no) {
		l, _ := lang.Parse(language)
		return fault.New(fault.CaseRefused, "problem", no.Text(l))
	}
	return err
}

// look makes the timers be looked at now.
func (k *caseKeeper) look() {
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// callerOf is what is known of whoever asks: the account on the other end of
// the socket and the key file that was shown.
func callerOf(ctx context.Context, key string) roster.Caller {
	peer := control.PeerOf(ctx)
	c := roster.Caller{Key: key, Console: peer.Console}
	if peer.Known {
		c.Number = strconv.Itoa(peer.UID)
		if account, err := user.LookupId(c.Number); err == nil {
			c.Account = account.Username
		}
	}
	return c
}

func (p *process) recordCase(ctx context.Context, body event.Cased, caller roster.Caller) (out control.CaseReceipt, err error) {
	if b, ok := body.(*event.CaseScope); ok && b.Stated == "" {
		err := p.cases.desk.Known(b.By, caller)
		if err == nil {
			err = p.freeze(ctx, b)
		}
		if err != nil {
			return out, err
		}
	}
	if b, ok := body.(*event.CaseCommon); ok {
		err := p.cases.desk.Known(b.By, caller)
		if err == nil {
			err = p.compare(ctx, b, nil)
		}
		if err != nil {
			return out, err
		}
	}
	if out.Case, err = p.cases.desk.Propose(ctx, body, caller); err != nil {
		return out, err
	}
	ctx = context.WithoutCancel(ctx) // what was recorded is carried out, whoever goes away
	switch b := body.(type) {
	case *event.CaseAction:
		err = p.contain(ctx, b, &out)
	case *event.CaseSign:
		if b.Channel == "button" {
			err = p.firstScope(ctx, b)
		}
	}
	return out, err
}

// caseDir holds what the ledger names by digest: bundles and released documents.
func caseDir(c *config.Config) string { return filepath.Join(c.Data, "cases") }

func (p *process) caseDir() string { return caseDir(p.cfg.Config) }

// keep stores a released document.
func (p *process) keep(name string, text []byte) error {
	if err := os.MkdirAll(p.caseDir(), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(durable.Dir(p.caseDir()), name, text, 0o600)
}

func (p *process) kept(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(p.caseDir(), filepath.Base(name)))
}

// caseCut is how long a cut for a case holds before a person is asked; it does
// not lapse by itself.
const caseCut = 4 * time.Hour

// contain does at the gates what was ordered, and records the receipt.
func (p *process) contain(ctx context.Context, b *event.CaseAction, out *control.CaseReceipt) error {
	receipt := *b
	receipt.Step = "receipt"
	var err error
	switch b.Do {
	case "cut", "freeze":
		r := control.CutOrder{Target: b.Target, For: caseCut, Case: b.Case, By: b.By, Reason: b.Reason}
		if b.Do == "freeze" {
			r.As = "user"
		} else if b.Target == "all" {
			r.As, r.Target = "all", ""
		}
		var done control.Cuts
		done, err = p.OrderCut(ctx, r)
		receipt.Applied, receipt.Failed = uint64(len(done.Gates)-done.Red()), uint64(done.Red())
		receipt.Result = fmt.Sprintf("generation %d of cuts: %d of %d gates answered, %d flows ended in %s", done.Generation, receipt.Applied, len(done.Gates),
			done.Closed(), done.Took.Round(time.Millisecond))
	case "bypass-off":
		var done control.BypassStatus
		done, err = p.Bypass(ctx, control.BypassRequest{Gate: gateName(b.Target), By: b.By, Reason: b.Case})
		receipt.Result = "the direct way is shut"
		for _, g := range done.Gates {
			if g.Bypass {
				receipt.Failed++
			} else {
				receipt.Applied++
			}
		}
	default:
		return nil // done by people
	}
	if err != nil {
		receipt.Failed, receipt.Result = 1, "failed"
	}
	again := p.cases.desk.Receipt(ctx, &receipt)
	out.Result, out.Applied = receipt.Result, receipt.Applied
	return errors.Join(err, again)
}

func gateName(target string) string {
	if target == "all" {
		return ""
	}
	return target
}

// Case implements control.Operator.
func (p *process) Case(ctx context.Context, r control.CaseQuery) (json.RawMessage, error) {
	k := p.cases
	if err := k.desk.Settle(ctx); err != nil {
		if !k.live || !p.stops("casefile view", err) {
			return nil, fault.New(fault.ViewOpen, "file", k.file).Because(err)
		}
		// What was saved is shown; the outage says what is not (unseen).
	}
	switch r.About {
	case "measure":
		m, err := k.view.Measure(ctx)
		if err != nil {
			return nil, fault.New(fault.ViewOpen, "file", k.file).Because(err)
		}
		return json.Marshal(m)
	case "ready":
		return p.ready(ctx)
	}
	if r.ID == "" {
		lines, err := k.view.Lines(ctx, r.Closed, max(1, r.Limit))
		if err != nil {
			return nil, fault.New(fault.ViewOpen, "file", k.file).Because(err)
		}
		return json.Marshal(lines)
	}
	c, err := k.view.Case(ctx, r.ID)
	if errors.Is(err, casefile.ErrUnknown) {
		return nil, fault.New(fault.CaseUnknown, "case", r.ID)
	}
	if err != nil {
		return nil, fault.New(fault.ViewOpen, "file", k.file).Because(err)
	}
	return json.Marshal(desk.Say(k.view.Books(), k.desk.Firm, c, p.now()))
}
