package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/person"
	"sekisho/internal/person/record"
)

type personCmd struct {
	Match   personMatchCmd   `cmd:"" help:"help_person_match"`
	Explain personExplainCmd `cmd:"" help:"help_person_explain"`
	Review  personReviewCmd  `cmd:"" help:"help_person_review"`
	Decide  personDecideCmd  `cmd:"" help:"help_person_decide"`
}

type personMatchCmd struct {
	Files        []string `arg:"" optional:"" type:"existingfile" help:"help_person_files"`
	Source       []string `sep:"none" placeholder:"[NAME=]DATABASE#TABLE" help:"help_person_source"`
	PasswordFile string   `placeholder:"FILE" help:"help_person_password_file"`
	State        string   `placeholder:"DIR" help:"help_person_state"`
	Out          string   `placeholder:"FILE" help:"help_person_out"`
	Column       []string `sep:"none" placeholder:"HEADING=KIND" help:"help_person_column"`
	Workers      int      `help:"help_person_workers"`
	By           string   `help:"help_by"`
	Memory       string   `placeholder:"SIZE" help:"help_person_memory"`
}

// personReport is what --json writes.
type personReport struct {
	person.Count
	Sources   []personSource      `json:"sources"`
	Shared    []personShared      `json:"shared"`
	Skipped   []personSkippedRule `json:"skipped_groups"`
	Refused   map[string]int      `json:"refused_links"`
	Changes   []person.Change     `json:"changes,omitempty"`
	Passports map[int]int         `json:"passports_by_year_of_issue,omitempty"`
}

type personSource struct {
	Source   string            `json:"source"`
	Encoding string            `json:"encoding"`
	Records  int               `json:"records"`
	Skipped  int               `json:"skipped"`
	Mixed    int               `json:"lines_in_another_encoding"`
	Columns  map[string]string `json:"columns"`
	Unnamed  bool              `json:"no_column_of_names,omitempty"`
	Problems []personProblem   `json:"problems,omitempty"`
}

type personProblem struct {
	Line  int64  `json:"line"`
	Fault string `json:"fault"`
}

type personShared struct {
	What    string `json:"what"`
	Groups  int    `json:"groups"`
	Records int    `json:"records"`
}

type personSkippedRule struct {
	Rule    string `json:"rule"`
	Groups  int    `json:"groups"`
	Records int    `json:"records"`
}

// Run counts the people behind customer records.
func (c personMatchCmd) Run(a *app) error {
	sources, closed, err := c.sources(a)
	if err != nil {
		return err
	}
	defer closed()
	bar := a.progress("progress_person")
	o, err := c.options()
	if err != nil {
		return err
	}
	o.Progress = func(_ string, done, all int64) { bar.show(uint64(done), uint64(all)) }
	book, err := a.personBook(c.By)
	if err != nil {
		return err
	}
	defer book.close(a)
	if book.open() && c.State != "" {
		o.Keys, o.Known = true, book.known(a)
	}
	res, changes, step, done, err := c.match(a, sources, o)
	bar.end()
	if err != nil {
		return err
	}
	defer done()
	if err := errors.Join(book.run(a, step, res), book.changes(a.ctx, changes)); err != nil {
		return err
	}
	if c.Out != "" {
		if err := writePersons(c.Out, res); err != nil {
			return fault.New(fault.ConfigUnreadable, "what", c.Out).Because(err)
		}
	}
	r := reportOf(res, changes)
	return a.out(r, func() {
		a.personText(r)
		book.tell(a)
	})
}

// options are those of the command line. A bound on memory is also what the
// garbage collector aims at.
func (c personMatchCmd) options() (person.Options, error) {
	o := person.Options{Workers: c.Workers, Keys: c.Out != ""}
	if c.Memory == "" {
		return o, nil
	}
	var size config.Bytes
	err := size.UnmarshalText([]byte(c.Memory))
	if least := person.LeastMemory(0, 1); err == nil && int64(size) < least {
		err = fmt.Errorf("--memory %s: %d MiB", c.Memory, least>>20)
	}
	if err != nil {
		return o, fault.New(fault.PersonMemory).Because(err)
	}
	debug.SetMemoryLimit(int64(size) / 2)
	o.Memory = int64(size)
	return o, nil
}

// match runs alone, begins a state or adds to one; step says which.
func (c personMatchCmd) match(a *app, sources []person.Source, o person.Options) (res *person.Result, changes []person.Change, step string, done func(), err error) {
	closing := func(close func() error) func() {
		return func() {
			if err := close(); err != nil {
				a.log().Error("close", "err", err)
			}
		}
	}
	if c.State == "" {
		if res, err = person.Run(a.ctx, sources, o); err != nil {
			return nil, nil, "", nil, runFault(err, fault.New(fault.PersonSource))
		}
		return res, nil, "alone", closing(res.Close), nil
	}
	s, fresh, err := person.OpenState(c.State)
	if err != nil {
		return nil, nil, "", nil, stateFault(c.State, err)
	}
	if step = "add"; fresh {
		step = "create"
		res, err = s.Create(a.ctx, sources, o)
	} else {
		res, changes, err = s.Add(a.ctx, sources, o)
	}
	if err != nil {
		closing(s.Close)()
		return nil, nil, "", nil, runFault(err, fault.New(fault.PersonState, "dir", c.State))
	}
	return res, changes, step, closing(s.Close), nil
}

// runFault says why a run ended: a cap on memory has a fault of its own.
func runFault(err error, other *fault.Error) error {
	var little *person.TooLittle
	if errors.As(err, &little) {
		return fault.New(fault.PersonMemory, "records", little.Records, "workers", little.Workers, "least", little.Least, "cap", little.Cap)
	}
	return other.Because(err)
}

func stateFault(dir string, err error) error {
	return fault.New(fault.PersonState, "dir", dir).Because(err)
}

// writePersons writes one line a record: source, key, person. The file is new
// and its owner's alone: it says who is whom.
func writePersons(name string, res *person.Result) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = w.WriteString("source,key,person\n")
	for row, p := range res.Persons {
		if p == 0 || err != nil {
			continue
		}
		n := res.Name(uint32(row))
		_, err = w.WriteString(quoted(n.Source) + "," + quoted(n.Key) + "," + strconv.FormatUint(uint64(p), 10) + "\n")
	}
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

// quoted is a CSV field (RFC 4180).
func quoted(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func reportOf(res *person.Result, changes []person.Change) personReport {
	r := personReport{Count: res.Count(), Changes: changes, Refused: map[string]int{}, Passports: res.PassportsByYear()}
	for _, read := range res.Reads {
		s := personSource{Unnamed: read.Records > 0 && !record.Named(read.Columns), Source: read.Source, Encoding: read.Encoding, Records: read.Records, Skipped: read.Skipped, Mixed: read.Mixed, Columns: map[string]string{}}
		for i, h := range read.Header {
			s.Columns[h] = read.Columns[i].String()
		}
		for _, p := range read.Problems {
			s.Problems = append(s.Problems, personProblem{p.Line, p.Fault.String()})
		}
		r.Sources = append(r.Sources, s)
	}
	for _, s := range res.Match.Shared {
		r.Shared = append(r.Shared, personShared{s.What, s.Groups, s.Records})
	}
	for _, s := range res.Match.Skipped {
		r.Skipped = append(r.Skipped, personSkippedRule{s.Rule, s.Groups, s.Records})
	}
	for _, l := range res.Refused {
		r.Refused[l.Veto.String()]++
	}
	return r
}

// personText is the report for people: the number first, then what it rests on.
func (a *app) personText(r personReport) {
	a.print("person_count", "low", countOf(uint64(r.Low)), "high", countOf(uint64(r.High)), "estimate", countOf(uint64(r.Estimate)), "records", countOf(uint64(r.Records)))
	a.print("person_bounds", "persons", countOf(uint64(r.Persons)), "accepted", countOf(uint64(r.IfAccepted)), "review", countOf(uint64(r.Review)))
	a.print("person_hidden", "records", countOf(uint64(r.Unlinkable)), "hidden", countOf(uint64(r.Hidden)))
	a.print("person_quality", "precision", fmt.Sprintf("%.4f", r.Precision), "recall", fmt.Sprintf("%.4f", r.Recall))
	for _, s := range r.Sources {
		a.print("person_source", "source", s.Source, "records", countOf(uint64(s.Records)), "encoding", s.Encoding, "skipped", countOf(uint64(s.Skipped)))
		if s.Unnamed {
			a.print("person_unnamed")
		}
		for _, p := range s.Problems[:min(len(s.Problems), 5)] {
			a.print("person_problem", "line", strconv.FormatInt(p.Line, 10), "fault", a.say.Text("person_fault_"+p.Fault))
		}
	}
	for _, s := range r.Shared {
		a.print("person_shared", "what", s.What, "groups", countOf(uint64(s.Groups)), "records", countOf(uint64(s.Records)))
	}
	for _, s := range r.Skipped {
		a.print("person_capped", "rule", s.Rule, "groups", countOf(uint64(s.Groups)), "records", countOf(uint64(s.Records)))
	}
	for _, c := range r.Changes {
		a.print("person_change_"+c.Kind, "person", strconv.Itoa(int(c.Person)), "others", fmt.Sprint(c.Others))
	}
}
