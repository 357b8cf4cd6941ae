package main

import (
	"errors"
	"os"

	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
)

type backupCmd struct {
	File string `arg:"" help:"${help_backup_file}"`
}

// Run writes ledger and keys into one file. Without a running process only: a
// running one writes on, and its backup is a copy of the directory.
func (c backupCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	bad := func(err error) error {
		return fault.New(fault.BackupFailed, "dir", ledgerDir(l.Config)).Because(err)
	}
	sole, err := control.Listen(l.Control)
	if err != nil {
		return err
	}
	defer sole.Close()
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return bad(err)
	}
	err = ledger.BackupDir(a.ctx, ledgerDir(l.Config), f, map[string]string{"keys": l.Keys})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(bad(err), os.Remove(c.File))
	}
	return a.out(map[string]string{"backup": c.File}, func() { a.print("backup_written", "file", c.File) })
}

type restoreCmd struct {
	File string `arg:"" help:"${help_backup_from}"`
}

// Run unpacks a backup into the configuration's directories, which must be
// empty, and verifies what it unpacked.
func (c restoreCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	dir := ledgerDir(l.Config)
	bad := func(err error) error { return fault.New(fault.BackupFailed, "dir", dir).Because(err) }
	f, err := os.Open(c.File)
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	defer f.Close()
	if err := os.MkdirAll(l.Data, 0o700); err != nil {
		return bad(err)
	}
	r, err := ledger.Restore(a.ctx, f, dir, map[string]string{"keys": l.Keys}, ledger.VerifyOptions{})
	if err != nil {
		return bad(err)
	}
	if !r.OK() {
		return fault.New(fault.LedgerCorrupt, "problem", r.Problems[0].String())
	}
	return a.out(r, func() { a.print("restored", "events", countOf(uint64(r.Events)), "dir", dir) })
}

type retentionCmd struct {
	Apply retentionApplyCmd `cmd:"" help:"${help_retention_apply}"`
}

type retentionApplyCmd struct {
	By string `help:"${help_by}"`
}

// Run makes the running process drop what may go.
func (c retentionApplyCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	r, err := op.ApplyRetention(a.ctx, control.RetentionRequest{By: a.person(c.By)})
	if err != nil {
		return err
	}
	return a.out(r, func() {
		if r.Reason == "" {
			a.print("retention_nothing")
			return
		}
		a.print("retention_done", "first", uint64(r.First), "last", uint64(r.Last), "reason", r.Reason)
	})
}
