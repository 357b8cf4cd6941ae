package filescan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sekisho/internal/datamap/document"
)

func errorIs(err, target error) bool { return errors.Is(err, target) }

// entry is a file to be read, or something that is not.
type entry struct {
	raw     string // below the root, as the file system spells it
	info    fs.FileInfo
	trouble document.Trouble // 0: a regular file
}

// walk calls visit for every file below root in the order of names, links not
// followed. Errors become troubles; the error is the context's or visit's.
func (s *scan) walk(ctx context.Context, visit func(entry) error) error {
	return s.walkDir(ctx, "", visit)
}

func (s *scan) walkDir(ctx context.Context, dir string, visit func(entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	full := filepath.Join(s.root, dir)
	if s.skip[full] {
		return nil
	}
	if unreal(full) {
		return visit(entry{raw: dir, trouble: document.Special})
	}
	list, err := os.ReadDir(full)
	if err != nil {
		if verr := visit(entry{raw: dir, trouble: troubleOf(err)}); verr != nil {
			return verr
		}
	}
	for _, d := range list { // what was read before an error counts
		raw := filepath.Join(dir, d.Name())
		if d.IsDir() {
			if err := s.walkDir(ctx, raw, visit); err != nil {
				return err
			}
			continue
		}
		e := entry{raw: raw}
		if e.info, err = d.Info(); err != nil {
			e.trouble = troubleOf(err)
		} else if mode := e.info.Mode(); mode&fs.ModeSymlink != 0 {
			e.trouble = document.Link
		} else if !mode.IsRegular() {
			e.trouble = document.Special
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// troubleOf sorts an error of the file system.
func troubleOf(err error) document.Trouble {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return document.Vanished
	case errors.Is(err, fs.ErrPermission):
		return document.Denied
	case isLocked(err):
		return document.Locked
	}
	return document.Failed
}

// Shown is a path below a root as people read it: with slashes, in UTF-8.
func Shown(raw string) string { return shown(raw) }

// shown is a path as the report spells it.
func shown(raw string) string {
	if filepath.Separator != '/' {
		raw = strings.ReplaceAll(raw, string(filepath.Separator), "/")
	}
	if raw == "" {
		return "."
	}
	return document.Name(raw)
}
