package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
)

// sockets are the process's listening sockets. They are held beside the parts
// that accept from them, so that clients who come while one run ends and the
// next begins, in this process or in the program that follows it here, wait in
// the kernel's queue and are not refused. A nil *sockets only listens.
type sockets struct {
	mu   sync.Mutex
	held map[string]int  // descriptors of ours, by network and address
	used map[string]bool // in this run
	keep bool            // the run ends, and another follows
}

// heldListener is a listener whose socket is held too. What gates ask of a TCP
// listener beside its interface, such as a deadline, it has.
type heldListener struct {
	*net.TCPListener
	of       *sockets
	key      string
	released sync.Once
}

// Close lets go of what is held, unless another run follows: who comes is refused
// from now on. Closed again it lets go of nothing: the address may be another's.
func (l *heldListener) Close() error {
	l.released.Do(func() { l.of.release(l.key) })
	return l.TCPListener.Close()
}

func newSockets(held map[string]int) *sockets {
	if held == nil {
		held = map[string]int{}
	}
	return &sockets{held: held, used: map[string]bool{}}
}

// listen returns a listener for a TCP address as it was configured. It is the
// caller's; when it is closed as a run ends that another follows, the socket stays
// open.
func (s *sockets) listen(lc *net.ListenConfig, address string) (net.Listener, error) {
	l, err := heldOr(s, "tcp", address, listenerOf, func() (net.Listener, error) {
		return lc.Listen(context.Background(), "tcp", address)
	})
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	if t, ok := l.(*net.TCPListener); ok && err == nil && s != nil {
		return &heldListener{TCPListener: t, of: s, key: "tcp " + address}, nil
	}
	return l, err
}

// listenUDP does the same for UDP.
func (s *sockets) listenUDP(address *net.UDPAddr) (*net.UDPConn, error) {
	return heldOr(s, "udp", address.String(), packetsOf, func() (*net.UDPConn, error) { return net.ListenUDP("udp", address) })
}

// heldOr takes the socket that is held for an address, or opens one and holds it.
// One that a part of this run has already is in use, as it is for the system.
func heldOr[T any](s *sockets, network, address string, of func(fd int) (T, error), open func() (T, error)) (T, error) {
	if s == nil || strings.HasSuffix(address, ":0") { // any port is another one each time
		return open()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := network + " " + address
	if fd, ok := s.held[key]; ok {
		if s.used[key] {
			var none T
			return none, syscall.EADDRINUSE
		}
		l, err := of(fd)
		s.used[key] = err == nil
		return l, err
	}
	l, err := open()
	if errors.Is(err, syscall.EADDRINUSE) && s.dropPort(network, address) {
		l, err = open()
	}
	if err != nil {
		return l, err
	}
	if fd, ok := duplicate(l); ok { // else the next run opens it anew
		s.held[key], s.used[key] = fd, true
	}
	return l, nil
}

// dropPort closes what is held, and not used in this run, for the port of an
// address: the same port may be configured in other words than before.
func (s *sockets) dropPort(network, address string) (dropped bool) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	for key, fd := range s.held {
		if !s.used[key] && strings.HasPrefix(key, network+" ") && boundPort(fd) == port {
			closeSocket(fd)
			delete(s.held, key)
			dropped = true
		}
	}
	return dropped
}

// settle closes what the run that is up does not use.
func (s *sockets) settle() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, fd := range s.held {
		if !s.used[key] {
			closeSocket(fd)
			delete(s.held, key)
		}
	}
}

// begin is called before a run.
func (s *sockets) begin() {
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		clear(s.used)
		s.keep = false
	}
}

// stay is called when a run ends that another follows.
func (s *sockets) stay() {
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keep = true
	}
}

// release closes what is held for a listener that is closed.
func (s *sockets) release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fd, ok := s.held[key]; ok && !s.keep {
		closeSocket(fd)
		delete(s.held, key)
	}
}

// close closes what is held: who comes from now on is refused.
func (s *sockets) close() {
	s.begin()
	s.settle()
}

// all returns the descriptors by network and address.
func (s *sockets) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.held))
	for key, fd := range s.held {
		out[key] = fd
	}
	return out
}
