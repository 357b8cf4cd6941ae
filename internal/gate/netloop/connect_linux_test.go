package netloop_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sekisho/internal/gate/netloop"
)

func TestConnect(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err) // a machine without IPv6
			continue
		}
		to := l.Addr().(*net.TCPAddr).AddrPort()
		s, err := netloop.Connect(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		client, near := connected(t, "tcp")
		h := newForward()
		if _, err := start(t, netloop.Config{}).Add(netloop.Transport{Conn: near}, netloop.Transport{Socket: s}, h); err != nil {
			t.Fatal(err)
		}
		send(t, client, []byte("to the far end"))
		want(t, far, "to the far end")
		send(t, far, []byte("and back"))
		want(t, client, "and back")
		if err := errors.Join(s.Close(), far.Close()); err != nil { // Close of a socket that a loop has closes nothing
			t.Error(err)
		}
		h.wait(t)
		_ = l.Close()
		if s, err := netloop.Connect(t.Context(), to); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("to nobody: %v, %v", s, err)
		}
	}
}

// TestConnectIsGivenUp: a peer that does not answer is waited for until the
// context ends, and no longer.
func TestConnectIsGivenUp(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(own.(*unix.SockaddrInet4).Port))
	// Nobody accepts: when the queue is full, the kernel answers no more.
	for range 64 {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		s, err := netloop.Connect(ctx, to)
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("given up with %v", err)
			}
			return
		}
		defer s.Close()
	}
	t.Error("every connection was made")
}
