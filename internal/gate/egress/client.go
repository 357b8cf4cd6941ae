package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/exit"
	"sekisho/internal/wire/tlshello"
	"sekisho/internal/wire/tlsrecord"
)

// client is a connection of a client until it is carried or closed.
type client struct {
	gate    *Gate
	conn    net.Conn        // as accepted; with TLS, a *netloop.Stream over it
	tls     *tls.Conn       // nil without TLS
	stream  *netloop.Stream // nil without TLS
	raw     net.Conn        // as accepted: names the seat
	address netip.Addr
	cert    string
	wrote   bool // an answer is on its way
	handed  bool // the HTTP server has the connection; of the goroutine that accepted it
	carried bool // the loop has the connection; of whoever called tunnel
	once    sync.Once
}

// firstBytes is what a client's first words fit in; more is read into a bigger
// buffer. maxHead bounds the head of a CONNECT request.
const (
	firstBytes = 2 << 10
	maxHead    = 16 << 10
)

var firstBuffers = sync.Pool{New: func() any { return new([firstBytes]byte) }}

func (g *Gate) newClient(conn net.Conn) *client {
	return &client{gate: g, conn: conn, raw: conn, address: addressOf(conn.RemoteAddr())}
}

// serveProxy serves a client that knows of the proxy.
func (g *Gate) serveProxy(conn net.Conn) {
	c := g.newClient(conn)
	defer c.end()
	_ = conn.SetDeadline(time.Now().Add(g.cfg.Limits.Handshake))
	if g.cfg.TLS != nil && !c.handshake() {
		return
	}
	buffer := firstBuffers.Get().(*[firstBytes]byte)
	defer firstBuffers.Put(buffer)
	n, err := c.Read(buffer[:])
	if err != nil || n == 0 {
		return // said nothing
	}
	if buffer[0] == socksVersion {
		c.serveSOCKS(buffer[:n])
		return
	}
	c.serveRequest(buffer[:n])
}

// serveRequest takes CONNECT itself and hands other requests to the server of
// HTTP. in is a buffer's beginning; its rest may be used.
func (c *client) serveRequest(in []byte) {
	const method = "CONNECT "
	if !strings.HasPrefix(method, string(in[:min(len(in), len(method))])) {
		c.handOver(in, origin{})
		return
	}
	head, rest, err := c.readHead(in)
	switch {
	case err != nil:
		c.refuseHTTP(refusal{c.malformed("connect", err), "SK3506", malformedly})
	case !strings.HasPrefix(head, method): // it had only begun like one
		c.handOver(append([]byte(head), rest...), origin{})
	default:
		c.connect(head, rest)
	}
}

// errLogin: credentials that are none, or wrong.
var errLogin = errors.New("user or password is wrong")

// errHead: a head that is too long or ends within.
var errHead = errors.New("the head of the request is too long or incomplete")

// readHead reads up to the empty line. It returns the head and what follows.
func (c *client) readHead(in []byte) (head string, rest []byte, err error) {
	b := in
	for seen := 0; ; {
		if i := bytes.Index(b[max(0, seen-3):], []byte("\r\n\r\n")); i >= 0 {
			end := max(0, seen-3) + i + 4
			return string(b[:end]), append([]byte(nil), b[end:]...), nil
		}
		seen = len(b)
		if len(b) >= maxHead {
			return "", nil, errHead
		}
		if len(b) == cap(b) {
			b = append(make([]byte, 0, maxHead), b...)
		}
		n, err := c.Read(b[len(b):cap(b)])
		if err != nil {
			return "", nil, errHead
		}
		b = b[:len(b)+n]
	}
}

// connect carries a tunnel that was asked for by CONNECT.
func (c *client) connect(head string, ahead []byte) {
	line, fields, _ := strings.Cut(head, "\r\n")
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0" {
		c.refuseHTTP(refusal{c.malformed("connect", errors.New("the request line is none")), "SK3506", malformedly})
		return
	}
	target, err := exit.ParseTarget(parts[1], 0)
	if err != nil {
		c.refuseHTTP(refusal{c.malformed("connect", err), "SK3506", malformedly})
		return
	}
	user, ok := c.authenticate(field(fields, "Proxy-Authorization"))
	if !ok {
		c.refuseHTTP(refusal{c.malformed("connect", errLogin), "SK3510", loginNeeded})
		return
	}
	c.tunnel("connect", exit.Request{Certificate: c.cert, User: user, Client: c.address, Target: target}, ahead, httpWords{c})
}

// words are how a tunnel's beginning is answered in a protocol.
type words interface {
	established() []byte // nil: nothing is said
	refuse(refusal)
}

type httpWords struct{ c *client }

func (httpWords) established() []byte { return []byte("HTTP/1.1 200 Connection established\r\n\r\n") }
func (w httpWords) refuse(r refusal)  { w.c.refuseHTTP(r) }

// tunnel opens a flow, dials, answers, judges the first bytes and gives both
// connections to the loop.
func (c *client) tunnel(protocol string, r exit.Request, ahead []byte, say words) {
	g := c.gate
	g.seats.decided(c.raw)
	f := g.newFlow(protocol, r)
	f.kill = f.killInside
	ctx, to, refused := f.open(g.base)
	if refused != nil {
		say.refuse(*refused)
		return
	}
	upstream, err := f.dial(ctx, to)
	if err != nil {
		f.finish("unreachable", errOutcome(err))
		say.refuse(refusal{f.id, "SK3505", unreachable})
		return
	}
	_ = c.conn.SetDeadline(time.Now().Add(g.cfg.Limits.Handshake))
	if answer := say.established(); answer != nil {
		if _, err := c.Write(answer); err != nil {
			_ = upstream.Close()
			f.finish("aborted", "the client left")
			return
		}
	}
	ahead, ok := f.inner(ctx, c, ahead)
	if !ok {
		_ = upstream.Close()
		return
	}
	if f.decision.Read {
		f.read(ctx, c, upstream.Conn, to, ahead)
		return
	}
	f.carry(c, upstream, ahead)
}

// hello reads until the TLS hello is whole, or it is none. ctx interrupts.
func (c *client) hello(ctx context.Context, ahead []byte) (tlshello.Hello, []byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if len(ahead) > 0 {
			if h, err := tlshello.Parse(ahead); !errors.Is(err, tlshello.ErrShort) {
				return h, ahead, err
			}
		}
		if len(ahead) == cap(ahead) {
			ahead = append(make([]byte, 0, max(firstBytes, 2*len(ahead))), ahead...)
		}
		n, err := c.Read(ahead[len(ahead):cap(ahead)])
		if err != nil {
			return tlshello.Hello{}, ahead, err
		}
		ahead = ahead[:len(ahead)+n]
	}
}

// alert ends a TLS client's hope in its own words: fatal, access_denied (RFC
// 8446, 6.2).
func (c *client) alert() { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 49}) }

// handshake speaks TLS with the client.
func (c *client) handshake() bool {
	c.stream = netloop.NewStream(c.conn)
	c.conn = c.stream
	cfg := c.gate.cfg.TLS
	if c.gate.keepable() {
		c.stream.Trace, cfg = tlsrecord.NewTrace(true), cfg.Clone()
		cfg.KeyLogWriter, cfg.SessionTicketsDisabled = c.stream.Trace, true // it counts on that no ticket is sent
	}
	c.tls = tls.Server(c.stream, cfg)
	ctx, cancel := context.WithTimeout(c.gate.base, c.gate.cfg.Limits.Handshake)
	defer cancel()
	if c.tls.HandshakeContext(ctx) != nil {
		return false
	}
	state := c.tls.ConnectionState()
	c.stream.Trace.Begin(state)
	if chains := state.VerifiedChains; len(chains) > 0 {
		c.cert = chains[0][0].Subject.CommonName
	}
	return true
}

// Read reads plain bytes.
func (c *client) Read(b []byte) (int, error) {
	if c.tls != nil {
		n, err := c.tls.Read(b)
		c.stream.Trace.Took(n)
		return n, err
	}
	return c.conn.Read(b)
}

// Write writes plain bytes.
func (c *client) Write(b []byte) (int, error) {
	c.wrote = true
	if c.tls != nil {
		return c.tls.Write(b)
	}
	return c.conn.Write(b)
}

// transport is the connection as the loop takes it.
func (c *client) transport() net.Conn { return c.conn }

// end closes a client that is not carried.
func (c *client) end() {
	if c.handed || c.carried {
		return
	}
	if c.tls != nil {
		_ = c.tls.Close() // says close_notify
	}
	if c.wrote {
		c.lingeringClose()
	}
	_ = c.raw.Close()
	c.leave()
}

// lingeringClose lets a refusal arrive: closing with unread bytes would reset
// the connection before the client has read it (RFC 9112, 9.6). Bounded.
func (c *client) lingeringClose() {
	if t, ok := c.raw.(*net.TCPConn); ok && t.CloseWrite() == nil {
		_ = t.SetDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, t, lingerBytes)
	}
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 10
)

// leave gives the seat back, once.
func (c *client) leave() { c.once.Do(func() { c.gate.seats.leave(c.raw, c.address) }) }

// authenticate checks Basic credentials (RFC 7617). Without any it is true for
// nobody.
func (c *client) authenticate(header string) (user string, ok bool) {
	if header == "" || c.gate.cfg.Login == nil {
		return "", true
	}
	scheme, text, _ := strings.Cut(header, " ")
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	user, password, found := strings.Cut(string(plain), ":")
	return user, found && c.gate.cfg.Login(user, password)
}

// field is the value of a header field, "" without one.
func field(fields, name string) string {
	for line := range strings.SplitSeq(fields, "\r\n") {
		if n, v, found := strings.Cut(line, ":"); found && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
