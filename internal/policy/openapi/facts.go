package openapi

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/policy/site"
)

// maxChain is how many schemas one may be in, references included.
const maxChain = 500

// facts are what schemas that hold together say of one value.
type facts struct {
	place
	broken      bool // a reference could not be followed: what is left out may narrow it
	typed       bool
	types       []string
	format      string
	enum        []*node // nil for any value
	pattern     string
	least, most int // characters; most is -1 for any, once something was read
	from, to    string
	keys        []string
	props       [][]place
	items       []place
	began       bool
}

// gather adds what a schema says.
func (r *reader) gather(f *facts, p place) {
	if !f.began {
		f.began, f.most = true, -1
	}
	if r.visits++; r.visits > maxVisits {
		return
	}
	if p.kind == boolean {
		if p.value == "false" {
			r.leave(p, Keyword, "false")
		}
		return
	}
	if p.kind != mapping {
		r.leave(p, Shape, "schema")
		f.broken = true
		return
	}
	if p.up.holds(p.node) {
		r.leave(p, Loop, "")
		f.broken = true
		return
	}
	p.up = &link{p.node, p.up, 1}
	if up := p.up.up; up != nil {
		p.up.depth += up.depth
	}
	if p.up.depth > maxChain {
		r.leave(p, Deep, "")
		f.broken = true
		return
	}
	if ref := p.get("$ref"); ref != nil {
		to, ok := r.follow(p, ref.value)
		if ok {
			r.gather(f, to)
		}
		f.broken = f.broken || !ok
		if r.old { // "$ref" stands alone in 3.0
			return
		}
	}
	for i, key := range p.keys {
		r.keyword(f, p, key, p.nodes[i])
	}
}

// silent are keywords that hold no value back, or that are read elsewhere.
var silent = strings.Fields(`$ref title description default example examples deprecated readOnly writeOnly nullable xml externalDocs
	$comment $defs $schema $id $anchor exclusiveMinimum exclusiveMaximum contentMediaType contentEncoding contentSchema`)

func (r *reader) keyword(f *facts, p place, key string, v *node) {
	switch key {
	case "type":
		r.types(f, p, v)
	case "allOf":
		for i := range v.nodes {
			r.gather(f, p.child(key).item(i))
		}
	case "anyOf", "oneOf":
		r.either(f, p.child(key))
	case "properties":
		f.properties(p.child(key))
	case "items":
		f.items = append(f.items, p.child(key))
	case "format":
		if f.format != "" && f.format != v.value {
			r.leave(p, Conflict, key)
			return
		}
		f.format = v.value
	case "enum":
		f.only(v.nodes)
	case "const":
		f.only([]*node{v})
	case "pattern":
		r.pattern(f, p, v)
	case "minLength", "maxLength":
		r.length(f, p, key, v)
	case "minimum", "maximum":
		r.bound(f, p, key, v)
	case "required":
		for _, name := range v.nodes {
			r.leave(p, Required, name.value)
		}
	case "additionalProperties":
		if v.kind == mapping && len(v.keys) > 0 || v.kind == boolean && v.value == "false" {
			r.leave(p, Keyword, key)
		}
	default:
		if !slices.Contains(silent, key) && !strings.HasPrefix(key, "x-") {
			r.leave(p, Keyword, key)
		}
	}
	if key == "exclusiveMinimum" || key == "exclusiveMaximum" {
		r.exclusive(f, p, key, v)
	}
}

// types takes a type, or one of several (3.1).
func (r *reader) types(f *facts, p place, v *node) {
	var said []string
	for _, one := range append([]*node{v}, v.nodes...) {
		if one.kind == text && one.value != "null" {
			said = append(said, one.value)
		}
	}
	if f.typed {
		both := slices.DeleteFunc(slices.Clone(f.types), func(t string) bool { return !slices.Contains(said, t) })
		if slices.Contains(said, "integer") && slices.Contains(f.types, "number") || slices.Contains(said, "number") && slices.Contains(f.types, "integer") {
			both = []string{"integer"}
		}
		if len(both) == 0 {
			r.leave(p, Conflict, "type")
			f.broken = true
		}
		said = both
	}
	f.typed, f.types = true, said
}

// either takes a choice of one, beside null, for that one; others are left.
func (r *reader) either(f *facts, p place) {
	only := -1
	for i, n := range p.nodes {
		if n.str("type") == "null" {
			continue
		}
		if only >= 0 {
			r.leave(p, Keyword, p.at[strings.LastIndexByte(p.at, '/')+1:])
			return
		}
		only = i
	}
	if only >= 0 {
		r.gather(f, p.item(only))
	}
}

func (f *facts) properties(p place) {
	for _, key := range p.keys {
		i := slices.Index(f.keys, key)
		if i < 0 {
			i = len(f.keys)
			f.keys, f.props = append(f.keys, key), append(f.props, nil)
		}
		f.props[i] = append(f.props[i], p.child(key))
	}
}

// only keeps the values of an enumeration that an earlier one has, too.
func (f *facts) only(values []*node) {
	if f.enum == nil {
		f.enum = append([]*node{}, values...)
		return
	}
	f.enum = slices.DeleteFunc(f.enum, func(n *node) bool {
		return !slices.ContainsFunc(values, func(v *node) bool { return v.kind == n.kind && v.value == n.value })
	})
}

func enumKind(n *node) string {
	switch n.kind {
	case text:
		return "string"
	case boolean:
		return "boolean"
	case number:
		if x := site.Number(n.value); x != nil && x.IsInt() {
			return "integer"
		}
		return "number"
	case null:
		return "null"
	}
	return "object"
}

func (f *facts) kindsOfEnum() (kinds []string) {
	for _, n := range f.enum {
		if kind := enumKind(n); kind != "null" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func (r *reader) pattern(f *facts, p place, v *node) {
	out, good := re2(v.value)
	switch {
	case v.kind != text || !good:
		r.leave(p, Pattern, v.value)
	case f.pattern != "" && f.pattern != out:
		r.leave(p, Conflict, "pattern")
	default:
		f.pattern = out
	}
}

func (r *reader) length(f *facts, p place, key string, v *node) {
	n, err := strconv.Atoi(v.value)
	switch {
	case err != nil || v.kind != number || n < 0:
		r.leave(p, Shape, key)
	case key == "minLength":
		f.least = max(f.least, n)
	case f.most < 0 || n < f.most:
		f.most = n
	}
}

func (r *reader) bound(f *facts, p place, key string, v *node) {
	switch {
	case v.kind != number || site.Number(v.value) == nil:
		r.leave(p, Shape, key)
	case key == "minimum":
		f.from = narrower(f.from, v.value, 1)
	default:
		f.to = narrower(f.to, v.value, -1)
	}
}

// exclusive takes a bound that does not pass itself: a number in 3.1, true beside
// the bound in 3.0. For integers the next one is the bound.
func (r *reader) exclusive(f *facts, p place, key string, v *node) {
	bound, step := "minimum", int64(1)
	if key == "exclusiveMaximum" {
		bound, step = "maximum", -1
	}
	if v.kind == boolean {
		if v.value == "false" {
			return
		}
		v = p.get(bound)
	}
	if v == nil || v.kind != number || site.Number(v.value) == nil {
		r.leave(p, Shape, key)
		return
	}
	next := site.Number(v.value)
	if !slices.Contains(f.types, "integer") && p.str("type") != "integer" || !next.IsInt() {
		r.leave(p, Open, key)
	} else {
		v = &node{kind: number, value: next.Add(next, big.NewRat(step, 1)).Num().String()}
	}
	r.bound(f, p, bound, v)
}
