package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sekisho/internal/fault"
)

// TestDiskReallyFull fills a real, small file system under a running process:
// views and accounts lie on it too.
func TestDiskReallyFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("sekisho-test", dir, "tmpfs", 0, "size=64m,mode=700"); err != nil {
		t.Skipf("SKIPPED ALOUD: no file system can be mounted here (%v); TestDiskFull puts the fault below the ledger instead", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	f := newOutageFirm(t, dir)
	f.logs = t.TempDir()
	f.start()
	f.works("before")
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	f.stopped(fault.LedgerFull)
	during := time.Now()
	f.logged("code=SK8114")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	f.goesOn()
	f.works("after")
	if err := errors.Join(f.up.Process.Signal(syscall.SIGTERM), f.up.Wait()); err != nil {
		t.Errorf("the end: %v", err)
	}
	f.recordedSince(during, "the disk of the ledger was full")
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for len(block) >= 512 {
		if _, err = file.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want a full disk", err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
