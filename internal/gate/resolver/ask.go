package resolver

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"sekisho/internal/event"
	"sekisho/internal/policy/exit"
)

// ask gets an answer from the upstreams, once for all who ask the same at the
// same time, and keeps it. nil: nobody answered, or too many wait already.
func (r *Resolver) ask(ctx context.Context, l *lookup) *answer {
	key := cacheKey{l.q.name, l.q.kind, l.decision.Role}
	r.mu.Lock()
	if same := r.asking[key]; same != nil {
		r.mu.Unlock()
		select {
		case <-same.done:
			return same.answer
		case <-ctx.Done():
			return nil
		}
	}
	mine := &asked{done: make(chan struct{})}
	r.asking[key] = mine
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.asking, key)
		r.mu.Unlock()
		close(mine.done)
	}()
	select {
	case r.pending <- struct{}{}:
		defer func() { <-r.pending }()
	default:
		r.full()
		return nil
	}
	m := r.exchange(ctx, l.q.name, l.q.kind)
	if m == nil {
		return nil
	}
	dropped := clean(m, func(a netip.Addr) bool { return r.reachable(l, a) })
	if dropped {
		told := *l
		told.decision.Action, told.decision.Step, told.decision.Rule, told.decision.Reason = exit.Refuse, exit.StepAddress, "inside", "the name leads to an address that the client may not reach"
		r.record(r.event(&told, l.request.Client))
	}
	if a := pack(m, l.shown, r.cfg.Now()); a != nil {
		if a.expires.After(a.stored) {
			r.cache.put(key, a)
		}
		mine.answer = a
	}
	return mine.answer
}

// reachable reports whether the client of a question may reach an address
// under the name that it asked for.
func (r *Resolver) reachable(l *lookup, a netip.Addr) bool {
	q := l.request
	q.Address = a
	d := r.policy().Decide(&q, r.flows.Set())
	return !d.Refused()
}

// exchange asks the upstreams in order; nil when none answers.
func (r *Resolver) exchange(ctx context.Context, name string, kind uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), kind) // with a random id; a socket of its own has a random port
	m.SetEdns0(maxSize, false)
	for _, u := range r.cfg.Upstreams {
		if a := r.exchangeWith(ctx, u, m); a != nil {
			return a
		}
	}
	r.down()
	return nil
}

func (r *Resolver) exchangeWith(ctx context.Context, u Upstream, m *dns.Msg) *dns.Msg {
	network := "udp"
	if u.ServerName != "" {
		network = "tcp-tls"
	}
	for range 2 {
		c := &dns.Client{Net: network, UDPSize: maxSize, Timeout: r.cfg.Timeout}
		if network == "tcp-tls" {
			c.TLSConfig = &tls.Config{ServerName: u.ServerName, MinVersion: tls.VersionTLS12}
		}
		bounded, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
		a, _, err := c.ExchangeContext(bounded, m, u.Address)
		cancel()
		if err != nil || !answers(a, m) {
			return nil
		}
		if !a.Truncated || network != "udp" {
			return a
		}
		network = "tcp"
	}
	return nil
}

// answers reports whether a is an answer to m that can be passed on. A server
// that fails or refuses is asked no more; the next one is.
func answers(a, m *dns.Msg) bool {
	if a == nil || !a.Response || len(a.Question) != 1 || a.Question[0].Qtype != m.Question[0].Qtype || a.Question[0].Qclass != m.Question[0].Qclass {
		return false
	}
	if dns.CanonicalName(a.Question[0].Name) != dns.CanonicalName(m.Question[0].Name) {
		return false
	}
	return a.Rcode == dns.RcodeSuccess || a.Rcode == dns.RcodeNameError
}

// clean takes out of an answer what a client must not have: ECH keys, and
// addresses that it may not reach. dropped says that an address was taken out.
func clean(m *dns.Msg, reachable func(netip.Addr) bool) (dropped bool) {
	m.AuthenticatedData = false
	keep := func(records []dns.RR) []dns.RR {
		return slices.DeleteFunc(records, func(rr dns.RR) bool {
			switch x := rr.(type) {
			case *dns.OPT:
				return true // of the upstream's connection, not the answer's
			case *dns.RRSIG, *dns.NSEC, *dns.NSEC3:
				return true
			case *dns.A:
				return drop(&dropped, reachable, x.A)
			case *dns.AAAA:
				return drop(&dropped, reachable, x.AAAA)
			case *dns.HTTPS:
				cleanService(&x.SVCB, reachable, &dropped)
			case *dns.SVCB:
				cleanService(x, reachable, &dropped)
			}
			return false
		})
	}
	m.Answer, m.Ns, m.Extra = keep(m.Answer), keep(m.Ns), keep(m.Extra)
	return dropped
}

// drop reports whether an address has to go.
func drop(dropped *bool, reachable func(netip.Addr) bool, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	if ok && reachable(a.Unmap()) {
		return false
	}
	*dropped = true
	return true
}

// cleanService takes ECH keys and hints to unreachable addresses out of a
// service record. The key is also taken off the list of mandatory ones, which
// would otherwise name what is not there (RFC 9460, 8).
func cleanService(s *dns.SVCB, reachable func(netip.Addr) bool, dropped *bool) {
	s.Value = slices.DeleteFunc(s.Value, func(v dns.SVCBKeyValue) bool {
		switch x := v.(type) {
		case *dns.SVCBECHConfig:
			return true
		case *dns.SVCBMandatory:
			x.Code = slices.DeleteFunc(x.Code, func(k dns.SVCBKey) bool { return k == dns.SVCB_ECHCONFIG })
			return len(x.Code) == 0
		case *dns.SVCBIPv4Hint:
			x.Hint = slices.DeleteFunc(x.Hint, func(ip net.IP) bool { return drop(dropped, reachable, ip) })
			return len(x.Hint) == 0
		case *dns.SVCBIPv6Hint:
			x.Hint = slices.DeleteFunc(x.Hint, func(ip net.IP) bool { return drop(dropped, reachable, ip) })
			return len(x.Hint) == 0
		}
		return false
	})
}

const (
	mostTTL     = 24 * time.Hour
	mostNoneTTL = 15 * time.Minute // of what does not exist (RFC 2308, 5: one to three hours at most)
)

// pack makes an answer for the wire; nil when it cannot be packed.
func pack(m *dns.Msg, shown string, now time.Time) *answer {
	a := &answer{shown: shown, stored: now, rcode: m.Rcode}
	m.Compress = true
	wire, err := m.Pack()
	if err != nil || len(wire) > dns.MaxMsgSize {
		return nil
	}
	end := headerBytes
	for end < len(wire) && wire[end] != 0 {
		end += 1 + int(wire[end])
	}
	a.wire, a.ttls = wire, findTTLs(wire, end+5)
	life := mostTTL
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		life = min(life, time.Duration(rr.Header().Ttl)*time.Second)
		if soa, ok := rr.(*dns.SOA); ok && len(m.Answer) == 0 {
			life = min(life, time.Duration(soa.Minttl)*time.Second, mostNoneTTL)
		}
	}
	if len(m.Answer)+len(m.Ns) == 0 {
		life = 0 // nothing says how long
	}
	a.expires = now.Add(life)
	return a
}

// Addresses resolves a name for a gate of this process that has decided
// already; the question is recorded before it leaves, as any other. It may be
// called while Run runs.
func (r *Resolver) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m := r.known(ctx, name, kind)
		if m == nil {
			if kind == dns.TypeAAAA && len(all) > 0 {
				break
			}
			return nil, &net.DNSError{Err: "no answer", Name: "", IsTemporary: true}
		}
		for _, rr := range m.Answer {
			ip := net.IP(nil)
			switch x := rr.(type) {
			case *dns.A:
				ip = x.A
			case *dns.AAAA:
				ip = x.AAAA
			}
			if a, ok := netip.AddrFromSlice(ip); ok {
				all = append(all, a.Unmap())
			}
		}
	}
	return all, nil
}

// gateRole keeps a gate's answers apart from the roles': their addresses are
// judged by the gate, and none is taken out.
const gateRole = "\x00gate"

func (r *Resolver) known(ctx context.Context, name string, kind uint16) *dns.Msg {
	now := r.cfg.Now()
	key := cacheKey{name, kind, gateRole}
	a := r.cache.get(key, now)
	if a == nil {
		l := &lookup{q: &question{name: name, kind: kind}}
		l.shown, l.base = exit.Shown(name)
		l.decision = exit.Decision{Action: exit.Allow, Step: exit.StepAllow, Rule: "gate", Digest: r.policy().Digest()}
		e := r.event(l, netip.Addr{})
		e.Client = "gate"
		if !r.record(e) {
			return nil
		}
		m := r.exchange(ctx, name, kind)
		if m == nil {
			return nil
		}
		clean(m, func(netip.Addr) bool { return true })
		if a = pack(m, l.shown, now); a == nil {
			return nil
		}
		if a.expires.After(now) {
			r.cache.put(key, a)
		}
	}
	m := new(dns.Msg)
	if m.Unpack(a.wire) != nil {
		return nil
	}
	return m
}

// full and down tell, at most every ten seconds, that questions are not
// answered.
func (r *Resolver) full() { r.tell(&r.fullTold, "SK3604", "too many questions wait for an upstream") }
func (r *Resolver) down() { r.tell(&r.downTold, "SK3603", "no upstream resolver answers") }

const tellEvery = 10 * time.Second

func (r *Resolver) tell(last *time.Time, code, title string) {
	now := r.cfg.Now()
	r.mu.Lock()
	quiet := now.Sub(*last) < tellEvery
	if !quiet {
		*last = now
	}
	r.mu.Unlock()
	if !quiet {
		r.record(&event.Finding{Code: code, Title: title, Place: r.cfg.Place})
	}
}
