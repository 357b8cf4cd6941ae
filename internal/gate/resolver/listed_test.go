package resolver

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// TestListed: the name of a destination that a list names does not resolve,
// whatever the policy says, and does when the list's word is over.
func TestListed(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		end := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		c.Listed = func(name string, at time.Time) (string, bool) {
			return "police", name == "www.example.jp" && at.Before(end)
		}
	})
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7")
	if a := w.ask(t, "udp", "www.example.jp", dns.TypeA); a.Rcode != dns.RcodeNameError {
		t.Errorf("listed: %s", a)
	}
	w.clock.Add(int64(25 * time.Hour))
	if got := records(w.ask(t, "udp", "www.example.jp", dns.TypeA)); !strings.Contains(got, "199.5.26.7") {
		t.Errorf("not listed any more: %s", got)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if first := eventtest.Of[*event.Lookup](w.rec)[0]; first.Action != "refuse" || first.Step != "list" || first.Rule != "police" {
		t.Errorf("%+v", first)
	}
}
