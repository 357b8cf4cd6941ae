package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"sekisho/internal/control"
	"sekisho/internal/lang"
)

// hereRow is a row of the guide's tables of commands that ask no console.
var hereRow = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\| [^|]+ \\|$")

// hereIn reads a table of the guide: the commands of the section that begins with
// a heading.
func hereIn(t *testing.T, guide, heading string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/guide", guide))
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "\n### "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", guide, heading)
	}
	part, _, _ = strings.Cut(part, "\n#")
	for _, row := range hereRow.FindAllStringSubmatch(part, -1) {
		for _, name := range strings.Split(row[1], ", ") {
			out = append(out, strings.Trim(name, "`"))
		}
	}
	slices.Sort(out)
	return out
}

// words are arguments of commands that ask for more than any word.
var words = map[string]string{
	"bypass off":         "shop-db",
	"bypass on":          "shop-db --reason x",
	"case agree":         "c1 close",
	"case misuse":        "c1 FILE",
	"case scope":         "c1 --from 2026-01-01 --to 2026-02-01",
	"case task":          "c1 rest add --title x",
	"case text":          "c1 load FILE",
	"cut":                "198.51.100.7 --reason x",
	"egress except":      "--dest tool.example --reason x",
	"egress explain":     "--client 10.0.0.1 --to www.example.jp:443",
	"egress hunt":        "-i evil.example",
	"egress preview":     "EXIT",
	"gate cut":           "--all --reason x",
	"host boot":          "m1 --boot-id x",
	"keys destroy":       "person/1 --reason x --yes",
	"policy explain":     "--user app --address 10.0.0.1 --database shop",
	"web except":         "AAAAAAAAAAAAAAAA --until 2099-12-31 --reason x",
	"web stop":           "site --reason x",
	"breakglass request": "--user app --database shop --element name --for 1h --purpose x",
}

// argsOf is a command line of a leaf of the command tree.
func argsOf(n *kong.Node, dir string) []string {
	name := n.Path()
	args := strings.Fields(name)
	if more, ok := words[name]; ok {
		more = strings.NewReplacer("EXIT", filepath.Join(dir, "exit.yaml"), "FILE", filepath.Join(dir, "file")).Replace(more)
		return append(args, strings.Fields(more)...)
	}
	value := func(v *kong.Value) string {
		if v.Enum != "" {
			return strings.Split(v.Enum, ",")[0]
		}
		return "2"
	}
	for _, f := range n.Flags {
		if f.Required {
			args = append(args, "--"+f.Name+"="+value(f.Value))
		}
	}
	for _, p := range n.Positional {
		if p.Required {
			args = append(args, value(p))
		}
	}
	return args
}

// TestEveryCommandElsewhere: every command asks the console that --hub names, or
// stands in the guide among those that work where the installation is, and
// refuses, or among those that concern none.
func TestEveryCommandElsewhere(t *testing.T) {
	installed, local := hereIn(t, "api.en.md", "Where the installation is"), hereIn(t, "api.en.md", "Of no installation")
	for heading, want := range map[string][]string{"導入先のマシンで使うもの": installed, "導入先に関わらないもの": local} {
		if got := hereIn(t, "api.ja.md", heading); !slices.Equal(got, want) {
			t.Errorf("the guides differ: %v, %v", got, want)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"file": "4111111111111111,2026-01-02\n", "exit.yaml": "generation: 1\nroles: []\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	asked := map[string]bool{}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[strings.TrimPrefix(r.URL.Path, control.API)] = true
		http.Error(w, "{}", http.StatusTeapot)
	}))
	defer hub.Close()
	env := map[string]string{"SEKISHO_HUB": hub.URL, "SEKISHO_TOKEN": "sekisho_x", "SEKISHO_CONFIG": filepath.Join(dir, "none.yaml")}

	exited := -1
	parser, err := newParser(&cli{}, &environment{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}, lang.English, &exited)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, n := range parser.Model.Leaves(true) {
		name := n.Path()
		known[name] = true
		if slices.Contains(local, name) {
			continue
		}
		clear(asked)
		var out bytes.Buffer
		code := run(argsOf(n, dir), environment{stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: func(k string) string { return env[k] }})
		delete(asked, "me") // asks whose token it is, for whatever follows
		refused := code != 0 && strings.Contains(out.String(), "SK6008")
		if here := slices.Contains(installed, name); here != refused || here == (len(asked) > 0) {
			t.Errorf("%s: refused %v, asked %v, in the guide's list %v\n%s", name, refused, slices.Sorted(maps.Keys(asked)), here, out.String())
		}
	}
	for _, name := range slices.Concat(installed, local) {
		if !known[name] {
			t.Errorf("the guide lists a command that there is not: %s", name)
		}
	}
	if len(known) < 80 {
		t.Errorf("%d commands", len(known))
	}
	fmt.Fprintln(t.Output(), len(known), "commands")
}
