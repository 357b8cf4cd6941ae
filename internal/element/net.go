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

// ipAddress reports the IPv4 address whose first dot is at p.
func (s *Scanner) ipAddress(p int) {
	b := s.buf
	i := p
	for p-i < 4 && isDigit(b[i-1]) {
		i--
	}
	q, part := i, [4]int{}
	for k := range part {
		start := q
		for q-start < 4 && isDigit(b[q]) {
			part[k] = part[k]*10 + int(b[q]-'0')
			q++
		}
		if q == start || q-start > 3 || part[k] > 255 {
			return
		}
		if k < 3 {
			if b[q] != '.' {
				return
			}
			q++
		}
	}
	if c := b[i-1]; c == '.' || isWordByte(c) && s.escapeBefore(i) == 0 || isWordByte(b[q]) || b[q] == '.' && isDigit(b[q+1]) {
		return
	}
	confidence, why := 85, ByForm|ByRange
	switch {
	case part[0] == 0 || part[0] == 127 || part[0] == 255:
		confidence, why = 20, ByForm|LessLikely
	case b[i-1] == '/' && b[i-2] != '/': // Chrome/120.0.0.0
		confidence, why = 40, ByForm|LessLikely|ByGlue
	}
	s.emit(i, q, IPAddress, confidence, why, nil)
}
