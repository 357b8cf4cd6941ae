package prove

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// indexed is what the last column of docs/design/attribution.md may name.
var indexed = regexp.MustCompile("`(?:(prove|lineage|ladder): ([^`]+)|(Test\\w+) in ([a-z/]+))`")

// TestAttributionPage: every class, case and test that the index of attributions
// names exists, and every form in it is held by one.
func TestAttributionPage(t *testing.T) {
	names := map[string]map[string]bool{"prove": {}, "lineage": {}, "ladder": {}}
	for _, k := range kinds() {
		names["prove"][k.class] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^-- (.+)$`).FindAllStringSubmatch(string(read(t, "../internal/lineage/testdata/cases.txt")), -1) {
		names["lineage"][m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^(\S.*):$`).FindAllStringSubmatch(string(read(t, "../internal/gate/pgproxy/testdata/ladder.golden")), -1) {
		names["ladder"][m[1]] = true
	}
	forms := 0
	for i, line := range strings.Split(string(read(t, "../docs/design/attribution.md")), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || cells[0] == "form" || cells[0] == "---" {
			continue
		}
		if forms++; len(cells) != 3 {
			t.Errorf("line %d has %d cells", i+1, len(cells))
			continue
		}
		held := indexed.FindAllStringSubmatch(cells[2], -1)
		if rest := strings.TrimSpace(indexed.ReplaceAllString(cells[2], "")); rest != "" || len(held) == 0 {
			t.Errorf("line %d: nothing can be looked up in %q", i+1, cells[2])
		}
		for _, m := range held {
			if where, name := m[1], m[2]; where != "" && !names[where][name] {
				t.Errorf("line %d: %s has no %q", i+1, where, name)
			}
			if test, folder := m[3], m[4]; test != "" && !hasTest(t, folder, test) {
				t.Errorf("line %d: there is no %s in %s", i+1, test, folder)
			}
		}
	}
	if forms == 0 {
		t.Error("the page has no form")
	}
}

// hasTest reports whether a folder of the tree has a test function.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	must(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(string(read(t, file)), "\nfunc "+name+"(t *testing.T)")
	})
}
