package scope

import (
	"slices"
	"strings"
)

// Sign is what a gate says of its cover, or somebody of the cover of gates.
type Sign struct {
	Kind   int    `json:"k"`
	Source string `json:"-"`
	At     int64  `json:"-"`
	// Till, unless it is 0, is the last of many equal signs of life, each at most the
	// silence of the question after the one before it.
	Till                 int64    `json:"-"`
	CE                   int64    `json:"-"`
	Start                uint32   `json:"start,omitempty"`
	From                 int64    `json:"from,omitempty"`
	To                   int64    `json:"to,omitempty"`
	Reason               string   `json:"reason,omitempty"`
	Places, Begun, Ended []string `json:",omitempty"`
	Sites                []string `json:",omitempty"`
}

// OfWays leaves in a sign the gates for what leaves, and reports whether anything
// is left of it.
func (s *Sign) OfWays() bool {
	for _, list := range []*[]string{&s.Places, &s.Begun, &s.Ended} {
		*list = slices.DeleteFunc(*list, func(p string) bool { return !isWay(p) })
	}
	switch s.Kind {
	case kindPlacesChanged:
		return len(s.Begun)+len(s.Ended) > 0
	case kindSourceStart, kindHeartbeat, kindGap, kindCoverage:
		return len(s.Places) > 0
	}
	return true
}

// isWay reports whether a place is a gate for what leaves.
func isWay(place string) bool {
	return strings.HasPrefix(place, "egress/") || strings.HasPrefix(place, "resolver/")
}

// Sign takes a sign that Uses chose, in ledger order, and reports whether the
// answer may rest on it.
func (l *Leavings) Sign(s *Sign) bool {
	if !s.OfWays() {
		return false
	}
	switch s.Kind {
	case kindRecordDue:
		return l.gates.Due(s.At, s.CE, s.Sites)
	case kindSourceStop:
		return l.gates.Stopped(s.Source, s.At, s.CE) != nil
	}
	l.seen = true
	switch s.Kind {
	case kindSourceStart:
		l.gates.Started(s.Source, s.At, s.CE, s.Start, s.Places)
	case kindHeartbeat:
		r := l.gates.Alive(s.Source, s.At, s.CE, s.Places)
		last := &r.Lives[len(r.Lives)-1]
		last.To = max(last.To, s.Till)
	case kindPlacesChanged:
		l.gates.Changed(s.Source, s.At, s.CE, s.Begun, s.Ended)
	case kindGap, kindCoverage:
		l.gates.Mark(MarkOf(s.Source, s.At, s.CE, s.From, s.To, s.Places, s.Reason))
	}
	return true
}

// Way takes that a source saw a way out (Exit; From is when), that it is gone, or
// that it looks for such.
func (l *Leavings) Way(step string, x Exit) {
	l.exit(exitBody{Source: x.Source, Step: step, Way: x.Way, Interface: x.Interface, Next: x.Next, Address: x.Address}, x.From.UnixNano())
}

// Silence is how long a gate may say nothing.
func (l *Leavings) Silence() int64 { return l.gates.Silence }

// Saw says that something was recorded of what leaves.
func (l *Leavings) Saw() { l.seen = true }

// Sum takes what went to one host in the window: flows and questions of clients
// that are asked about, all to where an entry of the policy allows it, or all to
// elsewhere.
func (l *Leavings) Sum(host string, named bool, a Amount) {
	sum := &l.named
	if !named {
		sum = &l.other
		d := l.to(host)
		d.Flows += a.Flows
		d.Sent += a.Sent
	}
	sum.Flows += a.Flows
	sum.Questions += a.Questions
	sum.Sent += a.Sent
	sum.Received += a.Received
	sum.Open += a.Open
}

// SumRefused takes how many attempts were refused in the window.
func (l *Leavings) SumRefused(n uint64) { l.out.Refused += n }
