package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// stepping watches a process that was started in a group of its own (ptrace(2)) and
// kills it before its n-th system call that changes a file of dir. end kills it
// otherwise; both tell how many such calls there were and whether it was killed at
// one.
type stepping struct {
	pid, n int
	dir    string
	count  int
	hit    bool
	err    error
	began  chan struct{} // closed when every thread is watched
	ended  chan struct{}
}

// ownGroup makes a process one that stepping can watch.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killAt(t *testing.T, pid int, dir string, n int) *stepping {
	t.Helper()
	s := &stepping{pid: pid, n: n, dir: dir, began: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // whoever attached must wait; the thread ends with it
		defer close(s.ended)
		s.err = s.attach()
		close(s.began)
		if s.err == nil {
			s.follow()
		}
	}()
	<-s.began
	if s.err != nil {
		<-s.ended
		t.Skipf("SKIPPED: this system lets no process watch another: %v", s.err)
	}
	return s
}

func (s *stepping) end() (count int, hit bool) {
	_ = unix.Kill(s.pid, unix.SIGKILL) // it may be gone
	<-s.ended
	return s.count, s.hit
}

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL

// attach takes every thread, also those that begin meanwhile.
func (s *stepping) attach() error {
	taken := map[int]bool{}
	for {
		all, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid))
		if err != nil {
			return err
		}
		fresh := false
		for _, e := range all {
			tid, err := strconv.Atoi(e.Name())
			if err != nil || taken[tid] {
				continue
			}
			taken[tid], fresh = true, true
			// A thread that ended, or was taken as another's child, is no error.
			if _, _, no := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, traceOptions, 0, 0); no != 0 && no != unix.ESRCH && !(no == unix.EPERM && len(taken) > 1) {
				return no
			}
			_ = unix.PtraceInterrupt(tid)
		}
		if !fresh {
			return nil
		}
	}
}

// follow lets the threads run from one system call to the next until all ended.
func (s *stepping) follow() {
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-s.pid, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return // ECHILD: nobody is left
		}
		if !ws.Stopped() {
			continue
		}
		pass := 0
		switch sig := ws.StopSignal(); {
		case sig == unix.SIGTRAP|0x80:
			if s.changes(tid) {
				s.count++
				if s.count == s.n {
					s.hit = true
					_ = unix.Kill(s.pid, unix.SIGKILL)
					continue
				}
			}
		case uint32(ws)>>16 == 0 && sig != unix.SIGTRAP: // a signal on its way
			pass = int(sig)
		}
		_ = unix.PtraceSyscall(tid, pass) // ESRCH: it ended meanwhile
	}
}

// changes reports whether a thread is about to change a file of the directory.
func (s *stepping) changes(tid int) bool {
	var r unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &r) != nil || r.Rax != ^uint64(unix.ENOSYS-1) { // -ENOSYS: before the call
		return false
	}
	switch r.Orig_rax {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE:
		name, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(s.pid), "fd", strconv.FormatUint(r.Rdi, 10)))
		return err == nil && strings.HasPrefix(name, s.dir)
	case unix.SYS_OPENAT:
		return r.Rdx&unix.O_CREAT != 0
	case unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINK, unix.SYS_UNLINKAT, unix.SYS_LINKAT, unix.SYS_MKDIRAT, unix.SYS_TRUNCATE:
		return true
	}
	return false
}
