package revproxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// front is a server with the TLS and the limits that were in force when it began.
// Others have a front of their own; connections stay with theirs, and end with
// their next response or when they have waited long enough.
type front struct {
	gate     *Gate
	limits   Limits
	tls      *tls.Config // nil: none
	server   *http.Server
	ready    chan net.Conn
	stopping chan struct{} // closed when no more are taken
	done     chan struct{} // closed when the server has ended
	err      error         // why; read after done

	old atomic.Bool // another has taken its place

	mu     sync.Mutex // guards what follows
	count  int        // connections
	closed bool
}

// sameFront reports whether connections may go on as they are under other settings.
func sameFront(a, b *inForce) bool {
	x, y := a.Limits, b.Limits
	return a.TLS == b.TLS && x.Header == y.Header && x.Idle == y.Idle && x.HeaderBytes == y.HeaderBytes && x.Streams == y.Streams && x.Send == y.Send
}

// newFront begins a server. Its requests end at the latest with ctx.
func (g *Gate) newFront(ctx context.Context, s *inForce) *front {
	f := &front{gate: g, limits: s.Limits, ready: make(chan net.Conn), stopping: make(chan struct{}), done: make(chan struct{})}
	if s.TLS != nil {
		f.tls = s.TLS.Clone()
		f.tls.NextProtos = append([]string{"h2", "http/1.1"}, s.TLS.NextProtos...)
		f.traced()
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(f.tls != nil)
	f.server = &http.Server{
		Handler:           g,
		Protocols:         protocols,
		TLSConfig:         f.tls, // has HTTP/2 among its protocols
		ReadHeaderTimeout: f.limits.Header,
		IdleTimeout:       f.limits.Idle,
		MaxHeaderBytes:    f.limits.HeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: f.limits.Streams,
			SendPingTimeout:      f.limits.Idle,
			WriteByteTimeout:     f.limits.Send,
		},
		DisableGeneralOptionsHandler: true,
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		ConnContext:                  g.cuts.clients.begin,
		ConnState:                    g.cuts.clients.state,
		ErrorLog:                     log.New(serverLog{g, slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug)}, "", 0),
	}
	f.server.SetKeepAlivesEnabled(g.quiet.Load() == nil)
	go func() {
		defer close(f.done)
		f.err = f.server.Serve(f)
	}()
	return f
}

// traced has the secrets of each connection's handshake told to its trace, if it has
// one. Tickets are under the keys of the one configuration that all have (crypto/tls:
// Config.GetConfigForClient), which crypto/tls changes daily.
func (f *front) traced() {
	if f.tls.GetConfigForClient != nil || !f.gate.keepable() {
		return
	}
	plain := f.tls.Clone()
	f.tls.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		c, ok := h.Conn.(*counted)
		if !ok || c.trace == nil {
			return nil, nil // as it is
		}
		own := plain.Clone()
		own.KeyLogWriter = c.trace
		return own, nil
	}
}

// serverLog takes what the server says of connections that it ends. It is the only
// place where it tells of all that break HTTP/2, a header that goes on and on among
// them (CVE-2023-45288); the tests notice when its words are others.
type serverLog struct {
	gate *Gate
	next *log.Logger
}

// Write implements io.Writer: one line.
func (l serverLog) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("http2: server connection error from ")) {
		if bytes.HasSuffix(bytes.TrimSpace(line), []byte("ENHANCE_YOUR_CALM")) { // its own guard against rapid resets
			l.gate.counts.resets.Add(1)
			l.gate.flooded(floodResets)
		} else {
			l.gate.counts.broken.Add(1)
			l.gate.flooded(floodBroken)
		}
	}
	l.next.Print(string(line))
	return len(line), nil
}

// begin counts a connection.
func (f *front) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
}

// leave counts that one is over. The last of an old front ends it.
func (f *front) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count--
	f.endIfOver()
}

// retire says that no more connections come.
func (f *front) retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.old.Store(true)
	f.endIfOver()
}

// endIfOver ends an old front without connections. The caller holds mu.
func (f *front) endIfOver() {
	if f.old.Load() && f.count == 0 && !f.closed {
		f.closed = true
		close(f.stopping)
	}
}

// stop ends the server, at the latest with ctx, and waits for it.
func (f *front) stop(ctx context.Context) error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.stopping)
	}
	f.mu.Unlock()
	var err error
	if f.server.Shutdown(ctx) != nil {
		err = f.server.Close()
	}
	<-f.done
	if !errors.Is(f.err, http.ErrServerClosed) {
		err = errors.Join(err, f.err)
	}
	return err
}

// Accept implements net.Listener for the server.
func (f *front) Accept() (net.Conn, error) {
	select {
	case conn := <-f.ready:
		return conn, nil
	case <-f.stopping:
		return nil, http.ErrServerClosed
	}
}

// Close implements net.Listener. The doors close what they listen on.
func (f *front) Close() error { return nil }

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return f.gate.now.Load().Listener.Addr() }

// entry is where connections come in.
type entry struct {
	ctx    context.Context //nolint:containedctx // of the requests; nil before Run and after it
	doors  *doors
	left   []*doors // whose listeners are closed, while handshakes are under way
	fronts []*front
	failed chan error // takes the first failure of a listener
}

// begin opens the doors. Failures come through the channel.
func (g *Gate) begin(ctx context.Context) <-chan error {
	g.reload.Lock()
	defer g.reload.Unlock()
	now := g.now.Load()
	g.entry = entry{ctx: ctx, failed: make(chan error, 1), fronts: []*front{g.newFront(ctx, now)}}
	g.listen(now.Listener, g.entry.fronts[0])
	return g.entry.failed
}

// listen takes the connections of a listener. The caller holds reload.
func (g *Gate) listen(l net.Listener, f *front) {
	d := &doors{gate: g, listener: l, front: f, over: make(chan struct{}), quit: make(chan struct{}), shaking: map[net.Conn]struct{}{}}
	g.entry.doors = d
	if g.quiet.Load() != nil {
		g.entry.listens(past)
	}
	failed := g.entry.failed
	go func() {
		if err := d.run(); err != nil {
			select {
			case failed <- err:
			default: // one is enough
			}
		}
	}()
}

// finish closes the doors and lets what is open end, at the latest with ctx.
func (g *Gate) finish(ctx context.Context) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	errs := make([]error, len(g.entry.fronts))
	var wait sync.WaitGroup
	g.entry.doors.close()
	for i, f := range g.entry.fronts {
		wait.Go(func() { errs[i] = f.stop(ctx) })
	}
	wait.Wait()
	for _, d := range append(g.entry.left, g.entry.doors) {
		d.stop()
	}
	g.entry = entry{}
	return errors.Join(errs...)
}

// Set puts other settings in force, all or none. Exchanges under way come to their
// end under those they began with, and no connection is closed: when its TLS or a
// limit of its own is another, it ends with its next response. Sites may come and
// go. What is known of visitors and logins stays where Persons, Logins and Pages are
// the pointers they were, and begins anew elsewhere. When it returns, a listener that
// has been replaced is closed.
func (g *Gate) Set(s Settings) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	before := g.now.Load()
	next, err := compile(s, before)
	if err != nil {
		return err
	}
	g.now.Store(next)
	if g.health.ask != nil {
		g.health.ask(next.all)
	}
	switch {
	case g.entry.ctx != nil:
		g.move(before, next)
	case before.Listener != next.Listener:
		if err := before.Listener.Close(); err != nil { // the settings are in force: an error would say that they are not
			g.cfg.Log.Warn("a listener that was replaced", "err", err)
		}
	}
	return nil
}

// Settings returns those in force.
func (g *Gate) Settings() Settings {
	now := g.now.Load()
	s := now.Settings
	for _, h := range now.all {
		s.Hosts = append(s.Hosts, *h)
	}
	return s
}

// move has connections come in as the settings say. The caller holds reload.
func (g *Gate) move(before, next *inForce) {
	d := g.entry.doors
	current := g.entry.fronts[len(g.entry.fronts)-1]
	f := current
	if !sameFront(before, next) {
		f = g.newFront(g.entry.ctx, next)
		g.entry.fronts = append(g.entry.running(), f)
	}
	if before.Listener == next.Listener {
		d.mu.Lock()
		d.front = f
		d.mu.Unlock()
	} else {
		g.listen(next.Listener, f)
		d.leave() // with the front it had: its clients know no other
		g.entry.left = append(slices.DeleteFunc(g.entry.left, (*doors).gone), d)
	}
	if f != current {
		current.retire()
	}
}

// running are the fronts that have not ended.
func (e *entry) running() (all []*front) {
	for _, f := range e.fronts {
		select {
		case <-f.done:
		default:
			all = append(all, f)
		}
	}
	return all
}

// health are the questions to upstreams; they begin anew with other hosts.
type health struct {
	ask func([]*Host) // nil before Run and after it; guarded by Gate.reload
}

// runHealth asks upstreams how they are until ctx ends.
func (g *Gate) runHealth(ctx context.Context) (stop func()) {
	var wait sync.WaitGroup
	end := func() {}
	ask := func(hosts []*Host) {
		end()
		inner, cancel := context.WithCancel(ctx)
		end = cancel
		wait.Go(func() { g.watchHealth(inner, hosts) })
	}
	g.reload.Lock()
	defer g.reload.Unlock()
	ask(g.now.Load().all)
	g.health.ask = ask
	return func() {
		g.reload.Lock()
		defer g.reload.Unlock()
		g.health.ask = nil
		end()
		wait.Wait()
	}
}
