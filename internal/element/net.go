package element

// email reports the address whose @ is at p and size bytes long (%40, ＠).
func (s *Scanner) email(p, size int) {
	b := s.buf
	i := p
	for p-i < 64 && isLocalByte(b[i-1]) {
		i--
	}
	for i < p && (b[i] == '.' || b[i] == '-' || b[i] == '%') {
		i++
	}
	e := p + size
	label, dots, alpha := 0, 0, true
	last := 0
	for q := e; q < e+253; q++ {
		c := b[q]
		if c == '.' {
			if label == 0 {
				break
			}
			dots, label, alpha = dots+1, 0, true
			continue
		}
		if !isDigit(c) && !isLower(c|0x20) && !(c == '-' && label > 0) {
			break
		}
		label++
		alpha = alpha && isLower(c|0x20)
		if dots > 0 && alpha && label >= 2 {
			last = q + 1
		} else if dots > 0 {
			last = 0
		}
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

func isLocalByte(c byte) bool {
	return isWordByte(c) || c == '.' || c == '+' || c == '-' || c == '%'
}

// ipAddress reports the IPv4 address whose third dot may be at p.
func (s *Scanner) ipAddress(p int) {
	b := s.buf
	for dots, least := 0, p-12; p > least; p-- {
		if c := b[p-1]; c == '.' && dots < 2 {
			dots++
		} else if !isDigit(c) {
			break
		}
	}
	q := p
	for k := range 4 {
		part, start := 0, q
		for ; isDigit(b[q]) && q-start < 3; q++ {
			part = part*10 + int(b[q]-'0')
		}
		if q == start || part > 255 || k < 3 && b[q] != '.' {
			return
		}
		q++
	}
	q--
	if c := b[p-1]; c == '.' || isWordByte(c) && s.escapeBefore(p) == 0 || isWordByte(b[q]) || b[q] == '.' && isDigit(b[q+1]) {
		return
	}
	confidence, why := 85, ByForm|ByRange
	switch {
	case b[p+1] == '.' && b[p] == '0' || hasPrefix(b[p:p+4], "127.") || hasPrefix(b[p:p+4], "255."):
		confidence, why = 20, ByForm|LessLikely
	case b[p-1] == '/' && b[p-2] != '/': // Chrome/120.0.0.0
		confidence, why = 40, ByForm|LessLikely|ByGlue
	}
	s.emit(p, q, IPAddress, confidence, why, nil)
}
