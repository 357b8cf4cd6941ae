package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
)

// inJapan writes a time as people on duty read it.
func inJapan(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(rule.Tokyo).Format("2006-01-02 15:04 JST")
}

type caseListCmd struct {
	All   bool `help:"help_case_all"`
	Limit int  `default:"100" help:"help_case_limit"`
}

// Run lists cases, the newest first.
func (c caseListCmd) Run(a *app) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	text, err := op.Case(a.ctx, control.CaseQuery{Closed: c.All, Limit: c.Limit})
	if err == nil {
		err = a.tellUnseen(op)
	}
	if err != nil {
		return err
	}
	var lines []casefile.Line
	if err := json.Unmarshal(text, &lines); err != nil {
		return err
	}
	return a.out(lines, func() {
		if len(lines) == 0 {
			a.print("case_none")
			return
		}
		a.table([]string{"col_case", "col_state", "col_class", "col_opened", "col_title"}, func(line func(...any)) {
			for _, l := range lines {
				line(l.ID, a.say.Text("casestate_"+l.State), className(a, l.Class), inJapan(event.Time(l.Opened)), l.Title)
			}
		})
		a.print("case_list_next", "case", lines[0].ID)
	})
}

func className(a *app, id string) string {
	if c := casefile.DefaultBooks().Plays.Class(id); c != nil {
		return c.Name.In(string(a.lang))
	}
	return id
}

type caseShowCmd struct {
	Case string `arg:"" help:"help_case_id"`
}

// Run shows the state, the clocks, the tasks, the figures and what is red.
func (c caseShowCmd) Run(a *app) error {
	r, err := a.askCase(c.Case)
	if err != nil {
		return err
	}
	return a.out(r, func() { a.showCase(r) })
}

func (a *app) showCase(r *desk.Answer) {
	c := r.Case
	a.print("case_head", "case", c.ID, "state", a.say.Text("casestate_"+c.State), "class", className(a, c.Class), "title", c.Title)
	a.print("case_known", "at", inJapan(event.Time(c.KnownAt)), "by", c.Signs[0].KnownBy, "next", inJapan(r.Next))
	for _, red := range r.Red {
		a.print("case_red", "what", casefile.RedText(red, c.Class, a.lang))
	}
	if p := casefile.DefaultBooks().Plays.Class(c.Class); p != nil && c.State != casefile.Closed {
		fmt.Fprintln(a.env.stdout, p.Why.In(string(a.lang)))
		fmt.Fprintln(a.env.stdout, p.Never.In(string(a.lang)))
	}
	for _, id := range r.Like {
		a.print("case_like", "case", c.ID, "class", id, "name", className(a, id))
	}
	if s := c.Figures(); s != nil {
		a.print("case_figures", "version", s.Version, "confirmed", countOf(s.Confirmed), "reachable", countOf(s.Reachable), "ever", countOf(s.EverHeld), "unit", casefile.Word("unit", s.Unit, a.lang))
	}
	a.showTexts(c.Texts)
	a.showDiffers(r.Differs)
	for _, m := range r.Marks {
		if m.Contradicted {
			a.print("case_contradicted", "server", m.Server, "misuse", inJapan(event.Time(m.Misuse)), "from", inJapan(event.Time(m.From)))
		}
	}
	if len(r.Common) > 0 {
		b := r.Common[0]
		a.print("case_common", "place", b.Place, "n", b.Tokens, "of", b.Of, "from", inJapan(event.Time(b.From)), "to", inJapan(event.Time(b.To)))
	}
	if c.Common != nil {
		a.showCommon(&c.Common.CaseCommon, 1)
	}
	a.table([]string{"col_rule", "col_due", "col_sort", "col_sure", "col_law"}, func(line func(...any)) {
		for _, k := range r.Clocks {
			law, due := k.LawEN, k.Day
			if a.lang == "ja" {
				law = k.LawJA
			}
			if due == "" {
				due = inJapan(k.Due)
			}
			switch {
			case k.Ended != "":
				step, number, _ := strings.Cut(k.Ended, " ")
				due += " ✓ " + strings.TrimSpace(casefile.Word("step", step, a.lang)+" "+number)
			case k.DaysPast > 0:
				due += " " + a.say.Text("case_days_past", "n", k.DaysPast)
			case k.Late:
				due += " " + a.say.Text("case_late")
			}
			if k.ByHand {
				due += " " + a.say.Text("case_by_hand")
			}
			sort := a.say.Text("clock_" + k.Kind)
			if k.OwnTarget {
				sort += " " + a.say.Text("case_own_target")
			}
			line(k.Rule, due, sort, a.say.Text("sure_"+strings.ToLower(k.Sure[:1])), law)
		}
	})
	class := casefile.DefaultBooks().Plays.Class(c.Class)
	a.table([]string{"col_task", "col_due", "col_state", "col_owner", "col_title"}, func(line func(...any)) {
		for _, t := range c.Tasks {
			title := t.Title
			if class != nil && class.Task(t.ID) != nil {
				title = class.Task(t.ID).Title.In(string(a.lang))
			}
			line(t.ID, inJapan(event.Time(t.Due)), a.say.Text("taskstate_"+t.State), t.Owner, title)
		}
	})
	for _, kind := range slices.Sorted(maps.Keys(c.Drafts)) {
		a.print("case_document", "name", casefile.Word("draft", kind, a.lang), "state", a.say.Text("draftstate_"+documentState(c.Drafts[kind])), "case", c.ID, "kind", kind)
	}
	if len(r.Missing) > 0 {
		a.print("case_missing", "n", len(r.Missing))
		books := casefile.DefaultBooks()
		for _, m := range r.Missing {
			fmt.Fprintf(a.env.stdout, "  %-24s %s\n", m, books.NameOf(m, c.Class, a.lang))
		}
	}
}

type caseTimelineCmd struct {
	Case string `arg:"" help:"help_case_id"`
}

// Run prints the append-only timeline.
func (c caseTimelineCmd) Run(a *app) error {
	r, err := a.askCase(c.Case)
	if err != nil {
		return err
	}
	return a.out(r.Case.Log, func() {
		for i := range r.Case.Log {
			e := &r.Case.Log[i]
			by := e.By
			if e.Proved != "" {
				by += " ✓" // known by account or key
			}
			fmt.Fprintf(a.env.stdout, "%s  %-10s  %s\n", inJapan(event.Time(e.At)), by, e.Line(a.lang))
		}
	})
}

type caseClassesCmd struct{}

// Run lists the playbooks.
func (caseClassesCmd) Run(a *app) error {
	plays := casefile.DefaultBooks().Plays
	return a.out(plays.Classes, func() {
		for _, c := range plays.Classes {
			fmt.Fprintf(a.env.stdout, "%s  %s\n    %s\n", c.ID, c.Name.In(string(a.lang)), c.Why.In(string(a.lang)))
		}
	})
}

type caseRulesCmd struct{}

// Run lists the rules with how sure they are.
func (caseRulesCmd) Run(a *app) error {
	rules := rule.Default()
	return a.out(rules, func() {
		a.print("case_rules_read", "day", rules.Read)
		a.table([]string{"col_rule", "col_length", "col_sort", "col_sure", "col_law"}, func(line func(...any)) {
			for _, r := range rules.Rules {
				status := ""
				if r.Status != "in-force" {
					status = " " + a.say.Text("case_not_in_force")
				}
				line(r.ID, lengthOf(a, r), a.say.Text("clock_"+r.Kind)+status,
					a.say.Text("sure_"+strings.ToLower(r.Sure[:1])), r.Law.In(string(a.lang)))
			}
		})
	})
}

// lengthOf says how long a clock of the rule runs, and how that is counted.
func lengthOf(a *app, r *rule.Rule) string {
	if r.Length == 0 || r.Unit == "none" {
		return casefile.Word("counting", r.Count, a.lang)
	}
	return a.say.Text("case_length", "n", r.Length, "unit", casefile.Word("span", r.Unit, a.lang), "count", casefile.Word("counting", r.Count, a.lang))
}

type caseFirmCmd struct{}

// Run checks the file of the company and its people.
func (caseFirmCmd) Run(a *app) error {
	f, err := a.firm()
	if err != nil {
		return err
	}
	err = a.out(map[string]any{"company": f.Company.Name, "people": len(f.People), "problems": f.Problems}, func() {
		a.print("case_firm", "company", f.Company.Name, "n", len(f.People))
		for _, p := range f.People {
			a.print("case_firm_person", "id", p.ID, "name", p.Name, "rank", casefile.Word("rank", p.Rank, a.lang))
		}
		for _, w := range f.Problems {
			a.print("case_red", "what", w)
		}
		if len(f.Problems) > 0 {
			a.print("case_firm_mend")
		}
	})
	if err == nil && len(f.Problems) > 0 {
		return errNo
	}
	return err
}

// documentState says whose move it is: a document that the process filled waits
// for somebody to take it.
func documentState(d *casefile.Draft) string {
	if d.State == "written" && d.Writer == casefile.Machine {
		return "filled"
	}
	return d.State
}

type caseDraftCmd struct {
	Case   string            `arg:"" help:"help_case_id"`
	Kind   string            `arg:"" help:"help_case_draft_kind"`
	Step   string            `arg:"" optional:"" default:"show" enum:"show,write,release,withdraw" help:"help_case_step"`
	Set    map[string]string `help:"help_case_set"`
	Format string            `default:"text" enum:"text,html,pdf" help:"help_case_format"`
	Out    string            `placeholder:"FILE" help:"help_case_out"`
	Fields bool              `help:"help_case_fields"`
	SHA256 string            `name:"sha256" help:"help_case_draft_sum"`
	// Although other texts about the incident say otherwise.
	Override bool   `help:"help_case_release_override"`
	Second   string `help:"help_case_second"`
	Reason   string `help:"help_reason"`
	By       string `help:"help_by"`
}

// Run shows, writes, releases or withdraws a document. The text is made by the
// process: what is released is the text whose digest was shown.
func (c caseDraftCmd) Run(a *app) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	shown, err := op.Draft(a.ctx, control.DraftQuery{Case: c.Case, Draft: c.Kind, Slots: c.Set, Lang: string(a.lang)})
	done()
	if err != nil {
		return err
	}
	var d draft.Document
	if err := json.Unmarshal(shown.Document, &d); err != nil {
		return err
	}
	if c.Fields {
		return a.draftFields(c.Kind, &d)
	}
	b := &event.CaseDraft{Case: c.Case, Draft: c.Kind, Step: c.Step, By: a.person(c.By)}
	switch c.Step {
	case "write":
		b.Slots, b.Lang = c.Set, string(a.lang)
	case "release":
		b.SHA256, b.Override, b.Second, b.Reason = shown.SHA256, c.Override, c.Second, c.Reason
		if c.SHA256 != "" {
			b.SHA256 = c.SHA256
		}
	}
	if c.Step != "show" {
		if err := a.record(b); err != nil {
			return err
		}
	}
	if len(d.Marked) > 0 {
		a.print("case_marked", "numbers", strings.Join(d.Marked, ", "))
	}
	a.showDiffers(d.Differs)
	if c.Step == "show" && c.Out == "" && a.json {
		return a.out(shown, nil)
	}
	if err := c.put(a, &d); err != nil {
		return err
	}
	if c.Step != "withdraw" && (c.Out != "" || c.Step != "show") {
		a.print("case_draft_sum", "sha256", shown.SHA256)
	}
	return nil
}

// draftFields lists what people may write into a document (--set), with the
// choices where the form has some.
func (a *app) draftFields(kind string, d *draft.Document) error {
	type field struct {
		Name    string         `json:"name"`
		Label   string         `json:"label"`
		Source  string         `json:"source,omitempty"` // where the field of the form was read
		Options []draft.Option `json:"options,omitempty"`
	}
	var out []field
	for _, p := range d.Parts {
		for _, r := range p.Rows {
			if r.Name != "" {
				out = append(out, field{r.Name, r.Label, r.Source, draft.Options(kind, r.Name, a.lang)})
			}
		}
	}
	return a.out(out, func() {
		a.table([]string{"col_field", "col_title", "col_source", "col_choices"}, func(line func(...any)) {
			for _, f := range out {
				var choices []string
				for _, o := range f.Options {
					choices = append(choices, o.Code+"="+o.Text)
				}
				line(f.Name, f.Label, cmp.Or(f.Source, "-"), strings.Join(choices, " "))
			}
		})
	})
}

func (c caseDraftCmd) put(a *app, d *draft.Document) error {
	text := []byte(d.Text(c.Case))
	switch c.Format {
	case "html":
		text = []byte(d.HTML(c.Case))
	case "pdf":
		var err error
		if text, err = d.PDF(c.Case); err != nil {
			return err
		}
	}
	if c.Out != "" {
		if err := os.WriteFile(c.Out, text, 0o600); err != nil {
			return fault.New(fault.ConfigUnreadable, "what", c.Out).Because(err)
		}
		return nil
	}
	if c.Step == "show" {
		_, err := a.env.stdout.Write(text)
		return err
	}
	return nil
}
