package config

import (
	"errors"
	"testing"

	"sekisho/internal/fault"
)

// Any file of the rules of a site is compiled, alike each time, or refused with a
// code and a place.
func FuzzSiteRules(f *testing.F) {
	f.Add([]byte("exceptions:\n  - {rule: 942100, path: /search, target: 'ARGS:q', until: 2099-12-31, reason: explains SQL}\n"))
	f.Add([]byte("patches:\n  - {name: old, path: /a, method: POST, parameter: id, matches: '[^0-9]', until: 2099-12-31, reason: r}\n"))
	f.Add([]byte("parameters:\n  - {path: /plans, name: page, type: integer, max: 8}\n  - {template: '/o/{id}', except: [/o/new], method: GET, in: path, name: id, type: integer, from: '1'}\n"))
	f.Add([]byte("pages:\n  - {item: 0123456789abcdef, reason: r}\n"))
	f.Add([]byte("patches: [{until: &a [*a]}]"))
	f.Add([]byte("patches:\n ! 0")) // the library of YAML panics
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := SiteRulesText("rules.yaml", text)
		again, second := SiteRulesText("rules.yaml", text)
		if (err == nil) != (second == nil) || (rules == nil) != (again == nil) || (err == nil) != (rules != nil) {
			t.Fatalf("%q: %v, then %v", text, err, second)
		}
		if err == nil {
			return
		}
		var list fault.List
		var one *fault.Error
		if !errors.As(err, &list) && !errors.As(err, &one) {
			t.Errorf("%q: %v has no code", text, err)
		}
	})
}
