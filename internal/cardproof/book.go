// Package cardproof reads from events what shows, for some time, that no card
// number passed a site: what was guarded and how, when nobody looked, what was
// refused, which parts the pages that lead to payment had and where they sent,
// and the canaries.
//
// It decides nothing and signs nothing. What is not shown is said to be not
// proven; that is no sign that anything happened.
package cardproof

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Span is a time, with what is said about it.
type Span struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason,omitempty"`
}

// Counts are of the exchanges of a site.
type Counts struct {
	Exchanges uint64 `json:"exchanges"`
	Refused   uint64 `json:"refused_in_requests"`
	Cut       uint64 `json:"cut_in_responses"`
	Passed    uint64 `json:"seen_and_let_pass"` // where the mode is not enforce
	Unread    uint64 `json:"not_looked_into"`   // an encoding nobody reads, a changed protocol; not a WebSocket in which card numbers are looked for
}

// Item is a part of the pages that lead to payment.
type Item struct {
	event.PageItem
	First   time.Time `json:"first"` // in the records
	Changed time.Time `json:"changed"`
	New     bool      `json:"new"` // first seen in the time asked about
}

// Provider is a payment provider and how its attestation stands at the end.
type Provider struct {
	event.Provider
	State string `json:"state"` // valid, ends-soon (90 days), ended, unknown
}

// Setting is what was guarded from a time on.
type Setting struct {
	From time.Time `json:"from"`
	event.SiteGuard
}

// Walk is a canary that did not end well.
type Walk struct {
	At      time.Time `json:"at"`
	Problem string    `json:"problem"`
}

// Canaries are the walks of the time asked about.
type Canaries struct {
	Every     time.Duration `json:"every_ns"`
	OK        int           `json:"ok"`
	Failed    []Walk        `json:"failed,omitempty"`
	NotProven []Span        `json:"not_proven,omitempty"`
}

// Site is what is known of one site.
type Site struct {
	Host      string      `json:"host"`
	Place     event.Place `json:"place"`
	Settings  []Setting   `json:"settings"`
	Uncovered []Span      `json:"uncovered,omitempty"` // no gate looked
	Weaker    []Span      `json:"weaker,omitempty"`    // card numbers were not refused everywhere
	Counts    Counts      `json:"counts"`
	Items     []Item      `json:"items,omitempty"`
	Findings  []Finding   `json:"findings,omitempty"`
	Canaries  Canaries    `json:"canaries"`
	Providers []Provider  `json:"providers,omitempty"`
	// Proven says that nothing stands against it; Against says what does.
	Proven  bool     `json:"proven"`
	Against []string `json:"against,omitempty"` // uncovered, weaker, passed, unread, parts, canary, attestation
}

// Finding is a finding about the pages or the canary.
type Finding struct {
	At     time.Time `json:"at"`
	Code   string    `json:"code"`
	Detail string    `json:"detail"`
}

// Book gathers events, in the order of the ledger.
type Book struct {
	from, to time.Time
	gates    *scope.Gates
	sites    map[event.Place]*site
	open     map[string]event.Place // exchanges whose end is not known
}

type site struct {
	Site
	items map[string]*Item
	walks []walk
}

type walk struct {
	at time.Time
	event.Canary
}

// New returns a book about a time.
func New(from, to time.Time) *Book {
	return &Book{from: from, to: to, gates: scope.NewGates(scope.DefaultSilence), sites: map[event.Place]*site{}, open: map[string]event.Place{}}
}

// Wants reports whether events of a kind matter.
func Wants(k event.Kind) bool {
	switch k {
	case event.KindSourceStart, event.KindSourceStop, event.KindHeartbeat, event.KindPlacesChanged, event.KindGap, event.KindBypass, event.KindCoverage, event.KindDecision, event.KindFinding,
		event.KindExchange, event.KindExchangeEnd, event.KindSiteGuard, event.KindPageItem, event.KindCanary:
		return true
	}
	return false
}

func (b *Book) site(p event.Place) *site {
	s := b.sites[p]
	if s == nil {
		s = &site{items: map[string]*Item{}}
		s.Place = p
		b.sites[p] = s
	}
	return s
}

// Add takes an event.
func (b *Book) Add(e *event.Event) {
	if e.At.After(b.to.Add(time.Minute)) {
		return
	}
	b.cover(e)
	within := !e.At.Before(b.from) && e.At.Before(b.to)
	switch body := e.Body.(type) {
	case *event.SiteGuard:
		s := b.site(body.Place)
		s.Host = body.Host
		s.Settings = append(s.Settings, Setting{e.At.UTC(), *body})
	case *event.PageItem:
		b.item(e.At.UTC(), body)
	case *event.Canary:
		s := b.site(body.Place)
		s.walks = append(s.walks, walk{e.At.UTC(), *body})
	case *event.Finding:
		if s := b.sites[body.Place]; within && s != nil && (body.Code == "SK3417" || body.Code == "SK3418" || body.Code == "SK3419") {
			s.Findings = append(s.Findings, Finding{e.At.UTC(), body.Code, body.Detail})
		}
	case *event.Exchange:
		if within {
			b.open[body.ID] = body.Place
			b.site(body.Place).Counts.Exchanges++
		}
	case *event.Decision:
		b.decision(body)
	case *event.ExchangeEnd:
		if p, ok := b.open[body.ID]; ok && (body.Unread == "encoding" || body.Unread == "upgrade") {
			b.site(p).Counts.Unread++
		}
		delete(b.open, body.ID)
	}
}

// cover keeps when which gate looked.
func (b *Book) cover(e *event.Event) {
	source, at, ce := string(e.Source), e.At.UnixNano(), int64(e.ClockErr)
	if !strings.HasPrefix(source, "gate/") {
		switch body := e.Body.(type) {
		case *event.Gap:
			b.gates.Mark(scope.MarkOf(source, at, ce, body.From, body.To, texts(body.Places), body.Reason))
		case *event.Bypass:
			b.gates.Bypass(source, at, ce, texts(body.Places), body.Open)
		}
		return
	}
	switch body := e.Body.(type) {
	case *event.SourceStart:
		b.gates.Started(source, at, ce, body.Start, texts(body.Places))
	case *event.SourceStop:
		b.gates.Stopped(source, at, ce)
	case *event.Heartbeat:
		b.gates.Alive(source, at, ce, texts(body.Places))
	case *event.PlacesChanged:
		b.gates.Changed(source, at, ce, texts(body.Begun), texts(body.Ended))
	case *event.Gap:
		b.gates.Mark(scope.MarkOf(source, at, ce, body.From, body.To, texts(body.Places), body.Reason))
	case *event.Bypass:
		b.gates.Bypass(source, at, ce, texts(body.Places), body.Open)
	}
}

func texts(places []event.Place) (out []string) {
	for _, p := range places {
		out = append(out, string(p))
	}
	return out
}

func (b *Book) item(at time.Time, body *event.PageItem) {
	s := b.site(body.Place)
	i := s.items[body.Item]
	if i == nil {
		i = &Item{First: at, New: !at.Before(b.from)}
		s.items[body.Item] = i
	}
	if i.Problem != body.Problem || i.Item == "" {
		i.Changed = at
	}
	i.PageItem = *body
}

func (b *Book) decision(body *event.Decision) {
	p, ok := b.open[body.ID]
	if !ok {
		return
	}
	c := &b.site(p).Counts
	if body.Rule == "card" {
		switch body.Action {
		case "refuse":
			c.Refused++
		case "cut":
			c.Cut++
		default:
			c.Passed++
		}
	}
	if body.Action == "refuse" {
		delete(b.open, body.ID)
	}
}

// Sites returns what is known, by host.
func (b *Book) Sites() []Site {
	var out []Site
	for _, s := range b.sites {
		if len(s.Settings) == 0 { // of before such were written
			s.Host = string(s.Place)
		}
		out = append(out, b.finish(s))
	}
	slices.SortFunc(out, func(x, y Site) int { return cmp.Compare(x.Host, y.Host) })
	return out
}

func (b *Book) finish(s *site) Site {
	frame := scope.Frame{From: b.from.UnixNano(), To: b.to.UnixNano()}
	for _, h := range b.gates.Uncovered(string(s.Place), frame) {
		s.Uncovered = append(s.Uncovered, Span{event.Time(h.From).UTC(), event.Time(h.To).UTC(), h.Reason})
	}
	for _, id := range slices.Sorted(maps.Keys(s.items)) {
		s.Items = append(s.Items, *s.items[id])
	}
	b.settle(s)
	b.canaries(s)
	b.judge(s)
	return s.Site
}

// settle says when card numbers were not refused everywhere, and who the
// providers are at the end.
func (b *Book) settle(s *site) {
	var last *Setting
	kept := s.Settings[:0:0]
	for i := range s.Settings {
		set := &s.Settings[i]
		until := b.to
		if i+1 < len(s.Settings) {
			until = s.Settings[i+1].From
		}
		from := set.From
		if from.Before(b.from) {
			from = b.from
		}
		if !from.Before(until) {
			continue // before the time asked about
		}
		kept, last = append(kept, *set), set
		switch {
		case set.Cards != "enforce":
			s.Weaker = append(s.Weaker, Span{from, until, "cards: " + set.Cards})
		case len(set.Lower) > 0:
			s.Weaker = append(s.Weaker, Span{from, until, "less at " + strings.Join(set.Lower, " ")})
		}
	}
	s.Settings = kept
	if last == nil {
		return
	}
	s.Canaries.Every = time.Duration(last.Canary)
	for _, p := range last.Providers {
		s.Providers = append(s.Providers, Provider{p, state(p.Expires, b.to)})
	}
}

// soon is how long before its end an attestation is to be renewed.
const soon = 90 * 24 * time.Hour

func state(expires string, at time.Time) string {
	day, err := time.Parse(time.DateOnly, expires)
	switch end := day.AddDate(0, 0, 1); {
	case err != nil:
		return "unknown"
	case !at.Before(end):
		return "ended"
	case end.Sub(at) < soon:
		return "ends-soon"
	}
	return "valid"
}

// canaries says when neither the way to the provider nor the refusal of a card
// number was shown: each good walk shows it for one and a half times the time to
// the next, and a bad one ends that at once.
func (b *Book) canaries(s *site) {
	shown := b.from // until when it is shown
	gap := func(from, to time.Time, reason string) {
		if from.Before(b.from) {
			from = b.from
		}
		if from.Before(to) {
			s.Canaries.NotProven = append(s.Canaries.NotProven, Span{from, to, reason})
		}
	}
	reach := s.Canaries.Every * 3 / 2
	reason := "no canary"
	for _, w := range s.walks {
		if !w.at.Before(b.to) {
			break
		}
		within := !w.at.Before(b.from)
		if w.at.After(shown) && within {
			gap(shown, w.at, reason)
			shown = w.at
		}
		switch {
		case w.OK:
			if within {
				s.Canaries.OK++
			}
			if end := w.at.Add(reach); end.After(shown) {
				shown = end
			}
			reason = "no canary"
		default:
			if within {
				s.Canaries.Failed = append(s.Canaries.Failed, Walk{w.at, w.Problem})
				shown = w.at
			} else {
				shown = b.from
			}
			reason = "the canary failed"
		}
	}
	gap(shown, b.to, reason)
}

func (b *Book) judge(s *site) {
	against := func(what string, is bool) {
		if is {
			s.Against = append(s.Against, what)
		}
	}
	parts := slices.ContainsFunc(s.Items, func(i Item) bool {
		return i.Problem != "" && !i.Changed.Before(b.from) || i.Problem == "unauthorised" || i.Problem == "host" || i.Problem == "card"
	})
	attested := len(s.Providers) > 0 && !slices.ContainsFunc(s.Providers, func(p Provider) bool { return p.State == "ended" || p.State == "unknown" })
	against("uncovered", len(s.Uncovered) > 0)
	against("weaker", len(s.Weaker) > 0 || len(s.Settings) == 0)
	against("passed", s.Counts.Passed > 0)
	against("unread", s.Counts.Unread > 0)
	against("parts", parts)
	against("canary", len(s.Canaries.NotProven) > 0)
	against("attestation", !attested)
	s.Proven = len(s.Against) == 0
}
