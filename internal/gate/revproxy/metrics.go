package revproxy

import "time"

// Metrics are what a gate has done since it began, for a monitoring system. They
// name nobody.
type Metrics struct {
	Exchanges  uint64 // passed to an upstream
	Refused    uint64 // refused or cut, for whatever reason
	Cards      uint64 // of these, for a card number
	Misread    uint64 // of these, because servers read them differently
	Failed     uint64 // upstreams that did not answer
	TurnedAway uint64 // connections beyond Limits
	Floods     Floods
	Stalled    uint64 // responses that ended because the client took no more of them
	Open       int64  // exchanges under way
	// Well are upstreams that are used, of all Upstreams.
	Well, Upstreams int
}

// Floods are connections of HTTP/2 that were closed because they only cost. One may
// be counted as two of them.
type Floods struct {
	Resets uint64 // most of their requests were given up
	Frames uint64 // they sent frames that are no request and no body
	Broken uint64 // they broke the rules of the protocol
}

// Metrics returns the counters as they are.
func (g *Gate) Metrics() Metrics {
	c := &g.counts
	m := Metrics{Exchanges: c.exchanges.Load(), Refused: c.refused.Load(), Cards: c.cards.Load(), Misread: c.wire.Load(), Failed: c.failed.Load(),
		TurnedAway: c.turnedAway.Load(), Stalled: c.stalled.Load(), Open: c.open.Load(),
		Floods: Floods{Resets: c.resets.Load(), Frames: c.vain.Load(), Broken: c.broken.Load()}}
	now := time.Now()
	for _, h := range g.now.Load().all {
		well, all := h.well(now)
		m.Well, m.Upstreams = m.Well+well, m.Upstreams+all
	}
	return m
}

// decided counts a refusal.
func (c *counts) decided(f refusal) {
	if f.status == 0 {
		return // it passes
	}
	c.refused.Add(1)
	switch f.code {
	case "SK3402", "SK3403":
		c.cards.Add(1)
	case codeWire:
		c.wire.Add(1)
	}
}
