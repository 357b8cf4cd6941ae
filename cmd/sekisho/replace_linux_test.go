package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReplaceFails: when no other program can be begun, this one has the open files
// that it may have and hands its descriptors to no child. It runs in a process of
// its own, with a low limit: package os raises it, and exec gives it back.
func TestReplaceFails(t *testing.T) {
	const child = "SEKISHO_TEST_REPLACE"
	if os.Getenv(child) == "" {
		cmd := exec.Command("sh", "-c", `ulimit -Sn 200; exec "$0" -test.run='^TestReplaceFails$'`, os.Args[0])
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	files := func() (r unix.Rlimit) {
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := files()
	if before.Cur <= 200 {
		t.Skip("SKIPPED: this machine lets nobody have more than 200 open files")
	}
	held, err := keepText([]byte("data: ./data"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeSocket(held)
	private := func() bool {
		flags, err := unix.FcntlInt(uintptr(held), unix.F_GETFD, 0)
		if err != nil {
			t.Fatal(err)
		}
		return flags&unix.FD_CLOEXEC != 0
	}
	if err := replaceProcess("/nowhere/sekisho", "A=b", []int{held}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if after := files(); after != before {
		t.Errorf("open files: %+v, before: %+v", after, before)
	}
	if !private() {
		t.Error("a child inherits a descriptor")
	}
	if err := replaceProcess("/nowhere/sekisho", "A=b", []int{held, 1 << 20}); !errors.Is(err, unix.EBADF) {
		t.Errorf("a descriptor that is none: %v", err)
	}
	if !private() {
		t.Error("a child inherits a descriptor, because another one was none")
	}
}
