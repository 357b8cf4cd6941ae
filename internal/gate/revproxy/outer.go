package revproxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"sekisho/internal/wire/tlsrecord"
)

// outer is a connection to an upstream over TLS that may change its protocol, and then
// be carried on by another gate.
type outer struct {
	*tls.Conn
	below *tracing
}

// Read implements net.Conn.
func (c *outer) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.below.trace.Took(n)
	return n, err
}

// tracing shows a trace the cipher text of a connection.
type tracing struct {
	net.Conn
	trace *tlsrecord.Trace
}

// Read implements net.Conn.
func (t *tracing) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p[:t.trace.Most(len(p))])
	t.trace.In(p[:n])
	return n, err
}

// Write implements net.Conn.
func (t *tracing) Write(p []byte) (int, error) {
	t.trace.Out(p) // what does not leave ends the session
	return t.Conn.Write(p)
}

// newOuter returns what carries requests that ask a server over TLS for another
// protocol: HTTP/1.1, which alone can change.
func newOuter(cfg *Transport) *http.Transport {
	own := cfg.TLS.Clone() // the other transport changes its own
	return &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialOuter(ctx, own, network, address)
		},
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: cfg.ResponseTimeout,
		DisableCompression:    true,
	}
}

func dialOuter(ctx context.Context, cfg *tls.Config, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t := &tracing{conn, tlsrecord.NewTrace(false)}
	if cfg = cfg.Clone(); cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		if cfg.ServerName, _, err = net.SplitHostPort(address); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	cfg.NextProtos, cfg.KeyLogWriter, cfg.ClientSessionCache = []string{"http/1.1"}, t.trace, nil
	secure := tls.Client(t, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	t.trace.Begin(secure.ConnectionState())
	return &outer{secure, t}, nil
}

// layers returns what a connection to an upstream consists of; ok: enough is known of
// it for another gate to go on.
func (s *sender) layers() (to *net.TCPConn, trace *tlsrecord.Trace, ok bool) {
	if s == nil {
		return nil, nil, false
	}
	conn := s.conn
	if o, is := conn.(*outer); is {
		conn, trace = o.below.Conn, o.below.trace
	}
	to, ok = conn.(*net.TCPConn)
	return to, trace, ok
}

// settle ends the time in which tickets are looked up: the upstream has answered.
func (s *sender) settle() {
	if _, trace, ok := s.layers(); ok {
		trace.Settle()
	}
}
