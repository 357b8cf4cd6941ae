package person

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/person/persontest"
	"sekisho/internal/person/record"
)

// storyFiles writes the story's sites at a size.
func storyFiles(t testing.TB, persons int, seed uint64) (sources []Source) {
	t.Helper()
	dir := t.TempDir()
	for _, site := range persontest.Story(persons, seed) {
		file := filepath.Join(dir, site.Name+".csv")
		if err := os.WriteFile(file, site.Text, 0o600); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, Source{Name: site.Name, File: file})
	}
	return sources
}

// A run that may keep next to nothing in memory finds the same persons, alone
// and when it is added to.
func TestMemoryBound(t *testing.T) {
	sources := storyFiles(t, 30_000, 3)
	ctx := t.Context()
	free, err := Run(ctx, sources, Options{})
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	o := Options{Memory: 1, Temp: temp, anyMemory: true} // every look takes all pages away
	bound, err := Run(ctx, sources, o)
	if err != nil {
		t.Fatal(err)
	}
	if bound.Table.Room.Spilled() < int64(bound.Table.Len()*record.RecordBytes) {
		t.Errorf("%d bytes lie on disk, want at least the rows", bound.Table.Room.Spilled())
	}
	if !slices.Equal(free.Persons, bound.Persons) || cmp.Diff(free.Count(), bound.Count()) != "" {
		t.Errorf("persons differ: %+v, want %+v", bound.Count(), free.Count())
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("files that others could read: %v %v", left, err)
	}
	if err := bound.Close(); err != nil {
		t.Error(err)
	}
	var got [2][]uint32
	for i, o := range []Options{{}, o} {
		s, _, err := OpenState(filepath.Join(t.TempDir(), "state"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, sources[:2], o); err != nil {
			t.Fatal(err)
		}
		res, _, err := s.Add(ctx, sources[2:], o)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = slices.Clone(res.Persons)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(got[0], got[1]) {
		t.Error("persons differ when sources are added")
	}
}

// A disk that is full ends the run with a reason.
func TestNoRoom(t *testing.T) {
	full := errors.New("full")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(full)
	if _, err := Run(ctx, storyFiles(t, 500, 1), Options{Memory: LeastMemory(1000, 1), Temp: t.TempDir()}); err == nil {
		t.Error("a stopped run had a result")
	}
	if _, err := Run(t.Context(), storyFiles(t, 500, 1), Options{Memory: LeastMemory(1000, 1), Temp: filepath.Join(t.TempDir(), "nowhere")}); !errors.Is(err, record.ErrRoom) {
		t.Errorf("no folder for tables: %v, want ErrRoom", err)
	}
}

// killed is set in the process that TestKilled kills: the state's folder and the
// sources.
const killed = "SEKISHO_PERSON_KILLED"

// TestKilledHelper is the process that is killed. It says which stage it is in.
func TestKilledHelper(t *testing.T) {
	text := os.Getenv(killed)
	if text == "" {
		t.Skip("SKIPPED: only TestKilled starts it")
	}
	parts := strings.Split(text, "\n")
	s, _, err := OpenState(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for _, file := range parts[1:] {
		sources = append(sources, Source{Name: strings.TrimSuffix(filepath.Base(file), ".csv"), File: file})
	}
	said := ""
	_, err = s.Create(t.Context(), sources, Options{Memory: LeastMemory(100_000, 1), Progress: func(stage string, _, _ int64) {
		if stage != said {
			fmt.Println("stage", stage)
			said = stage
		}
	}})
	fmt.Println("stage done", err)
	select {} // until it is killed
}

// kill -9 in any stage: the next start finds nothing of it, and begins anew or
// goes on with what was whole.
func TestKilled(t *testing.T) {
	sources := storyFiles(t, 20_000, 5)
	want, err := Run(t.Context(), sources, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state")
	for _, stage := range []string{"read", "block", "compare", "done"} {
		value := dir
		for _, s := range sources {
			value += "\n" + s.File
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledHelper$", "-test.v")
		cmd.Env = append(os.Environ(), killed+"="+value)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		seen := false
		for !seen && lines.Scan() {
			seen = strings.Contains(lines.Text(), "stage "+stage)
		}
		if err := cmd.Process.Kill(); err != nil || !seen {
			t.Fatalf("stage %s was not seen: %v", stage, err)
		}
		cmd.Wait()
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s can be read by others", file)
			}
		}
		s, fresh, err := OpenState(dir)
		if err != nil {
			t.Fatal(err)
		}
		if whole := stage == "done"; fresh == whole {
			t.Errorf("killed in stage %s: fresh %v", stage, fresh)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); fresh && !slices.Equal(left, []string{filepath.Join(dir, "lock")}) {
			t.Errorf("killed in stage %s, left behind: %v", stage, left)
		}
		if !fresh {
			res, err := s.Load()
			if err != nil || !slices.Equal(res.Persons, want.Persons) {
				t.Errorf("what was whole is not: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A cap below what so many records need is refused before anything is matched,
// with the least that would do.
func TestTooLittleMemory(t *testing.T) {
	sources := storyFiles(t, 30_000, 7)
	least := LeastMemory(0, 1)
	var said []string
	_, err := Run(t.Context(), sources, Options{Memory: least, Workers: 1, Temp: t.TempDir(), Progress: func(stage string, _, _ int64) { said = append(said, stage) }})
	if !errors.Is(err, ErrMemory) || len(said) > 0 {
		t.Errorf("files for which %d MiB are too little: %v, after stages %q", least>>20, err, said)
	}
	var little *TooLittle
	if !errors.As(err, &little) || little.Records < 20_000 || little.Workers != 1 || little.Least <= little.Cap || little.Cap != least>>20 {
		t.Errorf("what it takes: %+v", little)
	}
	text, err := os.ReadFile(sources[0].File)
	if err != nil {
		t.Fatal(err)
	}
	rows := Source{Name: "rows", Rows: func(_ context.Context, w io.Writer) (int, error) {
		_, err := w.Write(text)
		return 0, err
	}}
	_, err = Run(t.Context(), []Source{rows}, Options{Memory: least, Workers: 1, Temp: t.TempDir(), Progress: func(stage string, _, _ int64) { said = append(said, stage) }})
	if !errors.Is(err, ErrMemory) || slices.Contains(said, "block") {
		t.Errorf("rows for which %d MiB are too little: %v, after stages %q", least>>20, err, said)
	}
	if _, err := Run(t.Context(), sources, Options{Memory: LeastMemory(40_000, 1), Workers: 1, Temp: t.TempDir()}); err != nil {
		t.Errorf("enough memory: %v", err)
	}
}
