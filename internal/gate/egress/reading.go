package egress

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/wire/coding"
)

// Reading makes a gate say whose data leaves: of requests under entries of the
// policy that say "inner: read" it looks at everything that the client sends,
// and of everything else that passes it records that anybody may be in it. What
// comes back is not looked at.
type Reading struct {
	// Leaf is the certificate that a client is shown in the place of a server's.
	// An error: this name cannot be read, and the tunnel is refused.
	Leaf func(name string) (*tls.Certificate, error)
	// Roots are trusted to vouch for servers; nil: those of the system.
	Roots *x509.CertPool
	// Identifiers are the elements that Owners can tell.
	Identifiers element.Mask
	// Owners appends the subjects to whom a value belongs for certain, in the
	// canonical form of package element. It must not keep the value. nil: nobody
	// is known.
	Owners func(dst []Owner, k element.Kind, value []byte) []Owner
	// Hash is a keyed hash of its parts. Required; safe for concurrent use.
	Hash func(parts ...[]byte) [16]byte
	// Start is the number of this run of the gate: it tells sessions of one run
	// from those of another.
	Start uint32

	sessions atomic.Uint32
	holding  atomic.Int32 // bodies that are held now
}

const (
	// maxHeld is how long a body may be to be held until it is known whose data
	// is in it. Before a longer one is recorded that anybody's may be.
	maxHeld = 1 << 20
	// maxHolding is how many bodies are held at once; one more passes as a longer
	// one does.
	maxHolding = 64
)

// hold takes a place for a body; false: there is none.
func (r *Reading) hold() bool {
	if r.holding.Add(1) <= maxHolding {
		return true
	}
	r.holding.Add(-1)
	return false
}

// reading is what is recorded of one flow beside event.Flow, for the question
// whose data left. Its zero value records nothing.
type reading struct {
	of      *Reading
	session event.Session
	intent  event.Seq // open for what passes unread
	from    int64     // when it was recorded
	unread  bool      // the whole flow is
	before  uint64    // bytes that were sent before the session began
}

// opening are the events of a flow's beginning, after event.Flow.
func (f *flow) opening() []event.Body {
	r := f.gate.cfg.Reading
	if r == nil {
		return nil
	}
	now := f.gate.cfg.Now().UnixNano()
	f.reads = reading{of: r, before: f.end.Sent, session: event.Session(uint64(r.Start)<<32 | uint64(r.sessions.Add(1))), from: now, unread: !f.decision.Read}
	all := []event.Body{&event.SessionOpen{Session: f.reads.session, Place: f.gate.cfg.Place, User: userOf(&f.request), Address: f.request.Client.String()}}
	if f.reads.unread {
		all = append(all, f.intent())
	}
	return all
}

// intent says that anybody may be in what follows.
func (f *flow) intent() *event.Intent {
	return &event.Intent{Session: f.reads.session, From: f.gate.cfg.Now().UnixNano(),
		Parts: []event.Part{{Table: f.gate.cfg.Place, Elements: everything, Class: event.Bounded, Reason: "unread"}}}
}

// closing are the events of a flow's end, before event.FlowEnd.
func (f *flow) closing() []event.Body {
	r := &f.reads
	if r.of == nil {
		return nil
	}
	var all []event.Body
	if r.unread {
		b := f.crossing(r.intent, r.from, event.OutcomeDone)
		if f.end.Sent > r.before {
			b.Parts = []event.Part{{Table: f.gate.cfg.Place, Elements: element.MaskOf(element.Unclassified), Class: event.Bounded, Reason: "unread"}}
		}
		all = append(all, b)
	}
	return append(all, &event.SessionClose{Session: r.session, Bytes: f.end.Sent - r.before})
}

func (f *flow) crossing(intent event.Seq, from int64, outcome event.Outcome) *event.Crossing {
	return &event.Crossing{Session: f.reads.session, Intent: intent, Outcome: outcome, From: from, To: f.gate.cfg.Now().UnixNano(), Count: 1}
}

// crossings are the events of parts, each with as many subjects as there is room
// for.
func (f *flow) crossings(intent event.Seq, from int64, outcome event.Outcome, parts []event.Part) []event.Body {
	var all []event.Body
	body, room := f.crossing(intent, from, outcome), maxRanges
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

// errUnrecorded: what is not recorded does not leave.
var errUnrecorded = errors.New("egress: the crossing cannot be recorded")

// look reads a request and records whose data is in it before any of it leaves.
// It puts the body back. after is to be called when the request is over.
func (f *flow) look(r *http.Request) (after func(), err error) {
	t := newTally(f.reads.of)
	t.head(r)
	nothing := func() {}
	var body []byte
	if r.Body != nil && r.Body != http.NoBody {
		if !f.reads.of.hold() {
			return f.lookLong(r, t, nil)
		}
		defer f.reads.of.holding.Add(-1)
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxHeld+1)); err != nil {
			return nothing, err
		}
		t.body = len(body) > 0
		if len(body) > maxHeld {
			return f.lookLong(r, t, body)
		}
		t.fields(r.Trailer)
		r.Body = &held{Reader: bytes.NewReader(body), Closer: r.Body}
	}
	if t.body {
		plain, err := coding.Decode(body, r.Header.Values("Content-Encoding"), coding.MaxDecoded)
		if err != nil {
			t.unread = true
		} else {
			t.whole(r.Header.Get("Content-Type"), plain)
		}
	}
	parts := t.parts(f.gate.cfg.Place)
	if len(parts) == 0 {
		return nothing, nil
	}
	now := f.gate.cfg.Now().UnixNano()
	if !f.gate.record(f.crossings(0, now, event.OutcomeDone, parts)...) {
		return nothing, errUnrecorded
	}
	return nothing, nil
}

// lookLong has a long body pass while it is looked at: before it is recorded
// that anybody may be in it, and at its end who is.
func (f *flow) lookLong(r *http.Request, t *tally, head []byte) (after func(), err error) {
	intent := f.intent()
	seq, ok := f.gate.recordAt(intent)
	if !ok {
		return func() {}, errUnrecorded
	}
	l := &long{t: t, from: r.Body}
	t.body = true
	t.unread = t.unread || len(r.Trailer) > 0 // it comes when the body is gone
	if kind := r.Header.Get("Content-Type"); readable(kind) && !isForm(kind) && len(coding.Names(r.Header.Values("Content-Encoding"))) == 0 {
		l.scan = t.scanner()
		_, _ = l.scan.Write(head)
		t.runs(head)
	} else {
		t.unread = true
	}
	r.Body = &held{Reader: io.MultiReader(bytes.NewReader(head), l), Closer: r.Body}
	return func() {
		outcome := event.OutcomeDone
		if !l.close() {
			outcome = event.OutcomeCut
		}
		f.gate.submit(f.crossings(seq, intent.From, outcome, t.parts(f.gate.cfg.Place))...)
	}, nil
}

// held is a body that was read ahead.
type held struct {
	io.Reader
	io.Closer
}

// long is the rest of a long body. The transport reads it from a goroutine of
// its own, which may outlive the request: then nothing leaves any more.
type long struct {
	mu    sync.Mutex // guards what follows
	t     *tally
	scan  *element.Scanner // nil: nobody can look into it
	from  io.Reader
	ended bool // it was read to its end
	over  bool
}

func (l *long) Read(p []byte) (int, error) {
	l.mu.Lock()
	over := l.over
	l.mu.Unlock()
	if over {
		return 0, errRequestOver
	}
	n, err := l.from.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return 0, errRequestOver
	}
	if l.scan != nil {
		_, _ = l.scan.Write(p[:n]) // never fails before Close
		l.t.runs(p[:n])
	}
	l.ended = l.ended || err == io.EOF
	return n, err
}

var errRequestOver = errors.New("egress: the request is over")

// close ends the looking; false: the body did not come to its end.
func (l *long) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over && l.scan != nil {
		_ = l.scan.Close()
	}
	l.over = true
	return l.ended
}
