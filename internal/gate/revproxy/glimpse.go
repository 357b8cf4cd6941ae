package revproxy

import "strings"

// mayProbe reports whether something in a request may be a condition, before any
// of its fields is taken apart: whatever condition finds in a field, this finds
// in the field's bytes as they come, in a query, a form or JSON.
func mayProbe[T ~string | ~[]byte](text T) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !probing[c] {
			continue
		}
		if c == '%' && i+2 < len(text) && hexDigit[text[i+1]] >= 3 && hexDigit[text[i+2]] >= 0 {
			i += 2 // most of what is escaped: no sign that is looked for
			continue
		}
		switch c {
		case '(', '\'':
			if near(text, i, i+1, text[i] == '(') {
				return true
			}
		case '%':
			if i+2 < len(text) && text[i+1] == '2' && (text[i+2] == '8' || text[i+2] == '7' || text[i+2] == '2') && near(text, i, i+3, text[i+2] == '8') {
				return true
			}
		case '\\':
			if i+1 < len(text) && (text[i+1] == '"' && near(text, i, i+2, false) || text[i+1] == 'u' && i+5 < len(text) && text[i+2] == '0' && text[i+3] == '0' && text[i+4] == '2') {
				return true
			}
		case '"':
			if near(text, i, i+1, false) {
				return true
			}
		case 'w', 'W':
			if i+3 < len(text) && text[i+1]|0x20 == 'h' && text[i+2]|0x20 == 'e' && text[i+3]|0x20 == 'n' {
				if word, sure := rawBefore(text, i); !sure || word == "case" {
					return true
				}
			}
		}
	}
	return false
}

// probing has the bytes at which something may be a condition's.
var probing = func() (t [256]bool) {
	for _, c := range []byte("('%\\\"wW") {
		t[c] = true
	}
	return t
}()

// near reports whether what stands around a bracket or quotation mark, which
// begins at i and ends before end, may be a condition's.
func near[T ~string | ~[]byte](text T, i, end int, bracket bool) bool {
	if !bracket && comparesBefore(text, i) {
		return true
	}
	word, sure := rawBefore(text, i)
	if !sure || patterns[word] || bracket && (functions[word] || answers[word]) {
		return true
	}
	if !bracket {
		return false
	}
	for end < len(text) && (text[end] <= ' ' || text[end] == '+') {
		end++
	}
	return end < len(text) && (text[end]|0x20 == 's' || text[end] == '%' || text[end] == '\\')
}

// comparesBefore reports whether a sign that compares stands before a quotation mark
// which begins at i, as it is or escaped.
func comparesBefore[T ~string | ~[]byte](text T, i int) bool {
	for i > 0 {
		c := text[i-1]
		switch {
		case c <= ' ' || c == '+':
			i--
		case c == '<' || c == '>' || c == '=' || c == '~':
			return true
		case i >= 3 && text[i-3] == '%':
			high, low := hexDigit[text[i-2]], hexDigit[text[i-1]]
			if high < 0 || low < 0 {
				return false
			}
			switch n := byte(high<<4 | low); {
			case n <= ' ' || n == '+':
				i -= 3
			default:
				return n == '<' || n == '>' || n == '=' || n == '~'
			}
		default:
			return false
		}
	}
	return false
}

// rawBefore is wordBefore for bytes that may be written in another way; not sure:
// something before i is, and the word may be any.
func rawBefore[T ~string | ~[]byte](text T, i int) (word string, sure bool) {
	for i > 0 {
		c := text[i-1]
		if c <= ' ' || c == '+' {
			i--
			continue
		}
		if i >= 3 && text[i-3] == '%' {
			high, low := hexDigit[text[i-2]], hexDigit[text[i-1]]
			switch n := high<<4 | low; {
			case high < 0 || low < 0:
			case high >= 8: // a letter of no word that is looked for
				return "", true
			case n <= ' ' || n == '+':
				i -= 3
				continue
			default:
				return "", n != '/' && !wordByte(byte(n))
			}
		}
		break
	}
	if i > 0 && text[i-1] == '/' { // the end of a comment, perhaps
		return "", i >= 2 && text[i-2] != '*'
	}
	at := i
	for at > 0 && wordByte(text[at-1]) && i-at <= 18 {
		at--
	}
	if at > 0 && (text[at-1] == '%' || text[at-1] == '\\') {
		return "", false
	}
	return strings.ToLower(string(text[at:i])), true
}
