package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"sekisho/internal/cardproof"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile/draft"
)

// sayEvidence shows evidence on the terminal.
func (a *app) sayEvidence(e *cardproof.Evidence) {
	d := a.evidenceDocument(e)
	fmt.Fprintln(a.env.stdout, d.Title)
	for _, p := range d.Parts {
		fmt.Fprintf(a.env.stdout, "\n%s\n", p.Heading)
		for _, r := range p.Rows {
			fmt.Fprintf(a.env.stdout, "  %s: %s\n", r.Label, r.Value)
		}
	}
}

// evidenceDocument is evidence for people.
func (a *app) evidenceDocument(e *cardproof.Evidence) *draft.Document {
	d := &draft.Document{Title: a.say.Text("card_title", "from", at(e.From), "to", at(e.To)), To: a.say.Text("card_to"), Lang: lang.Language(a.say.Language()), At: e.Made,
		Footer: a.say.Text("card_footer", "made", at(e.Made), "tenant", e.Tenant)}
	d.Notes = append(d.Notes, a.say.Text("card_note"))
	if len(e.Sites) == 0 {
		d.Parts = append(d.Parts, draft.Part{Heading: a.say.Text("card_no_sites")})
	}
	for i := range e.Sites {
		d.Parts = append(d.Parts, a.sitePart(&e.Sites[i]))
	}
	return d
}

func (a *app) sitePart(s *cardproof.Site) draft.Part {
	p := draft.Part{Heading: s.Host}
	row := func(label, value string) { p.Rows = append(p.Rows, draft.Row{Label: a.say.Text(label), Value: value}) }
	verdict := a.say.Text("card_proven")
	if !s.Proven {
		var why []string
		for _, w := range s.Against {
			why = append(why, a.say.Text("card_against_"+w))
		}
		verdict = a.say.Text("card_not_proven", "why", strings.Join(why, a.say.Text("card_comma")))
	}
	row("card_verdict", verdict)
	for _, set := range s.Settings {
		row("card_setting", a.say.Text("card_setting_is", "from", at(set.From), "cards", set.Cards, "pages", orNone(a, set.Pages)))
	}
	row("card_exchanges", fmt.Sprint(s.Counts.Exchanges))
	row("card_refused", fmt.Sprint(s.Counts.Refused))
	row("card_cut", fmt.Sprint(s.Counts.Cut))
	row("card_passed", fmt.Sprint(s.Counts.Passed))
	row("card_unread", fmt.Sprint(s.Counts.Unread))
	a.spanRows(row, "card_uncovered", s.Uncovered)
	a.spanRows(row, "card_weaker", s.Weaker)
	row("card_canaries", a.say.Text("card_canaries_are", "ok", s.Canaries.OK, "failed", len(s.Canaries.Failed), "every", s.Canaries.Every.String()))
	a.spanRows(row, "card_unproven", s.Canaries.NotProven)
	for _, pr := range s.Providers {
		row("card_provider", a.say.Text("card_provider_is", "host", pr.Host, "aoc", orNone(a, pr.AOC), "expires", orNone(a, pr.Expires), "state", a.say.Text("card_state_"+strings.ReplaceAll(pr.State, "-", "_"))))
	}
	for _, i := range s.Items {
		label := "card_item"
		if i.New {
			label = "card_item_new"
		}
		row(label, a.say.Text("card_item_is", "id", i.PageItem.Item, "what", i.What, "name", orNone(a, cmp.Or(i.Name, i.Host)), "hash", orNone(a, i.Hash), "problem", a.say.Text("page_problem_"+orAuthorised(i.Problem))))
	}
	for _, f := range s.Findings {
		row("card_finding", at(f.At)+" "+f.Code+" "+f.Detail)
	}
	return p
}

// maxSpans bounds the intervals that are shown to people; the JSON has all.
const maxSpans = 20

func (a *app) spanRows(row func(label, value string), label string, spans []cardproof.Span) {
	for i, s := range spans {
		if i == maxSpans {
			row(label, a.say.Text("card_more", "n", len(spans)-maxSpans))
			return
		}
		row(label, fmt.Sprintf("%s – %s (%s) %s", at(s.From), at(s.To), s.To.Sub(s.From).Round(time.Second), s.Reason))
	}
}

func orNone(a *app, text string) string {
	if text == "" {
		return a.say.Text("page_nothing")
	}
	return text
}

func orAuthorised(problem string) string {
	if problem == "" {
		return "authorised"
	}
	return problem
}
