package shape

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/waf/required"
	"sekisho/internal/waf/seclang"
	"sekisho/internal/waf/transform"
)

// link is one condition of a rule.
type link struct {
	never   bool // by configuration
	opaque  bool // cannot be told: it may hold
	targets []target
	notes   []rule // those that must match for there to be anything to look at
	steps   []step
	holds   func(value string) bool
}

// target is what a link looks at.
type target struct {
	variable Variable
	key      string // lower case
	count    bool   // how many there are, not what they hold
}

// step is one transformation.
type step func(value string) string

func newLink(r *seclang.Rule, phase int, all []*seclang.Rule, settings map[string]string) link {
	l := link{holds: operator(r, settings)}
	if l.holds == nil || r.MultiMatch || len(r.Targets) == 0 {
		l.opaque = true
	}
	for _, name := range r.Transforms {
		s := newStep(name)
		if s == nil {
			l.opaque = true
		}
		l.steps = append(l.steps, s)
	}
	for _, name := range r.Targets {
		if strings.HasPrefix(name, "!") {
			continue // less than is looked at here
		}
		if value, ok := setting(name, settings); ok {
			// The configuration alone decides.
			l.never = len(r.Targets) == 1 && !l.opaque && !l.holds(l.after(value))
			l.opaque = true
			continue
		}
		if of, ok := strings.CutPrefix(name, "TX:"); ok && len(r.Targets) == 1 && !l.opaque {
			l.notes = noting(of, all, settings)
			l.opaque = len(l.notes) == 0
			continue
		}
		t, ok := newTarget(name)
		if !ok || phase == 1 && !t.variable.early() {
			l.opaque = true
		}
		l.targets = append(l.targets, t)
	}
	return l
}

// noting returns the rules that may set what TX:… selects, none if one of
// them cannot be told of: a link of the rule itself, or one that looks at notes
// in its turn.
func noting(of string, all []*seclang.Rule, settings map[string]string) []rule {
	var rules []rule
	for _, r := range all {
		if !sets(r, of) {
			continue
		}
		made := rule{id: r.ID}
		for _, l := range append([]*seclang.Rule{r}, r.Chain...) {
			if slices.ContainsFunc(l.Targets, func(t string) bool { return strings.Contains(t, "TX:") }) {
				return nil
			}
			made.links = append(made.links, newLink(l, r.Phase, nil, settings))
		}
		rules = append(rules, made)
	}
	return rules
}

// newTarget reads "REQUEST_HEADERS:Host" and "&ARGS". False: another variable,
// or keys by expression.
func newTarget(name string) (target, bool) {
	var t target
	name, t.count = strings.CutPrefix(name, "&")
	name, key, keyed := strings.Cut(name, ":")
	at := slices.Index(names[:], name)
	if at < 0 || keyed && (key == "" || key[0] == '/' || key[0] == '\'') {
		return t, false
	}
	t.variable, t.key = Variable(at), strings.ToLower(key)
	return t, true
}

// setting returns the value of a target that is a variable of the
// configuration, or the count of one that it might have set.
func setting(target string, settings map[string]string) (string, bool) {
	target, count := strings.CutPrefix(target, "&")
	name, found := strings.CutPrefix(target, "TX:")
	if !found {
		return "", false
	}
	value, set := settings[strings.ToLower(name)]
	switch {
	case !count:
		return value, set
	case set:
		return "1", true
	}
	return "0", settings[unset(name)] != ""
}

// unset is the name under which settings say that no rule sets a variable.
func unset(name string) string { return "!" + strings.ToLower(name) }

// Unset adds to settings that no rule and no configuration sets a variable.
func Unset(settings map[string]string, name string) { settings[unset(name)] = "unset" }

func newStep(name string) step {
	switch name {
	case "none":
		return func(v string) string { return v }
	case "length":
		return func(v string) string { return strconv.Itoa(len(v)) }
	}
	s := transform.Lookup(name)
	if s == nil {
		return nil
	}
	return func(v string) string {
		present := transform.Present([]byte(v))
		made, changed := s.Apply(nil, []byte(v), &present)
		if !changed {
			return v
		}
		return string(made)
	}
}

func (l *link) after(value string) string {
	for _, s := range l.steps {
		value = s(value)
	}
	return value
}

// may reports whether the link may hold for a request.
func (l *link) may(q Request) bool {
	if l.opaque {
		return true
	}
	for i := range l.notes {
		if l.notes[i].may(q) {
			return true
		}
	}
	for _, t := range l.targets {
		values := q.Values(t.variable, t.key)
		if t.count {
			if l.holds(l.after(strconv.Itoa(len(values)))) {
				return true
			}
			continue
		}
		for _, v := range values {
			if l.holds(l.after(v)) {
				return true
			}
		}
	}
	return false
}

// operator returns what a value must be for the rule's operator to match (or
// not to, if it is negated), nil if that is not known. It follows Coraza 3.8.
func operator(r *seclang.Rule, settings map[string]string) func(string) bool {
	argument, ok := expand(r.Argument, settings)
	if !ok {
		return nil
	}
	match := compile(r.Operator, argument)
	if match == nil || !r.Negated {
		return match
	}
	return func(v string) bool { return !match(v) }
}

func compile(operator, argument string) func(string) bool {
	switch operator {
	case "rx":
		re, err := regexp.Compile("(?sm)" + argument)
		if err != nil || required.NamesBytes(argument) {
			return nil
		}
		return re.MatchString
	case "streq":
		return func(v string) bool { return v == argument }
	case "within":
		return func(v string) bool { return strings.Contains(argument, v) }
	case "contains":
		return func(v string) bool { return strings.Contains(v, argument) }
	case "endsWith":
		return func(v string) bool { return strings.HasSuffix(v, argument) }
	case "beginsWith":
		return func(v string) bool { return strings.HasPrefix(v, argument) }
	case "validateByteRange":
		return byteRange(argument)
	}
	limit, _ := strconv.Atoi(argument) // 0 for no number, as the judge takes it
	number := func(v string) int { n, _ := strconv.Atoi(v); return n }
	switch operator {
	case "eq":
		return func(v string) bool { return number(v) == limit }
	case "gt":
		return func(v string) bool { return number(v) > limit }
	case "ge":
		return func(v string) bool { return number(v) >= limit }
	case "lt":
		return func(v string) bool { return number(v) < limit }
	}
	return nil
}

// byteRange returns the operator of that name, for "9,10,32-126", nil if it
// cannot be read.
func byteRange(argument string) func(string) bool {
	var valid [256]bool
	for part := range strings.SplitSeq(argument, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.ParseUint(low, 10, 8)
		to := from
		if ranged && err == nil {
			to, err = strconv.ParseUint(high, 10, 8)
		}
		if err != nil {
			return nil
		}
		for c := from; c <= to; c++ {
			valid[c] = true
		}
	}
	return func(v string) bool {
		for i := range len(v) {
			if !valid[v[i]] {
				return true
			}
		}
		return false
	}
}

var macro = regexp.MustCompile(`%\{([^}]+)\}`)

// expand puts the settings into an argument. False: it names something else.
func expand(argument string, settings map[string]string) (string, bool) {
	known := true
	argument = macro.ReplaceAllStringFunc(argument, func(m string) string {
		name, found := strings.CutPrefix(strings.ToLower(m[2:len(m)-1]), "tx.")
		value, set := settings[name]
		known = known && found && set
		return value
	})
	return argument, known
}
