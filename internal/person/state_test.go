package person

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/person/persontest"
)

func textFile(t *testing.T, name string, rows []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(header+strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// personsOf returns the person of each named record.
func personsOf(res *Result) map[RecordName]uint32 {
	m := map[RecordName]uint32{}
	for i, p := range res.Persons {
		if p != 0 {
			m[res.Name(uint32(i))] = p
		}
	}
	return m
}

func TestStateKeepsNumbers(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "state")
	s, fresh, err := OpenState(dir)
	if err != nil || !fresh {
		t.Fatalf("open: %v, fresh %v", err, fresh)
	}
	if _, _, err := OpenState(dir); err == nil {
		t.Error("a second process opened the state")
	}
	old := crowd(900, 11)
	// two records that only a third brings together: no field is in both
	old = append(old,
		"x1,鈴木 浩,スズキ ヒロシ,,1991-04-05,nagisa@example.jp,,,,",
		"x2,,SUZUKI HIROSHI,,,,09055554444,9010001,沖縄県那覇市港町1-1-1,")
	first, err := s.Create(ctx, []Source{{Name: "one", File: textFile(t, "one.csv", old)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := personsOf(first)
	if before[RecordName{"one", "x1"}] == before[RecordName{"one", "x2"}] {
		t.Fatal("x1 and x2 are one person before anything says so")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// what a killed run leaves behind the valid ends is written over
	for _, name := range []string{"records.bin", "keys.txt", "words-latin.txt", "history.jsonl"} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("garbage of a run that died\n")
		f.Close()
	}
	s, fresh, err = OpenState(dir)
	if err != nil || fresh {
		t.Fatalf("open again: %v, fresh %v", err, fresh)
	}
	news := []string{
		"y1,鈴木 浩,スズキ ヒロシ,,1991-04-05,nagisa@example.jp,09055554444,9010001,沖縄県那覇市港町1丁目1番1号,",
		"y2,誰 某,ダレ ナニガシ,,1901-01-02,who@example.jp,,,,",
	}
	// a new record of a person with one record
	parts := strings.SplitN(old[1], ",", 2)
	news = append(news, "y3,"+parts[1])
	res, changes, err := s.Add(ctx, []Source{{Name: "two", File: textFile(t, "two.csv", news)}}, Options{Keys: true})
	if err != nil {
		t.Fatal(err)
	}
	after := personsOf(res)
	low := min(before[RecordName{"one", "x1"}], before[RecordName{"one", "x2"}])
	high := max(before[RecordName{"one", "x1"}], before[RecordName{"one", "x2"}])
	if d := cmp.Diff([]Change{{"merge", low, []uint32{high}, "new records belong to both"}}, changes); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	for name, p := range before {
		if want := p; after[name] != want && (p != high || after[name] != low) {
			t.Errorf("%v was person %d and is %d", name, want, after[name])
		}
	}
	if got := after[RecordName{"two", "y3"}]; got != before[RecordName{"one", parts[0]}] {
		t.Errorf("y3 is person %d, want that of %s, %d", got, parts[0], before[RecordName{"one", parts[0]}])
	}
	for name, p := range before {
		if after[RecordName{"two", "y2"}] == p {
			t.Errorf("the newcomer has the number of %v", name)
		}
	}
	if _, _, err := s.Add(ctx, []Source{{Name: "two", File: textFile(t, "two.csv", news)}}, Options{Keys: true}); !errors.Is(err, ErrReadBefore) {
		t.Errorf("the same source again: %v, want ErrReadBefore", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDecisionsSurvive(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "state")
	s, _, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	if _, err := s.Create(ctx, []Source{{Name: "one", File: textFile(t, "one.csv", crowd(300, 12))}}, Options{}); err != nil {
		t.Fatal(err)
	}
	name := func(k string) RecordName { return RecordName{"one", k} }
	changes, err := s.Decide(Decision{name("c3"), name("d3"), false})
	if err != nil || len(changes) != 1 || changes[0].Kind != "split" {
		t.Fatalf("split: %+v, %v", changes, err)
	}
	changes, err = s.Decide(Decision{name("c1"), name("c2"), true})
	if err != nil || len(changes) != 1 || changes[0].Kind != "merge" {
		t.Fatalf("merge: %+v, %v", changes, err)
	}
	if _, err := s.Decide(Decision{name("c1"), name("nobody"), true}); !errors.Is(err, ErrNoRecord) {
		t.Errorf("an unknown record: %v, want ErrNoRecord", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, _, err = OpenState(dir); err != nil {
		t.Fatal(err)
	}
	rows := crowd(300, 12)
	again := strings.Replace(rows[4], "c3,", "z3,", 1) // a third record of the person that was split
	if !strings.HasPrefix(again, "z3,") {
		t.Fatalf("row 4 is not c3: %q", rows[4][:3])
	}
	res, _, err := s.Add(ctx, []Source{{Name: "two", File: textFile(t, "two.csv", []string{again})}}, Options{Keys: true})
	if err != nil {
		t.Fatal(err)
	}
	p := personsOf(res)
	if p[name("c3")] == p[name("d3")] {
		t.Error("what was decided to be two became one through a third record")
	}
	if p[name("c1")] != p[name("c2")] {
		t.Error("what was decided to be one fell apart")
	}
	e := res.Explain(res.Find(map[RecordName]uint32{name("c3"): 0})[name("c3")], res.Find(map[RecordName]uint32{name("d3"): 0})[name("d3")], s.Decisions())
	if e.Decided != "different" || e.Probability < 0.99 || len(e.Rules) == 0 {
		t.Errorf("explanation: %+v", e)
	}
}

// Many runs keep few files; what each of them brought is found by later ones,
// and what a dead run left behind is gone at the next start.
func TestManyRuns(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "state")
	s, _, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	if _, err := s.Create(ctx, []Source{{Name: "first", File: textFile(t, "first.csv", crowd(300, 31))}}, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index-99.bin"), []byte("dead"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, _, err = OpenState(dir); err != nil {
		t.Fatal(err)
	}
	news := crowd(20, 32)
	var again []string
	for i, row := range news {
		key, rest, _ := strings.Cut(row, ",")
		again = append(again, "z"+key+","+rest)
		if _, _, err := s.Add(ctx, []Source{{Name: "run" + key, File: textFile(t, "run.csv", news[i:i+1])}}, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "index-*.bin"))
	if err != nil || len(files) > mostRuns+1 {
		t.Errorf("%d files of keys after %d runs, %v", len(files), len(news), err)
	}
	res, _, err := s.Add(ctx, []Source{{Name: "again", File: textFile(t, "again.csv", again)}}, Options{Keys: true})
	if err != nil {
		t.Fatal(err)
	}
	p := personsOf(res)
	for _, row := range news {
		key, _, _ := strings.Cut(row, ",")
		if was, is := p[RecordName{"run" + key, key}], p[RecordName{"again", "z" + key}]; was != is || is == 0 {
			t.Errorf("%s is person %d and its copy %d", key, was, is)
		}
	}
}

// What is lost in joins is learned once and kept: later runs lack the links.
func TestStateKeepsLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, _, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	site := persontest.Table(persontest.Shape{Script: "kana", Birth: true, Phone: true, Again: 0.5, Slips: 0.05}, 600, 1)
	file := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(file, site.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := s.Create(context.Background(), []Source{{Name: site.Name, File: file}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := first.lost
	if want.Likely == 0 || want.Most <= want.Likely {
		t.Fatalf("lost is %+v, want some", want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, older := range []bool{false, true} {
		s, _, err := OpenState(dir)
		if err != nil {
			t.Fatal(err)
		}
		if older {
			s.manifest.Lost, want = nil, learnedLoss(s.manifest.Frozen.Model)
		}
		res, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		if res.lost != want {
			t.Errorf("older %v: lost is %+v, want %+v", older, res.lost, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
