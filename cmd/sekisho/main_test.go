package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sekisho": main, "outside": outsideMain, "malware": malwareMain})
}

// TestScripts runs the command as a person does; see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("LANG", "C.UTF-8")
			e.Setenv("USER", "ayame")
			return nil
		},
	})
}

// textKey finds the literal keys that the sources ask the catalogue for.
var textKey = regexp.MustCompile(`(?:\.print|\.text|\.Text|\.progress|all)\("([a-z_]+)"|"(col_[a-z_]+)"`)

// TestTexts: every key that a source asks for exists, and every key that exists
// is asked for.
func TestTexts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	source := all.String()
	for _, m := range textKey.FindAllStringSubmatch(source, -1) {
		if key := m[1] + m[2]; !texts.Has(key) && !strings.HasSuffix(key, "_") {
			t.Errorf("a source asks for text %q, which does not exist", key)
		}
	}
	// Keys that are put together: a prefix in the source stands for all.
	for _, key := range texts.Keys() {
		used := strings.Contains(source, `"`+key+`"`) || strings.Contains(source, "${"+key+"}")
		for i := range key {
			if key[i] == '_' && key[:i+1] != "help_" {
				used = used || strings.Contains(source, `"`+key[:i+1]+`"`)
			}
		}
		if !used && !strings.HasPrefix(key, "examples") && !strings.HasSuffix(key, "_means") {
			t.Errorf("nothing asks for text %q", key)
		}
	}
}

// foreignCode finds the codes that other packages put into their messages.
var foreignCode = regexp.MustCompile(`\bSK[0-9]{4}\b`)

// TestCodes: `sekisho explain` knows every code that a person may meet, and no
// two packages use one code.
func TestCodes(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); strings.HasPrefix(name, ".") && path != "../.." || name == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "internal/fault") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, code := range foreignCode.FindAllString(string(text), -1) {
			if _, ok := fault.ParseCode(code); !ok {
				t.Errorf("%s: %s is not in internal/fault", path, code)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHelpKeys: kong would panic on a missing help text when it starts, in
// either language.
func TestHelpKeys(t *testing.T) {
	for _, l := range []lang.Language{lang.English, lang.Japanese} {
		var out strings.Builder
		code := run([]string{"--help", "--lang", string(l)}, environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }})
		if code != 0 || strings.Contains(out.String(), "!") || strings.Contains(out.String(), "${") {
			t.Errorf("%s: exit %d:\n%s", l, code, out.String())
		}
	}
}
