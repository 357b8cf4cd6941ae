package site

import (
	"errors"
	"testing"
)

// A field of a template is looked at in the requests whose whole path fits, and
// in the place that is written.
func TestCheckTemplate(t *testing.T) {
	at := func(template, in, name, kind string) Parameter {
		return Parameter{Template: template, In: in, Name: name, Type: kind}
	}
	limited := at("/limits", "", "n", "number")
	limited.From, limited.To = "-1.5", "2e3"
	chosen := at("/limits", "", "one", "decimal")
	chosen.OneOf = []string{"1", "2.50"}
	word := at("/limits", "", "word", "text")
	word.OneOf, word.Min, word.Max = []string{"ab", "札幌", "x"}, 2, 2
	zip := at("/limits", "", "zip", "text")
	zip.Matches = `^[0-9]{3}-[0-9]{4}$`
	others := at("/orders/{id}", InPath, "id", "integer")
	others.Host, others.Method, others.Except = "shop.example.jp", "GET", []string{"/orders/new"}
	r := mustCompile(t, &Source{Parameters: []Parameter{limited, chosen, word, zip, others,
		at("/bills/b-{no}.pdf", InPath, "no", "integer"),
		at("/places", InQuery, "id", "integer"), at("/places", InBody, "id", "boolean"),
		at("/places", InHeader, "X-Shop", "uuid"), at("/places", InCookie, "seen", "datetime"),
	}})
	request := func(path string, queried int, fields ...Field) Request {
		return Request{Host: "shop.example.jp", Path: path, Method: "GET", Fields: fields, Queried: queried}
	}
	shop := func(value string) Request {
		q := request("/places", 0)
		q.Header = func(name string) []string { return map[string][]string{"X-Shop": {value}}[name] }
		return q
	}
	seen := func(value string) Request {
		q := request("/places", 0)
		q.Cookie = func(name string) []string { return map[string][]string{"seen": {"2026-11-22T09:00:00Z", value}}[name] }
		return q
	}
	elsewhere, head, post := request("/orders/x", 0), request("/orders/x", 0), request("/orders/x", 0)
	elsewhere.Host, head.Method, post.Method = "other.example.jp", "HEAD", "POST"
	for _, c := range []struct {
		name string
		q    Request
		want string
	}{
		{"a number of the path", request("/orders/12", 0), ""},
		{"no number of the path", request("/orders/1 or 1", 0), "parameter/integer"},
		{"a slash at its end", request("/orders/x/", 0), "parameter/integer"},
		{"an exception", request("/orders/new", 0), ""},
		{"below the template", request("/orders/x/items", 0), ""},
		{"another host", elsewhere, ""},
		{"a HEAD", head, "parameter/integer"},
		{"another method", post, ""},
		{"within a part", request("/bills/b-12.pdf", 0), ""},
		{"not within a part", request("/bills/b-x.pdf", 0), "parameter/integer"},
		{"another part", request("/bills/c-x.pdf", 0), ""},
		{"of the query and the body", request("/places", 1, Field{"id", "1"}, Field{"id", "true"}), ""},
		{"the other way round", request("/places", 1, Field{"id", "true"}), "parameter/integer"},
		{"of the body", request("/places", 0, Field{"id", "1"}), "parameter/boolean"},
		{"a header", shop("01234567-89ab-cdef-0123-456789abcdef"), ""},
		{"no header", shop("1"), "parameter/uuid"},
		{"a cookie", seen("2026-11-22T09:00:00.5+09:00"), ""},
		{"one cookie of two", seen("yesterday"), "parameter/datetime"},
		{"the least", request("/limits", 1, Field{"n", "-1.5"}), ""},
		{"less", request("/limits", 1, Field{"n", "-1.51"}), "parameter/number"},
		{"more", request("/limits", 1, Field{"n", "2000.0001"}), "parameter/number"},
		{"far more", request("/limits", 1, Field{"n", "1e999"}), "parameter/number"},
		{"more than can be", request("/limits", 1, Field{"n", "1e9999"}), "parameter/number"},
		{"a number of a list", request("/limits", 1, Field{"one", "2.5"}), ""},
		{"none of a list", request("/limits", 1, Field{"one", "2"}), "parameter/decimal"},
		{"a text of a list", request("/limits", 1, Field{"word", "札幌"}), ""},
		{"too short", request("/limits", 1, Field{"word", "x"}), "parameter/text"},
		{"a pattern", request("/limits", 1, Field{"zip", "060-0001"}), ""},
		{"beside a pattern", request("/limits", 1, Field{"zip", "060-0001 or 1"}), "parameter/text"},
		{"nothing filled in", request("/limits", 1, Field{"zip", ""}), ""},
	} {
		hit, found := r.Check(&c.q, today)
		if hit.Rule != c.want || found != (c.want != "") {
			t.Errorf("%s: %+v, want %q", c.name, hit, c.want)
		}
	}
	if got := r.Count(today).Parameters; got != 10 {
		t.Errorf("%d parameters are counted", got)
	}
	for path, want := range map[string][2]bool{"/orders/1": {}, "/places": {true, true}, "/limits": {true, true}, "/other": {}} {
		if query, body := r.Reads("shop.example.jp", "GET", path); [2]bool{query, body} != want {
			t.Errorf("%s: reads %v %v, want %v", path, query, body, want)
		}
	}
	if !r.Looks("shop.example.jp", "GET", "/orders/1") || r.Looks("shop.example.jp", "POST", "/orders/1") {
		t.Error("what is looked at is not what fits")
	}
}

func TestTemplateRefuses(t *testing.T) {
	for path, p := range map[string]Parameter{
		"parameters[0].path":      {Where: Where{Path: "/a"}, Template: "/a", Name: "x", Type: "text"},
		"parameters[0].template":  {In: InQuery, Name: "x", Type: "text"},
		"parameters[0].in":        {Template: "/a", In: "form", Name: "x", Type: "text"},
		"parameters[0].name":      {Template: "/a/{b}", In: InPath, Name: "x", Type: "text"},
		"parameters[0].except[0]": {Template: "/a", Except: []string{"/{"}, Name: "x", Type: "text"},
		"parameters[0].min":       {Name: "x", Type: "text", Min: 3, Max: 2},
		"parameters[0].type":      {Name: "x", Type: "text", From: "1"},
		"parameters[0].from":      {Name: "x", Type: "number", From: "1/2"},
		"parameters[0].to":        {Name: "x", Type: "number", To: "1e1000"},
		"parameters[0].one_of[1]": {Name: "x", Type: "integer", OneOf: []string{"1", "x"}},
		"parameters[0].matches":   {Name: "x", Type: "text", Matches: "("},
	} {
		_, err := Compile(&Source{Parameters: []Parameter{p}})
		var bad *Problem
		if !errors.As(err, &bad) || bad.Path != path || bad.Try == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, text := range []string{"a", "/{", "/}", "/{}", "/{a}{b}", "/{a}/{a}"} {
		if _, what := templateOf(text); what == "" {
			t.Errorf("%s is a template", text)
		}
	}
}
