// Package durable keeps files that are on disk when the call returns: data
// synced, names synced, replacements atomic.
//
// It does not know what the files hold, and it does not read them back: a
// caller that must be sure of the content verifies it itself.
//
// A failed Sync means that the state of the file on disk is not known, and a
// second Sync may wrongly succeed (Rebello et al., "Can Applications Recover
// from fsync Failures?", USENIX ATC 2020). Callers stop; they do not retry.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// FS is the part of a file system that durable files need. Names are
// slash-separated paths below the root, as in io/fs. Implementations are safe
// for concurrent use.
type FS interface {
	// Create makes a file that must not exist and opens it for appending.
	Create(name string, mode fs.FileMode) (File, error)
	// Append opens an existing file for appending.
	Append(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (Reader, error)
	// Truncate cuts a file to size bytes and syncs it.
	Truncate(name string, size int64) error
	// Rename moves a file over another. The new name is on disk after SyncDir.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(name string) error
	// MkdirAll makes a directory and its parents, and syncs their names.
	MkdirAll(name string, mode fs.FileMode) error
	// ReadDir lists a directory by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir syncs the names in a directory.
	SyncDir(name string) error
}

// File is a file open for appending. It is not safe for concurrent use, except
// that Sync may run while Write does.
type File interface {
	io.Writer
	// Sync returns when everything written before the call is on disk.
	Sync() error
	Close() error
}

// Reader is a file open for reading.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// CreateFile makes an empty file whose name is on disk when it returns.
func CreateFile(fsys FS, name string, mode fs.FileMode) (File, error) {
	f, err := fsys.Create(name, mode)
	if err != nil {
		return nil, err
	}
	if err := fsys.SyncDir(path.Dir(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// WriteFile replaces name by data atomically: after a crash the file is the
// old one or the new one, and after a return without error the new one.
func WriteFile(fsys FS, name string, data []byte, mode fs.FileMode) error {
	return WriteStream(fsys, name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteStream is WriteFile for content that write produces.
func WriteStream(fsys FS, name string, mode fs.FileMode, write func(io.Writer) error) error {
	tmp := name + TempSuffix
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(tmp, mode)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", tmp, err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(path.Dir(name))
}

// TempSuffix ends the names of files that are being written. A file with this
// suffix that is found at start was never finished and may be removed.
const TempSuffix = ".tmp"

// ReadFile returns the content of name.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
