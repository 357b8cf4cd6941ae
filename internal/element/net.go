package element

import "math/bits"

// email reports the address whose @ is at p and size bytes long (%40, ＠).
func (s *Scanner) email(p, size int) {
	b := s.buf
	i := p
	for p-i < maxLocal && mailBytes[b[i-1]]&ofLocal != 0 {
		i--
	}
	s.emailOf(i, p, mailDomain(b, p+size))
}

// emailInMasks is email for an @ of the stride in hand. It reads the masks.
func (s *Scanner) emailInMasks(p int) {
	b, m := s.buf, &s.masks
	at := uint(p - s.pos)
	k, bit := at/blockSize, int(at%blockSize)
	before := shift(m.alpha[k]|m.digit[k], m.alpha[k+1]|m.digit[k+1], bit)
	n := 0
	for n < maxLocal {
		if n += bits.LeadingZeros64(^(before << n)); n >= maxLocal || mailBytes[b[p-1-n]]&ofLocal == 0 {
			break
		}
		n++
	}
	e := 0
	alpha, dots := shift(m.alpha[k+1], m.alpha[k+2], bit)>>1, shift(m.dot[k+1], m.dot[k+2], bit)>>1
	size := run(alpha | dots | shift(m.digit[k+1], m.digit[k+2], bit)>>1)
	if size >= blockSize-1 || b[p+1+size] == '-' {
		e = mailDomain(b, p+1)
	} else {
		if empty := dots & (dots<<1 | 1) & (1<<size - 1); empty != 0 {
			size = trailing(empty)
		}
		if size > 0 && dots>>(size-1)&1 != 0 {
			size--
		}
		last := 64 - bits.LeadingZeros64(dots&(1<<size-1)) // where the last label begins
		if last > 0 && size-last >= 2 && run(alpha>>last) >= size-last {
			e = p + 1 + size
		}
	}
	s.emailOf(p-min(n, maxLocal), p, e)
}

// maxLocal bounds the local part in bytes (RFC 5321 §4.5.3.1.1).
const maxLocal = 64

// mailDomain returns where the domain at q ends, 0 when there is none: labels, the
// last one of letters.
func mailDomain(b []byte, q int) (end int) {
	for limit, dots := q+253, 0; ; dots++ {
		label, is := q, uint8(isAlpha)
		for q < limit && (mailBytes[b[q]]&ofDomain != 0 || b[q] == '-' && q > label) {
			is &= mailBytes[b[q]]
			q++
		}
		if q == label {
			return end
		}
		if end = 0; dots > 0 && is != 0 && q-label >= 2 {
			end = q
		}
		if q >= limit || b[q] != '.' {
			return end
		}
		q++
	}
}

// emailOf reports buf[i:e], whose @ is at p; e is 0 when it has no domain.
func (s *Scanner) emailOf(i, p, e int) {
	b := s.buf
	for i < p && (b[i] == '.' || b[i] == '-' || b[i] == '%') {
		i++
	}
	if i == p || e == 0 {
		return
	}
	confidence, why := 95, ByForm
	if b[i-1] == '/' && b[i-2] == '/' || b[i-1] == ':' && isLogin(b, i-1) { // //user:password@host
		confidence, why = 45, why|LessLikely|ByGlue
	}
	s.emit(i, e, Email, confidence, why, nil)
}

// isLogin reports whether the name of a user at a server ends before p: //user. Labels
// end there too: mail:taro@…, mailto:taro@….
func isLogin(b []byte, p int) bool {
	i := p
	for p-i < maxLocal && mailBytes[b[i-1]]&ofLocal != 0 {
		i--
	}
	return b[i-1] == '/' && b[i-2] == '/'
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
