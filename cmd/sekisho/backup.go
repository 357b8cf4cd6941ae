package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/proof"
)

type backupCmd struct {
	File string `arg:"" help:"help_backup_file"`
}

// Run writes the ledger, and what belongs beside it (besideLedger, withAccounts), into
// one file: a running process writes its own, and goes on recording. The file appears
// when it is whole and on disk.
func (c backupCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	write := control.NewClient(l.Control, a.config).Backup
	sole, err := control.Listen(l.Control, "")
	switch {
	case err == nil:
		defer sole.Close()
		write = func(ctx context.Context, w io.Writer) error {
			return withAccounts(ctx, l.Config, func(extra map[string]string) error {
				return ledger.BackupDir(ctx, ledgerDir(l.Config), w, extra)
			})
		}
	case fault.Faults(err)[0].Code != fault.AlreadyRunning:
		return err
	}
	if err := writeWhole(a.ctx, c.File, write); err != nil {
		return fault.New(fault.BackupFailed, "dir", ledgerDir(l.Config)).Because(err)
	}
	return a.out(map[string]string{"backup": c.File}, func() { a.print("backup_written", "file", c.File) })
}

// accountsFile holds who may enter the console.
func accountsFile(c *config.Config) string { return filepath.Join(c.Data, "accounts.db") }

// besideLedger are the directories that belong into a backup beside the ledger and
// cannot be made from it: the keys; frozen figures and released documents, which the
// ledger names by digest; and what the hub signed. Of that the ledger names the cuts in
// force, but not an order that it could not take. What is in them before the ledger
// names it was complete then, so they are copied after it.
// Not in a backup: the configuration and the files that it names, what is made anew
// (views, certificates of sites), what is under way (drafts of the console, sessions).
// A remote gate leaves its membership out: restored, it would take events for shipped
// that are not, so it joins anew.
func besideLedger(c *config.Config) map[string]string {
	out := map[string]string{"keys": c.Keys, "cases": caseDir(c)}
	if !joined(c) {
		out["hub"] = hubDir(c)
	}
	return out
}

// withAccounts calls write with what belongs into a backup beside the ledger, and a
// copy of the accounts where there are any.
func withAccounts(ctx context.Context, c *config.Config, write func(extra map[string]string) error) (err error) {
	extra := besideLedger(c)
	for name, dir := range extra {
		if name != "keys" && !exists(dir) {
			delete(extra, name)
		}
	}
	if exists(accountsFile(c)) {
		dir, err := os.MkdirTemp(c.Data, ".accounts-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := account.Copy(ctx, accountsFile(c), filepath.Join(dir, filepath.Base(accountsFile(c)))); err != nil {
			return err
		}
		extra["accounts"] = dir
	}
	return write(extra)
}

// writeWhole makes a file, mode 0600, that is whole or not there. It does not
// replace one.
func writeWhole(ctx context.Context, name string, write func(context.Context, io.Writer) error) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s: %w", name, fs.ErrExist))
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of what is not whole; it is gone when all went well
	err = write(ctx, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil { // unlike rename, it replaces nothing
		return err
	}
	return durable.Dir(filepath.Dir(name)).SyncDir(".")
}

// Backup implements control.Operator. The open segment is sealed first, so that
// a signed checkpoint of the backup covers all that was recorded until then.
func (p *process) Backup(ctx context.Context, w io.Writer) error {
	begin := time.Now()
	err := p.ledger.Seal(ctx)
	if err == nil {
		err = withAccounts(ctx, p.cfg.Config, func(extra map[string]string) error { return p.ledger.Backup(ctx, w, extra) })
	}
	if err != nil {
		return fault.New(fault.BackupFailed, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	p.log.Info("backup written", "events", uint64(p.ledger.Head()), "took", time.Since(begin))
	return nil
}

type restoreCmd struct {
	File string `arg:"" help:"help_backup_from"`
	Key  string `placeholder:"KEY" help:"help_verify_key"`
	// WithoutKeys accepts a backup that lacks keys.
	WithoutKeys bool `help:"help_restore_without_keys"`
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
	accounts := accountsFile(l.Config)
	if exists(accounts) {
		return bad(fmt.Errorf("%s is in the way", accounts))
	}
	unpacked := accounts + ".restored"
	opts := ledger.RestoreOptions{VerifyOptions: ledger.VerifyOptions{Keys: proof.Keys{Log: c.Key}}}
	if !c.WithoutKeys {
		opts.Accept = func(ledgerDir string, extra map[string]string) error {
			return keysWhole(a.ctx, ledgerDir, extra["keys"])
		}
	}
	into := besideLedger(l.Config)
	into["accounts"] = unpacked
	r, err := ledger.Restore(a.ctx, f, dir, into, opts)
	var lacks *fault.Error
	if errors.As(err, &lacks) && lacks.Code == fault.BackupWithoutKeys {
		return lacks
	}
	if err != nil {
		return bad(err)
	}
	if err := os.Rename(filepath.Join(unpacked, filepath.Base(accounts)), accounts); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bad(err)
	}
	if err := errors.Join(os.RemoveAll(unpacked), os.MkdirAll(viewDir(l.Config), 0o700)); err != nil {
		return bad(err)
	}
	if !r.OK() {
		return fault.New(fault.LedgerCorrupt, "problem", r.Problems[0].String())
	}
	return a.out(r, func() {
		a.print("restored", "events", countOf(uint64(r.Events)), "dir", dir)
		if c.Key == "" {
			a.print("verify_own_key")
		}
	})
}

// keysWhole checks that a ring holds every key that a ledger names and that was
// not destroyed: without them its subjects are numbers for good.
func keysWhole(ctx context.Context, ledgerDir, keys string) error {
	lacks := map[string]bool{}
	r, err := ledger.OpenReader(ledgerDir)
	if err != nil {
		return err
	}
	err = r.Scan(ctx, 0, func(_ event.Index, line []byte) error {
		head, err := event.ParseHeader(line)
		if err != nil || head.Kind != event.KindKeyCreated && head.Kind != event.KindKeyDestroyed {
			return err
		}
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case *event.KeyCreated:
			lacks[b.KeyID] = true
		case *event.KeyDestroyed:
			delete(lacks, b.KeyID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	ring, err := keyring.Open(keys)
	if err != nil {
		return fault.New(fault.BackupWithoutKeys, "keys", "-").Because(err)
	}
	for _, id := range ring.IDs() {
		delete(lacks, id)
	}
	if len(lacks) == 0 {
		return nil
	}
	return fault.New(fault.BackupWithoutKeys, "keys", strings.Join(slices.Sorted(maps.Keys(lacks)), ", "))
}

type retentionCmd struct {
	Apply retentionApplyCmd `cmd:"" help:"help_retention_apply"`
}

type retentionApplyCmd struct {
	By string `help:"help_by"`
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
