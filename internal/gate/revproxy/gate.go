package revproxy

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/gate/underway"
	"sekisho/internal/policy/visit"
)

// flushAfter is how long the beginning of a response may wait for more of it:
// most are there as a whole, and are sent so. Events (text/event-stream) never
// wait.
const flushAfter = 2 * time.Millisecond

// Gate is a web gate.
type Gate struct {
	cfg       Config // but for its Settings, which now has
	now       atomic.Pointer[inForce]
	transport *http.Transport
	outer     *http.Transport // newOuter; nil: no connection is kept
	courier   *courier
	proxy     *httputil.ReverseProxy
	counters  sync.Pool // of *counter
	guards    sync.Pool // of *guard
	tallies   sync.Pool // of *tally

	counts counts
	room   room

	cuts     cuts
	direct   directWay
	sessions sessions
	probed   *visit.Book            // values with a condition, by what they have in common
	stops    atomic.Pointer[[]Stop] // sites that an operator stopped

	reload sync.Mutex // guards health and entry
	health health
	entry  entry

	quiet   atomic.Pointer[hush] // nil: it is not
	under   underway.Count       // exchanges, but those that changed their protocol
	sockets sockets              // connections that changed their protocol

	open sync.WaitGroup // exchanges, those that changed their protocol among them

	mu     sync.Mutex // guards what follows
	gap    gap
	floods map[string]time.Time // when somebody was told of which
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Gate, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	g := &Gate{cfg: cfg}
	now, err := compile(cfg.Settings, nil)
	if err != nil {
		return nil, err
	}
	g.now.Store(now)
	g.cfg.Settings = Settings{}
	g.transport = &http.Transport{
		TLSClientConfig:       cfg.Transport.TLS,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: cfg.Transport.ResponseTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
	}
	if g.keepable() {
		g.outer = newOuter(cfg.Transport)
	}
	g.courier = &courier{wait: cfg.Transport.ResponseTimeout}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      passing{g},
		ModifyResponse: g.answer,
		ErrorHandler:   g.failed,
		FlushInterval:  flushAfter,
		BufferPool:     &buffers{},
		ErrorLog:       slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	g.sessions.start = cfg.Start
	g.probed = visit.NewBook(probeLimits)
	g.counters.New = func() any { return newCounter() }
	g.guards.New = func() any { return newGuard() }
	g.tallies.New = func() any { return newTally() }
	return g, nil
}

// Run carries exchanges until ctx ends, then lets open ones end within
// Limits.Drain. It returns nil after a clean stop, when every goroutine
// is gone. It must be called once.
func (g *Gate) Run(ctx context.Context) error {
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end() // connections that changed their protocol
	unwatch := g.runHealth(open)
	defer unwatch()
	stopRelays, err := g.takeUp(open)
	if err != nil {
		return errors.Join(err, g.now.Load().Listener.Close())
	}
	defer stopRelays()
	failed := g.begin(open)
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.now.Load().Limits.Drain)
	defer cancel()
	err = errors.Join(err, g.finish(drain))
	if g.keeps() {
		if g.cfg.Rest != nil {
			g.cfg.Rest()
		}
		g.keepSockets(drain)
	}
	end()
	stopRelays()
	g.open.Wait()
	g.closeIdle()
	g.record(context.WithoutCancel(ctx)) // a gap that nothing came after
	return err
}

// newID returns a fresh event id: 80 random bits, without meaning.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base32.StdEncoding.EncodeToString(b[:])
}

// buffers lends the copying of bodies its memory.
type buffers struct{ pool sync.Pool }

const copyBytes = 32 << 10

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[copyBytes]byte); ok {
		return p[:]
	}
	return make([]byte, copyBytes)
}

func (b *buffers) Put(p []byte) {
	if cap(p) >= copyBytes {
		b.pool.Put((*[copyBytes]byte)(p[:copyBytes]))
	}
}
