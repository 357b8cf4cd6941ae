package main

import (
	"encoding/json"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWaitingUnreadable: sockets whose sessions cannot be read are closed, and their
// peers hear it; those of sessions that can are not.
func TestWaitingUnreadable(t *testing.T) {
	for _, tt := range []struct {
		name, sessions string
		taken          int
	}{
		{"no list", "[{", 0},
		{"nothing", "", 0},
		{"another form", `{"gate": 1}`, 0},
		{"a list", "", 1},
	} {
		var sockets, peers []int
		for range 2 {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			sockets, peers = append(sockets, pair[0]), append(peers, pair[1])
		}
		text, err := handedText(sockets, []handedSession{{Gate: "g", Client: sockets[0], Upstream: sockets[1]}})
		if err != nil {
			t.Fatal(err)
		}
		if tt.taken == 0 {
			first, err := json.Marshal(sockets)
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(first, '\n'), tt.sessions...)
		}
		fd, err := keepText(text)
		if err != nil {
			t.Fatal(err)
		}
		w, err := readWaiting(fd)
		closeSocket(fd)
		if (err == nil) != (tt.taken > 0) || len(w.all) != tt.taken {
			t.Errorf("%s: %d sessions, %v", tt.name, len(w.all), err)
		}
		for _, peer := range peers {
			n, err := unix.Read(peer, make([]byte, 1))
			if gone := n == 0 && err == nil; gone != (tt.taken == 0) {
				t.Errorf("%s: the peer reads %d, %v", tt.name, n, err)
			}
			closeSocket(peer)
		}
		w.close()
	}
}
