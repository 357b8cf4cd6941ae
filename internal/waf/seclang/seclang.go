// Package seclang reads the directives of a ModSecurity rule file as far as
// somebody must who asks of a rule: which values does it look at, after which
// transformations, with which operator, and what does it add to which score?
// It does not run rules and knows nothing of a request; rules are kept with
// their exact text so that an engine can be given a part of a file.
//
// The language is described in the ModSecurity reference manual (v3.x,
// "Configuration Directives" and "Actions"); only what the OWASP Core Rule Set
// uses is understood, anything else is an error that names the line.
package seclang

import (
	"fmt"
	"strconv"
	"strings"
)

// Rule is one SecRule with its chain, one SecAction or one SecMarker.
type Rule struct {
	// ID is 0 for a marker and for a link of a chain.
	ID int
	// Phase is 1 to 5; a link of a chain has that of its first rule.
	Phase int
	// Paranoia is the level named by the tag paranoia-level/N, else 0.
	Paranoia int
	// Targets are the variables, "REQUEST_COOKIES" or
	// "!REQUEST_COOKIES:/__utm/" or "&ARGS", in their order. None for an action.
	Targets []string
	// Operator is its name without "@" ("rx"), "" for an action or marker.
	Operator string
	// Negated says that the rule matches when the operator does not.
	Negated bool
	// Argument is what the operator is given.
	Argument string
	// Transforms are the t: actions, lower case, in their order; none empties.
	Transforms []string
	// MultiMatch says that the operator sees the value after every step.
	MultiMatch bool
	// Actions are all others as name and value; quotes are gone.
	Actions []Action
	// Chain holds the links that follow, in order.
	Chain []*Rule
	// Marker is the name of a SecMarker.
	Marker string
	// Text is the directive with its chain, as written.
	Text string
	// Line is where it begins, from 1.
	Line int
}

// Action is one action of a rule that is no transformation.
type Action struct{ Name, Value string }

// Value returns the value of the first action of a name, "" for none.
func (r *Rule) Value(name string) string {
	for _, a := range r.Actions {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Has reports whether the rule has an action of a name.
func (r *Rule) Has(name string) bool {
	for _, a := range r.Actions {
		if a.Name == name {
			return true
		}
	}
	return false
}

// Parse returns the rules, actions and markers of a file in their order.
// Other directives are passed over. The name is used in errors only.
func Parse(name, text string) ([]*Rule, error) {
	var (
		rules []*Rule
		head  *Rule // of an open chain
	)
	for line, at, rest := next(text, 1); line != ""; line, at, rest = next(rest, at) {
		begin := at - strings.Count(line, "\n") - 1
		r, err := directive(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, begin, err)
		}
		if r == nil {
			continue
		}
		r.Line = begin
		if head == nil {
			rules = append(rules, r)
			if r.Has("chain") {
				head = r
			}
			continue
		}
		r.Phase, r.Paranoia = head.Phase, head.Paranoia
		head.Chain = append(head.Chain, r)
		head.Text += "\n" + r.Text
		if !r.Has("chain") {
			head = nil
		}
	}
	if head != nil {
		return nil, fmt.Errorf("%s:%d: the chain of rule %d has no end", name, head.Line, head.ID)
	}
	return rules, nil
}

// next returns the next logical line (continued by a backslash at its end)
// that is no comment, and the number of the line after it.
func next(text string, at int) (line string, after int, rest string) {
	for text != "" {
		physical, tail, _ := strings.Cut(text, "\n")
		at++
		text = tail
		trimmed := strings.TrimSpace(physical)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		line = physical
		for strings.HasSuffix(strings.TrimRight(physical, " \t\r"), `\`) && text != "" {
			physical, tail, _ = strings.Cut(text, "\n")
			at++
			text = tail
			line += "\n" + physical
		}
		return line, at, text
	}
	return "", at, ""
}

// directive reads one logical line; nil for what is neither rule nor marker.
func directive(text string) (*Rule, error) {
	words, err := split(join(text))
	if err != nil {
		return nil, err
	}
	r := &Rule{Text: text}
	switch words[0] {
	case "SecMarker":
		if len(words) != 2 {
			return nil, fmt.Errorf("SecMarker has %d arguments, want 1", len(words)-1)
		}
		r.Marker = words[1]
		return r, nil
	case "SecAction":
		if len(words) != 2 {
			return nil, fmt.Errorf("SecAction has %d arguments, want 1", len(words)-1)
		}
		return r, r.actions(words[1])
	case "SecRule":
		if len(words) != 3 && len(words) != 4 {
			return nil, fmt.Errorf("SecRule has %d arguments, want 2 or 3", len(words)-1)
		}
		r.Targets = targets(words[1])
		r.operator(words[2])
		if len(words) == 4 {
			return r, r.actions(words[3])
		}
		return r, nil
	}
	return nil, nil
}

// join removes line ends that a backslash continues, and the blanks after.
func join(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			line = strings.TrimLeft(line, " \t")
		}
		line = strings.TrimRight(line, " \t\r")
		if cut, ok := strings.CutSuffix(line, `\`); ok {
			line = cut
		}
		b.WriteString(line)
	}
	return b.String()
}

// split returns the words of a directive; in quotes \" stands for a quote and
// every other backslash for itself.
func split(line string) ([]string, error) {
	var words []string
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ', '\t':
			i++
		case '"':
			var b strings.Builder
			i++
			for ; ; i++ {
				if i >= len(line) {
					return nil, fmt.Errorf("a quotation has no end")
				}
				if line[i] == '\\' && i+1 < len(line) {
					if line[i+1] != '"' {
						b.WriteByte('\\')
						if line[i+1] == '\\' {
							b.WriteByte('\\')
							i++
						}
						continue
					}
					i++
				} else if line[i] == '"' {
					i++
					break
				}
				b.WriteByte(line[i])
			}
			words = append(words, b.String())
		default:
			end := strings.IndexAny(line[i:], " \t")
			if end < 0 {
				end = len(line) - i
			}
			words = append(words, line[i:i+end])
			i += end
		}
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("an empty directive")
	}
	return words, nil
}

// targets splits at "|" outside of /…/.
func targets(s string) []string {
	var (
		all   []string
		begin int
		regex bool
	)
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '/' && (regex && s[i-1] != '\\' || i > 0 && s[i-1] == ':'):
			regex = !regex
		case s[i] == '|' && !regex:
			all = append(all, s[begin:i])
			begin = i + 1
		}
	}
	return append(all, s[begin:])
}

func (r *Rule) operator(s string) {
	if cut, ok := strings.CutPrefix(s, "!"); ok {
		r.Negated = true
		s = cut
	}
	cut, ok := strings.CutPrefix(s, "@")
	if !ok {
		r.Operator, r.Argument = "rx", s
		return
	}
	r.Operator, r.Argument, _ = strings.Cut(cut, " ")
	r.Argument = strings.TrimSpace(r.Argument)
}

func (r *Rule) actions(s string) error {
	for s != "" {
		var item string
		item, s = action(s)
		name, value, _ := strings.Cut(item, ":")
		name = strings.TrimSpace(name)
		value = strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
			value = value[1 : len(value)-1]
		}
		var err error
		switch strings.ToLower(name) {
		case "":
			continue
		case "id":
			r.ID, err = strconv.Atoi(value)
		case "phase":
			r.Phase, err = phase(value)
		case "t":
			if t := strings.ToLower(value); t == "none" {
				r.Transforms = nil
			} else {
				r.Transforms = append(r.Transforms, t)
			}
			continue
		case "multimatch":
			r.MultiMatch = true
		case "tag":
			if level, ok := strings.CutPrefix(value, "paranoia-level/"); ok {
				r.Paranoia, err = strconv.Atoi(level)
			}
		}
		if err != nil {
			return fmt.Errorf("action %q: %w", item, err)
		}
		r.Actions = append(r.Actions, Action{Name: name, Value: value})
	}
	return nil
}

func phase(s string) (int, error) {
	switch s {
	case "request":
		return 2, nil
	case "response":
		return 4, nil
	case "logging":
		return 5, nil
	}
	return strconv.Atoi(s)
}

// action cuts the first action off a list: up to a comma outside of '…'.
func action(s string) (item, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '\'':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
