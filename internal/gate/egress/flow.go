package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/exit"
)

// flow is one thing that leaves: a tunnel, or an HTTP request.
type flow struct {
	gate     *Gate
	id       string
	protocol string
	request  exit.Request
	decision exit.Decision
	begin    time.Time
	live     *cutting.Live
	cancel   context.CancelFunc // ends dialling, waiting for first bytes, a request
	kill     func()             // ends what cancel does not, nil for nothing
	asked    *http.Request      // what the gate can read, nil for none

	cutBy atomic.Pointer[cut.Entry] // set when a cut ends the flow
	pair  atomic.Pointer[netloop.Pair]
	// unkept says that no other gate could go on with the tunnel.
	unkept atomic.Bool

	mu       sync.Mutex // guards ending and finished
	ending   bool       // a cut waits for the flow's last byte
	finished bool
	kept     *Kept // between two gates

	end       event.FlowEnd // of the goroutine that carries the flow
	toldSent  uint64        // in the last FlowBytes
	toldRecvd uint64
	tunnel    *tunnel // what only tunnels need
	innerName string  // the server name that was learnt, as it came
	again     bool    // it was taken up, and its first bytes have passed
	reads     reading
	inside    atomic.Pointer[inside] // of a tunnel that is read
}

// refusal is why a flow does not begin, for the client in its protocol's words.
type refusal struct {
	id   string
	code string // SK35…
	kind refusalKind
}

type refusalKind uint8

const (
	forbidden   refusalKind = iota + 1 // by policy, cut or address
	loginNeeded                        // the client may log in
	malformedly                        // what the client said is not a request
	unreachable                        // name or address
	unrecorded
	busy
)

// newFlow begins a flow of a client; r.Target is where it wants to go.
func (g *Gate) newFlow(protocol string, r exit.Request) *flow {
	f := &flow{gate: g, id: newID(), protocol: protocol, request: r, begin: g.cfg.Now()}
	f.request.Now = f.begin
	f.end.ID = f.id
	return f
}

// open decides, resolves, decides again, enters and records the flow. ctx ends
// when a cut matches. A refusal is recorded too.
func (f *flow) open(ctx context.Context) (context.Context, netip.AddrPort, *refusal) {
	g := f.gate
	policy := g.cfg.Policy()
	f.decision = policy.Decide(&f.request, g.flows.Set())
	if f.decision.Refused() {
		return ctx, netip.AddrPort{}, f.refuse()
	}
	if f.listed(f.request.Target.Name, f.request.Target.Address) || f.asked != nil && g.listedURL(&f.decision, f.asked, f.request.Target) {
		return ctx, netip.AddrPort{}, f.refuse()
	}
	to := netip.AddrPortFrom(f.request.Target.Address, f.request.Target.Port)
	if f.request.Target.Name != "" && !g.byName() {
		addresses, err := f.resolve(ctx)
		if err != nil || len(addresses) == 0 {
			return ctx, to, f.fail("unreachable", "the name has no address")
		}
		if !f.choose(policy, addresses) {
			return ctx, to, f.refuse()
		}
		to = netip.AddrPortFrom(f.request.Address, f.request.Target.Port)
	}
	if f.decision.SentPerHour > 0 && f.sentBefore(0) > f.decision.SentPerHour {
		if f.decision = f.decision.Over(); f.decision.Refused() {
			return ctx, to, f.refuse()
		}
	}
	if f.decision.Read && !g.reads(f.request.Target.Name) {
		f.decision = f.decision.Unread()
		return ctx, to, f.refuse()
	}
	ctx, f.cancel = context.WithCancel(ctx)
	live, entry, isCut := g.flows.Enter(f.decision.Flow(&f.request), f.stop)
	if isCut {
		f.cancel()
		f.decision.Action, f.decision.Step, f.decision.Rule, f.decision.Reason = exit.Refuse, exit.StepCut, entry.ID, "cut: "+string(entry.Kind)
		return ctx, to, f.refuse()
	}
	f.live = live
	if !f.recordBegin() {
		live.Leave()
		f.cancel()
		return ctx, to, &refusal{f.id, "SK3504", unrecorded}
	}
	return ctx, to, nil
}

// recordBegin records that the flow begins.
func (f *flow) recordBegin() bool {
	more := f.opening()
	first, ok := f.gate.recordAt(append([]event.Body{f.event()}, more...)...)
	if f.reads.unread && first != 0 {
		f.reads.intent = first + event.Seq(len(more))
	}
	return ok
}

// byName reports whether names are resolved by an upstream proxy.
func (g *Gate) byName() bool { return g.cfg.Upstream != nil && g.cfg.Upstream.ByName }

func (f *flow) resolve(ctx context.Context) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, f.gate.cfg.Limits.Dial)
	defer cancel()
	return f.gate.names.look(ctx, f.request.Target.Name)
}

// choose takes the first address that may be reached; the decision is that
// about it, else about the last.
func (f *flow) choose(policy *exit.Policy, addresses []netip.Addr) bool {
	set := f.gate.flows.Set()
	for _, a := range addresses {
		f.request.Address = a
		f.decision = policy.Decide(&f.request, set)
		if !f.decision.Refused() && !f.listed("", a) {
			return true
		}
	}
	return false
}

// listed refuses what a list names as bad.
func (f *flow) listed(name string, address netip.Addr) bool {
	list, is := f.gate.listed(name, address)
	if is {
		f.decision = f.decision.Listed(list)
	}
	return is
}

func (g *Gate) listed(name string, address netip.Addr) (list string, is bool) {
	if g.cfg.Listed == nil {
		return "", false
	}
	return g.cfg.Listed(name, address, g.cfg.Now())
}

// stop is called, once, when a cut matches.
func (f *flow) stop(e cut.Entry) {
	f.mu.Lock()
	if f.finished {
		f.mu.Unlock()
		return
	}
	f.ending = true
	f.cutBy.Store(&e)
	f.gate.dying.add(f.pair.Load()) // Cut wakes the pair; one that comes later sees cutBy
	f.endKept()
	f.mu.Unlock()
	f.cancel()
	if f.kill != nil {
		f.kill()
	}
}

// refuse records the refusal in f.decision.
func (f *flow) refuse() *refusal {
	f.gate.record(f.event()) // refused whether or not it can be recorded
	r := &refusal{f.id, "SK3501", forbidden}
	switch {
	case f.decision.Step == exit.StepCut:
		r.code = "SK3503"
	case f.decision.Step == exit.StepAddress:
		r.code = "SK3502"
	case f.decision.SentPerHour > 0:
		r.code = "SK3509"
	case f.decision.Role == "" && f.gate.cfg.Login != nil && f.request.User == "":
		r.code, r.kind = "SK3510", loginNeeded
	}
	return r
}

// fail records a flow that was allowed and could not begin: nothing left.
func (f *flow) fail(outcome, detail string) *refusal {
	f.end.Outcome, f.end.Detail = outcome, detail
	f.gate.record(f.event(), &f.end)
	return &refusal{f.id, "SK3505", unreachable}
}

// event is the flow as it is recorded.
func (f *flow) event() *event.Flow {
	d, r := &f.decision, &f.request
	host := ""
	if r.Target.Name != "" {
		host, _ = exit.Shown(r.Target.Name)
	} else if r.Target.Address.IsValid() {
		host = r.Target.Address.String()
	}
	e := &event.Flow{
		ID: f.id, Place: f.gate.cfg.Place, Protocol: f.protocol, Client: r.Client.String(), Role: d.Role, By: d.By, User: userOf(r),
		Host: host, Port: r.Target.Port, Method: method(r.Method), Action: d.Action.String(), Step: string(d.Step), Rule: d.Rule,
		Policy: string(d.Digest), Cuts: f.gate.flows.Generation(),
	}
	if r.Address.IsValid() {
		e.Address = r.Address.String()
	} else if r.Target.Address.IsValid() {
		e.Address = host
	}
	if d.Action != exit.Allow {
		e.Reason = d.Reason
	}
	return e
}

// userOf is who the client is, as far as it has proved it.
func userOf(r *exit.Request) string {
	if r.Certificate != "" {
		return r.Certificate
	}
	return r.User
}

// method keeps the methods of RFC 9110 and PATCH; others are "other".
func method(m string) string {
	switch m {
	case "", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH":
		return m
	}
	return "other"
}

// sentBefore counts n more bytes and returns what the client sent under the
// rule within the hour.
func (f *flow) sentBefore(n uint64) uint64 {
	return f.gate.volumes.add(f.request.Client, f.decision.Rule, n, f.gate.cfg.Now())
}

// finish records the end. It must be called exactly once for a flow that was
// opened, when no byte passes any more.
func (f *flow) finish(outcome, detail string) {
	f.live.Leave()
	f.cancel()
	f.mu.Lock()
	f.finished = true // nothing is counted any more
	ending := f.ending
	f.mu.Unlock()
	if e := f.cutBy.Load(); e != nil {
		outcome, detail = "cut", e.ID
	}
	f.end.Outcome, f.end.Nanos = outcome, f.gate.cfg.Now().Sub(f.begin).Nanoseconds()
	if f.end.Detail == "" || outcome == "cut" {
		f.end.Detail = detail
	}
	f.gate.submit(append(f.closing(), &f.end)...)
	if ending {
		f.gate.dying.done()
	}
}

// dial connects to the checked address, or has the upstream proxy do it.
func (f *flow) dial(ctx context.Context, to netip.AddrPort) (t netloop.Transport, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.gate.cfg.Limits.Dial)
	defer cancel()
	switch u := f.gate.cfg.Upstream; {
	case u != nil:
		host := to.String()
		if u.ByName {
			host = f.request.Target.String()
		}
		t.Conn, err = dialUpstream(ctx, &f.gate.dialer, u.Address, host)
	case f.gate.native && !f.decision.Read:
		t.Socket, err = netloop.Connect(ctx, to)
	default:
		t.Conn, err = f.gate.dialer.DialContext(ctx, "tcp", to.String())
	}
	return t, err
}

// dialConn is dial for a connection that the gate speaks over itself.
func (f *flow) dialConn(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	t, err := f.dial(ctx, to)
	return t.Conn, err
}

// errOutcome turns an error of the network into a word without data.
func errOutcome(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "the name has no address"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, errUpstreamRefused):
		return "the upstream proxy refused"
	}
	return "connection failed"
}
