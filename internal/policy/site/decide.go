package site

import (
	"strings"
	"time"
)

// Excepted reports whether a rule is excepted at a target ("ARGS:comment") of a
// request. Names of fields are compared without case, as the rule set does.
func (r *Rules) Excepted(host, path string, rule int, target string, now time.Time) bool {
	if r == nil {
		return false
	}
	for i := range r.exceptions {
		e := &r.exceptions[i]
		if e.Rule == rule && now.Before(e.end) && e.match(host, path) && (e.Target == "" || strings.EqualFold(e.Target, target)) {
			return true
		}
	}
	return false
}

// Request is what patches and parameters look at.
type Request struct {
	Host, Path, Method string
	// Fields are those of the query, Queried of them, and then those of the body.
	Fields  []Field
	Queried int
	// Header and Cookie return the values of one name, none for nil.
	Header, Cookie func(name string) []string
}

// Field is one field of a query, a form or a JSON body.
type Field struct{ Name, Value string }

// is reports whether a field is of a name, or a member of a list of that name
// as PHP and Rails read them: "id[]", "id[0]". Names are compared as the most
// lenient applications do: without case, without leading spaces (or a question
// mark: URLSearchParams of a body), to the first zero byte, and with dots and spaces for underscores (PHP).
func (f Field) is(name string) bool {
	given, _, _ := strings.Cut(strings.TrimLeft(f.Name, "? \t\r\n\v\f"), "\x00")
	if len(given) < len(name) || len(given) > len(name) && given[len(name)] != '[' {
		return false
	}
	return strings.EqualFold(underscored.Replace(given[:len(name)]), underscored.Replace(name))
}

var underscored = strings.NewReplacer(".", "_", " ", "_", "[", "_")

// Hit is why a request is refused.
type Hit struct {
	// Rule is "patch/NAME" or "parameter/TYPE".
	Rule string
	// Field is the name of the field, as it is configured; "" for none.
	Field string
}

// Check returns the first patch that shuts a request out or the first field that
// holds what it may not.
func (r *Rules) Check(q *Request, now time.Time) (Hit, bool) {
	if r == nil {
		return Hit{}, false
	}
	for i := range r.patches {
		p := &r.patches[i]
		if now.Before(p.end) && p.match(q.Host, q.Path) && (p.Method == "" || strings.EqualFold(p.Method, q.Method)) && p.hits(q) {
			return Hit{Rule: "patch/" + p.Name, Field: p.Parameter}, true
		}
	}
	for i := range r.parameters {
		p := &r.parameters[i]
		if !p.match(q.Host, q.Path) {
			continue
		}
		for _, f := range q.Fields {
			if f.is(p.Name) && !p.allows(f.Value) {
				return Hit{Rule: "parameter/" + p.Type, Field: p.Name}, true
			}
		}
	}
	fitting, in := r.routesOf(q.Host, q.Method, q.Path)
	for _, one := range fitting {
		if hit, found := one.check(q, in); found {
			return hit, true
		}
	}
	return Hit{}, false
}

// Looks reports whether any patch or parameter would look at a request, so that
// its fields need not be read for nothing.
func (r *Rules) Looks(host, method, path string) bool {
	if r == nil {
		return false
	}
	for i := range r.patches {
		if r.patches[i].match(host, path) {
			return true
		}
	}
	for i := range r.parameters {
		if r.parameters[i].match(host, path) {
			return true
		}
	}
	fitting, _ := r.routesOf(host, method, path)
	return len(fitting) > 0
}

func (p *patch) hits(q *Request) bool {
	if p.Parameter == "" {
		return true
	}
	for _, f := range q.Fields {
		if f.is(p.Parameter) && (p.matches == nil || p.matches.MatchString(f.Value)) {
			return true
		}
	}
	return false
}

// Count is how many lines of each sort there are, and how many have ended.
type Count struct {
	Exceptions int `json:"exceptions"`
	Patches    int `json:"patches"`
	Parameters int `json:"parameters"`
	Ended      int `json:"ended"`
}

// Count counts.
func (r *Rules) Count(now time.Time) Count {
	if r == nil {
		return Count{}
	}
	c := Count{Exceptions: len(r.exceptions), Patches: len(r.patches), Parameters: len(r.parameters)}
	for _, one := range r.known {
		c.Parameters += len(one.parameters)
	}
	for i := range r.exceptions {
		if !now.Before(r.exceptions[i].end) {
			c.Ended++
		}
	}
	for i := range r.patches {
		if !now.Before(r.patches[i].end) {
			c.Ended++
		}
	}
	return c
}

// Pages returns a test whether a part of a site's pages that lead to payment is
// authorised, nil when nothing is.
func (r *Rules) Pages(host string) func(item string) bool {
	if r == nil || len(r.pages[host]) == 0 {
		return nil
	}
	known := r.pages[host]
	return func(item string) bool { return known[item] }
}
