package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module   = "sekisho/"
	maxLines = 500
)

// source is one Go file.
type source struct {
	path     string // "internal/event/body.go"
	test     bool
	lines    int
	imports  []string // of this module, without its name
	doc      bool
	sleeps   bool
	switches bool // rules of a gate off
	text     string
}

func (s *source) pkg() string { return path.Dir(s.path) }

// tree reads every Go file below root.
func tree(t *testing.T, root fs.FS) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || p == "bench/peers") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		s, err := read(p, text)
		if err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(p string, text []byte) (source, error) {
	s := source{path: p, test: strings.HasSuffix(p, "_test.go"), lines: strings.Count(string(text), "\n"), text: string(text)}
	f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments)
	if err != nil {
		return s, err
	}
	s.doc = f.Doc != nil
	for _, i := range f.Imports {
		if name, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); ok {
			s.imports = append(s.imports, name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			s.switches = s.switches || sel.Sel.Name == "SwitchOff"
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Sleep" {
				s.sleeps = true
			}
		}
		return true
	})
	return s, nil
}

// isTestPackage reports whether a package exists for tests only.
func isTestPackage(pkg string) bool {
	base := path.Base(pkg)
	return strings.HasSuffix(base, "test") && base != "test"
}

// violations returns what is wrong with the tree, one line each.
func violations(all []source) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	documented := map[string]bool{}
	for i := range all {
		s := &all[i]
		if s.test {
			documented[s.pkg()] = documented[s.pkg()] || s.doc && isOutside(s.pkg())
		} else {
			documented[s.pkg()] = documented[s.pkg()] || s.doc
		}
		if s.lines > maxLines && !strings.HasPrefix(s.text, "// Code generated ") {
			say("%s: %d lines, at most %d", s.path, s.lines, maxLines)
		}
		if s.test && s.sleeps {
			say("%s: time.Sleep in a test", s.path)
		}
		for _, word := range machineWords() {
			if strings.Contains(s.text, word) {
				say("%s: names a path of one machine: %s…", s.path, word)
			}
		}
		if !s.test {
			found = append(found, imports(s)...)
		}
		if s.switches && !s.test {
			say("%s: switches a rule off outside tests", s.path)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			say("%s: no package comment", pkg)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// machineWords are put together so that this file does not hold them.
func machineWords() []string {
	return []string{"/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/"}
}

func imports(s *source) []string {
	var found []string
	pkg := s.pkg()
	table, known := allowed[pkg]
	if !known && !meeting[pkg] && !isTestPackage(pkg) && !isOutside(pkg) {
		found = append(found, fmt.Sprintf("%s: the package is not in the import table", pkg))
	}
	for _, imp := range s.imports {
		switch {
		case imp == pkg:
		case strings.HasPrefix(imp, "cmd/"):
			found = append(found, fmt.Sprintf("%s imports %s: nothing imports cmd", s.path, imp))
		case isOutside(imp) && !isOutside(pkg):
			found = append(found, fmt.Sprintf("%s imports %s: no product code imports bench or prove", s.path, imp))
		case isTestPackage(imp) && !isTestPackage(pkg):
			found = append(found, fmt.Sprintf("%s imports %s: a test package is imported by tests only", s.path, imp))
		case stage(pkg) != "" && stage(imp) != "" && stage(pkg) != stage(imp) && !(stage(pkg) == "internal/console" && stage(imp) == "internal/view"):
			found = append(found, fmt.Sprintf("%s imports %s: stages meet in cmd only", s.path, imp))
		case known && !slices.Contains(table, imp):
			found = append(found, fmt.Sprintf("%s imports %s: not in the import table", s.path, imp))
		}
	}
	return found
}

func stage(pkg string) string {
	for _, s := range stages {
		if pkg == strings.TrimSuffix(s, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(s, "/")+"/") {
			return s
		}
	}
	return ""
}

func TestTree(t *testing.T) {
	all := tree(t, os.DirFS(".."))
	if len(all) < 50 {
		t.Fatalf("only %d files were read: the walk is broken", len(all))
	}
	for _, v := range violations(all) {
		t.Error(v)
	}
	for pkg := range allowed {
		if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(pkg))); err != nil {
			t.Errorf("%s is in the import table and does not exist", pkg)
		}
	}
}

// TestPlanted: each rule fires on a file that breaks it.
func TestPlanted(t *testing.T) {
	long := "// Package event is long.\npackage event\n" + strings.Repeat("\n", maxLines)
	for _, tt := range []struct{ name, path, text, want string }{
		{"gate imports ledger", "internal/gate/netloop/x.go", "package netloop\nimport _ \"sekisho/internal/ledger\"\n", "stages meet in cmd only"},
		{"view imports gate", "internal/view/disclosure/x.go", "package disclosure\nimport _ \"sekisho/internal/gate/netloop\"\n", "stages meet in cmd only"},
		{"pure imports config", "internal/policy/x.go", "package policy\nimport _ \"sekisho/internal/config\"\n", "not in the import table"},
		{"unknown package", "internal/util/x.go", "// Package util is.\npackage util\n", "the package is not in the import table"},
		{"nothing imports cmd", "internal/config/x.go", "package config\nimport _ \"sekisho/cmd/sekisho\"\n", "nothing imports cmd"},
		{"test package in product", "cmd/sekisho/x.go", "package main\nimport _ \"sekisho/internal/event/eventtest\"\n", "imported by tests only"},
		{"product imports bench", "internal/config/x.go", "package config\nimport _ \"sekisho/bench/pgproxy\"\n", "no product code imports bench"},
		{"no package comment", "internal/event/x.go", "package event\n", "no package comment"},
		{"long file", "internal/event/x.go", long, "at most 500"},
		{"sleep", "internal/event/x_test.go", "package event\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "time.Sleep in a test"},
		{"rule off", "internal/event/x.go", "// Package event is.\npackage event\nfunc f(s interface{ SwitchOff(int) }) { s.SwitchOff(1) }\n", "switches a rule off"},
		{"machine path", "internal/event/x.go", "// Package event is.\npackage event\nconst p = \"/wo" + "rk/main\"\n", "path of one machine"},
	} {
		s, err := read(tt.path, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(violations([]source{s}), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
