package tlsrecord

import (
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	headerLen    = 5
	maxPlain     = 1 << 14 // bytes of content of a record (RFC 8446, 5.1; RFC 5246, 6.2.1)
	maxHandshake = 64 << 10
	// maxIdle bounds the records and messages in a row that bring no data, as
	// crypto/tls does.
	maxIdle = 16
	// keepBuffer is the largest buffer that an idle connection keeps.
	keepBuffer = 2 << 10
)

// Content types (RFC 8446, 5.1; RFC 5246, 6.2.1) and handshake types (4; 7.4).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23

	messageHelloRequest = 0
	messageTicket       = 4
	messageKeyUpdate    = 24
)

// Levels of alerts. In TLS 1.3 they say nothing (RFC 8446, 6).
const (
	levelWarning = 1
	levelFatal   = 2
)

// Alert is a reason to end a connection (RFC 8446, 6; RFC 5246, 7.2).
type Alert uint8

// Alerts that are sent, or known when they are received.
const (
	CloseNotify       Alert = 0
	UnexpectedMessage Alert = 10
	BadRecordMAC      Alert = 20
	RecordOverflow    Alert = 22
	IllegalParameter  Alert = 47
	DecodeError       Alert = 50
	ProtocolVersion   Alert = 70
	InternalError     Alert = 80
	UserCanceled      Alert = 90
	NoRenegotiation   Alert = 100
)

// Error says which.
func (a Alert) Error() string { return fmt.Sprintf("tlsrecord: alert %d", uint8(a)) }

// RemoteError is an alert of the peer.
type RemoteError struct{ Alert Alert }

// Error says which.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("tlsrecord: the peer ends with alert %d", e.Alert)
}

// Conn is one end of a connection. It is used by one goroutine. Below may not
// block: a temporary net.Error of its Read is passed on, and the next Read goes
// on within the record.
type Conn struct {
	below   io.ReadWriter
	server  bool
	suite   *suite
	in, out protection

	raw     []byte // the record that is being read, as far as it came
	data    []byte // its content, as far as nobody has read it; in the array of raw
	hand    []byte // a handshake message that is not whole
	idle    int
	readErr error
	sealed  []byte
	sendErr error
}

// New goes on from a state, which it copies.
func New(below io.ReadWriter, from *State) (*Conn, error) {
	s := suites[from.Suite]
	if s == nil { // also one of CBC
		return nil, fmt.Errorf("tlsrecord: cipher suite 0x%04x", from.Suite)
	}
	c := &Conn{below: below, server: from.Server, suite: s}
	var err, other error
	c.in, err = newProtection(s, from.In)
	c.out, other = newProtection(s, from.Out)
	if err = errors.Join(err, other); err != nil {
		return nil, err
	}
	return c, nil
}

// Rests reports that the connection is between two records in both directions:
// State is all there is to it.
func (c *Conn) Rests() bool {
	return c.readErr == nil && c.sendErr == nil && len(c.raw) == 0 && len(c.data) == 0 && len(c.hand) == 0
}

// State returns from where another Conn goes on. It is the caller's.
func (c *Conn) State() *State {
	s := State{Server: c.server, In: Half{c.in.secret, c.in.next}, Out: Half{c.out.secret, c.out.next}}
	for id, one := range suites {
		if one == c.suite {
			s.Suite = id
		}
	}
	return s.clone()
}

// Forget overwrites the secrets: the connection is not used any more.
func (c *Conn) Forget() {
	clear(c.in.secret)
	clear(c.out.secret)
	c.readErr, c.sendErr = net.ErrClosed, net.ErrClosed
}

// Read implements io.Reader. io.EOF is the peer's close_notify, or the end of what
// is below between two records, as with crypto/tls.
func (c *Conn) Read(b []byte) (int, error) {
	for len(c.data) == 0 {
		if c.readErr != nil {
			return 0, c.readErr
		}
		if err := c.record(); err != nil {
			if len(c.raw) == 0 && cap(c.raw) > keepBuffer {
				c.raw = nil
			}
			return 0, err
		}
	}
	n := copy(b, c.data)
	c.data = c.data[n:]
	return n, nil
}

// record reads one record and does what it says.
func (c *Conn) record() error {
	if err := c.fill(headerLen); err != nil {
		return err
	}
	n := int(c.raw[3])<<8 | int(c.raw[4])
	switch {
	case c.raw[0] != typeData && !c.suite.old: // nothing else comes after the handshake
		return c.fail(UnexpectedMessage)
	case c.raw[1] != 3 || c.raw[2] != 3: // as crypto/tls, which was here before
		return c.fail(ProtocolVersion)
	case n > c.suite.maxCipher():
		return c.fail(RecordOverflow)
	}
	if err := c.fill(headerLen + n); err != nil {
		return err
	}
	typ := c.raw[0]
	inner, a, ok := c.in.open(c.raw[:headerLen], c.raw[headerLen:])
	c.raw = c.raw[:0] // inner is in the same array until the next fill
	if !ok {
		return c.fail(a)
	}
	if c.suite.old {
		if len(inner) > maxPlain {
			return c.fail(RecordOverflow)
		}
		return c.take(typ, inner)
	}
	if len(inner) > maxPlain+1 {
		return c.fail(RecordOverflow)
	}
	end := len(inner) - 1
	for end >= 0 && inner[end] == 0 {
		end--
	}
	if end < 0 {
		return c.fail(UnexpectedMessage)
	}
	return c.take(inner[end], inner[:end])
}

// fill reads until n bytes of the record are there.
func (c *Conn) fill(n int) error {
	if cap(c.raw) < n {
		c.raw = append(make([]byte, 0, max(n, 256)), c.raw...)
	}
	for len(c.raw) < n {
		k, err := c.below.Read(c.raw[len(c.raw):n])
		c.raw = c.raw[:len(c.raw)+k]
		if err == nil || len(c.raw) == n {
			continue // an error comes again
		}
		if temporary(err) {
			return err
		}
		if err == io.EOF && len(c.raw) > 0 {
			err = io.ErrUnexpectedEOF
		}
		c.readErr = err
		return err
	}
	return nil
}

func temporary(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// take does what a record says.
func (c *Conn) take(typ byte, content []byte) error {
	if len(c.hand) > 0 && typ != typeHandshake && (!c.suite.old || typ == typeData && len(content) > 0) {
		return c.fail(UnexpectedMessage)
	}
	switch typ {
	case typeData:
		if len(content) == 0 {
			return c.useless()
		}
		c.data, c.idle = content, 0
		return nil
	case typeHandshake:
		if len(content) == 0 {
			return c.fail(UnexpectedMessage)
		}
		c.hand = append(c.hand, content...)
		if c.suite.old {
			return c.again()
		}
		return c.messages()
	case typeAlert:
		return c.alert(content)
	}
	return c.fail(UnexpectedMessage)
}

// useless counts what brings no data.
func (c *Conn) useless() error {
	if c.idle++; c.idle > maxIdle {
		return c.fail(UnexpectedMessage)
	}
	return nil
}

// alert ends the connection, but for one that says nothing: user_canceled, and in
// TLS 1.2 every warning.
func (c *Conn) alert(content []byte) error {
	if len(content) != 2 {
		return c.fail(DecodeError)
	}
	a := Alert(content[1])
	switch {
	case a == CloseNotify:
		c.readErr = io.EOF
	case c.suite.old && content[0] == levelWarning, !c.suite.old && a == UserCanceled:
		return c.useless()
	case c.suite.old && content[0] != levelFatal:
		return c.fail(UnexpectedMessage)
	default:
		c.readErr = &RemoteError{a}
	}
	return c.readErr
}

// again ends a connection of TLS 1.2 whose peer begins another handshake, as
// crypto/tls does; a server that asks for one hears why (RFC 5246, 7.2.2 and 7.4.1.1).
func (c *Conn) again() error {
	if len(c.hand) < 4 {
		return nil
	}
	n := int(c.hand[1])<<16 | int(c.hand[2])<<8 | int(c.hand[3])
	switch {
	case n > maxHandshake:
		return c.fail(InternalError)
	case len(c.hand) < 4+n:
		return nil
	case c.hand[0] == messageHelloRequest && n == 0:
		return c.fail(NoRenegotiation)
	}
	return c.fail(UnexpectedMessage)
}

// messages does what whole handshake messages say: tickets are thrown away, keys
// are changed, and nothing else was agreed upon.
func (c *Conn) messages() error {
	for len(c.hand) >= 4 {
		n := int(c.hand[1])<<16 | int(c.hand[2])<<8 | int(c.hand[3])
		switch {
		case n > maxHandshake:
			return c.fail(InternalError)
		case len(c.hand) < 4+n:
			return nil
		}
		typ, body := c.hand[0], c.hand[4:4+n]
		c.hand = c.hand[4+n:]
		if err := c.useless(); err != nil {
			return err
		}
		switch {
		case typ == messageTicket && !c.server:
		case typ == messageKeyUpdate:
			if err := c.keyUpdate(body); err != nil {
				return err
			}
		default:
			return c.fail(UnexpectedMessage)
		}
	}
	if len(c.hand) == 0 {
		c.hand = nil
	}
	return nil
}

// keyUpdate changes the peer's key, and ours when it asks for that (RFC 8446,
// 4.6.3). No message spans the change.
func (c *Conn) keyUpdate(body []byte) error {
	switch {
	case len(body) != 1:
		return c.fail(DecodeError)
	case body[0] > 1:
		return c.fail(IllegalParameter)
	case len(c.hand) > 0:
		return c.fail(UnexpectedMessage)
	}
	if err := c.in.update(); err != nil {
		return c.fail(InternalError)
	}
	if body[0] == 0 {
		return nil
	}
	if err := c.send(typeHandshake, []byte{messageKeyUpdate, 0, 0, 1, 0}); err != nil {
		return nil // the next Write says it
	}
	if err := c.out.update(); err != nil {
		return c.fail(InternalError)
	}
	return nil
}

// fail ends both directions, and tells the peer why.
func (c *Conn) fail(a Alert) error {
	level := byte(levelFatal)
	if a == NoRenegotiation {
		level = levelWarning
	}
	_ = c.send(typeAlert, []byte{level, byte(a)}) // the peer may be gone already
	c.readErr = a
	if c.sendErr == nil {
		c.sendErr = a
	}
	c.raw, c.data, c.hand = nil, nil, nil
	return a
}

// Write implements io.Writer.
func (c *Conn) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		part := b[:min(len(b), maxPlain)]
		if err := c.send(typeData, part); err != nil {
			return n, err
		}
		n, b = n+len(part), b[len(part):]
	}
	return n, nil
}

// CloseWrite sends close_notify: nothing more is written.
func (c *Conn) CloseWrite() error {
	err := c.send(typeAlert, []byte{levelWarning, byte(CloseNotify)})
	if err == nil {
		c.sendErr = net.ErrClosed
	}
	return err
}

// send writes one record.
func (c *Conn) send(typ byte, content []byte) error {
	if c.sendErr != nil {
		return c.sendErr
	}
	sealed, err := c.out.seal(c.sealed, typ, content)
	if err == nil {
		_, err = c.below.Write(sealed)
		c.sealed = sealed[:0]
		if cap(sealed) > keepBuffer {
			c.sealed = nil
		}
	}
	c.sendErr = err
	return err
}
