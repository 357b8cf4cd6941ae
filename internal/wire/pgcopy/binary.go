package pgcopy

import "encoding/binary"

// signature begins the binary format (BinarySignature in
// src/backend/commands/copyto.c).
const signature = "PGCOPY\n\xff\r\n\x00"

// binaryState is where in the binary format the stream is.
type binaryState struct {
	phase binaryPhase
	word  [4]byte
	have  int   // bytes of word, or of the signature
	left  int64 // bytes of the extension or value still to come
	cols  int   // columns of the row
}

type binaryPhase uint8

const (
	inSignature binaryPhase = iota
	inFlags
	inExtensionLength
	inExtension
	inCount
	inLength
	inValue
)

func (b *binaryState) inside() bool {
	return b.phase > inCount || b.phase == inCount && b.have > 0
}

// collect gathers n bytes and says whether they are all there.
func (b *binaryState) collect(p []byte, n int) ([]byte, bool) {
	k := copy(b.word[b.have:n], p)
	if b.have += k; b.have < n {
		return nil, false
	}
	b.have = 0
	return p[k:], true
}

// binary reads to the end of a row of the binary format.
func (r *Reader) binary(p []byte) (rest []byte, ok bool) {
	b := &r.bin
	for len(p) > 0 && !r.bad && !r.ended {
		var full bool
		switch b.phase {
		case inSignature:
			if p[0] != signature[b.have] {
				r.bad = true
				return nil, false
			}
			p = p[1:]
			if b.have++; b.have == len(signature) {
				b.phase, b.have = inFlags, 0
			}
		case inFlags:
			if p, full = b.collect(p, 4); full {
				// Bits 16 and up are critical; bit 16 meant OIDs.
				r.bad = binary.BigEndian.Uint32(b.word[:])>>16 != 0
				b.phase = inExtensionLength
			}
		case inExtensionLength:
			if p, full = b.collect(p, 4); full {
				b.left = int64(int32(binary.BigEndian.Uint32(b.word[:])))
				r.bad = b.left < 0
				b.phase = inExtension
				if b.left == 0 {
					b.phase = inCount
				}
			}
		case inExtension:
			n := min(b.left, int64(len(p)))
			if b.left -= n; b.left == 0 {
				b.phase = inCount
			}
			p = p[n:]
		case inCount:
			if p, full = b.collect(p, 2); full && r.count() {
				return p, true
			}
		case inLength:
			if p, full = b.collect(p, 4); full && r.valueLength() {
				return p, true
			}
		case inValue:
			n := min(b.left, int64(len(p)))
			r.keep(p[:n])
			p = p[n:]
			if b.left -= n; b.left == 0 && r.endValue() {
				return p, true
			}
		}
	}
	return nil, false
}

// count reads the column count of a row; −1 ends the data.
func (r *Reader) count() (rowDone bool) {
	n := int16(binary.BigEndian.Uint16(r.bin.word[:]))
	switch {
	case n == -1:
		r.ended = true
	case n < 0:
		r.bad = true
	case n == 0:
		return true
	default:
		r.bin.cols, r.bin.phase = int(n), inLength
	}
	return false
}

// valueLength reads a value's length; −1 is NULL.
func (r *Reader) valueLength() (rowDone bool) {
	n := int32(binary.BigEndian.Uint32(r.bin.word[:]))
	switch {
	case n == -1:
		if r.slot >= 0 {
			r.fields[r.slot].state = null
		}
		return r.endValue()
	case n < 0:
		r.bad = true
	case n == 0:
		return r.endValue()
	default:
		r.bin.left, r.bin.phase = int64(n), inValue
	}
	return false
}

func (r *Reader) endValue() (rowDone bool) {
	r.closeField()
	if r.col == r.bin.cols {
		r.bin.phase = inCount
		return true
	}
	r.openField()
	r.bin.phase = inLength
	return false
}
