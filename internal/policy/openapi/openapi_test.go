package openapi

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/policy/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is proposed for a document with every construct, and what is left.
func TestPropose(t *testing.T) {
	doc, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Propose(doc, Options{Host: "shop.example.jp"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := site.Compile(&site.Source{Parameters: p.Parameters}); err != nil {
		t.Errorf("what is proposed cannot be written: %v", err)
	}
	var got strings.Builder
	for _, one := range p.Parameters {
		line, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	for _, l := range p.Left {
		got.WriteString(l.String() + "\n")
	}
	count, err := json.Marshal([]int{p.Operations, p.Fields, p.Free})
	if err != nil {
		t.Fatal(err)
	}
	got.Write(append(count, '\n'))
	const golden = "testdata/everything.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The same schema says the same in the JSON and the YAML of both versions.
func TestVersions(t *testing.T) {
	const body = `{"openapi":"VERSION","paths":{"/a":{"get":{"parameters":[{"name":"n","in":"query","schema":SCHEMA}]}}},"x":{"type":"integer"}}`
	for _, c := range []struct {
		name, version, schema string
		want                  site.Parameter
	}{
		{"a bound beside true, 3.0", "3.0.3", `{"type":"integer","minimum":5,"exclusiveMinimum":true}`, site.Parameter{Type: "integer", From: "6"}},
		{"a bound that is a number, 3.1", "3.1.0", `{"type":"integer","exclusiveMinimum":5}`, site.Parameter{Type: "integer", From: "6"}},
		{"beside a reference, 3.0", "3.0.3", `{"$ref":"#/x","maximum":5}`, site.Parameter{Type: "integer"}},
		{"beside a reference, 3.1", "3.1.0", `{"$ref":"#/x","maximum":5}`, site.Parameter{Type: "integer", To: "5"}},
		{"null beside a type, 3.1", "3.1.0", `{"type":["boolean","null"]}`, site.Parameter{Type: "boolean"}},
		{"null, 3.0", "3.0.3", `{"type":"boolean","nullable":true}`, site.Parameter{Type: "boolean"}},
		{"numbers of a list", "3.0.3", `{"type":"number","enum":[1,2.50]}`, site.Parameter{Type: "number", OneOf: []string{"1", "2.50"}}},
		{"the narrower of two", "3.1.0", `{"allOf":[{"type":"number","maximum":9},{"type":"integer","maximum":7,"minimum":1},{"minimum":3}]}`, site.Parameter{Type: "integer", From: "3", To: "7"}},
		{"a part of an enumeration", "3.1.0", `{"type":"string","allOf":[{"enum":["a","b"]},{"enum":["b","c"]}]}`, site.Parameter{Type: "text", OneOf: []string{"b"}}},
	} {
		doc := strings.NewReplacer("VERSION", c.version, "SCHEMA", c.schema).Replace(body)
		c.want.Template, c.want.Method, c.want.In, c.want.Name = "/a", "GET", "query", "n"
		for form, text := range map[string]string{"JSON": doc, "YAML": "# YAML\n" + doc} {
			p, err := Propose([]byte(text), Options{})
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, form, err)
				continue
			}
			if diff := cmp.Diff([]site.Parameter{c.want}, p.Parameters); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", c.name, form, diff)
			}
		}
	}
}

func TestRE2(t *testing.T) {
	for pattern, want := range map[string]string{
		`^\d+$`:               `^\d+$`,
		`^\s$`:                "^[" + spaces + "]$",
		`[\s,]`:               "[" + spaces + ",]",
		`a.b`:                 "a[^" + ends + "]b",
		`\u3042\/`:            `\x{3042}\/`,
		`\p{Script=Katakana}`: `\p{Katakana}`,
		`[a-z.]{1,3}(?:x|y)`:  `[a-z.]{1,3}(?:x|y)`,
		`(?=a)`:               "",
		`(?i)a`:               "",
		`(a)\1`:               "",
		`[]a]`:                "",
		`\A`:                  "",
		`\ud83d`:              "",
		`[^\S]`:               "",
		`a{1001}`:             "",
		`(`:                   "",
		`\`:                   "",
		`[[:alpha:]]`:         `[\[:alpha:]]`,
	} {
		got, good := re2(pattern)
		if good != (want != "") || good && got != want {
			t.Errorf("%s: %s, %v, want %s", pattern, got, good, want)
		}
	}
}

// What cannot be read is refused with its line.
func TestRefused(t *testing.T) {
	const begin = "openapi: 3.0.0\n"
	for name, c := range map[string]struct {
		doc  string
		line int
	}{
		"nothing":                {" \n", 0},
		"an older version":       {"swagger: '2.0'\n", 1},
		"no version":             {"a: 1\n", 1},
		"no paths":               {begin, 1},
		"half of JSON":           {"{\n\"openapi\": \n", 2},
		"JSON with a key twice":  {"{\"a\":1,\n\"a\":2}", 2},
		"YAML with a key twice":  {"a: 1\nb: 2\na: 2\n", 3},
		"two documents":          {"a: 1\n---\nb: 1\n", 0},
		"an alias to nothing":    {"a: 1\nb: *x\n", 2},
		"servers that differ":    {begin + "servers: [{url: /a}, {url: /b}]\npaths: {}\n", 2},
		"a server to be chosen":  {begin + "servers:\n  - {url: 'https://x.example/{v}'}\npaths: {}\n", 3},
		"deep JSON":              {strings.Repeat(`{"a":`, 10_000), 1},
		"deep lists of JSON":     {`{"a":` + strings.Repeat(`[`, 5<<20), 1},
		"deep YAML":              {"a: " + strings.Repeat("[", 3<<20), 1},
		"deep YAML, less":        {"a:\n  " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000), 2},
		"deepest YAML":           {"a: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000), 1},
		"deep YAML in dashes":    {"a:\n  " + strings.Repeat("- ", 1<<20) + "x", 2},
		"long YAML":              {"a: " + strings.Repeat("x", 5<<20), 0},
		"long JSON":              {`{"a":"` + strings.Repeat("x", 17<<20), 0},
		"more values than fit":   {`{"a":[` + strings.Repeat("1,", 1_100_000) + "1]}", 1},
		"references that double": {doubling(40), 1},
		"a long key":             {"{\n\"" + strings.Repeat("x", 2000) + "\":1}", 2},
		"too much that is left":  {strings.ReplaceAll(many(9_000), "type", "a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"type"), 1},
		"too many fields":        {many(11_000), 1},
	} {
		_, err := Propose([]byte(c.doc), Options{})
		var p *Problem
		if !errors.As(err, &p) || p.What == "" || p.Try == "" || p.Line != c.line {
			t.Errorf("%s: %v, want line %d", name, err, c.line)
			continue
		}
		for _, phrase := range []string{p.What, p.Try} {
			if _, known := fault.Phrase(lang.Japanese, phrase); !known {
				t.Errorf("%s: no Japanese for %q", name, phrase)
			}
		}
	}
}

// Of two paths that fit, the one with more text goes first; where it is not known
// which, neither is looked at.
func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		name   string
		paths  []string
		except map[string][]string // by template, of those that are proposed
		left   []string
	}{
		{"text before a hole", []string{"/a/{n}", "/a/b", "/a/{n}/c", "/{x}/{n}"}, map[string][]string{"/a/{n}": {"/a/b"}, "/a/{n}/c": nil, "/{x}/{n}": {"/a/b", "/a/{n}"}}, []string{"name"}},
		{"a part of a hole", []string{"/{n}", "/{n}.pdf", "/x.pdf"}, map[string][]string{"/{n}": {"/x.pdf", "/{n}.pdf"}, "/{n}.pdf": {"/x.pdf"}}, []string{"name"}},
		{"neither before the other", []string{"/{n}/b", "/a/{n}"}, map[string][]string{"/{n}/b": {"/a/{n}"}, "/a/{n}": {"/{n}/b"}}, []string{"overlap", "overlap"}},
		{"the same twice", []string{"/{n}", "/{m}", "/a/{n}"}, map[string][]string{"/a/{n}": nil}, []string{"overlap", "overlap"}},
		{"escaped", []string{"/caf%C3%A9/{n}"}, map[string][]string{"/café/{n}": nil}, nil},
		{"two holes in a part", []string{"/{a}-{n}"}, map[string][]string{}, []string{"name"}},
		{"no template", []string{"/{n", "a/{n}", "/{n}/{n}"}, map[string][]string{}, []string{"name", "name", "name"}},
	} {
		item := `{"get":{"parameters":[{"name":"n","in":"path","schema":{"type":"integer"}}]}}`
		var items []string
		for _, path := range c.paths {
			items = append(items, strconv.Quote(path)+":"+item)
		}
		p, err := Propose([]byte(`{"openapi":"3.0.0","paths":{`+strings.Join(items, ",")+`}}`), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		except, left := map[string][]string{}, []string(nil)
		for _, one := range p.Parameters {
			except[one.Template] = one.Except
		}
		for _, l := range p.Left {
			left = append(left, string(l.Why))
		}
		if diff := cmp.Diff(c.except, except); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.left, left); diff != "" {
			t.Errorf("%s, left (-want +got):\n%s\n%v", c.name, diff, p.Left)
		}
	}
}

// doubling is a document of which each schema refers to the next twice.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString(`{"openapi":"3.1.0","paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/s/s0"}}}}}}},"s":{`)
	for i := range n {
		next := `{"$ref":"#/s/s` + strconv.Itoa(i+1) + `"}`
		b.WriteString(`"s` + strconv.Itoa(i) + `":{"type":"object","properties":{"a":` + next + `,"b":` + next + `}},`)
	}
	return b.String() + `"s` + strconv.Itoa(n) + `":{"type":"string"}}}`
}

func many(n int) string {
	var b strings.Builder
	b.WriteString(`{"openapi":"3.1.0","paths":{"/a":{"get":{"parameters":[`)
	for i := range n {
		b.WriteString(`{"name":"n` + strconv.Itoa(i) + `","in":"query","schema":{"type":"integer"}},`)
	}
	return strings.TrimSuffix(b.String(), ",") + `]}}}}`
}

// What is large and in order is read.
func TestLarge(t *testing.T) {
	filler := `"x":[` + strings.Repeat(`{"description":"`+strings.Repeat("x", 90)+`"},`, 90_000) + `{}],`
	doc := strings.Replace(many(9_000), `"paths"`, filler+`"paths"`, 1)
	p, err := Propose([]byte(doc), Options{})
	if err != nil || len(p.Parameters) != 9_000 {
		t.Errorf("%d bytes: %v", len(doc), err)
	}
}

func FuzzPropose(f *testing.F) {
	doc, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(doubling(3)))
	f.Add([]byte(`{"openapi":"3.0.0","paths":{"/{a}{b}/x{":{"get":{}}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Propose(doc, Options{})
		if err != nil {
			var bad *Problem
			if !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
			return
		}
		if _, err := site.Compile(&site.Source{Parameters: p.Parameters}); err != nil {
			t.Errorf("what is proposed cannot be written: %v", err)
		}
	})
}
