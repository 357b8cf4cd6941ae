package network

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const supported = true

// isolate gives a command namespaces of its own, of which it is the first
// process (pid_namespaces(7): with it the kernel kills all others). A Ctrl-C at
// the terminal reaches us, who end it.
func isolate(cmd *exec.Cmd, users bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET}
	if users {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
}

// setHosts puts a file over /etc/hosts, for the processes of the play only.
func setHosts(file string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	return os.NewSyscallError("mount", unix.Mount(file, "/etc/hosts", "", unix.MS_BIND, ""))
}

// namespace makes a network namespace, which is there until the file is closed
// and its last process has ended.
func namespace() (file *os.File, err error) {
	alone(func() {
		if err = os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET)); err == nil {
			file, err = os.Open("/proc/thread-self/ns/net")
		}
	})
	return file, err
}

// within calls f in a network namespace; a process that it starts lives there.
func within(namespace *os.File, f func() error) (err error) {
	alone(func() {
		if err = os.NewSyscallError("setns", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)); err == nil {
			err = f()
		}
	})
	return err
}

// alone calls f on a thread that ends with it, because a thread carries its
// namespace.
func alone(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// forward makes the namespace of a thread carry packets for others.
func forward() error {
	file, err := os.OpenFile("/proc/sys/net/ipv4/ip_forward", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("1")
	return errors.Join(err, file.Close())
}
