package resolver

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/exit"
)

// Resolver is a gate for names.
type Resolver struct {
	cfg   Config
	cache *cache
	tally *tally
	flows cutting.Flows // no flow lives in it: only which cuts are in force
	marks maphash.Seed  // of the marks of names: they mean nothing in another run

	inForce atomic.Pointer[exit.Policy] // that the answers in memory were cleaned by
	pending chan struct{}               // one for each question that waits

	waiting sync.WaitGroup // goroutines of questions and connections

	mu       sync.Mutex // guards what follows
	asking   map[cacheKey]*asked
	gapFrom  time.Time
	failures uint64
	fullTold time.Time
	downTold time.Time
}

// asked is a question to the upstreams that several clients may wait for.
type asked struct {
	done   chan struct{}
	answer *answer
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Resolver, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := &Resolver{cfg: cfg, cache: newCache(cfg.Entries), tally: newTally(), marks: maphash.MakeSeed(),
		pending: make(chan struct{}, cfg.Pending), asking: map[cacheKey]*asked{}}
	r.flows.Now = cfg.Now
	return r, nil
}

// Cut implements cutting.Cutter. Questions that match are refused from its
// return on; there are no live flows to close.
func (r *Resolver) Cut(ctx context.Context, set *cut.Set) (int, error) { return r.flows.Cut(ctx, set) }

// Generation implements cutting.Cutter.
func (r *Resolver) Generation() uint64 { return r.flows.Generation() }

// policy is the policy in force; answers cleaned by another are forgotten.
func (r *Resolver) policy() *exit.Policy {
	p := r.cfg.Policy()
	if r.inForce.Load() != p {
		r.cache.clear()
		r.inForce.Store(p)
	}
	return p
}

// lookup is a question under the policy.
type lookup struct {
	request  exit.Request
	decision exit.Decision
	q        *question
	shown    string
	base     string
}

// decide asks the policy about a question.
func (r *Resolver) decide(l *lookup, client netip.Addr, now time.Time) {
	l.request = exit.Request{Client: client, Target: exit.Target{Name: l.q.name}, Lookup: true, Now: now}
	l.decision = r.policy().Decide(&l.request, r.flows.Set())
	// A resolver that is not ours opens only by an entry that names it, never by
	// a mode: also the names by which programs look for one (RFC 9462).
	if d := &l.decision; d.Step == exit.StepMode && (exit.OutsideResolver(l.request.Target) || under(l.q.name, "resolver.arpa")) {
		d.Action, d.Step, d.Rule, d.Reason = exit.Refuse, exit.StepDeny, "outside-resolver", "a resolver that is not ours"
	}
	if r.cfg.Listed == nil || l.decision.Action == exit.Refuse {
		return
	}
	if list, is := r.cfg.Listed(l.q.name, now); is {
		l.decision = l.decision.Listed(list)
	}
}

func under(name, base string) bool {
	return name == base || len(name) > len(base) && name[len(name)-len(base)-1] == '.' && name[len(name)-len(base):] == base
}

// quick answers from memory or refuses for a reason of form. False: serve has
// to be asked. It blocks on nothing.
func (r *Resolver) quick(client netip.Addr, message, b []byte, names *[256]byte) (reply []byte, done bool) {
	q, err := parseQuestion(message, names)
	switch {
	case errors.Is(err, errSilent):
		return nil, true
	case err != nil:
		return q.reply(b, message, dns.RcodeFormatError), true
	case q.opcode != dns.OpcodeQuery:
		return q.reply(b, message, dns.RcodeNotImplemented), true
	case q.class != dns.ClassINET, q.kind == dns.TypeAXFR, q.kind == dns.TypeIXFR, q.kind == dns.TypeANY:
		return q.reply(b, message, dns.RcodeRefused), true
	}
	now := r.cfg.Now()
	l := lookup{q: &q}
	r.decide(&l, client, now)
	if l.decision.Action != exit.Allow {
		return nil, false
	}
	a := r.cache.get(cacheKey{q.name, q.kind, l.decision.Role}, now)
	if a == nil {
		return nil, false
	}
	if r.tally.add(client, a.shown) {
		r.waiting.Go(r.flush) // full: it is bounded, and recorded at once
	}
	return a.write(b, message, &q, now, true), true
}

// serve answers any question; it may wait for an upstream.
func (r *Resolver) serve(ctx context.Context, client netip.Addr, message []byte, udp bool) []byte {
	var names [256]byte
	if reply, done := r.quick(client, message, nil, &names); done && (udp || len(reply) == 0 || reply[2]&(flagTC>>8) == 0) {
		return reply
	}
	q, err := parseQuestion(message, &names)
	if err != nil {
		return nil // quick has answered it
	}
	now := r.cfg.Now()
	l := lookup{q: &q}
	l.shown, l.base = exit.Shown(q.name)
	r.decide(&l, client, now)
	if l.decision.Refused() {
		return r.refuse(&l, client, message, udp)
	}
	a := r.cache.get(cacheKey{q.name, q.kind, l.decision.Role}, now)
	switch {
	case a != nil && l.decision.Action == exit.Allow:
		r.tally.add(client, a.shown)
	case !r.record(r.event(&l, client)):
		return q.extended(message, dns.RcodeServerFailure, dns.ExtendedErrorCodeOther, "SK3602", udp)
	}
	if a == nil {
		a = r.ask(ctx, &l)
	}
	if a == nil {
		return q.extended(message, dns.RcodeServerFailure, dns.ExtendedErrorCodeNetworkError, "SK3603", udp)
	}
	return a.write(nil, message, &q, r.cfg.Now(), udp)
}

// extended is an answer with an extended error, where the client understands
// one.
func (q *question) extended(message []byte, rcode int, code uint16, text string, _ bool) []byte {
	b := q.reply(nil, message, rcode)
	if q.edns {
		b = appendOPT(b, int(code), text)
	}
	return b
}

// refuse records and answers a refusal. The same client asking for the same
// name again within a flush is counted, not recorded anew.
func (r *Resolver) refuse(l *lookup, client netip.Addr, message []byte, udp bool) []byte {
	id := ""
	if first, full := r.tally.refused(client, l.q.name, l.shown); first {
		e := r.event(l, client)
		id = e.ID
		r.record(e)
	} else if full {
		r.flush()
	}
	q := l.q
	if l.decision.Role == "" && l.decision.Step == exit.StepDeny {
		return q.extended(message, dns.RcodeRefused, dns.ExtendedErrorCodeProhibited, "SK3601 "+id, udp)
	}
	if b := r.sink(q, message); b != nil {
		if q.edns {
			b = appendOPT(b, int(dns.ExtendedErrorCodeForgedAnswer), "SK3601 "+id)
		}
		return b
	}
	return q.extended(message, dns.RcodeNameError, dns.ExtendedErrorCodeBlocked, "SK3601 "+id, udp)
}

// sinkTTL is how long a client keeps the address of the sinkhole: a release is
// felt within a minute.
const sinkTTL = 60

// sink answers with the addresses of the sinkhole; nil when there is none, or
// the question is for something else than addresses.
func (r *Resolver) sink(q *question, message []byte) []byte {
	if len(r.cfg.Sinkhole) == 0 || q.kind != dns.TypeA && q.kind != dns.TypeAAAA {
		return nil
	}
	b := q.reply(nil, message, dns.RcodeSuccess)
	for _, a := range r.cfg.Sinkhole {
		if a.Is4() != (q.kind == dns.TypeA) {
			continue
		}
		raw := a.AsSlice()
		b[7]++ // at most a handful
		b = append(b, 0xc0, headerBytes, byte(q.kind>>8), byte(q.kind), 0, byte(dns.ClassINET), 0, 0, 0, sinkTTL, 0, byte(len(raw)))
		b = append(b, raw...)
	}
	return b
}

// event is a question as it is recorded.
func (r *Resolver) event(l *lookup, client netip.Addr) *event.Lookup {
	d := &l.decision
	e := &event.Lookup{ID: newID(), Place: r.cfg.Place, Client: client.String(), Role: d.Role, Name: l.shown, Base: l.base, Type: kindName(l.q.kind),
		Bytes: len(l.q.name), Mark: r.mark(l.q.name), Action: d.Action.String(), Step: string(d.Step), Rule: d.Rule, Policy: string(d.Digest), Cuts: r.flows.Generation()}
	if d.Action != exit.Allow {
		e.Reason = d.Reason
	}
	return e
}

// mark tells names apart within a run without saying what they are.
func (r *Resolver) mark(name string) string {
	n := maphash.String(r.marks, name)
	return hex.EncodeToString([]byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// newID returns a fresh event id: 80 random bits, without meaning.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base32.StdEncoding.EncodeToString(b[:])
}

// record writes an event before what it tells is done. False: refuse.
func (r *Resolver) record(bodies ...event.Body) bool {
	r.mu.Lock()
	gap, failures := r.gapFrom, r.failures
	r.mu.Unlock()
	now := r.cfg.Now()
	if !gap.IsZero() {
		bodies = append([]event.Body{&event.Gap{From: gap.UnixNano(), To: now.UnixNano(), Places: []event.Place{r.cfg.Place}, Reason: "recorder failed"}}, bodies...)
	}
	level := event.Written
	if r.cfg.Strict {
		level = event.Durable
	}
	done := make(chan error, 1)
	_, err := r.cfg.Recorder.Submit(level, func(err error) { done <- err }, bodies...)
	if err == nil {
		err = <-done // that a client leaves in the meantime stops no recording
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil && !gap.IsZero() && r.failures == failures:
		r.gapFrom = time.Time{}
	case err == nil && !gap.IsZero() && gap.Equal(r.gapFrom):
		r.gapFrom = now
	case err != nil:
		r.failures++
		if r.gapFrom.IsZero() {
			r.gapFrom = now
			r.cfg.Log.Error("questions cannot be recorded", "code", "SK3602", "error", err)
		}
	}
	return err == nil || r.cfg.FailOpen
}
