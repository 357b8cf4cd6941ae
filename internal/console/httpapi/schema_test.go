package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sekisho/internal/control"
)

var update = flag.Bool("update", false, "write schemas.json")

// TestSchemas: schemas.json is what the Go types and their comments say.
func TestSchemas(t *testing.T) {
	g := &generator{t: t, seen: map[reflect.Type]bool{}, out: object{}, docs: map[string]map[string]string{}}
	answers, requests := []reflect.Type{reflect.TypeFor[control.Problem]()}, []reflect.Type{}
	for _, c := range control.Calls {
		if _, ok := operatorRules[c.Name]; ok {
			requests = append(requests, c.Request)
			if c.Answer != nil {
				answers = append(answers, c.Answer)
			}
		}
	}
	for _, c := range ownCalls {
		if requests = append(requests, c.Request); c.Answer != nil {
			answers = append(answers, c.Answer)
		}
	}
	for _, a := range answers {
		g.walk(a, true)
	}
	for _, q := range requests {
		g.walk(q, false)
	}
	text, err := json.MarshalIndent(g.out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile("schemas.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(text, schemas) {
		t.Error("schemas.json is not what the types say: go generate ./internal/console/httpapi")
	}
}

// generator collects the schemas of types with their comments.
type generator struct {
	t    *testing.T
	seen map[reflect.Type]bool
	out  object
	docs map[string]map[string]string // by package: "Type" and "Type.Field"
}

// walk adds a type and all that it holds. Answers always hold the fields that
// are not left out when empty; requests need not.
func (g *generator) walk(t reflect.Type, answer bool) {
	if _, ok := special(t); ok {
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		g.walk(t.Elem(), answer)
		return
	case reflect.Struct:
	default:
		return
	}
	if g.seen[t] {
		return
	}
	g.seen[t] = true
	if t.Name() != "" && !empty(t) {
		docs := g.comments(t.PkgPath())
		s := fields(t, func(field string) string { return docs[t.Name()+"."+field] })
		if text := docs[t.Name()]; text != "" {
			s["description"] = text
		}
		if !answer {
			delete(s, "required")
		}
		g.out[component(t)] = s
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") != "-" {
			g.walk(f.Type, answer)
		}
	}
}

// comments reads what the sources of a package say of types and fields.
func (g *generator) comments(pkg string) map[string]string {
	if d, ok := g.docs[pkg]; ok {
		return d
	}
	out := map[string]string{}
	g.docs[pkg] = out
	dir := filepath.Join("..", "..", "..", strings.TrimPrefix(pkg, "sekisho/"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			g.t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				return true
			}
			for _, spec := range d.Specs {
				ts := spec.(*ast.TypeSpec)
				out[ts.Name.Name] = said(firstOf(ts.Doc, d.Doc))
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					for _, name := range field.Names {
						out[ts.Name.Name+"."+name.Name] = said(firstOf(field.Doc, field.Comment))
					}
				}
			}
			return false
		})
	}
	return out
}

func firstOf(all ...*ast.CommentGroup) *ast.CommentGroup {
	for _, c := range all {
		if c != nil {
			return c
		}
	}
	return nil
}

func said(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
