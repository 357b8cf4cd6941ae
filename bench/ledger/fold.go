package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sekisho/internal/ledger"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
)

// foldAll makes the disclosure view anew: the product's own rebuild, with its
// own database on disk. It returns the size of the database in bytes.
func foldAll(ctx context.Context, r *ledger.Reader, dir string) (size int64, err error) {
	path := filepath.Join(dir, "disclosure.db")
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if e := os.Remove(path + suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	v, err := disclosure.Open(ctx, disclosure.Config{Path: path})
	if err != nil {
		return 0, err
	}
	f, err := view.Follow(ctx, "disclosure", r, v)
	if err == nil {
		err = f.CatchUp(ctx)
	}
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil {
			size = info.Size()
		}
	}
	if err == nil && f.Cursor().Next == 0 {
		err = fmt.Errorf("nothing was folded")
	}
	return size, errors.Join(err, v.Close())
}
