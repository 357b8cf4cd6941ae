package element

import (
	"encoding/binary"
	"math/bits"
)

// blockSize is how many bytes one set of class masks describes.
const blockSize = 64

// column is one class of the blocks that are looked at together: the block before
// a stride, the stride, and the block behind it. Bit i of a word is byte i of its
// block.
type column [1 + stride + 1]uint64

// classes are the byte classes of these blocks, class by class, so that a register
// holds one class of several blocks. The assembly writes them in this order; card
// numbers alone need the first six.
type classes struct {
	digit  column // 0–9
	high   column // not ASCII
	escape column // % & \: the beginning of a URL, HTML or JSON escape
	wide   column // the first byte of a full-width digit
	sep    column // space + - . / ( ): what stands between the digits of a number
	joint  column // " ' < , ; | tab, and a space before -: what stands between the pieces of a number
	base   column // the last of eight bytes, at a multiple of eight, that are letters, one of them a capital, digits, + and /
	dot    column // .
	at     column // @
	assign column // : =
	cjk    column // E4–E9: the first byte of kanji in UTF-8
	kata   column // the first byte of katakana in UTF-8
	alpha  column // letters
	token  column // a byte of "Aegsx" before one of "KSIyhilko" and one of "IzpousrtxJ_-": secrets begin so
	sign   column // the first byte of ： ＝ ＠ in UTF-8
}

// each returns the columns in their order.
func (m *classes) each() [15]*column {
	return [...]*column{&m.digit, &m.high, &m.escape, &m.wide, &m.sep, &m.joint, &m.base, &m.dot, &m.at, &m.assign, &m.cjk, &m.kata, &m.alpha, &m.token, &m.sign}
}

// goOn makes the last of n blocks the block before.
func (m *classes) goOn(n int) {
	for _, c := range m.each() {
		c[0] = c[n]
	}
}

// forget makes the block before one of zero bytes.
func (m *classes) forget() {
	for _, c := range m.each() {
		c[0] = 0
	}
}

// wideForm says how an encoding writes full-width digits: the first byte, the
// least second and third byte, and how far these go beyond.
type wideForm struct{ first, second, seconds, third, thirds byte }

var (
	wideUTF8     = wideForm{0xEF, 0xBC, 0, 0x90, 9}
	wideShiftJIS = wideForm{0x82, 0x4F, 9, 0, 255}
	wideEUC      = wideForm{0xA3, 0xB0, 9, 0, 255}
)

// has reports whether a full-width digit begins with a, b and c.
func (w *wideForm) has(a, b, c byte) bool {
	return a == w.first && b-w.second <= w.seconds && c-w.third <= w.thirds
}

// overhang is how many bytes after the last block a classifier looks at.
const overhang = 2

// classifyFunc fills the n blocks of dst behind the one before, at most one more
// than a stride, from src, which holds overhang bytes more than they.
type classifyFunc func(dst *classes, n int, src []byte, wide *wideForm)

const (
	low7 = 0x7f7f7f7f7f7f7f7f
	high = 0x8080808080808080
	ones = 0x0101010101010101
)

// classifyPortable is the definition: eight bytes at a time in a register.
func classifyPortable(dst *classes, n int, src []byte, wide *wideForm) {
	classifyDigits(dst, n, src, wide)
	for i := range n {
		var sep, joint, dot, at, assign, cjk, kata, sign, alpha, base, token uint64
		b := (*[blockSize + overhang]byte)(src[i*blockSize:])
		for j := 0; j < blockSize; j += 8 {
			x := binary.LittleEndian.Uint64(b[j:])
			sep |= gather(equal(x, ' ')|equal(x, '+')|equal(x, '-')|equal(x, '.')|equal(x, '/')|equal(x, '(')|equal(x, ')')) << j
			joint |= gather(equal(x, '"')|equal(x, '\'')|equal(x, '<')|equal(x, ',')|equal(x, ';')|equal(x, '|')|equal(x, '\t')|
				equal(x, ' ')&equal(binary.LittleEndian.Uint64(b[j+1:]), '-')) << j
			dot |= gather(equal(x, '.')) << j
			at |= gather(equal(x, '@')) << j
			assign |= gather(equal(x, ':')|equal(x, '=')) << j
			if x&high != 0 {
				cjk |= within(x, 0xE4, 5) << j
				for k := j; k < j+8; k++ {
					if b[k] == 0xE3 && (b[k+1] == 0x83 || b[k+1] == 0x82 && int8(b[k+2]) > -96) {
						kata |= 1 << k
					}
					if b[k] == 0xEF && b[k+1] == 0xBC && (b[k+2] == 0x9A || b[k+2] == 0x9D || b[k+2] == 0xA0) {
						sign |= 1 << k
					}
				}
			}
			letters := within(x|ones*0x20, 'a', 25)
			alpha |= letters << j
			if dst.digit[i+1]>>j&0xFF|letters|gather(equal(x, '+')|equal(x, '/')) == 0xFF && x&^(x<<1)&(ones*0x40) != 0 {
				base |= 0x80 << j
			}
			if first := equal(x, 'A') | equal(x, 'e') | equal(x, 'g') | equal(x, 's') | equal(x, 'x'); first != 0 {
				for k := j; k < j+8; k++ {
					if isToken[0].has(b[k]) && isToken[1].has(b[k+1]) && isToken[2].has(b[k+2]) {
						token |= 1 << k
					}
				}
			}
		}
		dst.sep[i+1], dst.joint[i+1], dst.base[i+1], dst.dot[i+1], dst.at[i+1], dst.assign[i+1] = sep, joint, base, dot, at, assign
		dst.cjk[i+1], dst.kata[i+1], dst.alpha[i+1], dst.token[i+1], dst.sign[i+1] = cjk, kata, alpha, token, sign
	}
}

// isToken are the first three bytes of secrets.
var isToken = [3]byteSet{bytesOf("Aegsx"), bytesOf("KSIyhilko"), bytesOf("IzpousrtxJ_-")}

// classifyDigits is classifyPortable for card numbers alone: only digit, high,
// escape and wide are right, sep and joint only behind four digits, and the others
// are left as they are.
func classifyDigits(dst *classes, n int, src []byte, wide *wideForm) {
	for i := range n {
		b := (*[blockSize + overhang]byte)(src[i*blockSize:])
		x0, x1, x2, x3 := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		x4, x5, x6, x7 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
		digit, notASCII, full, plain := uint64(0), uint64(0), uint64(0), uint64(0)
		if (x0|x1|x2|x3|x4|x5|x6|x7)&high == 0 {
			digit = ^(pack(beyond9(x0)) | pack(beyond9(x1))<<8 | pack(beyond9(x2))<<16 | pack(beyond9(x3))<<24 |
				pack(beyond9(x4))<<32 | pack(beyond9(x5))<<40 | pack(beyond9(x6))<<48 | pack(beyond9(x7))<<56)
			plain = unescaped(x0) & unescaped(x1) & unescaped(x2) & unescaped(x3) & unescaped(x4) & unescaped(x5) & unescaped(x6) & unescaped(x7)
		} else {
			digit, notASCII, full, plain = classifyHigh(b, wide)
		}
		escape := uint64(0)
		if plain&high != high { // $ % & ' \: looked at closely only when one is there
			for j := 0; j < blockSize; j += 8 {
				x := binary.LittleEndian.Uint64(b[j:])
				escape |= gather(equal(x, '%')|equal(x, '&')|equal(x, '\\')) << j
			}
		}
		dst.digit[i+1], dst.high[i+1], dst.escape[i+1], dst.wide[i+1] = digit, notASCII, escape, full
	}
	betweenDigits(dst, n, src)
}

// classifyHigh is classifyDigits for a block that is not ASCII; plain is what
// unescaped gives for the block.
func classifyHigh(b *[blockSize + overhang]byte, wide *wideForm) (digit, notASCII, full, plain uint64) {
	first := ones * uint64(wide.first)
	beyond := uint64(0)
	plain = high
	for j := 0; j < blockSize; j += 8 {
		x := binary.LittleEndian.Uint64(b[j:])
		beyond |= pack((beyond9(x&low7)|x)&high) << j
		plain &= unescaped(x&low7) | x
		if x&high == 0 {
			continue
		}
		notASCII |= pack(x&high) << j
		for t := gather(same(x ^ first)); t != 0; t &= t - 1 {
			if p := j + trailing(t); wide.has(b[p], b[p+1], b[p+2]) {
				full |= 1 << p
			}
		}
	}
	return ^beyond, notASCII, full, plain
}

// beyond9 has the high bit of each byte of ASCII that is no digit.
func beyond9(x uint64) uint64 { return (x ^ ones*'0' + ones*(0x7f-9)) & high }

// unescaped lacks the high bit of each byte of ASCII that is \ or one of $ % & ',
// which differ in two bits; other bits mean nothing.
func unescaped(x uint64) uint64 {
	return (x&(ones*0xFC) ^ ones*'$' + low7) & (x ^ ones*'\\' + low7)
}

// pack is gather for a word with no other bits than the high ones.
func pack(x uint64) uint64 { return x * 0x0002040810204081 >> 56 }

// betweenDigits fills sep and joint behind four digits: few bytes stand there.
func betweenDigits(dst *classes, n int, src []byte) {
	before := ^uint64(0)
	for i := range n {
		digit, sep, joint := dst.digit[i+1], uint64(0), uint64(0)
		d2 := digit & (digit<<1 | before>>63)
		d4 := d2 & (d2<<2 | before&(before<<1)>>62)
		ends := (d4<<1 | before&(before<<1)&(before<<2)&(before<<3)>>63) &^ digit
		before = digit
		for ; ends != 0; ends &= ends - 1 {
			bit := ends & -ends
			p := i*blockSize + trailing(ends)
			is := uint64(between[src[p]])
			if is == 1 && src[p] == ' ' && src[p+1] == '-' {
				is = 3
			}
			sep |= bit & -(is & 1)
			joint |= bit & -(is >> 1)
		}
		dst.sep[i+1], dst.joint[i+1] = sep, joint
	}
}

// between is 1 for separators, 2 for joints.
var between = func() (t [256]uint8) {
	for c := range t {
		if isSeparator(byte(c)) {
			t[c] = 1
		} else if isJoint[c] {
			t[c] = 2
		}
	}
	return t
}()

// equal sets the high bit of each byte of x that is c.
func equal(x uint64, c byte) uint64 { return same(x ^ ones*uint64(c)) }

// same sets the high bit of each byte of y that is zero.
func same(y uint64) uint64 { return ^((y & low7) + low7 | y | low7) }

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
	return cur>>(p&63) | next<<1<<(63-p&63)
}

// run returns how many low bits of w are set without a gap.
func run(w uint64) int { return bits.TrailingZeros64(^w) }

func trailing(w uint64) int { return bits.TrailingZeros64(w) }
