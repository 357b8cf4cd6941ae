package element

import "bytes"

// secretForms are the beginnings of tokens whose makers published them, with
// the fewest bytes that follow.
var secretForms = []secretForm{
	{"AKIA", 16}, {"ASIA", 16}, {"AIza", 30},
	{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 40}, {"glpat-", 18},
	{"sk_live_", 16}, {"sk_test_", 16}, {"sk-", 32},
	{"xoxb-", 20}, {"xoxp-", 20}, {"xoxa-", 20}, {"xoxr-", 20}, {"xoxs-", 20},
	{"eyJhbGci", 20}, {"eyJ0eXAi", 20}, {"eyJraWQi", 20},
}

type secretForm struct {
	prefix string
	least  int
}

// secretsBy are the forms by their first letter.
var secretsBy = func() (t [32][]secretForm) {
	for _, f := range secretForms {
		t[f.prefix[0]&31] = append(t[f.prefix[0]&31], f)
	}
	return t
}()

// maxSecret bounds what is reported of one secret, in bytes.
const maxSecret = 512

// secretPrefix reports the token that may begin at p.
func (s *Scanner) secretPrefix(p int) {
	b := s.buf
	if p < s.ends.value || isWordByte(b[p-1]) && s.escapeBefore(p) == 0 {
		return
	}
	for _, f := range secretsBy[b[p]&31] {
		if b[p+1] != f.prefix[1] || !hasPrefix(b[p:p+16], f.prefix) {
			continue
		}
		e := p + len(f.prefix)
		for e < p+maxSecret && isTokenByte(b[e]) {
			e++
		}
		if e-p-len(f.prefix) < f.least {
			return
		}
		s.ends.value = e
		s.emit(p, e, Secret, 95, ByForm|ByAnchor, nil)
		return
	}
}

func isTokenByte(c byte) bool {
	return isWordByte(c) || c == '-' || c == '.' || c == '+' || c == '/' || c == '=' || c == '~'
}

// secretValue reports the value of a key for cookies and secrets.
func (s *Scanner) secretValue(q int, kind Kind) {
	stop := &secretStop
	if kind == Cookie {
		stop = &cookieStop
	}
	p, e, _ := s.span(q, stop)
	for _, scheme := range schemesOf(s.buf[p]) {
		if e-p == len(scheme)-1 && hasPrefix(s.buf[p:p+16], scheme) {
			p, e, _ = s.span(e, stop)
		} else if hasPrefix(s.buf[p:e], scheme) {
			p += len(scheme)
		}
	}
	v := s.buf[p:e]
	if len(v) < 6 || isPlaceholder(v) {
		return
	}
	confidence, why := 80, ByHeader
	if kind == Secret && !mixed(v) {
		confidence = 55
	}
	s.ends.value = e
	s.emit(p, e, kind, confidence, why, nil)
}

// schemes are how a value of a header names the kind of secret that follows (RFC 7617,
// RFC 6750).
var schemes = []string{"Bearer ", "Basic ", "bearer ", "basic "}

// schemesOf returns the schemes that may begin with c.
func schemesOf(c byte) []string {
	if c|0x20 != 'b' {
		return nil
	}
	return schemes
}

// isPlaceholder reports values that stand for a secret: stars, null, ${NAME}.
func isPlaceholder(v []byte) bool {
	switch string(v) {
	case "string", "required", "optional", "undefined", "(null)", "<none>", "REDACTED", "[REDACTED]", "[FILTERED]", "hidden":
		return true
	}
	return v[0] == '$' || v[0] == '{' || v[0] == '<' || v[0] == '%' || bytes.Contains(v, []byte("***")) || bytes.HasPrefix(v, []byte("xxxx")) || bytes.IndexByte(v, '(') > 0
}

// mixed reports whether v has digits or signs beside letters, as secrets do and
// words do not.
func mixed(v []byte) bool {
	letters, others := 0, 0
	for _, c := range v {
		if isLower(c | 0x20) {
			letters++
		} else {
			others++
		}
		if letters > 0 && others > 0 {
			return true
		}
	}
	return false
}
