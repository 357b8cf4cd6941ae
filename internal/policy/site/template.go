package site

import (
	"strings"
)

// template is a whole path with holes, "/orders/{id}/items". A hole is not empty
// and ends with its part of the path; before and behind it there may be text of
// the same part: "/bills/{no}.pdf". A slash at the end of a path does not count.
type template []segment

// segment is a part of a path. Without a hole it is before alone.
type segment struct {
	before, behind string
	hole           bool
	name           string
}

// templateOf reads a template; what is wrong with it is said in what.
func templateOf(text string) (t template, what string) {
	if !strings.HasPrefix(text, "/") {
		return nil, "a path begins with /"
	}
	names := map[string]bool{}
	for _, part := range parts(text) {
		before, rest, hole := strings.Cut(part, "{")
		name, behind, closed := strings.Cut(rest, "}")
		switch {
		case hole && (!closed || name == "" || strings.ContainsAny(name+behind, "{}")):
			return nil, "a part of a path has at most one {name}"
		case !hole && strings.Contains(part, "}"):
			return nil, "a } without a {"
		case hole && names[name]:
			return nil, "a name stands there twice"
		}
		names[name] = hole
		t = append(t, segment{before, behind, hole, name})
	}
	return t, ""
}

// parts returns the parts of a path between its slashes, none for "/".
func parts(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func (t template) match(parts []string) bool {
	if len(parts) != len(t) {
		return false
	}
	for i := range t {
		s, part := &t[i], parts[i]
		if !s.hole && s.before != part || s.hole && !s.holds(part) {
			return false
		}
	}
	return true
}

func (s *segment) holds(part string) bool {
	return len(part) > len(s.before)+len(s.behind) && strings.HasPrefix(part, s.before) && strings.HasSuffix(part, s.behind)
}

// value returns what a path that matches has in a hole.
func (t template) value(name string, parts []string) string {
	for i := range t {
		if s := &t[i]; s.hole && s.name == name {
			return parts[i][len(s.before) : len(parts[i])-len(s.behind)]
		}
	}
	return ""
}

func (t template) has(name string) bool {
	for _, s := range t {
		if s.hole && s.name == name {
			return true
		}
	}
	return false
}

// route is the fields of the requests of one template and method.
type route struct {
	host, method string
	template     template
	except       []template
	parameters   []parameter
}

// fits reports whether a request is of the route. A HEAD is taken for the GET
// that servers make of it.
func (r *route) fits(host, method string, parts []string) bool {
	if r.host != "" && !strings.EqualFold(r.host, host) || !r.template.match(parts) {
		return false
	}
	if r.method != "" && !strings.EqualFold(r.method, method) && !(r.method == "GET" && method == "HEAD") {
		return false
	}
	for _, e := range r.except {
		if e.match(parts) {
			return false
		}
	}
	return true
}

// routesOf returns the routes that a request is of.
func (r *Rules) routesOf(host, method, path string) (fitting []*route, in []string) {
	if len(r.routes) == 0 {
		return nil, nil
	}
	in = parts(path)
	for _, one := range r.routes[len(in)] {
		if one.fits(host, method, in) {
			fitting = append(fitting, one)
		}
	}
	return fitting, in
}

// check returns the first field of a request of this route that holds what it
// may not.
func (r *route) check(q *Request, parts []string) (Hit, bool) {
	for i := range r.parameters {
		p := &r.parameters[i]
		for value := range p.values(q, r.template, parts) {
			if !p.allows(value) {
				return Hit{Rule: "parameter/" + p.Type, Field: p.Name}, true
			}
		}
	}
	return Hit{}, false
}

// values are those of a field in a request.
func (p *parameter) values(q *Request, t template, parts []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		fields := q.Fields
		switch p.In {
		case InPath:
			yield(t.value(p.Name, parts))
			return
		case InHeader, InCookie:
			var all []string
			if p.In == InHeader && q.Header != nil {
				all = q.Header(p.Name)
			} else if p.In == InCookie && q.Cookie != nil {
				all = q.Cookie(p.Name)
			}
			for _, v := range all {
				if !yield(v) {
					return
				}
			}
			return
		case InQuery:
			fields = fields[:q.Queried]
		case InBody:
			fields = fields[q.Queried:]
		}
		for _, f := range fields {
			if f.is(p.Name) && !yield(f.Value) {
				return
			}
		}
	}
}

// Reads reports whether a request's query, and whether its body, must have been
// read whole: a field that nobody saw may hold anything.
func (r *Rules) Reads(host, method, path string) (query, body bool) {
	if r == nil {
		return false, false
	}
	for i := range r.patches {
		if r.patches[i].match(host, path) {
			return true, true
		}
	}
	for i := range r.parameters {
		if r.parameters[i].match(host, path) {
			return true, true
		}
	}
	fitting, _ := r.routesOf(host, method, path)
	for _, one := range fitting {
		for i := range one.parameters {
			in := one.parameters[i].In
			query, body = query || in == "" || in == InQuery, body || in == "" || in == InBody
		}
	}
	return query, body
}
