package revproxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/policy/site"
)

// A typed field is looked at where it stands, and a request is refused for what
// nobody read of it only where a field is typed that could be there.
func TestTyped(t *testing.T) {
	rules, err := site.Compile(&site.Source{Parameters: []site.Parameter{
		{Template: "/plans/{id}", In: site.InPath, Name: "id", Type: "integer"},
		{Template: "/plans/{id}", In: site.InHeader, Name: "x-shop", Type: "uuid"},
		{Template: "/plans/{id}", In: site.InCookie, Name: "since", Type: "datetime"},
		{Template: "/plans/{id}", In: site.InQuery, Name: "page", Type: "integer"},
		{Template: "/plans/{id}/name", In: site.InBody, Name: "name", Type: "word"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil, func(c *Config) {
		c.Firewall = nil // nothing else refuses
		c.Rules = func() *site.Rules { return rules }
	})
	const half = `{"name": "x`
	for _, c := range []struct {
		name, target, body, header, value string
		want                              int
	}{
		{"a number", "/plans/12?page=3", "", "", "", 200},
		{"none", "/plans/twelve", "", "", "", 403},
		{"escaped", "/plans/%E6%9C%AD", "", "", "", 403},
		{"an empty part before it", "//plans/twelve", "", "", "", 403},
		{"something behind a semicolon", "/plans/twelve;a=1", "", "", "", 403},
		{"of the query", "/plans/12?page=x", "", "", "", 403},
		{"of the body alone", "/plans/12", `{"page":"x"}`, "", "", 200},
		{"a header", "/plans/12", "", "X-Shop", "01234567-89ab-cdef-0123-456789abcdef", 200},
		{"no such header", "/plans/12", "", "X-Shop", "1", 403},
		{"a cookie in quotes", "/plans/12", "", "Cookie", `a=1; since="2026-11-22T09:00:00Z"`, 200},
		{"an escaped cookie", "/plans/12", "", "Cookie", `since=2026-11-22T09%3A00%3A00Z`, 200},
		{"no such cookie", "/plans/12", "", "Cookie", `a=1; since=x"y`, 403},
		{"half a body where the path is typed", "/plans/12", half, "", "", 200},
		{"half a body where it is typed", "/plans/12/name", half, "", "", 403},
		{"a body", "/plans/12/name", `{"name":"suite"}`, "", "", 200},
		{"another", "/plans/12/name", `{"name":"a b"}`, "", "", 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+c.target, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		r.Header.Set("Content-Type", "application/json")
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		if got, _, err := w.send(t, r); err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
	var got []string
	for _, d := range w.decisions(t) {
		got = append(got, d.Rule+" "+d.Reason)
	}
	want := []string{
		"parameter/integer in field id", "parameter/integer in field id", "parameter/integer in field id", "parameter/integer in field id",
		"parameter/integer in field page", "parameter/uuid in field x-shop", "parameter/datetime in field since",
		"parameter/unread fields that cannot all be read", "parameter/word in field name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
