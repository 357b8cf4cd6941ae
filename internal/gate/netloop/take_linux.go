package netloop

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Take takes a TCP connection from whoever has read and written it, none of whom does so any more: nothing is told to
// the peer. conn is closed, unless there is an error.
func Take(conn *net.TCPConn) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	var dup error
	if err = raw.Control(func(of uintptr) { fd, dup = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 3) }); err != nil || dup != nil {
		return nil, errors.Join(err, os.NewSyscallError("fcntl", dup))
	}
	_ = conn.Close() // the duplicate keeps the connection open
	return &Socket{fd: fd}, nil
}
