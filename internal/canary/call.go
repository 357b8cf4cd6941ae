package canary

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Call is one request that a script of the checkout sends: what it asks, what it
// takes from the answer for those that follow, and where the answer says to which
// provider the browser goes. {name} stands for a value that a call before took, in
// the path, in headers and in bodies, escaped as it must be there.
type Call struct {
	Ask      string            `yaml:"ask" doc:"Method and path, such as POST /api/cart/{cart}/items: GET, POST, PUT, PATCH or DELETE. Required."`
	Headers  map[string]string `yaml:"headers,omitempty" doc:"Headers by name, such as X-CSRF-Token: '{token}'."`
	Form     string            `yaml:"form,omitempty" doc:"Body of a form, field=value&…; not beside json."`
	JSON     string            `yaml:"json,omitempty" doc:"Body of JSON, such as '{\"plan\": 1, \"token\": \"{token}\"}'."`
	Status   int               `yaml:"status,omitempty" doc:"Status that the answer must have. With 3xx a redirect is not followed. Default: any below 400, and redirects within the site are followed."`
	Take     map[string]string `yaml:"take,omitempty" doc:"Values of the answer by name, each json /pointer (RFC 6901), field NAME (of a form, or a meta element), match EXPRESSION (RE2, its group), header NAME or cookie NAME. A value that is not there fails the walk."`
	Provider string            `yaml:"provider,omitempty" doc:"Where the answer holds the provider's address: redirect, form, frame, script, json /pointer, match EXPRESSION (its group) or header NAME. Required of the last call."`
}

const (
	maxCalls = 50
	maxValue = 4 << 10 // bytes of a value that is taken
	maxTaken = 20      // values of one call
)

// Problem is what is wrong with a call.
type Problem struct {
	Call      int // from 0
	What, Try string
}

func (p *Problem) Error() string { return fmt.Sprintf("call %d: %s: %s", p.Call+1, p.What, p.Try) }

// call is a Call that was checked.
type call struct {
	Call
	method, target string
	take           []taking
	provider       *finder
}

type taking struct {
	name string
	from *finder
}

// finder is a place in an answer.
type finder struct {
	kind, arg  string
	expression *regexp.Regexp
}

// CheckCalls returns what is wrong with the calls of a walk, a *[Problem].
func CheckCalls(calls []Call) error {
	_, err := compile(calls)
	return err
}

func compile(calls []Call) ([]call, error) {
	if len(calls) > maxCalls {
		return nil, &Problem{maxCalls, "a walk has at most 50 calls", "leave out what the checkout does not need"}
	}
	all, known := make([]call, 0, len(calls)), map[string]bool{}
	for i, c := range calls {
		made, err := c.compile(known)
		if err != nil {
			err.Call = i
			return nil, err
		}
		for _, t := range made.take {
			known[t.name] = true
		}
		all = append(all, made)
	}
	if n := len(all); n > 0 && all[n-1].provider == nil {
		return nil, &Problem{n - 1, "the last call does not say where the provider's address is", "write for example provider: json /redirectUrl"}
	}
	return all, nil
}

var (
	valueName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	hole      = regexp.MustCompile(`\{([a-z][a-z0-9_]{0,31})\}`)
	headerKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)
	methods   = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	// kept are headers that a walk writes itself.
	kept = []string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Cookie", "User-Agent", "Trailer", "Te", "Upgrade", "Expect", "Accept-Encoding"}
)

func (c *Call) compile(known map[string]bool) (call, *Problem) {
	fail := func(what, try string) (call, *Problem) { return call{}, &Problem{What: what, Try: try} }
	method, target, _ := strings.Cut(strings.TrimSpace(c.Ask), " ")
	if !slices.Contains(methods, method) || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, " \t\r\n\\#") {
		return fail("it is not a method and a path", "write for example POST /api/cart")
	}
	if c.Form != "" && c.JSON != "" {
		return fail("a call sends a form or JSON, not both", "leave one of them out")
	}
	if (c.Form != "" || c.JSON != "") && method == "GET" {
		return fail("a GET has no body", "write the values behind a ? in the path")
	}
	if c.Status != 0 && (c.Status < 200 || c.Status > 599) {
		return fail("it is no status of an answer", "write a number from 200 to 599")
	}
	for name, value := range c.Headers {
		if !headerKey.MatchString(name) || slices.Contains(kept, http.CanonicalHeaderKey(name)) || !printable(value) {
			return fail("a call cannot set this header", "leave it out; what browsers send themselves is sent")
		}
	}
	texts := []string{target, c.Form, c.JSON}
	for _, value := range c.Headers {
		texts = append(texts, value)
	}
	sample := map[string]string{}
	for _, text := range texts {
		for _, m := range hole.FindAllStringSubmatch(text, -1) {
			if !known[m[1]] {
				return fail("a name in braces was taken by no call before", "name it under take of a call before this one")
			}
			sample[m[1]] = "1"
		}
	}
	if c.JSON != "" && !json.Valid([]byte(inJSON(c.JSON, sample))) {
		return fail("the body is not JSON", "put it into single quotes, with names and texts in double quotes")
	}
	made := call{Call: *c, method: method, target: target}
	if len(c.Take) > maxTaken {
		return fail("a call takes at most 20 values", "leave out what no later call needs")
	}
	for name, from := range c.Take {
		f, ok := newFinder(from, "json", "field", "match", "header", "cookie")
		if !ok || !valueName.MatchString(name) {
			return fail("no value can be taken so", "write for example token: field csrf_token, or order: json /order/id")
		}
		made.take = append(made.take, taking{name, f})
	}
	slices.SortFunc(made.take, func(a, b taking) int { return strings.Compare(a.name, b.name) })
	if c.Provider != "" {
		f, ok := newFinder(c.Provider, "redirect", "form", "frame", "script", "json", "match", "header")
		if !ok {
			return fail("the provider's address is not found so", "write redirect, form, frame, script, json /pointer, match EXPRESSION or header NAME")
		}
		made.provider = f
	}
	return made, nil
}

// newFinder reads "kind argument"; ok says that it is one of the kinds.
func newFinder(text string, kinds ...string) (f *finder, ok bool) {
	kind, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	arg = strings.TrimSpace(arg)
	f = &finder{kind: kind, arg: arg}
	if !slices.Contains(kinds, kind) || len(arg) > 1000 {
		return nil, false
	}
	switch kind {
	case "redirect", "form", "frame", "script":
		return f, arg == ""
	case "json":
		return f, arg == "" || arg[0] == '/'
	case "match":
		e, err := regexp.Compile(arg)
		f.expression = e
		return f, err == nil && e.NumSubexp() == 1
	}
	return f, arg != "" && printable(arg)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// filled returns a text with values in its holes, each escaped.
func filled(text string, values map[string]string, escape func(string) string) string {
	return hole.ReplaceAllStringFunc(text, func(m string) string {
		v, ok := values[m[1:len(m)-1]]
		if !ok {
			return m
		}
		return escape(v)
	})
}

// inTarget fills a path and a query.
func inTarget(text string, values map[string]string) string {
	path, query, found := strings.Cut(text, "?")
	path = filled(path, values, url.PathEscape)
	if !found {
		return path
	}
	return path + "?" + filled(query, values, url.QueryEscape)
}

// inJSON fills a JSON text: within quotes a value is escaped, elsewhere it is a
// number, true, false or null as it stands, and a text otherwise.
func inJSON(text string, values map[string]string) string {
	var b strings.Builder
	last, quoted := 0, false
	for _, m := range hole.FindAllStringSubmatchIndex(text, -1) {
		before := text[last:m[0]]
		quoted = endsQuoted(before, quoted)
		b.WriteString(before)
		last = m[1]
		value, ok := values[text[m[2]:m[3]]]
		if !ok {
			b.WriteString(text[m[0]:m[1]])
			continue
		}
		escaped, err := json.Marshal(value)
		switch {
		case err != nil: // a text always encodes
		case quoted:
			b.Write(escaped[1 : len(escaped)-1])
		case plainJSON(value):
			b.WriteString(value)
		default:
			b.Write(escaped)
		}
	}
	return b.String() + text[last:]
}

func plainJSON(value string) bool {
	return json.Valid([]byte(value)) && !strings.ContainsAny(value, "{[\"")
}

// endsQuoted reports whether a piece of JSON ends within quotes, if it began so.
func endsQuoted(piece string, quoted bool) bool {
	for i := 0; i < len(piece); i++ {
		switch {
		case piece[i] == '\\' && quoted:
			i++
		case piece[i] == '"':
			quoted = !quoted
		}
	}
	return quoted
}
