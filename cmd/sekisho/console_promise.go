package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sekisho/internal/durable"
	"sekisho/internal/event"
)

// promiseFile holds what somebody does with a proposed protection while it is
// done: one that is there at a start was left in the middle.
const promiseFile = "proposal-doing.json"

// promise records an act that one replacement of a file carries out. kept ends
// it; the caller holds drafting.
func (c *console) promise(ctx context.Context, by, do, digest, detail string) error {
	data, err := json.Marshal(&event.Act{By: by, Do: do, Target: digest})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Dir(c.cfg.Data), promiseFile, data, 0o600); err != nil {
		return err
	}
	if err := c.recordDraft(ctx, by, do, digest, detail); err != nil {
		return errors.Join(err, c.kept())
	}
	return nil
}

func (c *console) kept() error { return c.forget(promiseFile) }

// leftover reads what a file of the data directory says of an act that was left in
// the middle; false: nothing was.
func (p *process) leftover(name string, into any) (bool, error) {
	data, err := os.ReadFile(filepath.Join(p.cfg.Data, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	return err == nil, err
}

// forget removes such a file.
func (p *process) forget(name string) error {
	err := os.Remove(filepath.Join(p.cfg.Data, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// settlePromise says of an act that a killed process left in the middle that it
// was not done, unless it was.
func (c *console) settlePromise(ctx context.Context) error {
	a := &event.Act{}
	if left, err := c.leftover(promiseFile, a); !left {
		return err
	}
	waits, err := c.readProtectDraft()
	if err != nil {
		return err
	}
	done := false
	switch same := waits != nil && waits.Proposal.Digest == a.Target; a.Do {
	case "map-propose":
		done = same
	case "map-withdraw":
		done = !same
	case "map-accept":
		now, err := os.ReadFile(c.file)
		if err != nil {
			return err
		}
		done = fileDigest(now) == a.Target
	}
	if !done {
		a.Result, a.Detail = "interrupted", "the process ended before it was done"
		if err := c.Record(ctx, consoleSource, a); err != nil {
			return err
		}
	}
	return c.kept()
}
