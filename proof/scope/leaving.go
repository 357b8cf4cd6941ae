package scope

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Kinds of events about what leaves.
const (
	kindFlow      = 70
	kindFlowBytes = 71
	kindFlowEnd   = 72
	kindLookup    = 73
	kindExitSeen  = 87
)

// Leaving is what left through the gates for what leaves in the window. It
// bounds what could have left by these ways: nothing crosses a gate uncounted.
//
// Where no byte went to a destination that the policy does not name, while every
// gate reported and every way out was known, the route is excluded.
type Leaving struct {
	// Verdict is "excluded", "bounded" (at most Other.Sent bytes can have left
	// to destinations that no entry of the policy names) or "open" (Because says
	// why more can have left).
	Verdict string   `json:"verdict"`
	Because []string `json:"because"` // "uncovered", "unknown exit", "not watched", "no end"
	Named   Amount   `json:"named"`   // to destinations that an entry of the policy allows
	Other   Amount   `json:"other"`   // to all others
	Refused uint64   `json:"refused"` // attempts; not one byte of them left
	// Destinations that are in Other, those that got most first, at most 100.
	Destinations []Destination `json:"destinations"`
	// MoreDestinations is how many further ones there were; what they got is in
	// Other. Bundles of earlier versions do not say it.
	MoreDestinations int        `json:"more_destinations,omitempty"`
	Gates            []Gate     `json:"gates"`
	Uncovered        []Interval `json:"uncovered"`
	// Exits are ways out of the window that are in no configuration.
	Exits []Exit `json:"exits"`
}

// Amount counts what went one way.
type Amount struct {
	Flows     uint64 `json:"flows"`
	Questions uint64 `json:"questions"` // of DNS, that left
	Sent      uint64 `json:"sent"`      // bytes; of a flow that is partly in the window all of them
	Received  uint64 `json:"received"`
	Open      uint64 `json:"open"` // flows without an end: more may have been sent
}

// Destination is where bytes went.
type Destination struct {
	Host  string `json:"host"`
	Flows uint64 `json:"flows"`
	Sent  uint64 `json:"sent"`
}

// Exit is a way out that is in no configuration.
type Exit struct {
	Source    string    `json:"source"`
	Way       string    `json:"way"`
	Interface string    `json:"interface,omitempty"`
	Next      string    `json:"next,omitempty"`
	Address   string    `json:"address,omitempty"`
	From      time.Time `json:"from"`
}

// maxDestinations bounds Leaving.Destinations.
const maxDestinations = 100

// Before is how long before the window events matter for what leaves: a flow
// that began earlier counts as one to a destination that nobody named, and the
// watch of the ways out says again what it sees more often than that.
const Before = 24 * time.Hour

// Leavings folds event lines into a Leaving. Only lines that Uses chooses may
// matter.
type Leavings struct {
	w     Frame
	hosts map[string]bool // nil: all
	gates *Gates
	flows map[string]*leavingFlow
	order []*leavingFlow
	named Amount // of questions and sums
	other Amount
	dests map[string]*Destination
	out   Leaving
	ways  map[exitBody]Exit
	seen  bool // something about what leaves
	watch bool
}

type leavingFlow struct {
	host           string
	named, begun   bool // by an entry; its beginning is known
	mine           bool // of a host that is asked about
	from, to       int64
	sent, received uint64
	ended          bool
}

// leavingBody is the union of the fields that matter.
type leavingBody struct {
	ID       string   `json:"id"`
	Place    string   `json:"place"`
	Places   []string `json:"places"`
	Begun    []string `json:"begun"`
	Ended    []string `json:"ended"`
	Start    uint32   `json:"start"`
	Client   string   `json:"client"`
	Host     string   `json:"host"`
	Name     string   `json:"name"`
	Action   string   `json:"action"`
	Step     string   `json:"step"`
	Bytes    uint64   `json:"bytes"`
	Sent     uint64   `json:"sent"`
	Received uint64   `json:"received"`
	Nanos    int64    `json:"ns"`
	From     int64    `json:"from"`
	To       int64    `json:"to"`
	Reason   string   `json:"reason"`
	Open     bool     `json:"open"`
	Sites    []string `json:"sites"`
}

type exitBody struct {
	Source    string `json:"-"`
	Step      string `json:"step"`
	Way       string `json:"way"`
	Interface string `json:"interface"`
	Next      string `json:"next"`
	Address   string `json:"address"`
}

// NewLeavings answers for the window w and the clients' addresses of q.
func NewLeavings(q Query, w Frame) *Leavings {
	q = q.Canonical()
	l := &Leavings{w: w, gates: NewGates(q.Silence), flows: map[string]*leavingFlow{}, dests: map[string]*Destination{}, ways: map[exitBody]Exit{}}
	if len(q.Addresses) > 0 {
		l.hosts = map[string]bool{}
		for _, a := range q.Addresses {
			l.hosts[a] = true
		}
	}
	return l
}

// Uses reports whether an event of a kind, source and time can bear on the
// answer.
func (l *Leavings) Uses(kind int, source string, at int64) bool {
	switch kind {
	case kindRecordDue:
		return true
	case kindSourceStart, kindSourceStop, kindHeartbeat, kindPlacesChanged, kindGap, kindCoverage:
		if kind == kindSourceStart && siteOf(source) != "" {
			return isGate(source) // it shows that what came before is here
		}
		near := l.gates.Silence + int64(time.Minute) // of an earlier run nothing is left to know
		return (isGate(source) || kind == kindGap || kind == kindCoverage) && (l.w.OpenFrom || at >= l.w.From-near) && (l.w.OpenTill || at <= l.w.To+near)
	case kindFlow, kindLookup:
		return (l.w.OpenFrom || at >= l.w.From-int64(Before)) && (l.w.OpenTill || at < l.w.To)
	case kindFlowBytes, kindFlowEnd: // what ended before the window left before it
		return l.w.OpenFrom || at >= l.w.From-int64(Before)
	case kindExitSeen:
		return (l.w.OpenFrom || at >= l.w.From-int64(Before)) && (l.w.OpenTill || at < l.w.To)
	}
	return false
}

// Add takes a line, in ledger order, and reports whether the answer may rest on
// it.
func (l *Leavings) Add(text []byte) (bool, error) {
	var e line
	if err := json.Unmarshal(text, &e); err != nil {
		return false, err
	}
	if !l.Uses(e.Kind, e.Source, e.At) {
		return false, nil
	}
	if e.Kind == kindExitSeen {
		x := exitBody{Source: e.Source}
		err := json.Unmarshal(e.Body, &x)
		l.exit(x, e.At)
		return err == nil, err
	}
	var b leavingBody
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return false, err
	}
	switch e.Kind {
	case kindLookup:
		l.question(&b, e.At)
		return true, nil
	case kindFlow, kindFlowBytes, kindFlowEnd:
		return l.flow(e.Kind, &b, e.At), nil
	}
	return l.Sign(&Sign{Kind: e.Kind, Source: e.Source, At: e.At, CE: e.CE, Start: b.Start, From: b.From, To: b.To, Reason: b.Reason,
		Places: b.Places, Begun: b.Begun, Ended: b.Ended, Sites: b.Sites}), nil
}

func (l *Leavings) asked(client string) bool { return l.hosts == nil || l.hosts[client] }

func (l *Leavings) inside(from, to int64) bool { return l.w.In(Span{From: from, To: to}) }

func (l *Leavings) question(b *leavingBody, at int64) {
	l.seen = true
	if !l.asked(b.Client) || !l.inside(at, at) {
		return
	}
	if b.Action == "refuse" {
		l.out.Refused++
		return
	}
	a := &l.other
	if b.Action == "allow" && b.Step == "allow" {
		a = &l.named
	} else {
		l.to(b.Name).Sent += b.Bytes
	}
	a.Questions++
	a.Sent += b.Bytes
}

func (l *Leavings) to(host string) *Destination {
	d := l.dests[host]
	if d == nil {
		d = &Destination{Host: host}
		l.dests[host] = d
	}
	return d
}

// flow follows a flow; false for the rest of one that is not asked about or
// ended before the window.
func (l *Leavings) flow(kind int, b *leavingBody, at int64) bool {
	l.seen = true
	f := l.flows[b.ID]
	if kind == kindFlow {
		if b.Action == "refuse" {
			if l.asked(b.Client) && l.inside(at, at) {
				l.out.Refused++
			}
			return true
		}
		f = &leavingFlow{host: b.Host, named: b.Action == "allow" && b.Step == "allow", begun: true, mine: l.asked(b.Client), from: at, to: math.MaxInt64}
		l.flows[b.ID] = f
		l.order = append(l.order, f)
		return true
	}
	if f == nil {
		if from := at - b.Nanos; from >= l.w.To && !l.w.OpenTill {
			return false // began after the window
		}
		f = &leavingFlow{host: "?", mine: true, from: at - b.Nanos, to: math.MaxInt64}
		l.flows[b.ID] = f
		l.order = append(l.order, f)
	}
	f.sent, f.received = max(f.sent, b.Sent), max(f.received, b.Received)
	if kind == kindFlowEnd {
		f.ended, f.to = true, at
		delete(l.flows, b.ID)
	}
	return true
}

func (l *Leavings) exit(x exitBody, at int64) {
	if x.Step == "watched" {
		l.watch = true
		return
	}
	key := x
	key.Step = ""
	before, was := l.ways[key]
	if x.Step == "gone" {
		delete(l.ways, key)
		if was && l.inside(before.From.UnixNano(), at) {
			l.out.Exits = append(l.out.Exits, before)
		}
		return
	}
	if !was {
		l.ways[key] = Exit{Source: x.Source, Way: x.Way, Interface: x.Interface, Next: x.Next, Address: x.Address, From: time.Unix(0, at).UTC()}
	}
}

// Result is the answer; nil when nothing tells of a gate for what leaves.
func (l *Leavings) Result() *Leaving {
	if !l.seen {
		return nil
	}
	r := &l.out
	r.Named, r.Other = l.named, l.other
	for _, f := range l.order {
		if !f.mine || !l.inside(f.from, f.to) {
			continue
		}
		a := &r.Other
		if f.named {
			a = &r.Named
		} else {
			d := l.to(f.host)
			d.Flows++
			d.Sent += f.sent
		}
		a.Flows++
		a.Sent += f.sent
		a.Received += f.received
		if !f.ended {
			a.Open++
		}
	}
	for _, d := range l.dests {
		r.Destinations = append(r.Destinations, *d)
	}
	slices.SortFunc(r.Destinations, func(a, b Destination) int {
		return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Host, b.Host))
	})
	r.MoreDestinations = max(len(r.Destinations)-maxDestinations, 0)
	r.Destinations = r.Destinations[:len(r.Destinations)-r.MoreDestinations]
	for _, x := range l.ways {
		r.Exits = append(r.Exits, x)
	}
	slices.SortFunc(r.Exits, func(a, b Exit) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Way+a.Interface+a.Next+a.Address, b.Way+b.Interface+b.Next+b.Address))
	})
	l.cover()
	l.judge()
	return r
}

// cover says which gates reported, and where none did.
func (l *Leavings) cover() {
	r := &l.out
	places := map[string]bool{}
	for _, runs := range l.gates.Runs() {
		for _, run := range runs {
			for _, p := range run.Places {
				places[p] = true
			}
		}
	}
	for _, m := range l.gates.Marks() {
		for _, p := range m.Places {
			places[p] = true
		}
	}
	all := make([]string, 0, len(places))
	for p := range places {
		all = append(all, p)
	}
	slices.Sort(all)
	if len(all) > 0 {
		r.Gates = l.gates.Report(all, l.w)
	}
	for _, p := range all {
		for _, h := range l.gates.Uncovered(p, l.w) {
			r.Uncovered = append(r.Uncovered, Interval{p, time.Unix(0, h.From).UTC(), time.Unix(0, h.To).UTC(), h.Reason, h.Source})
		}
	}
	if r.Destinations == nil {
		r.Destinations = []Destination{}
	}
	if r.Gates == nil {
		r.Gates = []Gate{}
	}
	if r.Uncovered == nil {
		r.Uncovered = []Interval{}
	}
	if r.Exits == nil {
		r.Exits = []Exit{}
	}
}

func (l *Leavings) judge() {
	r := &l.out
	r.Because = []string{}
	if len(r.Uncovered) > 0 || len(r.Gates) == 0 {
		r.Because = append(r.Because, "uncovered")
	}
	if len(r.Exits) > 0 {
		r.Because = append(r.Because, "unknown exit")
	}
	if !l.watch {
		r.Because = append(r.Because, "not watched")
	}
	if r.Other.Open > 0 {
		r.Because = append(r.Because, "no end")
	}
	switch {
	case len(r.Because) > 0:
		r.Verdict = "open"
	case r.Other.Sent == 0 && r.Other.Questions == 0:
		r.Verdict = "excluded"
	default:
		r.Verdict = "bounded"
	}
}
