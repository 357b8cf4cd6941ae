package match

import "math/bits"

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

// oneDigit is oneEdit for numbers written in base.
func oneDigit(a, b, base uint64) bool {
	var x, y [24]byte
	return oneEdit(digits(x[:0], a, base), digits(y[:0], b, base))
}

func digits(dst []byte, v, base uint64) []byte {
	for ; v > 0; v /= base {
		dst = append(dst, byte(v%base))
	}
	return dst
}
