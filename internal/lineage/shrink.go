package lineage

// shrink prepares a statement with more parameters than a function may have:
// later ones become typed NULLs, which have the same lineage. They can name no
// key in a condition; nulls tells which parameter stands at which byte of the
// new text, so that a row that is inserted keeps its key.
func shrink(text string, types []string) (body string, args []string, nulls map[int]int) {
	if len(types) <= maxArguments {
		return text, types, nil
	}
	nulls = map[int]int{}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		end := skip(text, i)
		if text[i] == '$' && end > i+1 && digits(text[i+1:end]) {
			n := 0
			for _, c := range text[i+1 : end] {
				n = min(n*10+int(c-'0'), 1<<20)
			}
			if n > maxArguments && n <= len(types) {
				nulls[len(out)+1] = n
				out = append(out, "(NULL::"...)
				out = append(out, types[n-1]...)
				out = append(out, ')')
				i = end
				continue
			}
		}
		out = append(out, text[i:end]...)
		i = end
	}
	return string(out), types[:maxArguments], nulls
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// skip returns the end of the token that begins at i: a string, quoted name,
// dollar quote, comment, word, parameter, or one byte. The rules are those of
// scan.l with standard_conforming_strings on.
func skip(s string, i int) int {
	switch c := s[i]; {
	case c == '\'':
		escapes := i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && (i < 2 || !word8(s[i-2]))
		return quoted(s, i, '\'', escapes)
	case c == '"':
		return quoted(s, i, '"', false)
	case c == '-' && i+1 < len(s) && s[i+1] == '-':
		for i < len(s) && s[i] != '\n' && s[i] != '\r' {
			i++
		}
		return i
	case c == '/' && i+1 < len(s) && s[i+1] == '*':
		return comment(s, i)
	case c == '$':
		return dollar(s, i)
	case word8(c) && !(c >= '0' && c <= '9') && c != '$':
		for i < len(s) && word8(s[i]) {
			i++
		}
		// E'…' is read from its quote on.
		return i
	}
	return i + 1
}

func word8(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func quoted(s string, i int, q byte, escapes bool) int {
	for i++; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == q:
			if i+1 < len(s) && s[i+1] == q {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(s)
}

func comment(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch {
		case i+1 < len(s) && s[i] == '/' && s[i+1] == '*':
			depth++
			i += 2
		case i+1 < len(s) && s[i] == '*' && s[i+1] == '/':
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// dollar reads $1 or $tag$ … $tag$.
func dollar(s string, i int) int {
	j := i + 1
	if j < len(s) && s[j] >= '0' && s[j] <= '9' {
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		return j
	}
	for j < len(s) && word8(s[j]) && s[j] != '$' {
		j++
	}
	if j >= len(s) || s[j] != '$' {
		return i + 1
	}
	tag := s[i : j+1]
	for k := j + 1; k+len(tag) <= len(s); k++ {
		if s[k:k+len(tag)] == tag {
			return k + len(tag)
		}
	}
	return len(s)
}
