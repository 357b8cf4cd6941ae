package egress

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// seats count connections, in all and by client, from accept to close, and
// know those that have not said where they go.
type seats struct {
	most, each int

	mu      sync.Mutex // guards what follows
	taken   int
	client  map[netip.Addr]int
	waiting map[net.Conn]struct{}
	closed  bool
}

func newSeats(most, each int) *seats {
	return &seats{most: most, each: each, client: map[netip.Addr]int{}, waiting: map[net.Conn]struct{}{}}
}

// take gives a connection a seat; false: there is none.
func (s *seats) take(conn net.Conn) bool {
	who := addressOf(conn.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.most || s.client[who] >= s.each || s.closed {
		return false
	}
	s.taken++
	s.client[who]++
	s.waiting[conn] = struct{}{}
	return true
}

// again gives a seat to a connection that had one at the gate before.
func (s *seats) again(who netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	s.client[who]++
}

// decided says that a connection has said where it goes.
func (s *seats) decided(conn net.Conn) {
	s.mu.Lock()
	delete(s.waiting, conn)
	s.mu.Unlock()
}

// leave frees the seat of a connection from that address.
func (s *seats) leave(conn net.Conn, who netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, conn)
	s.taken--
	if s.client[who]--; s.client[who] == 0 {
		delete(s.client, who)
	}
}

// awaitWords waits until all have said where they go, for a time: clients that were
// taken as the gate ends speak at once, or have nothing to say yet.
func (s *seats) awaitWords(atMost time.Duration) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		n := len(s.waiting)
		s.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-over.C:
			return
		case <-tick.C:
		}
	}
}

// closeWaiting closes the connections that have not said where they go.
func (s *seats) closeWaiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.waiting {
		_ = conn.Close()
	}
}

// addressOf is the IP address of a TCP peer.
func addressOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func countText(n uint64) string { return strconv.FormatUint(n, 10) + " since the last time" }
