// Package http1 tells whether the bytes of an HTTP/1 connection mean the same
// to every server. It follows requests on the wire, where each ends and the
// next begins, and names the first thing that two servers are known to read
// differently: what request smuggling is made of. It builds no requests and
// keeps no bodies; reading them is the server's work, afterwards.
//
// What RFC 9112 has a recipient refuse is refused, and so is what it lets a
// recipient mend or ignore, because the next one may mend it otherwise: a line
// that ends with LF alone (2.2), a folded line (5.2), a length beside chunks
// (6.3), extensions of chunks (7.1.1), trailers (7.1.2).
package http1

import (
	"bytes"
	"strconv"
)

// Violation is why a connection is not read any further.
type Violation struct {
	// Rule names what is wrong, in a few words of lower case: "obs-fold".
	Rule string
	// Status is how to refuse it: 400, 414, 431, 501 or 505.
	Status int
	// Body says that the header was in order and has been handed on.
	Body bool
}

// Error implements error.
func (v *Violation) Error() string { return "http1: " + v.Rule }

const (
	// maxFields bounds the lines of a header.
	maxFields = 200
	// maxChunk bounds the digits of a chunk's length: what fits 60 bits.
	maxChunk = 15
	// maxDigits bounds those of a Content-Length.
	maxDigits = 18
)

type state uint8

const (
	inRequest state = iota // the line of a request
	inHeader
	inBody   // left bytes of one of known length
	inLength // the line of a chunk's length
	inChunk  // left bytes of a chunk
	inEnd    // the end of a chunk's line
	inTrailer
)

// Framer follows one connection. Its zero value does not work: see [New]. It is
// for one goroutine.
type Framer struct {
	max   int // bytes of a header
	state state
	left  uint64
	line  []byte // so far
	used  int    // bytes of the header so far
	head  head
	err   *Violation
}

// New returns one that allows headers of at most maxHeader bytes, the line of
// the request among them.
func New(maxHeader int) *Framer { return &Framer{max: maxHeader} }

// See takes the next bytes of the connection and returns how many of them are
// in order. With fewer than all comes the violation, again at every call.
func (f *Framer) See(p []byte) (int, *Violation) {
	n := 0
	for n < len(p) && f.err == nil {
		switch f.state {
		case inBody, inChunk:
			take := min(uint64(len(p)-n), f.left)
			n += int(take)
			if f.left -= take; f.left == 0 {
				f.after()
			}
		default:
			end := bytes.IndexByte(p[n:], '\n')
			if end < 0 {
				f.add(p[n:])
				if f.err == nil {
					n = len(p)
				}
				break
			}
			if f.add(p[n : n+end+1]); f.err == nil {
				f.whole(f.line)
				f.line = f.line[:0]
			}
			if f.err == nil {
				n += end + 1
			}
		}
	}
	return n, f.err
}

// Between reports whether the last request has ended and nothing of the next is
// there.
func (f *Framer) Between() bool { return f.state == inRequest && len(f.line) == 0 }

// add appends to the line.
func (f *Framer) add(p []byte) {
	limit := f.max - f.used
	if f.state > inHeader {
		limit = maxChunk + len("\r\n")
	}
	if len(f.line)+len(p) > limit {
		switch f.state {
		case inRequest:
			f.fail("target too long", 414)
		case inHeader:
			f.fail("header too long", 431)
		default:
			f.fail("chunk", 400)
		}
		return
	}
	f.line = append(f.line, p...)
}

func (f *Framer) fail(rule string, status int) {
	f.err = &Violation{Rule: rule, Status: status, Body: f.state > inHeader}
}

// whole takes a line with its end.
func (f *Framer) whole(line []byte) {
	if !bytes.HasSuffix(line, []byte("\r\n")) {
		f.fail("bare-lf", 400)
		return
	}
	line = line[:len(line)-2]
	switch f.state {
	case inRequest:
		f.used = len(line) + 2
		f.head = head{}
		if v := f.head.request(line); v != nil {
			f.err = v
			return
		}
		f.state = inHeader
	case inHeader:
		f.used += len(line) + 2
		if len(line) > 0 {
			f.err = f.head.field(line)
			return
		}
		if f.err = f.head.end(); f.err == nil {
			f.begin()
		}
	case inLength:
		f.length(line)
	case inEnd:
		if len(line) > 0 {
			f.fail("chunk", 400)
			return
		}
		f.state = inLength
	case inTrailer:
		if len(line) > 0 {
			f.fail("trailer", 400)
			return
		}
		f.state = inRequest
	}
}

// begin is after a header.
func (f *Framer) begin() {
	f.left, f.used = f.head.length, 0
	switch {
	case f.head.chunked:
		f.state = inLength
	case f.left > 0:
		f.state = inBody
	default:
		f.state = inRequest
	}
}

// after is after the bytes of a body or chunk.
func (f *Framer) after() {
	if f.state == inChunk {
		f.state = inEnd
		return
	}
	f.state = inRequest
}

// length takes the line of a chunk's length (RFC 9112, 7.1).
func (f *Framer) length(line []byte) {
	if bytes.IndexByte(line, ';') >= 0 {
		f.fail("chunk-extension", 400)
		return
	}
	n, err := strconv.ParseUint(string(line), 16, 64)
	if err != nil || !digits(line, true) {
		f.fail("chunk", 400)
		return
	}
	if f.left = n; n == 0 {
		f.state = inTrailer
		return
	}
	f.state = inChunk
}

// digits reports whether a text is nothing but digits, and there is one:
// strconv takes signs and underscores as well.
func digits(text []byte, hex bool) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (!hex || (c|0x20) < 'a' || (c|0x20) > 'f') {
			return false
		}
	}
	return len(text) > 0
}
