package revproxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/site"
	"sekisho/internal/waf"
	"sekisho/internal/wire/coding"
)

// refusal is why an exchange is refused or reported. Status is 0 when it
// passes all the same.
type refusal struct {
	status       int
	code         string // SK34…
	action       string // refuse, cut, report, observe
	rule, reason string
}

// as makes a refusal of what a mode says.
func (f refusal) as(m Mode) refusal {
	switch m {
	case Enforce:
		return f
	case Report:
		f.action = "report"
	default:
		f.action = "observe"
	}
	f.status = 0
	return f
}

// judge looks at a request of which a body, or its beginning, is held.
func (x *exchange) judge(r *http.Request, held []byte) []refusal {
	var all []refusal
	body, err := coding.Decode(held, r.Header.Values("Content-Encoding"), x.now.HoldBytes)
	if err == nil && x.incoming != nil && len(r.Header.Values("Content-Encoding")) > 0 {
		err = errLongEncoded
	}
	if err != nil && (x.cards != Off || x.firewall != Off) {
		f := refusal{status: http.StatusUnsupportedMediaType, code: "SK3408", action: "refuse", rule: "encoding", reason: err.Error()}
		if errors.Is(err, errBomb) {
			f.status = http.StatusRequestEntityTooLarge
		}
		all = append(all, f.as(max(seeing(x.cards), seeing(x.firewall))))
	}
	raw := err == nil && len(held) > 0 && len(coding.Names(r.Header.Values("Content-Encoding"))) > 0
	if x.cards != Off && (x.cardIn(r, body) || raw && x.cardInText(held) || x.cardInParts(r, body)) {
		f := refusal{status: http.StatusForbidden, code: "SK3402", action: "refuse", rule: "card", reason: "a card number in the request"}
		all = append(all, f.as(x.cards))
	}
	if x.firewall == Off {
		return all
	}
	if truncated(r.URL.RawQuery) || isForm(r.Header.Get("Content-Type")) && truncated(body) {
		f := refusal{status: http.StatusBadRequest, code: codeWire, action: "refuse", rule: "wire/escape", reason: "servers read it differently"}
		all = append(all, f.as(x.firewall))
	}
	rules, now, host := x.gate.cfg.Rules(), time.Now(), firstName(x.host)
	if f, ok := x.site(r, body, rules, now); ok {
		all = append(all, f.as(x.firewall))
	}
	if x.probes(r, body, now) {
		f := refusal{status: http.StatusForbidden, code: codeOracle, action: "refuse", rule: "oracle", reason: "values of a field that differ in one place only"}
		all = append(all, f.as(x.firewall))
	}
	if x.host.judge == nil {
		return all
	}
	paths := bothPaths(r.URL.Path)
	excepted := func(rule int, target string) bool {
		for _, path := range paths {
			if !rules.Excepted(host, path, rule, target, now) {
				return false
			}
		}
		return true
	}
	x.request = asked(r, body)
	v, err := x.host.judge.Request(x.request)
	if v.Attack {
		v = x.host.judge.Without(v, excepted)
	}
	if raw && err == nil && !v.Attack { // many applications know no encodings and read it as it is
		v, err = x.host.judge.Request(asked(r, held))
		if v.Attack {
			v = x.host.judge.Without(v, excepted)
		}
	}
	switch {
	case err != nil:
		f := refusal{status: http.StatusInternalServerError, code: "SK3409", action: "refuse", rule: "firewall", reason: "the firewall failed"}
		all = append(all, f.as(x.firewall))
		x.gate.cfg.Log.Error("the firewall failed", "code", f.code, "event", x.id, "error", err)
	case v.Attack:
		f := refusal{status: http.StatusForbidden, code: "SK3401", action: "refuse"}
		f.rule, f.reason = told(&v)
		all = append(all, f.as(x.firewall))
	}
	return all
}

// learn takes what the fields of a request hold that nobody refused or reported.
func (x *exchange) learn(r *http.Request) {
	if learner := x.now.Learner; learner != nil {
		learner.See(firstName(x.host), Route(r.URL.Path), x.fields)
	}
}

// site asks the operator's rules about a request.
func (x *exchange) site(r *http.Request, body []byte, rules *site.Rules, now time.Time) (refusal, bool) {
	host, learner := firstName(x.host), x.now.Learner
	paths := bothPaths(r.URL.Path)
	looks := slices.ContainsFunc(paths, func(path string) bool { return rules.Looks(host, r.Method, path) })
	if !looks && learner == nil {
		return refusal{}, false
	}
	q := &site.Request{Host: host, Method: r.Method, Header: r.Header.Values, Cookie: func(name string) []string { return cookies(r, name) }}
	var query, rest bool // read whole
	q.Fields, query = queried(nil, r.URL.RawQuery)
	q.Queried = len(q.Fields)
	q.Fields, rest = bodied(q.Fields, r, body, x.incoming != nil)
	x.fields = q.Fields
	var hit site.Hit
	found := false
	for i := 0; i < len(paths) && !found; i++ {
		q.Path = paths[i]
		hit, found = rules.Check(q, now)
	}
	unread := slices.ContainsFunc(paths, func(path string) bool {
		inQuery, inBody := rules.Reads(host, r.Method, path)
		return inQuery && !query || inBody && !rest
	})
	switch {
	case !found && !unread:
		return refusal{}, false
	case !found: // a field that nobody saw may hold anything
		return refusal{status: http.StatusForbidden, code: "SK3410", action: "refuse", rule: "parameter/unread", reason: "fields that cannot all be read"}, true
	}
	f := refusal{status: http.StatusForbidden, code: "SK3410", action: "refuse", rule: hit.Rule, reason: "refused by a rule of the site"}
	if hit.Field != "" {
		f.reason = "in field " + hit.Field
	}
	return f, true
}

// seeing is a mode for what could not be looked into.
func seeing(m Mode) Mode {
	if m == Off {
		return Observe
	}
	return m
}

// cardIn reports whether a card number stands anywhere in a request.
func (x *exchange) cardIn(r *http.Request, body []byte) bool {
	g := x.gate.guards.Get().(*guard)
	defer x.gate.guards.Put(g)
	if g.whole([]byte(r.RequestURI)) || g.whole(g.plain(r.Header.Get("Content-Type"), body)) {
		return true
	}
	for _, values := range r.Header {
		for _, v := range values {
			if len(v) >= 13 && g.whole([]byte(v)) { // the shortest card number has 13 digits
				return true
			}
		}
	}
	return false
}

// cardInText reports whether a card number stands in a text.
func (x *exchange) cardInText(text []byte) bool {
	g := x.gate.guards.Get().(*guard)
	defer x.gate.guards.Put(g)
	return g.whole(text)
}

// asked is a request as the rules see it.
func asked(r *http.Request, body []byte) *waf.Request {
	q := &waf.Request{Method: r.Method, URI: r.RequestURI, Protocol: r.Proto, Body: body, Client: address(r)}
	q.Headers = append(q.Headers, waf.Header{Name: "Host", Value: r.Host})
	for name, values := range r.Header {
		if name == "Content-Encoding" && body != nil {
			continue // taken off
		}
		for _, v := range values {
			q.Headers = append(q.Headers, waf.Header{Name: name, Value: v})
		}
	}
	if r.ContentLength > 0 {
		q.Headers = append(q.Headers, waf.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
	}
	for _, v := range r.TransferEncoding {
		q.Headers = append(q.Headers, waf.Header{Name: "Transfer-Encoding", Value: v})
	}
	return q
}

// FieldName is the name of a field as it may be written down: one that a client
// may have made of somebody's data is "x".
func FieldName(name string) string {
	if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.[]") != "" {
		return "x"
	}
	return name
}

// told is what a verdict comes to in an event: the rules, and where they
// matched. Names that a client chose are kept only if they are plain words.
func told(v *waf.Verdict) (rule, reason string) {
	const most = 8
	var rules, places []string
	for i, f := range v.Findings {
		if i == most {
			rules = append(rules, "…")
			break
		}
		set := "crs"
		if f.Own {
			set = "sekisho"
		}
		rules = append(rules, fmt.Sprintf("%s/%d", set, f.Rule))
		for _, t := range f.Targets {
			kind, name, _ := strings.Cut(t, ":")
			name = FieldName(name)
			if place := strings.TrimSuffix(kind+":"+name, ":"); !slices.Contains(places, place) && len(places) < most {
				places = append(places, place)
			}
		}
	}
	reason = fmt.Sprintf("score %d in %s", v.Score, strings.Join(places, " "))
	for _, f := range v.Findings {
		if f.Masked != "" {
			return strings.Join(rules, " "), reason + ", such as \u2039" + f.Masked + "\u203a"
		}
	}
	return strings.Join(rules, " "), reason
}

// decision is the event of a refusal.
func (x *exchange) decision(f refusal) *event.Decision {
	x.gate.counts.decided(f)
	code := ""
	if f.status != 0 {
		code = fmt.Sprint(f.status)
	}
	return &event.Decision{Action: f.action, Rule: f.rule, Reason: f.reason, Code: code, ID: x.id}
}
