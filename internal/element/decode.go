package element

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decode writes p as UTF-8 to the window and remembers where each character
// came from. Bytes that are no character become U+FFFD.
func (s *Scanner) decode(p []byte) {
	if n := len(s.enc.held); n > 0 {
		p = append(s.enc.held, p...)
		s.enc.held = nil
	}
	for len(p) > 0 {
		r, n := s.next(p)
		if n == 0 { // half a character
			s.enc.held = append([]byte(nil), p...)
			break
		}
		s.put(r, n)
		p = p[n:]
	}
	s.scan(false)
}

// put adds one character that takes n bytes of the stream; noRune adds none.
func (s *Scanner) put(r rune, n int) {
	if s.end+utf8.UTFMax > s.room {
		s.scan(false)
		room := s.room
		s.room = min(s.room, s.end) // full: make room now
		s.makeRoom()
		s.room = room
	}
	if r != noRune {
		size := utf8.EncodeRune(s.buf[s.end:], r)
		for i := range size {
			s.raw[s.end+i] = s.rawEnd
		}
		s.end += size
	}
	s.rawEnd += int64(n)
}

const noRune = rune(-1)

// next returns the first character of p and its size, 0 when p ends within it.
func (s *Scanner) next(p []byte) (rune, int) {
	switch s.enc.is {
	case UTF16LE, UTF16BE:
		return s.nextUTF16(p)
	case ISO2022JP:
		return s.nextISO2022(p)
	}
	a := p[0]
	if a < 0x80 {
		return rune(a), 1
	}
	if s.enc.is == ShiftJIS && a >= 0xA1 && a <= 0xDF {
		return rune(a) + 0xFF61 - 0xA1, 1
	}
	if len(p) < 2 {
		return 0, 0
	}
	if s.enc.is == EUCJP && a == 0x8F { // JIS X 0212: seldom, and in no table here
		if len(p) < 3 {
			return 0, 0
		}
		return utf8.RuneError, 3
	}
	if r := s.enc.pairs[int(a)<<8|int(p[1])]; r != 0 {
		return rune(r), 2
	}
	return utf8.RuneError, 1
}

func (s *Scanner) nextUTF16(p []byte) (rune, int) {
	unit := func(i int) rune {
		if s.enc.is == UTF16BE {
			return rune(p[i])<<8 | rune(p[i+1])
		}
		return rune(p[i+1])<<8 | rune(p[i])
	}
	if len(p) < 2 {
		return 0, 0
	}
	r := unit(0)
	switch {
	case r >= 0xD800 && r < 0xDC00:
		if len(p) < 4 {
			return 0, 0
		}
		if full := utf16.DecodeRune(r, unit(2)); full != utf8.RuneError {
			return full, 4
		}
		return utf8.RuneError, 2
	case r == 0xFEFF && s.rawEnd == 0:
		return noRune, 2
	}
	return r, 2
}

// nextISO2022 follows RFC 1468: escapes switch between one and two bytes.
func (s *Scanner) nextISO2022(p []byte) (rune, int) {
	if p[0] == 0x1b {
		if len(p) < 3 {
			return 0, 0
		}
		switch {
		case p[1] == '$' && (p[2] == 'B' || p[2] == '@'):
			s.enc.double, s.enc.kana = true, false
			return noRune, 3
		case p[1] == '(' && (p[2] == 'B' || p[2] == 'J' || p[2] == 'I'):
			s.enc.double, s.enc.kana = false, p[2] == 'I'
			return noRune, 3
		}
		return rune(p[0]), 1
	}
	if s.enc.kana && p[0] >= 0x21 && p[0] <= 0x5F { // JIS X 0201, as mail programs write it although RFC 1468 has none
		return 0xFF61 + rune(p[0]-0x21), 1
	}
	if !s.enc.double || p[0] < 0x21 || p[0] > 0x7e {
		if p[0] == '\n' {
			s.enc.double, s.enc.kana = false, false // RFC 1468: a line ends in ASCII
		}
		if p[0] >= 0x80 {
			return utf8.RuneError, 1
		}
		return rune(p[0]), 1
	}
	if len(p) < 2 {
		return 0, 0
	}
	if r := EUCJP.pair(p[0]|0x80, p[1]|0x80); r != 0 {
		return r, 2
	}
	return utf8.RuneError, 1
}
