package revproxy

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/site"
	"sekisho/internal/waf"
)

// Mode says what is done about an attack or a card number.
type Mode uint8

const (
	// Observe records and lets pass.
	Observe Mode = iota
	// Report records, raises a finding and lets pass.
	Report
	// Enforce refuses.
	Enforce
	// Off does not look.
	Off
)

// Settings are what may change while a gate runs ([Gate.Set]). A request is
// carried to its end under those that it began with.
type Settings struct {
	// Listener takes the clients. The gate closes it, also when another takes its
	// place: what it has taken by then comes to its end.
	Listener net.Listener
	// TLS, when set, is spoken on Listener; HTTP/2 with it.
	TLS *tls.Config
	// Hosts are the sites behind the gate; other hosts are refused with 421.
	Hosts []Host
	// Firewall judges requests and responses; nil: none is judged.
	Firewall *waf.Engine
	// Learner learns what fields hold; nil: nothing is learned.
	Learner *site.Learner
	// Strict awaits that each event is durable, not only what is recorded before an
	// exchange is passed on; else it is with the operating system.
	Strict bool
	// FailOpen passes on what cannot be recorded (exchanges, decisions that let
	// something pass, crossings), and records the gap when it can again, or when the
	// gate ends. Else an exchange is refused with 503, a response too; of one that
	// has begun the end is missing, and anything may have passed (event.Exchange).
	FailOpen bool
	// HoldBytes is how much of a body is held until it is judged, default 1 MiB.
	HoldBytes int64
	// Limits bound what clients may take. Of a connection those count that were in
	// force when it began.
	Limits Limits
}

// Config is what a Gate needs. But for its Settings it does not change after New.
type Config struct {
	Settings
	// Rules returns what the operator allows and refuses beyond the firewall, as
	// it is in force now; nil, or a nil result: nothing.
	Rules func() *site.Rules
	// Recorder takes the events of this gate's source.
	Recorder event.Recorder
	// Start counts the runs of this gate's source: it makes the numbers of its
	// sessions unique.
	Start uint32
	// Transport carries requests to the upstreams; nil: one of the gate's own.
	Transport *Transport
	// Keep, asked when Run ends, says that another gate follows in this process:
	// WebSockets are kept for it (Kept). nil: none does.
	Keep func() bool
	// Rest, when set, is called before WebSockets are kept, and returns when nothing but
	// such is left of other gates either: nobody waits longer than need be.
	Rest func()
	// Resume are those that another gate kept. They are the gate's if New returned no
	// error: Run takes them up, or Kept gives them back.
	Resume []Kept
	// Log takes diagnostics, never data; nil: none.
	Log *slog.Logger
}

// Transport says how the upstreams are reached.
type Transport struct {
	// TLS is used for https upstreams.
	TLS *tls.Config
	// ResponseTimeout bounds the wait for the header of a response, default 60
	// seconds.
	ResponseTimeout time.Duration
}

// Host is one site.
type Host struct {
	// Names are the names it is asked by, without port, lower case.
	Names []string
	// Upstream is where it is: scheme, host and port. Others are more servers of
	// the same site; each takes its turn.
	Upstream *url.URL
	Others   []*url.URL
	// Health, when set, says how they are asked whether they are well.
	Health *Health
	// Place is its name in events: "web/shop".
	Place event.Place
	// Firewall and Cards say what is done about attacks and card numbers.
	Firewall, Cards Mode
	// Methods are those that the firewall expects of requests, nil for those that
	// the rule set does (waf.Config).
	Methods []string
	// Payment are the beginnings of the paths that lead to payment.
	Payment []string
	// Paths are exceptions, the longest prefix first.
	Paths []Path
	// Persons, when set, says how responses are attributed to persons.
	Persons *Persons
	// Pages, when set, says how the pages that lead to payment are guarded.
	Pages *Pages
	// Logins, when set, says how attempts to log in are counted.
	Logins *Logins

	judge     *waf.Engine // with its methods; nil without a firewall
	upstreams *upstreams
	flow      cut.Flow // as cuts know it
	persons   *persons // compiled
	visitors  *persons // who entered with which cookie: persons, or without them of logins
	logins    *logins
	pages     *pages
}

// Path is an exception for the targets under a prefix.
type Path struct {
	Prefix          string
	Firewall, Cards Mode
}

func (c *Config) check() error {
	if c.Recorder == nil {
		return errors.New("revproxy: no recorder: a gate that cannot record passes nothing")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Rules == nil {
		c.Rules = func() *site.Rules { return nil }
	}
	if c.Transport == nil {
		c.Transport = &Transport{}
	}
	defaults(&c.Transport.ResponseTimeout, time.Minute)
	return nil
}

func (s *Settings) check() error {
	if s.Listener == nil {
		return errors.New("revproxy: no listener")
	}
	number(&s.HoldBytes, 1<<20)
	return s.Limits.check()
}

func defaults(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

// modes returns what is done for a path of the host, however a server reads it:
// the stricter of both.
func (h *Host) modes(path string) (firewall, cards Mode) {
	firewall, cards = h.modesOf(path)
	if same := sameAs(path); same != path {
		f, c := h.modesOf(same)
		firewall, cards = stricter(firewall, f), stricter(cards, c)
	}
	return firewall, cards
}

func stricter(a, b Mode) Mode {
	if a == Off || b != Off && b > a {
		return b
	}
	return a
}

func (h *Host) modesOf(path string) (firewall, cards Mode) {
	firewall, cards = h.Firewall, h.Cards
	longest := -1
	for _, p := range h.Paths {
		if len(p.Prefix) > longest && strings.HasPrefix(path, p.Prefix) {
			longest, firewall, cards = len(p.Prefix), p.Firewall, p.Cards
		}
	}
	return firewall, cards
}
