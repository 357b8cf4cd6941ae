package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestExample(t *testing.T) {
	l, err := parse("dir/sekisho.yaml", Example())
	if err != nil {
		t.Fatal(render(err))
	}
	if l.Data != "dir/data" || l.Control != "dir/data/control.sock" || l.Databases[0].Control.Address != "127.0.0.1:5432" {
		t.Errorf("paths and defaults: %q %q %q", l.Data, l.Control, l.Databases[0].Control.Address)
	}
	if time.Duration(l.Ledger.Sync) != 100*time.Millisecond || l.Ledger.Segment.Bytes != 64<<20 || l.Ledger.Origin != "sekisho/default" {
		t.Errorf("ledger: %+v", l.Ledger)
	}
	if l.Compiled.Generation() != 1 || l.Databases[0].Protect[0].Of != "public.customers" {
		t.Errorf("policy or protect: %d %q", l.Compiled.Generation(), l.Databases[0].Protect[0].Of)
	}
}

// TestExampleShowsEveryKey: the example is the manual, so no key may be absent.
func TestExampleShowsEveryKey(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	check := func(in string, keys map[string]any) {
		for key := range keys {
			if !regexp.MustCompile(`(?m)(^|[{ ,-])` + regexp.QuoteMeta(key) + `:`).Match(Example()) {
				t.Errorf("the example does not show %s of %s", key, in)
			}
		}
	}
	check("the file", schema.Properties)
	for name, def := range schema.Defs {
		check(name, def.Properties)
	}
}

// TestSchema: the committed schema is current, every key has a description or
// is of the policy, and it accepts the example and refuses what it should.
func TestSchema(t *testing.T) {
	const path = "sekisho.schema.json"
	if *update {
		if err := os.WriteFile(path, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(committed, Schema()) {
		t.Fatalf("%s is not current (%v): go test ./internal/config -update", path, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(committed))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sekisho.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sekisho.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		asJSON, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := validate(Example()); err != nil {
		t.Errorf("the example does not follow the schema: %v", err)
	}
	for _, change := range [][2]string{{"listen:", "listn:"}, {"mode: observe", "mode: watch"}, {"every: 24h", "every: daily"}, {"bytes: 64MiB", "bytes: big"}} {
		if validate(bytes.Replace(Example(), []byte(change[0]), []byte(change[1]), 1)) == nil {
			t.Errorf("the schema accepts %q", change[1])
		}
	}
}

// TestBadFiles: one file per rule. The first line holds the expected first
// line of the fault after "# ", the second the expected place.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitN(string(text), "\n", 3)
		want, where := strings.TrimPrefix(lines[0], "# "), strings.TrimPrefix(lines[1], "# ")
		_, err = Load(file)
		if err == nil {
			t.Errorf("%s: accepted", file)
			continue
		}
		f := fault.Faults(err)[0]
		got := fmt.Sprintf("%d  %s", f.Line, f.Path)
		if !strings.Contains(f.What(lang.English)+" ("+f.Code.String()+")", want) || got != where {
			t.Errorf("%s:\n got %s at %s\nwant %s at %s", file, f.What(lang.English)+" ("+f.Code.String()+")", got, want, where)
		}
		if try := f.Try(lang.English); try == "" || strings.Contains(try, "{") {
			t.Errorf("%s: advice %q", file, try)
		}
		for i := 0; i+1 < len(f.Args); i += 2 {
			if name := f.Args[i]; name == "problem" || name == "hint" {
				if _, ok := fault.Phrase(lang.Japanese, fmt.Sprint(f.Args[i+1])); !ok {
					t.Errorf("%s: %v has no Japanese: %v", file, name, f.Args[i+1])
				}
			}
		}
		if strings.Contains(render(err), "!SK") {
			t.Errorf("%s: text missing: %s", file, render(err))
		}
	}
}

// TestExitPolicyInJapanese: what may be wrong with a policy of what leaves is
// said in both languages, with its place.
func TestExitPolicyInJapanese(t *testing.T) {
	files, err := filepath.Glob("../policy/exit/testdata/bad/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, file := range files {
		_, err := ExitPolicyFile(file)
		if err == nil {
			t.Errorf("%s: accepted", file)
			continue
		}
		f := fault.Faults(err)[0]
		for i := 0; i+1 < len(f.Args); i += 2 {
			if name := f.Args[i]; name == "problem" || name == "hint" {
				if _, ok := fault.Phrase(lang.Japanese, fmt.Sprint(f.Args[i+1])); !ok && !strings.HasPrefix(f.Path, "tests[") {
					t.Errorf("%s: %v has no Japanese: %v", file, name, f.Args[i+1])
				}
			}
		}
	}
}

func render(err error) string {
	var b strings.Builder
	fault.Render(&b, err, lang.English)
	return b.String()
}

// TestAllFaults: a file with several faults names all of them.
func TestAllFaults(t *testing.T) {
	_, err := parse("f.yaml", []byte("tenant: 'a b'\ndata: x\nkeys: x\n"))
	if got := len(fault.Faults(err)); got != 4 {
		t.Errorf("%d faults, want 4:\n%s", got, render(err))
	}
}

// TestAllFaultsOfPolicies: a policy, a policy of what leaves and rules of sites name all
// that is wrong with them, each at its line, and no more than people read.
func TestAllFaultsOfPolicies(t *testing.T) {
	places := func(err error) (all []string) {
		for _, f := range fault.Faults(err) {
			all = append(all, fmt.Sprintf("%s:%d", f.Path, f.Line))
		}
		return all
	}
	for what, c := range map[string]struct {
		read func(text []byte) error
		text string
		want []string
	}{
		"policy": {func(b []byte) error { _, _, err := PolicyText("p", b); return err }, "default: maybe\nrules:\n- name: a\n  addresses: [x, 10.0.0.1, y]\n  elements: [nmae, name, mial]\n- name: a\n  elements: [name]\n  action: allow\n  mask: {name: starz}\nchannels:\n- channel: none\n",
			[]string{"generation:0", "default:1", "rules[0].addresses[0]:4", "rules[0].addresses[2]:4", "rules[0].elements[0]:5", "rules[0].elements[2]:5", "rules[0].action:3",
				"rules[1].name:6", "rules[1].mask.name:9", "channels[0].name:11", "channels[0].channel:11", "channels[0].users:11"}},
		"tests": {func(b []byte) error { _, _, err := PolicyText("p", b); return err }, "generation: 1\ntests:\n- {name: a, address: 10.0.0.1, expect: accept}\n- {name: b, address: x, expect: deny}\n- {name: c, address: 10.0.0.1, table: s.t, elements: [name], expect: accept}\n",
			[]string{"tests[1].address:4", "tests[2]:5"}},
		"exit": {func(b []byte) error { _, err := ExitPolicyText("p", b); return err }, "generation: 1\nzone: Tokyo\nsegments:\n- name: s\n  networks: [x, 0.0.0.0/0]\nroles:\n- name: r\n  mode: shut\n  users: [a, a]\n  allow:\n  - name: e\n    names: [Www, '*.jp']\n    segments: [s, t]\n    methods: [get]\n    hours: [never]\n    inner: some\n",
			[]string{"zone:2", "segments[0].networks[0]:5", "segments[0].networks[1]:5", "roles[0].mode:8", "roles[0].users[1]:9", "roles[0].allow[0].names[0]:12", "roles[0].allow[0].names[1]:12", "roles[0].allow[0].segments[1]:13",
				"roles[0].allow[0].ports:11", "roles[0].allow[0].methods[0]:14", "roles[0].allow[0].hours[0]:15", "roles[0].allow[0].inner:16"}},
		"site": {func(b []byte) error { _, err := SiteRulesText("p", b); return err }, "exceptions:\n- {rule: 0}\npatches:\n- {name: a b, matches: '(', until: 2026-12-31, reason: r}\npages:\n- {host: h, item: x}\nrefused:\n- {path: x}\nparameters:\n- {path: a, type: thing, max: -1}\n- {template: '/{', in: form, except: ['/}'], name: n, type: integer, from: x, one_of: [y]}\n",
			[]string{"exceptions[0].until:2", "exceptions[0].reason:2", "exceptions[0].rule:2", "patches[0].name:4", "patches[0].matches:4", "patches[0].matches:4", "pages[0].item:6", "pages[0].reason:6",
				"refused[0].path:8", "refused[0].name:8", "refused[0].reason:8", "parameters[0].path:10", "parameters[0].name:10", "parameters[0].max:10", "parameters[0].type:10",
				"parameters[1].from:11", "parameters[1].one_of[0]:11", "parameters[1].template:11", "parameters[1].in:11", "parameters[1].except[0]:11"}},
	} {
		err := c.read([]byte(c.text))
		if got := places(err); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q\n%s", what, got, c.want, render(err))
		}
	}
	_, _, err := PolicyText("p", []byte("generation: 1\nrules:\n"+strings.Repeat("- name: x\n", 5000)))
	if got := len(fault.Faults(err)); got != mostProblems {
		t.Errorf("%d faults of 5,000 wrong rules, want %d", got, mostProblems)
	}
}

func TestPolicyFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	base := "data: ./d\nkeys: ./k\npolicy_file: p.yaml\ndatabases: [{name: a, upstream: 'h:1', control: {user: u}, protect: [{table: s.t, key: id}]}]\ngates: [{name: g, listen: '127.0.0.1:0', database: a}]\n"
	main := write("c.yaml", base)
	write("p.yaml", "generation: 4\n")
	l, err := Load(main)
	if err != nil || l.Compiled.Generation() != 4 {
		t.Fatalf("policy file: %v", err)
	}
	write("p.yaml", "generation: 5\nrules:\n  - name: x\n    elements: [nmae]\n    action: allow\n")
	_, _, err = LoadPolicy(l.Config)
	f := fault.Faults(err)
	if len(f) != 1 || f[0].Line != 4 || f[0].Path != "rules[0].elements[0]" || filepath.Base(f[0].File) != "p.yaml" {
		t.Errorf("bad policy file: %s", render(err))
	}
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("ひみつ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSecret(file)
	if err != nil || s.Reveal() != "ひみつ" {
		t.Fatalf("%q, %v", s.Reveal(), err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s)
	encoded, _ := json.Marshal(s)
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q", s, s, s), log.String(), string(encoded)} {
		if strings.Contains(shown, "ひみつ") || !strings.Contains(shown, "***") {
			t.Errorf("a secret shows: %s", shown)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret(file); err == nil || fault.Faults(err)[0].Code != fault.SecretMode {
		t.Errorf("a secret that others read: %v", err)
	}
	if s, err := ReadSecret(""); err != nil || s.Reveal() != "" {
		t.Errorf("no file: %v", err)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"1": 1, "64MiB": 64 << 20, "1 GiB": 1 << 30, "3KiB": 3072} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: %d, %v", text, b, err)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q prints as %q", text, b)
		}
	}
	for _, text := range []string{"", "0", "-1", "1MB", "1.5GiB", "99999999999999999999"} {
		var b Bytes
		if b.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q accepted as %d", text, b)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Example())
	f.Add([]byte("data: [\n"))
	f.Add([]byte("gates:\n  - {name: a, limits: {login: 1s}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parse("f.yaml", text)
		if (l == nil) == (err == nil) {
			t.Fatalf("%v, %v", l, err)
		}
		for _, e := range fault.Faults(err) {
			if e.Code == fault.Internal {
				t.Fatalf("an input led to %v", e)
			}
		}
	})
}

// TestPolicyFaults: whatever can be wrong with a policy is said in both
// languages, with a place and advice.
func TestPolicyFaults(t *testing.T) {
	files, err := filepath.Glob("../policy/testdata/bad/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		_, _, err := PolicyFile(file)
		if err == nil {
			t.Errorf("%s: accepted", file)
			continue
		}
		f := fault.Faults(err)[0]
		if f.Line == 0 && f.Path != "generation" {
			t.Errorf("%s: no line: %v", file, f)
		}
		ja := f.What(lang.Japanese) + f.Try(lang.Japanese)
		for _, word := range []string{"write ", " is ", "expects", "name the", "correct the"} {
			if strings.Contains(ja, word) {
				t.Errorf("%s: English in the Japanese text: %s", file, ja)
			}
		}
	}
}
