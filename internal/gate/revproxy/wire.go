package revproxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/wire/http1"
	"sekisho/internal/wire/tlsrecord"
)

const (
	// codeWire is shown for what two servers would read differently.
	codeWire = "SK3423"
	// codeFlood is raised about clients that take more than they may.
	codeFlood = "SK3422"
)

// watching has the bytes of a connection of HTTP/1 looked at before the server
// reads them: it mends or overlooks some of what must not be passed on.
type watching struct {
	net.Conn
	gate   *Gate
	front  *front
	framer *http1.Framer
	other  atomic.Bool // it has changed its protocol: nobody looks any more

	standing atomic.Pointer[standing] // it is to be kept
	trace    *tlsrecord.Trace         // of TLS below; nil: none

	// Both are of whoever reads; the server reads in one goroutine at a time.
	bad *http1.Violation // what came
	err error            // of every further Read

	room *bytes.Buffer // what is kept of a response, to be written at once; nil: nothing is
}

func (f *front) watch(conn net.Conn) *watching {
	w := &watching{Conn: conn, gate: f.gate, front: f, framer: http1.New(f.limits.HeaderBytes)}
	if secure, ok := conn.(*tls.Conn); ok {
		if c, ok := secure.NetConn().(*counted); ok {
			w.trace = c.trace
		}
	}
	return w
}

// Read implements net.Conn.
func (w *watching) Read(p []byte) (int, error) {
	if w.bad != nil {
		return 0, w.stop(len(p))
	}
	n, err := w.read(p)
	for n == 0 && w.other.Load() {
		over, again := w.standing.Load().stands(err)
		if over {
			return 0, errKept
		}
		if !again {
			break
		}
		n, err = w.read(p)
	}
	if n == 0 || w.other.Load() {
		return n, err
	}
	good, v := w.framer.See(p[:n])
	if v == nil {
		return n, err
	}
	w.bad = v
	if good > 0 { // an earlier request may be in it
		return good, nil
	}
	return 0, w.stop(len(p))
}

func (w *watching) read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.trace.Took(n)
	return n, err
}

// stop returns the error of a Read of so many bytes. A request is answered once
// those before it are. As long as they are not, the server waits with room for
// one byte whether the client leaves; an error would end them.
func (w *watching) stop(room int) error {
	switch {
	case w.err != nil:
	case w.bad.Body:
		w.err = w.bad
	case room == 1:
		var rest [512]byte
		for {
			if _, err := w.Conn.Read(rest[:]); err != nil {
				return err
			}
		}
	default:
		w.err = w.refuse(w.bad)
	}
	return w.err
}

// refuse records why a request is not read and answers it. The server hears of a
// connection that ended.
func (w *watching) refuse(v *http1.Violation) error {
	g := w.gate
	x := &exchange{gate: g, id: newID(), host: &Host{Place: g.first().Place}}
	opening := &event.Exchange{ID: x.id, Place: x.host.Place, Method: method(""), Protocol: "HTTP/1.1"}
	opening.Address, _, _ = net.SplitHostPort(w.RemoteAddr().String())
	g.record(context.Background(), opening, x.decision(misread(v)))
	text := fmt.Sprintf("この要求は読み取れません。お問い合わせ番号: %[1]s (%[2]s)\nThis request cannot be read. Reference: %[1]s (%[2]s)\n", x.id, codeWire)
	_ = w.SetWriteDeadline(time.Now().Add(w.front.limits.Header)) // fails when it is closed
	// What cannot be written to a client that is gone is no loss.
	_, _ = fmt.Fprintf(w.Conn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", v.Status, http.StatusText(v.Status), len(text), text)
	_ = w.CloseWrite()
	return &net.OpError{Op: "read", Net: "tcp", Err: v}
}

// misread is the refusal of what stood on the wire.
func misread(v *http1.Violation) refusal {
	return refusal{status: v.Status, code: codeWire, action: "refuse", rule: "wire/" + v.Rule, reason: "servers read it differently"}
}

// mostGathered bounds what is kept of a response to be written at once, in bytes.
const mostGathered = 64 << 10

// gather keeps what is written from now on until let. The server writes in pieces
// of 4 KiB, each of which is a call of the kernel and a packet. Whoever carries
// the exchange calls both.
func (w *watching) gather() {
	if w.room == nil {
		w.room = letters.Get().(*bytes.Buffer)
		w.room.Reset()
	}
}

// let writes what was kept. A connection on which that is not possible is closed:
// the server believes that it was written.
func (w *watching) let() error {
	room := w.room
	if room == nil {
		return nil
	}
	w.room = nil
	defer letters.Put(room)
	if room.Len() == 0 {
		return nil
	}
	_, err := w.Conn.Write(room.Bytes())
	if err != nil {
		_ = w.Conn.Close() // nothing that is written after it would be read rightly
	}
	return err
}

// Write implements net.Conn.
func (w *watching) Write(p []byte) (int, error) {
	switch {
	case w.room == nil:
		return w.Conn.Write(p)
	case w.room.Len()+len(p) <= mostGathered:
		return w.room.Write(p)
	}
	if err := w.let(); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// NetConn returns the connection that is looked at.
func (w *watching) NetConn() net.Conn { return w.Conn }

// CloseWrite ends what is sent, so that the client reads all of it.
func (w *watching) CloseWrite() error { return closeWrite(w.Conn) }

// counts are what a gate has done since it began.
type counts struct {
	exchanges  atomic.Uint64 // that were passed to an upstream
	refused    atomic.Uint64
	cards      atomic.Uint64 // refused or cut for a card number
	failed     atomic.Uint64 // upstreams that did not answer
	open       atomic.Int64  // exchanges under way
	turnedAway atomic.Uint64 // connections beyond the limits
	wire       atomic.Uint64 // requests that nobody could read
	resets     atomic.Uint64 // connections of HTTP/2 that gave up what they asked
	vain       atomic.Uint64 // connections of HTTP/2 that sent frames without requests
	broken     atomic.Uint64 // connections of HTTP/2 that broke its rules
	stalled    atomic.Uint64 // responses that nobody took
}

// raiseAgain is how often the same flood, or outage, is told of.
const raiseAgain = time.Minute

// flooded raises that clients take more than they may.
func (g *Gate) flooded(reason string) {
	now := time.Now()
	g.mu.Lock()
	last, told := g.floods[reason]
	if told && now.Sub(last) < raiseAgain {
		g.mu.Unlock()
		return
	}
	if g.floods == nil {
		g.floods = map[string]time.Time{}
	}
	g.floods[reason] = now
	g.mu.Unlock()
	g.record(context.Background(), &event.Finding{Code: codeFlood, Title: "clients take more than they may", Place: g.first().Place, Detail: reason})
}
