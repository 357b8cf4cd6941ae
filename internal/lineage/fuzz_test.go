package lineage_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sekisho/internal/lineage"
)

func capturedTrees(t testing.TB) captured {
	t.Helper()
	file, err := os.Open(treesFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var c captured
	if err := json.NewDecoder(text).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzAnalyseTree analyses damaged trees: it must answer, whatever they say.
func FuzzAnalyseTree(f *testing.F) {
	c := capturedTrees(f)
	for name, tree := range c.Trees {
		if len(tree) < 6000 && !strings.HasPrefix(name, "information") {
			f.Add(tree)
		}
	}
	f.Fuzz(func(t *testing.T, tree string) {
		an := lineage.AnalyseTree(c.Catalog, tree, lineage.Options{Place: "shop"})
		checkShape(t, an)
	})
}

// checkShape checks what every analysis promises.
func checkShape(t *testing.T, an *lineage.Analysis) {
	t.Helper()
	if an.Opaque != "" {
		return
	}
	for _, c := range an.Columns {
		for _, e := range c.Entries {
			if e < 0 || e >= len(an.Entries) {
				t.Fatalf("column of entry %d of %d", e, len(an.Entries))
			}
		}
		if an.Bare && c.Elements != 0 {
			t.Fatal("bare with elements in a column")
		}
	}
	if an.Bare && len(an.Entries) > 0 {
		t.Fatal("bare with entries")
	}
	for _, e := range an.Entries {
		if e.KeyBy == lineage.KeyColumn && (e.Ordinal < 0 || e.Ordinal >= len(an.Columns)) {
			t.Fatalf("key in column %d of %d", e.Ordinal, len(an.Columns))
		}
		if e.KeyBy == lineage.KeyNone && (e.Reason == "" || len(e.Bound) == 0) {
			t.Fatalf("bounded without reason or bound: %+v", e)
		}
		if e.KeyBy != lineage.KeyNone && e.Reason != "" {
			t.Fatalf("exact with a reason: %+v", e)
		}
	}
}

// TestDamagedTrees drops, renames and repeats parts of real trees: a field
// that this version does not have makes the analysis opaque, never wrong.
func TestDamagedTrees(t *testing.T) {
	c := capturedTrees(t)
	fields := []string{"rtable", "jointree", "targetList", "rtekind", "relid", "varno", "varlevelsup", "quals", "jointype", "groupClause",
		"limitOffset", "havingQual", "distinctClause", "resjunk", "ctelevelsup", "subLinkType", "commandType", "windowClause"}
	for name, tree := range c.Trees {
		whole := lineage.AnalyseTree(c.Catalog, tree, lineage.Options{Place: "shop"})
		if whole.Opaque != "" {
			continue
		}
		for _, f := range fields {
			if !strings.Contains(tree, ":"+f+" ") || f == "windowClause" && strings.Contains(tree, ":windowClause <>") {
				continue
			}
			renamed := strings.ReplaceAll(tree, ":"+f+" ", ":later_"+f+" ")
			an := lineage.AnalyseTree(c.Catalog, renamed, lineage.Options{Place: "shop"})
			checkShape(t, an)
			if an.Opaque == "" && used(f, tree) {
				t.Errorf("%s: without %s the analysis is not opaque", name, f)
			}
		}
	}
}

// used says that the analysis has to read a field of the tree.
func used(field, tree string) bool {
	switch field {
	case "rtable", "jointree", "commandType":
		return true
	case "targetList":
		return !strings.Contains(tree, ":commandType 4 ") // DELETE has none
	case "rtekind", "relid", "varno", "varlevelsup":
		return strings.Contains(tree, ":fromlist ({RANGETBLREF") && strings.Contains(tree, "{VAR ")
	}
	return false
}
