package main

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func listenHeld(t *testing.T, s *sockets, address string) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	l, err := s.listen(&lc, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestSocketsHeld: who connects between two runs waits for the second, until
// the sockets are closed.
func TestSocketsHeld(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no socket is held on this system")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + port
	s := newSockets(nil)
	first := listenHeld(t, s, address)
	if _, ok := first.(interface{ SetDeadline(time.Time) error }); !ok { // a gate that moves elsewhere needs it
		t.Error("a held listener has no deadline")
	}
	s.stay()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("between two runs: %v", err)
	}
	defer client.Close()

	s.begin()
	next := newSockets(s.all())
	second := listenHeld(t, next, address)
	served, err := second.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	if _, err := served.Write([]byte("k")); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 1)); n != 1 {
		t.Fatalf("who waited is not served: %v", err)
	}

	next.settle() // it is used
	if len(next.all()) != 1 {
		t.Errorf("a socket in use was closed: %v", next.all())
	}
	second.Close() // in the middle of a run
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the end: %v, want a refusal", err)
	}
}

// TestSocketsGiveWay: what the next run does not use is closed, at once when the
// same port is named in other words; port 0 is another one each time.
func TestSocketsGiveWay(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no socket is held on this system")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s := newSockets(nil)
	first := listenHeld(t, s, "127.0.0.1:"+port)
	s.stay()
	first.Close()
	s.begin()
	listenHeld(t, s, "[::ffff:127.0.0.1]:"+port)
	if _, ok := s.all()["tcp 127.0.0.1:"+port]; ok || len(s.all()) != 1 {
		t.Errorf("held: %v", s.all())
	}
	// In use it does not give way: two gates on one port are a mistake.
	var lc net.ListenConfig
	if _, err := s.listen(&lc, "127.0.0.1:"+port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the same port twice: %v", err)
	}
	s.begin()
	s.settle()
	if len(s.all()) != 0 {
		t.Errorf("held and not used: %v", s.all())
	}
	a, b := listenHeld(t, s, "127.0.0.1:0"), listenHeld(t, s, "127.0.0.1:0")
	if a.Addr().String() == b.Addr().String() || len(s.all()) != 0 {
		t.Errorf("port 0: %v and %v, held %v", a.Addr(), b.Addr(), s.all())
	}
}

// TestSocketsOnce: the address of one part is no other part's in the same run, as
// long as it is not left, whether the socket is new or was held before; closing
// twice takes it from nobody.
func TestSocketsOnce(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no socket is held on this system")
	}
	s := newSockets(nil)
	var lc net.ListenConfig
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + port
	for _, run := range []string{"opened", "held"} {
		s.begin()
		first := listenHeld(t, s, address)
		if l, err := s.listen(&lc, address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: a second part has it too: %v, %v", run, l, err)
		}
		s.stay()
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.begin()
	first := listenHeld(t, s, address)
	first.Close()
	listenHeld(t, s, address)
	first.Close()
	if len(s.all()) != 1 {
		t.Errorf("closed twice: held is %v, want what the next part opened", s.all())
	}
}

// TestSocketsUDP: questions that come between two runs wait too.
func TestSocketsUDP(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no socket is held on this system")
	}
	s := newSockets(nil)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address, err := net.ResolveUDPAddr("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.listenUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.listenUDP(address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second part has it too: %v, %v", c, err)
	}
	s.stay()
	first.Close()
	client, err := net.DialUDP("udp", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	s.begin()
	second, err := s.listenUDP(address)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	text := make([]byte, 16)
	if n, err := second.Read(text); string(text[:n]) != "question" {
		t.Errorf("%q, %v", text[:n], err)
	}
	s.close()
}

// TestHandover: what one program leaves, the next takes once.
func TestHandover(t *testing.T) {
	if !canReplace {
		t.Skip("SKIPPED: no program follows another on this system")
	}
	config, err := keepText([]byte(strings.Repeat("a: b\n", 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	defer closeSocket(config)
	text, err := keptText(config)
	if err != nil || string(text) != strings.Repeat("a: b\n", 50_000) {
		t.Errorf("%d bytes of the configuration, %v", len(text), err)
	}
	if _, err := takeHandover(func(string) string { return "{" }); err == nil {
		t.Error("half a handover is taken")
	}
	if h, err := takeHandover(func(string) string { return "" }); h != nil || err != nil {
		t.Errorf("without one: %v, %v", h, err)
	}
}
