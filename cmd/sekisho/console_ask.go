package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/lang"
	"sekisho/internal/subject"
	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

// Peek implements office.Office.
func (c *console) Peek(ctx context.Context, q scope.Query) (*scope.Result, error) {
	answer, err := c.figures(ctx, q)
	if err != nil {
		return nil, err
	}
	result := answer.Result
	answer.Release()
	return &result, nil
}

// Leaving implements office.Office.
func (c *console) Leaving(ctx context.Context, q scope.Query) (*scope.Leaving, error) {
	answer, err := c.figures(ctx, q)
	if err != nil {
		return nil, err
	}
	defer answer.Release()
	result := answer.Result
	if err := c.leaving(ctx, &result); err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(c.cfg.Config)).Because(err)
	}
	return result.Leaving, nil
}

// figures asks the view, with every gate's sign of life in it.
func (c *console) figures(ctx context.Context, q scope.Query) (*disclosure.Answer, error) {
	if err := c.callInNow(ctx); err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(c.cfg.Config)).Because(err)
	}
	if err := c.view.await(ctx, c.ledger.Head()); err != nil {
		return nil, c.viewFault(c.view.file, err)
	}
	answer, err := c.view.view.Scope(ctx, q)
	if errors.Is(err, scope.ErrQuery) {
		return nil, fault.New(fault.ScopeQuery, "problem", err, "hint", "see `sekisho scope --help`")
	}
	if err != nil {
		return nil, fault.New(fault.ViewOpen, "file", c.view.file).Because(err)
	}
	return answer, nil
}

// looked is a subject in a list.
type looked struct {
	class  scope.Class
	source event.SubjectSource
	number uint32
}

// Look implements office.Office. The crossing and its purpose are on disk
// before anybody is named.
func (c *console) Look(ctx context.Context, r consoleoffice.LookRequest) (*consoleoffice.LookAnswer, error) {
	if err := purposeGiven(r.Purpose); err != nil {
		return nil, err
	}
	answer, err := c.figures(ctx, r.Query)
	if err != nil {
		return nil, err
	}
	defer answer.Release()
	out := &consoleoffice.LookAnswer{Skip: r.Skip, Whole: &answer.Result}
	var part []looked
	part, out.All = pick(answer, r.Skip, consoleoffice.MaxLook)
	if len(part) == 0 {
		return out, nil
	}
	if err := c.recordLook(ctx, r, part); err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(c.cfg.Config)).Because(err)
	}
	for _, s := range part {
		key, err := c.keyOf(s.source, s.number)
		if errors.Is(err, subject.ErrForgotten) {
			out.Lost++
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, consoleoffice.LookRow{Class: s.class.String(), Source: string(s.source), Key: key})
	}
	return out, nil
}

// pick returns a part of the list, the surest first, and the length of the
// whole.
func pick(answer *disclosure.Answer, skip, most int) (part []looked, all int) {
	named := map[event.SubjectSource]event.Set{} // in a narrower class already
	for _, class := range []scope.Class{scope.Confirmed, scope.Reachable, scope.EverHeld} {
		sets := answer.Subjects(class)
		for _, source := range answer.Sources(class) {
			for _, r := range sets[source] {
				for n := uint64(r.First); n <= uint64(r.Last); n++ {
					if contains(named[source], uint32(n)) {
						continue
					}
					if all >= skip && len(part) < most {
						part = append(part, looked{class, source, uint32(n)})
					}
					all++
				}
			}
		}
		for source, set := range sets {
			named[source] = set
		}
	}
	return part, all
}

func contains(s event.Set, n uint32) bool {
	i, found := slices.BinarySearchFunc(s, n, func(r event.Range, n uint32) int {
		switch {
		case r.Last < n:
			return -1
		case r.First > n:
			return 1
		}
		return 0
	})
	return found && i < len(s)
}

// leastPurpose is the shortest purpose, in characters.
const leastPurpose = 4

// purposeGiven refuses a look that is for nothing: pages and programs alike.
func purposeGiven(purpose string) error {
	if len([]rune(strings.TrimSpace(purpose))) < leastPurpose {
		return listFault("a look at names needs a purpose of at least four characters", "write why, as the person concerned may read it")
	}
	return nil
}

// recordLook writes a look as what it is: a session of the console, a purpose,
// and a crossing of the numbers that are shown. At a remote process the hub hears
// of those that it knows.
func (c *console) recordLook(ctx context.Context, r consoleoffice.LookRequest, part []looked) error {
	var here, shipped []looked
	for _, s := range part {
		if frame.SiteOfSubjects(string(s.source)) != "" && c.site() != "" {
			shipped = append(shipped, s)
		} else {
			here = append(here, s)
		}
	}
	if len(shipped) > 0 {
		if err := c.recordLookBy(ctx, c.shipped, r, shipped); err != nil || len(here) == 0 {
			return err
		}
	}
	return c.recordLookBy(ctx, c.rec, r, here)
}

func (c *console) recordLookBy(ctx context.Context, rec event.Recorder, r consoleoffice.LookRequest, part []looked) error {
	now := c.now().UnixNano()
	session := event.Session(uint64(c.start)<<32 | uint64(c.looks.Add(1)))
	open := &event.SessionOpen{Session: session, User: r.By, Address: r.Address, Label: "console"}
	crossing := &event.Crossing{Session: session, Outcome: event.OutcomeDone, From: now, To: now, Count: 1}
	bodies := []event.Body{open}
	for _, source := range sourcesOf(part) {
		var numbers []uint32
		for _, s := range part {
			if s.source == source {
				numbers = append(numbers, s.number)
			}
		}
		set := event.SetOf(numbers)
		var table event.Place
		table, open.Place, open.Database = c.tableOf(source)
		bodies = append(bodies, &event.Look{Session: session, By: r.By, Purpose: r.Purpose, Case: r.Case, Source: source, Subjects: set})
		crossing.Parts = append(crossing.Parts, event.Part{Table: table, Source: source, Elements: element.MaskOf(element.CustomerNumber),
			Class: event.Exact, Rows: uint64(len(numbers)), Subjects: set})
	}
	bodies = append(bodies, crossing, &event.SessionClose{Session: session, Reason: "done", Rows: uint64(len(part))})
	_, err := rec.Record(ctx, event.Durable, bodies...)
	return err
}

func sourcesOf(part []looked) []event.SubjectSource {
	var out []event.SubjectSource
	for _, s := range part {
		if !slices.Contains(out, s.source) {
			out = append(out, s.source)
		}
	}
	return out
}

// tableOf returns the table that numbers the subjects of a source, and its
// database by place and name.
func (c *console) tableOf(source event.SubjectSource) (table, base event.Place, name string) {
	for i := range c.cfg.Databases {
		d := &c.cfg.Databases[i]
		for k := range d.Protect {
			if t := &d.Protect[k]; t.Table == t.Of && sourceOf(d, t.Of) == source {
				return placeOf(d, t.Table), place(d), d.Name
			}
		}
	}
	name, _, _ = strings.Cut(string(source), ".")
	return event.Place(name), event.Place(name), name
}

// Map implements office.Office.
func (c *console) Map(context.Context) ([]consoleoffice.Database, error) {
	out := []consoleoffice.Database{}
	for _, b := range c.bases {
		d := consoleoffice.Database{Name: b.cfg.Name}
		results := map[event.Place]control.ScanResult{}
		for _, r := range b.scanned() {
			results[r.Table] = r
		}
		for i := range b.cfg.Protect {
			t := &b.cfg.Protect[i]
			row := consoleoffice.Table{Place: placeOf(b.cfg, t.Table), Key: t.Key, Of: t.Of, Plain: t.Plain}
			for name, kind := range elements(t) {
				row.Columns = append(row.Columns, consoleoffice.Column{Name: name, Element: kind.String()})
			}
			slices.SortFunc(row.Columns, func(a, b consoleoffice.Column) int { return strings.Compare(a.Name, b.Name) })
			r, ok := results[row.Place]
			row.Scanned, row.Subjects, row.Rows, row.Unknown = ok, r.Subjects, r.Rows, r.Unknown
			d.Tables = append(d.Tables, row)
		}
		out = append(out, d)
	}
	return out, nil
}

// RecordCase implements office.Office: whoever entered is known by the account,
// so a body can be nobody else's.
func (c *console) RecordCase(ctx context.Context, by string, r control.CaseRequest) (control.CaseReceipt, error) {
	return c.process.RecordCase(control.WithPeer(ctx, control.Peer{UID: -1, Console: by}), r)
}

// Draft implements office.Office.
func (c *console) Draft(ctx context.Context, r consoleoffice.DraftRequest) (*consoleoffice.DraftAnswer, error) {
	l, _ := lang.Parse(r.Lang)
	d, err := c.cases.desk.Draft(ctx, r.Case, r.Kind, nil, l)
	if err != nil {
		return nil, refusedIn(err, r.Lang)
	}
	return &consoleoffice.DraftAnswer{Document: d.Document, SHA256: d.SHA256, Foreign: d.Marked}, nil
}

// Policy implements office.Office: what is in force beside what the file says.
func (c *console) Policy(context.Context) (*consoleoffice.Policy, error) {
	out := &consoleoffice.Policy{Status: c.policyStatus(), Editable: c.cfg.PolicyFile != "", Grant: c.policy.Load().Longest()}
	if file, err := c.policyPath(); err == nil {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.New(fault.ConfigUnreadable, "what", file).Because(err)
		}
		out.Raw = string(raw)
	}
	src := c.source.Load()
	if src == nil {
		return out, nil
	}
	text, err := yaml.Marshal(src)
	if err != nil {
		return nil, err
	}
	out.Text, out.Rules, out.Tests = string(text), len(src.Rules), len(src.Tests)
	next, nextSrc, err := config.LoadPolicy(c.cfg.Config)
	out.File = &consoleoffice.PolicyFile{}
	if err != nil {
		out.File.Problems = control.ProblemsOf(err)
		if next == nil {
			return out, nil
		}
	}
	out.File.Generation, out.File.Digest = next.Generation(), string(next.Digest())
	if bad := next.Supersedes(c.policy.Load()); bad != nil && err == nil {
		out.File.Problems = control.ProblemsOf(notNewer(c.cfg.PolicyFile, bad.What, bad.Try))
	}
	if out.File.Digest == out.Status.Digest {
		return out, nil
	}
	nextText, err := yaml.Marshal(nextSrc)
	if err != nil {
		return nil, err
	}
	out.File.Diff = diff(strings.Split(out.Text, "\n"), strings.Split(string(nextText), "\n"))
	return out, nil
}

// maxDiff bounds the lines that are compared one by one; longer texts are
// shown as gone and come.
const maxDiff = 2000

// diff compares by lines: the longest common subsequence, as diff(1) does.
func diff(a, b []string) []consoleoffice.DiffLine {
	var out []consoleoffice.DiffLine
	if len(a) > maxDiff || len(b) > maxDiff {
		for _, l := range a {
			out = append(out, consoleoffice.DiffLine{Mark: '-', Text: l})
		}
		for _, l := range b {
			out = append(out, consoleoffice.DiffLine{Mark: '+', Text: l})
		}
		return out
	}
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, consoleoffice.DiffLine{Mark: ' ', Text: a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, consoleoffice.DiffLine{Mark: '-', Text: a[i]})
			i++
		default:
			out = append(out, consoleoffice.DiffLine{Mark: '+', Text: b[j]})
			j++
		}
	}
	return out
}
