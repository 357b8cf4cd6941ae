package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sekisho/internal/control"
)

// A SIGHUP has the policy and the rules of sites read again. It is heard as long
// as the program runs: before the first run is up, between two of them, and while
// another program takes over, it would end the process.

// hearHangup hears it from now on.
func (a *app) hearHangup() {
	a.hangup = make(chan os.Signal, 1)
	signal.Notify(a.hangup, syscall.SIGHUP)
}

// deafly does what may begin another program in this process: a SIGHUP on the way
// is ignored, and stays so in the other one until that hears it. It reads its
// files after that.
func (a *app) deafly(do func() error) error {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Notify(a.hangup, syscall.SIGHUP)
	return do()
}

// followHangup reads the policy again at every SIGHUP, also at one that came while
// no run was up.
func (p *process) followHangup(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.hangup:
		}
		p.readSites(ctx)
		s, err := p.ReloadPolicy(ctx)
		if err != nil {
			p.log.Error("policy not taken; the old one stays", "generation", s.Generation, "err", err)
			continue
		}
		p.log.Info("policy read", "generation", s.Generation, "changed", s.Changed)
	}
}

// readSites has the rules of sites read again with the policy.
func (p *process) readSites(ctx context.Context) {
	if _, err := p.Web(ctx, control.WebRequest{Do: control.WebReload}); err != nil {
		p.log.Error("rules of a site not taken; the old ones stay", "err", err)
	}
}
