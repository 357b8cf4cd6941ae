package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/console/httpapi"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/console/webui"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
)

// console is the process as the console's pages see it: what commands can ask
// of it, and what only pages need.
type console struct {
	*process
	accounts *account.Accounts
	listener net.Listener
	origin   string
	first    string // link for the first account; empty when there is one
	rec      event.Recorder
	shipped  event.Recorder // of looks at subjects that a hub knows too
	start    uint32
	looks    atomic.Uint32 // sessions of looks
	recent   recent
	seen     seenKinds
	people   people
	begun    beginnings
	whole    turn // one reads the whole ledger for a question at a time
	charts   charts
	subjects subjectsAsked
	// proposed is what was proposed last for a protect section; process.drafting guards it.
	proposed *protectDraft
	calling  sync.Mutex // one calls in what remote processes recorded; guards called
	called   time.Time

	mu    sync.Mutex // guards what follows
	check *consoleoffice.Check
	size  diskUse

	wait sync.WaitGroup  // of a check under way
	done <-chan struct{} // closed when the stage stops: a check ends with it
}

var _ consoleoffice.Office = (*console)(nil)

// consoleSource writes what passes through the console.
const consoleSource event.Source = "console"

// startConsole opens the accounts and serves the pages, where the
// configuration says so.
func (p *process) startConsole(ctx context.Context, s *stage) error {
	if p.cfg.Console == nil {
		return nil
	}
	c := &console{process: p, start: p.past.starts[consoleSource] + 1}
	c.rec = p.meter.Recorder(p.ledger.Recorder(consoleSource, 0), "console")
	c.shipped = p.meter.Recorder(p.ledger.Recorder(event.Source(frame.Of(string(consoleSource), p.site())), 0), "console")
	c.done = s.ctx.Done()
	p.console = c
	if err := c.open(ctx); err != nil {
		return err
	}
	if _, err := c.rec.Record(ctx, event.Durable, &event.SourceStart{Start: c.start, Version: version, Mode: "console"}); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	s.run("recent events for the console", c.follow)
	s.run("console", c.serve)
	return nil
}

// open opens listener and accounts; close undoes it, also when this fails.
func (c *console) open(ctx context.Context) error {
	cfg := c.cfg.Console
	var err error
	if c.listener, err = c.listenTLS(cfg.Listen, cfg.Cert, cfg.Key); err != nil {
		return fault.New(fault.ConsoleListen, "address", cfg.Listen).At(c.file, c.cfg.Line("console.listen"), "console.listen").Because(err)
	}
	if c.origin = cfg.Address; c.origin == "" {
		scheme := "http"
		if cfg.Cert != "" {
			scheme = "https"
		}
		c.origin = fmt.Sprintf("%s://localhost:%d", scheme, c.listener.Addr().(*net.TCPAddr).Port)
	}
	file := accountsFile(c.cfg.Config)
	fail := func(err error) error { return fault.New(fault.ConsoleAccounts, "file", file).Because(err) }
	c.accounts, err = account.Open(ctx, account.Config{Path: file, Tenant: c.cfg.Tenant, Origin: c.origin, Record: c.Record, Now: c.now})
	if err != nil {
		return fail(err)
	}
	if err := c.accounts.Settle(ctx); err != nil {
		return fail(err)
	}
	if err := errors.Join(c.settleDraft(ctx), c.settlePromise(ctx)); err != nil {
		return err
	}
	c.settleAnswer(ctx)
	code, err := c.accounts.FirstRun(ctx)
	if err != nil {
		return fail(err)
	}
	if code != "" {
		c.first = c.origin + "/join?invite=" + code
	}
	return nil
}

// consoleDrain is how long requests get to end when the process stops.
const consoleDrain = 3 * time.Second

// serve answers until ctx ends.
func (c *console) serve(ctx context.Context) error {
	api := httpapi.New(httpapi.Config{Accounts: c.accounts, Office: c, Operator: c.process, Tenant: c.cfg.Tenant, Cookie: webui.Cookie(c.origin), Origin: c.origin,
		Version: version, Log: c.log, Glossary: webui.Glossary})
	ui := webui.New(ctx.Done(), webui.Config{Accounts: c.accounts, Office: c, API: api, Tenant: c.cfg.Tenant, Origin: c.origin, Hosts: loopbackNames(c.listener),
		Words: texts, Log: c.log, Now: c.now, Version: version, Calm: calm})
	srv := &http.Server{Handler: ui, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelWarn)}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(c.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("console: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), consoleDrain)
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	c.wait.Wait()
	return err
}

// loopbackNames are the names by which this machine calls itself, answered
// when the console listens on loopback only.
func loopbackNames(l net.Listener) []string {
	if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsLoopback() {
		return []string{"localhost", "127.0.0.1", "::1"}
	}
	return nil
}

// close ends what open began. A nil console has nothing open.
func (c *console) close() error {
	if c == nil {
		return nil
	}
	var errs []error
	if c.listener != nil {
		if err := c.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if c.accounts != nil {
		errs = append(errs, c.accounts.Close())
	}
	return errors.Join(errs...)
}

// sayConsole says where the console is, and how the first person enters.
func (p *process) sayConsole(a *app) {
	if p.console == nil {
		return
	}
	p.log.Info("console", "address", p.console.origin)
	if p.console.first != "" {
		a.print("console_first", "link", p.console.first)
	}
}
