package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sekisho/internal/datamap"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

// The reasons that the program writes into the ledger can be said in Japanese,
// and read in English as they are written. A new one is shown in English until
// it has its text: few may lack it.
func TestEveryReasonIsSaid(t *testing.T) {
	found := map[string]string{}
	for _, dir := range []string{"internal/lineage", "internal/gate/pgproxy", "internal/gate/revproxy", "internal/datamap", "internal/policy", "internal/ledger", "proof/scope"} {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", dir, err, len(files))
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				reasonsIn(t, file, found)
			}
		}
	}
	if len(found) < 40 {
		t.Errorf("only %d reasons were found: %v", len(found), found)
	}
	english, japanese := texts.In(lang.English), texts.In(lang.Japanese)
	without := 0
	for reason, where := range found {
		if reasonIn(japanese, reason) == reason {
			t.Logf("%s: %q has no Japanese", where, reason)
			without++
		}
		if got := reasonIn(english, reason); got != reason {
			t.Errorf("%s: %q is %q in English", where, reason, got)
		}
	}
	if without*10 > len(found) {
		t.Errorf("%d of %d reasons have no Japanese (run with -v)", without, len(found))
	}
}

// The definition of a scope knows the watch's reason by its text.
func TestReasonOfDoubt(t *testing.T) {
	if datamap.ReasonCatalogue != scope.ReasonCatalogue {
		t.Errorf("the watch writes %q, scopes look for %q", datamap.ReasonCatalogue, scope.ReasonCatalogue)
	}
}

// reasonsIn notes the texts that a file gives to something called a reason.
func reasonsIn(t *testing.T, file string, found map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	note := func(name string, value ast.Expr) {
		low := strings.ToLower(name)
		if !strings.HasPrefix(low, "reason") && !strings.HasPrefix(name, "launder") && low != "wide" && low != "widen" && low != "fail" && low != "opaque" {
			return
		}
		lit, ok := value.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		word, err := strconv.Unquote(lit.Value)
		if err == nil && word != "" && !strings.Contains(word, "%") && !strings.HasPrefix(word, "SK") {
			found[word] = file
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok {
				note(id.Name, n.Value)
			}
		case *ast.AssignStmt:
			for i := range n.Lhs {
				if i < len(n.Rhs) {
					note(nameOf(n.Lhs[i]), n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i < len(n.Values) {
					note(id.Name, n.Values[i])
				}
			}
		case *ast.CallExpr:
			for _, arg := range n.Args {
				note(nameOf(n.Fun), arg)
			}
		}
		return true
	})
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// The sentences of the policy are made at run time.
func TestPolicyReasonsAreSaid(t *testing.T) {
	for _, sentence := range []string{
		"no protected element is read", "the channel is open for this user", "the rule allows it",
		"what leaves by function cannot be attributed, and no rule opens it for this user",
		"name of public.customers is not open for this user, address and database",
		"whose name of public.customers this would read cannot be told",
		"bulk export (copy) of public.customers is not open", "exceptional access g-1",
		"more than 100 rows in a statement", "more than 100 rows in a session", "more than 100 rows in an hour", "more than 1 rows of unknown persons",
		"more than 100 persons in a statement", "more than 100 persons in a session", "more than 100 persons in an hour",
		"the gate's policy refuses this statement", "the gate's policy ends this statement: it passed a limit",
		"the gate's policy ends this statement: it reads something else than when it was sent", "it hides columns that cannot be told apart here",
		"ask the operator of the gate and name the event E-7",
	} {
		text, ok := fault.Phrase(lang.Japanese, sentence)
		if !ok || strings.ContainsAny(text, "{}") || strings.Contains(text, "persons") || strings.Contains(text, "rows") {
			t.Errorf("%q is %q", sentence, text)
		}
	}
}

func TestEventsAreGlossed(t *testing.T) {
	english, japanese := &app{say: texts.In(lang.English)}, &app{say: texts.In(lang.Japanese)}
	for _, tt := range []struct {
		body event.Body
		want string
	}{
		{&event.Gap{Reason: "power cut"}, "  # 電源断"},
		{&event.Decision{Reason: "name of public.customers is not open for this user, address and database"}, "  # public.customers の name は、このユーザー・アドレス・データベースには開いていません"},
		{&event.Decision{Reason: "ayame: the account was stolen"}, ""},
		{&event.Crossing{Parts: []event.Part{{Reason: "predicate"}, {}, {Reason: "predicate"}}}, "  # 条件に使用"},
		{&event.Bypass{By: "ayame", Reason: "restart"}, ""},
	} {
		if got := japanese.gloss(tt.body); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.body, got, tt.want)
		}
		if got := english.gloss(tt.body); got != "" {
			t.Errorf("%+v in English: %q", tt.body, got)
		}
	}
}
