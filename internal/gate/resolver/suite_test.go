package resolver

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/gatetest"
)

// TestSuite runs the suite of all gates over TCP and UDP. A question is the
// request, its records are the answer; a value in one plays the person.
func TestSuite(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) { suite(t, network) })
	}
}

func suite(t *testing.T, network string) {
	const canary = "hanako@example.jp"
	count := func(r *eventtest.Recorder) int { return len(eventtest.Of[*event.Lookup](r)) }
	gatetest.Run(t, gatetest.Harness{
		Start: func(t testing.TB, o gatetest.Options) gatetest.Gate {
			w := newWorld(t, func(c *Config) { c.Recorder, c.Strict, c.FailOpen = o.Recorder, o.Strict, o.FailOpen })
			w.has("www.example.jp", "TXT", `300 IN TXT "welcome"`)
			w.has("about.example.jp", "TXT", `300 IN TXT "about us"`, `300 IN TXT "since 1901"`)
			for n := range 3 {
				w.has(fmt.Sprintf("customer%d.example.jp", n), "TXT", `300 IN TXT "`+canary+`"`)
			}
			through := w.tcp
			if network == "udp" {
				through = w.udp
			}
			return gatetest.Gate{Direct: w.address, Through: through, Stop: func() error { defer w.upstream.stop(); return w.stop() }}
		},
		Connect: func(t testing.TB, address string) gatetest.Session {
			conn, err := dns.DialTimeout(network, address, patience)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			return session{conn}
		},
		Plain:        []string{"www.example.jp.", "about.example.jp."},
		Personal:     []string{"customer1.example.jp.", "customer2.example.jp."},
		EveryRequest: true,
		Begun:        count,
		Ended:        count, // one event says both: nothing is under way after an answer
		Canary:       []byte(canary),
	})
}

// session is a client's connection.
type session struct{ conn *dns.Conn }

// Ask returns the code and the records of an answer.
func (s session) Ask(name string) ([]byte, error) {
	q := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
	if err := s.conn.WriteMsg(q); err != nil {
		return nil, err
	}
	a, err := s.conn.ReadMsg()
	if err != nil {
		return nil, err
	}
	if a.Id != q.Id {
		return nil, fmt.Errorf("an answer to another question")
	}
	text := dns.RcodeToString[a.Rcode]
	for _, rr := range a.Answer {
		text += "\n" + rr.String()
	}
	return []byte(text), nil
}

func (s session) Close() { s.conn.Close() }
