package element

import (
	"bytes"
	"unicode/utf8"
)

// beforePerson returns how much of the address v[:n] is address: a building may follow the
// block, and so may whom it is of (2-8-1 山田 太郎 様), a telephone (2-8-1 TEL 03-…) and
// the label of the next field (2-8-1 受取人:…).
func beforePerson(v []byte, n int) int {
	var begins, ends [8]int // of words behind the first
	words := 0
	for i := 0; i+1 < n; i++ {
		if c := v[i]; c != ' ' && (c != 0xE3 || v[i+1] != 0x80 || v[i+2] != 0x80) {
			continue
		}
		if words > 0 {
			ends[words-1] = i
		}
		if words == len(begins) {
			break
		}
		if v[i] != ' ' {
			i += 2
		}
		begins[words], ends[words] = i+1, n
		words++
	}
	if words == 0 {
		return n
	}
	word := func(i int) []byte { return v[begins[i]:ends[i]] }
	cut := n
	for i := range words {
		w := word(i)
		if isReach(w) {
			cut = begins[i]
			break
		}
		name, honoured := cutHonorific(w)
		if !honoured {
			continue
		}
		// 様 alone, or behind half a name: what stands before belongs to it.
		from := i
		for from > 0 && len(name) <= 9 && i-from < 2 && isHalfName(word(from-1)) {
			from--
			name = v[begins[from]:begins[i]]
		}
		if len(name) > 0 {
			cut = begins[from]
		}
		break
	}
	if cut == n && ends[words-1] == n && (v[n] == ':' || hasPrefix(v[n:], "：")) {
		cut = begins[words-1]
	}
	for cut > 0 && cut < n && (v[cut-1] == ' ' || bytes.HasSuffix(v[:cut], []byte("　"))) {
		if v[cut-1] == ' ' {
			cut--
		} else {
			cut -= 3
		}
	}
	return cut
}

// isReach reports whether w begins with a word for a number by which somebody is reached.
func isReach(w []byte) bool {
	for _, r := range [...]string{"TEL", "Tel", "tel", "FAX", "Fax", "電話", "携帯", "ＴＥＬ", "ＦＡＸ"} {
		if hasPrefix(w, r) {
			return true
		}
	}
	return false
}

// cutHonorific takes the honorific off the word that ends with it.
func cutHonorific(w []byte) (name []byte, ok bool) {
	for _, h := range [...]string{"様", "さま", "殿", "宛", "御中", "様宛", "様方"} {
		if name, ok = bytes.CutSuffix(w, []byte(h)); ok {
			return name, true
		}
	}
	return w, false
}

// isHalfName reports whether w may be a family name or a given name: one to four
// characters of Japanese that are no numbers.
func isHalfName(w []byte) bool {
	if len(w) < 3 || len(w) > 12 {
		return false
	}
	for i := 0; i < len(w); {
		r, n := decodeRune(w[i:])
		if !(r >= 0x4E00 && r <= 0x9FFF || r == '々' || r >= 'ぁ' && r <= 'ヺ' || r == 'ー') || r == '号' || r == '階' || r == '棟' {
			return false
		}
		i += n
	}
	return true
}

// westernEnd returns where the address in letters goes on to whose first line is buf[p:e]:
// 2-8-1 Nishi-Shinjuku, Shinjuku-ku, Tokyo 160-0023. Each part has a space before it, as
// none has in a list of keys and values.
func (s *Scanner) westernEnd(p, e int) int {
	b := s.buf
	for parts := 0; parts < 5 && b[e] == ',' && b[e+1] == ' ' && isUpper(b[e+2]); parts++ {
		q := e + 2
		for q < e+40 && (isWordByte(b[q]) && b[q] != '_' || b[q] == '-' || b[q] == ' ' || b[q] == '.' || b[q] == '\'') {
			q++
		}
		if b[q] == ':' || b[q] == '=' || b[q] == '_' || b[q] == '(' || q == e+40 || q-p > maxKeyValue {
			break
		}
		e = q
	}
	for e > p && b[e-1] == ' ' {
		e--
	}
	return e
}

// isProgram reports whether v is ASCII and not written as addresses are, with a word
// of letters and a number of digits: addr: uint32(pc) + 8.
func isProgram(v []byte) bool {
	letters, number := false, false
	for word := range bytes.FieldsFuncSeq(v, func(r rune) bool { return r == ' ' || r == ',' }) {
		digit, letter := 0, 0
		for i, c := range word {
			switch {
			case c >= utf8.RuneSelf:
				return false
			case c == '-' && i > 0 && i+1 < len(word) && isUpper(word[0]) && isLower(word[i-1]|0x20) && isLower(word[i+1]|0x20): // Nishi-Shinjuku
			case isDigit(c) || c == '-':
				digit++
			case isLower(c|0x20) || c == '.':
				letter++
			case c == '(' || c == ')' || c == '[' || c == '=' || c == '*' || c == '_' || c == '<' || c == ';' || c == '+':
				return true
			}
		}
		letters = letters || letter >= 3 && digit == 0
		number = number || digit > 0 && letter <= 1
	}
	return !letters || !number
}
