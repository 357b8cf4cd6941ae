package revproxy

import (
	"errors"
	"io"
	"net/http"
)

// A response has fields beside its header: those behind its body (trailers, RFC
// 9110, 6.5), also of a body of known length over HTTP/2, and those of the answers
// before the last (RFC 9110, 15.2), such as 103.

// mayTrail reports whether fields may come behind a response: only behind chunks over
// HTTP/1 (RFC 9112, 7.1.2), behind any body over HTTP/2 (RFC 9113, 8.1).
func mayTrail(a *http.Response) bool { return a.ContentLength < 0 || a.ProtoMajor >= 2 }

// trailed is a body whose trailers are looked at before its end is passed on.
type trailed struct {
	io.ReadCloser
	a    *http.Response
	x    *exchange
	over bool
}

// Read implements io.Reader.
func (t *trailed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if !errors.Is(err, io.EOF) || t.over || len(t.a.Trailer) == 0 {
		return n, err
	}
	t.over = true
	if stopped := t.x.guardFields(t.a.Trailer); stopped != nil {
		t.a.Trailer = nil
		return n, stopped
	}
	if s := t.x.shown; s != nil && s.over && !s.unread && !s.p.nobody(s.path) {
		t.a.Trailer = nil // it is recorded that nobody is in it: there was no body
	}
	return n, err
}

// guardFields looks for card numbers in fields of a response. The error ends it.
func (x *exchange) guardFields(h http.Header) error {
	if x.cards == Off || !x.cardInHeader(h) {
		return nil
	}
	return x.stop(refusal{status: http.StatusBadGateway, code: "SK3403", action: "cut", rule: "card", reason: "a card number in the header of the response"}, x.cards)
}

func (x *exchange) cardInHeader(h http.Header) bool {
	g := x.gate.guards.Get().(*guard)
	defer x.gate.guards.Put(g)
	for _, values := range h {
		for _, v := range values {
			if len(v) >= fewestDigits && g.whole([]byte(v)) {
				return true
			}
		}
	}
	return false
}

// hint looks at an answer before the last. False: it is left out.
func (x *exchange) hint(h http.Header) bool {
	if x.guardFields(h) != nil {
		return false
	}
	if x.shown != nil && len(h) > 0 {
		x.shown.counter().see(textOf(h), true)
	}
	return true
}

// textOf returns the values of fields, a line each, without their escapes.
func textOf(h http.Header) []byte {
	var text []byte
	for _, values := range h {
		for _, v := range values {
			text = append(unescaped(text, v), '\n')
		}
	}
	return text
}
