package revproxy

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/gate/cutting"
	"sekisho/internal/policy/cut"
	"sekisho/internal/wire/http1"
)

var _ cutting.Cutter = (*Gate)(nil)

// codeCut is shown to whoever a cut refuses.
const codeCut = "SK3005"

// cuts are what of a gate can be cut.
type cuts struct {
	flows   cutting.Flows // exchanges
	clients clients

	mu     sync.Mutex
	ending []*ended // guarded by mu; a Cut waits for them
}

// ended is an exchange that a cut ends.
type ended struct {
	entry cut.Entry
	gone  chan struct{} // closed when it passes nothing any more
}

// target is what cuts know of a site: its names, and where its upstream is.
func (h *Host) target() cut.Flow {
	flow := cut.Flow{Name: firstName(h)}
	if len(h.Names) > 1 {
		flow.Others = append(flow.Others, h.Names[1:]...)
	}
	for _, u := range h.Others {
		flow.Others = append(flow.Others, u.Hostname()) // a name or an address
	}
	if a, err := netip.ParseAddr(h.Upstream.Hostname()); err == nil {
		flow.Address = a
	} else {
		flow.Others = append(flow.Others, h.Upstream.Hostname())
	}
	return flow
}

// enter registers the exchange, again when it has become known which account it
// is of. False: a cut in force refuses it.
func (x *exchange) enter(w http.ResponseWriter, r *http.Request, user string) (refusal, bool) {
	x.live.Leave()
	x.live = nil
	if c := x.ended.Load(); c != nil {
		return forbidden(c.entry), false
	}
	flow := x.host.flow
	flow.User = user
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		flow.Client = a.Addr()
	}
	if c, ok := r.Context().Value(clientKey{}).(*client); ok && r.ProtoMajor < 2 {
		c.last.Store(&flow)
	}
	x.flow = flow
	live, e, refused := x.gate.cuts.flows.Enter(flow, func(e cut.Entry) { x.cut(e, w, r) })
	if refused {
		return forbidden(e), false
	}
	x.live = live
	return refusal{}, true
}

// past stops what waits: the deadline has gone by.
var past = time.Unix(1, 0)

// cut ends the exchange: what it asks of the upstream, and the connection of its
// client. Over HTTP/2 only its stream ends, since the connection is others' too.
func (x *exchange) cut(e cut.Entry, w http.ResponseWriter, r *http.Request) {
	c := &ended{entry: e, gone: make(chan struct{})}
	if !x.ended.CompareAndSwap(nil, c) {
		return // is ending; whoever ends it waits
	}
	g := x.gate
	g.cuts.mu.Lock()
	g.cuts.ending = append(g.cuts.ending, c)
	g.cuts.mu.Unlock()
	x.cancel()
	if r.ProtoMajor >= 2 {
		control := http.NewResponseController(w)
		// Neither fails over HTTP/2.
		_ = control.SetReadDeadline(past)
		_ = control.SetWriteDeadline(past)
		return
	}
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		reset(c.conn)
	}
}

// leave takes the exchange out of what can be cut: it passes nothing any more.
// It may be called again.
func (x *exchange) leave() {
	x.live.Leave() // from here on x.cut is not called
	x.live = nil
	if c := x.ended.Load(); c != nil && !x.left {
		close(c.gone)
	}
	x.left = true
}

// abort is the last of an exchange: the client of one that was cut gets no end.
func (x *exchange) abort() {
	x.leave()
	x.cancel()
	if x.ended.Load() != nil {
		panic(http.ErrAbortHandler)
	}
}

// forbidden is the answer to what a cut matches.
func forbidden(e cut.Entry) refusal {
	f := refusal{status: http.StatusServiceUnavailable, code: codeCut, action: "refuse", rule: e.ID, reason: "cut"}
	if e.Kind == cut.Host || e.Kind == cut.User {
		f.status = http.StatusForbidden
	}
	return f
}

// user is the account that an exchange is known to be of, as in events; "" if
// it is not.
func (x *exchange) user(r *http.Request) string {
	switch {
	case x.attempt != nil:
		return label(x.attempt.account)
	case x.shown != nil:
		return x.shown.key.account
	case x.host.visitors != nil:
		if c := x.host.visitors.cookie(r); c != [16]byte{} {
			who, _ := x.host.visitors.entered(c)
			return who.name
		}
	}
	return ""
}

const labelled = "account "

// label is what events call an account.
func label(account [16]byte) string { return labelled + hex.EncodeToString(account[:8]) }

// Cut implements cutting.Cutter. Exchanges are matched by the client's address,
// the site's names, its upstream and, where logins are counted, the account, as
// people enter it or as events call it. It returns when those that match have
// ended. Connections that wait for the next request are closed too: those of
// clients that are cut, those whose last exchange matches and, when a site is
// cut, all to upstreams.
func (g *Gate) Cut(ctx context.Context, set *cut.Set) (closed int, err error) {
	if set, err = g.accounts(set); err != nil {
		return 0, err
	}
	if closed, err = g.cuts.flows.Cut(ctx, set); err != nil {
		return closed, err
	}
	g.cuts.clients.cut(set, time.Now())
	g.cuts.mu.Lock()
	list := g.cuts.ending
	g.cuts.ending = nil
	g.cuts.mu.Unlock()
	for _, c := range list {
		select {
		case <-c.gone:
		case <-ctx.Done():
			return closed, ctx.Err()
		}
	}
	for _, h := range g.now.Load().all {
		if _, is := set.Match(&h.flow, time.Now()); is {
			g.closeIdle()
			break
		}
	}
	return closed, nil
}

// Account returns an account as events and cuts call it, so that an order need
// not hold what somebody typed. False: no site counts logins.
func (g *Gate) Account(name string) (string, bool) {
	for _, h := range g.now.Load().all {
		if l := h.Logins; l != nil {
			return label(l.Hash([]byte("account"), []byte(accountName(name)))), true
		}
	}
	return "", false
}

// Generation implements cutting.Cutter.
func (g *Gate) Generation() uint64 { return g.cuts.flows.Generation() }

// accounts returns set with the users in the form in which the gate knows them.
func (g *Gate) accounts(set *cut.Set) (*cut.Set, error) {
	var hash func(...[]byte) [16]byte
	for _, h := range g.now.Load().all {
		if l := h.Logins; l != nil {
			hash = l.Hash
		}
	}
	if hash == nil || set.Empty() {
		return set, nil
	}
	entries := slices.Clone(set.Entries())
	for i := range entries {
		e := &entries[i]
		if e.Kind != cut.User || strings.HasPrefix(e.Target, labelled) {
			continue
		}
		account := hash([]byte("account"), []byte(accountName(e.Target)))
		if b, err := hex.DecodeString(e.Target); err == nil && len(b) == len(account) { // event.SiteLogin
			account = [16]byte(b)
		}
		e.Target = label(account)
	}
	known, err := cut.New(set.Generation(), entries)
	if err != nil {
		return nil, fmt.Errorf("users of generation %d: %w", set.Generation(), err)
	}
	return known, nil
}

// clients are the connections of clients, but those that changed their
// protocol: these are exchanges until they end.
type clients struct {
	mu   sync.Mutex
	open map[net.Conn]*client // guarded by mu
}

// client is the connection of one.
type client struct {
	conn net.Conn
	flow cut.Flow // the address alone
	// last is the exchange that it carries or carried last. Its end may still be
	// on the way when it has left the cuts. Not of HTTP/2.
	last atomic.Pointer[cut.Flow]
	// tls is what the handshake came to where the server does not see it.
	tls           *tls.ConnectionState
	asked, gaveUp atomic.Int64 // requests, and those that it did not wait for
	asking        atomic.Int64 // exchanges under way
	below         *counted     // of HTTP/2 over TLS, else nil
	front         *front       // nil in tests
}

type clientKey struct{}

// begin is http.Server.ConnContext.
func (c *clients) begin(ctx context.Context, conn net.Conn) context.Context {
	one := &client{conn: conn}
	if a, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		one.flow.Client = a.Addr()
	}
	if secure, ok := conn.(*tls.Conn); ok {
		if one.below, _ = secure.NetConn().(*counted); one.below != nil {
			one.front = one.below.front
		}
	}
	if w, ok := conn.(*watching); ok {
		one.front = w.front
		if secure, ok := w.Conn.(*tls.Conn); ok {
			state := secure.ConnectionState()
			one.tls = &state
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[net.Conn]*client{}
	}
	c.open[conn] = one
	return context.WithValue(ctx, clientKey{}, one)
}

// clientOf returns the connection that a request came on, nil for none.
func clientOf(r *http.Request) *client {
	c, _ := r.Context().Value(clientKey{}).(*client)
	return c
}

// asks notes that a request came, before anybody reads its body: what comes of that
// when nobody does is no flood.
func (c *client) asks(r *http.Request) {
	if c != nil && c.below != nil && r.ContentLength != 0 {
		c.below.uploads.Store(true)
	}
	if c != nil {
		c.asking.Add(1)
	}
	c.moved()
}

// answered notes that what came of a request is over.
func (c *client) answered() {
	if c != nil {
		c.asking.Add(-1)
	}
}

// moved notes that the connection is of use: a request, or bytes of a body.
func (c *client) moved() {
	if c != nil && c.below != nil {
		c.below.vain.Store(0)
	}
}

// leaving tells the client of an old front, or of a gate that is quiet, to ask on another connection. One that
// changes its protocol stays.
func (c *client) leaving(w http.ResponseWriter, r *http.Request) {
	if c != nil && c.front != nil && (c.front.old.Load() || c.front.gate.quiet.Load() != nil) && r.Header["Upgrade"] == nil {
		w.Header().Set("Connection", "close")
	}
}

// sent notes that bytes of a response were taken: the client answers them with frames.
func (c *client) sent(n int) {
	if c != nil && c.below != nil {
		c.below.earn(n)
	}
}

// changed notes that the connection changes its protocol.
func (c *client) changed() {
	if w, ok := c.conn.(*watching); ok {
		w.other.Store(true)
	}
}

// violation is what was wrong with a body that has just been read, nil for
// nothing.
func (c *client) violation() *http1.Violation {
	if c != nil {
		if w, ok := c.conn.(*watching); ok {
			return w.bad
		}
	}
	return nil
}

// secure tells a request that it came over TLS.
func (c *client) secure(r *http.Request) {
	if c != nil && c.tls != nil && r.TLS == nil {
		r.TLS = c.tls
	}
}

// count notes that a request has ended. A connection of HTTP/2 that mostly gives
// up what it asks for, as in a rapid reset (CVE-2023-44487), is closed.
func (c *client) count(r *http.Request, x *exchange) {
	if c == nil || r.ProtoMajor < 2 {
		return
	}
	asked := c.asked.Add(1)
	if r.Context().Err() == nil || x.end.Status != 0 {
		return
	}
	if gone := c.gaveUp.Add(1); asked > 2*int64(x.now.Limits.Streams) && 2*gone > asked {
		x.gate.counts.resets.Add(1)
		x.gate.flooded(floodResets)
		if c.below != nil {
			c.below.left.Store(true)
		}
		reset(c.conn)
	}
}

// state is http.Server.ConnState.
func (c *clients) state(conn net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, conn)
	}
}

// cut resets the connections of clients that set matches, or what they carried
// last. Whoever connects again is told why nothing passes.
func (c *clients) cut(set *cut.Set, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.open {
		_, is := set.Match(&one.flow, now)
		if last := one.last.Load(); last != nil && !is {
			_, is = set.Match(last, now)
		}
		if is {
			reset(one.conn)
		}
	}
}

// reset closes a connection and drops what the kernel would still send.
func reset(conn net.Conn) {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = outer.NetConn()
	}
	if c, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = c.SetLinger(0) // fails when it is closed already
	}
	_ = conn.Close()
}
