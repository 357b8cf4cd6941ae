package main

import (
	"os"
	"path/filepath"
	"testing"

	"sekisho/demo/story"
	"sekisho/internal/lang"
	"sekisho/internal/pgserver"
)

// TestConsoleStories looks at the four incidents in the console of a process that
// starts on their ledgers: see internal/console/browser/stories.mjs.
func TestConsoleStories(t *testing.T) {
	node, pages := browserAt(t)
	for _, name := range story.Names {
		t.Run(name, func(t *testing.T) {
			if _, err := pgserver.Find(); name != "hawaiians" && err != nil {
				t.Skip("SKIPPED: the story's databases need PostgreSQL: ", err)
			}
			dir := t.TempDir()
			if _, err := tellStoryIn(t.Context(), dir, name, lang.Japanese, nil); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "sekisho.yaml")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(text, "console: {listen: '127.0.0.1:0'}\n"...), 0o600); err != nil {
				t.Fatal(err)
			}
			link := consoleUp(t, dir, programIn(t, dir))
			drive(t, node, filepath.Join(pages, "stories.mjs"), link)
		})
	}
}
