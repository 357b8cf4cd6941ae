package main

import (
	"fmt"
	"strconv"
	"strings"

	"sekisho/internal/fault"
	"sekisho/internal/person"
)

type personExplainCmd struct {
	State string `required:"" placeholder:"DIR" help:"help_person_state"`
	Group uint32 `placeholder:"NUMBER" help:"help_person_group"`
	A     string `arg:"" optional:"" help:"help_person_a"`
	B     string `arg:"" optional:"" help:"help_person_b"`
}

// Run says why two records are or are not one person; with one record, why
// each record of its person is there; with a cluster in doubt, why each record of
// it is or is not of its first one's person, and what its doubts are.
func (c personExplainCmd) Run(a *app) error {
	if (c.A == "") == (c.Group == 0) {
		return fault.New(fault.Usage, "problem", a.say.Text("person_one_or_group"), "hint", a.say.Text("try_help"))
	}
	return withState(a, c.State, func(s *person.State) error {
		res, err := s.Load()
		if err != nil {
			return stateFault(c.State, err)
		}
		all, err := c.explain(res, s.Decisions())
		if err != nil {
			return err
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

func (c personExplainCmd) explain(res *person.Result, decisions []person.Decision) (all []person.Explanation, err error) {
	if c.Group != 0 {
		g, err := res.Group(c.Group)
		if err != nil {
			return nil, fault.New(fault.PersonRecord, "name", strconv.Itoa(int(c.Group))).Because(err)
		}
		return res.ExplainGroup(g, decisions), nil
	}
	rows, err := findRows(res, c.A, c.B)
	if err != nil {
		return nil, err
	}
	if c.B != "" {
		return append(all, res.Explain(rows[0], rows[1], decisions)), nil
	}
	for _, other := range res.Members(res.Persons[rows[0]]) {
		if other != rows[0] {
			all = append(all, res.Explain(rows[0], other, decisions))
		}
	}
	return all, nil
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
	if len(e.Between) == 2 {
		a.print("person_veto_between", "a", recordText(e.Between[0]), "b", recordText(e.Between[1]))
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
	State string `required:"" placeholder:"DIR" help:"help_person_state"`
	Limit int    `default:"20" help:"help_person_limit"`
	Pairs bool   `help:"help_person_pairs"`
}

// Run lists the clusters whose answer changes the head count most, or single
// links.
func (c personReviewCmd) Run(a *app) error {
	return withState(a, c.State, func(s *person.State) error {
		res, err := s.Load()
		if err != nil {
			return stateFault(c.State, err)
		}
		if !c.Pairs {
			groups := res.Groups(c.Limit)
			return a.out(groups, func() { a.groupsText(groups) })
		}
		doubts := res.Doubts(c.Limit)
		return a.out(doubts, func() {
			for _, d := range doubts {
				a.doubtText(d)
			}
			if len(doubts) == 0 {
				a.print("person_no_doubt")
			}
		})
	})
}

func (a *app) doubtText(d person.Doubt) {
	a.print("person_doubt", "a", recordText(d.A), "b", recordText(d.B), "probability", fmt.Sprintf("%.3f", d.Probability), "bits", fmt.Sprintf("%+.1f", d.Bits))
	a.fieldsText(d.Fields)
}

// groupsText shows clusters in doubt, and how to answer.
func (a *app) groupsText(groups []person.Group) {
	for _, g := range groups {
		a.print("person_group", "number", strconv.Itoa(int(g.Number)), "persons", strconv.Itoa(len(g.Persons)), "records", strconv.Itoa(len(g.Records)),
			"effect", fmt.Sprintf("%.2f", g.Effect), "merged", fmt.Sprintf("%+d", g.Merged), "split", fmt.Sprintf("%+d", g.Split))
		for _, d := range g.Doubts {
			a.doubtText(d)
		}
	}
	if len(groups) == 0 {
		a.print("person_no_doubt")
	}
}

type personDecideCmd struct {
	State     string   `required:"" placeholder:"DIR" help:"help_person_state"`
	Group     uint32   `placeholder:"NUMBER" help:"help_person_group"`
	Records   []string `arg:"" optional:"" help:"help_person_records"`
	Same      bool     `xor:"answer" required:"" help:"help_person_same"`
	Different bool     `xor:"answer" required:"" help:"help_person_different"`
	Reason    string   `required:"" help:"help_reason"`
	By        string   `help:"help_by"`
}

// decisions are those about the pairs of the records that were named, or of the
// cluster in doubt.
func (c personDecideCmd) decisions(a *app, s *person.State) (out []person.Decision, err error) {
	if c.Group != 0 && len(c.Records) == 0 {
		res, err := s.Load()
		if err != nil {
			return nil, stateFault(c.State, err)
		}
		g, err := res.Group(c.Group)
		if err != nil {
			return nil, stateFault(c.State, err)
		}
		return res.Answers(g, c.Same), nil
	}
	if len(c.Records) < 2 || c.Group != 0 {
		return nil, fault.New(fault.Usage, "problem", a.say.Text("person_two_or_group"), "hint", a.say.Text("try_help"))
	}
	var names []person.RecordName
	for _, text := range c.Records {
		name, err := parseRecord(text)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	for i, name := range names {
		for _, other := range names[i+1:] {
			out = append(out, person.Decision{A: name, B: other, Same: c.Same})
		}
	}
	if err := s.Has(out...); err != nil {
		return nil, stateFault(c.State, err)
	}
	return out, nil
}

// Run keeps decisions about pairs of records; they outrank all evidence. They
// are recorded before they are true.
func (c personDecideCmd) Run(a *app) error {
	return withState(a, c.State, func(s *person.State) error {
		decisions, err := c.decisions(a, s)
		if err != nil {
			return err
		}
		book, err := a.personBook(c.By)
		if err != nil {
			return err
		}
		defer book.close(a)
		for _, d := range decisions {
			if err := book.decision(a.ctx, d, c.Reason); err != nil {
				return err
			}
		}
		changes, err := s.Decide(decisions...)
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
