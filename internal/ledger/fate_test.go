package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"sekisho/internal/event"
)

// TestFateOfEveryKind: whoever adds a kind decides what retention does with it.
func TestFateOfEveryKind(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../event/kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Kind") || len(spec.Values) != 1 {
			return true
		}
		number, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatalf("%s: %v", spec.Names[0].Name, err)
		}
		n++
		if _, decided := fates[event.Kind(number)]; !decided {
			t.Errorf("%s has no fate: does a start or a later event build on it?", spec.Names[0].Name)
		}
		return true
	})
	if n != len(fates) {
		t.Errorf("%d kinds have a fate, and there are %d", len(fates), n)
	}
	if fateOf(9999) != stays {
		t.Error("what this program does not know is dropped")
	}
}
