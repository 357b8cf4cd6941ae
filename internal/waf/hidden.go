package waf

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"golang.org/x/text/unicode/norm"
)

// The rule set decodes what web servers decode. Applications decode more:
// full-width letters become ASCII wherever a program or a database normalises
// (NFKC, Unicode Standard Annex 15), and values travel as base64. What a value
// may still become is put into a request of its own and judged like any other.

const (
	// minBase64 is the length from which a value is tried as base64; shorter
	// ones decode to too little to be an attack, and words look like it.
	minBase64 = 20
	// maxHidden bounds what is decoded of one request, in bytes.
	maxHidden = 64 << 10
)

// hidden returns a request with what the values of another may become, nil if
// they are what they are.
func hidden(v plugintypes.TransactionVariables) *Request {
	var b strings.Builder
	add := func(text string) {
		if b.Len() < maxHidden && text != "" {
			b.WriteString("&hidden" + strconv.Itoa(b.Len()) + "=" + url.QueryEscape(text))
		}
	}
	for _, c := range []collection.Collection{v.ArgsGet(), v.ArgsPost(), v.RequestCookies()} {
		for _, m := range c.FindAll() {
			value := m.Value()
			if hasWide(value) {
				add(norm.NFKC.String(value))
			}
			add(unbase64(value))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	body := b.String()[1:]
	return &Request{Method: "POST", URI: "/", Protocol: "HTTP/1.1", Body: []byte(body), Headers: []Header{
		{"Host", "hidden.invalid"}, {"User-Agent", "sekisho"}, {"Accept", "*/*"},
		{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", strconv.Itoa(len(body))},
	}}
}

// hasWide reports whether a text holds a full-width form of a sign that means
// something to a program (U+FF01 to U+FF5E without letters and digits);
// attacks cannot do without one.
func hasWide(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != 0xef {
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if size == 3 && r > 0xff00 && r < 0xff5f {
			return true
		}
	}
	return false
}

// unbase64 returns the text that a value holds in base64 or base64url, "" if
// it does not.
func unbase64(value string) string {
	if len(value) < minBase64 || len(value) > maxHidden {
		return ""
	}
	value = strings.TrimRight(value, "=")
	for i := range len(value) {
		c := value[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' {
			continue
		}
		return ""
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(value))
	if err != nil || !utf8.Valid(decoded) {
		return ""
	}
	return string(decoded)
}
