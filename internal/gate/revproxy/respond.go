package revproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/waf"
	"sekisho/internal/wire/coding"
)

// maxJudged is how long a response may be for the firewall to see it, and to
// hold one of known length until it has.
const maxJudged = 512 << 10

// unknownLength is the length of a response that names none. httputil sends one
// of length -1 in pieces as they come, one write each (ReverseProxy.FlushInterval).
const unknownLength = -2

// errRefused ends a response that is not to be sent.
type errRefused struct{ refusal }

func (e errRefused) Error() string { return "the response was refused: " + e.reason }

// answer takes the beginning of a response.
func (g *Gate) answer(a *http.Response) error {
	x := exchangeOf(a.Request)
	if x.unseen {
		return nil
	}
	err := g.respond(a, x)
	if err == nil {
		g.answered(x, time.Now())
	}
	return err
}

// respond looks at a response before its first byte is sent, and has the rest
// looked at while it streams.
func (g *Gate) respond(a *http.Response, x *exchange) error {
	if a.StatusCode == http.StatusSwitchingProtocols {
		if c := clientOf(a.Request); c != nil {
			c.changed()
		}
		x.end.Status, x.end.Outcome = a.StatusCode, "done"
		frames := x.cards != Off && overWebSocket(a.Header) && strings.Join(a.Header.Values("Sec-Websocket-Extensions"), "") == ""
		if x.end.Unread = "upgrade"; frames {
			x.end.Unread = "websocket" // for card numbers alone
		}
		if conn, ok := a.Body.(io.ReadWriteCloser); ok {
			a.Body = x.guardSocket(conn, clientOf(a.Request), frames)
		}
		if x.shown != nil {
			return x.shown.upgraded()
		}
		return nil
	}
	if x.attempt != nil {
		if err := x.entry(a); err != nil {
			return err
		}
	}
	if mayTrail(a) && (x.cards != Off || x.shown != nil) {
		a.Body = &trailed{ReadCloser: a.Body, a: a, x: x}
	}
	if a.ContentLength == -1 {
		a.ContentLength = unknownLength
	}
	if err := x.guardFields(a.Header); err != nil {
		return err
	}
	if err := x.redirected(a); err != nil {
		return err
	}
	if x.shown != nil {
		x.shown.header(a.Header)
	}
	if len(a.Header.Values("Content-Encoding")) > 0 && (x.shown != nil || x.host.pages != nil || x.cards != Off || x.firewall != Off) {
		return x.encoded(a)
	}
	return x.stream(a, a.Body)
}

// stop records a refusal and returns the error that ends the response, nil if
// it goes on.
func (x *exchange) stop(f refusal, m Mode) error {
	f = f.as(m)
	recorded := x.record(context.Background(), x.decision(f))
	switch {
	case f.status != 0:
		return errRefused{f}
	case !recorded: // what cannot be recorded does not pass
		return errRefused{refusal{status: http.StatusServiceUnavailable, code: "SK3406", reason: "the decision cannot be recorded"}}
	}
	return nil
}

// encoded looks at a response that came encoded although no encoding was
// offered: it is held whole.
func (x *exchange) encoded(a *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(a.Body, maxDecoded+1))
	if err != nil {
		return err
	}
	body, err := coding.Decode(raw, a.Header.Values("Content-Encoding"), maxDecoded)
	if len(raw) > maxDecoded {
		err = errLongEncoded
	}
	if err != nil {
		x.end.Unread = "encoding"
		f := refusal{status: http.StatusBadGateway, code: "SK3408", action: "cut", rule: "encoding", reason: err.Error()}
		if err := x.stop(f, max(seeing(x.cards), seeing(x.firewall))); err != nil {
			return err
		}
		if x.shown != nil {
			x.shown.unread = true
			if err := x.shown.cross(event.OutcomeDone); err != nil {
				return err
			}
		}
		a.Body = &joined{Reader: io.MultiReader(bytes.NewReader(raw), x.done(a.Body)), Closer: a.Body}
		return nil
	}
	if x.guardsPage(a) {
		if err := x.judgePage(a, body, true); err != nil {
			return err
		}
	}
	if err := x.look(a, body); err != nil {
		return err
	}
	a.Body = &joined{Reader: x.done(bytes.NewReader(raw)), Closer: a.Body}
	return nil
}

// look judges a body that is whole.
func (x *exchange) look(a *http.Response, body []byte) error {
	x.together = a.ContentLength > 0
	if err := x.leak(a, body, x.firewall); err != nil {
		return err
	}
	c := x.counter(a)
	c.see(body, true)
	c.put(x)
	if x.cards != Off {
		g := x.gate.guards.Get().(*guard)
		defer x.gate.guards.Put(g)
		if g.whole(body) {
			if err := x.stop(refusal{status: http.StatusBadGateway, code: "SK3403", action: "cut", rule: "card", reason: "a card number in the response"}, x.cards); err != nil {
				return err
			}
		}
	}
	if x.shown == nil {
		return nil
	}
	x.shown.seen, x.shown.unread = !c.idle, c.idle && !x.shown.p.nobody(x.shown.path)
	return x.shown.cross(event.OutcomeDone)
}

// leak asks the firewall about a response.
func (x *exchange) leak(a *http.Response, body []byte, m Mode) error {
	if m == Off || x.host.judge == nil || x.request == nil || !readable(a.Header.Get("Content-Type")) {
		return nil
	}
	answer := &waf.Response{Status: a.StatusCode, Body: body[:min(len(body), maxJudged)]}
	for name, values := range a.Header {
		for _, v := range values {
			answer.Headers = append(answer.Headers, waf.Header{Name: name, Value: v})
		}
	}
	v, err := x.host.judge.Response(x.request, answer)
	if err != nil {
		return err
	}
	if !v.Attack {
		return nil
	}
	f := refusal{status: http.StatusBadGateway, code: "SK3401", action: "refuse"}
	f.rule, f.reason = told(&v)
	return x.stop(f, m)
}

// stream has a body looked at while it passes.
func (x *exchange) stream(a *http.Response, from io.ReadCloser) error {
	if x.guardsPage(a) {
		body, whole, rest, err := heldPage(from)
		if err != nil {
			return err
		}
		if err := x.judgePage(a, body, whole); err != nil {
			return err
		}
		from = rest
	}
	if x.shown != nil {
		head, whole, err := x.shown.begin(a, from)
		if err != nil {
			return err
		}
		if whole {
			a.Body = &joined{Reader: x.done(bytes.NewReader(head)), Closer: from}
			return x.look(a, head)
		}
		from = x.shown.rest(head, from)
	}
	if a.ContentLength > 0 && a.ContentLength <= maxJudged && x.firewall == Enforce && readable(a.Header.Get("Content-Type")) && a.Request.Method != http.MethodHead {
		body, err := readAll(a, from)
		if err != nil {
			return err
		}
		if err := x.leak(a, body, x.firewall); err != nil {
			return err
		}
		from = &joined{Reader: bytes.NewReader(body), Closer: from}
	}
	c := x.counter(a)
	c.idle = c.idle || len(coding.Names(a.Header.Values("Content-Encoding"))) > 0 // nobody takes it off
	x.counting = c
	s := &guarded{from: from, see: c.see}
	if x.cards == Off {
		a.Body = &joined{Reader: x.ending(&seen{from: from, see: c.see}, x.counted), Closer: from}
		return nil
	}
	g := x.gate.guards.Get().(*guard)
	g.begin(nil)
	s.guard = g
	s.cut = func() bool {
		f := refusal{status: http.StatusBadGateway, code: "SK3403", action: "cut", rule: "card", reason: "a card number in the response"}
		return x.stop(f, x.cards) != nil
	}
	a.Body = &joined{Reader: x.ending(s, func() { x.counted(); x.gate.guards.Put(g) }), Closer: from}
	return nil
}

// readAll reads a body of known length to its end, and what comes behind it.
func readAll(a *http.Response, from io.Reader) ([]byte, error) {
	body := make([]byte, a.ContentLength)
	_, err := io.ReadFull(from, body) // net/http ends it there
	if err == nil && mayTrail(a) {
		if _, err = io.ReadFull(from, make([]byte, 1)); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return body, err
}

// seen passes a stream on and shows it.
type seen struct {
	from io.Reader
	see  func([]byte, bool)
}

func (s *seen) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.see(p[:n], err != nil)
	return n, err
}

// done notes that a response was sent to its end.
func (x *exchange) done(r io.Reader) io.Reader { return x.ending(r, func() {}) }

// ending calls end once when a stream ends, and notes how.
func (x *exchange) ending(r io.Reader, end func()) io.Reader {
	return &ender{x: x, from: r, end: end}
}

type ender struct {
	x    *exchange
	from io.Reader
	end  func()
	over bool
}

func (e *ender) Read(p []byte) (int, error) {
	if e.over {
		return 0, io.EOF
	}
	n, err := e.from.Read(p)
	if e.x.shown != nil && e.x.shown.cut {
		n, err = 0, errTooMany
	}
	if err == nil {
		return n, nil
	}
	e.over = true
	e.end()
	switch {
	case errors.Is(err, errCard), errors.Is(err, errTooMany), errors.As(err, new(errRefused)):
		e.x.end.Outcome = "cut"
	case errors.Is(err, io.EOF):
		e.x.end.Outcome = "done"
	case errors.Is(err, context.Canceled), e.x.broken.Load() != nil: // the client has gone; the transport noticed first
		e.x.end.Outcome = "aborted"
	default:
		e.x.end.Outcome = "upstream"
	}
	return n, err
}

// counter counts personal data in a body.
type counter struct {
	scanner *element.Scanner
	counts  map[element.Kind]uint64
	idle    bool // the body is no text
	shown   *shown
	behind  func() http.Header // what came behind the body
}

func newCounter() *counter {
	c := &counter{counts: map[element.Kind]uint64{}}
	c.scanner = element.NewScanner(element.Options{Buffer: 8 << 10}, func(f *element.Finding) { c.counts[f.Kind]++ })
	return c
}

func (x *exchange) counter(a *http.Response) *counter {
	if x.shown != nil {
		c := x.shown.counter()
		c.idle, c.behind = !readable(a.Header.Get("Content-Type")), func() http.Header { return a.Trailer }
		return c
	}
	c := x.gate.counters.Get().(*counter)
	clear(c.counts)
	c.scanner.Reset(element.Auto)
	c.idle, c.behind = !readable(a.Header.Get("Content-Type")), func() http.Header { return a.Trailer }
	return c
}

func (c *counter) see(piece []byte, last bool) {
	if c.idle {
		return
	}
	_, _ = c.scanner.Write(piece) // ErrClosed cannot be: the last piece comes once
	if last {
		_ = c.scanner.Close()
	}
	if c.shown != nil {
		c.shown.piece()
	}
}

// counted tells what was counted in a stream, once: where it ends, or where it was
// given up.
func (x *exchange) counted() {
	c := x.counting
	if c == nil {
		return
	}
	x.counting = nil
	if !c.idle {
		_ = c.scanner.Close() // what stood at the end counts; ErrClosed: it came to its end
	}
	c.put(x)
}

// put tells what was counted and gives the counter back.
func (c *counter) put(x *exchange) {
	if fields := c.behind(); len(fields) > 0 {
		c.scanner.Reset(element.Auto)
		_, _ = c.scanner.Write(textOf(fields)) // ErrClosed cannot be
		_ = c.scanner.Close()
	}
	for _, k := range element.Kinds() {
		if n := c.counts[k]; n > 0 {
			mask := element.MaskOf(k)
			x.end.Elements |= mask
			x.end.Counts = append(x.end.Counts, event.ElementCount{Element: mask, Count: n})
		}
	}
	if c.idle && x.end.Unread == "" {
		x.end.Unread = "no text"
	}
	if c.behind = nil; c.shown == nil {
		x.gate.counters.Put(c)
	}
}

// readable reports whether a content type is text that can be looked into.
func readable(contentType string) bool {
	kind, err := mediaType(contentType)
	if err != nil {
		return contentType == ""
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") ||
		strings.HasSuffix(kind, "javascript") || kind == "application/x-www-form-urlencoded"
}

// usual are content types that most responses have, and what they say.
var usual = func() map[string]string {
	all := map[string]string{}
	for _, kind := range []string{"text/html", "text/plain", "text/css", "text/javascript", "application/json", "application/javascript", "text/event-stream"} {
		for _, charset := range []string{"", "; charset=utf-8", "; charset=UTF-8", ";charset=utf-8", ";charset=UTF-8", "; charset=Shift_JIS", "; charset=EUC-JP"} {
			all[kind+charset] = kind
		}
	}
	return all
}()

// mediaType is mime.ParseMediaType for those who need no parameters.
func mediaType(contentType string) (string, error) {
	if kind, ok := usual[contentType]; ok {
		return kind, nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return kind, err
}
