package hub

import (
	"context"
	"errors"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// chains are an intake that has these heads.
type chains []frame.Head

func (c chains) Heads(string) []frame.Head          { return c }
func (chains) Take(context.Context, [][]byte) error { return nil }
func many(n int) (all chains) {
	for i := range n {
		all = append(all, frame.Head{Source: "gate/out@osaka", Worker: uint16(i), Seq: 9})
	}
	return all
}

// TestAdmit: a remote gate says what its gates for what leaves saw, under its own
// name, and nothing else, whoever has taken it over.
func TestAdmit(t *testing.T) {
	line := func(source event.Source, body event.Body) []byte {
		return event.Append(nil, &event.Event{Tenant: "shop", Source: source, Worker: 7, Seq: 1, At: time.Unix(1, 0), Body: body})
	}
	flow := &event.Flow{ID: "a", Place: "egress/out@osaka"}
	for name, c := range map[string]struct {
		line []byte
		have int
		good bool
	}{
		"a flow":                   {line("gate/out@osaka", flow), 0, true},
		"a look-up":                {line("gate/dns@osaka", &event.Lookup{Place: "resolver/dns@osaka"}), 0, true},
		"its process":              {line("process@osaka", &event.ExitSeen{}), 0, true},
		"a kind of the future":     {line("gate/out@osaka", &event.Unknown{Of: 9999, Raw: []byte(`{}`)}), 0, true},
		"another site":             {line("gate/out@nagoya", flow), 0, false},
		"the hub's gate":           {line("gate/out", flow), 0, false},
		"the hub's process":        {line("process", &event.ExitSeen{}), 0, false},
		"a person":                 {line("person/ayame@osaka", &event.ExitSeen{}), 0, false},
		"cover for a database":     {line("gate/out@osaka", &event.Heartbeat{Places: []event.Place{"shop/shop"}}), 0, false},
		"cover for another site":   {line("gate/out@osaka", &event.Heartbeat{Places: []event.Place{"egress/out@nagoya"}}), 0, false},
		"cover from now on":        {line("gate/out@osaka", &event.PlacesChanged{Begun: []event.Place{"egress/out@osaka"}}), 0, true},
		"cover of the hub's":       {line("gate/out@osaka", &event.PlacesChanged{Begun: []event.Place{"egress/out"}}), 0, false},
		"no cover of the hub's":    {line("gate/out@osaka", &event.PlacesChanged{Ended: []event.Place{"egress/out"}}), 0, false},
		"cover for the hub":        {line("gate/out@osaka", &event.SourceStart{Places: []event.Place{"egress/out"}}), 0, false},
		"a flow of the hub":        {line("gate/out@osaka", &event.Flow{ID: "a", Place: "egress/out"}), 0, false},
		"who was read":             {line("gate/out@osaka", &event.Crossing{}), 0, false},
		"an order":                 {line("process@osaka", &event.CutOrdered{Generation: 99}), 0, false},
		"the end of a key":         {line("process@osaka", &event.KeyDestroyed{KeyID: "k"}), 0, false},
		"no event":                 {[]byte("{}"), 0, false},
		"nothing":                  {nil, 0, false},
		"its 64th chain":           {line("gate/out@osaka", flow), mostChains - 1, true},
		"one chain more than that": {line("gate/out@osaka", flow), mostChains + 8, false},
	} {
		s := &Server{cfg: ServerConfig{Intake: many(c.have)}}
		if c.have == mostChains-1 { // none of them is worker 7 of another source
			s.cfg.Intake = append(many(7), many(mostChains)[8:mostChains]...)
		}
		err := s.admit("osaka", [][]byte{c.line})
		if (err == nil) != c.good || err != nil && !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v, want it taken: %t", name, err, c.good)
		}
	}
}
