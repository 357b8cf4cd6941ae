// Package shape tells of the rules about a request as a whole (its method and
// protocol, which headers there are and what they hold, lengths and counts)
// which cannot match. It runs no rule: it asks each link of a rule what a value
// must be, and where it cannot tell, the rule may match and is left to the
// judge. What the judge then denies is remembered by the values that the rule
// depends on: the same browsers send the same headers in every request.
package shape

import (
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/waf/seclang"
)

// Variable is a variable of the rule language that a request gives.
type Variable uint8

const (
	Method       Variable = iota // REQUEST_METHOD
	Line                         // REQUEST_LINE
	Protocol                     // REQUEST_PROTOCOL
	Headers                      // REQUEST_HEADERS
	HeadersNames                 // REQUEST_HEADERS_NAMES
	Filename                     // REQUEST_FILENAME
	URIRaw                       // REQUEST_URI_RAW
	BodyLength                   // REQUEST_BODY_LENGTH
	Args                         // ARGS
	ArgsNames                    // ARGS_NAMES
	ArgsSize                     // ARGS_COMBINED_SIZE
	Files                        // FILES
	FilesNames                   // FILES_NAMES
	FilesSize                    // FILES_COMBINED_SIZE
	PartHeaders                  // MULTIPART_PART_HEADERS
	variables
)

var names = [variables]string{
	"REQUEST_METHOD", "REQUEST_LINE", "REQUEST_PROTOCOL", "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "REQUEST_FILENAME",
	"REQUEST_URI_RAW", "REQUEST_BODY_LENGTH", "ARGS", "ARGS_NAMES", "ARGS_COMBINED_SIZE", "FILES", "FILES_NAMES",
	"FILES_COMBINED_SIZE", "MULTIPART_PART_HEADERS",
}

// early reports whether a variable is whole when the header of a request has
// been read, in phase 1.
func (v Variable) early() bool { return v < BodyLength }

// Request gives the values of a variable as the judge has them, all of them or
// those of one key, in an order that does not change.
type Request interface {
	Values(v Variable, key string) []string
}

// Rules are the rules of one configuration, for many goroutines.
type Rules struct {
	rules  []rule
	common rule   // reads what the rules at steady look at, together
	steady []rule // those about what a browser sends in every request
	denied *denied
}

// rule is a rule that is not excluded by the configuration.
type rule struct {
	id    int
	links []link
	// pure says that nothing but the values of reads decides whether it matches.
	pure  bool
	reads []target
}

// New prepares rules. All are the rules that are run beside them, settings the
// variables of the collection TX that the configuration sets, by lower-case
// name, and that no rule changes.
func New(rules, all []*seclang.Rule, settings map[string]string) *Rules {
	r := &Rules{denied: newDenied()}
	for _, from := range rules {
		if from.Phase > 2 {
			continue // of responses
		}
		made := rule{id: from.ID, pure: true}
		for _, l := range append([]*seclang.Rule{from}, from.Chain...) {
			made.links = append(made.links, newLink(l, from.Phase, all, settings))
		}
		if slices.ContainsFunc(made.links, func(l link) bool { return l.never }) {
			continue
		}
		made.reads, made.pure = depends(from, all, settings)
		if !made.pure || slices.ContainsFunc(made.reads, target.varies) {
			r.rules = append(r.rules, made)
			continue
		}
		r.steady = append(r.steady, made)
		for _, t := range made.reads {
			if !slices.Contains(r.common.reads, t) {
				r.common.reads = append(r.common.reads, t)
			}
		}
	}
	return r
}

// varies reports whether a target differs from request to request.
func (t target) varies() bool {
	switch t.variable {
	case Method, Protocol, HeadersNames:
		return false
	case Headers:
		return t.key == "" || t.key == "content-length" || t.key == "cookie" || t.key == "referer"
	}
	return true
}

// Open is a rule that may match a request.
type Open struct {
	rule *rule
	key  string // of the values it depends on, "" if it is not to be remembered
}

// Open returns the rules that may match a request.
func (r *Rules) Open(q Request) []Open {
	open := r.open(nil, r.rules, q)
	key := r.common.key(q)
	if key != "" && r.denied.has(key) {
		return open
	}
	varying := len(open)
	if open = r.open(open, r.steady, q); len(open) == varying && key != "" {
		r.denied.add(key)
	}
	return open
}

func (r *Rules) open(open []Open, rules []rule, q Request) []Open {
	for i := range rules {
		one := &rules[i]
		if !one.may(q) {
			continue
		}
		o := Open{rule: one}
		if one.pure {
			if o.key = one.key(q); o.key != "" && r.denied.has(o.key) {
				continue
			}
		}
		open = append(open, o)
	}
	return open
}

// Denied remembers that the judge has run an open rule and that it did not
// match.
func (r *Rules) Denied(o Open) {
	if o.key != "" {
		r.denied.add(o.key)
	}
}

// ID is the number of the rule.
func (o Open) ID() int { return o.rule.id }

func (r *rule) may(q Request) bool {
	for i := range r.links {
		if !r.links[i].may(q) {
			return false
		}
	}
	return true
}

// maxKey bounds the values that are remembered.
const maxKey = 1 << 10

// key writes down the values that a rule depends on, "" if they are too long.
func (r *rule) key(q Request) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(r.id))
	for _, t := range r.reads {
		for _, v := range q.Values(t.variable, t.key) {
			if b.Len()+len(v) > maxKey {
				return ""
			}
			b.WriteByte(' ')
			b.WriteString(strconv.Itoa(len(v)))
			b.WriteByte(':')
			b.WriteString(v)
		}
		b.WriteByte(';')
	}
	return b.String()
}
