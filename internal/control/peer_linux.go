package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel for the account on the other end (SO_PEERCRED, unix(7):
// the credentials at the time of connect).
func peerOf(c net.Conn) Peer {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{UID: -1}
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Peer{UID: -1}
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || failed != nil {
		return Peer{UID: -1}
	}
	return Peer{UID: int(cred.Uid), Known: true}
}
