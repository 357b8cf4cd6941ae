package revproxy

import (
	"net/http"
	"slices"
	"strings"
)

// A session is told by its cookie as the application reads it, and applications read
// cookies in more ways than net/http: PHP and Rails take off the escapes of a URL, Python
// those of a text in quotation marks, ASP.NET looks for the name in any case, PHP writes
// "_" for a dot in it, and of two with one name some take the first and others the last.

// sessionCookie is a cookie by which an application may know a session.
type sessionCookie struct{ name, value string }

// maxEntered bounds the cookies of one login that are remembered.
const maxEntered = 16

// sessionCookies returns the cookies of these names, in the order of the names: all that
// have a value, in the form in which values are compared.
func sessionCookies(r *http.Request, names []string) (all []sessionCookie) {
	for _, name := range names {
		for _, line := range r.Header["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				if key, value, _ := strings.Cut(strings.TrimSpace(pair), "="); isNamed(key, name) && len(all) < maxFields {
					if c := (sessionCookie{name, compared(value)}); c.value != "" && !slices.Contains(all, c) {
						all = append(all, c)
					}
				}
			}
		}
	}
	return all
}

// isNamed reports whether an application that looks for a name may take a cookie.
func isNamed(key, name string) bool {
	if key = strings.TrimSpace(key); key == name {
		return true
	}
	if strings.IndexByte(key, '%') >= 0 { // PHP before 2020
		key = string(unescaped(nil, key))
	}
	return len(key) == len(name) && strings.EqualFold(sameSigns.Replace(key), sameSigns.Replace(name))
}

var sameSigns = strings.NewReplacer(".", "_", " ", "_")

// compared is the value of a cookie without what applications take off. A plus is
// a space to some, and they are one here.
func compared(value string) string {
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = unquoted(value[1 : n-1])
	}
	if strings.ContainsAny(value, "%+ ") {
		value = strings.ReplaceAll(string(unescaped(nil, value)), " ", "+")
	}
	return value
}

// unquoted takes off the escapes of a text in quotation marks: \" and \101.
func unquoted(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var plain []byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			if c = text[i]; i+2 < len(text) && c >= '0' && c <= '3' && octal(text[i+1]) && octal(text[i+2]) {
				c = (c-'0')<<6 | (text[i+1]-'0')<<3 | text[i+2] - '0'
				i += 2
			}
		}
		plain = append(plain, c)
	}
	return string(plain)
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// names are those of the application's cookies.
func (p *Persons) names() []string {
	if len(p.Cookies) == 0 {
		return knownCookies
	}
	return p.Cookies
}

func (p *Persons) hashed(c sessionCookie) [16]byte {
	return p.Hash([]byte("session"), []byte(c.name), []byte(c.value))
}

// cookie is a keyed hash of the application's cookie, zero for none: of the first with
// which somebody entered, else of the first.
func (p *persons) cookie(r *http.Request) (first [16]byte) {
	for i, c := range sessionCookies(r, p.names()) {
		h := p.hashed(c)
		if i == 0 {
			first = h
		}
		if _, ok := p.entered(h); ok {
			return h
		}
	}
	return first
}
