package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/exit"
)

// Config is what a Gate needs. It does not change after New.
type Config struct {
	// Listener takes clients that know of the proxy; Transparent takes
	// connections that the network has led here. One of them is needed. The
	// gate closes both.
	Listener, Transparent net.Listener
	original              func(net.Conn) (netip.AddrPort, error) // of a transparent connection; nil: the system is asked
	// TLS, when set, is spoken on Listener. With ClientCAs a verified client's
	// common name counts as its certificate in the policy.
	TLS *tls.Config
	// Place is the gate in events.
	Place event.Place
	// Policy is asked for every flow: a new one is in force at once.
	Policy func() *exit.Policy
	// Login checks a user's password; nil: nobody can log in.
	Login func(user, password string) bool
	// Recorder takes the events of this gate's source.
	Recorder event.Recorder
	// Strict awaits that a flow is durable before it begins; else it is with
	// the operating system.
	Strict bool
	// FailOpen lets flows begin that cannot be recorded, and records the gap
	// when it can again; else they are refused.
	FailOpen bool
	// Listed tells which list names a destination as bad, which nobody may reach
	// whatever the policy says; name is empty or address not valid where only the
	// other is known. nil: there is no list.
	Listed func(name string, address netip.Addr, at time.Time) (list string, ok bool)
	// ListedURL tells which list names a request's address as bad, where the gate
	// can read it; host is with its port. nil: there is no list.
	ListedURL func(host string, request *url.URL, at time.Time) (list string, ok bool)
	// Reading, when set, has the gate say whose data leaves.
	Reading *Reading
	// Resolve finds the addresses of a name; nil: the system's resolver.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	// Upstream, when set, is the proxy that everything goes through.
	Upstream *Upstream
	Limits   Limits
	// Keep, asked when Run ends, says that another gate follows in this process:
	// tunnels that pass unread are kept for it (Kept). nil: none does.
	Keep func() bool
	// Rest, when set, is called before tunnels are kept, and returns when nothing but
	// such is left of other gates either: nobody waits longer than need be.
	Rest func()
	// Resume are tunnels that another gate kept. They are the gate's if New
	// returned no error: Run takes them up, or Kept gives them back.
	Resume []Kept
	// Workers is the number of threads that carry tunnels, when the program has
	// raised GOMAXPROCS by it (netloop.Config.Linger); 0: as many as netloop
	// finds right, which share the processors of everybody.
	Workers int
	// Portable uses ordinary goroutines instead of epoll.
	Portable bool
	// Log takes diagnostics, never data; nil: none.
	Log *slog.Logger
	// Now is the clock of policies and cuts; nil: time.Now.
	Now func() time.Time
}

// Upstream is a proxy beyond the gate that speaks CONNECT.
type Upstream struct {
	Address string // host:port
	// ByName has it resolve names itself. The gate then cannot check addresses;
	// else it is given the checked address.
	ByName bool
}

// Limits bound a gate. Zero values take the defaults.
type Limits struct {
	// Connections at once, default 10,000, and of one client, default 1,000.
	Connections, PerClient int
	// Handshake bounds the time until a flow is decided and its first bytes
	// are there, default 10 seconds.
	Handshake time.Duration
	// Dial bounds resolving and connecting, default 10 seconds.
	Dial time.Duration
	// Idle ends a tunnel without a byte, default 1 hour.
	Idle time.Duration
	// Lifetime ends a tunnel whatever it does; 0: never.
	Lifetime time.Duration
	// BytesPerSecond bounds each direction of a flow; 0: not at all.
	BytesPerSecond uint64
	// Progress is the time between two records of a long flow, default 1
	// minute.
	Progress time.Duration
	// Drain bounds how long Run waits for open flows when it ends, default 10
	// seconds.
	Drain time.Duration
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) check() error {
	if c.Listener == nil && c.Transparent == nil {
		return errors.New("egress: no listener")
	}
	if c.Recorder == nil || c.Policy == nil || c.Place == "" {
		return errors.New("egress: recorder, policy and place are needed")
	}
	if c.Upstream != nil {
		if _, _, err := net.SplitHostPort(c.Upstream.Address); err != nil {
			return fmt.Errorf("egress: upstream proxy: %w", err)
		}
	}
	setDefault(&c.Limits.Connections, 10_000)
	setDefault(&c.Limits.PerClient, 1_000)
	setDefault(&c.Limits.Handshake, 10*time.Second)
	setDefault(&c.Limits.Dial, 10*time.Second)
	setDefault(&c.Limits.Idle, time.Hour)
	setDefault(&c.Limits.Progress, time.Minute)
	setDefault(&c.Limits.Drain, 10*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func (c *Config) loop() netloop.Config {
	return netloop.Config{Portable: c.Portable, Workers: c.Workers, Linger: c.Workers > 0, MaxPairs: c.Limits.Connections, Idle: c.Limits.Idle, WriteStall: c.Limits.Idle}
}
