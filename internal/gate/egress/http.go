package egress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"sync"
	"time"

	"sekisho/internal/policy/exit"
)

// origin says how a connection's requests name their destination.
type origin struct {
	// port, when set, is that of a transparent connection: requests are in
	// origin form and Host names the destination.
	port uint16
}

// handoff is the listener of the HTTP server: connections come from clients
// that were looked at already.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandoff() *handoff { return &handoff{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error { h.once.Do(func() { close(h.done) }); return nil }

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }

// handed is a client's connection in the hands of the HTTP server.
type handed struct {
	net.Conn
	client *client
	origin origin
	ahead  []byte
	in     io.Reader
}

func (h *handed) Read(b []byte) (int, error) {
	if len(h.ahead) > 0 {
		n := copy(b, h.ahead)
		h.ahead = h.ahead[n:]
		return n, nil
	}
	return h.in.Read(b)
}

// Close implements net.Conn.
func (h *handed) Close() error {
	err := h.Conn.Close()
	h.client.leave()
	return err
}

// handOver gives a client to the HTTP server.
func (c *client) handOver(in []byte, o origin) {
	_ = c.conn.SetDeadline(time.Time{})
	c.gate.seats.decided(c.raw)
	h := &handed{Conn: c.conn, client: c, origin: o, ahead: append([]byte(nil), in...), in: c}
	if c.tls != nil {
		h.Conn = c.tls
	}
	c.handed = true
	select {
	case c.gate.handoff.conns <- h:
	case <-c.gate.handoff.done:
		c.handed = false
	}
}

type handedKey struct{}
type flowKey struct{}

func (g *Gate) serveHTTP() {
	g.transport = &http.Transport{
		DialContext:           g.dialRequest,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		DisableCompression:    true,
	}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      g.transport,
		ErrorHandler:   failed,
		FlushInterval:  -1,
		BufferPool:     &buffers{},
		ErrorLog:       slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
		ModifyResponse: func(r *http.Response) error { return flowOf(r.Request).cutError() },
	}
	g.server = &http.Server{
		Handler:           http.HandlerFunc(g.serveRequest),
		ReadHeaderTimeout: g.cfg.Limits.Handshake,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return g.base },
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, handedKey{}, c) },
	}
}

func flowOf(r *http.Request) *flow { return r.Context().Value(flowKey{}).(*flow) }

// serveRequest carries one request.
func (g *Gate) serveRequest(w http.ResponseWriter, r *http.Request) {
	h := r.Context().Value(handedKey{}).(*handed)
	c := h.client
	if r.Method == http.MethodConnect {
		g.hijackConnect(w, r, h)
		return
	}
	target, protocol, err := destination(r, h.origin)
	if err != nil {
		refuseRequest(w, refusal{c.malformed("http", err), "SK3506", malformedly})
		return
	}
	user, ok := c.authenticate(r.Header.Get("Proxy-Authorization"))
	if !ok {
		refuseRequest(w, refusal{c.malformed("http", errLogin), "SK3510", loginNeeded})
		return
	}
	defer g.requests.Begin().End()
	q := c.request(target)
	q.User, q.Method = user, r.Method
	f := g.newFlow(protocol, q)
	both := &carried{client: c.raw}
	f.kill = both.reset // a peer that does not read holds up no cut
	f.asked = r
	ctx, to, refused := f.open(r.Context())
	if refused != nil {
		refuseRequest(w, *refused)
		return
	}
	done, looked := false, func() {}
	defer func() {
		if !done { // the proxy gave up within the response (http.ErrAbortHandler)
			looked()
			f.finish("aborted", "")
		}
	}()
	if f.decision.Read {
		var err error
		if looked, err = f.look(r); err != nil {
			done = true
			refuseRequest(w, refusal{f.id, "SK3504", unrecorded})
			f.finish("aborted", "")
			return
		}
	}
	head := headBytes(r)
	if over := f.decision.Over(); f.decision.SentPerHour > 0 && f.sentBefore(head) > f.decision.SentPerHour && over.Refused() {
		done = true
		refuseRequest(w, refusal{f.id, "SK3509", forbidden})
		f.finish("limit", "sent_per_hour")
		return
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { f.sent(head) }, GotConn: func(i httptrace.GotConnInfo) { both.asks(i.Conn) }, PutIdleConn: func(error) { both.asks(nil) }})
	out := r.WithContext(context.WithValue(ctx, flowKey{}, f))
	out.URL.Scheme, out.URL.Host = "http", to.String()
	if g.byName() {
		out.URL.Host = target.String()
	}
	if r.Body != nil {
		out.Body = &sentBody{ReadCloser: r.Body, f: f}
	}
	f.end.Outcome = "done"
	g.proxy.ServeHTTP(&receiving{ResponseWriter: w, f: f}, out)
	done = true
	looked()
	f.finish(f.end.Outcome, "")
}

// carried are the connections of a request under way. Closing them is not
// enough for a cut: the kernel would go on with what it has taken.
type carried struct {
	client net.Conn

	mu       sync.Mutex // guards what follows
	upstream net.Conn   // nil until the transport has chosen one
	cut      bool
}

// asks notes where the request is written to; nil: nowhere any more.
func (c *carried) asks(upstream net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.upstream = upstream; c.cut && upstream != nil {
		reset(upstream)
	}
}

// reset ends both.
func (c *carried) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	reset(c.client)
	if c.upstream != nil {
		reset(c.upstream)
	}
}

// reset closes a connection and drops what the kernel still holds of it.
func reset(conn net.Conn) {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // fails when it is closed already
	}
	_ = conn.Close()
}

// destination is where a request goes: by its absolute form at a proxy (RFC
// 9112, 3.2.2), by Host at a transparent gate.
func destination(r *http.Request, o origin) (exit.Target, string, error) {
	if o.port != 0 {
		t, err := exit.ParseTarget(r.Host, o.port)
		if err == nil && t.Port != o.port {
			err = errors.New("the Host field names another port than the connection goes to")
		}
		return t, "host", err
	}
	switch {
	case r.URL.Scheme != "http" || r.URL.Host == "":
		return exit.Target{}, "", errors.New("not a request to a proxy: http:// and a host are needed")
	case r.URL.User != nil:
		return exit.Target{}, "", errors.New("user information in the destination")
	}
	t, err := exit.ParseTarget(r.URL.Host, 80)
	return t, "http", err
}

// hijackConnect takes a connection back that asks for a tunnel after requests.
func (g *Gate) hijackConnect(w http.ResponseWriter, r *http.Request, h *handed) {
	control := http.NewResponseController(w)
	conn, buffered, err := control.Hijack()
	if err != nil {
		return
	}
	g.serving.Add(1)
	defer g.serving.Add(-1)
	c := h.client
	ahead, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	ahead = append(append([]byte(nil), ahead...), h.ahead...)
	h.ahead = nil
	defer func() {
		if !c.carried {
			_ = conn.Close()
		}
	}()
	target, err := exit.ParseTarget(r.RequestURI, 0)
	if err != nil {
		c.refuseHTTP(refusal{c.malformed("connect", err), "SK3506", malformedly})
		return
	}
	user, ok := c.authenticate(r.Header.Get("Proxy-Authorization"))
	if !ok {
		c.refuseHTTP(refusal{c.malformed("connect", errLogin), "SK3510", loginNeeded})
		return
	}
	q := c.request(target)
	q.User = user
	c.tunnel("connect", q, ahead, httpWords{c})
}

// rewrite takes off what is for the proxy. Nothing about the client is added:
// the destination need not know who sits behind the gate. A change of protocol
// (Upgrade) is not passed on: its bytes could not be counted as a request's.
func rewrite(p *httputil.ProxyRequest) {
	p.Out.Host = p.In.Host
	p.Out.Header.Del("Upgrade")
	p.Out.Header.Del("Connection")
	p.Out.Header.Add("Via", "1.1 sekisho") // RFC 9110, 7.6.3
	if p.In.Header.Get("User-Agent") == "" {
		p.Out.Header.Set("User-Agent", "") // not one of our own
	}
}

// dialRequest connects to the address that a request's flow was allowed. The
// transport keeps connections by that address.
func (g *Gate) dialRequest(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Limits.Dial)
	defer cancel()
	if u := g.cfg.Upstream; u != nil {
		return dialUpstream(ctx, &g.dialer, u.Address, address)
	}
	return g.dialer.DialContext(ctx, network, address)
}

// failed answers when a destination could not be asked.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	f := flowOf(r)
	switch {
	case f.cutBy.Load() != nil:
		refuseRequest(w, refusal{f.id, "SK3503", forbidden})
	case errors.Is(err, errVolume):
		f.end.Outcome, f.end.Detail = "limit", "sent_per_hour"
		refuseRequest(w, refusal{f.id, "SK3509", forbidden})
	case errors.Is(err, context.Canceled): // by the client, or the end of the gate: an empty answer would be a lie
		panic(http.ErrAbortHandler) // serveRequest records that it was aborted
	default:
		f.end.Outcome, f.end.Detail = "unreachable", errOutcome(err)
		refuseRequest(w, refusal{f.id, "SK3505", unreachable})
	}
}

// cutError is errCut when a cut ends the flow.
func (f *flow) cutError() error {
	if f.cutBy.Load() != nil {
		return errCut
	}
	return nil
}

// sentBody counts and bounds what a request sends. The transport reads it from
// a goroutine of its own, which may outlive the response: its count is guarded.
type sentBody struct {
	io.ReadCloser
	f    *flow
	next time.Time
}

func (b *sentBody) Read(p []byte) (int, error) {
	if err := b.f.cutError(); err != nil {
		return 0, err
	}
	b.wait()
	n, err := b.ReadCloser.Read(p)
	if n == 0 {
		return n, err
	}
	f := b.f
	if f.decision.SentPerHour > 0 && f.sentBefore(uint64(n)) > f.decision.SentPerHour {
		if d := f.decision.Over(); d.Refused() {
			return 0, errVolume
		}
	}
	f.sent(uint64(n))
	if limit := f.gate.cfg.Limits.BytesPerSecond; limit > 0 {
		b.next = time.Now().Add(time.Duration(float64(n) / float64(limit) * float64(time.Second)))
	}
	return n, err
}

// sent counts bytes of a request, from whatever goroutine.
func (f *flow) sent(n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.finished {
		f.end.Sent += n
	}
}

// received counts bytes of an answer, from whatever goroutine.
func (f *flow) received(n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.finished {
		f.end.Received += n
	}
}

// headBytes is the size of a request's head as HTTP/1.1 writes it: paths and
// fields carry data out as bodies do.
func headBytes(r *http.Request) uint64 {
	n := len(r.Method) + len(r.URL.RequestURI()) + len("  HTTP/1.1\r\nHost: \r\n\r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return uint64(n)
}

// wait keeps to the bandwidth.
func (b *sentBody) wait() {
	if d := time.Until(b.next); !b.next.IsZero() && d > 0 {
		select {
		case <-time.After(d):
		case <-b.f.gate.base.Done():
		}
	}
}

// receiving counts what the client is sent.
type receiving struct {
	http.ResponseWriter
	f    *flow
	next time.Time
}

func (r *receiving) Write(p []byte) (int, error) {
	if err := r.f.cutError(); err != nil {
		return 0, err
	}
	if d := time.Until(r.next); !r.next.IsZero() && d > 0 {
		select {
		case <-time.After(d):
		case <-r.f.gate.base.Done():
		}
	}
	n, err := r.ResponseWriter.Write(p)
	r.f.end.Received += uint64(n)
	if limit := r.f.gate.cfg.Limits.BytesPerSecond; limit > 0 {
		r.next = time.Now().Add(time.Duration(float64(n) / float64(limit) * float64(time.Second)))
	}
	return n, err
}

// Unwrap lets the proxy flush and upgrade.
func (r *receiving) Unwrap() http.ResponseWriter { return r.ResponseWriter }

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
