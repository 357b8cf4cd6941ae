package resolver

import (
	"encoding/binary"
	"errors"

	"github.com/miekg/dns"
)

// question is what a client asks. It is read from the wire by hand, because
// nearly every question is answered from memory: the rest of a message goes
// through miekg/dns.
//
//	header: id(2) | flags(2) | questions(2) | answers(2) | authority(2) | additional(2)
//	question: labels, each length(1) and text, to a zero | type(2) | class(2)
//	OPT: 0 | 41(2) | size(2) | flags(4) | length(2) | data   (RFC 6891)
type question struct {
	id     uint16
	flags  uint16
	name   string // lower case, without the root's dot; "" is the root
	end    int    // of the question in the message
	kind   uint16
	class  uint16
	edns   bool
	size   int // of an answer that the client takes over UDP
	opcode int
}

const (
	headerBytes = 12
	flagQR      = 1 << 15
	flagAA      = 1 << 10
	flagTC      = 1 << 9
	flagRD      = 1 << 8
	flagRA      = 1 << 7
	flagCD      = 1 << 4
	plainSize   = 512  // RFC 1035, 4.2.1
	maxSize     = 1232 // no fragments on any path (DNS flag day 2020)
	maxQuestion = 4096 // over TCP: a question with every option that there is
)

// errForm: the bytes are no question. errSilent: they deserve no answer, so
// that no loop of answers to answers begins.
var (
	errForm   = errors.New("resolver: not a question")
	errSilent = errors.New("resolver: not even a header of one")
)

// parseQuestion reads a message. On errForm the id and flags are there. names
// is where the name is put together; the caller keeps it.
func parseQuestion(b []byte, names *[256]byte) (question, error) {
	q := question{size: plainSize}
	if len(b) < headerBytes {
		return q, errSilent
	}
	q.id, q.flags = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if q.flags&flagQR != 0 {
		return q, errSilent
	}
	q.opcode = int(q.flags>>11) & 15
	if q.opcode != dns.OpcodeQuery {
		return q, nil
	}
	additional := binary.BigEndian.Uint16(b[10:])
	if binary.BigEndian.Uint16(b[4:]) != 1 || binary.BigEndian.Uint32(b[6:]) != 0 || additional > 2 || len(b) > maxQuestion {
		return q, errForm
	}
	at, n := headerBytes, 0
	for {
		if at >= len(b) {
			return q, errForm
		}
		length := int(b[at])
		at++
		if length == 0 {
			break
		}
		if length > 63 || at+length > len(b) || n+length+1 > 254 { // no compression in a question
			return q, errForm
		}
		for _, c := range b[at : at+length] {
			switch {
			case 'A' <= c && c <= 'Z':
				c += 'a' - 'A'
			case ambiguous(c):
				return q, errForm
			}
			names[n] = c
			n++
		}
		names[n] = '.'
		n++
		at += length
	}
	if at+4 > len(b) {
		return q, errForm
	}
	q.kind, q.class = binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:])
	q.end = at + 4
	if n > 0 {
		q.name = string(names[:n-1])
	}
	if additional > 0 {
		q.options(b[q.end:])
	}
	return q, nil
}

// ambiguous reports whether a byte of a label is written with a backslash where names
// are text (RFC 1035, 5.1; as miekg/dns does it). A label "a." or "a\\" would be
// decided, kept and asked for as another name than the client's; no host has one.
func ambiguous(c byte) bool {
	switch c {
	case '.', '\\', '"', '\'', '(', ')', ';', '@':
		return true
	}
	return c <= ' ' || c > '~'
}

// options looks for an OPT record, which is the first of a question's
// additional records as everybody sends it.
func (q *question) options(b []byte) {
	if len(b) >= 11 && b[0] == 0 && binary.BigEndian.Uint16(b[1:]) == dns.TypeOPT {
		q.edns = true
		q.size = min(max(int(binary.BigEndian.Uint16(b[3:])), plainSize), maxSize)
	}
}

// reply begins an answer without records: header and question as asked.
func (q *question) reply(b, message []byte, rcode int) []byte {
	flags := flagQR | q.flags&(15<<11|flagRD|flagCD) | flagRA | uint16(rcode&15)
	b = append(b[:0], byte(q.id>>8), byte(q.id), byte(flags>>8), byte(flags), 0, 0, 0, 0, 0, 0, 0, 0)
	if q.end > 0 {
		b[5] = 1
		b = append(b, message[headerBytes:q.end]...)
	}
	return b
}

// appendOPT adds an OPT record, with an extended error when code is not
// negative (RFC 8914: option 15, code(2), text).
func appendOPT(b []byte, code int, text string) []byte {
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])+1)
	b = append(b, 0, 0, byte(dns.TypeOPT), maxSize>>8, maxSize&0xff, 0, 0, 0, 0)
	if code < 0 {
		return append(b, 0, 0)
	}
	n := 2 + len(text)
	b = append(b, byte((n+4)>>8), byte(n+4), 0, dns.EDNS0EDE, byte(n>>8), byte(n), byte(code>>8), byte(code))
	return append(b, text...)
}

// kindName is a type of record as events show it.
func kindName(kind uint16) string {
	if name, ok := dns.TypeToString[kind]; ok {
		return name
	}
	return "other"
}
