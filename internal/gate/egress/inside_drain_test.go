package egress

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// TestDrainReading: a gate that ends lets a request of a tunnel that it reads come to
// its end, and nobody is told that it was
// cut off.
func TestDrainReading(t *testing.T) {
	came, goOn := make(chan struct{}), make(chan struct{})
	s := newShop(t, readRules, keepsTunnels, func(c *Config) { c.Limits.Drain = patience })
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first ")
		_ = http.NewResponseController(w).Flush()
		close(came)
		<-goOn
		fmt.Fprint(w, "last")
	})
	c := s.client(t)
	a, err := c.Get(s.address("forms.here.example", "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	<-came
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	await(t, "the gate ends", func() bool { return s.gate.closed() })
	close(goOn)
	text, err := io.ReadAll(a.Body)
	if err != nil || string(text) != "first last" {
		t.Errorf("%q, %v", text, err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if list := s.gate.Kept(); len(list) != 0 {
		t.Errorf("%d tunnels that are read are kept", len(list))
	}
	if flow, end := s.one(t); end == nil || end.Outcome != "done" || flow.Action != "allow" {
		t.Errorf("%+v ends with %+v", flow, end)
	}
}

// closed says that no client is taken any more.
func (g *Gate) closed() bool {
	g.seats.mu.Lock()
	defer g.seats.mu.Unlock()
	return g.seats.closed
}
