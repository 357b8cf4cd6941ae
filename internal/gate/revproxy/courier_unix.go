//go:build unix

package revproxy

import (
	"errors"
	"net"
	"syscall"
)

// peeks says that quiet can tell.
const peeks = true

// quiet reports whether an idle connection is open and has nothing to say: it
// looks for bytes, or the end, without waiting.
func quiet(conn net.Conn) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && silent
}
