package main

import (
	"context"
	"errors"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// act records something that a command is about to hand out: the running process does,
// and where none runs this one. What cannot be recorded is not handed out.
func (a *app) act(l *config.Loaded, r control.ActRequest) error {
	err := control.NewClient(l.Control, a.config).Act(a.ctx, r)
	if err == nil || fault.Faults(err)[0].Code != fault.NotRunning {
		return err
	}
	return a.alone(l, func(p *process) error { return p.Act(a.ctx, r) })
}

// alone carries something out with the ledger open, where no process has it.
func (a *app) alone(l *config.Loaded, do func(*process) error) error {
	p := &process{file: a.config, cfg: l, log: a.log(), now: time.Now}
	bar := a.progress("progress_replay")
	defer bar.end()
	err := p.openTruth(a.ctx, bar.show)
	if err == nil {
		err = do(p)
	}
	return errors.Join(err, p.close())
}

// Act implements control.Operator.
func (p *process) Act(ctx context.Context, r control.ActRequest) error {
	if r.Do != control.ActEvidence {
		return control.ErrRequest
	}
	return p.Record(ctx, event.Source("person/"+r.By), &event.Act{By: r.By, Do: r.Do, Target: "ledger", Result: "done", Detail: r.Detail})
}
