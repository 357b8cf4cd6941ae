package waf_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/waf"
	"sekisho/internal/waf/traffic"
)

// unusual is the rule that refuses methods which the rule set does not expect
// of a site: PUT, PATCH and DELETE among them.
const unusual = waf.RuleMethods

// refused are recordings that the rule set takes for an attack, and by which
// rules: no name of a file may have an apostrophe. An exception lets it pass.
var refused = map[string][]int{"curl-09-post-odd-file": {920120}}

// What ordinary programs send ends alike with and without a first look, and
// nothing else of it is an attack than what the rule set itself refuses: one
// request, and methods that a site with such an API excepts.
func TestTrafficAgreesWithOracle(t *testing.T) {
	all, err := traffic.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	excepting, err := waf.New(waf.Config{Except: []int{unusual}})
	if err != nil {
		t.Fatal(err)
	}
	met := 0
	for _, one := range all {
		got, want := both(t, one.Request, nil)
		if diff := cmp.Diff(seen(want), seen(got)); diff != "" || got.Attack != want.Attack {
			t.Errorf("%s: attack %v, want %v (-oracle +engine):\n%s", one.Name, got.Attack, want.Attack, diff)
		}
		rules := refused[one.Name]
		met += len(rules)
		if diff := cmp.Diff(rules, critical(t, excepting, one.Request)); diff != "" {
			t.Errorf("%s, any method (-want +got):\n%s", one.Name, diff)
		}
		if !slices.Contains([]string{"GET", "HEAD", "POST", "OPTIONS"}, one.Request.Method) {
			rules = append([]int{unusual}, rules...)
		}
		if got.Attack != (len(rules) > 0) {
			t.Errorf("%s: attack %v, want rules %v: %+v", one.Name, got.Attack, rules, got.Findings)
		}
	}
	if met != len(refused) {
		t.Errorf("%d of %d recordings that the rule set refuses are there", met, len(refused))
	}
}

// critical are the rules by which a request is an attack.
func critical(t *testing.T, e *waf.Engine, r *waf.Request) (rules []int) {
	t.Helper()
	v, err := e.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Attack {
		return nil
	}
	for _, f := range v.Findings {
		rules = append(rules, f.Rule)
	}
	return rules
}
