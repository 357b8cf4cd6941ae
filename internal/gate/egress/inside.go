package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/exit"
)

// inside is a tunnel that is read. The client speaks TLS with the gate, which
// shows a certificate of its own authority, and the gate speaks TLS with the
// destination, whose certificate is verified as a client would. Both sides speak
// HTTP/1.1 only: ALPN offers nothing else (RFC 7301).
type inside struct {
	f         *flow
	client    *client
	name      string         // of the server
	to        netip.AddrPort // where it was reached
	secret    *tls.Conn      // with the client
	transport *http.Transport
	untrusted bool // the destination's certificate is not to be trusted
	gone      bool // the destination does not speak TLS with us

	done chan struct{} // closed when the flow is over
	once sync.Once

	mu       sync.Mutex        // guards what follows
	upstream map[*counted]bool // those that are open
	first    net.Conn          // not used yet
	killed   bool
	why      string // the flow's outcome
	detail   string
}

// read carries a tunnel whose requests the gate looks at. ahead are the first
// bytes of the client's TLS, which were judged already. conn is closed by it.
func (f *flow) read(ctx context.Context, c *client, conn net.Conn, to netip.AddrPort, ahead []byte) {
	g := f.gate
	in := &inside{f: f, client: c, name: f.request.Target.Name, to: to, done: make(chan struct{}), why: "done", upstream: map[*counted]bool{}}
	if in.name == "" {
		in.name = f.end.Name // asked for by its address
	}
	leaf, err := g.leaf(in.name)
	if err != nil {
		_ = conn.Close()
		c.alert()
		g.raise("SK3513", "a tunnel that is to be read cannot be read")
		f.finish("refused", "there is no authority for this name")
		return
	}
	plain := in.add(conn)
	f.inside.Store(in)
	if f.cutBy.Load() != nil {
		in.kill("cut", "")
	}
	_ = plain.SetDeadline(time.Now().Add(g.cfg.Limits.Dial))
	in.dialled(ctx, plain)
	in.transport = &http.Transport{DialTLSContext: in.dial, MaxConnsPerHost: 4, IdleConnTimeout: g.cfg.Limits.Idle, ResponseHeaderTimeout: 2 * time.Minute, DisableCompression: true}

	h := &handed{Conn: c.conn, client: c, ahead: ahead, in: c}
	if c.tls != nil {
		h.Conn = c.tls
	}
	c.handed = true
	in.secret = tls.Server(&metered{Conn: h, in: in}, &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	if err := in.secret.HandshakeContext(ctx); err != nil {
		in.end("refused", "the client does not accept the gate's certificate")
		if f.cutBy.Load() == nil && g.base.Err() == nil {
			g.raise("SK3511", "a client does not accept the gate's certificate")
		}
		_ = in.Close()
		return
	}
	_ = c.conn.SetDeadline(time.Time{})
	g.clients.Go(in.watch)
	select {
	case g.insides.conns <- in:
	case <-g.insides.done:
		_ = in.Close()
	}
}

// leaf is the certificate for a name that is read.
func (g *Gate) leaf(name string) (*tls.Certificate, error) {
	if g.cfg.Reading == nil {
		return nil, errors.New("egress: this gate reads nothing")
	}
	return g.cfg.Reading.Leaf(name)
}

// reads reports whether the gate can read what goes to a name; without one that
// is not known yet.
func (g *Gate) reads(name string) bool {
	if g.cfg.Reading == nil || name == "" {
		return g.cfg.Reading != nil
	}
	_, err := g.leaf(name)
	return err == nil
}

// dialled speaks TLS over the first connection to the destination. What goes
// wrong is told to the client inside its own TLS, where it can be read.
func (in *inside) dialled(ctx context.Context, conn net.Conn) {
	secret, err := in.shake(ctx, conn)
	if err == nil {
		in.first = secret
		return
	}
	_ = conn.Close()
	var bad *tls.CertificateVerificationError
	if in.untrusted, in.gone = errors.As(err, &bad), true; in.untrusted {
		in.f.gate.raise("SK3512", "a destination's certificate cannot be trusted")
		in.end("refused", "the destination's certificate cannot be trusted")
	} else {
		in.end("unreachable", "the destination does not speak TLS")
	}
}

// shake verifies the destination: its chain to a root, its name, its dates.
func (in *inside) shake(ctx context.Context, conn net.Conn) (net.Conn, error) {
	secret := tls.Client(conn, &tls.Config{ServerName: in.name, RootCAs: in.f.gate.cfg.Reading.Roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	if err := secret.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secret, conn.SetDeadline(time.Time{})
}

// dial gives the transport the first connection, and further ones to the same
// checked address.
func (in *inside) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	in.mu.Lock()
	conn := in.first
	in.first = nil
	in.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	dialled, err := in.f.dialConn(ctx, in.to)
	if err != nil {
		return nil, err
	}
	plain := in.add(dialled)
	if conn, err = in.shake(ctx, plain); err != nil {
		_ = plain.Close()
	}
	return conn, err
}

// counted is a connection to the destination that a cut ends too, as long as it
// is open.
type counted struct {
	net.Conn
	in *inside
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.in.mu.Lock()
	delete(c.in.upstream, c)
	c.in.mu.Unlock()
	return c.Conn.Close()
}

// add counts a connection; after a cut it is closed.
func (in *inside) add(conn net.Conn) *counted {
	c := &counted{conn, in}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.killed {
		_ = conn.Close()
	} else {
		in.upstream[c] = true
	}
	return c
}

// end says what came of the flow, unless that is known.
func (in *inside) end(why, detail string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.why == "done" {
		in.why, in.detail = why, detail
	}
}

// kill ends both sides at once: what the kernel still holds does not leave.
func (in *inside) kill(why, detail string) {
	in.end(why, detail)
	in.mu.Lock()
	in.killed = true
	all := []net.Conn{in.client.raw}
	for c := range in.upstream {
		all = append(all, c.Conn)
	}
	in.mu.Unlock()
	for _, c := range all {
		reset(c)
	}
}

// killInside ends a tunnel that is read; others are the loop's.
func (f *flow) killInside() {
	if in := f.inside.Load(); in != nil {
		in.kill("cut", "")
	}
}

// watch records how far the tunnel has come, and ends it by its limits.
func (in *inside) watch() {
	f, l := in.f, &in.f.gate.cfg.Limits
	tick := time.NewTicker(min(l.Progress, l.Idle))
	defer tick.Stop()
	var life <-chan time.Time
	if l.Lifetime > 0 {
		timer := time.NewTimer(l.Lifetime)
		defer timer.Stop()
		life = timer.C
	}
	moved := time.Now()
	for {
		select {
		case <-in.done:
			return
		case <-f.gate.base.Done():
			in.kill("done", "the gate ended")
			<-in.done
			return
		case <-life:
			in.kill("limit", "lifetime")
		case now := <-tick.C:
			if b := f.progress(); b != nil {
				moved = now
				f.gate.submit(b)
			} else if now.Sub(moved) >= l.Idle {
				in.kill("limit", "idle")
			}
		}
	}
}

// progress is how far the flow has come, nil when it has not moved since.
func (f *flow) progress() *event.FlowBytes {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end.Sent == f.toldSent && f.end.Received == f.toldRecvd || f.finished {
		return nil
	}
	f.toldSent, f.toldRecvd = f.end.Sent, f.end.Received
	return &event.FlowBytes{ID: f.id, Sent: f.toldSent, Received: f.toldRecvd, Nanos: f.gate.cfg.Now().Sub(f.begin).Nanoseconds()}
}

// The HTTP server sees an inside as a connection of plain bytes.

// Read implements net.Conn.
func (in *inside) Read(b []byte) (int, error) { return in.secret.Read(b) }

// Write implements net.Conn.
func (in *inside) Write(b []byte) (int, error) { return in.secret.Write(b) }

// LocalAddr implements net.Conn.
func (in *inside) LocalAddr() net.Addr { return in.secret.LocalAddr() }

// RemoteAddr implements net.Conn.
func (in *inside) RemoteAddr() net.Addr { return in.secret.RemoteAddr() }

// SetDeadline implements net.Conn.
func (in *inside) SetDeadline(t time.Time) error { return in.secret.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (in *inside) SetReadDeadline(t time.Time) error { return in.secret.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (in *inside) SetWriteDeadline(t time.Time) error { return in.secret.SetWriteDeadline(t) }

// Close ends the tunnel and its flow.
func (in *inside) Close() (err error) {
	in.once.Do(func() {
		err = in.secret.Close()
		in.mu.Lock()
		in.killed = true
		why, detail := in.why, in.detail
		var all []net.Conn
		for c := range in.upstream {
			all = append(all, c.Conn)
		}
		in.mu.Unlock()
		for _, c := range all {
			_ = c.Close()
		}
		in.transport.CloseIdleConnections()
		in.f.finish(why, detail)
		close(in.done)
	})
	return err
}

// metered counts and bounds what passes on the client's side of a tunnel that is
// read.
type metered struct {
	net.Conn
	in       *inside
	from, to time.Time // when either direction may go on
}

func (m *metered) Read(p []byte) (int, error) {
	f := m.in.f
	f.pause(m.from)
	n, err := m.Conn.Read(p)
	if cut := f.cutError(); cut != nil {
		return 0, cut
	}
	if n > 0 && f.decision.SentPerHour > 0 && f.sentBefore(uint64(n)) > f.decision.SentPerHour {
		if d := f.decision.Over(); d.Refused() {
			m.in.kill("limit", "sent_per_hour")
			return 0, errVolume
		}
		m.in.end("done", "more was sent than the entry allows")
	}
	f.sent(uint64(n))
	m.from = f.share(n)
	return n, err
}

func (m *metered) Write(p []byte) (int, error) {
	f := m.in.f
	if cut := f.cutError(); cut != nil {
		return 0, cut
	}
	f.pause(m.to)
	n, err := m.Conn.Write(p)
	f.received(uint64(n))
	m.to = f.share(n)
	return n, err
}

// share is when a direction may go on that has just carried n bytes; zero: at
// once.
func (f *flow) share(n int) time.Time {
	limit := f.gate.cfg.Limits.BytesPerSecond
	if limit == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(float64(n) / float64(limit) * float64(time.Second)))
}

// pause waits until a moment, or until the gate gives its flows up.
func (f *flow) pause(until time.Time) {
	if d := time.Until(until); !until.IsZero() && d > 0 {
		select {
		case <-time.After(d):
		case <-f.gate.base.Done():
		}
	}
}

type insideKey struct{}

func (g *Gate) serveInsides() {
	g.insides = newHandoff()
	g.reader = &http.Server{
		Handler:           http.HandlerFunc(g.serveInside),
		ReadHeaderTimeout: g.cfg.Limits.Handshake,
		IdleTimeout:       g.cfg.Limits.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return g.base },
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, insideKey{}, c) },
	}
}

func insideOf(r *http.Request) *inside { return r.Context().Value(insideKey{}).(*inside) }

// serveInside judges one request of a tunnel that is read, records whose data is
// in it, and passes it on.
func (g *Gate) serveInside(w http.ResponseWriter, r *http.Request) {
	defer g.requests.Begin().End()
	in := insideOf(r)
	switch {
	case in.untrusted:
		refuseRequest(w, refusal{in.f.id, "SK3512", unreachable})
		return
	case in.gone:
		refuseRequest(w, refusal{in.f.id, "SK3505", unreachable})
		return
	}
	if refused := in.judge(r); refused != nil {
		refuseRequest(w, *refused)
		return
	}
	after, err := in.f.look(r)
	if err != nil {
		refuseRequest(w, refusal{in.f.id, "SK3504", unrecorded})
		return
	}
	defer after()
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = "https", in.to.String()
	proxy := httputil.ReverseProxy{Rewrite: rewrite, Transport: in.transport, ErrorHandler: in.failed, FlushInterval: -1, BufferPool: g.proxy.BufferPool, ErrorLog: g.reader.ErrorLog}
	proxy.ServeHTTP(w, out)
}

// judge decides about a request. That the tunnel may be is decided already: what
// is new is the method, the host inside and the address. A refusal is a flow of
// its own.
func (in *inside) judge(r *http.Request) *refusal {
	g := in.f.gate
	q := in.f.request
	q.Method = r.Method
	one := g.newFlow("inside", q)
	one.decision = g.cfg.Policy().Decide(&one.request, g.flows.Set())
	if one.decision.Refused() {
		return one.refuse()
	}
	host, err := exit.ParseTarget(r.Host, q.Target.Port)
	if err != nil || host.Name != in.name || host.Port != q.Target.Port || strings.EqualFold(r.Method, http.MethodConnect) {
		one.decision = one.decision.OtherName("the request is for another host than the TLS")
		if one.decision.Refused() {
			return one.refuse()
		}
	}
	if g.listedURL(&one.decision, r, host) {
		return one.refuse()
	}
	return nil
}

// listedURL refuses what a list names by its address.
func (g *Gate) listedURL(d *exit.Decision, r *http.Request, to exit.Target) bool {
	if g.cfg.ListedURL == nil {
		return false
	}
	list, is := g.cfg.ListedURL(to.String(), r.URL, g.cfg.Now())
	if is {
		*d = d.Listed(list)
	}
	return is
}

// failed answers when the destination could not be asked.
func (in *inside) failed(w http.ResponseWriter, _ *http.Request, err error) {
	if in.f.cutBy.Load() != nil {
		refuseRequest(w, refusal{in.f.id, "SK3503", forbidden})
		return
	}
	refuseRequest(w, refusal{in.f.id, "SK3505", unreachable})
}
