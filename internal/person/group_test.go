package person

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// doubtful are records of one or two people each, whom no rule settles: the same
// name and town, telephones of their own, no date of birth.
func doubtful() []string {
	rows := crowd(900, 31)
	return append(rows,
		"q1,五百旗頭 真琴,イオキベ マコト,,1971-03-04,iokibe@example.jp,,1500001,,",
		"q2,五百旗頭 真琴,イオキベ マコト,,,,09012345678,1500001,,",
		"q3,五百旗頭 真琴,イオキベ マコト,,,,08087654321,1500001,,",
		"r1,勅使河原 環,テシガワラ タマキ,,1962-08-09,,,0600001,,",
		"r2,勅使河原 環,テシガワラ タマキ,,,teshi@example.jp,,0600001,,")
}

func groupWith(t *testing.T, res *Result, key string) Group {
	t.Helper()
	for _, g := range res.Groups(0) {
		if slices.Contains(g.Records, RecordName{"one", key}) {
			return g
		}
	}
	t.Fatalf("nothing is in doubt about %s", key)
	return Group{}
}

// Clusters in doubt come whole, the one that matters most first, and one answer
// settles each for every later run.
func TestGroups(t *testing.T) {
	ctx := context.Background()
	file := textFile(t, "one.csv", doubtful())
	open := func(dir string) *State {
		t.Helper()
		s, _, err := OpenState(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	load := func(s *State) *Result {
		t.Helper()
		res, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	dir := filepath.Join(t.TempDir(), "state")
	s := open(dir)
	if _, err := s.Create(ctx, []Source{{Name: "one", File: file}}, Options{LinkAt: 0.9999999, ReviewAt: 0.001}); err != nil {
		t.Fatal(err)
	}
	res := load(s)
	groups := res.Groups(0)
	for i, g := range groups {
		if i > 0 && g.Effect > groups[i-1].Effect {
			t.Errorf("group %d has more effect than the one before it", g.Number)
		}
		if g.Number != g.Persons[0] || len(g.Doubts) == 0 || g.Merged != 1-len(g.Persons) && g.Split == 0 {
			t.Errorf("group %+v", g)
		}
	}
	one, two := groupWith(t, res, "q1"), groupWith(t, res, "r1")
	if len(one.Persons) != 3 || len(one.Records) != 3 || one.Merged != -2 || len(two.Persons) != 2 || two.Merged != -1 {
		t.Fatalf("the clusters are %+v and %+v", one, two)
	}
	for _, e := range res.ExplainGroup(one, s.Decisions()) {
		if len(e.Fields) == 0 || len(e.Rules) == 0 {
			t.Errorf("explained without fields or rules: %+v", e)
		}
	}
	before := res.Count()
	changes, err := s.Decide(res.Answers(one, true)...)
	if err != nil || len(changes) != 2 {
		t.Fatalf("the answer changed %v: %v", changes, err)
	}
	if changes, err = s.Decide(res.Answers(two, false)...); err != nil || len(changes) != 0 {
		t.Fatalf("they were two already, the answer changed %v: %v", changes, err)
	}
	after := load(s)
	if c := after.Count(); c.Persons != before.Persons-2 || c.IfAccepted != before.IfAccepted+1 {
		t.Errorf("%d persons, %d if all is accepted; want %d and %d", c.Persons, c.IfAccepted, before.Persons-2, before.IfAccepted+1)
	}
	for _, g := range after.Groups(0) {
		if slices.Contains(g.Records, RecordName{"one", "q1"}) || slices.Contains(g.Records, RecordName{"one", "r1"}) {
			t.Errorf("asked again: %+v", g)
		}
	}
	if _, err := after.Group(math.MaxUint32); !errors.Is(err, ErrNoGroup) {
		t.Errorf("a group that is not there: %v", err)
	}
	holds := func(what string, res *Result) {
		t.Helper()
		p := personsOf(res)
		name := func(key string) uint32 { return p[RecordName{"one", key}] }
		if name("q1") != name("q2") || name("q2") != name("q3") || name("r1") == name("r2") {
			t.Errorf("%s: persons %d %d %d and %d %d", what, name("q1"), name("q2"), name("q3"), name("r1"), name("r2"))
		}
	}
	holds("at once", after)
	more := textFile(t, "two.csv", []string{"z1,勅使河原 環,テシガワラ タマキ,,1962-08-09,teshi@example.jp,,0600001,,"}) // knows both
	res, _, err = s.Add(ctx, []Source{{Name: "two", File: more}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	holds("after more records", res)
	decided := s.Decisions()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(filepath.Join(t.TempDir(), "again"))
	defer s.Close()
	if res, err = s.Create(ctx, []Source{{Name: "one", File: file}, {Name: "two", File: more}}, Options{Known: func(*Result) ([]Decision, error) { return decided, nil }}); err != nil {
		t.Fatal(err)
	}
	holds("in a folder made anew", res)
	if d := cmp.Diff(decided, s.Decisions()); d != "" {
		t.Errorf("decisions (-want +got):\n%s", d)
	}
}

// A join that is not sure is asked about too, and the answer takes it apart.
func TestWeakJoin(t *testing.T) {
	s, _, err := OpenState(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Create(t.Context(), []Source{{Name: "one", File: textFile(t, "one.csv", doubtful())}}, Options{LinkAt: 0.0005, ReviewAt: 0.0001}); err != nil {
		t.Fatal(err)
	}
	res, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	g := groupWith(t, res, "r1")
	if len(g.Persons) != 1 || g.Split != 1 || g.Merged != 0 {
		t.Fatalf("the join in doubt is %+v", g)
	}
	changes, err := s.Decide(res.Answers(g, false)...)
	if err != nil || len(changes) != 1 || changes[0].Kind != "split" {
		t.Errorf("taken apart: %v, %v", changes, err)
	}
	if res, err = s.Load(); err != nil {
		t.Fatal(err)
	}
	if p := personsOf(res); p[RecordName{"one", "r1"}] == p[RecordName{"one", "r2"}] {
		t.Error("still one person")
	}
}
