// Package ledgertest has a file system that fails on demand and forgets what
// was not synced, and a checker of whole ledgers.
//
// It is imported by tests only. The tiles of the transparency log do not go
// through it: Tessera writes them to the real file system.
package ledgertest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sync"

	"sekisho/internal/durable"
)

// Mode says what a failing call did.
type Mode int

// The modes.
const (
	Before Mode = iota // nothing happened
	After              // it happened, but the caller is told that it did not
	Torn               // half of a write happened; other calls: Before
)

// ErrFault is the error of a call that was made to fail.
var ErrFault = errors.New("injected fault")

// FS is a durable.FS on a real directory. It counts the calls that change
// something, makes one of them (and all after it) fail, and knows what a power
// cut would leave: synced bytes under synced names. Sync does not reach the
// real disk, so that tests are fast. It is safe for concurrent use.
type FS struct {
	root  string
	saved string // keeps removed files that are still on the simulated disk
	real  durable.FS

	mu      sync.Mutex
	calls   int
	failAt  int // 0: never
	failErr error
	mode    Mode
	trace   []string
	names   map[string]*inode            // by current name
	pending map[string]map[string]*inode // directory → name → what the disk has there; nil: nothing
	count   int
}

type inode struct {
	path         string // of the content now
	size, synced int64
}

// NewFS returns an FS on root; what is there already is on disk. saved is an
// empty directory on the same real file system.
func NewFS(root, saved string) *FS {
	return &FS{root: root, saved: saved, real: durable.Dir(root),
		names: make(map[string]*inode), pending: make(map[string]map[string]*inode)}
}

// FailAt makes the n-th changing call from now on, and all after it, fail.
func (f *FS) FailAt(n int, err error, mode Mode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failAt, f.failErr, f.mode = f.calls+n, err, mode
}

// Calls returns the number of changing calls so far, and what they were.
func (f *FS) Calls() (int, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls, f.trace
}

// step counts a call and tells what shall happen to it. f.mu is held.
func (f *FS) step(op, name string) (mode Mode, err error) {
	f.calls++
	f.trace = append(f.trace, op+" "+name)
	if f.failAt == 0 || f.calls < f.failAt {
		return After, nil
	}
	err = &fs.PathError{Op: op, Path: name, Err: f.failErr}
	if f.calls > f.failAt {
		return Before, err
	}
	return f.mode, err
}

// do runs a changing call that cannot be torn.
func (f *FS) do(op, name string, act func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	mode, fault := f.step(op, name)
	if mode == After {
		if err := act(); err != nil {
			return err
		}
	}
	return fault
}

func (f *FS) full(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

// lookup returns the inode of a name, nil when there is none.
func (f *FS) lookup(name string) *inode {
	if node, ok := f.names[name]; ok {
		return node
	}
	info, err := os.Stat(f.full(name))
	if err != nil || info.IsDir() {
		f.names[name] = nil // or change would find what is only made now
		return nil
	}
	node := &inode{path: f.full(name), size: info.Size(), synced: info.Size()}
	f.names[name] = node
	return node
}

// change remembers what the disk has under a name that lookup has seen before
// it changed.
func (f *FS) change(name string, to *inode) {
	dir := path.Dir(name)
	if f.pending[dir] == nil {
		f.pending[dir] = make(map[string]*inode)
	}
	old := f.lookup(name)
	if _, ok := f.pending[dir][name]; !ok {
		f.pending[dir][name] = old
	}
	f.names[name] = to
}

// save keeps the content of a name that is about to go.
func (f *FS) save(name string) error {
	node := f.lookup(name)
	if node == nil {
		return nil
	}
	f.count++
	keep := filepath.Join(f.saved, fmt.Sprint(f.count))
	if err := os.Link(f.full(name), keep); err != nil {
		return err
	}
	node.path = keep
	return nil
}

// Create implements durable.FS.
func (f *FS) Create(name string, mode fs.FileMode) (out durable.File, err error) {
	err = f.do("create", name, func() error {
		f.lookup(name)
		real, err := f.real.Create(name, mode)
		if err != nil {
			return err
		}
		node := &inode{path: f.full(name)}
		f.change(name, node)
		out = &file{f, name, real, node}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Append implements durable.FS.
func (f *FS) Append(name string) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	real, err := f.real.Append(name)
	if err != nil {
		return nil, err
	}
	return &file{f, name, real, f.lookup(name)}, nil
}

// Open implements durable.FS.
func (f *FS) Open(name string) (durable.Reader, error) { return f.real.Open(name) }

// ReadDir implements durable.FS.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) { return f.real.ReadDir(name) }

// MkdirAll implements durable.FS.
func (f *FS) MkdirAll(name string, mode fs.FileMode) error {
	return f.do("mkdir", name, func() error { return f.real.MkdirAll(name, mode) })
}

// Truncate implements durable.FS.
func (f *FS) Truncate(name string, size int64) error {
	return f.do("truncate", name, func() error {
		node := f.lookup(name)
		if err := os.Truncate(f.full(name), size); err != nil {
			return err
		}
		node.size, node.synced = size, size
		return nil
	})
}

// Rename implements durable.FS.
func (f *FS) Rename(from, to string) error {
	return f.do("rename", to, func() error {
		if err := f.save(to); err != nil {
			return err
		}
		node := f.lookup(from)
		if err := os.Rename(f.full(from), f.full(to)); err != nil {
			return err
		}
		f.change(from, nil)
		f.change(to, node)
		node.path = f.full(to)
		return nil
	})
}

// Remove implements durable.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	missing := f.lookup(name) == nil
	f.mu.Unlock()
	if missing {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	return f.do("remove", name, func() error {
		if err := f.save(name); err != nil {
			return err
		}
		f.change(name, nil)
		return os.Remove(f.full(name))
	})
}

// SyncDir implements durable.FS.
func (f *FS) SyncDir(name string) error {
	return f.do("syncdir", name, func() error {
		delete(f.pending, name)
		return nil
	})
}

// file is a durable.File of an FS.
type file struct {
	fs   *FS
	name string
	real durable.File
	node *inode
}

func (w *file) Write(data []byte) (int, error) {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	mode, fault := w.fs.step("write", w.name)
	part := data
	switch {
	case mode == Before:
		part = nil
	case mode == Torn:
		part = data[:len(data)/2]
	}
	n, err := w.real.Write(part)
	w.node.size += int64(n)
	return n, errors.Join(err, fault)
}

func (w *file) Sync() error {
	return w.fs.do("sync", w.name, func() error {
		w.node.synced = w.node.size
		return nil
	})
}

func (w *file) Close() error { return w.real.Close() }

// PowerCut writes to the empty directory dst what the disk would hold if the
// power failed now. With rng, a random part of the bytes that were not synced
// survives, the rest of them as zeros or not at all, as real disks do.
func (f *FS) PowerCut(dst string, rng *rand.Rand) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := copyTree(f.root, dst); err != nil {
		return err
	}
	for name, node := range f.names {
		disk, waits := f.pending[path.Dir(name)][name]
		if waits {
			node = disk
		}
		target := filepath.Join(dst, filepath.FromSlash(name))
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if node == nil {
			continue
		}
		text, err := os.ReadFile(node.path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, surviving(text, node.synced, rng), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func surviving(text []byte, synced int64, rng *rand.Rand) []byte {
	if rng == nil || int64(len(text)) == synced {
		return text[:synced]
	}
	loose := text[synced:]
	keep := rng.IntN(len(loose) + 1)
	if rng.IntN(2) == 0 {
		return text[:synced+int64(keep)]
	}
	clear(loose[keep:])
	return text
}

// copyTree copies files that may be replaced meanwhile by Tessera.
func copyTree(src, dst string) error {
	return filepath.WalkDir(src, func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, full)
		if err != nil {
			return err
		}
		target := filepath.Join(dst, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		text, err := os.ReadFile(full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
}
