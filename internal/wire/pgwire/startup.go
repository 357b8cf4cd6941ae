package pgwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// MaxStartup is the greatest length word of a startup packet
// (MAX_STARTUP_PACKET_LENGTH in src/include/libpq/pqcomm.h).
const MaxStartup = 10000

// Protocol versions and the request codes that stand in their place.
const (
	Version30         uint32 = 3 << 16
	Version32         uint32 = 3<<16 | 2
	codeCancelRequest uint32 = 1234<<16 | 5678
	codeSSLRequest    uint32 = 1234<<16 | 5679
	codeGSSENCRequest uint32 = 1234<<16 | 5680
)

// StartupKind says what a client's first bytes are.
type StartupKind uint8

const (
	StartupMessage StartupKind = iota + 1
	StartupSSL                 // SSLRequest: answer 'S' or 'N'
	StartupGSSENC              // GSSENCRequest: answer 'G' or 'N'
	StartupCancel              // CancelRequest
	StartupTLS                 // a TLS ClientHello without SSLRequest (PostgreSQL 17, ALPN "postgresql")
)

// Startup is a startup packet.
type Startup struct {
	Kind    StartupKind
	Version uint32 // StartupMessage: major<<16 | minor
	Raw     []byte // the whole packet; empty for StartupTLS
	Options []byte // StartupMessage: name NUL value NUL … without the last NUL
	PID     uint32 // CancelRequest
	Key     []byte // CancelRequest: 4 bytes in 3.0, up to 256 in 3.2
}

// ParseStartup reads the startup packet at the beginning of b. ok is false
// when more bytes are needed. A *LengthError or an error that wraps
// ErrMalformed is final.
func ParseStartup(b []byte) (s Startup, ok bool, err error) {
	if len(b) > 0 && b[0] == tlsHandshake {
		return Startup{Kind: StartupTLS}, true, nil
	}
	if len(b) < 4 {
		return Startup{}, false, nil
	}
	n := binary.BigEndian.Uint32(b)
	if n < 8 || n > MaxStartup {
		return Startup{}, false, &LengthError{Length: n, Limit: MaxStartup}
	}
	if len(b) < int(n) {
		return Startup{}, false, nil
	}
	s = Startup{Version: binary.BigEndian.Uint32(b[4:]), Raw: b[:n:n]}
	body := b[8:n:n]
	switch s.Version {
	case codeSSLRequest, codeGSSENCRequest:
		s.Kind = StartupSSL
		if s.Version == codeGSSENCRequest {
			s.Kind = StartupGSSENC
		}
		if len(body) != 0 {
			return Startup{}, false, malformed("SSLRequest or GSSENCRequest")
		}
	case codeCancelRequest:
		s.Kind = StartupCancel
		if len(body) < 8 || len(body) > 4+256 {
			return Startup{}, false, malformed("CancelRequest")
		}
		s.PID, s.Key = binary.BigEndian.Uint32(body), body[4:]
	default:
		s.Kind = StartupMessage
		if s.Version>>16 != 3 {
			return Startup{}, false, fmt.Errorf("protocol version %d.%d: %w", s.Version>>16, s.Version&0xffff, ErrMalformed)
		}
		if s.Options, ok = startupOptions(body); !ok {
			return Startup{}, false, malformed("StartupMessage")
		}
	}
	return s, true, nil
}

// startupOptions checks name/value pairs that end with an empty name exactly
// at the end of the packet, as ProcessStartupPacket does.
func startupOptions(body []byte) ([]byte, bool) {
	c := cursor{b: body}
	for {
		if len(c.b) == 0 {
			return nil, false
		}
		if len(c.text()) == 0 {
			break
		}
		c.text()
	}
	if !c.end() {
		return nil, false
	}
	return body[:len(body)-1], true
}

// EachOption calls f with every name and value in the order sent, names of
// protocol extensions ("_pq_.…") included.
func (s *Startup) EachOption(f func(name, value []byte)) {
	c := cursor{b: s.Options}
	for len(c.b) > 0 && !c.bad {
		name := c.text()
		f(name, c.text())
	}
}

// Option returns the last value given for a name, or nil. The server uses the
// last one too.
func (s *Startup) Option(name string) (value []byte) {
	s.EachOption(func(n, v []byte) {
		if string(n) == name {
			value = v
		}
	})
	return value
}

// Replication says that the client asks for a replication connection.
// PostgreSQL accepts the spellings of a boolean and "database".
func (s *Startup) Replication() bool {
	v := bytes.ToLower(s.Option("replication"))
	switch string(v) {
	case "", "0", "f", "fa", "fal", "fals", "false", "n", "no", "of", "off":
		return false
	}
	return true
}

// AppendStartup appends a StartupMessage. Options alternate name and value.
func AppendStartup(dst []byte, version uint32, options ...string) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, version)
	for _, o := range options {
		dst = append(append(dst, o...), 0)
	}
	dst = append(dst, 0)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	return dst
}

// AppendSSLRequest appends an SSLRequest.
func AppendSSLRequest(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, 8), codeSSLRequest)
}

// AppendCancelRequest appends a CancelRequest.
func AppendCancelRequest(dst []byte, pid uint32, key []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(12+len(key)))
	dst = binary.BigEndian.AppendUint32(dst, codeCancelRequest)
	return append(binary.BigEndian.AppendUint32(dst, pid), key...)
}

// NegotiateVersion is NegotiateProtocolVersion: the server speaks at most
// Version (minor, in newer servers; the whole number in the text is the same
// field) and does not know Options.
type NegotiateVersion struct {
	Version uint32
	Count   int
	options []byte
}

// DecodeNegotiateVersion decodes the body of NegotiateProtocolVersion.
func DecodeNegotiateVersion(body []byte) (NegotiateVersion, error) {
	c := cursor{b: body}
	v := NegotiateVersion{Version: c.uint32(), Count: int(c.uint32())}
	v.options = c.b
	for i := 0; i < v.Count && !c.bad; i++ {
		c.text()
	}
	if !c.end() {
		return NegotiateVersion{}, malformed("NegotiateProtocolVersion")
	}
	return v, nil
}

// EachOption calls f with every option name the server does not know.
func (v *NegotiateVersion) EachOption(f func(name []byte)) {
	c := cursor{b: v.options}
	for range v.Count {
		f(c.text())
	}
}
