package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestPicturesAreUsed: `make screenshots` makes the pictures of the documents, all of
// them and no others.
func TestPicturesAreUsed(t *testing.T) {
	story, err := os.ReadFile("../../internal/console/browser/story.mjs")
	if err != nil {
		t.Fatal(err)
	}
	var made, kept, used []string
	for _, m := range regexp.MustCompile(`shoot\(\w+, "([a-z-]+)"`).FindAllStringSubmatch(string(story), -1) {
		made = append(made, m[1]+".png")
	}
	for _, m := range regexp.MustCompile(`const shots = \{ "/": "([a-z]+)" \};`).FindAllStringSubmatch(string(story), -1) {
		made = append(made, m[1]+"-en.png", m[1]+"-ja.png")
	}
	files, err := filepath.Glob("../../docs/pictures/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		kept = append(kept, filepath.Base(file))
	}
	for _, pattern := range []string{"../../README*.md", "../../docs/*.md", "../../docs/*/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`pictures/([a-z-]+\.png)`).FindAllStringSubmatch(string(text), -1) {
				used = append(used, m[1])
			}
		}
	}
	slices.Sort(made)
	slices.Sort(kept)
	slices.Sort(used)
	if used = slices.Compact(used); len(used) < 5 || !slices.Equal(made, kept) || !slices.Equal(used, kept) {
		t.Errorf("made %q\nkept %q\nused %q", made, kept, used)
	}
}
