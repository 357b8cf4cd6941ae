package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sekisho/internal/durable"
	"sekisho/internal/ledger/ledgertest"
)

func TestRealDirectory(t *testing.T) {
	root := t.TempDir()
	fsys := durable.Dir(root)
	if err := fsys.MkdirAll("a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsys.MkdirAll("a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := durable.CreateFile(fsys, "a/b/x", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Create("a/b/x", 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: got %v, want ErrExist", err)
	}
	f, err = fsys.Append("a/b/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, " you"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := fsys.Truncate("a/b/x", 7); err != nil {
		t.Fatal(err)
	}
	if text, err := durable.ReadFile(fsys, "a/b/x"); err != nil || string(text) != "hello y" {
		t.Errorf("got %q, %v", text, err)
	}
	info, err := os.Stat(filepath.Join(root, "a/b/x"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := fsys.Append("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("append to nothing: got %v, want ErrNotExist", err)
	}
	if _, err := fsys.Open("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open nothing: got %v, want ErrNotExist", err)
	}
}

// TestWriteFileIsAtomic makes every call of a replacement fail in turn, or cuts
// the power before it: the file is the old one or the new one, and the new one
// if WriteFile said so.
func TestWriteFileIsAtomic(t *testing.T) {
	for _, mode := range []ledgertest.Mode{ledgertest.Before, ledgertest.After, ledgertest.Torn} {
		for n := 1; ; n++ {
			root, saved := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "x"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			fsys := ledgertest.NewFS(root, saved)
			fsys.FailAt(n, ledgertest.ErrFault, mode)
			err := durable.WriteFile(fsys, "x", []byte("new!"), 0o600)
			after := filepath.Join(t.TempDir(), "cut")
			if cutErr := fsys.PowerCut(after, nil); cutErr != nil {
				t.Fatal(cutErr)
			}
			for what, dir := range map[string]string{"crash": root, "power cut": after} {
				text, readErr := os.ReadFile(filepath.Join(dir, "x"))
				if readErr != nil || (string(text) != "old" && string(text) != "new!") || (err == nil && string(text) != "new!") {
					t.Errorf("call %d mode %d, %s: WriteFile said %v, the file is %q, %v", n, mode, what, err, text, readErr)
				}
			}
			if err == nil {
				break
			}
		}
	}
}
