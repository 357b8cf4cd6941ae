package element

import "math/bits"

// email reports the address whose @ is at p and size bytes long (%40, ＠).
func (s *Scanner) email(p, size int) {
	b := s.buf
	i := p
	for p-i < 64 && mailBytes[b[i-1]]&ofLocal != 0 {
		i--
	}
	for i < p && (b[i] == '.' || b[i] == '-' || b[i] == '%') {
		i++
	}
	last := 0
	for q, limit, dots := p+size, p+size+253, 0; ; dots++ {
		label, is := q, uint8(isAlpha)
		for q < limit && (mailBytes[b[q]]&ofDomain != 0 || b[q] == '-' && q > label) {
			is &= mailBytes[b[q]]
			q++
		}
		if q == label {
			break
		}
		if last = 0; dots > 0 && is != 0 && q-label >= 2 {
			last = q
		}
		if q >= limit || b[q] != '.' {
			break
		}
		q++
	}
	if i == p || last == 0 {
		return
	}
	confidence, why := 95, ByForm
	if b[i-1] == ':' || b[i-1] == '/' && b[i-2] == '/' { // user:password@host
		confidence, why = 45, why|LessLikely|ByGlue
	}
	s.emit(i, last, Email, confidence, why, nil)
}

// mailBytes says what a byte is in a mail address.
var mailBytes = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		if isWordByte(c) || c == '.' || c == '+' || c == '-' || c == '%' {
			t[c] |= ofLocal
		}
		if isDigit(c) || isLower(c|0x20) {
			t[c] |= ofDomain
		}
		if isLower(c | 0x20) {
			t[c] |= isAlpha
		}
	}
	return t
}()

const (
	ofLocal = 1 << iota
	ofDomain
	isAlpha
)

// ipAddress reports the IPv4 address whose third dot may be at p. It reads the
// masks, for logs are full of them: bit 16 of the window is p.
func (s *Scanner) ipAddress(p int) {
	const third = 16
	at := uint(p-s.pos) + blockSize - third
	m, i, bit := &s.masks, at/blockSize, int(at%blockSize)
	digits, dots := shift(m.digit[i], m.digit[i+1], bit), shift(m.dot[i], m.dot[i+1], bit)
	from := 64 - bits.LeadingZeros64(^(digits|dots)&(1<<third-1))
	before := dots >> from << from & (1<<third - 1)
	first := trailing(before)
	second := trailing(before & (before - 1))
	end := third + 1 + run(digits>>(third+1))
	if bits.OnesCount64(before) != 2 || first == from || first-from > 3 || end-third > 4 {
		return
	}
	b := s.buf[p-third : p+third]
	if tooBig(b[from:], first-from) || tooBig(b[first+1:], second-first-1) || tooBig(b[second+1:], third-second-1) || tooBig(b[third+1:], end-third-1) {
		return
	}
	if isWordByte(b[end]) || b[end] == '.' && isDigit(b[end+1]) {
		return
	}
	p += from - third
	c := s.buf[p-1]
	if isWordByte(c) && s.escapeBefore(p) == 0 {
		return
	}
	confidence, why := 85, ByForm|ByRange
	switch {
	case b[from+1] == '.' && b[from] == '0' || hasPrefix(b[from:], "127.") || hasPrefix(b[from:], "255."):
		confidence, why = 20, ByForm|LessLikely
	case c == '/' && s.buf[p-2] != '/': // Chrome/120.0.0.0
		confidence, why = 40, ByForm|LessLikely|ByGlue
	}
	s.emit(p, p+end-from, IPAddress, confidence, why, nil)
}

// tooBig reports whether the n digits at b are more than 255.
func tooBig(b []byte, n int) bool {
	return n > 3 || n == 3 && uint(b[0])<<16|uint(b[1])<<8|uint(b[2]) > '2'<<16|'5'<<8|'5'
}
