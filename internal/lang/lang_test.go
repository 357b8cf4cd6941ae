package lang

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want Language
	}{
		{nil, English},
		{map[string]string{"LANG": "ja_JP.UTF-8"}, Japanese},
		{map[string]string{"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, English},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ja"}, Japanese},
		{map[string]string{"LANG": "fr_FR.UTF-8"}, English},
		{map[string]string{"LC_ALL": "", "LANG": "ja-JP"}, Japanese},
	} {
		if got := Detect(func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("Detect(%v) = %s, want %s", tt.env, got, tt.want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a: {en: x}\n", "must have exactly ja and en"},
		{"a: {en: x, ja: y, fr: z}\n", "must have exactly ja and en"},
		{"a: {en: 'x {n}', ja: y}\n", "ja has [], en has [{n}]"},
		{"a: {en: x, ja: y}\na: {en: x, ja: y}\n", "already"},
		{"a: {en: '{n} {m|file|files}', ja: '{n}'}\n", "no {m} beside it"},
		{"a: {en: '{n} {n|file}', ja: '{n}'}\n", "is no {name|one|more}"},
		{"a: {en: '{n} {n|file|files|}', ja: '{n}'}\n", "is no {name|one|more}"},
	} {
		if _, err := Load([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Load(%q) = %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestText(t *testing.T) {
	c := MustLoad([]byte("hit:\n  en: '{n} of {all}'\n  ja: '{all}名中{n}名'\n"))
	if got := c.In(Japanese).Text("hit", "n", 1, "all", Count(12345)); got != "12,345名中1名" {
		t.Errorf("ja: %q", got)
	}
	if got := c.In(English).Text("hit", "n", 1, "all", 2); got != "1 of 2" {
		t.Errorf("en: %q", got)
	}
	if got := c.In(English).Text("miss"); got != "!miss!" {
		t.Errorf("missing key: %q", got)
	}
}

// TestPlural: the word behind a number follows it, and what is put in is no form.
func TestPlural(t *testing.T) {
	c := MustLoad([]byte("hit:\n  en: '{n} new {n|row|rows} {n|is|are} in {name}'\n  ja: '{name}に{n}行'\n"))
	for _, tt := range []struct {
		n    any
		want string
	}{
		{1, "1 new row is in {n|a|b}"}, {uint64(1), "1 new row is in {n|a|b}"}, {Count(1), "1 new row is in {n|a|b}"},
		{0, "0 new rows are in {n|a|b}"}, {2, "2 new rows are in {n|a|b}"}, {Count(1001), "1,001 new rows are in {n|a|b}"}, {"11", "11 new rows are in {n|a|b}"},
	} {
		if got := c.In(English).Text("hit", "name", "{n|a|b}", "n", tt.n); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.n, got, tt.want)
		}
	}
	if got, want := c.In(English).Text("hit"), "{n} new rows are in {name}"; got != want {
		t.Errorf("without values: %q, want %q", got, want)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

// catalogueFile is a catalogue that a source embeds.
var catalogueFile = regexp.MustCompile(`//go:embed ([a-z]+\.yaml)\n`)

// TestCatalogues: every catalogue of the program is good, and is read the quick
// way, with what YAML finds in it.
func TestCatalogues(t *testing.T) {
	found, excepted := 0, map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && path != "../..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(source), "lang.MustLoad(") {
			return err
		}
		m := catalogueFile.FindSubmatch(source)
		if m == nil {
			t.Errorf("%s loads a catalogue from nowhere", path)
			return nil
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), string(m[1])))
		if err != nil {
			return err
		}
		found++
		c, err := Load(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		for _, key := range c.Keys() {
			if said := pluralWithout(c.read()[key][English], excepted); said != "" {
				t.Errorf("%s: English %s says %q also of one: write {name|one|more}", path, key, said)
			}
		}
		if _, ok := quick(string(text)); !ok {
			t.Errorf("%s: its %s has another layout than the quick one: every command waits for YAML", path, m[1])
		}
		same(t, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 8 {
		t.Errorf("only %d catalogues were found", found)
	}
	for said := range alwaysMany {
		if !excepted[said] {
			t.Errorf("no text says %q any more: take the exception out", said)
		}
	}
}

// same fails when quick takes a text that YAML reads otherwise.
func same(t *testing.T, text string) {
	t.Helper()
	got, ok := quick(text)
	if !ok {
		return
	}
	want := map[string]map[Language]string{}
	if err := yaml.UnmarshalWithOptions([]byte(text), &want, yaml.Strict()); err != nil {
		t.Errorf("quick takes what YAML refuses: %v\n%q", err, text)
		return
	}
	for key := range got {
		if len(got[key]) == 0 { // Load refuses it in any case
			return
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-YAML +quick) of %q:\n%s", text, diff)
	}
}

func FuzzQuick(f *testing.F) {
	for _, text := range []string{
		"a:\n  en: 'x'\n  ja: 'y'\n", "a_b.c-1:\n  en: 'it''s {n}'\n  ja: |-\n    # y\n    z: 1\n", "a:\n  en: |\n    x\n  ja: ''\nb:\n  en: 'x'\n",
		"# c\n\na:\n  en: '#'\n\n  ja: ' '\n", "null:\n  en: 'x'\n", "a:\n  en: 'x' \n", "a:\n  en: |-\n    x\n\n    y\n", "a:\n  en: 'x'\n  en: 'y'\n", "a:\na:\n", "yes:\n  en: \"x\\n\\\"\\\\\"\n  ja: \"\\t\"\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { same(t, text) })
}
