package egress

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"sekisho/internal/policy/exit"
	"sekisho/internal/wire/tlshello"
)

// serveTransparent serves a connection that the network has led here: where the
// client wanted to go is in the socket, and what it calls it is in its first
// bytes. The name decides and is resolved anew: the client's own address is
// used only where there is no name.
func (g *Gate) serveTransparent(conn net.Conn) {
	c := g.newClient(conn)
	defer c.end()
	_ = conn.SetDeadline(time.Now().Add(min(g.cfg.Limits.Handshake, firstWords)))
	to, err := g.original(conn)
	if err != nil || to.Port() == 0 || g.isOwn(to) {
		c.malformed("sni", errors.New("the connection was not led here: there is no original destination"))
		return
	}
	hello, ahead, err := c.hello(g.base, nil)
	switch {
	case err == nil && hello.ServerName != "":
		target, err := exit.ParseHost(hello.ServerName)
		if err != nil || target.Name == "" {
			c.malformed("sni", errors.New("the server name is none"))
			c.alert()
			return
		}
		target.Port = to.Port()
		c.tunnel("sni", c.request(target), ahead, silentWords{c})
	case errors.Is(err, tlshello.ErrNotTLS) && looksHTTP(ahead):
		c.handOver(ahead, origin{port: to.Port()})
	case err == nil, errors.Is(err, tlshello.ErrNotTLS), len(ahead) == 0:
		// No name, or the server speaks first.
		c.tunnel("raw", c.request(exit.Target{Address: to.Addr(), Port: to.Port()}), ahead, rawWords{})
	default:
		c.malformed("sni", errors.New("the TLS hello is malformed or incomplete"))
	}
}

// firstWords is how long a client of a protocol that is not known is waited
// for: in some the server speaks first.
const firstWords = 2 * time.Second

// isOwn reports whether a connection was made to the gate itself.
func (g *Gate) isOwn(to netip.AddrPort) bool {
	own, ok := g.cfg.Transparent.Addr().(*net.TCPAddr)
	a := own.AddrPort().Addr().Unmap()
	return ok && own.AddrPort().Port() == to.Port() && (a == to.Addr() || a.IsUnspecified() && (to.Addr().IsLoopback() || to.Addr().IsUnspecified()))
}

// looksHTTP reports whether bytes begin an HTTP/1 request: a method in
// capitals and a space.
func looksHTTP(b []byte) bool {
	i := bytes.IndexByte(b[:min(len(b), 20)], ' ')
	return i > 2 && len(bytes.Trim(b[:i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == 0
}

// silentWords refuse with a TLS alert: the client thinks it talks to its
// destination.
type silentWords struct{ c *client }

func (silentWords) established() []byte { return nil }
func (w silentWords) refuse(refusal)    { w.c.alert() }

// rawWords have no language: the connection is closed.
type rawWords struct{}

func (rawWords) established() []byte { return nil }
func (rawWords) refuse(refusal)      {}
