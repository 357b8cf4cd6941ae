package revproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// full is a listener without room for connections until it is given some.
type full struct {
	net.Listener
	refused chan struct{} // closed when it has said so
	once    sync.Once
	room    atomic.Bool
}

func (f *full) Accept() (net.Conn, error) {
	if f.room.Load() {
		return f.Listener.Accept()
	}
	f.once.Do(func() { close(f.refused) })
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}

// bare is a listener without deadlines.
type bare struct {
	net.Listener
	closed atomic.Int64
}

func (b *bare) Close() error {
	b.closed.Add(1)
	return b.Listener.Close()
}

// Other settings put no end to a gate that waits for descriptors.
func TestSetWithoutDescriptors(t *testing.T) {
	l := &full{refused: make(chan struct{})}
	w := newWorld(t, nil, func(c *Config) { l.Listener = c.Listener; c.Listener = l })
	<-l.refused
	for i := range 3 {
		if err := w.set(func(s *Settings) { s.Limits.Idle = time.Duration(60+i) * time.Second }); err != nil {
			t.Fatal(err)
		}
	}
	l.room.Store(true)
	if status, _, err := w.get(t, "/"); err != nil || status != 200 {
		t.Errorf("%d, %v", status, err)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

// A gate that waits for descriptors ends when it is to.
func TestStopWithoutDescriptors(t *testing.T) {
	l := &full{refused: make(chan struct{})}
	w := newWorld(t, nil, func(c *Config) { l.Listener = c.Listener; c.Listener = l })
	<-l.refused
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

// A listener that knows no deadlines is left as others are, and closed once. Of
// what was left nothing is kept.
func TestLeavesBareListeners(t *testing.T) {
	var all []*bare
	next := func(l net.Listener) net.Listener {
		all = append(all, &bare{Listener: l})
		return all[len(all)-1]
	}
	w := newWorld(t, nil, func(c *Config) { c.Listener = next(c.Listener) })
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.set(func(s *Settings) { s.Listener = next(l) }); err != nil {
			t.Fatal(err)
		}
		w.url = "http://" + l.Addr().String()
		if status, _, err := w.get(t, "/"); err != nil || status != 200 {
			t.Fatalf("%d, %v", status, err)
		}
	}
	w.gate.reload.Lock()
	left := len(w.gate.entry.left)
	w.gate.reload.Unlock()
	if left > 1 {
		t.Errorf("%d doors are kept that were left", left)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	for i, l := range all {
		if n := l.closed.Load(); n != 1 {
			t.Errorf("listener %d was closed %d times", i, n)
		}
	}
}
