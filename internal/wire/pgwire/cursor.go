package pgwire

import (
	"bytes"
	"encoding/binary"
)

// cursor reads a body from front to back. After the first read past the end,
// bad is set and every further read returns zero values.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	p := c.b[:n:n]
	c.b = c.b[n:]
	return p
}

func (c *cursor) byte() byte {
	if p := c.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (c *cursor) int16() int16 {
	if p := c.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if p := c.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// count reads the Int16 that counts following items. Negative is malformed for
// every message but Bind's parameters, which PostgreSQL reads as unsigned
// (pq_getmsgint(…, 2)); so are all of ours.
func (c *cursor) count() int { return int(uint16(c.int16())) }

// text reads a NUL-terminated string, without the NUL.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.b, c.bad = nil, true
		return nil
	}
	p := c.b[:i:i]
	c.b = c.b[i+1:]
	return p
}

// value reads an Int32 length and as many bytes; nil stands for NULL (−1).
func (c *cursor) value() []byte {
	n := int32(c.uint32())
	if n == -1 {
		return nil
	}
	return c.take(int(n))
}

// values skips n length-prefixed values and returns their bytes.
func (c *cursor) values(n int) []byte {
	start := c.b
	for range n {
		c.value()
		if c.bad {
			return nil
		}
	}
	return start[:len(start)-len(c.b)]
}

// end reports whether everything was read and nothing was missing.
func (c *cursor) end() bool { return !c.bad && len(c.b) == 0 }
