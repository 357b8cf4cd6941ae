package revproxy

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sekisho/internal/event"
	"sekisho/internal/policy/site"
	"sekisho/internal/waf"
)

// maxDecoded bounds what a body may become when its encoding is taken off.
const maxDecoded = 16 << 20

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
	body, err := decode(held, r.Header.Values("Content-Encoding"))
	if err == nil && x.incoming != nil && len(r.Header.Values("Content-Encoding")) > 0 {
		err = errLongEncoded
	}
	if err != nil && (x.cards != Off || x.firewall != Off) {
		f := refusal{status: http.StatusUnsupportedMediaType, code: "SK3408", action: "refuse", rule: "encoding", reason: err.Error()}
		all = append(all, f.as(max(seeing(x.cards), seeing(x.firewall))))
	}
	if x.cards != Off && x.cardIn(r, body) {
		f := refusal{status: http.StatusForbidden, code: "SK3402", action: "refuse", rule: "card", reason: "a card number in the request"}
		all = append(all, f.as(x.cards))
	}
	if x.firewall == Off {
		return all
	}
	rules, now, host := x.gate.cfg.Rules(), time.Now(), firstName(x.host)
	if f, ok := x.site(r, body, rules, now); ok {
		all = append(all, f.as(x.firewall))
	}
	if x.gate.cfg.Firewall == nil {
		return all
	}
	x.request = asked(r, body)
	v, err := x.gate.cfg.Firewall.Request(x.request)
	if v.Attack {
		v = x.gate.cfg.Firewall.Without(v, func(rule int, target string) bool { return rules.Excepted(host, r.URL.Path, rule, target, now) })
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
	if learner := x.gate.cfg.Learner; learner != nil {
		learner.See(firstName(x.host), Route(r.URL.Path), x.fields)
	}
}

// site asks the operator's rules about a request.
func (x *exchange) site(r *http.Request, body []byte, rules *site.Rules, now time.Time) (refusal, bool) {
	host, learner := firstName(x.host), x.gate.cfg.Learner
	if !rules.Looks(host, r.URL.Path) && learner == nil {
		return refusal{}, false
	}
	q := &site.Request{Host: host, Path: r.URL.Path, Method: r.Method}
	var whole bool
	q.Fields, whole = fields(r, body, x.incoming != nil)
	x.fields = q.Fields
	hit, found := rules.Check(q, now)
	switch {
	case !found && (whole || !rules.Looks(host, r.URL.Path)):
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

var errLongEncoded = errors.New("an encoded body longer than what is held")

// decode takes content encodings off (RFC 9110, 8.4), the last first.
func decode(body []byte, encodings []string) ([]byte, error) {
	var names []string
	for _, v := range encodings {
		for name := range strings.SplitSeq(v, ",") {
			names = append(names, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	slices.Reverse(names)
	for _, name := range names {
		if name == "" || name == "identity" {
			continue
		}
		r, err := decoder(name, body)
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(io.LimitReader(r, maxDecoded+1)); err != nil {
			return nil, fmt.Errorf("the body is not %s", name)
		}
		if len(body) > maxDecoded {
			return nil, fmt.Errorf("the body is longer than %d bytes when decoded", maxDecoded)
		}
	}
	return body, nil
}

func decoder(name string, body []byte) (io.Reader, error) {
	in := bytes.NewReader(body)
	switch name {
	case "gzip", "x-gzip":
		if r, err := gzip.NewReader(in); err == nil {
			return r, nil
		}
	case "deflate": // zlib by the standard, raw by custom
		if r, err := zlib.NewReader(in); err == nil {
			return r, nil
		}
		return flate.NewReader(bytes.NewReader(body)), nil
	case "zstd":
		if r, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded)); err == nil {
			return r, nil
		}
	default:
		return nil, errors.New("an encoding that cannot be looked into")
	}
	return nil, fmt.Errorf("the body is not %s", name)
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
			if name != "" && (len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.[]") != "") {
				name = "x"
			}
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
	code := ""
	if f.status != 0 {
		code = fmt.Sprint(f.status)
	}
	return &event.Decision{Action: f.action, Rule: f.rule, Reason: f.reason, Code: code, ID: x.id}
}
