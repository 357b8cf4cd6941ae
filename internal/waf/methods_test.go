package waf_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/waf"
	"sekisho/internal/waf/traffic"
)

// A site that names its methods has those and no others, and the rule set run
// whole with the same setting says the same of every request.
func TestMethodsAgreeWithOracle(t *testing.T) {
	all, err := traffic.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	usual, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	for _, methods := range [][]string{{"GET"}, {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}} {
		named, err := usual.Allowing(methods)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := waf.New(waf.Config{Methods: methods})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := waf.Whole(waf.Config{Methods: methods})
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, one := range all {
			want, err := whole.Request(one.Request)
			if err != nil {
				t.Fatal(err)
			}
			for what, e := range map[string]*waf.Engine{"shared": named, "of its own": fresh} {
				got, err := e.Request(one.Request)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(seen(want), seen(got)); diff != "" || got.Attack != want.Attack {
					t.Errorf("%v, %s, %s: attack %v, want %v (-oracle +engine):\n%s", methods, what, one.Name, got.Attack, want.Attack, diff)
				}
				unexpected := slices.ContainsFunc(got.Findings, func(f waf.Finding) bool { return f.Rule == waf.RuleMethods })
				if unexpected == slices.Contains(methods, one.Request.Method) {
					t.Errorf("%v, %s: %s of %s, unexpected: %t", methods, what, one.Request.Method, one.Name, unexpected)
				}
				if unexpected {
					refused++
				}
			}
		}
		if few := slices.Contains(methods, "PUT"); few == (refused > 0) {
			t.Errorf("%v: %d refused for their method", methods, refused)
		}
	}
	put := slices.IndexFunc(all, func(r traffic.Recording) bool { return r.Request.Method == "PUT" })
	if v, err := usual.Request(all[put].Request); err != nil || !v.Attack {
		t.Errorf("the engine that others were made of: %+v, %v, want PUT refused", v, err)
	}
	for _, bad := range []string{"get", "GET POST", "GET'", "", "%{tx.a}"} {
		if _, err := usual.Allowing([]string{bad}); err == nil {
			t.Errorf("%q is taken for a method", bad)
		}
	}
}
