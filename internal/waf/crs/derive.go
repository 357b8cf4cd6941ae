package crs

import (
	_ "embed"
	"fmt"
	"io/fs"
	"regexp/syntax"
	"slices"
	"strings"

	"sekisho/internal/waf/required"
	"sekisho/internal/waf/seclang"
	"sekisho/internal/waf/transform"
)

//go:embed own.conf
var own string

// Own is the number from which rules are ours.
const Own = 9_000_000

// Rules returns all rules, actions and markers of a rule set in the order in
// which they run, corrected for Japanese sites, and then our own. The folder is
// @owasp_crs of coraza-coreruleset.
func Rules(set fs.FS) ([]*seclang.Rule, error) {
	rules, err := Published(set)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		correct(r)
	}
	ours, err := seclang.Parse("own.conf", own)
	return append(rules, ours...), err
}

// Published returns the rules as their authors publish them.
func Published(set fs.FS) ([]*seclang.Rule, error) {
	names, err := fs.Glob(set, "@owasp_crs/*.conf")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []*seclang.Rule
	for _, name := range names {
		text, err := fs.ReadFile(set, name)
		if err != nil {
			return nil, err
		}
		rules, err := seclang.Parse(name, string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, rules...)
	}
	return all, nil
}

// Derive makes the table of a rule set.
func Derive(set fs.FS) (*Table, error) {
	rules, err := Rules(set)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for _, r := range rules {
		if v := r.Value("ver"); t.Version == "" && strings.HasPrefix(v, "OWASP_CRS/") {
			t.Version = v
		}
		if r.Paranoia == 0 || r.Operator == "" || r.Phase == 5 {
			continue // it counts, skips or prepares
		}
		s, err := search(set, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("rule %d: %w", r.ID, err)
		case s != nil:
			t.Searches = append(t.Searches, *s)
		default:
			t.Rest = append(t.Rest, r.ID)
		}
	}
	slices.Sort(t.Rest)
	return t, nil
}

// tooCommon is the chance of a formula above which a first look is no use.
const tooCommon = 0.999

// search returns nil for a rule that cannot be answered for by literals. Each
// link of a chain has to match, so that any of them will do.
func search(set fs.FS, r *seclang.Rule) (*Search, error) {
	s, err := one(set, r, r.Chain)
	for i := 0; i < len(r.Chain) && s == nil && err == nil; i++ {
		s, err = one(set, r.Chain[i], r.Chain[i+1:])
	}
	if s != nil {
		s.ID, s.Paranoia = r.ID, r.Paranoia
	}
	return s, err
}

// one is search for one link, after which others follow.
func one(set fs.FS, r *seclang.Rule, after []*seclang.Rule) (*Search, error) {
	s := &Search{Chains: chains(r)}
	for _, target := range r.Targets {
		if strings.HasPrefix(target, "!") {
			continue
		}
		kind := kindOf(target)
		if kind == 0 {
			return nil, nil
		}
		s.Kinds |= kind
	}
	if r.Negated || !known(r.Transforms) {
		return nil, nil
	}
	switch r.Operator {
	case "detectSQLi":
		s.Library = "sqli"
		return s, nil
	case "detectXSS":
		s.Library = "xss"
		return s, nil
	}
	var err error
	if s.Formula, err = formula(set, r, s); err != nil || s.Formula == nil {
		return nil, err
	}
	for _, link := range after {
		if err := s.narrow(set, link); err != nil {
			return nil, err
		}
	}
	if s.Formula.Chance() > tooCommon && s.Erased == nil {
		return nil, nil
	}
	return s, nil
}

// narrow adds what a link of a chain asks of the value that matched.
func (s *Search) narrow(set fs.FS, link *seclang.Rule) error {
	if len(link.Targets) == 0 || link.Negated || len(link.Transforms) > 0 {
		return nil
	}
	for _, target := range link.Targets {
		if target != "MATCHED_VARS" && target != "MATCHED_VAR" {
			return nil
		}
	}
	f, err := formula(set, link, &Search{})
	if err != nil || f == nil {
		return err
	}
	s.Formula = required.Both(s.Formula, f)
	return nil
}

// formula returns what a value needs for the operator to match, nil if that
// cannot be told.
func formula(set fs.FS, r *seclang.Rule, s *Search) (*required.Formula, error) {
	switch r.Operator {
	case "rx":
		return s.expression(r.Argument)
	case "contains", "streq", "beginsWith", "endsWith", "within":
		if strings.Contains(r.Argument, "%{") || r.Operator == "within" || r.Argument == "" {
			return nil, nil
		}
		return required.Strings([]string{r.Argument}), nil
	case "pm":
		return required.Strings(strings.Fields(r.Argument)), nil
	case "pmFromFile":
		var all []string
		for _, name := range strings.Fields(r.Argument) {
			text, err := fs.ReadFile(set, "@owasp_crs/"+name)
			if err != nil {
				return nil, err
			}
			for line := range strings.Lines(string(text)) {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					all = append(all, line)
				}
			}
		}
		return required.Strings(all), nil
	}
	return nil, nil
}

// minGaps is how often an expression must allow the same bytes for it to be
// worth removing them.
const minGaps = 8

func (s *Search) expression(pattern string) (*required.Formula, error) {
	re, err := syntax.Parse("(?s)"+pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	language := required.Language{Bytes: required.NamesBytes(pattern)}
	s.Expression, s.Bytes = pattern, language.Bytes
	f := language.Of(re)
	if language.Bytes {
		return f, nil
	}
	best := 0.95
	for _, set := range required.Gaps(re, minGaps) {
		for _, guard := range []byte{0, '$'} {
			if guard != 0 && set[guard] {
				continue
			}
			if g := language.Erased(re, &set, guard); g.Chance() < best {
				best, s.Erase, s.Erased = g.Chance(), set, g
			}
		}
	}
	return f, nil
}

// chains returns the transformations after which a rule looks.
func chains(r *seclang.Rule) [][]string {
	if !r.MultiMatch {
		return [][]string{slices.Clone(r.Transforms)}
	}
	var all [][]string
	for i := range len(r.Transforms) + 1 {
		all = append(all, slices.Clone(r.Transforms[:i]))
	}
	return all
}

// known reports whether all transformations of a rule are ours.
func known(names []string) bool {
	for _, name := range names {
		if transform.Lookup(name) == nil {
			return false
		}
	}
	return true
}
