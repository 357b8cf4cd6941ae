package egress

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// TestListed: a destination that a list names is refused whatever the policy
// says, by its name, by the address that the name has, and by the server name
// inside a tunnel; what is not listed any more is not.
func TestListed(t *testing.T) {
	server, cfg := tlsServer(t)
	to := port(server.Listener.Addr().String())
	now := time.Date(2026, 3, 19, 9, 0, 0, 0, time.UTC)
	w := newWorld(t, rules, func(c *Config) {
		c.Now = func() time.Time { return now }
		c.Listed = func(name string, address netip.Addr, at time.Time) (string, bool) {
			until := map[string]int{"bad.here.example": 2100, "over.here.example": 2025, "127.0.0.9": 2100}
			year, is := until[name]
			if !is {
				year, is = until[address.String()]
			}
			return "police", is && at.Year() < year
		}
	})
	w.name("hidden.here.example", "127.0.0.9")
	for name, want := range map[string]int{"bad.here.example": 403, "hidden.here.example": 403, "127.0.0.9": 403, "over.here.example": 200, "www.here.example": 200} {
		conn, _, a := w.connect(t, name+":"+to)
		conn.Close()
		if a.StatusCode != want {
			t.Errorf("%s: %s, want %d", name, a.Status, want)
		}
	}
	conn, _, a := w.connect(t, "127.0.0.1:"+to)
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	if body, err := https(conn, cfg, "bad.here.example"); err == nil {
		t.Errorf("a listed server name answered %q", body)
	}
	conn.Close()
	flows, ends := w.flows(t)
	listed := 0
	for _, f := range flows {
		if f.Action == "refuse" && f.Step == "list" && f.Rule == "police" {
			listed++
		}
	}
	hidden := 0
	for _, e := range ends {
		if e.Outcome == "refused" && e.Detail == "the server name is listed as bad" {
			hidden++
		}
	}
	if listed != 3 || hidden != 1 {
		t.Errorf("%d flows and %d server names are refused for the list, want 3 and 1: %s", listed, hidden, list(flows))
	}
}
