package revproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/policy/visit"
)

// doors is the listener that the server sees: it bounds the connections of all
// and of each, does the handshakes of TLS, and has HTTP/1 watched on the wire.
// HTTP/2 is left to the server, which knows a *tls.Conn only.
type doors struct {
	gate  *Gate
	tls   *tls.Config
	ready chan net.Conn
	err   error // why the listener ended; read after over
	over  chan struct{}
	wait  sync.WaitGroup

	mu      sync.Mutex            // guards what follows
	shaking map[net.Conn]struct{} // with a handshake under way
	shut    bool                  // no more of these
	count   int                   // connections
	each    map[string]int        // of an address
}

func newDoors(g *Gate, config *tls.Config) *doors {
	d := &doors{gate: g, ready: make(chan net.Conn), over: make(chan struct{}), shaking: map[net.Conn]struct{}{}, each: map[string]int{}}
	if config != nil {
		d.tls = config.Clone()
		d.tls.NextProtos = append([]string{"h2", "http/1.1"}, config.NextProtos...)
	}
	return d
}

// run accepts until the listener ends.
func (d *doors) run() {
	defer close(d.over)
	for pause := time.Duration(0); ; {
		conn, err := d.gate.cfg.Listener.Accept()
		if err != nil {
			var short interface{ Temporary() bool }
			if errors.As(err, &short) && short.Temporary() { // such as no more files
				pause = min(max(2*pause, 5*time.Millisecond), time.Second)
				select {
				case <-time.After(pause):
					continue
				case <-d.gate.stopping:
				}
			}
			d.err = err
			return
		}
		pause = 0
		if taken, ok := d.take(conn); ok {
			d.wait.Go(func() { d.begin(taken) })
		}
	}
}

// take counts a connection. False: there are too many, and it is closed.
func (d *doors) take(conn net.Conn) (*counted, bool) {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	from := visit.Network(host)
	limits := &d.gate.cfg.Limits
	d.mu.Lock()
	reason := ""
	switch {
	case d.shut:
		reason = "stop"
	case d.count >= limits.Connections:
		reason = "too many connections"
	case d.each[from] >= limits.PerAddress:
		reason = "too many connections of one address"
	default:
		d.count++
		d.each[from]++
	}
	d.mu.Unlock()
	if reason == "" {
		return &counted{Conn: conn, doors: d, from: from}, true
	}
	reset(conn)
	if reason != "stop" {
		d.gate.counts.turnedAway.Add(1)
		d.gate.flooded(reason)
	}
	return nil, false
}

// challenge is what an authority negotiates that asks who answers for a name: it
// has seen the certificate when the handshake is over (RFC 8737, 3).
const challenge = "acme-tls/1"

// begin hands a connection to the server, after its handshake.
func (d *doors) begin(c *counted) {
	var conn net.Conn = c
	switch {
	case d.tls == nil:
		conn = d.gate.watch(c)
	default:
		secure, ok := d.shake(c)
		if !ok || secure.ConnectionState().NegotiatedProtocol == challenge {
			_ = c.Close()
			return
		}
		c.frames = true
		if conn = secure; secure.ConnectionState().NegotiatedProtocol != "h2" {
			c.frames = false
			conn = d.gate.watch(secure)
		}
	}
	select {
	case d.ready <- conn:
	case <-d.gate.stopping:
		_ = conn.Close()
	}
}

// shake does the handshake of TLS, within the time for a header.
func (d *doors) shake(c *counted) (*tls.Conn, bool) {
	d.mu.Lock()
	shut := d.shut
	d.shaking[c] = struct{}{}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.shaking, c)
	}()
	secure := tls.Server(c, d.tls)
	if shut || c.SetDeadline(time.Now().Add(d.gate.cfg.Limits.Header)) != nil || secure.HandshakeContext(context.Background()) != nil {
		return nil, false
	}
	return secure, c.SetDeadline(time.Time{}) == nil
}

// stop ends the handshakes and waits for what run has begun. The listener is
// closed.
func (d *doors) stop() {
	d.mu.Lock()
	d.shut = true
	for conn := range d.shaking {
		_ = conn.Close()
	}
	d.mu.Unlock()
	<-d.over
	d.wait.Wait()
}

// Accept implements net.Listener.
func (d *doors) Accept() (net.Conn, error) {
	select {
	case conn := <-d.ready:
		return conn, nil
	case <-d.over:
		return nil, d.err
	}
}

// Close implements net.Listener.
func (d *doors) Close() error { return d.gate.cfg.Listener.Close() }

// Addr implements net.Listener.
func (d *doors) Addr() net.Addr { return d.gate.cfg.Listener.Addr() }

// counted is a connection of a client, until it is closed.
type counted struct {
	net.Conn
	doors *doors
	from  string // its address, or network
	once  sync.Once

	frames bool         // it carries HTTP/2
	vain   atomic.Int64 // bytes that came since the last request, or bytes of a body
}

// maxVain bounds what may come over HTTP/2 without a request or bytes of a body
// that somebody reads: floods of SETTINGS, PING or empty DATA are nothing else.
// It is more than the windows of one connection allow.
const maxVain = 4 << 20

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.frames && c.vain.Add(int64(n)) > maxVain {
		c.doors.gate.counts.floods.Add(1)
		c.doors.gate.flooded("frames without requests")
		return 0, net.ErrClosed
	}
	return n, err
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(func() {
		d := c.doors
		d.mu.Lock()
		defer d.mu.Unlock()
		d.count--
		if d.each[c.from]--; d.each[c.from] <= 0 {
			delete(d.each, c.from)
		}
	})
	return c.Conn.Close()
}

// NetConn returns the connection that is counted.
func (c *counted) NetConn() net.Conn { return c.Conn }

// CloseWrite ends what is sent, so that the client reads all of it.
func (c *counted) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
