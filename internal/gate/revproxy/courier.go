package revproxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"
)

// courier carries ordinary requests to upstreams that speak plain HTTP/1.1, in
// the goroutine of the exchange: http.Transport has two of its own for every
// connection, and hands each request and response from one to another, which is
// a tenth of what a form costs. It is for requests without a body or with a
// short one that is held whole; whatever else there is ([carries]) goes through
// the transport.
type courier struct {
	dial net.Dialer
	wait time.Duration // for the header of a response

	mu    sync.Mutex            // guards what follows
	idle  map[string][]*carrier // by address, the last used at the end
	reap  *time.Timer           // closes those that were idle too long, nil: none is
	count int                   // idle ones
}

const (
	// maxCarried is how long a body may be: what the kernel takes at once, so that
	// an upstream that answers before it has read everything keeps nobody waiting.
	maxCarried = 16 << 10
	// maxIdle bounds the idle connections to one address, and idleTime their time.
	maxIdle  = 256
	idleTime = 90 * time.Second
	// maxAnswerHeader bounds the headers of a response, those before the last
	// (RFC 9110, 15.2) among them; as http.Transport has it.
	maxAnswerHeader = 10 << 20
	// carrierBuffer is what is read at once.
	carrierBuffer = 8 << 10
)

// heldBody is a body that is there as a whole.
type heldBody struct{ *bytes.Reader }

// Close implements io.Closer.
func (heldBody) Close() error { return nil }

// carries reports whether a request is for the courier.
func carries(r *http.Request) bool {
	if !peeks || r.URL.Scheme != "http" || r.URL.Host == "" || r.Method == http.MethodConnect || r.Close || len(r.TransferEncoding) > 0 {
		return false
	}
	if r.Header["Upgrade"] != nil || r.Header["Expect"] != nil || r.Trailer != nil {
		return false
	}
	if r.Body == nil || r.Body == http.NoBody {
		return r.ContentLength == 0
	}
	held, ok := r.Body.(heldBody)
	return ok && r.ContentLength == int64(held.Len()) && held.Len() <= maxCarried
}

// carrier is one connection to an upstream.
type carrier struct {
	net.Conn
	of     *courier
	addr   string
	from   *bufio.Reader
	left   int64 // bytes that may still be read of the headers
	used   bool  // it has carried something before
	parked time.Time
}

// Read implements io.Reader for the buffer.
func (c *carrier) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongHeader
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

var (
	errLongHeader = errors.New("malformed response: its header is too long")
	errSwitched   = errors.New("malformed response: it changes the protocol unasked")
)

// RoundTrip implements http.RoundTripper for what it carries.
func (c *courier) RoundTrip(r *http.Request) (*http.Response, error) {
	addr := r.URL.Host
	if r.URL.Port() == "" {
		addr = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	for {
		conn, err := c.take(r.Context(), addr)
		if err != nil {
			return nil, err
		}
		used := conn.used
		a, silent, err := conn.carry(r)
		if err == nil {
			return a, nil
		}
		if cause := r.Context().Err(); cause != nil {
			return nil, cause
		}
		// It was closed just then (RFC 9112, 9.3.1): again, on another, what does
		// not mind being done twice.
		if !used || !silent || r.Body != nil && r.Body != http.NoBody || !again(r.Method) {
			return nil, err
		}
	}
}

// again reports whether a method may be repeated (RFC 9110, 9.2.1).
func again(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// take returns an idle connection that is still open, or a new one.
func (c *courier) take(ctx context.Context, addr string) (*carrier, error) {
	for {
		c.mu.Lock()
		all := c.idle[addr]
		if len(all) == 0 {
			c.mu.Unlock()
			break
		}
		conn := all[len(all)-1]
		all[len(all)-1] = nil
		c.idle[addr] = all[:len(all)-1]
		c.count--
		c.mu.Unlock()
		if quiet(conn.Conn) {
			return conn, nil
		}
		_ = conn.Close() // the upstream has closed it, or says what nobody asked
	}
	conn, err := c.dial.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	made := &carrier{Conn: conn, of: c, addr: addr}
	made.from = bufio.NewReaderSize(made, carrierBuffer)
	return made, nil
}

// park keeps a connection for the next request.
func (c *courier) park(conn *carrier) {
	conn.used, conn.parked = true, time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle[conn.addr]) >= maxIdle {
		_ = conn.Close() // nothing is on it
		return
	}
	if c.idle == nil {
		c.idle = map[string][]*carrier{}
	}
	c.idle[conn.addr] = append(c.idle[conn.addr], conn)
	if c.count++; c.reap == nil {
		c.reap = time.AfterFunc(idleTime, c.reaped)
	}
}

// reaped closes what has been idle too long.
func (c *courier) reaped() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close(time.Now().Add(-idleTime))
	if c.reap = nil; c.count > 0 {
		c.reap = time.AfterFunc(idleTime, c.reaped)
	}
}

// closeIdle closes all that carry nothing.
func (c *courier) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close(time.Now())
	if c.reap != nil {
		c.reap.Stop()
		c.reap = nil
	}
}

// close closes those that were parked before. The caller holds mu.
func (c *courier) close(before time.Time) {
	for addr, all := range c.idle {
		n := 0
		for n < len(all) && !all[n].parked.After(before) {
			_ = all[n].Close() // nothing is on it
			n++
		}
		c.count -= n
		if c.idle[addr] = append([]*carrier(nil), all[n:]...); n == len(all) {
			delete(c.idle, addr)
		}
	}
}

// letters lends the room in which a request is written.
var letters = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// carry sends a request and reads the header of its response. After an error
// the connection is closed; silent says that nothing was answered.
func (c *carrier) carry(r *http.Request) (a *http.Response, silent bool, err error) {
	ctx := r.Context()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // so that whoever reads or writes returns
	fail := func(silent bool, err error) (*http.Response, bool, error) {
		stop()
		_ = c.Close() // the error says what was wrong
		return nil, silent, err
	}
	text := letters.Get().(*bytes.Buffer)
	defer letters.Put(text)
	text.Reset()
	if err := r.Write(text); err != nil {
		return fail(false, err)
	}
	now := time.Now()
	c.left = maxAnswerHeader
	if err := c.SetDeadline(now.Add(c.of.wait)); err != nil {
		return fail(true, err)
	}
	_, sent := c.Conn.Write(text.Bytes())
	if _, err := c.from.Peek(1); err != nil { // what was answered counts, also when not all could be sent
		if sent != nil {
			err = sent
		}
		return fail(true, err)
	}
	for {
		if a, err = http.ReadResponse(c.from, r); err != nil {
			return fail(false, err)
		}
		switch {
		case a.StatusCode == http.StatusSwitchingProtocols:
			return fail(false, errSwitched)
		case a.StatusCode >= 200:
			c.left = 1<<63 - 1
			a.Body = &carried{ReadCloser: a.Body, conn: c, ctx: ctx, stop: stop, keep: !a.Close && sent == nil}
			return a, false, c.settle(a)
		}
		if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(a.StatusCode, textproto.MIMEHeader(a.Header)); err != nil {
				return fail(false, err)
			}
		}
	}
}

// settle takes the deadline of the header off, unless the body is there already,
// and ends what has none.
func (c *carrier) settle(a *http.Response) error {
	body := a.Body.(*carried)
	switch {
	case body.ReadCloser == http.NoBody:
		body.end(true)
	case a.ContentLength < 0 || a.ContentLength > int64(c.from.Buffered()):
		if err := c.SetDeadline(time.Time{}); err != nil {
			body.end(false)
			return err
		}
	}
	return nil
}

// carried is the body of a response. At its end the connection is free for the
// next request; one that is given up before is closed.
type carried struct {
	io.ReadCloser
	conn *carrier
	ctx  context.Context // of the request; says why it was given up
	stop func() bool
	keep bool
	over bool
}

// Read implements io.Reader.
func (b *carried) Read(p []byte) (int, error) {
	if b.over {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.end(true)
	default:
		b.end(false)
		if cause := b.ctx.Err(); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Close implements io.Closer. It does not read what is left.
func (b *carried) Close() error {
	if !b.over {
		b.end(false)
	}
	return nil
}

// end lets go of the connection. whole says that the response is over.
func (b *carried) end(whole bool) {
	b.over = true
	c := b.conn
	open := b.stop() // false: it is being closed
	if whole && open && b.keep && c.from.Buffered() == 0 {
		c.of.park(c)
		return
	}
	_ = c.Close() // nobody waits for what is on it
}
