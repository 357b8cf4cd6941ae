package story

import (
	_ "embed"
	"html/template"
	"io"

	"sekisho/internal/lang"
	"sekisho/internal/rule"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// pageView is what page.html shows.
type pageView struct {
	Lang, Title, Lead                            string
	Then, Now, FiguresHead, ChecksHead           string
	Want, Got, SourcesHead, Assumed, NotReplayed string
	Verdict                                      string
	Good                                         bool
	Days                                         []pageDay
	Figures                                      []pageFigure
	Checks                                       []pageCheck
	Skipped                                      []string
	Sources                                      []pageSource
}

type pageDay struct {
	Date string
	Then []pageRow
	Now  []pageEntry
}

type pageRow struct{ Text, Quote, Source string }

type pageEntry struct {
	Time, Sort, SortName, Text string
	Assumed                    bool
}

type pageFigure struct{ Value, Text, Source, Quote string }

type pageCheck struct {
	Text, Want, Got string
	OK              bool
}

type pageSource struct{ ID, Text string }

// Page writes the story as one HTML page that needs nothing else.
func (t *Told) Page(w io.Writer, l lang.Language) error {
	say := texts.In(l)
	v := pageView{Lang: string(l), Title: say.Text("page_title", "name", t.Name.In(l)), Lead: say.Text("page_lead"),
		Then: say.Text("head_then"), Now: say.Text("head_now"), FiguresHead: say.Text("head_figures"), ChecksHead: say.Text("head_checks"),
		Want: say.Text("want"), Got: say.Text("got"), SourcesHead: say.Text("sources"), Assumed: say.Text("assumed"),
		NotReplayed: say.Text("not_replayed", "list", say.Text("not_"+t.ID)), Good: t.Differences() == 0, Verdict: say.Text("good", "n", len(t.Checks))}
	if !v.Good {
		v.Verdict = say.Text("bad", "bad", t.Differences(), "n", len(t.Checks))
	}
	for _, d := range t.Days() {
		p := pageDay{Date: d.Date}
		for _, r := range d.Then {
			p.Then = append(p.Then, pageRow{r.In(l), r.Quote, r.Source})
		}
		for _, e := range d.Now {
			p.Now = append(p.Now, pageEntry{e.At.In(rule.Tokyo).Format("15:04"), e.Sort, say.Text("sort_" + e.Sort), e.In(l), e.Assumed && !e.says(v.Assumed, l)})
		}
		v.Days = append(v.Days, p)
	}
	for _, f := range t.Figures {
		v.Figures = append(v.Figures, pageFigure{lang.Count(f.Value), f.In(l), f.Source, f.Quote})
	}
	for _, c := range t.Checks {
		v.Checks = append(v.Checks, pageCheck{c.In(l), said(say, c.Want), said(say, c.Got), c.OK})
	}
	for _, x := range t.Skipped {
		v.Skipped = append(v.Skipped, x.In(l))
	}
	for _, id := range sortedSources(t) {
		v.Sources = append(v.Sources, pageSource{id, t.Sources[id].In(l)})
	}
	return page.Execute(w, v)
}
