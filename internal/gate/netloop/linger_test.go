package netloop_test

import (
	"io"
	"runtime"
	"testing"

	"sekisho/internal/gate/netloop"
)

// TestStopWhileLingering: the world can be stopped while every processor of the scheduler is kept by a worker that
// waits, and traffic goes on afterwards.
func TestStopWhileLingering(t *testing.T) {
	loop := start(t, netloop.Config{Workers: runtime.GOMAXPROCS(0), Linger: true})
	client, gateClient := connected(t, "tcp")
	server, gateServer := connected(t, "tcp")
	if _, err := loop.Add(netloop.Transport{Conn: gateClient}, netloop.Transport{Conn: gateServer}, newForward()); err != nil {
		t.Fatal(err)
	}
	b := []byte{0}
	for i := range 200 {
		b[0] = byte(i)
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		got := []byte{^b[0]}
		if _, err := io.ReadFull(server, got); err != nil || got[0] != b[0] {
			t.Fatalf("round %d: %d, %v", i, got[0], err)
		}
	}
}
