package site

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Where a field of a template stands.
const (
	InQuery  = "query"
	InBody   = "body" // a form or JSON
	InPath   = "path"
	InHeader = "header"
	InCookie = "cookie"
)

// types are what a field may hold, from the narrowest to the widest.
var types = []kind{
	{"integer", regexp.MustCompile(`^[+-]?[0-9]{1,20}$`)}, // 20: of 64 bits without a sign
	{"decimal", regexp.MustCompile(`^[+-]?[0-9]{1,18}(\.[0-9]{1,18})?$`)},
	{"date", regexp.MustCompile(`^[0-9]{4}[-/]?[0-9]{1,2}[-/]?[0-9]{1,2}$`)},
	{"word", regexp.MustCompile(`^[0-9A-Za-z_-]*$`)},
	{"phone", regexp.MustCompile(`^[0-9+() -]{0,20}$`)},
	{"email", regexp.MustCompile(`^[0-9A-Za-z.!#$%&*+/=?^_{|}~-]+@[0-9A-Za-z.-]+$`)},
	{"name", regexp.MustCompile(`^[\pL\pM\pN ・･ー・'’.\x{3000}-]*$`)},
	{"text", nil},
}

// exact are types that are written or imported and never learned: a few values
// do not tell them from wider ones.
var exact = []kind{
	{"number", regexp.MustCompile(`^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?$`)}, // RFC 8259 §6
	{"boolean", regexp.MustCompile(`^(true|false)$`)},
	{"uuid", regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)},                                                        // RFC 9562 §4
	{"datetime", regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,20})?([Zz]|[+-][0-9]{2}:[0-9]{2})$`)}, // RFC 3339 §5.6
}

type kind struct {
	name string
	is   *regexp.Regexp
}

// Types returns the names of the types: first those that are learned, the
// narrowest first.
func Types() []string {
	var names []string
	for _, t := range slices.Concat(types, exact) {
		names = append(names, t.name)
	}
	return names
}

// numeric reports whether the values of a type are numbers.
func numeric(name string) bool { return name == "integer" || name == "decimal" || name == "number" }

// parameter is one that is ready.
type parameter struct {
	Parameter
	is, matches *regexp.Regexp
	from, to    *big.Rat   // nil for none
	numbers     []*big.Rat // OneOf, of numbers
}

// allows reports whether a field may hold a value. An empty one is always
// allowed: forms send fields that nobody filled in.
func (p *parameter) allows(value string) bool {
	if value == "" {
		return true
	}
	if p.Max > 0 || p.Min > 0 {
		if n := utf8.RuneCountInString(value); p.Max > 0 && n > p.Max || n < p.Min {
			return false
		}
	}
	if p.is != nil && !p.is.MatchString(value) || p.matches != nil && !p.matches.MatchString(value) {
		return false
	}
	if p.from == nil && p.to == nil && p.numbers == nil {
		return len(p.OneOf) == 0 || slices.Contains(p.OneOf, value)
	}
	n, ok := new(big.Rat).SetString(value) // of a length and an exponent that its type bounds
	switch {
	case !ok, p.from != nil && n.Cmp(p.from) < 0, p.to != nil && n.Cmp(p.to) > 0:
		return false
	}
	return p.numbers == nil || slices.ContainsFunc(p.numbers, func(one *big.Rat) bool { return n.Cmp(one) == 0 })
}

func (p *Parameter) compile(at string) (parameter, error) {
	made := parameter{Parameter: *p}
	wrong := []error{p.Where.check(at)}
	if p.Name == "" {
		wrong = append(wrong, &Problem{at + ".name", "the name of the field is missing", "write it as the page sends it"})
	}
	switch {
	case p.Max < 0:
		wrong = append(wrong, &Problem{at + ".max", "a length cannot be negative", "leave it out for any length"})
	case p.Min < 0 || p.Max > 0 && p.Min > p.Max:
		wrong = append(wrong, &Problem{at + ".min", "no length is of at least min and at most max", "leave it out for any length"})
	}
	if p.Template == "" && (p.In != "" || p.Method != "" || len(p.Except) > 0) {
		wrong = append(wrong, &Problem{at + ".template", "in, method and except need a template", "write the whole path, such as /orders/{id}"})
	}
	i := slices.IndexFunc(slices.Concat(types, exact), func(t kind) bool { return t.name == p.Type })
	if i < 0 {
		wrong = append(wrong, &Problem{at + ".type", fmt.Sprintf("%q is no type", p.Type), "write one of " + strings.Join(Types(), ", ")})
	} else {
		made.is = slices.Concat(types, exact)[i].is
		wrong = append(wrong, made.bounds(at))
	}
	return made, errors.Join(wrong...)
}

// bounds compiles what a value must match, reach or be.
func (p *parameter) bounds(at string) error {
	var wrong []error
	var err error
	if p.Matches != "" {
		if p.matches, err = regexp.Compile(p.Matches); err != nil {
			wrong = append(wrong, &Problem{at + ".matches", "it is no regular expression: " + err.Error(), "see https://github.com/google/re2/wiki/Syntax"})
		}
	}
	if (p.From != "" || p.To != "") && !numeric(p.Type) {
		wrong = append(wrong, &Problem{at + ".type", "from and to are of numbers", "write integer, decimal or number"})
	}
	for _, b := range []struct {
		key, text string
		to        **big.Rat
	}{{"from", p.From, &p.from}, {"to", p.To, &p.to}} {
		if b.text == "" {
			continue
		}
		if *b.to = Number(b.text); *b.to == nil {
			wrong = append(wrong, &Problem{at + "." + b.key, "it is no number", "write for example 1 or 0.5"})
		}
	}
	if !numeric(p.Type) {
		return errors.Join(wrong...)
	}
	for i, v := range p.OneOf {
		n := Number(v)
		if n == nil {
			wrong = append(wrong, &Problem{fmt.Sprintf("%s.one_of[%d]", at, i), "it is no number", "write for example 1 or 0.5"})
		}
		p.numbers = append(p.numbers, n)
	}
	return errors.Join(wrong...)
}

// Number reads a number as the type number has them; nil for none.
func Number(text string) *big.Rat {
	if !exact[0].is.MatchString(text) {
		return nil
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return n
}

// place makes the route of a parameter with a template, or finds it.
func (r *Rules) place(made parameter, at string) error {
	p := &made.Parameter
	t, what := templateOf(p.Template)
	one := &route{host: p.Host, method: strings.ToUpper(p.Method), template: t}
	var wrong []error
	if p.Path != "" {
		wrong = append(wrong, &Problem{at + ".path", "it has a path and a template", "keep one: path is a beginning, template a whole path"})
	}
	if what != "" {
		wrong = append(wrong, &Problem{at + ".template", what, "write for example /orders/{id}"})
	}
	switch {
	case !slices.Contains([]string{"", InQuery, InBody, InPath, InHeader, InCookie}, p.In):
		wrong = append(wrong, &Problem{at + ".in", fmt.Sprintf("%q is no place of a field", p.In), "write query, body, path, header or cookie"})
	case what == "" && p.In == InPath && !t.has(p.Name):
		wrong = append(wrong, &Problem{at + ".name", "the template has no part of this name", "write it as between { and } of the template"})
	}
	for i, text := range p.Except {
		e, what := templateOf(text)
		if what != "" {
			wrong = append(wrong, &Problem{fmt.Sprintf("%s.except[%d]", at, i), what, "write for example /orders/{id}"})
		}
		one.except = append(one.except, e)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	key := strings.Join(append([]string{p.Host, p.Method, p.Template}, p.Except...), "\n")
	if r.known[key] == nil {
		if r.routes == nil {
			r.routes, r.known = map[int][]*route{}, map[string]*route{}
		}
		r.routes[len(t)] = append(r.routes[len(t)], one)
		r.known[key] = one
	}
	r.known[key].parameters = append(r.known[key].parameters, made)
	return nil
}

// Same returns what two names have in common that a parameter takes for one.
func Same(name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "? \t\r\n\v\f"), "\x00")
	return strings.ToLower(strings.ToUpper(underscored.Replace(name)))
}
