package element

import (
	"encoding/binary"
	"math/bits"
)

// blockSize is how many bytes one set of class masks describes.
const blockSize = 64

// classes are the byte classes of one block: bit i of each mask describes byte
// i. The assembly writes them in this order.
type classes struct {
	digit  uint64 // 0–9
	escape uint64 // % & \: the beginning of a URL, HTML or JSON escape
	lead   uint64 // the byte before every full-width digit of the encoding
	at     uint64 // @
	dot    uint64 // .
	assign uint64 // : =
	kanji  uint64 // E3–E9: the first byte of kana and kanji in UTF-8
	token  uint64 // a byte of "Aegsx" before one of "KSIyhlko": secrets begin so
}

// classifyFunc fills dst from src, which holds one byte more than the blocks of
// dst.
type classifyFunc func(dst []classes, src []byte, lead byte)

const (
	low7 = 0x7f7f7f7f7f7f7f7f
	high = 0x8080808080808080
	ones = 0x0101010101010101
)

// classifyPortable is the definition: eight bytes at a time in a register.
func classifyPortable(dst []classes, src []byte, lead byte) {
	for i := range dst {
		c := classes{}
		b := src[i*blockSize : i*blockSize+blockSize+1]
		for j := 0; j < blockSize; j += 8 {
			x := binary.LittleEndian.Uint64(b[j:])
			c.digit |= within(x, '0', 9) << j
			c.escape |= gather(equal(x, '%')|equal(x, '&')|equal(x, '\\')) << j
			c.at |= gather(equal(x, '@')) << j
			c.dot |= gather(equal(x, '.')) << j
			c.assign |= gather(equal(x, ':')|equal(x, '=')) << j
			if x&high != 0 {
				c.lead |= gather(equal(x, lead)) << j
				c.kanji |= within(x, 0xE3, 6) << j
			}
			if first := equal(x, 'A') | equal(x, 'e') | equal(x, 'g') | equal(x, 's') | equal(x, 'x'); first != 0 {
				y := x>>8 | uint64(b[j+8])<<56
				c.token |= gather(first&(equal(y, 'K')|equal(y, 'S')|equal(y, 'I')|equal(y, 'y')|
					equal(y, 'h')|equal(y, 'l')|equal(y, 'k')|equal(y, 'o'))) << j
			}
		}
		dst[i] = c
	}
}

// classifyDigits is classifyPortable for card numbers alone: only digit,
// escape and lead are right, the others are empty.
func classifyDigits(dst []classes, src []byte, lead byte) {
	for i := range dst {
		var digit, escape, full uint64
		b := src[i*blockSize : i*blockSize+blockSize]
		for j := 0; j < blockSize; j += 8 {
			x := binary.LittleEndian.Uint64(b[j:])
			digit |= within(x, '0', 9) << j
			// The three escapes differ in high bits: & and % share all but two.
			if e := equal(x, '%') | equal(x, '&') | equal(x, '\\'); e != 0 {
				escape |= gather(e) << j
			}
			if x&high != 0 {
				full |= gather(equal(x, lead)) << j
			}
		}
		dst[i] = classes{digit: digit, escape: escape, lead: full}
	}
}

// equal sets the high bit of each byte of x that is c.
func equal(x uint64, c byte) uint64 {
	y := x ^ ones*uint64(c)
	return ^((y & low7) + low7 | y | low7)
}

// within returns one bit for each byte of x from c to c+span, span < 128 and
// no carry out of c's high bit: both digits and kanji leads keep it.
func within(x uint64, c, span byte) uint64 {
	y := x ^ high*uint64(c>>7) // now the range lies below 0x80
	lo := uint64(c & 0x7f)
	ge := (y & low7) + ones*(0x80-lo)
	gt := (y & low7) + ones*(0x7f-lo-uint64(span))
	return gather(ge &^ gt &^ y & high)
}

// gather packs the high bits of eight bytes into the low eight bits.
func gather(x uint64) uint64 { return (x >> 7) * 0x0102040810204080 >> 56 }

// shift returns 64 bits of a mask beginning at bit p of cur and going on in
// next.
func shift(cur, next uint64, p int) uint64 {
	return cur>>p | next<<(63-p)<<1
}

// run returns how many low bits of w are set without a gap.
func run(w uint64) int { return bits.TrailingZeros64(^w) }
