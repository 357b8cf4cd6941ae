package revproxy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"sekisho/internal/policy/site"
	"sekisho/internal/policy/visit"
)

// A database that answers yes or no is read letter by letter: many requests that
// differ in one letter or number of one condition. Each may be too odd for any
// rule; together they are told by what they have in common.
const (
	// maxProbes is how many such values of one field a visitor may send within
	// probeWindow. A letter costs about seven, a search by a person one or two.
	maxProbes   = 16
	probeWindow = time.Hour
	// longProbe bounds what is compared.
	longProbe = 4 << 10
	// codeOracle is shown for them.
	codeOracle = "SK3425"
)

// probe returns what a value has in common with those that differ from it in
// letters between quotes, in numbers, in white space and in which way things are
// compared; false when it holds no condition.
func probe(value string) (string, bool) {
	if len(value) < 8 || len(value) > longProbe || !condition(value) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\'' || c == '"' || c == '`':
			b.WriteByte(c)
			// Which quotes belong together the application decides: what stands between
			// two, or after the last, is letters if nothing in it is a condition's.
			inner := value[i+1:]
			if end := strings.IndexByte(inner, c); end >= 0 {
				inner = inner[:end]
			}
			if !strings.ContainsAny(inner, "() \t\r\n") {
				i += len(inner)
			}
		case strings.HasPrefix(value[i:], "/*"):
			end := strings.Index(value[i+2:], "*/")
			if end < 0 {
				return b.String(), true
			}
			i += end + 3
		case c >= '0' && c <= '9':
			b.WriteByte('9')
			for i+1 < len(value) && (hexDigit[value[i+1]] >= 0 || value[i+1]|0x20 == 'x' || value[i+1] == '.') {
				i++
			}
		case c == '<' || c == '>' || c == '=' || c == '!' || c == '~':
			if s := b.String(); !strings.HasSuffix(s, "=") {
				b.WriteByte('=')
			}
		case c <= ' ' || c == '+':
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c | 0x20)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// probes reports whether a request goes on with reading a database by yes and no.
func (x *exchange) probes(r *http.Request, body []byte, now time.Time) bool {
	if !mayProbe(r.URL.RawQuery) && !mayProbe(body) {
		return false
	}
	all := x.fields
	if all == nil {
		all, _ = fields(r, body, x.incoming != nil)
	}
	for _, c := range r.Cookies() {
		all = append(all, site.Field{Name: c.Name, Value: string(unescaped(nil, c.Value))})
	}
	var who []string
	for _, f := range all {
		common, ok := probe(f.Value)
		if !ok {
			continue
		}
		if who == nil {
			who = x.askers(r)
		}
		for _, by := range who {
			key := sha256.Sum256([]byte(strings.Join([]string{by, firstName(x.host), Route(r.URL.Path), f.Name, common}, "\x00")))
			value := sha256.Sum256([]byte(f.Value))
			seen := []visit.Person{{Hash: [16]byte(value[:])}}
			if _, passed := x.gate.probed.See(now, []visit.Visitor{{By: visit.Address, Name: hex.EncodeToString(key[:16])}}, visit.Person{}, seen); passed {
				return true
			}
		}
	}
	return false
}

// askers are the ways in which requests are told to be of one visitor.
func (x *exchange) askers(r *http.Request) []string {
	all := []string{"address " + visit.Network(address(r))}
	if c := cookieOf(r, knownCookies); c != "" {
		all = append(all, "session "+c) // hashed before it is kept
	}
	return all
}
