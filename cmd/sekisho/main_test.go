package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sekisho": main})
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
		used := strings.Contains(source, `"`+key+`"`)
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

// TestHelpKeys: every command, argument and flag has help in either language.
func TestHelpKeys(t *testing.T) {
	for _, l := range []lang.Language{lang.English, lang.Japanese} {
		var out strings.Builder
		env := environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}
		code := run([]string{"--help", "--lang", string(l)}, env)
		if code != 0 || strings.Contains(out.String(), "!") || strings.Contains(out.String(), "help_") {
			t.Errorf("%s: exit %d:\n%s", l, code, out.String())
		}
		exited := -1
		k, err := newParser(&cli{}, &env, l, &exited)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		check := func(what, help string) {
			if seen++; help == "" || strings.HasPrefix(help, "!") || strings.HasPrefix(help, "help_") || strings.Contains(help, "${") {
				t.Errorf("%s: %s has help %q", l, what, help)
			}
		}
		err = kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			switch n := node.(type) {
			case *kong.Command:
				if !n.Hidden {
					check(n.Path(), n.Help)
				}
			case *kong.Flag:
				check("--"+n.Name, n.Help)
			case *kong.Value:
				check(n.Name, n.Help)
			}
			return next(nil)
		})
		if err != nil || seen < 200 {
			t.Errorf("%d texts, %v", seen, err)
		}
	}
}
