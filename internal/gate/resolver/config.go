package resolver

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/exit"
)

// Config is what a Resolver needs. It does not change after New.
type Config struct {
	// UDP, TCP and TLS take questions; at least one is needed. TLS is a listener
	// that does TLS itself. UDP must be bound to one address, or answers would
	// come from another. The resolver closes them.
	UDP *net.UDPConn
	TCP net.Listener
	TLS net.Listener
	// Place is the resolver in events.
	Place event.Place
	// Policy is asked for every question.
	Policy func() *exit.Policy
	// Listed tells which list names a destination as bad; its name is refused
	// whatever the policy says. nil: there is no list.
	Listed func(name string, at time.Time) (list string, ok bool)
	// Upstreams are asked in order until one answers.
	Upstreams []Upstream
	// Sinkhole are addresses that refused names lead to; none: there is no such
	// name.
	Sinkhole []netip.Addr
	Recorder event.Recorder
	// Strict awaits that a question is durable before it leaves.
	Strict bool
	// FailOpen lets questions leave that cannot be recorded, and records the
	// gap when it can again.
	FailOpen bool
	// Entries bounds the memory of answers, default 100,000.
	Entries int
	// Pending bounds questions that wait for an upstream, default 1,000;
	// Connections those of TCP and TLS, default 1,000.
	Pending, Connections int
	// Timeout bounds each question to an upstream, default 3 seconds; Idle a
	// connection without a question, default 10 seconds (RFC 7766, 6.2.3).
	Timeout, Idle time.Duration
	// Flush is the time between two sums of answers from memory, default 1
	// minute.
	Flush time.Duration
	// Log takes diagnostics, never names; nil: none.
	Log *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Upstream is a resolver of ours.
type Upstream struct {
	Address string // ip:port
	// ServerName, when set, is the name in its certificate: it is asked over
	// TLS.
	ServerName string
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) check() error {
	if c.UDP == nil && c.TCP == nil && c.TLS == nil {
		return errors.New("resolver: nowhere to listen")
	}
	if c.Recorder == nil || c.Policy == nil || c.Place == "" || len(c.Upstreams) == 0 {
		return errors.New("resolver: recorder, policy, place and an upstream are needed")
	}
	if c.UDP != nil && c.UDP.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		return errors.New("resolver: UDP needs one address, not all of the machine's")
	}
	setDefault(&c.Entries, 100_000)
	setDefault(&c.Pending, 1_000)
	setDefault(&c.Connections, 1_000)
	setDefault(&c.Timeout, 3*time.Second)
	setDefault(&c.Idle, 10*time.Second)
	setDefault(&c.Flush, time.Minute)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}
