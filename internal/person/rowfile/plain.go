package rowfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// plain reports whether the rows of a chunk can be cut at commas and newlines
// without a look at anything else: the text is UTF-8 without quotes and NULs.
func (f *File) plain(c *Chunk) bool {
	return c.ends == nil && f.Encoding != ShiftJIS && f.Encoding != EUCJP && bytes.IndexByte(c.text, 0) < 0 && valid(c.text)
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x80 * everyByte
)

// zeroes marks the bytes of v that are zero by their high bits.
func zeroes(v uint64) uint64 { return ^(v&^highBits + ^uint64(highBits) | v) & highBits }

// eachPlain is Each for a plain chunk.
func (f *File) eachPlain(c *Chunk, row func(n int, raw []byte, fields [][]byte), skipped func(Problem)) {
	text := c.text
	commas := everyByte * uint64(f.Comma)
	fields := make([][]byte, 0, 2*len(f.Header))
	n, start, from := 0, 0, 0 // start of the row, and of the field
	end := func(at int) {
		to := at
		if to > from && text[to-1] == '\r' {
			to--
		}
		fields = append(fields, text[from:to:to])
		f.take(c, n, text[start:to], fields, row, skipped)
		fields, n, start, from = fields[:0], n+1, at+1, at+1
	}
	at := 0
	for ; at+8 <= len(text); at += 8 {
		w := binary.LittleEndian.Uint64(text[at:])
		for m := zeroes(w^commas) | zeroes(w^everyByte*'\n'); m != 0; m &= m - 1 {
			i := at + bits.TrailingZeros64(m)>>3
			if text[i] == '\n' {
				end(i)
				continue
			}
			fields = append(fields, text[from:i:i])
			from = i + 1
		}
	}
	for ; at < len(text); at++ {
		switch text[at] {
		case '\n':
			end(at)
		case f.Comma:
			fields = append(fields, text[from:at:at])
			from = at + 1
		}
	}
	if n < c.Rows { // the last row of a file has no newline
		end(len(text))
	}
}

// valid is utf8.Valid, quicker for text of three-byte characters between runs
// of ASCII, as Japanese is.
func valid(p []byte) bool {
	for len(p) >= 8 {
		high := binary.LittleEndian.Uint64(p) & highBits
		if high == 0 {
			p = p[8:]
			continue
		}
		p = p[bits.TrailingZeros64(high)>>3:]
		for len(p) >= 4 {
			v := binary.LittleEndian.Uint32(p)
			if v&0x00C0C0F0 != 0x008080E0 {
				break
			}
			if v &= 0x20FF; v == 0x00E0 || v == 0x20ED { // over-long, surrogate (RFC 3629, 4)
				return false
			}
			p = p[3:]
		}
		if len(p) > 0 && p[0] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(p)
			if r == utf8.RuneError && n == 1 {
				return false
			}
			p = p[n:]
		}
	}
	return utf8.Valid(p)
}
