package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOthers: the list of components and the licences name Go modules and what else the
// program carries, without a time or a number drawn.
func TestOthers(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var text, again bytes.Buffer
	if err := sbom(&text, self, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	if err := sbom(&again, self, "1.2.3"); err != nil || !bytes.Equal(text.Bytes(), again.Bytes()) {
		t.Errorf("the same binary, another list: %v", err)
	}
	var d document
	if err := json.Unmarshal(text.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	var notices bytes.Buffer
	if err := licences(&notices, self); err != nil {
		t.Fatal(err)
	}
	for _, c := range carried {
		at := slices.IndexFunc(d.Components, func(x component) bool { return x.Purl == c.purl })
		if at < 0 || d.Components[at].Version != c.version {
			t.Errorf("%s is not in the list of components", c.name)
		}
		if !slices.Contains(d.Dependencies[0].Deps, c.purl) {
			t.Errorf("nothing depends on %s", c.name)
		}
		if !strings.Contains(notices.String(), "\n"+c.name+" "+c.version+"\n") {
			t.Errorf("no licence of %s", c.name)
		}
	}
	for _, want := range []string{"Copyright 2009 The Go Authors", "Zero-Clause BSD", "M+ FONTS PROJECT"} {
		if !strings.Contains(notices.String(), want) {
			t.Errorf("the licences lack %q", want)
		}
	}
	if err := licences(&notices, os.DevNull); err == nil {
		t.Error("licences of no program")
	}
	if files, err := licenceFiles(t.TempDir()); err != nil || len(files) != 0 {
		t.Errorf("a module without licence: %q, %v", files, err)
	}
}

// TestCarried: every script and font in the sources that others made is named, in the
// version that the licences beside it tell.
func TestCarried(t *testing.T) {
	root := repository()
	stem := func(file string) string { return strings.TrimSuffix(file, path.Ext(file)) } // a script and its style are one
	foreign := regexp.MustCompile(`\.min\.(js|css)$|\.(ttf|otf|woff2?)(\.zst)?$`)
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git" || e.Name() == "testdata" || e.Name() == "bench") {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, name)
		if err == nil && foreign.MatchString(rel) && !slices.ContainsFunc(carried, func(c embedded) bool { return stem(c.file) == stem(filepath.ToSlash(rel)) }) {
			t.Errorf("%s is carried, and in no list", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range carried {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(c.file))); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.licence)))
		if err != nil || strings.HasSuffix(c.licence, "LICENSES.md") && !strings.Contains(string(text), c.version) {
			t.Errorf("%s: its licence does not tell version %s: %v", c.name, c.version, err)
		}
	}
}
