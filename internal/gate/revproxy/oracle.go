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
	maxProbes = 16
	// maxConditions is that of values that hold any condition as only injections do, in
	// any field: who asks each letter in other words is told by it.
	maxConditions = 3 * maxProbes
	// maxTogether is that of everybody, for one field of one page: who asks each letter
	// from another address.
	maxTogether = 4 * maxProbes
	probeWindow = 24 * time.Hour
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
	headers := mayProbe(r.URL.EscapedPath())
	for _, name := range probedHeaders {
		for _, v := range r.Header[name] {
			headers = headers || mayProbe(v)
		}
	}
	inFields := mayProbe(r.URL.RawQuery) || mayProbe(body)
	if !headers && !inFields {
		return false
	}
	var all []site.Field
	if inFields {
		if all = x.fields; all == nil {
			all, _ = fields(r, body, x.incoming != nil)
		}
	}
	if headers {
		all = crumbs(all, r)
	}
	if headers {
		all = append(all, site.Field{Name: "path", Value: r.URL.Path})
		for _, name := range probedHeaders {
			for _, v := range r.Header[name] {
				if name != "Cookie" {
					all = append(all, site.Field{Name: name, Value: string(unescaped(nil, v))})
				}
			}
		}
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
		value := sha256.Sum256([]byte(f.Value))
		seen := []visit.Person{{Hash: [16]byte(value[:])}}
		var asked []visit.Visitor
		for _, by := range who {
			asked = append(asked, x.asked(visit.Address, by, Route(r.URL.Path), fieldOf(f.Name), common))
			if injected(f.Value) {
				asked = append(asked, x.asked(visit.Account, by))
			}
		}
		asked = append(asked, x.asked(visit.Session, "everybody", Route(r.URL.Path), fieldOf(f.Name), common))
		if _, passed := x.gate.probed.See(now, asked, visit.Person{}, seen); passed {
			return true
		}
	}
	return false
}

// probedHeaders are the headers that applications put into their statements.
var probedHeaders = []string{"Cookie", "User-Agent", "Referer", "X-Forwarded-For"}

// asked is what a value is counted under: the way says which limit holds.
func (x *exchange) asked(way visit.By, parts ...string) visit.Visitor {
	key := sha256.Sum256([]byte(strings.Join(append(parts, firstName(x.host)), "\x00")))
	return visit.Visitor{By: way, Name: hex.EncodeToString(key[:16])}
}

// probeLimits are those of the ways: values that have one thing in common, of any
// condition, and of everybody.
var probeLimits = visit.Limits{Address: maxProbes, Account: maxConditions, Session: maxTogether, Window: probeWindow}

// fieldOf is a field without its places in lists: the letters may be asked of each
// in turn.
func fieldOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '[' || r == ']' || r == '.' {
			return -1
		}
		return r
	}, name)
}

// askers are the ways in which requests are told to be of one visitor.
func (x *exchange) askers(r *http.Request) []string {
	all := []string{"address " + visit.Network(address(r))}
	if sent := sessionCookies(r, knownCookies); len(sent) > 0 {
		all = append(all, "session "+sent[0].value) // hashed before it is kept
	}
	return all
}
