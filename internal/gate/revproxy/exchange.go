package revproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/underway"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/site"
	"sekisho/internal/waf"
)

// exchange is one request and its response. Its goroutine is the server's.
type exchange struct {
	gate     *Gate
	now      *inForce // when it began
	host     *Host
	id       string
	begin    time.Time
	trace    string // id of the trace that it is part of
	parent   string // the field that the upstream is sent, "" for the client's
	unseen   bool   // nobody looks and nothing is recorded
	firewall Mode
	cards    Mode
	fields   []site.Field // of the request, if anybody asked
	request  *waf.Request // as judged; nil without a firewall
	end      event.ExchangeEnd
	received atomic.Uint64 // bytes of the request's body; the transport reads it
	attempt  *attempt      // to log in, nil: it is none
	from     string        // address of the client, of an attempt
	shown    *shown        // nil: the response is not attributed
	counting *counter      // of a response that streams, until it ends
	under    underway.One
	over     bool     // it is not under way any more, or has changed its protocol
	socket   *socket  // nil: the connection keeps its protocol
	flow     cut.Flow // as cuts know it
	sentBy   atomic.Pointer[sender]
	whole    []byte                // the request's body, nil: it goes on, or there is none
	broken   atomic.Pointer[error] // the client's body did not come as announced; the transport reads it
	incoming *watched              // what is left of the request's body, nil for nothing
	together bool                  // the response is there as a whole, of the length that it says
	sentTo   *upstream             // that has the request, nil for none yet

	cancel context.CancelFunc // ends what is asked of the upstream
	live   *cutting.Live      // nil: not in the cuts
	ended  atomic.Pointer[ended]
	left   bool // leave was called
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// ServeHTTP carries one exchange.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.open.Add(1)
	defer g.open.Done()
	g.counts.open.Add(1)
	defer g.counts.open.Add(-1)
	x := &exchange{gate: g, now: g.now.Load(), id: newID(), begin: time.Now(), under: g.under.Begin()}
	defer x.notUnder()
	x.end.ID = x.id
	from := clientOf(r)
	from.asks(r)
	defer from.answered()
	if x.host = x.now.host(r.Host); x.host == nil {
		x.host = &Host{Place: g.first().Place}
		x.refuse(w, r, refusal{status: http.StatusMisdirectedRequest, code: "SK3404", action: "refuse", rule: "host", reason: "host is not configured"})
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	x.cancel = cancel
	from.leaving(w, r)
	defer from.count(r, x)
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	from.secure(r)
	defer x.abort()
	if f, ok := x.enter(w, r, ""); !ok {
		x.refuse(w, r, f)
		return
	}
	if ctx, leave, open := g.direct.enter(r.Context()); open {
		defer leave()
		x.unseen, x.firewall, x.cards = true, Off, Off
		g.pass(w, r.WithContext(ctx), x)
		return
	}
	if f, ok := proper(r); !ok {
		x.refuse(w, r, f)
		return
	}
	harmlessUpgrade(r.Header)
	x.traced(r)
	if f, stopped := g.stopped(firstName(x.host), r.URL.Path); stopped {
		x.refuse(w, r, f)
		return
	}
	if x.host.pages != nil && r.URL.Path == ReportPath && r.Method == http.MethodPost {
		x.report(w, r)
		return
	}
	x.firewall, x.cards = x.host.modes(r.URL.Path)
	if g.keepable() && r.Header["Upgrade"] != nil {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { x.sentBy.Store(&sender{i.Conn}) }}))
	}
	if x.cards != Off && overWebSocket(r.Header) {
		r.Header.Del("Sec-Websocket-Extensions") // an offer; what is compressed nobody could look into
	}
	held, err := x.hold(w, r)
	if err != nil {
		x.refuse(w, r, unreadBody(r, err))
		return
	}
	if _, ok := plainHeader(r); !ok { // trailers came with the body
		x.refuse(w, r, refusal{status: http.StatusBadRequest, code: codeWire, action: "refuse", rule: "wire/trailer", reason: "servers read it differently"})
		return
	}
	if x.host.persons != nil {
		if f, ok := x.attribute(r, held); !ok {
			x.refuse(w, r, f)
			return
		}
	}
	if x.host.logins != nil {
		x.from = address(r)
		if f, ok := x.login(r, held); !ok {
			x.refuse(w, r, f)
			return
		}
	}
	if user := x.user(r); user != "" {
		if f, ok := x.enter(w, r, user); !ok {
			x.refuse(w, r, f)
			return
		}
	}
	events := []event.Body{x.opening(r)}
	findings := x.judge(r, held)
	if len(findings) == 0 {
		x.learn(r)
	}
	for _, f := range findings {
		if f.status != 0 {
			x.refuse(w, r, f)
			return
		}
		events = append(events, x.decision(f))
	}
	if !x.record(r.Context(), events...) {
		x.page(w, r, refusal{status: http.StatusServiceUnavailable, code: "SK3406"})
		return
	}
	defer x.close()
	g.pass(w, r, x)
}

// pass hands a request to the upstream.
func (g *Gate) pass(w http.ResponseWriter, r *http.Request, x *exchange) {
	g.counts.exchanges.Add(1)
	s := &sending{ResponseWriter: w, x: x, client: clientOf(r)}
	g.proxy.ServeHTTP(s, r)
	s.end()
}

// hold reads a body up to the bound and puts it back before the rest.
func (x *exchange) hold(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	control := http.NewResponseController(w)
	var held bytes.Buffer
	if r.ContentLength > 0 {
		held.Grow(int(min(r.ContentLength, x.now.HoldBytes)))
	}
	body := &timed{x: x, body: r.Body, control: control, limits: &x.now.Limits, from: clientOf(r), begin: time.Now()}
	n, err := io.CopyN(&held, body, x.now.HoldBytes)
	x.received.Add(uint64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err != nil { // all of it
		x.whole = held.Bytes()
		r.Body = io.NopCloser(bytes.NewReader(x.whole))
		return held.Bytes(), nil
	}
	x.incoming = &watched{x: x, guard: newGuard()}
	x.incoming.guard.begin(held.Bytes())
	r.Body = &joined{Reader: io.MultiReader(bytes.NewReader(held.Bytes()), x.incoming.reading(body)), Closer: r.Body}
	return held.Bytes(), nil
}

// joined reads from one and closes another.
type joined struct {
	io.Reader
	io.Closer
}

// unreadBody is the refusal of a request whose body did not come as announced.
func unreadBody(r *http.Request, err error) refusal {
	v := clientOf(r).violation()
	var slow interface{ Timeout() bool }
	f := refusal{status: http.StatusBadRequest, code: "SK3407", action: "refuse", rule: "body", reason: "body did not arrive"}
	switch {
	case v != nil && v.Body:
		return misread(v)
	case errors.As(err, &slow) && slow.Timeout():
		f.status = http.StatusRequestTimeout
	}
	return f
}

// timed bounds each wait for more of a request's body, and all of them together
// by how much came.
type timed struct {
	x       *exchange
	body    io.Reader
	control *http.ResponseController
	limits  *Limits
	from    *client
	begin   time.Time
	count   int64
}

func (t *timed) Read(p []byte) (int, error) {
	deadline := time.Now().Add(t.limits.Body)
	if all := t.begin.Add(t.limits.Body + time.Duration(float64(t.count)/float64(t.limits.BodyRate)*float64(time.Second))); all.Before(deadline) {
		deadline = all
	}
	if err := t.control.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	if t.x.ended.Load() != nil { // or its deadline comes after ours
		return 0, net.ErrClosed
	}
	n, err := t.body.Read(p)
	if t.count += int64(n); n > 0 {
		t.from.moved()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) { // closed: nobody wants more
		t.x.broken.CompareAndSwap(nil, &err)
	}
	return n, err
}

// rewrite is what the upstream is told. Encodings that the gate cannot look
// into are not offered.
func rewrite(p *httputil.ProxyRequest) {
	x := exchangeOf(p.In)
	p.SetURL(x.host.Upstream)
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came: httputil drops what Go cannot read
	p.Out.Host = p.In.Host
	p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
	p.SetXForwarded()
	p.Out.Header.Del("Accept-Encoding")
	if x.parent != "" {
		p.Out.Header.Set("Traceparent", x.parent)
		p.Out.Header.Del("Tracestate") // of another trace (W3C Trace Context, 3.3)
	}
	if p.In.Header.Get("User-Agent") == "" {
		p.Out.Header.Set("User-Agent", "") // not one of our own
	}
}

// opening is the event that comes before the upstream hears of a request.
func (x *exchange) opening(r *http.Request) *event.Exchange {
	return &event.Exchange{
		ID: x.id, Place: x.host.Place, Host: firstName(x.host), Method: method(r.Method), Route: Route(r.URL.Path),
		Address: address(r), TLS: r.TLS != nil, Protocol: r.Proto, Trace: x.trace,
	}
}

// firstName is the configured name of a site: what a client sends as Host may
// be anything.
func firstName(h *Host) string {
	if len(h.Names) == 0 {
		return ""
	}
	return h.Names[0]
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// method keeps the methods of RFC 9110 and PATCH; others are "other".
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return m
	}
	return "other"
}

// Route returns a path with everything that may name a person left out: parts
// with a digit, a sign or a character beyond ASCII, and long ones, become ":x".
func Route(path string) string {
	const maxParts, maxPart = 12, 24
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if i > maxParts {
			parts = append(parts[:i], "…")
			break
		}
		plain := len(part) <= maxPart && strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == ""
		if !plain {
			parts[i] = ":x"
		}
	}
	return strings.Join(parts, "/")
}

// close records what came of the exchange.
func (x *exchange) close() {
	x.leave()
	x.counted() // the client or the upstream may have given up
	kept := false
	if x.socket != nil {
		kept = x.socket.end(&x.end)
		x.gate.sockets.end(x.socket)
		defer close(x.socket.gone)
	}
	x.end.Received = x.received.Load()
	if x.end.Outcome == "" {
		x.end.Outcome = "aborted"
	}
	if x.shown != nil {
		x.shown.finish()
		x.end.Persons = uint64(len(x.shown.tally.persons()))
		x.shown.tally.end(&x.gate.tallies)
	}
	if kept { // its end comes with another gate
		return
	}
	x.end.Nanos = time.Since(x.begin).Nanoseconds()
	// What passed has passed. Without this event anything may have (Exchange).
	bodies := []event.Body{&x.end}
	if c := x.ended.Load(); c != nil {
		x.end.Outcome = "cut"
		f := forbidden(c.entry)
		f.action = "cut"
		bodies = []event.Body{x.decision(f), &x.end}
	}
	x.record(context.Background(), bodies...)
}

// sending notes what the client is sent.
type sending struct {
	http.ResponseWriter
	x      *exchange
	client *client
	renew  time.Time // when the deadline is set again
	until  time.Time // the deadline
	at     *watching // gathers the response; nil: nobody does
}

func (s *sending) WriteHeader(status int) {
	s.hurry()
	if status < 200 && status != http.StatusSwitchingProtocols && !s.x.hint(s.Header()) {
		return
	}
	if status >= 200 {
		s.x.end.Status = status
		if s.client != nil && s.x.together {
			if s.at, _ = s.client.conn.(*watching); s.at != nil {
				s.at.gather()
			}
		}
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *sending) Write(p []byte) (int, error) {
	s.hurry()
	n, err := s.ResponseWriter.Write(p)
	s.x.end.Sent += uint64(n)
	switch {
	case err == nil:
		s.client.sent(n)
	case s.x.ended.Load() == nil && !time.Now().Before(s.until):
		s.x.gate.counts.stalled.Add(1)
	}
	return n, err
}

// end writes what was gathered. A response of which nothing was is still with the
// server, which writes it at once.
func (s *sending) end() {
	if s.at == nil {
		return
	}
	if s.at.room != nil && s.at.room.Len() > 0 {
		_ = http.NewResponseController(s.ResponseWriter).Flush() // what cannot be written ends the connection
	}
	_ = s.at.let() // so does this
}

// hurry bounds the wait for the client to take more.
func (s *sending) hurry() {
	limit := s.x.now.Limits.Send
	now := time.Now()
	if now.Before(s.renew) {
		return
	}
	s.renew, s.until = now.Add(limit/8), now.Add(limit)
	// Not every writer of tests has deadlines; a closed one says so when written to.
	_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(s.until)
}

// Unwrap lets the proxy flush and upgrade.
func (s *sending) Unwrap() http.ResponseWriter { return s.ResponseWriter }
