package egress

import (
	"errors"
	"io"
	"net/netip"
	"slices"

	"sekisho/internal/policy/exit"
)

// SOCKS version 5 (RFC 1928) with user name and password (RFC 1929). Only
// CONNECT: a gate that opened ports for others (BIND, UDP ASSOCIATE) would be
// a way out of its own.
const (
	socksVersion    = 5
	socksNone       = 0
	socksPassword   = 2
	socksNoMethod   = 0xff
	socksConnect    = 1
	socksIPv4       = 1
	socksName       = 3
	socksIPv6       = 4
	socksLogin      = 1 // version of RFC 1929
	socksOK         = 0
	socksFailure    = 1
	socksNotAllowed = 2
	socksNoHost     = 4
	socksCommand    = 7
	socksAddress    = 8
)

// ahead reads from bytes that came already, then from the client.
type aheadReader struct {
	ahead []byte
	from  io.Reader
}

func (r *aheadReader) Read(b []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(b, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.from.Read(b)
}

// serveSOCKS serves a client whose first bytes are in.
func (c *client) serveSOCKS(in []byte) {
	r := &aheadReader{in, c}
	user, err := c.socksGreeting(r)
	if err == nil {
		var target exit.Target
		if target, err = c.socksRequest(r); err == nil {
			q := c.request(target)
			q.User = user
			c.tunnel("socks", q, append([]byte(nil), r.ahead...), socksWords{c})
			return
		}
	}
	var form *formError
	if errors.As(err, &form) {
		c.malformed("socks", form)
	}
}

// formError is something that is no SOCKS request; it was answered.
type formError struct{ what string }

func (e *formError) Error() string { return e.what }

// take reads n bytes.
func take(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

// socksGreeting agrees on a method and logs the user in.
//
//	client: 5 | n | methods(n)      gate: 5 | method
//	client: 1 | ulen | user | plen | password   gate: 1 | 0
func (c *client) socksGreeting(r io.Reader) (user string, err error) {
	head, err := take(r, 2)
	if err != nil {
		return "", err
	}
	methods, err := take(r, int(head[1]))
	if err != nil {
		return "", err
	}
	method := byte(socksNoMethod)
	switch {
	case c.gate.cfg.Login != nil && slices.Contains(methods, socksPassword):
		method = socksPassword
	case slices.Contains(methods, socksNone):
		method = socksNone
	}
	if _, err := c.Write([]byte{socksVersion, method}); err != nil {
		return "", err
	}
	switch method {
	case socksNoMethod:
		return "", &formError{"the client offers no method that is spoken here"}
	case socksPassword:
		return c.socksLogin(r)
	}
	return "", nil
}

func (c *client) socksLogin(r io.Reader) (user string, err error) {
	var texts [2]string
	version, err := take(r, 1)
	if err != nil {
		return "", err
	}
	for i := range texts {
		n, err := take(r, 1)
		if err != nil {
			return "", err
		}
		text, err := take(r, int(n[0]))
		if err != nil {
			return "", err
		}
		texts[i] = string(text)
	}
	ok := version[0] == socksLogin && c.gate.cfg.Login(texts[0], texts[1])
	answer := byte(0)
	if !ok {
		answer = 1
	}
	if _, err := c.Write([]byte{socksLogin, answer}); err != nil {
		return "", err
	}
	if !ok {
		return "", &formError{"the password is wrong"}
	}
	return texts[0], nil
}

// socksRequest reads where to.
//
//	5 | command | 0 | type | address | port(2)
func (c *client) socksRequest(r io.Reader) (exit.Target, error) {
	fail := func(reply byte, what string) (exit.Target, error) {
		c.socksReply(reply)
		return exit.Target{}, &formError{what}
	}
	head, err := take(r, 4)
	if err != nil {
		return exit.Target{}, err
	}
	if head[0] != socksVersion || head[2] != 0 {
		return fail(socksFailure, "not a SOCKS 5 request")
	}
	var target exit.Target
	bad := error(nil)
	switch head[3] {
	case socksIPv4, socksIPv6:
		n := 4
		if head[3] == socksIPv6 {
			n = 16
		}
		b, err := take(r, n)
		if err != nil {
			return target, err
		}
		target.Address, _ = netip.AddrFromSlice(b)
	case socksName:
		n, err := take(r, 1)
		if err != nil {
			return target, err
		}
		b, err := take(r, int(n[0]))
		if err != nil {
			return target, err
		}
		target, bad = exit.ParseHost(string(b))
	default:
		return fail(socksAddress, "an address type that is not known")
	}
	port, err := take(r, 2)
	if err != nil {
		return target, err
	}
	target.Port = uint16(port[0])<<8 | uint16(port[1])
	switch {
	case bad != nil:
		return fail(socksNotAllowed, bad.Error())
	case target.Port == 0:
		return fail(socksNotAllowed, "there is no port")
	case head[1] != socksConnect:
		return fail(socksCommand, "a command other than CONNECT")
	}
	return target, nil
}

func (c *client) socksReply(reply byte) {
	_, _ = c.Write([]byte{socksVersion, reply, 0, socksIPv4, 0, 0, 0, 0, 0, 0})
}

// socksWords answer in SOCKS, which has no room for an event's id.
type socksWords struct{ c *client }

func (socksWords) established() []byte {
	return []byte{socksVersion, socksOK, 0, socksIPv4, 0, 0, 0, 0, 0, 0}
}

func (w socksWords) refuse(r refusal) {
	switch r.kind {
	case unreachable:
		w.c.socksReply(socksNoHost)
	case unrecorded, busy:
		w.c.socksReply(socksFailure)
	default:
		w.c.socksReply(socksNotAllowed)
	}
}
