package nodetree_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/lineage/nodetree"
)

func atom(s string) nodetree.Value { return nodetree.Value{Kind: nodetree.Atom, Text: s} }

func str(s string) nodetree.Value { return nodetree.Value{Kind: nodetree.String, Text: s} }

func TestParse(t *testing.T) {
	node := func(typ string, fields ...nodetree.Field) nodetree.Value {
		return nodetree.Value{Kind: nodetree.Struct, Node: &nodetree.Node{Type: typ, Fields: fields}}
	}
	tests := []struct {
		name, text string
		want       nodetree.Value
	}{
		{"null", "<>", nodetree.Value{}},
		{"escaped null is a word", `\<>`, atom("<>")},
		{"number", "-12", atom("-12")},
		{"empty string", `""`, str("")},
		{"quoted with escapes", `"a\ b\"\\\("`, str(`a b"\(`)},
		{"empty list", "()", nodetree.Value{Kind: nodetree.List}},
		{"names", `("id" "x\ y")`, nodetree.Value{Kind: nodetree.List, Items: []nodetree.Value{str("id"), str("x y")}}},
		{"bitmap", "(b 8 9)", nodetree.Value{Kind: nodetree.Ints, Ints: []int64{8, 9}}},
		{"empty bitmap", "(b)", nodetree.Value{Kind: nodetree.Ints}},
		{"integers", "(i -1 2)", nodetree.Value{Kind: nodetree.Ints, Ints: []int64{-1, 2}}},
		{"oids", "(o 23 4294967295)", nodetree.Value{Kind: nodetree.Ints, Ints: []int64{23, 4294967295}}},
		{"empty node", "{QUERY}", node("QUERY")},
		{"field that looks like a name", `{ALIAS :aliasname :colnames :colnames <>}`,
			node("ALIAS", nodetree.Field{Name: "aliasname", Value: atom(":colnames")}, nodetree.Field{Name: "colnames"})},
		{"braces in a name", `{ALIAS :aliasname a\}\{\(b}`, node("ALIAS", nodetree.Field{Name: "aliasname", Value: atom("a}{(b")})},
		{"datum", "{CONST :constvalue 4 [ 5 0 -1 0 ]}",
			node("CONST", nodetree.Field{Name: "constvalue", Value: nodetree.Value{Kind: nodetree.Bytes, Ints: []int64{5, 0, -1, 0}}})},
		{"lists in lists", "((1) ())", nodetree.Value{Kind: nodetree.List, Items: []nodetree.Value{
			{Kind: nodetree.List, Items: []nodetree.Value{atom("1")}}, {Kind: nodetree.List}}}},
	}
	for _, test := range tests {
		got, err := nodetree.Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: Parse(%q) (-want +got)\n%s", test.name, test.text, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "(", "{", ")", "}", "{QUERY", "{QUERY :a", "{QUERY a 1}", "{QUERY :a 1 2}", "(i x)", "(i 1",
		"{CONST :v 4 [ 1 2", "{CONST :v 4 [ x ]}", "1 2", "() ()", "{()}"} {
		if v, err := nodetree.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", text, v)
		}
	}
}

func TestParseDepth(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("(", n) + strings.Repeat(")", n) }
	if _, err := nodetree.Parse(deep(nodetree.MaxDepth)); err != nil {
		t.Errorf("%d deep: %v", nodetree.MaxDepth, err)
	}
	if _, err := nodetree.Parse(deep(1_000_000)); !errors.Is(err, nodetree.ErrLimit) {
		t.Errorf("a million deep: %v, want ErrLimit", err)
	}
}

func TestAccessors(t *testing.T) {
	v, err := nodetree.Parse(`{VAR :varno 3 :ok true :no false :name x :list (1)}`)
	if err != nil {
		t.Fatal(err)
	}
	n := v.Node
	if got, _ := n.Get("varno"); got.Text != "3" {
		t.Errorf("Get(varno) = %+v", got)
	}
	if _, ok := n.Get("missing"); ok {
		t.Error("Get(missing) is there")
	}
	for name, want := range map[string]bool{"varno": true, "ok": false, "name": false, "list": false} {
		got, _ := n.Get(name)
		if _, ok := got.Int(); ok != want {
			t.Errorf("%s.Int() ok = %v", name, ok)
		}
	}
	for name, want := range map[string][2]bool{"ok": {true, true}, "no": {false, true}, "varno": {false, false}, "list": {false, false}} {
		field, _ := n.Get(name)
		if v, ok := field.Bool(); v != want[0] || ok != want[1] {
			t.Errorf("%s.Bool() = %v, %v", name, v, ok)
		}
	}
}

// write is the inverse of Parse for trees that Parse made.
func write(b *strings.Builder, v nodetree.Value) {
	escape := func(s string) string {
		var e strings.Builder
		for i := range len(s) {
			if strings.IndexByte(" \n\t(){}\\\"<", s[i]) >= 0 {
				e.WriteByte('\\')
			}
			e.WriteByte(s[i])
		}
		return e.String()
	}
	switch v.Kind {
	case nodetree.Null:
		b.WriteString("<>")
	case nodetree.Atom:
		b.WriteString(escape(v.Text))
	case nodetree.String:
		b.WriteString(`"` + escape(v.Text) + `"`)
	case nodetree.List:
		b.WriteString("(")
		for _, item := range v.Items {
			b.WriteString(" ")
			write(b, item)
		}
		b.WriteString(")")
	case nodetree.Struct:
		b.WriteString("{" + escape(v.Node.Type))
		for _, f := range v.Node.Fields {
			b.WriteString(" :" + escape(f.Name) + " ")
			write(b, f.Value)
		}
		b.WriteString("}")
	}
}

func plain(v nodetree.Value) bool {
	switch v.Kind {
	case nodetree.Ints, nodetree.Bytes:
		return false
	case nodetree.Atom:
		return v.Text != "" && v.Text != "["
	case nodetree.List:
		for i, item := range v.Items {
			if !plain(item) || i == 0 && item.Kind == nodetree.Atom && len(item.Text) == 1 {
				return false
			}
		}
	case nodetree.Struct:
		for _, f := range v.Node.Fields {
			if f.Name == "" || !plain(f.Value) {
				return false
			}
		}
		return v.Node.Type != ""
	}
	return true
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"<>", `{ALIAS :aliasname a\ b :colnames ("x" <>)}`, "(b 1 2)", "{CONST :constvalue 4 [ 1 2 ]}", "((()))", `\`, `"\`, "{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := nodetree.Parse(text)
		if err != nil || !plain(v) {
			return
		}
		var b strings.Builder
		write(&b, v)
		again, err := nodetree.Parse(b.String())
		if err != nil {
			t.Fatalf("Parse(%q) is %+v, written %q: %v", text, v, b.String(), err)
		}
		if diff := cmp.Diff(v, again); diff != "" {
			t.Fatalf("Parse(%q) written %q (-first +second)\n%s", text, b.String(), diff)
		}
	})
}
