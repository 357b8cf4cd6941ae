package egress

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/underway"
	"sekisho/internal/policy/cut"
)

// Gate is an egress gate.
type Gate struct {
	cfg       Config
	loop      netloop.Loop
	native    bool // the loop takes sockets of netloop.Connect
	flows     cutting.Flows
	dialer    net.Dialer
	names     *nameCache
	volumes   *volumes
	handoff   *handoff
	server    *http.Server
	insides   *handoff     // of tunnels that are read
	reader    *http.Server // of insides
	transport *http.Transport
	proxy     *httputil.ReverseProxy

	original func(net.Conn) (netip.AddrPort, error) // of a transparent connection

	base context.Context // ends when the gate gives its flows up; set by Run before anything is accepted

	clients  sync.WaitGroup // goroutines of connections that are not carried yet
	seats    *seats
	serving  atomic.Int64 // goroutines of accepted connections among clients
	requests underway.Count
	quiet    atomic.Bool
	leaving  atomic.Bool // tunnels are kept as the gate ends

	cutting sync.Mutex // one Cut at a time
	dying   ended      // flows that the present Cut ends

	mu       sync.Mutex // guards what follows
	gapFrom  time.Time  // since when flows pass unrecorded; zero: they do not
	failures uint64     // flows that passed unrecorded
	raised   map[string]*raise
	keeping  keeping
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Gate, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	loop, err := netloop.New(cfg.loop())
	if err != nil {
		return nil, err
	}
	g := &Gate{cfg: cfg, loop: loop, native: cfg.loop().Native(), names: newNameCache(cfg.Resolve), volumes: newVolumes(), handoff: newHandoff(), raised: map[string]*raise{}, original: cfg.original,
		seats: newSeats(cfg.Limits.Connections, cfg.Limits.PerClient), dialer: net.Dialer{KeepAlive: -1}}
	if g.original == nil {
		g.original = originalDestination
	}
	g.flows.Now = cfg.Now
	g.flows.Idle = func(*cut.Set) { g.transport.CloseIdleConnections() }
	g.serveHTTP()
	g.serveInsides()
	return g, nil
}

// Run carries flows until ctx ends, then lets open ones end within
// Limits.Drain. It returns nil after a clean stop, when every goroutine is
// gone. It must be called once.
func (g *Gate) Run(ctx context.Context) error {
	base, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	g.base = base
	loopCtx, stopLoop := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	failed := make(chan error, 4)
	parts.Go(func() {
		if err := g.loop.Run(loopCtx); err != nil {
			failed <- err
		}
	})
	for server, from := range map[*http.Server]*handoff{g.server: g.handoff, g.reader: g.insides} {
		parts.Go(func() {
			if err := server.Serve(from); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	g.takeUp()
	accepting, stopAccepting := context.WithCancel(ctx)
	var listeners sync.WaitGroup
	for _, l := range []struct {
		net.Listener
		serve func(net.Conn)
	}{{g.cfg.Listener, g.serveProxy}, {g.cfg.Transparent, g.serveTransparent}} {
		if l.Listener != nil {
			listeners.Go(func() {
				if err := g.accept(accepting, l.Listener, l.serve); err != nil {
					failed <- err
				}
			})
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopAccepting()
	listeners.Wait()
	if g.keeps() {
		g.seats.awaitWords(firstWords)
	}
	g.seats.closeWaiting() // those that have not said anything yet
	err = errors.Join(err, g.drain(context.WithoutCancel(ctx)))
	give()
	g.clients.Wait()
	g.awaitRequests()
	stopLoop()
	parts.Wait()
	g.transport.CloseIdleConnections()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// drain waits for open flows to end, for at most Limits.Drain.
func (g *Gate) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Limits.Drain)
	defer cancel()
	err := errors.Join(g.server.Shutdown(ctx), g.reader.Shutdown(ctx))
	if g.keeps() {
		if g.cfg.Rest != nil {
			g.cfg.Rest()
		}
		g.letGo()
		if until, _ := ctx.Deadline(); time.Until(until) < letGoPatience { // the time of the drain is for others
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), letGoPatience)
			defer stop()
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for g.under() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if err != nil {
		return errors.Join(g.server.Close(), g.reader.Close())
	}
	return nil
}

// awaitRequests waits until those that were given up have said so: their ends are
// recorded. The servers have ended, or closed all connections.
func (g *Gate) awaitRequests() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for g.requests.All() > 0 {
		<-tick.C
	}
}

// accept serves connections until ctx ends.
func (g *Gate) accept(ctx context.Context, l net.Listener, serve func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			var passing interface{ Temporary() bool }
			if errors.Is(err, os.ErrDeadlineExceeded) { // the gate is quiet
				select {
				case <-ctx.Done():
				case <-time.After(lookAgain):
				}
				continue
			}
			if errors.As(err, &passing) && passing.Temporary() { // no descriptor free, for instance
				g.raise("SK3507", "connections cannot be accepted")
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
				continue
			}
			return errors.Join(err, l.Close())
		}
		if !g.seats.take(conn) {
			g.raise("SK3507", "too many connections at once")
			_ = conn.Close()
			continue
		}
		g.serving.Add(1)
		g.clients.Go(func() {
			defer g.serving.Add(-1)
			serve(conn)
		})
	}
}

// Cut implements cutting.Cutter. It returns when the tunnels that match have
// carried their last byte.
func (g *Gate) Cut(ctx context.Context, set *cut.Set) (int, error) {
	g.cutting.Lock()
	defer g.cutting.Unlock()
	closed, err := g.flows.Cut(ctx, set)
	netloop.WakeAll(g.dying.wakes())
	select {
	case <-g.dying.empty():
		return closed, err
	case <-ctx.Done():
		return closed, errors.Join(err, ctx.Err())
	}
}

// Generation implements cutting.Cutter.
func (g *Gate) Generation() uint64 { return g.flows.Generation() }

// Live is how many flows are under way.
func (g *Gate) Live() int { return g.flows.Count() }

// ended counts the flows that cuts have ended and that may still carry a byte.
// One count and one wake for all: a channel and a wake for each would cost more
// than closing the sockets.
type ended struct {
	mu    sync.Mutex
	left  int
	pairs []*netloop.Pair // to be woken
	none  chan struct{}   // closed when left is 0; nil when nobody waits
}

// add counts a flow; p is nil while it has no pair.
func (e *ended) add(p *netloop.Pair) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left++
	if p != nil {
		e.pairs = append(e.pairs, p)
	}
}

// done takes a flow out that has carried its last byte.
func (e *ended) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left--; e.left == 0 && e.none != nil {
		close(e.none)
		e.none = nil
	}
}

func (e *ended) wakes() []*netloop.Pair {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.pairs
	e.pairs = nil
	return all
}

// empty is closed when no flow is left. One caller at a time.
func (e *ended) empty() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	none := make(chan struct{})
	if e.left == 0 {
		close(none)
	} else {
		e.none = none
	}
	return none
}

// newID returns a fresh event id: 80 random bits, without meaning.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base32.StdEncoding.EncodeToString(b[:])
}

// record writes events before what they tell is done. False: refuse.
func (g *Gate) record(bodies ...event.Body) bool {
	_, ok := g.recordAt(bodies...)
	return ok
}

// recordAt is record, and returns the number of the first of the events, 0 when
// it is not known.
func (g *Gate) recordAt(bodies ...event.Body) (event.Seq, bool) {
	n := len(bodies)
	bodies, gap, failures, now := g.withGap(bodies)
	level := event.Written
	if g.cfg.Strict {
		level = event.Durable
	}
	first, err := g.cfg.Recorder.Record(context.WithoutCancel(g.base), level, bodies...)
	if err == nil {
		first += event.Seq(len(bodies) - n)
	}
	return first, g.recorded(err, gap, failures, now)
}

// submit writes events of what is over: nobody waits for them.
func (g *Gate) submit(bodies ...event.Body) {
	bodies, gap, failures, now := g.withGap(bodies)
	_, err := g.cfg.Recorder.Submit(event.Written, nil, bodies...)
	g.recorded(err, gap, failures, now)
}

// withGap puts the gap, if there is one, before the bodies.
func (g *Gate) withGap(bodies []event.Body) (_ []event.Body, gap time.Time, failures uint64, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gapFrom.IsZero() {
		return bodies, g.gapFrom, g.failures, now
	}
	now = g.cfg.Now()
	told := &event.Gap{From: g.gapFrom.UnixNano(), To: now.UnixNano(), Places: []event.Place{g.cfg.Place}, Reason: "recorder failed"}
	return append([]event.Body{told}, bodies...), g.gapFrom, g.failures, now
}

// recorded keeps account of the gap. It reports whether the flow may pass.
func (g *Gate) recorded(err error, gap time.Time, failures uint64, now time.Time) bool {
	if err == nil && gap.IsZero() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil && g.failures == failures:
		g.gapFrom = time.Time{}
	case err == nil && gap.Equal(g.gapFrom):
		g.gapFrom = now // another one failed meanwhile: what came since is still to be told
	case err != nil:
		g.failures++
		if g.gapFrom.IsZero() {
			g.gapFrom = g.cfg.Now()
			g.cfg.Log.Error("flows cannot be recorded", "code", "SK3504", "error", err)
		}
	}
	return err == nil || g.cfg.FailOpen
}

// raise is a condition that is told at most every ten seconds, with its count.
type raise struct {
	told  time.Time
	count uint64
}

const raiseEvery = 10 * time.Second

// raise records that a limit was reached. A flood makes few events.
func (g *Gate) raise(code, title string) {
	now := g.cfg.Now()
	g.mu.Lock()
	r := g.raised[title]
	if r == nil {
		r = &raise{}
		g.raised[title] = r
	}
	r.count++
	count := r.count
	quiet := now.Sub(r.told) < raiseEvery
	if !quiet {
		r.told, r.count = now, 0
	}
	g.mu.Unlock()
	if !quiet {
		g.submit(&event.Finding{Code: code, Title: title, Place: g.cfg.Place, Detail: countText(count)})
	}
}
