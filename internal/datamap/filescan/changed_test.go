package filescan

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// meddler is a sink that does something to the file when its first bytes come.
type meddler struct {
	do       func()
	bytes    int
	troubles []document.Trouble
}

func (m *meddler) Text(string, element.Encoding) io.WriteCloser { return m }

func (m *meddler) Table(string) document.Table { panic("a text") }

func (m *meddler) Trouble(_ string, t document.Trouble, _ string) { m.troubles = append(m.troubles, t) }

func (m *meddler) Write(p []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	m.bytes += len(p)
	return len(p), nil
}

func (m *meddler) Close() error { return nil }

// TestChangedWhileRead: a file that is cut or written over while it is read is told and
// read again; what is added at its end, or put in its place, is for the next reading.
func TestChangedWhileRead(t *testing.T) {
	text := strings.Repeat("2026-01-01 関所 一郎\n", 40_000)
	for name, c := range map[string]struct {
		do      func(name string) error
		trouble bool
		all     bool // what stood there was read to its end
	}{
		"cut":            {func(name string) error { return os.Truncate(name, 0) }, true, false},
		"cut and filled": {func(name string) error { return os.WriteFile(name, []byte(text[:300_000]), 0o600) }, true, false},
		"written over": {func(name string) error {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				return err
			}
			return os.Chtimes(name, time.Time{}, time.Unix(2_000_000_000, 0))
		}, true, true},
		"added to": {func(name string) error {
			f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close() // of a test
			_, err = f.WriteString(text)
			return err
		}, false, true},
		"replaced": {func(name string) error {
			if err := os.WriteFile(name+".new", []byte("x"), 0o600); err != nil {
				return err
			}
			return os.Rename(name+".new", name)
		}, false, true},
		"removed": {os.Remove, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.log")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			m := &meddler{do: func() {
				if err := c.do(path); err != nil {
					t.Fatal(err)
				}
			}}
			changed, err := objectOf(filepath.Dir(path), entry{raw: "a.log", info: info}).Content.Read(t.Context(), &document.Reader{}, m)
			if err != nil || !changed && name != "removed" && name != "replaced" {
				t.Errorf("changed %v, %v", changed, err)
			}
			if told := len(m.troubles) == 1 && m.troubles[0] == document.Changed; told != c.trouble || !told && len(m.troubles) > 0 {
				t.Errorf("told %v", m.troubles)
			}
			if (m.bytes == len(text)) != c.all {
				t.Errorf("%d of %d bytes", m.bytes, len(text))
			}
		})
	}
}
