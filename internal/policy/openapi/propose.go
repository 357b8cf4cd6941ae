package openapi

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sekisho/internal/policy/site"
)

// Options say where the requests arrive.
type Options struct {
	// Host is a configured name of the site, "" for all.
	Host string
	// Base is what all paths begin with, "/v1"; nil takes that of the servers.
	Base *string
}

// Proposal is what a document says about fields, for somebody to read.
type Proposal struct {
	// Parameters are in the order of the document.
	Parameters []site.Parameter `json:"parameters"`
	// Left is what the gate will not look at.
	Left []Left `json:"left"`
	// Operations are methods of paths; Fields are all fields of their requests,
	// Free those of them that may hold any text.
	Operations int `json:"operations"`
	Fields     int `json:"fields"`
	Free       int `json:"free"`
}

// Left is something that a document says and a parameter cannot.
type Left struct {
	Line    int    `json:"line"`
	Pointer string `json:"pointer"`
	Why     Why    `json:"why"`
	// Detail is the word of the document that it is about, "" for none.
	Detail string `json:"detail,omitempty"`
}

// Why says why something is left out.
type Why string

// The reasons.
const (
	Keyword  Why = "keyword"  // a keyword that nothing looks at: multipleOf
	Required Why = "required" // that a field must be there
	Format   Why = "format"   // a format that nothing looks at
	Pattern  Why = "pattern"  // a pattern that RE2 does not have
	Type     Why = "type"     // no type, or none that can be looked at
	Style    Why = "style"    // values that are written in another way
	Outside  Why = "outside"  // a reference out of the document
	Nowhere  Why = "nowhere"  // a reference to nothing
	Loop     Why = "loop"     // a schema within itself
	Deep     Why = "deep"     // deeper than the gate reads
	Media    Why = "media"    // a type of bodies that the gate does not read
	Clash    Why = "clash"    // two fields that the gate takes for one
	Conflict Why = "conflict" // parts of allOf that say different things
	Overlap  Why = "overlap"  // two paths that a request may both be of
	Open     Why = "open"     // a bound that itself passes
	Name     Why = "name"     // no name that a field of the gate has
	Servers  Why = "servers"  // other servers for one path
	Shape    Why = "shape"    // not what the specification has here
)

const (
	maxPaths  = 5_000
	maxFields = 10_000
	maxVisits = 500_000 // schemas that are looked at: references may multiply
	maxLeft   = 50_000
	maxLevels = 30 // of objects and lists; the gate reads 32
)

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// field is one field of an operation.
type field struct {
	place
	p site.Parameter
}

type reader struct {
	root   *node
	base   string
	old    bool // 3.0
	visits int
	told   map[Left]bool
	fields []field // of the operation at hand
	out    *Proposal
}

// Propose reads a document. Its errors are *Problem.
func Propose(doc []byte, o Options) (*Proposal, error) {
	root, err := parse(doc)
	if err != nil {
		return nil, err
	}
	r := &reader{root: root, told: map[Left]bool{}, out: &Proposal{Parameters: []site.Parameter{}, Left: []Left{}}}
	switch version := root.get("openapi"); {
	case root.get("swagger") != nil:
		return nil, &Problem{root.get("swagger").line, "#/swagger", "it is of version 2.0, which is read no more", "turn it into OpenAPI 3.0 or 3.1"}
	case version == nil || !strings.HasPrefix(version.value, "3.0") && !strings.HasPrefix(version.value, "3.1"):
		return nil, &Problem{root.line, "#/openapi", "it does not say that it is OpenAPI 3.0 or 3.1", "name an OpenAPI document; it begins with openapi: 3.0.x or 3.1.x"}
	default:
		r.old = strings.HasPrefix(version.value, "3.0")
	}
	if err := r.begin(o.Base); err != nil {
		return nil, err
	}
	return r.out, r.paths(o.Host)
}

// begin finds out what all paths begin with.
func (r *reader) begin(given *string) error {
	bases := map[string]bool{}
	if given != nil {
		bases[*given] = true
	} else if servers := r.root.get("servers"); servers != nil && servers.kind == list {
		for _, s := range servers.nodes {
			u, err := url.Parse(s.str("url"))
			if err != nil || strings.ContainsAny(u.Path, "{}") {
				return &Problem{s.line, "#/servers", "it cannot be told what the paths of this server begin with", "say so with --base, such as --base /v1 or --base /"}
			}
			bases[strings.TrimRight(u.Path, "/")] = true
		}
	}
	if len(bases) > 1 {
		return &Problem{r.root.get("servers").line, "#/servers", "the paths of its servers begin differently", "say with --base what they begin with at this site"}
	}
	for base := range bases {
		if base = strings.TrimRight(base, "/"); base != "" && base[0] != '/' {
			base = "/" + base
		}
		r.base = base
	}
	return nil
}

func (r *reader) paths(host string) error {
	paths := place{r.root.get("paths"), "#/paths", nil}
	if paths.node == nil || paths.kind != mapping {
		return &Problem{r.root.line, "#/paths", "it has no paths", "see whether it is the whole document"}
	}
	if len(paths.keys) > maxPaths {
		return &Problem{paths.line, "#/paths", "it has more than 5,000 paths", "import it in parts"}
	}
	routes := r.routes(paths)
	for i := range routes {
		one := &routes[i]
		switch {
		case one.bad:
			r.leave(one.place, Name, one.text)
			continue
		case one.same:
			r.leave(one.place, Overlap, one.text)
			continue
		}
		for _, other := range one.unclear {
			r.leave(one.place, Overlap, other)
		}
		if err := r.path(one, host); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) leave(p place, why Why, detail string) {
	line := 0
	if p.node != nil {
		line = p.line
	}
	l := Left{line, p.at, why, detail}
	if !r.told[l] && len(r.out.Left) <= maxLeft { // a schema may be used often
		r.told[l] = true
		r.out.Left = append(r.out.Left, l)
	}
}

// path proposes the fields of one path.
func (r *reader) path(one *route, host string) error {
	item, ok := r.resolve(one.place)
	if !ok {
		return nil
	}
	if s := item.child("servers"); s.node != nil {
		r.leave(s, Servers, "")
		return nil
	}
	for _, method := range methods {
		op := item.child(method)
		if op.node == nil {
			continue
		}
		if s := op.child("servers"); s.node != nil {
			r.leave(s, Servers, "")
			continue
		}
		r.out.Operations++
		r.fields = r.fields[:0]
		r.parameters(item, op)
		r.body(op.child("requestBody"))
		if r.visits > maxVisits {
			return &Problem{op.line, op.at, "its references multiply to more than 500,000 schemas", "import it in parts"}
		}
		r.settle()
		for _, f := range r.fields {
			f.p.Host, f.p.Template, f.p.Except, f.p.Method = host, one.text, one.except, strings.ToUpper(method)
			if f.p.In == site.InPath && one.holes[f.p.Name] != 1 {
				r.leave(f.place, Name, f.p.Name)
				continue
			}
			r.out.Parameters = append(r.out.Parameters, f.p)
		}
		if len(r.out.Left) > maxLeft {
			return &Problem{op.line, op.at, "it says more than 50,000 things that are not looked at", "import it in parts"}
		}
		if len(r.out.Parameters) > maxFields {
			return &Problem{op.line, op.at, "it has more than 10,000 fields", "import it in parts"}
		}
	}
	return nil
}

// parameters reads the parameters of an operation and those of its path that it
// does not write anew.
func (r *reader) parameters(item, op place) {
	type key struct{ name, in string }
	known := map[key]bool{}
	for _, from := range []place{op.child("parameters"), item.child("parameters")} {
		if from.node == nil {
			continue
		}
		if from.kind != list {
			r.leave(from, Shape, "parameters")
			continue
		}
		for i := range from.nodes {
			p, ok := r.resolve(from.item(i))
			if !ok {
				continue
			}
			k := key{p.str("name"), p.str("in")}
			if !known[k] {
				known[k] = true
				r.parameter(p, k.name, k.in)
			}
		}
	}
}

// ignored are header fields that the specification has nobody describe (3.0.4
// and 3.1.1, §Parameter Object).
var ignored = []string{"accept", "content-type", "authorization"}

func (r *reader) parameter(p place, name, in string) {
	if p.kind != mapping || name == "" {
		r.leave(p, Name, name)
		return
	}
	if in == site.InHeader && slices.Contains(ignored, strings.ToLower(name)) {
		return
	}
	if p.yes("required") && in != site.InPath {
		r.leave(p, Required, name)
	}
	schema := p.child("schema")
	if schema.node == nil {
		r.leave(p, Style, "content")
		return
	}
	style := p.str("style")
	c := &walk{in: in}
	switch in {
	case site.InQuery:
		explode := p.get("explode") == nil || p.yes("explode")
		c.lists = explode && (style == "" || style == "form")
		c.objects = c.lists
		if style == "deepObject" {
			c.objects, c.wrap = true, true
		}
		if !explode && style != "deepObject" {
			c.style = "explode: false"
		}
	case site.InPath, site.InHeader, site.InCookie:
	default:
		r.leave(p, Shape, in)
		return
	}
	if in == site.InPath && style != "" && style != "simple" {
		r.leave(p, Style, style)
		return
	}
	c.style = cmp.Or(c.style, style)
	r.walk(c, name, []place{schema}, 0)
}

// body reads the bodies of an operation.
func (r *reader) body(p place) {
	if p.node == nil {
		return
	}
	p, ok := r.resolve(p)
	if !ok {
		return
	}
	if p.yes("required") {
		r.leave(p, Required, "requestBody")
	}
	content := p.child("content")
	if content.node == nil || content.kind != mapping {
		r.leave(p, Shape, "content")
		return
	}
	for _, key := range content.keys {
		media := content.child(key)
		name, _, _ := strings.Cut(strings.ToLower(key), ";")
		name = strings.TrimSpace(name)
		c := &walk{in: site.InBody}
		switch {
		case name == "application/json", name == "text/json", strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json"):
			c.json = true
		case name == "application/x-www-form-urlencoded", name == "multipart/form-data":
			c.lists, c.objects, c.encoding = true, true, media.child("encoding")
		default:
			r.leave(media, Media, name)
			continue
		}
		if schema := media.child("schema"); schema.node != nil {
			r.walk(c, "", []place{schema}, 0)
		} else {
			r.leave(media, Type, "")
		}
	}
}

// settle takes the fields out of which the gate would look at one for another,
// and those that may hold anything.
func (r *reader) settle() {
	r.out.Fields += len(r.fields)
	groupOf := func(p *site.Parameter, name string) string { return p.In + " " + site.Same(name) }
	first, clash := map[string]int{}, map[string]bool{}
	for i := range r.fields {
		p := &r.fields[i].p
		g := groupOf(p, p.Name)
		if n, known := first[g]; !known {
			first[g] = i
		} else if !alike(p, &r.fields[n].p) {
			clash[g] = true
		}
	}
	for i := range r.fields { // "filter[name]" is a member of "filter", too
		p := &r.fields[i].p
		if name, _, within := strings.Cut(p.Name, "["); within {
			g := groupOf(p, name)
			if _, known := first[g]; known {
				clash[g], clash[groupOf(p, p.Name)] = true, true
			}
		}
	}
	var kept []field
	for i, f := range r.fields {
		g := groupOf(&f.p, f.p.Name)
		switch {
		case clash[g]:
			r.leave(f.place, Clash, f.p.Name)
		case free(&f.p):
			r.out.Free++
		case first[g] == i:
			kept = append(kept, f)
		}
	}
	r.fields = kept
}

func alike(a, b *site.Parameter) bool {
	return a.Type == b.Type && a.Min == b.Min && a.Max == b.Max && a.From == b.From && a.To == b.To && a.Matches == b.Matches && slices.Equal(a.OneOf, b.OneOf)
}

// free reports whether a field may hold anything.
func free(p *site.Parameter) bool {
	return p.Type == "text" && p.Min == 0 && p.Max == 0 && p.Matches == "" && len(p.OneOf) == 0
}

// resolve follows the references of a place that is no schema.
func (r *reader) resolve(p place) (place, bool) {
	for range maxLevels {
		ref := p.str("$ref")
		if ref == "" {
			return p, p.node != nil
		}
		to, ok := r.follow(p, ref)
		if !ok {
			return p, false
		}
		p = to
	}
	r.leave(p, Loop, "")
	return p, false
}

// follow returns what a reference of p leads to, or leaves it.
func (r *reader) follow(p place, ref string) (place, bool) {
	if !strings.HasPrefix(ref, "#/") && ref != "#" {
		r.leave(p, Outside, ref)
		return p, false
	}
	to := find(r.root, ref)
	if to == nil {
		r.leave(p, Nowhere, ref)
		return p, false
	}
	return place{to, ref, p.up}, true
}

// unescaped takes the percent escapes of a reference off (RFC 3986).
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// String implements fmt.Stringer, for tests and logs.
func (l Left) String() string {
	return fmt.Sprintf("%d %s %s %s", l.Line, l.Pointer, l.Why, l.Detail)
}
