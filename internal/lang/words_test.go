package lang

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneWord are words that Japanese has two of for one thing: the one of the
// console's glossary is said everywhere, the other nowhere.
var oneWord = map[string]string{"案件": "事案"}

// TestOneWord: texts and guides call one thing by one word.
func TestOneWord(t *testing.T) {
	read := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && path != "../..") {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".yaml" && ext != ".md" && ext != ".templ" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for i, line := range strings.Split(string(text), "\n") {
			for word, instead := range oneWord {
				if strings.Contains(line, word) {
					t.Errorf("%s:%d says %s for what the glossary calls %s", path, i+1, word, instead)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 50 {
		t.Errorf("only %d files were read", read)
	}
}
