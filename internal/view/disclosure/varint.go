package disclosure

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// cut is where a varint would end that is not whole: beyond every page.
const cut = math.MaxInt / 2

// varint reads an unsigned varint at d[i:] and returns where the next one
// begins: beyond the end of d when it is not whole or longer than 64 bits, and
// whatever is read behind that is not either.
func varint(d []byte, i int) (uint64, int) {
	if i < len(d) && d[i] < 0x80 {
		return uint64(d[i]), i + 1
	}
	return longVarint(d, i)
}

// longVarint reads up to eight bytes at once: the first byte without its top bit
// set is the last one, and the sevens of the others close ranks in three steps.
func longVarint(d []byte, i int) (uint64, int) {
	if i+8 <= len(d) {
		x := binary.LittleEndian.Uint64(d[i:])
		if ends := ^x & 0x8080808080808080; ends != 0 {
			last := bits.TrailingZeros64(ends)
			x &= 1<<(last+1) - 1
			x &= 0x7f7f7f7f7f7f7f7f
			x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
			x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
			x = x&0x000000000fffffff | x&0x0fffffff00000000>>4
			return x, i + last>>3 + 1
		}
	}
	if i >= len(d) {
		return 0, cut
	}
	v, n := binary.Uvarint(d[i:])
	if n <= 0 {
		return 0, cut
	}
	return v, i + n
}
