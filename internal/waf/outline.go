package waf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"sekisho/internal/waf/seclang"
	"sekisho/internal/waf/shape"
)

// outline prepares the rules that no literal can answer for.
func (s *set) outline(ids []int) (*shape.Rules, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	var rules []*seclang.Rule
	for _, r := range s.rules {
		if r.ID != 0 && slices.Contains(ids, r.ID) && !prepares(r) {
			rules = append(rules, r)
		}
	}
	return shape.New(rules, s.rules, settings), nil
}

// settings returns the variables that the prelude sets and no rule changes,
// and names those that nobody sets.
func (s *set) settings() (map[string]string, error) {
	prelude, err := seclang.Parse("settings", strings.Replace(s.prelude, "LISTS", s.lists(), 1))
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, value := range notes(prelude) {
		all[name] = value
	}
	changed := map[string]string{}
	for _, r := range s.rules {
		if !serves(r) {
			for name := range notes([]*seclang.Rule{r}) {
				changed[name] = ""
				delete(all, name)
			}
		}
	}
	for _, r := range s.rules {
		for _, target := range r.Targets {
			name, counts := strings.CutPrefix(target, "&TX:")
			if name = strings.ToLower(name); !counts || strings.Contains(name, "/") {
				continue
			}
			_, set := all[name]
			_, may := changed[name]
			if !set && !may {
				shape.Unset(all, name)
			}
		}
	}
	return all, nil
}

// notes yields the variables of the collection TX that rules set.
func notes(rules []*seclang.Rule) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, r := range rules {
			for _, link := range append([]*seclang.Rule{r}, r.Chain...) {
				for _, a := range link.Actions {
					name, value, _ := strings.Cut(strings.TrimPrefix(a.Value, "!"), "=")
					if name, of := strings.CutPrefix(strings.ToLower(name), "tx."); a.Name == "setvar" && of && !yield(name, value) {
						return
					}
				}
			}
		}
	}
}

// outlined gives the rules about a request as a whole what the judge has read.
type outlined struct {
	of    plugintypes.TransactionVariables
	known [shapeVariables]bool
	all   [shapeVariables][]string
}

const shapeVariables = int(shape.PartHeaders) + 1

// Values implements [shape.Request].
func (o *outlined) Values(v shape.Variable, key string) []string {
	switch {
	case key == "":
		if !o.known[v] {
			o.known[v], o.all[v] = true, valuesOf(o.collection(v))
		}
		return o.all[v]
	case v == shape.Headers:
		return o.of.RequestHeaders().Get(key)
	}
	of, keyed := o.collection(v).(collection.Keyed)
	if !keyed {
		return nil
	}
	return texts(of.FindString(key))
}

func (o *outlined) collection(v shape.Variable) collection.Collection {
	switch v {
	case shape.Method:
		return o.of.RequestMethod()
	case shape.Line:
		return o.of.RequestLine()
	case shape.Protocol:
		return o.of.RequestProtocol()
	case shape.Headers:
		return o.of.RequestHeaders()
	case shape.HeadersNames:
		return o.of.RequestHeadersNames()
	case shape.Filename:
		return o.of.RequestFilename()
	case shape.URIRaw:
		return o.of.RequestURIRaw()
	case shape.BodyLength:
		return o.of.RequestBodyLength()
	case shape.Args:
		return o.of.Args()
	case shape.ArgsNames:
		return o.of.ArgsNames()
	case shape.ArgsSize:
		return o.of.ArgsCombinedSize()
	case shape.Files:
		return o.of.Files()
	case shape.FilesNames:
		return o.of.FilesNames()
	case shape.FilesSize:
		return o.of.FilesCombinedSize()
	}
	return o.of.MultipartPartHeaders()
}

// valuesOf returns all values of a collection, in the order of their keys.
func valuesOf(c collection.Collection) []string {
	if one, ok := c.(collection.Single); ok {
		return []string{one.Get()}
	}
	all := texts(c.FindAll())
	slices.Sort(all) // the judge takes them from a map
	return all
}

func texts(all []types.MatchData) []string {
	values := make([]string, len(all))
	for i, m := range all {
		values[i] = m.Value()
	}
	return values
}

// learn remembers the open rules that the judge has run and denied. One that
// another rule took out of its sight has not been run.
func (e *Engine) learn(open []shape.Open, tx types.Transaction) {
	matched := map[int]bool{}
	for _, m := range tx.MatchedRules() {
		matched[m.Rule().ID()] = true
	}
	for _, o := range open {
		steered := slices.ContainsFunc(e.steers[o.ID()], func(id int) bool { return matched[id] })
		if !matched[o.ID()] && !steered {
			e.shape.Denied(o)
		}
	}
}

// steering returns the rules that may keep a rule from being run, or take
// values out of its sight, when they match.
func (s *set) steering(ids []int) map[int][]int {
	by := map[int][]int{}
	for i, r := range s.rules {
		if r.ID == 0 {
			continue
		}
		for _, of := range s.rules {
			if slices.Contains(ids, of.ID) && (s.skips(i, []int{of.ID}) || removes(r, of)) {
				by[of.ID] = append(by[of.ID], r.ID)
			}
		}
	}
	return by
}

// removes reports whether a rule takes another, or some of its values, out of
// sight (ctl:ruleRemove…).
func removes(r, of *seclang.Rule) bool {
	for _, link := range append([]*seclang.Rule{r}, r.Chain...) {
		for _, a := range link.Actions {
			what, value, _ := strings.Cut(a.Value, "=")
			if a.Name != "ctl" || !strings.HasPrefix(what, "ruleRemove") {
				continue
			}
			value, _, _ = strings.Cut(value, ";")
			if strings.HasSuffix(what, "ByTag") {
				if slices.Contains(of.Actions, seclang.Action{Name: "tag", Value: value}) {
					return true
				}
				continue
			}
			if id, err := strconv.Atoi(value); err != nil || id == of.ID {
				return true // or a range
			}
		}
	}
	return false
}
