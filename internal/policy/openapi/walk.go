package openapi

import (
	"slices"
	"strings"

	"sekisho/internal/policy/site"
)

// walk is how the fields of a parameter or a body are named and written.
type walk struct {
	in       string
	json     bool   // names with dots, lists within lists
	objects  bool   // of one level
	lists    bool   // the same name again
	wrap     bool   // "filter[name]"
	style    string // what to say of a list or an object that is written otherwise
	encoding place  // of the fields of a form
}

// walk proposes the fields of schemas that hold together.
func (r *reader) walk(c *walk, name string, at []place, level int) {
	if r.visits > maxVisits {
		return
	}
	if level > maxLevels {
		r.leave(at[0], Deep, name)
		return
	}
	f := &facts{place: at[0]}
	for _, one := range at {
		r.gather(f, one)
	}
	switch kind := r.kindOf(f); kind {
	case "":
	case "object":
		r.object(c, name, f, level)
	case "array":
		r.array(c, name, f, level)
	default:
		r.scalar(c, name, kind, f)
	}
}

// kindOf returns the one type of schemas, "" when there is none.
func (r *reader) kindOf(f *facts) string {
	if f.broken {
		return ""
	}
	kinds := f.types
	switch {
	case f.typed && slices.Contains(kinds, "number"):
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == "integer" })
	case !f.typed && len(f.keys) > 0:
		kinds = []string{"object"}
	case !f.typed && len(f.items) > 0:
		kinds = []string{"array"}
	case !f.typed && f.enum != nil:
		kinds = f.kindsOfEnum()
	}
	if len(kinds) != 1 || !slices.Contains([]string{"object", "array", "string", "integer", "number", "boolean"}, kinds[0]) {
		r.leave(f.place, Type, strings.Join(kinds, ", "))
		r.out.Fields++
		return ""
	}
	return kinds[0]
}

func (r *reader) object(c *walk, name string, f *facts, level int) {
	if !c.json && (!c.objects || level > 0) {
		r.other(c, name, f)
		return
	}
	for i, key := range f.keys {
		inner := key
		switch {
		case c.wrap:
			inner = name + "[" + key + "]"
		case c.json && name != "":
			inner = name + "." + key
		}
		if !c.json && c.encoding.get(key) != nil {
			r.leave(c.encoding.child(key), Style, key)
			continue
		}
		r.walk(c, inner, f.props[i], level+1)
	}
}

func (r *reader) array(c *walk, name string, f *facts, level int) {
	if !c.json && (!c.lists || name == "") {
		r.other(c, name, f)
		return
	}
	if len(f.items) == 0 {
		r.leave(f.place, Type, "array")
		return
	}
	inner := *c
	if !c.json {
		inner.lists, inner.objects = false, false
	}
	r.walk(&inner, name, f.items, level+1)
}

// other leaves a list or an object that is written in a way that the gate does
// not take apart.
func (r *reader) other(c *walk, name string, f *facts) {
	r.out.Fields++
	detail := c.style
	if detail == "" {
		detail = name
	}
	r.leave(f.place, Style, detail)
}

func (r *reader) scalar(c *walk, name, kind string, f *facts) {
	p := site.Parameter{In: c.in, Name: name, Type: kind}
	if name == "" || len(name) > 200 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		r.leave(f.place, Name, "")
		r.out.Fields++
		return
	}
	switch kind {
	case "string":
		r.text(&p, f)
	case "integer", "number":
		r.number(&p, f)
	}
	if f.enum != nil {
		for _, v := range f.enum {
			if enumKind(v) == kind || kind == "number" && enumKind(v) == "integer" {
				p.OneOf = append(p.OneOf, v.value)
			}
		}
		p.OneOf = slices.DeleteFunc(p.OneOf, func(v string) bool { return v == "" }) // it passes as it is
		if numbers := kind == "integer" || kind == "number"; len(p.OneOf) == 0 || numbers && slices.ContainsFunc(p.OneOf, func(v string) bool { return site.Number(v) == nil }) {
			r.leave(f.place, Keyword, "enum")
			p.OneOf = nil
		}
	}
	r.fields = append(r.fields, field{f.place, p})
}

// formats are the types for the formats of texts that the gate looks at. A
// password is a format for people who type it.
var formats = map[string]string{"": "text", "password": "text", "date": "date", "date-time": "datetime", "email": "email", "uuid": "uuid"}

func (r *reader) text(p *site.Parameter, f *facts) {
	p.Type = formats[f.format]
	if p.Type == "" {
		p.Type = "text"
		r.leave(f.place, Format, f.format)
	}
	p.Min, p.Max, p.Matches = max(f.least, 0), max(f.most, 0), f.pattern
	if f.most == 0 {
		r.leave(f.place, Keyword, "maxLength: 0")
	}
	if p.Max > 0 && p.Min > p.Max {
		r.leave(f.place, Conflict, "minLength")
		p.Min, p.Max = 0, 0
	}
}

// ranges are the bounds of formats of numbers (3.0.4 and 3.1.1, §Data Types).
var ranges = map[string][2]string{"int32": {"-2147483648", "2147483647"}, "int64": {"-9223372036854775808", "9223372036854775807"}}

func (r *reader) number(p *site.Parameter, f *facts) {
	p.From, p.To = f.from, f.to
	switch b, known := ranges[f.format]; {
	case known && p.Type == "integer":
		p.From, p.To = narrower(p.From, b[0], 1), narrower(p.To, b[1], -1)
	case f.format != "" && f.format != "float" && f.format != "double":
		r.leave(f.place, Format, f.format)
	}
	if p.From != "" && p.To != "" && site.Number(p.From).Cmp(site.Number(p.To)) > 0 {
		r.leave(f.place, Conflict, "minimum")
		p.From, p.To = "", ""
	}
}

// narrower returns that of two bounds which lets less through: the greater for a
// sign of 1, the lesser for -1. "" is none.
func narrower(a, b string, sign int) string {
	if a == "" || b != "" && site.Number(b).Cmp(site.Number(a)) == sign {
		return b
	}
	return a
}
