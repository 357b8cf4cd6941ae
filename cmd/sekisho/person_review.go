package main

import (
	"fmt"
	"strconv"
	"strings"

	"sekisho/internal/fault"
	"sekisho/internal/person"
)

type personExplainCmd struct {
	State string `required:"" placeholder:"DIR" help:"${help_person_state}"`
	A     string `arg:"" help:"${help_person_a}"`
	B     string `arg:"" optional:"" help:"${help_person_b}"`
}

// Run says why two records are or are not one person; with one record, why
// each record of its person is there.
func (c personExplainCmd) Run(a *app) error {
	return withState(a, c.State, func(s *person.State) error {
		res, err := s.Load()
		if err != nil {
			return stateFault(c.State, err)
		}
		rows, err := findRows(res, c.A, c.B)
		if err != nil {
			return err
		}
		var all []person.Explanation
		if c.B != "" {
			all = append(all, res.Explain(rows[0], rows[1], s.Decisions()))
		} else {
			for _, other := range res.Members(res.Persons[rows[0]]) {
				if other != rows[0] {
					all = append(all, res.Explain(rows[0], other, s.Decisions()))
				}
			}
		}
		return a.out(all, func() {
			if len(all) == 0 {
				a.print("person_alone")
			}
			for _, e := range all {
				a.explainText(e)
			}
		})
	})
}

func (a *app) explainText(e person.Explanation) {
	key := "person_two"
	if e.PersonA == e.PersonB {
		key = "person_one"
	}
	a.print(key, "a", recordText(e.A), "b", recordText(e.B), "person_a", strconv.Itoa(int(e.PersonA)), "person_b", strconv.Itoa(int(e.PersonB)))
	a.fieldsText(e.Fields)
	a.print("person_sum", "bits", fmt.Sprintf("%+.1f", e.Bits), "prior", fmt.Sprintf("%+.1f", e.Prior),
		"probability", fmt.Sprintf("%.4f", e.Probability), "limit", fmt.Sprintf("%.4f", e.LinkAt))
	if e.Veto != "" {
		a.print("person_veto", "veto", a.say.Text("person_veto_"+e.Veto))
	}
	if e.Decided != "" {
		a.print("person_decided_" + e.Decided)
	}
	if len(e.Rules) > 0 {
		a.print("person_rules", "rules", strings.Join(e.Rules, ", "))
	}
	if len(e.Path) > 0 {
		var names []string
		for _, n := range e.Path {
			names = append(names, recordText(n))
		}
		a.print("person_path", "path", strings.Join(names, " – "))
	}
}

func (a *app) fieldsText(fields []person.Evidence) {
	for _, f := range fields {
		word := "alike"
		if f.Level == 1 {
			word = "differs"
		}
		a.print("person_field_"+word, "field", f.Field, "level", strconv.Itoa(f.Level), "bits", fmt.Sprintf("%+.1f", f.Bits))
	}
}

type personReviewCmd struct {
	State string `required:"" placeholder:"DIR" help:"${help_person_state}"`
	Limit int    `default:"20" help:"${help_person_limit}"`
}

// Run lists the links whose answer changes the head count most.
func (c personReviewCmd) Run(a *app) error {
	return withState(a, c.State, func(s *person.State) error {
		res, err := s.Load()
		if err != nil {
			return stateFault(c.State, err)
		}
		doubts := res.Doubts(c.Limit)
		return a.out(doubts, func() {
			for _, d := range doubts {
				a.print("person_doubt", "a", recordText(d.A), "b", recordText(d.B), "probability", fmt.Sprintf("%.3f", d.Probability), "bits", fmt.Sprintf("%+.1f", d.Bits))
				a.fieldsText(d.Fields)
			}
			if len(doubts) == 0 {
				a.print("person_no_doubt")
			}
		})
	})
}

type personDecideCmd struct {
	State     string `required:"" placeholder:"DIR" help:"${help_person_state}"`
	A         string `arg:"" help:"${help_person_a}"`
	B         string `arg:"" help:"${help_person_b}"`
	Same      bool   `xor:"answer" required:"" help:"${help_person_same}"`
	Different bool   `xor:"answer" required:"" help:"${help_person_different}"`
	Reason    string `required:"" help:"${help_reason}"`
	By        string `help:"${help_by}"`
}

// Run keeps a decision about two records; it outranks all evidence. It is
// recorded before it is true.
func (c personDecideCmd) Run(a *app) error {
	return withState(a, c.State, func(s *person.State) error {
		nameA, err := parseRecord(c.A)
		if err != nil {
			return err
		}
		nameB, err := parseRecord(c.B)
		if err != nil {
			return err
		}
		if err := s.Has(nameA, nameB); err != nil {
			return stateFault(c.State, err)
		}
		book, err := a.personBook(c.By)
		if err != nil {
			return err
		}
		defer book.close(a)
		d := person.Decision{A: nameA, B: nameB, Same: c.Same}
		if err := book.decision(a.ctx, d, c.Reason); err != nil {
			return err
		}
		changes, err := s.Decide(d)
		if err != nil {
			return stateFault(c.State, err)
		}
		if err := book.changes(a.ctx, changes); err != nil {
			return err
		}
		return a.out(changes, func() {
			if len(changes) == 0 {
				a.print("person_no_change")
			}
			for _, change := range changes {
				a.print("person_change_"+change.Kind, "person", strconv.Itoa(int(change.Person)), "others", fmt.Sprint(change.Others))
			}
			book.tell(a)
		})
	})
}

// withState opens an existing state and closes it at the end.
func withState(a *app, dir string, f func(s *person.State) error) error {
	s, fresh, err := person.OpenState(dir)
	if err != nil {
		return stateFault(dir, err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			a.log().Error("close", "err", err)
		}
	}()
	if fresh {
		return stateFault(dir, person.ErrState)
	}
	return f(s)
}

func recordText(n person.RecordName) string { return n.Source + "/" + n.Key }

func parseRecord(text string) (person.RecordName, error) {
	source, key, ok := strings.Cut(text, "/")
	if !ok || key == "" {
		return person.RecordName{}, fault.New(fault.PersonRecord, "name", text)
	}
	return person.RecordName{Source: source, Key: key}, nil
}

// findRows returns the rows of named records; empty names are left out.
func findRows(res *person.Result, texts ...string) ([]uint32, error) {
	var rows []uint32
	for _, text := range texts {
		if text == "" {
			continue
		}
		name, err := parseRecord(text)
		if err != nil {
			return nil, err
		}
		row, ok := res.Find(map[person.RecordName]uint32{name: 0})[name]
		if !ok {
			return nil, fault.New(fault.PersonRecord, "name", text)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
