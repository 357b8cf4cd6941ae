package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sekisho/internal/event"
	"sekisho/internal/person"
)

// answering answers what three records are. After the restart the state and the ledger
// have all of the answer, or nothing, and nothing twice.
func (f *killedFirm) answering(int) killAct {
	t := f.t
	t.Helper()
	dir, fresh := filepath.Join(f.dir, "persons"), filepath.Join(f.logs, "persons-fresh")
	if _, err := os.Stat(fresh); errors.Is(err, os.ErrNotExist) {
		pairsIn(t, fresh)
	}
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(fresh))); err != nil {
		t.Fatal(err)
	}
	number, digest, answers := askedGroup(f)
	from := f.head()
	return killAct{name: "answer about persons", who: "ayame", path: "/persons/decide",
		form: f.form("ayame", "answer", "same", "group", strconv.FormatUint(uint64(number), 10), "digest", digest, "reason", "asked them", "boxes", "0"), check: func(told bool) {
			s, _, err := person.OpenState(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			done := s.Holds(answers...)
			if !done && slices.ContainsFunc(answers, func(d person.Decision) bool { return s.Holds(d) }) {
				t.Error("the state holds a part of the answer")
			}
			if _, err := os.Stat(filepath.Join(dir, answerFile)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it is left in the middle: %v", err)
			}
			f.outcome(told, done, func(bodies []event.Body) bool {
				decisions, changes := 0, 0
				for _, b := range bodies {
					switch b.(type) {
					case *event.PersonDecision:
						decisions++
					case *event.PersonChange:
						changes++
					}
				}
				if all := decisions == len(answers) && changes == 1; all || decisions == 0 && changes == 0 {
					return all
				}
				t.Errorf("%d decisions and %d changes in the ledger, %d answers", decisions, changes, len(answers))
				return done
			}, from)
		}}
}

// askedGroup is the group of three that nobody decided about, and what an answer means.
func askedGroup(f *killedFirm) (number uint32, digest string, answers []person.Decision) {
	f.t.Helper()
	s, _, err := person.OpenState(filepath.Join(f.dir, "persons"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	res, err := s.Load()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, g := range res.Groups(groupsKept) {
		if slices.Contains(g.Records, person.RecordName{Source: "shop", Key: "q1"}) {
			number, digest, answers = g.Number, digestOf(&g), res.Answers(g, true)
		}
	}
	if len(answers) < 2 {
		f.t.Fatalf("%d answers", len(answers))
	}
	return number, digest, answers
}
