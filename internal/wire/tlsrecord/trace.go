package tlsrecord

import (
	"bytes"
	"crypto/fips140"
	"crypto/tls"
	"encoding/hex"
	"io"
)

// Trace follows a connection of crypto/tls from outside: it sees the secrets that
// the handshake made, the cipher text in both directions, and how many bytes of
// data crypto/tls gave out.
//
// Each record carries its content and a known number of bytes more, in TLS 1.3 after
// padding; so when the content of all records is as long as the data that came out,
// each was a record of data and none changed the keys: then the state is the first
// secrets and the number of records. Else it is not known, and the connection
// cannot be taken over. In TLS 1.2 the type of a record is in clear besides: whatever
// is no data is seen. There the handshake tells the master secret and the client's
// random; the server's, which the keys are made of too, is in its ServerHello.
//
// A nil Trace knows nothing. It is used by whoever uses the connection, one goroutine
// at a time.
type Trace struct {
	server  bool
	suite   uint16
	master  []byte // of TLS 1.2, with the client's random; until Begin
	random  []byte
	client  []byte // secrets, by who sends under them
	serving []byte
	in, out counter
	flight  []byte // what a server sent last, until Begin; of TLS 1.3 a ticket may be at its end

	began, lost bool
	took        uint64 // bytes of data that came out
	other       uint64 // bytes of content that was something else, and is known
	first       []byte // cipher text since the handshake, of TLS 1.3; until Settle
	whole       bool   // first is all of it
}

// maxFirst bounds what is looked at again.
const maxFirst = 4 * (maxPlain + 256)

// NewTrace begins before the handshake. server: this end is.
func NewTrace(server bool) *Trace { return &Trace{server: server, whole: true} }

// Write takes a line of tls.Config.KeyLogWriter.
func (t *Trace) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || t.began {
		return len(line), nil
	}
	random, secret := unhex(fields[1]), unhex(fields[2]) // or there is none
	switch string(fields[0]) {
	case "CLIENT_RANDOM":
		t.random, t.master = random, secret
	case "CLIENT_TRAFFIC_SECRET_0":
		t.client = secret
	case "SERVER_TRAFFIC_SECRET_0":
		t.serving = secret
	}
	return len(line), nil
}

func unhex(b []byte) []byte {
	out := make([]byte, hex.DecodedLen(len(b)))
	if _, err := hex.Decode(out, b); err != nil {
		return nil
	}
	return out
}

// Most returns how many of n bytes may be read, so that during the handshake
// crypto/tls never holds the beginning of the next record.
func (t *Trace) Most(n int) int {
	if t == nil || t.began {
		return n
	}
	return min(n, t.in.left())
}

// Begin says that the handshake is complete, and nothing was read after it.
func (t *Trace) Begin(s tls.ConnectionState) {
	if t == nil {
		return
	}
	known := suites[s.CipherSuite]
	t.began, t.suite = true, s.CipherSuite
	t.lost = known == nil || s.Version != known.version() || t.in.partial() || t.out.partial() ||
		fips140.Enabled() // where nonces are chosen by a module alone
	next := counter{}
	if !t.lost && known.old {
		next.records = 1
		t.lost = !t.deriveOld(known)
	}
	clear(t.master)
	t.master, t.random = nil, nil
	if !t.lost {
		next.cost, t.whole = known.cost(), !known.old
		if !known.old {
			next.cost++ // the type
		}
		t.lost = len(t.client) != known.size || len(t.serving) != known.size
	}
	t.in, t.out = next, next
	if !t.lost && t.server && !known.old {
		t.out.records = t.tickets()
	}
	t.flight = nil
	t.forgetLost()
}

// deriveOld makes the keys of TLS 1.2, under which nothing came but Finished, as
// record 0, in either direction (RFC 5246, 6.1).
func (t *Trace) deriveOld(s *suite) bool {
	hello := t.in.hello
	if t.server {
		hello = t.out.hello
	}
	if len(hello) != helloSize || hello[0] != messageServerHello || hello[4] != 3 || hello[5] != 3 {
		return false
	}
	if !t.in.finished(s) || !t.out.finished(s) || len(t.master) != masterSize || len(t.random) != randomSize {
		return false
	}
	t.client, t.serving = s.keyBlock(t.master, t.random, hello[helloSize-randomSize:])
	return true
}

// tickets returns how many records a server of TLS 1.3 has sent under the secret of its
// data before the handshake was over (RFC 8446, 4.6.1): the last one tells its number,
// or that it was under another secret.
func (t *Trace) tickets() uint64 {
	var last []byte
	for b := t.flight; len(b) >= headerLen; {
		n := headerLen + (int(b[3])<<8 | int(b[4]))
		if n > len(b) {
			break
		}
		last, b = b[:n], b[n:]
	}
	if last == nil || last[0] != typeData {
		return 0
	}
	for number := range uint64(maxTickets) {
		p, err := newProtection(suites[t.suite], Half{t.serving, number})
		if err != nil {
			return 0
		}
		if _, _, ok := p.open(last[:headerLen], bytes.Clone(last[headerLen:])); ok {
			return number + 1
		}
	}
	return 0
}

// maxTickets bounds them: crypto/tls sends one.
const maxTickets = 4

// In sees cipher text that crypto/tls gets, Out what it sends.
func (t *Trace) In(b []byte) {
	if t == nil || t.lost {
		return
	}
	t.in.feed(b)
	switch {
	case !t.began || !t.whole:
	case len(t.first)+len(b) > maxFirst:
		t.first, t.whole = nil, false
	default:
		t.first = append(t.first, b...)
	}
}

// Out is as In.
func (t *Trace) Out(b []byte) {
	if t == nil || t.lost {
		return
	}
	t.out.feed(b)
	if t.server && !t.began {
		t.flight = append(t.flight[:0], b...)
	}
}

// Took says that crypto/tls gave out n bytes of data.
func (t *Trace) Took(n int) {
	if t != nil {
		t.took += uint64(n)
	}
}

// Settle ends the time in which it is looked up what was no data: tickets come
// right after the handshake.
func (t *Trace) Settle() {
	if t == nil || t.lost {
		return
	}
	if t.began && t.in.content != t.took && !suites[t.suite].old {
		t.lost = !t.whole || !t.lookUp()
	}
	t.first, t.whole = nil, false
	t.lost = t.lost || !t.began
	t.forgetLost()
}

// lookUp reads again what came first.
func (t *Trace) lookUp() bool {
	from := t.state()
	from.In.Next = 0
	c, err := New(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(t.first), io.Discard}, from)
	if err != nil {
		return false
	}
	n, err := io.Copy(io.Discard, c)
	if err != nil && err != io.ErrUnexpectedEOF || c.in.next != t.in.records || !bytes.Equal(c.in.secret, from.In.Secret) {
		return false // a key was changed, or the count is wrong
	}
	t.other = t.in.content - uint64(n)
	return true
}

// Drained says that crypto/tls has given out all data that came.
func (t *Trace) Drained() {
	if t != nil && !t.lost && !t.exact() {
		t.lost = true
		t.forgetLost()
	}
}

// exact reports that every record was looked up, or of data that came out.
func (t *Trace) exact() bool {
	return !t.in.odd && !t.out.odd && t.in.content-t.other == t.took
}

// Keepable reports that the connection may come to a point at which it Rests.
func (t *Trace) Keepable() bool { return t != nil && t.began && !t.lost }

// Rests reports that State is all there is to the connection, and that crypto/tls
// holds no byte of it.
func (t *Trace) Rests() bool {
	return t.Keepable() && t.exact() && !t.in.partial() && !t.out.partial()
}

// State returns from where a Conn goes on. It is the caller's.
func (t *Trace) State() *State { return t.state().clone() }

func (t *Trace) state() *State {
	s := &State{Suite: t.suite, Server: t.server, In: Half{t.serving, t.in.records}, Out: Half{t.client, t.out.records}}
	if t.server {
		s.In.Secret, s.Out.Secret = t.client, t.serving
	}
	return s
}

// forgetLost overwrites secrets that are of no use.
func (t *Trace) forgetLost() {
	if t.lost {
		t.Forget()
	}
}

// Forget overwrites the secrets: the trace is over.
func (t *Trace) Forget() {
	if t == nil {
		return
	}
	clear(t.master)
	clear(t.client)
	clear(t.serving)
	t.master, t.client, t.serving, t.first, t.lost = nil, nil, nil, nil, true
}
