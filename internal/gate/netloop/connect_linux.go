package netloop

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sekisho/internal/wire/tlsrecord"
)

// Connect opens a TCP connection for a Transport, with TCP_NODELAY and without
// the kernel's keep-alive. It is net.Dialer for who gives the connection to a
// loop at once: no goroutine that waits for ctx, no descriptor in Go's poller
// when the peer answers at once, no second one. ctx ends the waiting.
func Connect(ctx context.Context, to netip.AddrPort) (*Socket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	family, address := socketAddress(to)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &Socket{fd: fd}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // only slower without
	switch err = unix.Connect(fd, address); err {
	case nil:
	case unix.EINPROGRESS, unix.EINTR:
		err = s.connected(ctx)
	default:
		err = os.NewSyscallError("connect", err)
	}
	if err != nil {
		_ = s.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return s, nil
}

func socketAddress(to netip.AddrPort) (family int, _ unix.Sockaddr) {
	if a := to.Addr().Unmap(); a.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: a.As4()}
	}
	address := &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if zone := to.Addr().Zone(); zone != "" {
		if i, err := net.InterfaceByName(zone); err == nil {
			address.ZoneId = uint32(i.Index)
		}
	}
	return unix.AF_INET6, address
}

// connected waits until the peer has answered.
func (s *Socket) connected(ctx context.Context) error {
	if ready(s.fd) {
		return socketError(s.fd)
	}
	// Go's poller waits with a descriptor of its own, which goes again.
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "connecting")
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if err = raw.Write(func(fd uintptr) bool { return ready(int(fd)) }); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return socketError(s.fd)
}

// ready reports whether a connection was made or refused.
func ready(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
	return err == nil && n == 1
}

func socketError(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = os.NewSyscallError("connect", unix.Errno(code))
	}
	return err
}

// Adopt takes a connected socket by its descriptor, which is the Socket's from then on, and its TLS session; nil: in
// clear.
func Adopt(fd int, session *tlsrecord.State) (*Socket, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	return &Socket{fd: fd, local: domain == unix.AF_UNIX, TLS: session}, nil
}

// Close closes a connection that no loop has taken.
func (s *Socket) Close() error {
	s.TLS.Forget()
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}
