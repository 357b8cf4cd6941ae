package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link finds what a page of Markdown points to beside itself.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// TestArchive: in the archive every page finds what it points to, and the licences of
// others go with the program, in the packages too.
func TestArchive(t *testing.T) {
	archive, deb := built(t, "SEKISHO_DIST_NEW", "*-linux-*.tar.gz"), built(t, "SEKISHO_DIST_NEW", "*.deb")
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", archive, "-C", dir, "--strip-components=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pages := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range found {
			pages++
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				if strings.Contains(m[1], "../bench/") { // how to measure again takes the sources
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))); err != nil {
					t.Errorf("%s points to %s: %v", filepath.Base(page), m[1], err)
				}
			}
		}
	}
	if pages < 20 {
		t.Errorf("%d pages", pages)
	}
	text, err := os.ReadFile(filepath.Join(dir, "licences-of-others.txt"))
	if err != nil || !strings.Contains(string(text), "htmx.org") || !strings.Contains(string(text), "github.com/jackc/pgx/v5 ") {
		t.Errorf("licences of others: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg", "-c", deb).CombinedOutput(); err != nil || !strings.Contains(string(out), "/usr/share/doc/sekisho/licences-of-others.txt") {
		t.Errorf("%v: the package lacks the licences of others", err)
	}
}
