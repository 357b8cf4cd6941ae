package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// duplicate returns another descriptor of a socket, which no child inherits.
func duplicate(l any) (int, bool) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	fd := -1
	if bad := raw.Control(func(of uintptr) { fd, err = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 3) }); bad != nil || err != nil {
		return 0, false
	}
	return fd, true
}

// again is a file of a new descriptor for what is held: packages net and os
// close what they are given.
func again(fd int) (*os.File, error) {
	twin, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(twin), "held"), nil
}

func listenerOf(fd int) (net.Listener, error) {
	f, err := again(fd)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

func packetsOf(fd int) (*net.UDPConn, error) {
	f, err := again(fd)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	udp, ok := c.(*net.UDPConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("descriptor %d is no UDP socket", fd)
	}
	return udp, nil
}

func boundPort(fd int) string {
	sa, err := unix.Getsockname(fd)
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return strconv.Itoa(a.Port)
	case *unix.SockaddrInet6:
		return strconv.Itoa(a.Port)
	}
	return fmt.Sprint(err)
}

func closeSocket(fd int) { _ = unix.Close(fd) } // a socket that nobody accepts from: nothing is lost

// ownProgram opens the program that runs, which may be gone from its directory.
func ownProgram() (int, error) {
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, os.NewSyscallError("open", err)
}

// keepText puts a text where another program in this process can read it.
func keepText(text []byte) (int, error) {
	fd, err := unix.MemfdCreate("sekisho.yaml", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("memfd_create", err)
	}
	for from := 0; from < len(text); {
		n, err := unix.Pwrite(fd, text[from:], int64(from))
		if err != nil {
			_ = unix.Close(fd) // in memory
			return 0, os.NewSyscallError("pwrite", err)
		}
		from += n
	}
	return fd, nil
}

// keptText reads it.
func keptText(fd int) ([]byte, error) {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	out := make([]byte, s.Size) // once: who overwrites it leaves no copy
	for from := 0; from < len(out); {
		n, err := unix.Pread(fd, out[from:], int64(from))
		if err != nil {
			return nil, os.NewSyscallError("pread", err)
		}
		if n == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		from += n
	}
	return out, nil
}

// forgetText gives its memory back: whoever read it needs it no more.
func forgetText(fd int) { _ = unix.Ftruncate(fd, 0) }

// replaceProcess has another program go on in this process, with the same
// arguments, environment and name, and setting added to the environment. It
// keeps the descriptors and no other, and returns only when that fails.
func replaceProcess(program string, setting string, keep []int) error {
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil && err != unix.ENOSYS && err != unix.EINVAL && err != unix.EPERM {
		return os.NewSyscallError("close_range", err) // else it is not known here, or not let through: ours are so marked anyway
	}
	defer func() {
		for _, fd := range keep {
			keepPrivate(fd)
		}
	}()
	for _, fd := range keep {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	// Before it tries, Exec gives back the limit of open files that the program began
	// with, and leaves it so.
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	err := syscall.Exec(program, os.Args, append(os.Environ(), setting))
	err = &os.PathError{Op: "exec", Path: program, Err: err}
	return errors.Join(err, os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &files)))
}

// keepPrivate has no child inherit a descriptor that this process was given.
func keepPrivate(fd int) { unix.CloseOnExec(fd) }

// programOf is a path by which an open program can be run.
func programOf(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// canReplace says that a program can follow another in one process here.
const canReplace = true
