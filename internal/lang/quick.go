package lang

import "strings"

// quick reads the one layout that catalogues are kept in, a hundred times as
// fast as a YAML parser, which every command would wait for:
//
//	key:
//	  en: 'text, with '' for an apostrophe'
//	  ja: |-
//	    lines
//
// false: the text is something else, which is YAML's to read or to refuse.
func quick(text string) (map[string]map[Language]string, bool) {
	if !clean(text) {
		return nil, false
	}
	out := map[string]map[Language]string{}
	var one map[Language]string
	for text != "" {
		var line string
		line, text = cutLine(text)
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "  "):
			l, value, ok := strings.Cut(line[2:], ": ")
			if !ok || one == nil || l != string(English) && l != string(Japanese) {
				return nil, false
			}
			if _, twice := one[Language(l)]; twice {
				return nil, false
			}
			var said string
			if value == "|" || value == "|-" {
				said, text, ok = block(text)
				if value == "|" {
					said += "\n"
				}
			} else {
				said, ok = quoted(value)
			}
			if !ok {
				return nil, false
			}
			one[Language(l)] = said
		default:
			key, ok := strings.CutSuffix(line, ":")
			if !ok || !plainKey(key) || out[key] != nil {
				return nil, false
			}
			one = map[Language]string{}
			out[key] = one
		}
	}
	return out, true
}

func cutLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return line, rest
}

// plainKey reports whether YAML takes a plain scalar for a text and nothing
// else (YAML 1.2.2, 10.3.2).
func plainKey(key string) bool {
	if key == "" || !letter(key[0]) {
		return false
	}
	for i := range len(key) {
		if c := key[i]; !letter(c) && c != '_' && c != '.' && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	switch strings.ToLower(key) {
	case "null", "true", "false":
		return false
	}
	return true
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// quoted reads a quoted scalar that fills its line. Between double quotes it
// knows \n, \" and \\.
func quoted(value string) (string, bool) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return escaped(value[1 : len(value)-1])
	}
	if len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	if strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
		return "", false
	}
	return strings.ReplaceAll(inner, "''", "'"), true
}

func escaped(inner string) (string, bool) {
	var b strings.Builder
	for {
		i := strings.IndexAny(inner, `"\\`)
		if i < 0 {
			b.WriteString(inner)
			return b.String(), true
		}
		b.WriteString(inner[:i])
		if inner[i] == '"' || i+1 == len(inner) {
			return "", false
		}
		switch c := inner[i+1]; c {
		case 'n':
			b.WriteByte('\n')
		case '"', '\\':
			b.WriteByte(c)
		default:
			return "", false
		}
		inner = inner[i+2:]
	}
}

// block reads the lines of a literal scalar at a depth of four, without the line
// break at their end.
func block(text string) (said, rest string, ok bool) {
	var b strings.Builder
	for strings.HasPrefix(text, "    ") {
		var line string
		line, text = cutLine(text)
		if line = line[4:]; line == "" || b.Len() == 0 && line[0] == ' ' {
			return "", "", false
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	// An empty line could belong to it.
	return b.String(), text, b.Len() > 0 && !strings.HasPrefix(text, "\n") && text != ""
}

// clean reports that there is nothing in a text that YAML reads in its own way.
func clean(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd
	})
}
