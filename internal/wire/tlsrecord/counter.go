package tlsrecord

// Of the handshake, which passes in clear as far as it is looked at.
const (
	typeChange         = 20 // change_cipher_spec (RFC 5246, 7.1)
	messageServerHello = 2
	// helloSize is a ServerHello as far as its random: type, length, version, random
	// (RFC 5246, 7.4.1.3).
	helloSize = 4 + 2 + randomSize
	// finishedSize is the length of Finished of TLS 1.2 (RFC 5246, 7.4.9).
	finishedSize = 4 + 12
)

// counter counts the records of one direction.
type counter struct {
	head    [headerLen]byte
	have    int // bytes of head
	rest    int // bytes that are missing of the record
	records uint64

	// Of the handshake, before cost is known.
	changes int    // change_cipher_spec; records and bytes are since the last one
	bytes   uint64 // of records, without their headers
	hello   []byte // how the first handshake message begins

	// After it.
	cost    int    // bytes of a record that are no content
	content uint64 // of whole records, with padding
	odd     bool   // something came that is no protected record of data
}

func (c *counter) partial() bool { return c.have > 0 }

func (c *counter) length() int { return int(c.head[3])<<8 | int(c.head[4]) }

// left returns how many bytes are missing until the header or the record is whole.
func (c *counter) left() int {
	if c.have < headerLen {
		return headerLen - c.have
	}
	return c.rest
}

// finished reports that a handshake of TLS 1.2 is over: keys came in force once, and
// under them there was one record, as long as Finished.
func (c *counter) finished(s *suite) bool {
	return c.changes == 1 && c.records == 1 && c.bytes == uint64(finishedSize+s.cost()) && c.head[0] == typeHandshake
}

func (c *counter) feed(b []byte) {
	for len(b) > 0 {
		if c.have < headerLen {
			n := copy(c.head[c.have:], b)
			c.have, b = c.have+n, b[n:]
			if c.have < headerLen {
				return
			}
			c.rest = c.length()
		}
		n := min(c.rest, len(b))
		if c.cost == 0 && c.changes == 0 && c.head[0] == typeHandshake && len(c.hello) < helloSize {
			c.hello = append(c.hello, b[:min(n, helloSize-len(c.hello))]...)
		}
		c.rest, b = c.rest-n, b[n:]
		if c.rest == 0 {
			c.record()
		}
	}
}

// record counts one that is whole.
func (c *counter) record() {
	c.have = 0
	n := c.length()
	switch {
	case c.cost > 0:
		c.odd = c.odd || c.head[0] != typeData || n < c.cost
		c.content += uint64(max(n-c.cost, 0))
	case c.head[0] == typeChange:
		c.changes, c.records, c.bytes = c.changes+1, 0, 0
		return
	default:
		c.bytes += uint64(n)
	}
	c.records++
}
