package packaging

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// link finds what a page of Markdown points to beside itself.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// TestArchive: in the archive every page finds what it points to, and the licences of
// others go with the program.
func TestArchive(t *testing.T) {
	archive := built(t, "SEKISHO_DIST_NEW", "*-linux-*.tar.gz")
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", archive, "-C", dir, "--strip-components=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	followLinks(t, dir)
	hasLicences(t, dir)
}

// TestPackagePages: so do the pages that the packages install, also those that the
// unit names.
func TestPackagePages(t *testing.T) {
	deb, rpm := built(t, "SEKISHO_DIST_NEW", "*.deb"), built(t, "SEKISHO_DIST_NEW", "*.rpm")
	root := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-x", deb, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := filepath.Join(root, "usr/share/doc/sekisho")
	followLinks(t, dir)
	hasLicences(t, dir)
	unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/sekisho.service"))
	if err != nil {
		t.Fatal(err)
	}
	named := documentation.FindAllSubmatch(unit, -1)
	if len(named) == 0 {
		t.Error("the unit names no documentation")
	}
	for _, m := range named {
		if _, err := os.Stat(filepath.Join(root, string(m[1]))); err != nil {
			t.Errorf("the unit names %s: %v", m[1], err)
		}
	}

	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("SKIPPED: no rpm: apt-get install -y rpm")
	}
	out, err := exec.CommandContext(t.Context(), "rpm", "-qlp", rpm).Output()
	if err != nil {
		t.Fatal(err)
	}
	has := strings.Split(string(out), "\n")
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name := strings.TrimPrefix(path, root); !slices.Contains(has, name) {
			t.Errorf("the .deb has %s, the .rpm has not", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// documentation finds the pages that the unit names.
var documentation = regexp.MustCompile(`file://(\S+)`)

// followLinks fails for each page below a directory that points to nothing.
func followLinks(t *testing.T, dir string) {
	t.Helper()
	pages := 0
	err := filepath.WalkDir(dir, func(page string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(page) != ".md" {
			return err
		}
		pages++
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "../bench/") { // how to measure again takes the sources
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s points to %s: %v", strings.TrimPrefix(page, dir), m[1], err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 40 {
		t.Errorf("%d pages", pages)
	}
}

// hasLicences fails when a directory lacks the licences of others.
func hasLicences(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "licences-of-others.txt"))
	if err != nil || !strings.Contains(string(text), "htmx.org") || !strings.Contains(string(text), "github.com/jackc/pgx/v5 ") {
		t.Errorf("licences of others: %v", err)
	}
}
