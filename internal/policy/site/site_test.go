package site

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	today = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	why   = Why{Until: "2026-12-31", Reason: "a test"}
)

func mustCompile(t *testing.T, src *Source) *Rules {
	t.Helper()
	r, err := Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExcepted(t *testing.T) {
	r := mustCompile(t, &Source{Exceptions: []Exception{
		{Where: Where{Host: "shop.example.jp", Path: "/contact"}, Rule: 942100, Target: "ARGS:comment", Why: why},
		{Rule: 920350, Why: why},
	}})
	end := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		host, path string
		rule       int
		target     string
		now        time.Time
		want       bool
	}{
		{"shop.example.jp", "/contact", 942100, "ARGS:comment", today, true},
		{"SHOP.example.jp", "/contact/form", 942100, "args:Comment", today, true},
		{"shop.example.jp", "/contact", 942100, "ARGS:name", today, false},
		{"shop.example.jp", "/contact", 942101, "ARGS:comment", today, false},
		{"shop.example.jp", "/", 942100, "ARGS:comment", today, false},
		{"other.example.jp", "/contact", 942100, "ARGS:comment", today, false},
		{"other.example.jp", "/", 920350, "REQUEST_HEADERS:Host", today, true},
		{"shop.example.jp", "/contact", 942100, "ARGS:comment", end, true},
		{"shop.example.jp", "/contact", 942100, "ARGS:comment", end.Add(time.Second), false},
	} {
		if got := r.Excepted(c.host, c.path, c.rule, c.target, c.now); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if (*Rules)(nil).Excepted("", "", 1, "", today) {
		t.Error("without rules something is excepted")
	}
}

func TestCheck(t *testing.T) {
	r := mustCompile(t, &Source{
		Patches: []Patch{
			{Name: "old-api", Where: Where{Path: "/api/v1/export"}, Why: why},
			{Name: "order-id", Where: Where{Path: "/orders"}, Method: "POST", Parameter: "id", Matches: `[^0-9]`, Why: why},
			{Name: "ended", Where: Where{Path: "/"}, Parameter: "x", Why: Why{Until: "2026-11-21", Reason: "mended"}},
		},
		Parameters: []Parameter{
			{Where: Where{Path: "/plans"}, Name: "id", Type: "integer"},
			{Where: Where{Path: "/plans"}, Name: "to", Type: "date"},
			{Where: Where{Path: "/guests"}, Name: "guest.name", Type: "name", Max: 5},
		},
	})
	for _, c := range []struct {
		name string
		q    Request
		want string
	}{
		{"a path that is shut", Request{Path: "/api/v1/export/all", Method: "GET"}, "patch/old-api"},
		{"a field that is patched", Request{Path: "/orders", Method: "POST", Fields: []Field{{"id", "1 or 1"}}}, "patch/order-id"},
		{"another method", Request{Path: "/orders", Method: "GET", Fields: []Field{{"id", "1 or 1"}}}, ""},
		{"a patch that has ended", Request{Path: "/", Fields: []Field{{"x", "1"}}}, ""},
		{"a number", Request{Path: "/plans", Fields: []Field{{"id", "12"}}}, ""},
		{"nothing filled in", Request{Path: "/plans", Fields: []Field{{"id", ""}}}, ""},
		{"a tautology that no rule set knows", Request{Path: "/plans", Fields: []Field{{"id", "0 or 1"}}}, "parameter/integer"},
		{"one of two", Request{Path: "/plans", Fields: []Field{{"id", "1"}, {"id", "0 union values(1,2)"}}}, "parameter/integer"},
		{"a line after the number", Request{Path: "/plans", Fields: []Field{{"id", "1\n or 1"}}}, "parameter/integer"},
		{"a day", Request{Path: "/plans", Fields: []Field{{"to", "2026-12-01"}}}, ""},
		{"no day", Request{Path: "/plans", Fields: []Field{{"to", "tomorrow"}}}, "parameter/date"},
		{"a name", Request{Path: "/guests", Fields: []Field{{"guest.name", "佐藤　花"}}}, ""},
		{"too long a name", Request{Path: "/guests", Fields: []Field{{"guest.name", "佐藤花子佐藤花子"}}}, "parameter/name"},
	} {
		hit, found := r.Check(&c.q, today)
		if hit.Rule != c.want || found != (c.want != "") {
			t.Errorf("%s: %+v, want %q", c.name, hit, c.want)
		}
	}
	if got, want := r.Count(today), (Count{Patches: 3, Parameters: 3, Ended: 1}); got != want {
		t.Errorf("Count = %+v, want %+v", got, want)
	}
	if !r.Looks("", "GET", "/plans/7") {
		t.Error("nothing looks at /plans/7")
	}
}

func TestCompileRefuses(t *testing.T) {
	for path, src := range map[string]*Source{
		"exceptions[0].until":  {Exceptions: []Exception{{Rule: 1, Why: Why{Reason: "x"}}}},
		"exceptions[0].reason": {Exceptions: []Exception{{Rule: 1, Why: Why{Until: "2026-12-31", Reason: " "}}}},
		"exceptions[0].rule":   {Exceptions: []Exception{{Why: why}}},
		"exceptions[0].path":   {Exceptions: []Exception{{Rule: 1, Where: Where{Path: "contact"}, Why: why}}},
		"patches[0].name":      {Patches: []Patch{{Name: "a b", Where: Where{Path: "/"}, Why: why}}},
		"patches[1].name":      {Patches: []Patch{{Name: "a", Where: Where{Path: "/"}, Why: why}, {Name: "a", Where: Where{Path: "/"}, Why: why}}},
		"patches[0].matches":   {Patches: []Patch{{Name: "a", Parameter: "id", Matches: "(", Why: why}}},
		"patches[0].path":      {Patches: []Patch{{Name: "a", Why: why}}},
		"parameters[0].type":   {Parameters: []Parameter{{Name: "id", Type: "thing"}}},
		"parameters[0].name":   {Parameters: []Parameter{{Type: "integer"}}},
		"parameters[0].max":    {Parameters: []Parameter{{Name: "id", Type: "integer", Max: -1}}},
	} {
		_, err := Compile(src)
		var p *Problem
		if !errors.As(err, &p) || p.Path != path || p.Try == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLearner(t *testing.T) {
	l := NewLearner()
	for _, v := range []string{"1", "12", ""} {
		l.See("shop.example.jp", "/plans", []Field{{"page", v}, {"q", "札幌 雪 & 月"}})
	}
	// A decimal is no date and a date no decimal: neither type fits both.
	l.See("shop.example.jp", "/plans", []Field{{"mixed", "1.5"}, {"long" + strings.Repeat("x", 64), "1"}})
	l.See("shop.example.jp", "/plans", []Field{{"mixed", "2026-11-22"}})
	got, full := l.Learned()
	want := []Learned{
		{Host: "shop.example.jp", Route: "/plans", Name: "mixed", Type: "name", Max: 10, Count: 2},
		{Host: "shop.example.jp", Route: "/plans", Name: "page", Type: "integer", Max: 2, Count: 2},
		{Host: "shop.example.jp", Route: "/plans", Name: "q", Type: "text", Max: 8, Count: 3},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Learned{})); diff != "" || full {
		t.Errorf("(-want +got) full %v:\n%s", full, diff)
	}
	for i := range maxFields + 10 {
		l.See("h", "/", []Field{{"f" + string(rune('a'+i%26)) + time.Duration(i).String(), "1"}})
	}
	if got, full := l.Learned(); len(got) > maxFields || !full {
		t.Errorf("%d fields, full %v", len(got), full)
	}
}
