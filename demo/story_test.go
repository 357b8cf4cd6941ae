package demo

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sekisho/internal/lang"
	"sekisho/internal/pgserver"
)

// The whole story with the real program, on a smaller shop: what scope says is
// what left.
func TestStory(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short; it builds the program and takes half a minute")
	}
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	program := filepath.Join(t.TempDir(), "sekisho")
	if out, err := exec.Command("go", "build", "-o", program, "sekisho/cmd/sekisho").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for seed, language := range map[uint64]lang.Language{4: lang.English, 5: lang.Japanese} {
		var out bytes.Buffer
		err := Run(t.Context(), Options{Seed: seed, Check: true, Lang: language, Out: &out, Program: []string{program}, Customers: 8000})
		if err != nil {
			t.Errorf("seed %d: %v\n%s", seed, err, out.String())
			continue
		}
		text := strings.TrimSpace(out.String())
		last := text[strings.LastIndexByte(text, '\n')+1:]
		if want := texts.In(language).Text("all_good", "seed", seed, "took", ""); !strings.Contains(last, want[:10]) {
			t.Errorf("seed %d: the last line is %q, want the sum of the comparison", seed, last)
		}
		if missing := regexp.MustCompile(`![a-z_0-9]+!|\{[a-z_]+\}`).FindString(text); missing != "" {
			t.Errorf("seed %d: %q was left unfilled", seed, missing)
		}
	}
}

// A program that does not work is an error that says why, and leaves nothing.
func TestStoryWithoutProgram(t *testing.T) {
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	err := Run(t.Context(), Options{Seed: 1, Check: true, Lang: lang.English, Out: &bytes.Buffer{}, Program: []string{"/bin/false"}, Customers: 100})
	if err == nil || errors.Is(err, ErrDifference) || !strings.Contains(err.Error(), "config check") {
		t.Errorf("error %v, want one that names the command that failed", err)
	}
}
