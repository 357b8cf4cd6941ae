package main

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
	"sekisho/internal/view"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/leaving"
	"sekisho/internal/viewdb"
)

type rebuildCmd struct {
	Check bool `help:"help_rebuild_check"`
}

// Run makes the view again from the ledger, or compares it with what it would
// be. No process may run meanwhile: the control socket is held as a lock.
func (c rebuildCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	r, _, err := a.reader()
	if err != nil {
		return err
	}
	sole, err := control.Listen(l.Control, "")
	if err != nil {
		return err
	}
	defer sole.Close()
	file := disclosureFile(l.Config)
	first, err := r.First()
	if err != nil {
		return err
	}
	for _, v := range foldedBeside(l.Config, first) {
		if err := v.rebuild(a.ctx, r, c.Check); err != nil {
			return err
		}
	}
	if c.Check {
		return c.check(a, r, file, first)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), viewdb.Remove(file)); err != nil {
		return fault.New(fault.ViewOpen, "file", file).Because(err)
	}
	var digest string
	var n uint64
	err = withView(a.ctx, file, first, func(v *disclosure.View) error {
		digest, n, err = c.fold(a, r, v)
		return err
	})
	if err != nil {
		return fault.New(fault.ViewOpen, "file", file).Because(err)
	}
	return a.out(map[string]any{"events": n, "digest": digest}, func() { a.print("rebuilt", "n", countOf(n), "digest", short(digest)) })
}

// withView opens a view, calls f and closes it.
func withView(ctx context.Context, file string, first event.Index, f func(*disclosure.View) error) error {
	v, err := disclosure.Open(ctx, disclosure.Config{Path: file, First: first})
	if err != nil {
		return err
	}
	return errors.Join(f(v), v.Close())
}

func (rebuildCmd) fold(a *app, r *ledger.Reader, v *disclosure.View) (string, uint64, error) {
	bar := a.progress("progress_rebuild")
	defer bar.end()
	f, err := view.Follow(a.ctx, "disclosure", r, v)
	if err != nil {
		return "", 0, err
	}
	if err := f.CatchUp(a.ctx); err != nil {
		return "", 0, err
	}
	digest, err := view.Digest(a.ctx, v)
	return hex.EncodeToString(digest[:]), uint64(f.Cursor().Next), err
}

// check compares the view with a rebuild beside it. A view from before retention dropped
// something holds more than the ledger, which is said instead.
func (rebuildCmd) check(a *app, r *ledger.Reader, file string, first event.Index) error {
	fresh := file + ".check"
	aged := false
	err := withView(a.ctx, file, first, func(v *disclosure.View) error {
		begun, err := v.Begun(a.ctx)
		if aged = begun < first; aged || err != nil {
			return err
		}
		if err := viewdb.Remove(fresh); err != nil {
			return err
		}
		return withView(a.ctx, fresh, first, func(other *disclosure.View) error { return view.Check(a.ctx, "disclosure", r, v, other) })
	})
	err = errors.Join(err, viewdb.Remove(fresh))
	if err != nil {
		return fault.New(fault.ViewOpen, "file", file).Because(err)
	}
	if aged {
		return a.out(map[string]bool{"equal": false, "aged": true}, func() { a.print("rebuild_aged", "first", uint64(first)) })
	}
	return a.out(map[string]bool{"equal": true}, func() { a.print("rebuild_equal") })
}

// folded is a view that is made again.
type folded struct {
	name, file string
	open       func(ctx context.Context, file string) (view.Fold, error)
}

// foldedBeside are those beside the disclosure view, of a ledger that begins with an event.
func foldedBeside(c *config.Config, first event.Index) []folded {
	return []folded{
		{"casefile", casefileFile(c), func(ctx context.Context, file string) (view.Fold, error) {
			return casefile.Open(ctx, casefile.Config{Path: file})
		}},
		{"leaving", leavingFile(c), func(ctx context.Context, file string) (view.Fold, error) { return leaving.Open(ctx, file, first) }},
	}
}

// rebuild makes a view again, or compares it with what it would be. It sends
// nothing: who was called is in the ledger.
func (v folded) rebuild(ctx context.Context, r *ledger.Reader, check bool) error {
	file, work := v.file, v.file
	if check {
		work += ".check"
	}
	bad := func(err error) error { return fault.New(fault.ViewOpen, "file", file).Because(err) }
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), viewdb.Remove(work)); err != nil {
		return bad(err)
	}
	fresh, err := v.open(ctx, work)
	if err != nil {
		return bad(err)
	}
	if !check {
		var f *view.Follower
		if f, err = view.Follow(ctx, v.name, r, fresh); err == nil {
			err = f.CatchUp(ctx)
		}
	} else {
		var have view.Fold
		if have, err = v.open(ctx, file); err == nil {
			err = errors.Join(view.Check(ctx, v.name, r, have, fresh), have.Close())
		}
	}
	if err = errors.Join(err, fresh.Close()); check {
		err = errors.Join(err, viewdb.Remove(work))
	}
	if err != nil {
		return bad(err)
	}
	return nil
}
