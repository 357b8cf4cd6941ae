package egress

import (
	"encoding/json"
	"net/netip"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/exit"
)

// Kept is a tunnel between two runs of a gate, in one process or in two programs
// that follow each other in it: nothing of it passes, and what the peers send
// waits in their sockets. Whoever has one closes its sockets or gives it to the
// next gate.
type Kept struct {
	Client, Upstream *netloop.Socket
	State            []byte // keptFlow
}

// Close ends the tunnel. The ledger says no more of it than of one that a crash
// took.
func (k *Kept) Close() {
	_ = k.Client.Close() // nobody is told: the peers see the end
	_ = k.Upstream.Close()
}

// keptFlow is what the next gate has to know of a tunnel. What its first bytes
// were to say has been decided, and nothing looks into it after them.
type keptFlow struct {
	Place     event.Place
	Encrypted bool // the client's leg speaks TLS, and never goes on in clear
	ID        string
	Protocol  string
	Request   exit.Request
	Decision  exit.Decision
	Begin     time.Time
	End       event.FlowEnd // so far
	Inner     string        // the server name inside, for cuts
	Over      bool          // the volume was passed in a mode that only reports
	Ends      time.Time     // of its lifetime; zero: none
	Glanced   bool          // its first bytes have passed
	Hour      *keptHour     // what its client sent under its rule; with one tunnel of each
}

// keptHour is a volume.
type keptHour struct {
	Window       int64
	Sent, Before uint64
}

// keeping is what a gate that ends keeps for the next. Gate.mu guards it.
type keeping struct {
	tunnels map[*flow]struct{} // that the loop carries; nil: nobody keeps any
	held    []*flow            // that it has let go of
}

// letGoPatience bounds how long the loop may take, after the time of the drain, to
// let go of tunnels.
const letGoPatience = time.Second

// keeps says that another gate takes the tunnels up.
func (g *Gate) keeps() bool { return g.keepable() && g.cfg.Keep() }

// keepable says that one may.
func (g *Gate) keepable() bool { return g.cfg.Keep != nil && g.native }

// carries notes that the loop has a tunnel, or has it no more.
func (g *Gate) carries(f *flow, has bool) {
	if !g.keepable() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !has {
		delete(g.keeping.tunnels, f)
		return
	}
	if g.keeping.tunnels == nil {
		g.keeping.tunnels = map[*flow]struct{}{}
	}
	g.keeping.tunnels[f] = struct{}{}
}

// letGo asks all tunnels to be kept.
func (g *Gate) letGo() {
	g.leaving.Store(true) // one that begins from now on sees it
	g.mu.Lock()
	var pairs []*netloop.Pair
	for f := range g.keeping.tunnels {
		if p := f.pair.Load(); p != nil {
			pairs = append(pairs, p)
		}
	}
	g.mu.Unlock()
	netloop.WakeAll(pairs)
}

// held is how many tunnels wait for the next gate.
func (g *Gate) held() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.keeping.held)
}

// rest has the loop let go of a tunnel that shall be kept. One with the beginning
// of a TLS record, or bytes that nobody handled yet, is asked again when more came.
func (f *flow) rest(p *netloop.Pair) {
	if f.gate.leaving.Load() {
		p.Detach()
	}
}

var _ netloop.Detacher = (*flow)(nil)

// OnDetached implements netloop.Detacher. What was recorded is all that passed.
func (f *flow) OnDetached(_ *netloop.Pair, client, upstream *netloop.Socket) {
	g := f.gate
	g.carries(f, false)
	f.tunnel.who.leave()
	if b := f.progress(); b != nil {
		g.submit(b)
	}
	if all := f.closing(); len(all) > 0 {
		g.submit(all...)
	}
	f.reads = reading{}
	f.mu.Lock()
	over := f.ending
	f.kept = &Kept{Client: client, Upstream: upstream}
	if over {
		f.dropKept()
	}
	f.mu.Unlock()
	if over { // a cut came as the loop let go
		f.finish("cut", "")
		return
	}
	g.mu.Lock()
	g.keeping.held = append(g.keeping.held, f)
	g.mu.Unlock()
}

// dropKept ends a tunnel that waits, and what the kernel holds of it. f.mu is held.
func (f *flow) dropKept() {
	f.kept.Client.Reset()
	f.kept.Upstream.Reset()
	f.kept = nil
}

// endKept ends a tunnel that waits, by a cut. f.mu is held, and the lock under which
// cuts end flows: the end is recorded by somebody else, and Cut waits for that.
func (f *flow) endKept() {
	if f.kept == nil {
		return
	}
	f.dropKept()
	go f.finish("cut", "")
}

// Kept returns the tunnels that wait for another gate, once: those that this one
// kept when it ended, and those that it was given and did not take up. Run has
// returned, or was never called.
func (g *Gate) Kept() (list []Kept) {
	g.mu.Lock()
	held := g.keeping.held
	g.keeping.held = nil
	g.mu.Unlock()
	told := map[volumeKey]bool{}
	for _, f := range held {
		f.live.Leave() // no cut ends it from here on
		f.mu.Lock()
		k := f.kept
		f.kept = nil
		f.mu.Unlock()
		if k == nil {
			continue
		}
		state := keptFlow{Place: g.cfg.Place, Encrypted: k.Client.TLS != nil, ID: f.id, Protocol: f.protocol, Request: f.request, Decision: f.decision, Begin: f.begin,
			End: f.end, Inner: f.innerName, Over: f.tunnel.over, Ends: f.tunnel.ends, Glanced: f.end.Sent > 0}
		if key := (volumeKey{f.request.Client, f.decision.Rule}); !told[key] && f.decision.SentPerHour > 0 {
			told[key], state.Hour = true, g.volumes.keep(key)
		}
		var err error
		if k.State, err = json.Marshal(state); err != nil { // nothing in it can fail
			g.cfg.Log.Error("a tunnel cannot be kept", "err", err)
			k.Close()
			continue
		}
		list = append(list, *k)
	}
	list = append(list, g.cfg.Resume...)
	g.cfg.Resume = nil
	return list
}

// takeUp goes on with the tunnels of the gate before: each is the flow that it was,
// asks the cuts, and counts on.
func (g *Gate) takeUp() {
	list := g.cfg.Resume
	g.cfg.Resume = nil
	for i := range list {
		k := &list[i]
		var state keptFlow
		err := json.Unmarshal(k.State, &state)
		if err != nil || state.Place != g.cfg.Place || state.Encrypted != (k.Client.TLS != nil) || k.Upstream.TLS != nil {
			g.cfg.Log.Error("a tunnel of the gate before cannot be taken up", "err", err)
			k.Close()
			continue
		}
		g.goOn(k, &state)
	}
}

// goOn carries a tunnel on, or ends it.
func (g *Gate) goOn(k *Kept, state *keptFlow) {
	f := &flow{gate: g, id: state.ID, protocol: state.Protocol, request: state.Request, decision: state.Decision, begin: state.Begin, end: state.End, innerName: state.Inner,
		toldSent: state.End.Sent, toldRecvd: state.End.Received, cancel: func() {}, again: state.Glanced}
	f.tunnel = &tunnel{who: g.clientAgain(state.Request.Client), over: state.Over, told: time.Now(), ends: state.Ends}
	g.volumes.merge(volumeKey{f.request.Client, f.decision.Rule}, state.Hour)
	end := func(outcome, detail string) {
		f.mu.Lock()
		f.kept = k
		f.dropKept()
		f.mu.Unlock()
		f.finish(outcome, detail)
		f.tunnel.who.leave()
	}
	if why := f.judgeAgain(); why != "" {
		end("refused", why)
		return
	}
	live, entry, isCut := g.flows.Enter(f.decision.Flow(&f.request), f.stop)
	if !isCut && state.Inner != "" && state.Inner != f.request.Target.Name {
		entry, isCut = g.flows.Learn(live, state.Inner)
	}
	f.live = live
	if isCut {
		f.cutBy.CompareAndSwap(nil, &entry)
		end("cut", "")
		return
	}
	if all := f.opening(); len(all) > 0 {
		first, ok := g.recordAt(all...)
		if !ok {
			end("aborted", "it cannot be recorded")
			return
		}
		if f.reads.unread && first != 0 {
			f.reads.intent = first + event.Seq(len(all)-1)
		}
	}
	p, err := g.loop.Add(netloop.Transport{Socket: k.Client}, netloop.Transport{Socket: k.Upstream}, f)
	if err != nil {
		end("limit", "the gate is full or ends")
		return
	}
	f.carried(p)
}

// judgeAgain says why a tunnel may not go on under a policy that is another than
// the one it began under; "": it may.
func (f *flow) judgeAgain() string {
	p := f.gate.cfg.Policy()
	if p.Digest() == f.decision.Digest {
		return ""
	}
	r := f.request
	r.Now = f.begin
	switch d := p.Decide(&r, nil); {
	case d.Refused():
		return "the policy allows it no more"
	case d.Read:
		return "the policy wants it read"
	default:
		f.decision = d
		return ""
	}
}

// clientAgain is the client of a tunnel that goes on.
func (g *Gate) clientAgain(from netip.Addr) *client {
	g.seats.again(from)
	return &client{gate: g, address: from, carried: true}
}

// keep returns what was sent under a key, nil for nothing.
func (v *volumes) keep(key volumeKey) *keptHour {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.sum[key]
	if s == nil {
		return nil
	}
	return &keptHour{s.window, s.sent, s.before}
}

// merge takes over what was sent before this run.
func (v *volumes) merge(key volumeKey, h *keptHour) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if h != nil && v.sum[key] == nil {
		v.sum[key] = &volume{window: h.Window, sent: h.Sent, before: h.Before}
	}
}

// under is how many flows the gate still carries, or is about to.
func (g *Gate) under() int {
	n := g.flows.Count() - g.held()
	if g.leaving.Load() {
		n += int(g.serving.Load())
	}
	return n
}
