package revproxy

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// proper refuses requests that an upstream may read otherwise than the gate
// does, beyond what stands on the wire of HTTP/1 (package http1). What
// applications and servers agree on passes unchanged.
func proper(r *http.Request) (refusal, bool) {
	f := refusal{status: http.StatusBadRequest, code: codeWire, action: "refuse", reason: "servers read it differently"}
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		f.status, f.rule, f.reason = http.StatusMethodNotAllowed, "wire/method", "a method that is not passed on"
	case !httpguts.ValidHeaderFieldName(r.Method): // the same characters
		f.rule = "wire/method"
	case !plainTarget(r):
		f.rule = "wire/target"
	case !plainPath(r.URL.Path):
		f.rule = "wire/path"
	case !namedOnce(r):
		f.rule = "wire/host"
	default:
		name, ok := plainHeader(r)
		if ok {
			return refusal{}, true
		}
		f.rule = "wire/" + name
	}
	return f, false
}

// plainTarget reports whether the target of a request is one word that names a
// path (RFC 9112, 3.2.1). HTTP/2 lets spaces through, which would end the target
// in HTTP/1; some servers end a path at #.
func plainTarget(r *http.Request) bool {
	if r.URL.User != nil || !strings.HasPrefix(r.URL.Path, "/") || r.ProtoMajor >= 2 && r.URL.Host != "" {
		return false
	}
	for i := range len(r.RequestURI) {
		if c := r.RequestURI[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// plainPath reports whether a path, decoded, means the same with its dots
// resolved. Backslashes are separators to some servers, and what follows a
// semicolon is nothing to others.
func plainPath(path string) bool {
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return false
		}
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "\\", "/"), "/") {
		name, _, cut := strings.Cut(part, ";")
		if name == "." || name == ".." || name == "" && cut {
			return false
		}
	}
	return true
}

// truncated reports whether a field of a query or form has both a bad escape and
// characters beyond ASCII: Node keeps only the low byte of each of these then
// (querystring.unescapeBuffer), so that U+0127 becomes an apostrophe. Browsers
// escape both.
func truncated[T string | []byte](query T) bool {
	if plainASCII(query) {
		return false // as browsers send it
	}
	bad, beyond := false, false
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '&':
			bad, beyond = false, false
		case c >= 0x80:
			beyond = true
		case c == '%':
			bad = bad || i+2 >= len(query) || hexDigit[query[i+1]] < 0 || hexDigit[query[i+2]] < 0
		}
		if bad && beyond {
			return true
		}
	}
	return false
}

// plainASCII reports whether a text has no byte of 0x80 and more.
func plainASCII[T string | []byte](text T) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if (text[i]|text[i+1]|text[i+2]|text[i+3]|text[i+4]|text[i+5]|text[i+6]|text[i+7])&0x80 != 0 {
			return false
		}
	}
	for ; i < len(text); i++ {
		if text[i]&0x80 != 0 {
			return false
		}
	}
	return true
}

// sameAs returns a path as servers read it that pass over empty parts and what
// follows a semicolon; mostly the path itself.
func sameAs(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, ";") {
		return path
	}
	var b strings.Builder
	for i, part := range strings.Split(path, "/") {
		part, _, _ = strings.Cut(part, ";")
		switch {
		case part != "":
			b.WriteByte('/')
			b.WriteString(part)
		case i > 0 && i == strings.Count(path, "/"):
			b.WriteByte('/')
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// bothPaths returns a path and, where it differs, what other servers take it for.
func bothPaths(path string) []string {
	if same := sameAs(path); same != path {
		return []string{path, same}
	}
	return []string{path}
}

// namedOnce reports whether a host has a number for a port, and only one name:
// applications build addresses of it.
func namedOnce(r *http.Request) bool {
	if hosts := r.Header["Host"]; len(hosts) > 1 || len(hosts) == 1 && !strings.EqualFold(hosts[0], r.Host) { // HTTP/2
		return false
	}
	if !strings.Contains(r.Host, ":") || strings.HasSuffix(r.Host, "]") {
		return true
	}
	_, port, err := net.SplitHostPort(r.Host)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && n > 0
}

// hopByHop are what a Connection field may name. Other fields that it names
// would be looked at here and never arrive.
var hopByHop = map[string]bool{"close": true, "keep-alive": true, "upgrade": true, "te": true, "http2-settings": true, "": true}

// once are the fields of which servers take the first, the last or all.
var once = []string{"Content-Type", "Content-Length", "Authorization", "Content-Encoding", "Expect", "Upgrade", "Transfer-Encoding", "X-Http-Method-Override"}

// elsewhere are fields by which some servers take another path than the target's.
var elsewhere = []string{"X-Original-Url", "X-Rewrite-Url"}

// plainHeader returns the field that servers read differently.
func plainHeader(r *http.Request) (name string, ok bool) {
	h := r.Header
	for _, name := range once {
		if len(h[name]) > 1 {
			return strings.ToLower(name), false
		}
	}
	for _, name := range elsewhere {
		if h[name] != nil {
			return strings.ToLower(name), false
		}
	}
	for _, value := range h["Connection"] {
		for word := range strings.SplitSeq(value, ",") {
			if !hopByHop[strings.ToLower(strings.TrimSpace(word))] {
				return "connection", false
			}
		}
	}
	if h["Trailer"] != nil || len(r.Trailer) > 0 {
		return "trailer", false
	}
	for name := range h {
		if strings.Contains(name, "_") && meansMore(strings.ReplaceAll(name, "_", "-")) {
			return "underscore", false
		}
	}
	return "", true
}

// meansMore reports whether a field says whose a request is or where it ends:
// gateways to applications read _ as -.
func meansMore(name string) bool {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Host", "Cookie", "Forwarded", "Connection", "Proxy", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Authorization", "X-Real-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}

// harmlessUpgrade drops the offer of another version of HTTP, which nobody would
// look into; RFC 9110, 7.8 lets a server pass over any offer.
func harmlessUpgrade(h http.Header) {
	offer := strings.ToLower(h.Get("Upgrade"))
	if strings.Contains(offer, "h2") || strings.Contains(offer, "http") || strings.Contains(offer, "tls") {
		h.Del("Upgrade")
		h.Del("Http2-Settings")
	}
}
