package story

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sekisho/demo/columns"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
)

// Day is what happened on a day and what Sekisho did, in order.
type Day struct {
	Date string  `json:"date"` // 2006-01-02, 2006-01 or a range
	Then []Row   `json:"then,omitempty"`
	Now  []Entry `json:"now,omitempty"`
}

// Days sets the two columns side by side. A day without its number stands at
// the end of its month.
func (t *Told) Days() []Day {
	days := map[string]*Day{}
	at := func(key, date string) *Day {
		if days[key] == nil {
			days[key] = &Day{Date: date}
		}
		return days[key]
	}
	for _, r := range t.Rows {
		key := r.Date
		if len(key) == len("2006-01") {
			key += "-99"
		}
		d := at(key, r.Date)
		d.Then = append(d.Then, r)
	}
	for _, e := range t.Entries {
		date := e.At.In(rule.Tokyo).Format("2006-01-02")
		d := at(date, date)
		d.Now = append(d.Now, e)
	}
	var out []Day
	for _, key := range slices.Sorted(maps.Keys(days)) {
		out = append(out, *days[key])
	}
	return out
}

// Colours of a terminal (ECMA-48, SGR).
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	gold  = "33"
)

// Widths of the columns of a terminal page.
const (
	thenWidth = 46
	nowWidth  = 62
)

type printer struct {
	w      io.Writer
	say    lang.Printer
	colour bool
	err    error
}

func (p *printer) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (p *printer) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(text, " "))
	}
}

// Write tells the story on a terminal of 124 columns.
func (t *Told) Write(w io.Writer, l lang.Language, colour bool) error {
	p := &printer{w: w, say: texts.In(l), colour: colour}
	p.line("")
	p.line("  " + p.paint(gold, "関所 Sekisho") + "  " + p.paint(bold, t.Name.In(l)))
	p.line("")
	p.line("  " + p.paint(bold, columns.Left("", 12)+columns.Left(p.say.Text("head_then"), thenWidth+2)+p.say.Text("head_now")))
	for _, d := range t.Days() {
		p.day(d, l)
	}
	p.line("  " + p.paint(dim, strings.Repeat("─", 12+thenWidth+2+nowWidth)))
	p.line("")
	p.line("  " + p.paint(bold, p.say.Text("head_figures")))
	for _, f := range t.Figures {
		p.line("  " + columns.Right(lang.Count(f.Value), 12) + "  " + f.In(l) + p.paint(dim, " ["+f.Source+"]"))
	}
	p.line("")
	p.line("  " + p.paint(bold, p.say.Text("head_checks")))
	for _, c := range t.Checks {
		p.check(c, l)
	}
	for _, x := range t.Skipped {
		for i, text := range columns.Wrap(x.In(l), 116) {
			p.line("  " + p.paint(gold, []string{"–", " "}[min(i, 1)]) + " " + text)
		}
	}
	p.line("")
	for _, text := range columns.Wrap(p.say.Text("not_replayed", "list", p.say.Text("not_"+t.ID)), 120) {
		p.line("  " + p.paint(dim, text))
	}
	p.line("  " + p.paint(dim, p.say.Text("sources")+":"))
	for _, id := range sortedSources(t) {
		p.line("  " + p.paint(dim, "["+id+"] "+t.Sources[id].In(l)))
	}
	p.line("")
	if bad := t.Differences(); bad > 0 {
		p.line("  " + p.paint(red, p.say.Text("bad", "bad", bad, "n", len(t.Checks))))
	} else {
		p.line("  " + p.paint(green, p.say.Text("good", "n", len(t.Checks))))
	}
	return p.err
}

// day writes one day: what happened on the left, Sekisho on the right.
func (p *printer) day(d Day, l lang.Language) {
	p.line("  " + p.paint(dim, strings.Repeat("─", 12+thenWidth+2+nowWidth)))
	var then, now []string
	for _, r := range d.Then {
		then = append(then, columns.Wrap(r.In(l)+" ["+r.Source+"]", thenWidth)...)
	}
	for _, e := range d.Now {
		now = append(now, p.entry(e, l)...)
	}
	for i := range max(len(then), len(now)) {
		date := ""
		if i == 0 {
			date = d.Date
		}
		p.line("  " + columns.Left(date, 12) + columns.Left(columns.At(then, i), thenWidth+2) + columns.At(now, i))
	}
}

// entry writes a line of Sekisho's column with its sort before it.
func (p *printer) entry(e Entry, l lang.Language) []string {
	text := e.In(l)
	if e.Assumed && !e.says(p.say.Text("assumed"), l) {
		text += " (" + p.say.Text("assumed") + ")"
	}
	const label = 10
	lines := columns.Wrap(text, nowWidth-label)
	for i := range lines {
		lead := ""
		if i == 0 {
			lead = p.say.Text("sort_" + e.Sort)
		}
		lines[i] = p.paint(cmp.Or(map[string]string{"blocks": green, "refuses": green, "raises": gold, "calls": gold}[e.Sort], dim), columns.Left(lead, label)) + lines[i]
	}
	return lines
}

// says reports whether the line itself tells what is assumed.
func (e Entry) says(assumed string, l lang.Language) bool { return strings.Contains(e.In(l), assumed) }

func (p *printer) check(c Check, l lang.Language) {
	mark := p.paint(green, "✓")
	if !c.OK {
		mark = p.paint(red, "✗")
	}
	p.line("  " + mark + " " + columns.Left(c.In(l), 60) + columns.Left(said(p.say, c.Want), 28) + said(p.say, c.Got))
}

// said is a value of a comparison in words: why something was refused, yes, no.
func said(say lang.Printer, text string) string {
	if key := "got_" + text; texts.Has(key) {
		return say.Text(key)
	}
	return text
}

func sortedSources(t *Told) []string { return slices.Sorted(maps.Keys(t.Sources)) }
