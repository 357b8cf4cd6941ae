package transform

import "encoding/binary"

// Bytes is a set of bytes.
type Bytes [4]uint64

// Add adds a byte.
func (b *Bytes) Add(c byte) { b[c>>6] |= 1 << (c & 63) }

// Has reports whether a byte is in the set.
func (b *Bytes) Has(c byte) bool { return b[c>>6]&(1<<(c&63)) != 0 }

// Meets reports whether two sets share a byte.
func (b *Bytes) Meets(c *Bytes) bool {
	return b[0]&c[0]|b[1]&c[1]|b[2]&c[2]|b[3]&c[3] != 0
}

// Join adds the bytes of a set.
func (b *Bytes) Join(c *Bytes) {
	for i := range b {
		b[i] |= c[i]
	}
}

// AddLower adds the small letters of the capital ones that are there.
func (b *Bytes) AddLower() {
	b[1] |= (b[1] & 0x07fffffe) << 32 // A-Z are bits 1 to 26 of the second word
}

// All are all bytes.
var All = Bytes{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// Present returns the bytes of a value.
func Present(value []byte) Bytes {
	var seen [256]uint8
	for ; len(value) >= 8; value = value[8:] {
		x := binary.LittleEndian.Uint64(value)
		seen[byte(x)], seen[byte(x>>8)], seen[byte(x>>16)], seen[byte(x>>24)] = 1, 1, 1, 1
		seen[byte(x>>32)], seen[byte(x>>40)], seen[byte(x>>48)], seen[byte(x>>56)] = 1, 1, 1, 1
	}
	for _, c := range value {
		seen[c] = 1
	}
	var b Bytes
	for i := range b {
		for k := 0; k < 64; k += 8 { // eight bytes that are 0 or 1 into eight bits
			b[i] |= binary.LittleEndian.Uint64(seen[i*64+k:]) * 0x0102040810204080 >> 56 << k
		}
	}
	return b
}

// Reach returns bytes that hold those of the result, whatever value of the given
// bytes the step is applied to.
func (s *Step) Reach(b *Bytes) Bytes {
	reach := *b
	if !reach.Meets(&s.triggers) {
		return reach
	}
	reach.Join(&s.makes)
	if s.cases {
		reach.AddLower()
		switch {
		case b[2]&s.triggers[2]|b[3]&s.triggers[3] == 0:
		case b[3]&^uncasedLeads == 0: // no letters with another case but those of full width
			reach[2] = ^uint64(0)
			reach.Add(0xef)
		default:
			reach[2], reach[3] = ^uint64(0), ^uint64(0)
			if b.Has(0xc4) && b.Has(0xb0) { // U+0130, of which the small letter is i
				reach.Add('i')
			}
			if b.Has(0xe2) && b.Has(0x84) && b.Has(0xaa) { // U+212A
				reach.Add('k')
			}
		}
	}
	for i := range reach {
		reach[i] &^= s.takes[i]
	}
	return reach
}

// uncasedLeads are the bytes that characters begin with which are [uncased], in
// the last word of a set, and 0xef: letters of full width stay such, and what is no
// character becomes U+FFFD.
const uncasedLeads = 0x7f<<(0xe3&63) | 1<<(0xef&63)
