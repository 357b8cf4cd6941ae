package durable

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Dir returns the real file system below root. The root need not exist before
// MkdirAll(".") was called.
func Dir(root string) FS { return dirFS{root} }

type dirFS struct{ root string }

func (d dirFS) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

func (d dirFS) Create(name string, mode fs.FileMode) (File, error) {
	return openFile(d.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, mode)
}

func (d dirFS) Append(name string) (File, error) {
	return openFile(d.path(name), os.O_WRONLY|os.O_APPEND, 0)
}

func openFile(name string, flag int, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err // not a File that holds a nil pointer
	}
	return dataFile{f}, nil
}

func (d dirFS) Open(name string) (Reader, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d dirFS) Truncate(name string, size int64) error {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d dirFS) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d dirFS) Remove(name string) error { return os.Remove(d.path(name)) }

func (d dirFS) MkdirAll(name string, mode fs.FileMode) error {
	full := d.path(name)
	if info, err := os.Stat(full); err == nil && info.IsDir() {
		return nil
	}
	if name != "." {
		if err := d.MkdirAll(path.Dir(name), mode); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(full, mode); err != nil {
		return err
	}
	return syncDir(filepath.Dir(full))
}

func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(d.path(name)) }

func (d dirFS) SyncDir(name string) error { return syncDir(d.path(name)) }

func syncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
