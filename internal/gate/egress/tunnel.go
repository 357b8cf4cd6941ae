package egress

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/exit"
	"sekisho/internal/wire/tlshello"
)

// tunnel is what a flow needs while netloop carries it. Its fields belong to
// the callbacks.
type tunnel struct {
	who    *client
	closed int // sides that have ended
	why    string
	detail string
	over   bool // the volume was passed in a mode that only reports

	told, ends time.Time // of the last FlowBytes; of the lifetime
	rate       [2]bucket
	resume     [2]time.Time
}

// bucket is a token bucket of one second.
type bucket struct {
	left int64
	at   time.Time
}

// errors that end a pair by the gate's will.
var (
	errCut      = errors.New("egress: cut")
	errLifetime = errors.New("egress: lifetime is over")
	errVolume   = errors.New("egress: too much was sent within the hour")
)

// carry gives both connections to the loop. From then on the loop closes them.
func (f *flow) carry(c *client, upstream netloop.Transport, ahead []byte) {
	f.tunnel = &tunnel{who: c, told: time.Now()}
	if l := f.gate.cfg.Limits.Lifetime; l > 0 {
		f.tunnel.ends = f.tunnel.told.Add(l)
	}
	c.carried = true
	_ = c.conn.SetDeadline(time.Time{})
	p, err := f.gate.loop.Add(netloop.Transport{Conn: c.transport(), TLS: c.tls, Ahead: ahead}, upstream, f)
	if err != nil {
		c.carried = false
		_ = upstream.Close()
		f.finish("limit", "the gate is full or ends")
		return
	}
	f.carried(p)
}

// carried notes the pair.
func (f *flow) carried(p *netloop.Pair) {
	f.pair.Store(p)
	if f.cutBy.Load() != nil || f.gate.leaving.Load() { // it came before the pair was known
		p.Wake()
	}
}

// OnOpen implements netloop.Opener.
func (f *flow) OnOpen(p *netloop.Pair) error {
	f.able(p)
	f.gate.carries(f, true)
	f.arm(p)
	return f.OnWake(p)
}

// OnData implements netloop.Handler.
func (f *flow) OnData(p *netloop.Pair, s netloop.Side, b []byte) error {
	if f.cutBy.Load() != nil {
		p.Reset(errCut)
		return nil
	}
	if s == netloop.Client {
		if f.end.Sent == 0 && f.decision.AnyInner && !f.again {
			if f.glance(b); f.cutBy.Load() != nil {
				p.Reset(errCut)
				return nil
			}
		}
	}
	if !f.count(p, s, uint64(len(b))) {
		return nil
	}
	p.Write(s.Other(), b)
	if limit := f.gate.cfg.Limits.BytesPerSecond; limit > 0 {
		f.slow(p, s, int64(len(b)), int64(limit))
	}
	f.able(p)
	f.rest(p)
	return nil
}

// count adds n bytes of side s that are about to go on; false: they may not.
func (f *flow) count(p *netloop.Pair, s netloop.Side, n uint64) bool {
	if s == netloop.Upstream {
		f.end.Received += n
		return true
	}
	f.end.Sent += n
	if f.decision.SentPerHour > 0 && f.tooMuch(n) {
		p.Close(errVolume)
		return false
	}
	return true
}

// MayPass implements netloop.Passer: nothing looks into a tunnel after its
// first bytes, which never come here. A bandwidth is kept in small steps.
func (f *flow) MayPass(*netloop.Pair, netloop.Side) bool {
	return f.gate.cfg.Limits.BytesPerSecond == 0 && f.cutBy.Load() == nil
}

// OnPassed implements netloop.Passer.
func (f *flow) OnPassed(p *netloop.Pair, s netloop.Side, n int) error {
	if f.cutBy.Load() != nil {
		p.Reset(errCut)
		return nil
	}
	if f.count(p, s, uint64(n)) {
		f.rest(p)
	}
	return nil
}

// tooMuch reports whether n more bytes pass the volume of the entry.
func (f *flow) tooMuch(n uint64) bool {
	if f.sentBefore(n) <= f.decision.SentPerHour {
		return false
	}
	if d := f.decision.Over(); d.Refused() {
		f.end.Sent -= n
		return true
	}
	if !f.tunnel.over {
		f.tunnel.over = true
		f.end.Detail = "more was sent than the entry allows"
	}
	return false
}

// slow pauses a side that has sent more than its share of a second.
func (f *flow) slow(p *netloop.Pair, s netloop.Side, n, limit int64) {
	b := &f.tunnel.rate[s]
	b.left = min(limit, b.left+int64(p.Now().Sub(b.at).Seconds()*float64(limit)))
	b.at = p.Now()
	if b.left -= n; b.left < 0 {
		p.Pause(s)
		f.tunnel.resume[s] = p.Now().Add(time.Duration(float64(-b.left) / float64(limit) * float64(time.Second)))
		f.arm(p)
	}
}

// arm asks for the next tick: progress, end of life, end of a pause.
func (f *flow) arm(p *netloop.Pair) {
	t := f.tunnel
	next := t.told.Add(f.gate.cfg.Limits.Progress)
	for _, at := range []time.Time{t.ends, t.resume[0], t.resume[1]} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	p.ArmTick(next)
}

// OnWake implements netloop.Handler.
func (f *flow) OnWake(p *netloop.Pair) error {
	if f.cutBy.Load() != nil {
		p.Reset(errCut)
		return nil
	}
	f.rest(p)
	return nil
}

// OnTick implements netloop.Handler.
func (f *flow) OnTick(p *netloop.Pair, now time.Time) error {
	t := f.tunnel
	if !t.ends.IsZero() && !now.Before(t.ends) {
		p.Close(errLifetime)
		return nil
	}
	for s := range t.resume {
		if at := t.resume[s]; !at.IsZero() && !now.Before(at) {
			t.resume[s] = time.Time{}
			p.Resume(netloop.Side(s))
		}
	}
	if now.Sub(t.told) >= f.gate.cfg.Limits.Progress {
		t.told = now
		if f.end.Sent != f.toldSent || f.end.Received != f.toldRecvd {
			f.toldSent, f.toldRecvd = f.end.Sent, f.end.Received
			f.gate.submit(&event.FlowBytes{ID: f.id, Sent: f.end.Sent, Received: f.end.Received, Nanos: f.gate.cfg.Now().Sub(f.begin).Nanoseconds()})
		}
	}
	f.arm(p)
	return nil
}

// OnClosed implements netloop.Handler: a half-close is passed on. What both sides
// have sent by then may still be on its way, and can be cut until OnGone.
func (f *flow) OnClosed(p *netloop.Pair, s netloop.Side, err error) {
	t := f.tunnel
	if t.closed++; t.closed == 1 {
		t.why, t.detail = "done", ""
		if err == nil {
			p.CloseWrite(s.Other())
			f.able(p)
			return
		}
		t.why, t.detail = outcomeOf(err)
		return
	}
	if t.why == "done" && err != nil && !errors.Is(err, netloop.ErrClosed) {
		t.why, t.detail = outcomeOf(err)
	}
}

// OnGone implements netloop.Ender.
func (f *flow) OnGone(_ *netloop.Pair, err error) {
	t := f.tunnel
	if t.why == "done" && err != nil && !errors.Is(err, netloop.ErrClosed) {
		t.why, t.detail = outcomeOf(err)
	}
	f.gate.carries(f, false)
	f.finish(t.why, t.detail)
	t.who.leave()
}

func outcomeOf(err error) (why, detail string) {
	switch {
	case errors.Is(err, errCut):
		return "cut", ""
	case errors.Is(err, netloop.ErrIdle):
		return "limit", "idle"
	case errors.Is(err, errLifetime):
		return "limit", "lifetime"
	case errors.Is(err, errVolume):
		return "limit", "sent_per_hour"
	case errors.Is(err, netloop.ErrStalled):
		return "limit", "a side does not read"
	case errors.Is(err, netloop.ErrStopped):
		return "done", "the gate ended"
	}
	return "aborted", ""
}

// inner reads the first bytes of a tunnel and judges what they are. ahead are
// bytes that came with the request; all that was read is returned. When the
// flow may not go on, it is finished and false is returned.
func (f *flow) inner(ctx context.Context, c *client, ahead []byte) ([]byte, bool) {
	if f.decision.AnyInner {
		return ahead, true // any protocol, also one whose server speaks first
	}
	hello, ahead, err := c.hello(ctx, ahead)
	if f.cutBy.Load() != nil {
		f.finish("cut", "")
		return ahead, false
	}
	why := ""
	switch {
	case err == nil:
		f.end.ECH = hello.ECH
		why = f.otherName(hello.ServerName)
	case errors.Is(err, tlshello.ErrNotTLS):
		why = "the tunnel carries no TLS"
	case errors.Is(err, tlshello.ErrMalformed):
		why = "the TLS hello is malformed"
	default:
		f.finish("aborted", "nothing was sent")
		return ahead, false
	}
	if f.cutBy.Load() != nil { // by the name that was learnt
		c.alert()
		f.finish("cut", "")
		return ahead, false
	}
	if why == "" {
		return ahead, true
	}
	if d := f.decision.OtherName(why); d.Refused() {
		if err == nil || errors.Is(err, tlshello.ErrMalformed) {
			c.alert()
		}
		f.gate.raise("SK3508", "a tunnel does not carry what was asked for")
		f.finish("refused", why)
		return ahead, false
	}
	f.end.Detail = why
	return ahead, true
}

// otherName compares the server name with what was asked for, and learns it.
func (f *flow) otherName(sni string) string {
	if sni == "" {
		if f.request.Target.Name != "" {
			return "the TLS hello has no server name"
		}
		return ""
	}
	target, err := exit.ParseHost(sni)
	if err != nil || target.Name == "" {
		return "the server name is none"
	}
	f.end.Name, _ = exit.Shown(target.Name)
	f.innerName = target.Name
	if target.Name == f.request.Target.Name {
		return ""
	}
	if e, is := f.gate.flows.Learn(f.live, target.Name); is {
		f.cutBy.CompareAndSwap(nil, &e)
	}
	if f.request.Target.Name != "" {
		return "the server name is another"
	}
	if _, is := f.gate.listed(target.Name, netip.Addr{}); is {
		return "the server name is listed as bad"
	}
	return "" // an address that may be reached, whatever is called so
}

// glance learns the server name from the first bytes of a tunnel that may
// carry anything, without keeping them back.
func (f *flow) glance(b []byte) {
	hello, err := tlshello.Parse(b)
	if err != nil {
		return // not TLS, or in pieces: nothing depends on it here
	}
	f.end.ECH = hello.ECH
	if why := f.otherName(hello.ServerName); why != "" && hello.ServerName != "" {
		f.end.Detail = why
	}
}
