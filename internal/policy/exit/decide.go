package exit

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sekisho/internal/policy/cut"
)

// Mode says what becomes of what no entry allows.
type Mode uint8

const (
	Open    Mode = iota + 1 // it passes
	Report                  // it passes and is reported
	Enforce                 // it is refused
)

var modeNames = []string{"", "open", "report", "enforce"}

// String returns the mode as written in policies.
func (m Mode) String() string { return modeNames[min(int(m), len(modeNames)-1)] }

// ParseMode returns the mode of a name.
func ParseMode(name string) (Mode, bool) {
	i := slices.Index(modeNames, name)
	return Mode(max(i, 0)), i > 0
}

// Action is what the gate shall do.
type Action uint8

const (
	Allow  Action = iota + 1
	Flag          // let pass and report
	Refuse        // refuse in the protocol's own language
)

// String returns "allow", "report" or "refuse", the words of events.
func (a Action) String() string { return [...]string{"none", "allow", "report", "refuse"}[min(a, 3)] }

// Step is the step that decided.
type Step string

// The steps, in their order.
const (
	StepCut     Step = "cut"
	StepAddress Step = "address" // an address that nobody may reach, or a look-alike
	StepList    Step = "list"    // a destination that a list names as bad
	StepAllow   Step = "allow"
	StepMode    Step = "mode"
	StepDeny    Step = "deny"
)

// Request is all that a decision depends on.
type Request struct {
	// Certificate is the common name of a verified client certificate, User an
	// authenticated user; empty without one.
	Certificate, User string
	Client            netip.Addr
	Target            Target
	// Method is that of a request that the gate can read; empty in a tunnel.
	Method string
	// Address is what the target's name resolves to. Not valid: not resolved
	// yet, and the decision says whether it may be.
	Address netip.Addr
	// Lookup says that only a DNS answer is asked for: ports, methods and hours
	// do not count.
	Lookup bool
	Now    time.Time
}

// Decision is the outcome. It is the same for the same Request, policy and
// cuts.
type Decision struct {
	Action Action
	Step   Step
	// Rule names what decided: "role/entry", "mode open", "default", a class of
	// address, the id of a cut.
	Rule string
	// Reason says why, for the operator. It is not for clients.
	Reason string
	Role   string // empty for none
	By     string // certificate, user or address: what put the client into it
	Mode   Mode   // of the role; Enforce without one
	Digest Digest
	// SentPerHour bounds what the client may send within an hour under Rule; 0
	// for no bound.
	SentPerHour uint64
	// AnyInner says that a tunnel need not carry TLS with the name asked for.
	AnyInner bool
	// Read says that a tunnel is to be read, or not to pass.
	Read bool
}

// Refused reports whether the gate must refuse.
func (d *Decision) Refused() bool { return d.Action == Refuse }

// Miss is an entry that did not fit, and the first reason: "name", "port",
// "method", "hours" or "address".
type Miss struct{ Rule, Because string }

// Decide answers a request under the cuts in force (nil: none).
func (p *Policy) Decide(r *Request, cuts *cut.Set) Decision { return p.decide(r, cuts, nil) }

// Explain returns the decision of Decide and the entries that did not fit.
func (p *Policy) Explain(r *Request, cuts *cut.Set) (Decision, []Miss) {
	var misses []Miss
	d := p.decide(r, cuts, &misses)
	return d, misses
}

// roleOf returns the role of a client and what put it there; nil for none.
func (p *Policy) roleOf(r *Request) (*role, string) {
	if r.Certificate != "" {
		if x := p.byCert[r.Certificate]; x != nil {
			return x, "certificate"
		}
	}
	if r.User != "" {
		if x := p.byUser[r.User]; x != nil {
			return x, "user"
		}
	}
	client := r.Client.Unmap().WithZone("")
	for i := range p.byAddress {
		if p.byAddress[i].Contains(client) {
			return p.byAddress[i].role, "address"
		}
	}
	return nil, ""
}

// Flow is a request as cuts see it. Others are further names of the same
// destination.
func (d *Decision) Flow(r *Request, others ...string) cut.Flow {
	f := cut.Flow{Role: d.Role, Client: r.Client, User: r.User, Name: r.Target.Name, Others: others, Address: r.Address}
	if r.Target.Address.IsValid() {
		f.Address = r.Target.Address
	}
	return f
}

func (p *Policy) decide(r *Request, cuts *cut.Set, misses *[]Miss) Decision {
	d := Decision{Digest: p.digest, Mode: Enforce}
	x, by := p.roleOf(r)
	if x != nil {
		d.Role, d.By, d.Mode = x.name, by, x.mode
	}
	if !cuts.Empty() {
		f := d.Flow(r)
		if e, ok := cuts.Match(&f, r.Now); ok {
			return d.refuse(StepCut, e.ID, "cut: "+string(e.Kind))
		}
	}
	address := r.Address
	if r.Target.Address.IsValid() {
		address = r.Target.Address
	}
	inner := false // of a segment
	if address.IsValid() {
		class, hard, block := classOf(address)
		inner = p.named(address, hard, block)
		if class != "public" && !inner {
			return d.refuse(StepAddress, class, "the destination's address is "+class)
		}
	}
	if name, ok := p.looksLike(r.Target.Name); ok {
		return d.refuse(StepAddress, "look-alike", "the name is drawn as "+name)
	}
	if x == nil {
		return d.refuse(StepDeny, "default", "the client is in no role")
	}
	for _, e := range x.allow {
		if because := p.fits(e, r, address, inner); because != "" {
			if misses != nil {
				*misses = append(*misses, Miss{e.rule, because})
			}
			continue
		}
		d.Action, d.Step, d.Rule, d.Reason = Allow, StepAllow, e.rule, "the entry allows it"
		d.SentPerHour, d.AnyInner, d.Read = e.sent, e.anyInner, e.read
		return d
	}
	return p.unmatched(d, r, inner)
}

// unmatched is what the mode makes of a request that no entry allows.
func (p *Policy) unmatched(d Decision, r *Request, inner bool) Decision {
	what := "no entry of the role allows it"
	switch {
	case inner:
		return d.refuse(StepDeny, "segment", fmt.Sprintf("the role may not reach this inner network by %s", Protocol(r.Target.Port)))
	case OutsideResolver(r.Target) && d.Mode != Open:
		d = d.refuse(StepDeny, "outside-resolver", "a resolver that is not ours")
	case d.Mode == Open:
		d.Action, d.Step, d.Rule, d.Reason, d.AnyInner = Allow, StepMode, "mode open", what, true
	default:
		d = d.refuse(StepDeny, "default", what)
	}
	if d.Mode == Report {
		d.Action, d.Step, d.AnyInner = Flag, StepMode, true
	}
	return d
}

func (d Decision) refuse(step Step, rule, reason string) Decision {
	d.Action, d.Step, d.Rule, d.Reason = Refuse, step, rule, reason
	return d
}

// named reports whether a segment means an address. Hard classes are meant
// only by a prefix within their block.
func (p *Policy) named(a netip.Addr, hard bool, block netip.Prefix) bool {
	for _, s := range p.segments {
		if s.means(a, hard, block) {
			return true
		}
	}
	return false
}

func (s *segment) means(a netip.Addr, hard bool, block netip.Prefix) bool {
	for _, n := range s.networks {
		if n.Contains(a) && (!hard || block.IsValid() && block.Bits() <= n.Bits() && prefixHolds(block, n.Addr())) {
			return true
		}
	}
	return false
}

// fits returns why an entry does not fit, "" when it does.
func (p *Policy) fits(e *entry, r *Request, address netip.Addr, inner bool) string {
	named := e.names.has(r.Target.Name)
	within := false
	if !named {
		for _, s := range e.segments {
			switch {
			case r.Target.Name != "" && !s.names.has(r.Target.Name):
			case !address.IsValid():
				within = true // a name of the segment that is not resolved yet
			default:
				_, hard, block := classOf(address)
				within = within || s.means(address, hard, block)
			}
		}
		if !within && r.Target.Name == "" && !inner {
			within = slices.ContainsFunc(e.networks, func(n netip.Prefix) bool { return n.Contains(address) })
		}
		if !within {
			return "name"
		}
	} else if inner {
		return "address" // a public name that leads into an inner network
	}
	if r.Lookup {
		return ""
	}
	return e.fitsRest(r, p.zone)
}

func (e *entry) fitsRest(r *Request, zone *time.Location) string {
	if !within(e.ports, r.Target.Port) {
		return "port"
	}
	if len(e.methods) > 0 && r.Method != "" && !slices.Contains(e.methods, r.Method) {
		return "method"
	}
	if len(e.hours) > 0 {
		local := r.Now.In(zone)
		if !slices.ContainsFunc(e.hours, func(s span) bool { return s.holds(local) }) {
			return "hours"
		}
	}
	return ""
}

// Listed is the decision for a destination that a list names as bad: nobody
// reaches it, in any mode.
func (d *Decision) Listed(list string) Decision {
	return d.refuse(StepList, list, "the destination is listed as bad")
}

// Unread is the decision for what is to be read and cannot be, in any mode: its
// entry does not allow it otherwise.
func (d *Decision) Unread() Decision {
	return d.refuse(StepDeny, d.Rule, "it is to be read, and this gate has no authority for the name")
}

// Over is the decision for a client that has sent more than d.SentPerHour.
func (d *Decision) Over() Decision {
	out := d.refuse(StepDeny, d.Rule, fmt.Sprintf("more than %d bytes sent within an hour", d.SentPerHour))
	if d.Mode != Enforce {
		out.Action = Flag
	}
	return out
}

// OtherName is the decision for a tunnel whose TLS names another server than
// the one that was asked for. What the entry lets be anything stays allowed.
func (d *Decision) OtherName(why string) Decision {
	out := d.refuse(StepDeny, "server-name", why)
	if d.Mode != Enforce {
		out.Action = Flag
	}
	return out
}
