package tls13

import (
	"bytes"
	"crypto/fips140"
	"crypto/tls"
	"encoding/hex"
	"io"
)

// Trace follows a connection of crypto/tls from outside: it sees the secrets that
// the handshake made, the cipher text in both directions, and how many bytes of
// data crypto/tls gave out. Each record carries its content, padding, and 17 bytes
// more; so when the content of all records is as long as the data that came out,
// each was a record of data and none changed the keys: then the state is the first
// secrets and the number of records. Else it is not known, and the connection
// cannot be taken over. A nil Trace knows nothing.
//
// It is used by whoever uses the connection, one goroutine at a time.
type Trace struct {
	server  bool
	suite   uint16
	client  []byte // secrets, by who sends under them
	serving []byte
	in, out counter

	began, lost bool
	took        uint64 // bytes of data that came out
	other       uint64 // bytes of content that was something else, and is known
	first       []byte // cipher text since the handshake; until Settle
	whole       bool   // first is all of it
}

// NewTrace begins before the handshake. server: this end is.
func NewTrace(server bool) *Trace { return &Trace{server: server, whole: true} }

// Write takes a line of tls.Config.KeyLogWriter.
func (t *Trace) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || t.began {
		return len(line), nil
	}
	secret := make([]byte, hex.DecodedLen(len(fields[2])))
	if _, err := hex.Decode(secret, fields[2]); err != nil {
		return len(line), nil // then there is none
	}
	switch string(fields[0]) {
	case "CLIENT_TRAFFIC_SECRET_0":
		t.client = secret
	case "SERVER_TRAFFIC_SECRET_0":
		t.serving = secret
	}
	return len(line), nil
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
	t.lost = known == nil || s.Version != tls.VersionTLS13 || len(t.client) != known.size || len(t.serving) != known.size ||
		t.in.partial() || t.out.partial() || fips140.Enabled() // where nonces are chosen by a module alone
	t.in, t.out = counter{}, counter{}
	t.forgetLost()
}

// In sees cipher text that crypto/tls gets, Out what it sends.
func (t *Trace) In(b []byte) {
	if t == nil || t.lost {
		return
	}
	t.in.feed(b)
	switch {
	case !t.began || !t.whole:
	case len(t.first)+len(b) > 4*maxCipher:
		t.first, t.whole = nil, false
	default:
		t.first = append(t.first, b...)
	}
}

// Out is as In.
func (t *Trace) Out(b []byte) {
	if t != nil && !t.lost {
		t.out.feed(b)
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
	if t.began && t.in.content != t.took {
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
	clear(t.client)
	clear(t.serving)
	t.client, t.serving, t.first, t.lost = nil, nil, nil, true
}

// counter counts records.
type counter struct {
	head    [headerLen]byte
	have    int // bytes of head
	rest    int // bytes that are missing of the record
	records uint64
	content uint64 // of whole records, with padding
	odd     bool   // something came that is no protected record
}

func (c *counter) partial() bool { return c.have > 0 }

// left returns how many bytes are missing until the header or the record is whole.
func (c *counter) left() int {
	if c.have < headerLen {
		return headerLen - c.have
	}
	return c.rest
}

func (c *counter) feed(b []byte) {
	for len(b) > 0 {
		if c.have < headerLen {
			n := copy(c.head[c.have:], b)
			c.have, b = c.have+n, b[n:]
			if c.have < headerLen {
				return
			}
			c.rest = int(c.head[3])<<8 | int(c.head[4])
			c.odd = c.odd || c.head[0] != typeData || c.rest <= overhead
		}
		n := min(c.rest, len(b))
		c.rest, b = c.rest-n, b[n:]
		if c.rest == 0 {
			c.records++
			c.content += uint64(max((int(c.head[3])<<8|int(c.head[4]))-overhead-1, 0))
			c.have = 0
		}
	}
}
