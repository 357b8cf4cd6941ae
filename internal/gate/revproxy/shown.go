package revproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/policy/visit"
)

// maxShown is how long a response may be to be held until it is known whom it
// shows. Before a longer one, or a stream of events, is recorded that anybody
// may be in it.
const maxShown = 1 << 20

const (
	codeTooMany = "SK3415"
	codeNobody  = "SK3416"
)

// errTooMany ends a stream that shows a visitor more persons than allowed.
var errTooMany = errors.New("more persons than a visitor may be shown")

// shown attributes the response of an exchange to persons.
type shown struct {
	*visiting
	x       *exchange
	p       *persons
	path    string
	tally   *tally
	scanner *element.Scanner
	sent    *sent
	unread  bool // something passes that nobody looked into
	seen    bool // a body was looked into
	checked int  // values that were found when limits were asked last
	cut     bool // a limit was passed in the middle of a stream

	intent  event.Seq
	session event.Session // of the intent
	from    int64         // when it was written
	over    bool          // the crossing is recorded
}

// attribute prepares an exchange whose response is attributed to persons. False:
// the visitor has been shown too many already.
func (x *exchange) attribute(r *http.Request, held []byte) (refusal, bool) {
	p := x.host.persons
	s := &shown{x: x, p: p, path: r.URL.Path, visiting: x.visitor(r)}
	s.tally = x.gate.tallies.Get().(*tally)
	s.tally.begin(p, func() *sent {
		if s.sent == nil {
			s.sent = sentBy(r, held)
		}
		return s.sent
	})
	x.shown = s
	if p.Mode != Enforce {
		return refusal{}, true
	}
	over, shut := p.book.Shut(time.Now(), s.who)
	return overLimit(over, "refuse"), !shut
}

func overLimit(o visit.Over, action string) refusal {
	return refusal{status: http.StatusForbidden, code: codeTooMany, action: action, rule: "persons/" + o.By.String(), reason: "more other persons than a visitor may be shown"}
}

// counter is one that tells whose the values are.
func (s *shown) counter() *counter {
	s.scanner = s.tally.scanner
	s.scanner.Reset(element.Auto)
	return &counter{scanner: s.scanner, counts: s.tally.counts, shown: s}
}

// header looks at what the application chose in a header.
func (s *shown) header(h http.Header) {
	chosen := http.Header{}
	for _, name := range []string{"Location", "Refresh", "Link", "Content-Disposition", "Set-Cookie"} {
		if values := h[name]; len(values) > 0 {
			chosen[name] = values
		}
	}
	if len(chosen) > 0 {
		s.tally.header = true
		s.counter().see(textOf(chosen), true)
		s.tally.header = false
	}
}

// begin says whether a body passes at once, and otherwise returns it whole. When
// it passes at once what is to be known beforehand is recorded.
func (s *shown) begin(a *http.Response, from io.Reader) (head []byte, whole bool, err error) {
	switch {
	case bodiless(a):
		return nil, false, s.cross(event.OutcomeDone)
	case !readable(a.Header.Get("Content-Type")):
		s.unread = !s.p.nobody(s.path)
		return nil, false, s.cross(event.OutcomeDone)
	}
	s.seen = true
	if streams(a) {
		return nil, false, s.intend()
	}
	if a.ContentLength > 0 && a.ContentLength <= maxShown {
		head, err = readAll(a, from)
		return head, true, err
	}
	head, err = io.ReadAll(io.LimitReader(from, maxShown+1))
	if err != nil || len(head) <= maxShown {
		return head, true, err
	}
	return head, false, s.intend()
}

func bodiless(a *http.Response) bool {
	return a.Request.Method == http.MethodHead || a.StatusCode == http.StatusNotModified || a.StatusCode == http.StatusNoContent || a.ContentLength == 0
}

// streams reports whether a response is one that must not wait for its end.
func streams(a *http.Response) bool {
	kind, _ := mediaType(a.Header.Get("Content-Type"))
	return kind == "text/event-stream" || kind == "application/x-ndjson"
}

// upgraded records that what follows is not looked into.
func (s *shown) upgraded() error {
	s.unread = true
	return s.intend()
}

var errUnrecorded = errRefused{refusal{status: http.StatusServiceUnavailable, code: "SK3406", reason: "the crossing cannot be recorded"}}

// intend records that anybody may be in what follows.
func (s *shown) intend() error {
	ctx := context.Background()
	session, ok := s.x.session(ctx)
	if !ok {
		return errUnrecorded
	}
	s.from = time.Now().UnixNano()
	all := element.MaskOf(append(element.Kinds(), element.Unclassified)...)
	s.intent, ok = s.x.recorded(ctx, &event.Intent{Session: session, From: s.from, Trace: s.x.trace,
		Parts: []event.Part{{Table: s.x.host.Place, Elements: all, Class: event.Bounded, Reason: "stream"}}})
	if !ok {
		return errUnrecorded
	}
	s.session = session
	return nil
}

// piece sees that a part of a stream was looked into.
func (s *shown) piece() {
	if n := len(s.tally.found); s.session != 0 && n > s.checked+s.checked/8 {
		s.checked = n
		s.cut = s.cut || s.limit() != nil
	}
}

// cross records whom the response shows: before it is sent, or after an intent
// at its end. The error says that the visitor is not to be shown them.
func (s *shown) cross(outcome event.Outcome) error {
	if s.over {
		return nil
	}
	s.over = true
	ctx, nobody := context.Background(), s.p.nobody(s.path)
	parts := s.tally.parts(s.x.host.Place)
	rest := event.Part{Table: s.x.host.Place, Elements: element.MaskOf(element.Unclassified), Class: event.Bounded}
	switch {
	case s.unread:
		rest.Reason = "unread"
		parts = append(parts, rest)
	case len(parts) == 0 && s.seen && !nobody: // nothing that anybody would recognise
		rest.Reason = "nothing recognised"
		parts = append(parts, rest)
	case len(parts) > 0 && nobody && s.p.raise(Route(s.path)):
		s.x.record(ctx, &event.Finding{Code: codeNobody, Title: "personal data where there should be none", Place: s.x.host.Place, Detail: "route " + Route(s.path)})
	}
	if err := s.limit(); err != nil && s.session == 0 {
		return err
	}
	if len(parts) == 0 && s.session == 0 {
		return nil
	}
	session, ok := s.session, true
	if session == 0 {
		session, ok = s.x.session(ctx)
	}
	if !ok || !s.x.record(ctx, s.crossings(session, outcome, parts)...) {
		return errUnrecorded
	}
	return nil
}

// finish closes what was recorded before a stream.
func (s *shown) finish() {
	if s.session == 0 || s.over {
		return
	}
	if s.scanner != nil {
		_ = s.scanner.Close() // ErrClosed: the stream came to its end
	}
	outcome := event.OutcomeDone
	if s.x.end.Outcome != "done" {
		outcome = event.OutcomeCut
	}
	// What passed has passed; without this event it stays bounded (Intent).
	_ = s.cross(outcome)
}

// crossings are the events of parts, each with as many subjects as there is room
// for.
func (s *shown) crossings(session event.Session, outcome event.Outcome, parts []event.Part) []event.Body {
	now := time.Now().UnixNano()
	from := s.from
	if from == 0 {
		from = now
	}
	var all []event.Body
	body := &event.Crossing{Session: session, Intent: s.intent, Outcome: outcome, From: from, To: now, Count: 1}
	if s.x.trace != "" {
		body.Traces = []string{s.x.trace}
	}
	room := maxRanges
	for _, p := range parts {
		for set := p.Subjects; ; {
			n := min(len(set), room)
			p.Subjects = set[:n]
			body.Parts = append(body.Parts, p)
			if set, room = set[n:], room-n; len(set) == 0 {
				break
			}
			body.More = true
			all = append(all, body)
			next := *body
			next.Parts, next.Count, next.More = nil, 0, false
			body, room, p.Rows = &next, maxRanges, 0
		}
	}
	return append(all, body)
}

// limit counts the persons of a response for its visitor. The error ends the
// response.
func (s *shown) limit() error {
	if s.p.Mode == Off || !s.p.Limits.Any() {
		return nil
	}
	over, passed := s.p.book.See(time.Now(), s.who, s.self, s.tally.persons())
	if !passed || !over.First && s.p.Mode != Enforce { // once a window is enough
		return nil
	}
	if over.First {
		s.x.record(context.Background(), &event.Finding{Code: codeTooMany, Title: "a visitor is shown more persons than allowed", Place: s.x.host.Place,
			Detail: strings.Join([]string{"by", over.By.String(), "in exchange", s.x.id}, " ")})
	}
	return s.x.stop(overLimit(over, "cut"), s.p.Mode)
}

// rest puts what was read of a body back before it.
func (s *shown) rest(head []byte, from io.ReadCloser) io.ReadCloser {
	if len(head) == 0 {
		return from
	}
	return &joined{Reader: io.MultiReader(bytes.NewReader(head), from), Closer: from}
}
