package match

import "math/bits"

// alikeAt is the Jaro-Winkler similarity from which names are alike.
const alikeAt = 0.9

// leastShared[p] is the least of m/|a| + m/|b|, in 1/10000, for which two strings
// with m letters in common, and the first p the same, can be alike.
var leastShared = [...]int{17000, 16666, 16250, 15714, 15000}

// alike reports whether two names have a Jaro-Winkler similarity of alikeAt. Most
// pairs have too few letters in common, whatever their order.
func alike(a, b []byte) bool {
	var inA, inB uint32
	for _, c := range a {
		inA |= 1 << (c & 31)
	}
	for _, c := range b {
		inB |= 1 << (c & 31)
	}
	shared := min(len(a)-bits.OnesCount32(inA&^inB), len(b)-bits.OnesCount32(inB&^inA))
	p := 0
	for p < min(4, len(a), len(b)) && a[p] == b[p] {
		p++
	}
	if len(a) <= 64 && len(b) <= 64 && 10000*shared*(len(a)+len(b)) < leastShared[p]*len(a)*len(b) {
		return false
	}
	return jaroWinkler(a, b) >= alikeAt
}

// jaroWinkler is the similarity of Winkler (1990) with prefix scale 0.1 and at
// most four letters of prefix, over bytes. Strings over 64 bytes are cut.
func jaroWinkler(a, b []byte) float64 {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	window := max(len(a), len(b))/2 - 1
	var usedA, usedB uint64
	for i, c := range a {
		for j := max(0, i-window); j < min(len(b), i+window+1); j++ {
			if b[j] == c && usedB&(1<<j) == 0 {
				usedA |= 1 << i
				usedB |= 1 << j
				break
			}
		}
	}
	m := bits.OnesCount64(usedA)
	if m == 0 {
		return 0
	}
	turned := 0
	for x, y := usedA, usedB; x != 0; x, y = x&(x-1), y&(y-1) {
		if a[bits.TrailingZeros64(x)] != b[bits.TrailingZeros64(y)] {
			turned++
		}
	}
	f := float64(m)
	jaro := (f/float64(len(a)) + f/float64(len(b)) + (f-float64(turned/2))/f) / 3
	prefix := 0
	for prefix < min(4, len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*0.1*(1-jaro)
}

// oneEdit reports whether one insertion, deletion, replacement or exchange of
// neighbours makes b of a; equal strings count.
func oneEdit(a, b []byte) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	x, y := a[i:], b[i:]
	if len(a) < len(b) {
		return string(x) == string(y[1:])
	}
	switch {
	case len(x) == 0 || string(x[1:]) == string(y[1:]):
		return true
	case len(x) > 1 && x[0] == y[1] && x[1] == y[0]:
		return string(x[2:]) == string(y[2:])
	}
	return false
}

// oneDigit is oneEdit for numbers over 0 written in base 10.
func oneDigit(a, b uint64) bool {
	a, b = min(a, b), max(a, b)
	// One digit changed is a difference of 1 to 9 with zeros behind it, two
	// neighbours exchanged one of 9, 18 … 81.
	d := b - a
	for d >= 10 && d%10 == 0 {
		d /= 10
	}
	if d > 81 && decimals(a) == decimals(b) {
		return false
	}
	var x, y [24]byte
	return oneEdit(digits(x[:0], a, 10), digits(y[:0], b, 10))
}

// decimals is how many digits a number has.
func decimals(v uint64) int {
	n := bits.Len64(v) * 1233 >> 12 // log10 of 2
	if v < tens[n] {
		n--
	}
	return n + 1
}

var tens = func() (t [20]uint64) {
	for i, v := 0, uint64(1); i < len(t); i, v = i+1, v*10 {
		t[i] = v
	}
	return t
}()

// oneCharacter is oneEdit for numbers written in base 36.
func oneCharacter(a, b uint64) bool {
	var x, y [24]byte
	return oneEdit(digits(x[:0], a, 36), digits(y[:0], b, 36))
}

func digits(dst []byte, v, base uint64) []byte {
	for ; v > 0; v /= base {
		dst = append(dst, byte(v%base))
	}
	return dst
}
