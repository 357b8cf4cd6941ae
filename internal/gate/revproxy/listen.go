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
	"sekisho/internal/wire/tlsrecord"
)

// doors takes the connections of one listener: it bounds those of all and of each
// address, does the handshakes of TLS, and has HTTP/1 watched on the wire. HTTP/2
// is left to the server, which knows a *tls.Conn only.
type doors struct {
	gate     *Gate
	listener net.Listener
	over     chan struct{} // closed when no more are taken
	wait     sync.WaitGroup
	begun    atomic.Int64  // connections on their way to the server, for which wait waits
	quit     chan struct{} // closed with the listener
	closing  sync.Once     // of both
	closed   error         // of the listener; read after closing

	mu      sync.Mutex            // guards what follows
	front   *front                // that new connections go to
	shaking map[net.Conn]struct{} // with a handshake under way
	shut    bool                  // no more of these
	leaving bool                  // what the kernel has taken is still answered, and nothing after it
}

// run accepts until the listener ends. The error is nil when it was to.
func (d *doors) run() error {
	defer close(d.over)
	for pause := time.Duration(0); ; {
		conn, err := d.listener.Accept()
		if err != nil {
			d.mu.Lock()
			leaving, closed := d.leaving, d.shut
			d.mu.Unlock()
			switch {
			case leaving:
				return d.closeListener()
			case closed:
				return nil
			}
			if d.hushed(err) {
				continue
			}
			var short interface{ Temporary() bool }
			if !errors.As(err, &short) || !short.Temporary() {
				return err
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second) // such as no more files
			select {
			case <-time.After(pause):
			case <-d.quit: // whatever front there is by now
			}
			continue
		}
		pause = 0
		if taken, ok := d.take(conn); ok {
			d.begun.Add(1)
			d.wait.Go(func() {
				defer d.begun.Add(-1)
				d.begin(taken)
			})
		}
	}
}

// leave has the listener closed, once what the kernel has taken is accepted.
func (d *doors) leave() {
	d.mu.Lock()
	d.leaving = true
	d.mu.Unlock()
	last, ok := d.listener.(interface{ SetDeadline(time.Time) error })
	if !ok || last.SetDeadline(time.Now().Add(lastAccept)) != nil {
		_ = d.closeListener() // run ends, and says why if it failed
	}
	<-d.over
}

// gone reports whether nothing is left of doors that were left.
func (d *doors) gone() bool { return d.begun.Load() == 0 }

// closeListener closes the listener, once.
func (d *doors) closeListener() error {
	d.closing.Do(func() {
		close(d.quit)
		d.closed = d.listener.Close()
	})
	return d.closed
}

// lastAccept is how long an address that is left still answers.
const lastAccept = 100 * time.Millisecond

// room counts the connections of a gate.
type room struct {
	mu    sync.Mutex     // guards what follows
	count int            // connections
	each  map[string]int // of an address
}

// take counts a connection of an address, "" if there is room for it, else why not.
func (r *room) take(from string, l *Limits) (reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.count >= l.Connections:
		return "too many connections"
	case r.each[from] >= l.PerAddress:
		return "too many connections of one address"
	}
	if r.each == nil {
		r.each = map[string]int{}
	}
	r.count++
	r.each[from]++
	return ""
}

func (r *room) leave(from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count--
	if r.each[from]--; r.each[from] <= 0 {
		delete(r.each, from)
	}
}

// take counts a connection. False: there are too many, and it is closed.
func (d *doors) take(conn net.Conn) (*counted, bool) {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	from := visit.Network(host)
	d.mu.Lock()
	shut, front := d.shut, d.front
	if !shut {
		front.begin()
	}
	d.mu.Unlock()
	if shut {
		reset(conn)
		return nil, false
	}
	reason := d.gate.room.take(from, &d.gate.now.Load().Limits)
	if reason == "" {
		return &counted{Conn: conn, front: front, from: from}, true
	}
	front.leave()
	reset(conn)
	d.gate.counts.turnedAway.Add(1)
	d.gate.flooded(reason)
	return nil, false
}

// challenge is what an authority negotiates that asks who answers for a name: it
// has seen the certificate when the handshake is over (RFC 8737, 3).
const challenge = "acme-tls/1"

// begin hands a connection to the server, after its handshake.
func (d *doors) begin(c *counted) {
	var conn net.Conn = c
	f := c.front
	switch {
	case f.tls == nil:
		conn = f.watch(c)
	default:
		secure, ok := d.shake(c)
		if !ok || secure.ConnectionState().NegotiatedProtocol == challenge {
			_ = c.Close()
			return
		}
		c.frames = true
		if conn = secure; secure.ConnectionState().NegotiatedProtocol != "h2" {
			c.frames = false
			conn = f.watch(secure)
		}
	}
	select {
	case f.ready <- conn:
	case <-f.stopping:
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
	if d.gate.keepable() {
		c.trace = tlsrecord.NewTrace(true)
	}
	secure := tls.Server(c, c.front.tls)
	if shut || c.SetDeadline(time.Now().Add(c.front.limits.Header)) != nil || secure.HandshakeContext(context.Background()) != nil {
		return nil, false
	}
	state := secure.ConnectionState()
	if c.trace.Begin(state); state.NegotiatedProtocol == "h2" { // which changes to nothing else
		c.trace.Forget()
		c.trace = nil
	}
	c.trace.Settle() // a client sends no tickets
	return secure, c.SetDeadline(time.Time{}) == nil
}

// close closes the listener, if it is not.
func (d *doors) close() {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	_ = d.closeListener()
}

// stop closes the listener, ends the handshakes and waits for what run has begun.
func (d *doors) stop() {
	d.close()
	d.mu.Lock()
	for conn := range d.shaking {
		_ = conn.Close()
	}
	d.mu.Unlock()
	<-d.over
	d.wait.Wait()
}

// counted is a connection of a client, until it is closed.
type counted struct {
	net.Conn
	front *front
	from  string // its address, or network
	once  sync.Once

	frames bool             // it carries HTTP/2
	trace  *tlsrecord.Trace // of its TLS; nil: in clear, or nobody keeps it
	vain   atomic.Int64     // bytes that came since the last request, or bytes of a body

	left    atomic.Bool // the client has, or we said why not
	uploads atomic.Bool // bodies came, of which some may not have been read
}

// What a flood over HTTP/2 is called in events.
const (
	floodResets = "requests given up"
	floodFrames = "frames without requests"
	floodBroken = "rules of HTTP/2 broken"
)

// maxVain bounds what may come over HTTP/2 without a request or bytes of a body
// that somebody reads: floods of SETTINGS, PING or empty DATA are nothing else.
// It is more than the windows of one connection allow.
const maxVain = 4 << 20

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	p = p[:c.trace.Most(len(p))]
	n, err := c.Conn.Read(p)
	if err != nil {
		n, err = c.readAgain(p, n, err)
	}
	c.trace.In(p[:n])
	if err != nil {
		c.left.Store(true)
	}
	if c.frames && c.vain.Add(int64(n)) > maxVain {
		c.flood()
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	c.trace.Out(p) // what does not leave ends the session
	return c.Conn.Write(p)
}

// wasted is what may have come in vain when the server ends a connection: more than
// that ended it, such as a header that goes on and on (CONTINUATION) or frames whose
// answers nobody reads.
const wasted = 64 << 10

// flood counts and raises that frames came without requests, once.
func (c *counted) flood() {
	if !c.left.Swap(true) {
		c.front.gate.counts.vain.Add(1)
		c.front.gate.flooded(floodFrames)
	}
}

// earn takes from what came in vain what a client may say about so many bytes of a
// response: it answers them with WINDOW_UPDATE, at most some fifty bytes for each
// 4 KiB.
func (c *counted) earn(n int) {
	if old := c.vain.Load(); old > 0 {
		c.vain.CompareAndSwap(old, max(0, old-int64(n/16+1))) // what comes meanwhile is paid by the next
	}
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(func() {
		if c.frames && !c.uploads.Load() && c.vain.Load() > wasted {
			c.flood()
		}
		c.front.gate.room.leave(c.from)
		c.front.leave()
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
