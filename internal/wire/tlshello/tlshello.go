// Package tlshello reads what a TLS client says first: the server name, the
// protocols it offers, whether it hides a second hello inside (ECH).
//
// It is a codec: no sockets, no handshake, no cryptography, and it does not
// judge what it reads.
//
// A hello is one handshake message in one or several records (RFC 8446, 5.1
// and 4.1.2):
//
//	record:    type=22 | version(2) | length(2) | fragment
//	handshake: type=1 | length(3) | version(2) | random(32) | session id<0..32>
//	           | cipher suites<2..> | compression<1..> | extensions<0..>
//	extension: type(2) | length(2) | data
package tlshello

import (
	"errors"
	"fmt"
	"strings"
)

// MaxBytes bounds a hello with its record headers. Real ones, with
// post-quantum key shares and ECH, have less than 4 KiB.
const MaxBytes = 16 << 10

// Hello is what was read.
type Hello struct {
	// ServerName is the host name of the server_name extension as written, in
	// lower case; empty without one.
	ServerName string
	// Protocols are the offers of ALPN.
	Protocols []string
	// ECH says that the hello has an encrypted_client_hello extension. Browsers
	// send one without meaning (GREASE) too.
	ECH bool
}

// ErrShort: the bytes so far are the beginning of a hello.
var ErrShort = errors.New("tlshello: more bytes are needed")

// ErrNotTLS: the bytes are not the beginning of a TLS handshake.
var ErrNotTLS = errors.New("tlshello: not a TLS handshake")

// ErrMalformed is wrapped by what is wrong with a hello; ErrTooLong is one of
// these. Nothing of the input is in the texts.
var (
	ErrMalformed = errors.New("tlshello: malformed")
	ErrTooLong   = fmt.Errorf("%w: longer than any client's", ErrMalformed)
)

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

const (
	recordHandshake   = 22
	recordHeader      = 5
	handshakeHello    = 1
	extServerName     = 0      // RFC 6066, 3
	extALPN           = 16     // RFC 7301
	extECH            = 0xfe0d // RFC 9849
	maxRecordFragment = 1 << 14
)

// Parse reads the first bytes that a client sent. ErrShort asks for more, at
// most MaxBytes in all. What follows the hello is not looked at.
func Parse(b []byte) (Hello, error) {
	message, err := assemble(b)
	if err != nil {
		return Hello{}, err
	}
	return parseMessage(message)
}

// assemble returns the body of the first handshake message.
func assemble(b []byte) ([]byte, error) {
	var message []byte
	for rest := b; ; {
		if len(rest) > 0 && rest[0] != recordHandshake {
			if len(rest) == len(b) {
				return nil, ErrNotTLS
			}
			return nil, malformed("another record within the hello")
		}
		if len(rest) > 1 && rest[1] != 3 {
			return nil, ErrNotTLS
		}
		if len(rest) < recordHeader {
			return nil, short(b)
		}
		n := int(rest[3])<<8 | int(rest[4])
		if n == 0 || n > maxRecordFragment {
			return nil, malformed("a record of no or too many bytes")
		}
		have := rest[recordHeader:min(recordHeader+n, len(rest))]
		if len(message) == 0 && len(have) == n { // the usual case needs no copy
			message = have[:n:n]
		} else {
			message = append(message, have...)
		}
		if len(message) > 0 && message[0] != handshakeHello {
			return nil, malformed("the first message is no client hello")
		}
		if len(message) >= 4 {
			size := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
			if size > MaxBytes {
				return nil, ErrTooLong
			}
			if len(message) >= 4+size {
				return message[4 : 4+size], nil
			}
		}
		if len(have) < n {
			return nil, short(b)
		}
		rest = rest[recordHeader+n:]
	}
}

func short(b []byte) error {
	if len(b) >= MaxBytes {
		return ErrTooLong
	}
	return ErrShort
}

// reader takes length-prefixed parts from the front.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint(bytes int) int {
	n := 0
	for _, c := range r.take(bytes) {
		n = n<<8 | int(c)
	}
	return n
}

// vector takes a vector whose length has that many bytes.
func (r *reader) vector(bytes int) *reader { return &reader{rest: r.take(r.uint(bytes)), bad: r.bad} }

func parseMessage(body []byte) (Hello, error) {
	var h Hello
	r := &reader{rest: body}
	r.take(2 + 32)
	session := r.vector(1)
	suites := r.vector(2)
	compression := r.vector(1)
	if r.bad || len(session.rest) > 32 || len(suites.rest) < 2 || len(suites.rest)%2 != 0 || len(compression.rest) == 0 {
		return h, malformed("the fixed part")
	}
	if len(r.rest) == 0 {
		return h, nil // SSL 3 to TLS 1.2 may have no extensions
	}
	extensions := r.vector(2)
	if r.bad || len(r.rest) != 0 {
		return h, malformed("the extensions")
	}
	seen := map[int]bool{}
	for len(extensions.rest) > 0 {
		kind := extensions.uint(2)
		data := extensions.vector(2)
		if extensions.bad || seen[kind] { // RFC 8446, 4.2: no extension twice
			return Hello{}, malformed("an extension")
		}
		seen[kind] = true
		if err := h.extension(kind, data); err != nil {
			return Hello{}, err
		}
	}
	return h, nil
}

func (h *Hello) extension(kind int, data *reader) error {
	switch kind {
	case extECH:
		h.ECH = true
	case extServerName:
		list := data.vector(2)
		kindOfName := list.uint(1)
		name := list.vector(2)
		if data.bad || list.bad || name.bad || len(data.rest) != 0 || len(list.rest) != 0 || kindOfName != 0 || len(name.rest) == 0 || len(name.rest) > 255 {
			return malformed("the server name")
		}
		h.ServerName = strings.ToLower(string(name.rest))
	case extALPN:
		list := data.vector(2)
		for len(list.rest) > 0 && !list.bad {
			h.Protocols = append(h.Protocols, string(list.vector(1).rest))
		}
		if data.bad || list.bad || len(data.rest) != 0 {
			return malformed("the protocols")
		}
	}
	return nil
}
