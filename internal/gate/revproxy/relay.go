package revproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/visit"
)

// relay carries a connection on that another gate has kept. Its fields belong to the
// callbacks of the loop.
type relay struct {
	s    *socket
	pair atomic.Pointer[netloop.Pair]
	from string // for the room of the gate
}

var (
	_ netloop.Detacher = (*relay)(nil)
	_ netloop.Ender    = (*relay)(nil)
)

// errCut ends a pair by a cut.
var errCut = errors.New("cut")

// takeUp goes on with the connections of the gate before. The returned stop ends those
// that are left.
func (g *Gate) takeUp(ctx context.Context) (stop func(), err error) {
	list := g.cfg.Resume
	g.cfg.Resume = nil
	if len(list) == 0 {
		return func() {}, nil
	}
	loop, err := netloop.New(netloop.Config{Workers: 1, MaxPairs: max(g.now.Load().Limits.Connections, len(list)), WriteStall: -1})
	if err != nil {
		for i := range list {
			list[i].Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := loop.Run(ctx); err != nil {
			g.cfg.Log.Error("connections that were kept", "err", err)
		}
	}()
	for i := range list {
		if err := g.goOn(loop, &list[i]); err != nil {
			g.cfg.Log.Error("a connection of the gate before cannot be taken up", "err", err)
			list[i].Close()
		}
	}
	return func() { cancel(); <-done }, nil
}

// goOn carries a connection on. After an error it is still the caller's.
func (g *Gate) goOn(loop netloop.Loop, k *Kept) error {
	var state keptSocket
	if err := json.Unmarshal(k.State, &state); err != nil {
		return err
	}
	now := g.now.Load()
	host := now.byName[state.Host]
	server, err := url.Parse(state.Server)
	if err != nil {
		return err
	}
	if host == nil || host.Place != state.Place || state.Encrypted != (k.Client.TLS != nil) || (server.Scheme == "https") != (k.Upstream.TLS != nil) || host.upstream(server) == nil {
		return fmt.Errorf("its site is not what it was (encrypted: %t)", state.Encrypted)
	}
	x := &exchange{gate: g, now: now, host: host, id: state.ID, trace: state.Trace, begin: state.Begin, cards: state.Cards, end: state.End, sentTo: host.upstream(server), cancel: func() {}}
	x.received.Store(state.Received)
	s := &socket{x: x, gone: make(chan struct{}), ends: ends{known: true}}
	s.from.restore(&state.From)
	s.to.restore(&state.To)
	s.sent.Store(state.Sent)
	x.socket = s
	r := &relay{s: s, from: visit.Network(state.Client)}
	s.relay = r
	x.flow = host.flow
	x.flow.User = state.User
	if a, err := netip.ParseAddr(state.Client); err == nil {
		x.flow.Client = a
	}
	live, entry, isCut := g.cuts.flows.Enter(x.flow, r.cut)
	x.live = live
	if isCut {
		x.ended.CompareAndSwap(nil, &ended{entry: entry, gone: make(chan struct{})})
		k.Client.Reset()
		k.Upstream.Reset()
		x.close()
		return nil
	}
	g.room.again(r.from)
	g.sockets.begin(s)
	g.open.Add(1)
	g.counts.open.Add(1)
	err = x.shownAgain(&state)
	if err == nil {
		var p *netloop.Pair
		if p, err = loop.Add(netloop.Transport{Socket: k.Client}, netloop.Transport{Socket: k.Upstream}, r); err == nil {
			r.pair.Store(p)
			if x.ended.Load() != nil { // it came before the pair was known
				p.Wake()
			}
			return nil
		}
	}
	x.end.Outcome = "aborted"
	r.over()
	return err
}

// shownAgain records that anybody may be in what follows.
func (x *exchange) shownAgain(state *keptSocket) error {
	p := x.host.persons
	if p == nil {
		return nil
	}
	s := &shown{x: x, p: p, visiting: &visiting{key: sessionKey{place: x.host.Place, address: state.Client, account: state.Account}}}
	s.tally = x.gate.tallies.Get().(*tally)
	s.tally.begin(p, func() *sent { return &sent{} })
	x.shown = s
	return s.upgraded()
}

// again counts a connection that had a place at the gate before.
func (r *room) again(from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.each == nil {
		r.each = map[string]int{}
	}
	r.count++
	r.each[from]++
}

// over ends the exchange.
func (r *relay) over() {
	x := r.s.x
	x.close()
	x.gate.room.leave(r.from)
	x.gate.counts.open.Add(-1)
	x.gate.open.Done()
}

// cut is called, once, when a cut matches.
func (r *relay) cut(e cut.Entry) {
	x := r.s.x
	c := &ended{entry: e, gone: make(chan struct{})}
	if !x.ended.CompareAndSwap(nil, c) {
		return
	}
	g := x.gate
	g.cuts.mu.Lock()
	g.cuts.ending = append(g.cuts.ending, c)
	g.cuts.mu.Unlock()
	if p := r.pair.Load(); p != nil {
		p.Wake()
	}
}

// letGo asks the loop for the sockets, and waits.
func (r *relay) letGo(ctx context.Context) {
	if p := r.pair.Load(); p != nil {
		p.Wake()
	}
	select {
	case <-r.s.gone:
	case <-ctx.Done():
	}
}

// rest has the loop let go, when that is possible now.
func (r *relay) rest(p *netloop.Pair) {
	k := &r.s.x.gate.sockets
	k.mu.Lock()
	leaving := k.leaving
	k.mu.Unlock()
	if leaving {
		p.Detach()
	}
}

// OnData implements netloop.Handler.
func (r *relay) OnData(p *netloop.Pair, side netloop.Side, b []byte) error {
	if r.s.x.ended.Load() != nil {
		p.Reset(errCut)
		return nil
	}
	s := r.s
	if side == netloop.Upstream {
		if !s.see(&s.from, b, cardInResponse) {
			p.Close(errCard)
			return nil
		}
		s.sent.Add(uint64(len(b)))
	} else {
		if !s.see(&s.to, b, cardInRequest) {
			p.Close(errCard)
			return nil
		}
		s.x.received.Add(uint64(len(b)))
	}
	p.Write(side.Other(), b)
	r.rest(p)
	return nil
}

// cardInRequest and cardInResponse end a connection with a card number.
var (
	cardInRequest  = refusal{status: http.StatusForbidden, code: "SK3402", action: "cut", rule: "card", reason: "a card number in the request"}
	cardInResponse = refusal{status: http.StatusBadGateway, code: "SK3403", action: "cut", rule: "card", reason: "a card number in the response"}
)

// OnWake implements netloop.Handler.
func (r *relay) OnWake(p *netloop.Pair) error {
	if r.s.x.ended.Load() != nil {
		p.Reset(errCut)
		return nil
	}
	r.rest(p)
	return nil
}

// OnTick implements netloop.Handler.
func (r *relay) OnTick(*netloop.Pair, time.Time) error { return nil }

// OnClosed implements netloop.Handler: a half-close is passed on.
func (r *relay) OnClosed(p *netloop.Pair, side netloop.Side, err error) {
	if err == nil {
		p.CloseWrite(side.Other())
		r.s.ends.half.Store(!p.Keepable())
	}
}

// OnGone implements netloop.Ender. What is recorded keeps no other waiting.
func (r *relay) OnGone(*netloop.Pair, error) { go r.over() }

// OnDetached implements netloop.Detacher.
func (r *relay) OnDetached(_ *netloop.Pair, client, upstream *netloop.Socket) {
	if r.s.x.ended.Load() != nil { // a cut came as the loop let go
		client.Reset()
		upstream.Reset()
	} else {
		r.s.hold(client, upstream)
	}
	go r.over()
}
