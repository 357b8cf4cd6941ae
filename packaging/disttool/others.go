package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// embedded is what others made and the program carries beside Go modules. File and
// licence are paths in the repository.
type embedded struct{ name, version, purl, file, licence string }

var carried = []embedded{
	{"htmx.org", "2.0.11", "pkg:npm/htmx.org@2.0.11", "internal/console/webui/static/htmx.min.js", "internal/console/webui/static/LICENSES.md"},
	{"uplot", "1.6.32", "pkg:npm/uplot@1.6.32", "internal/console/webui/static/uplot.min.js", "internal/console/webui/static/LICENSES.md"},
	{"@digital-go-jp/design-tokens", "1.1.9", "pkg:npm/%40digital-go-jp/design-tokens@1.1.9", "internal/console/webui/static/console.css", "internal/console/webui/static/LICENSES.md"},
	{"VL Gothic", "20220612", "pkg:generic/vlgothic@20220612", "internal/view/casefile/draft/font/VL-Gothic-Regular.ttf.zst", "internal/view/casefile/draft/font/LICENSE"},
}

// licenceFile is how licences and notices are called in modules.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)([-._].*)?$`)

// licences writes what the licences of all that is in a binary ask to be passed on with
// it. A module without a licence is an error: it could not be shipped.
func licences(w io.Writer, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	section := func(title string, files ...string) error {
		if len(files) == 0 {
			return fmt.Errorf("%s: no licence", title)
		}
		if _, err := fmt.Fprintf(w, "%s\n%s\n", strings.Repeat("=", 78), title); err != nil {
			return err
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "\n--- %s\n\n%s\n", filepath.Base(name), strings.TrimSpace(strings.ReplaceAll(string(text), "\r", ""))); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintln(w)
		return err
	}
	if _, err := fmt.Fprint(w, "What others made and this program carries, each with its licence.\n\n"); err != nil {
		return err
	}
	goroot, err := output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	if err := section("Go "+strings.TrimPrefix(info.GoVersion, "go"), filepath.Join(goroot, "LICENSE")); err != nil {
		return err
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		dir, err := output("go", "list", "-m", "-f", "{{.Dir}}", m.Path)
		if err != nil {
			return err
		}
		files, err := licenceFiles(dir)
		if err != nil {
			return err
		}
		if err := section(m.Path+" "+m.Version, files...); err != nil {
			return err
		}
	}
	root := repository()
	for _, c := range carried {
		if err := section(c.name+" "+c.version, filepath.Join(root, filepath.FromSlash(c.licence))); err != nil {
			return err
		}
	}
	return nil
}

// licenceFiles are the licences in a module's root.
func licenceFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && licenceFile.MatchString(e.Name()) && !slices.Contains([]string{".go", ".s"}, path.Ext(e.Name())) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// repository is where the sources are: the working directory of scripts/dist.sh, or
// above that of a test.
func repository() string {
	dir := "."
	for range 3 {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Join(dir, "..")
	}
	return "."
}
