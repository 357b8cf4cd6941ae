// Package draft makes the documents of a case: reports to authorities, card
// companies and principals, the sheet for the first hour, the notice to persons
// and the page for the web, as plain text, HTML and PDF.
//
// It sends nothing. Every figure and date is read from the case; what nobody
// knows is 未把握 with the day on which it should be known; what people add is
// checked for numbers of their own.
package draft

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// Kinds are the documents.
var Kinds = []string{"ppc-prelim", "ppc-final", "jta", "police", "acquirer", "entrustee", "first-hour", "persons", "web"}

// Company is who writes.
type Company struct {
	Name, Number, Industry, Address, Phone, Head, Desk string
	People                                             []Contact // for the sheet
}

// Contact is a line of the sheet.
type Contact struct{ Rank, Name, Phone string }

// Row is a field of a form.
type Row struct {
	// Name is the field by which people write it (--set); empty for what only the
	// case can say.
	Name  string `json:",omitempty"`
	Label string
	Value string
	// Unknown: nobody knows yet.
	Unknown bool
	// Unsure: nobody has read whether the form has this field; the label says so.
	Unsure bool
	// Guessed: the field was read, its choices were not; the label says so.
	Guessed bool `json:",omitempty"`
	// Source is where the field of the PPC's form was read.
	Source string `json:",omitempty"`
}

// Part is a section.
type Part struct {
	Heading string
	Rows    []Row
}

// Document is one document, filled.
type Document struct {
	Kind   string
	Title  string
	To     string
	From   string   `json:",omitempty"` // who writes; empty for what stays in the house
	Lead   string   `json:",omitempty"` // the first sentence of a letter
	Notes  []string // what is not certain about the form itself
	Parts  []Part
	Lang   lang.Language
	Scope  int // version of the figures
	At     time.Time
	Footer string   // instead of the one that names the case
	Marked []string // numbers of people's texts that are not in the case: blocks release
	// Differs is where texts about the incident, loaded into the case, say
	// otherwise: blocks release until a second person takes it as it is.
	Differs []Conflict `json:",omitempty"`
}

// filler makes one document.
type filler struct {
	c    *casefile.Case
	b    *casefile.Books
	say  lang.Printer
	who  Company
	now  time.Time
	doc  *Document
	slot map[string]string
	// reads says what of the case the document holds: "count", "items", …
	reads map[string]bool
}

// Build fills a document from the case. Slots are people's own sentences by the
// name of the field: "cause", "measures", … An unknown kind is an error.
func Build(kind string, c *casefile.Case, b *casefile.Books, who Company, slots map[string]string, l lang.Language, now time.Time) (*Document, error) {
	if !slices.Contains(Kinds, kind) {
		return nil, fmt.Errorf("draft: %q is no document; they are %s", kind, strings.Join(Kinds, ", "))
	}
	f := &filler{c: c, b: b, say: texts.In(l), who: who, now: now, slot: slots, reads: map[string]bool{},
		doc: &Document{Kind: kind, Lang: l, Scope: len(c.Scopes), At: now}}
	f.doc.Title = f.say.Text("title_" + strings.ReplaceAll(kind, "-", "_"))
	f.doc.To = f.say.Text("to_" + strings.ReplaceAll(kind, "-", "_"))
	if kind != "first-hour" {
		f.doc.From = who.Name
	}
	if public(kind) {
		f.doc.Lead = f.say.Text("lead_public")
	}
	switch kind {
	case "ppc-prelim", "ppc-final":
		f.authority()
		f.doc.Notes = []string{f.say.Text("note_form")}
	case "entrustee":
		f.nine("part_nine")
	case "jta":
		f.doc.Notes = []string{f.say.Text("note_jta")}
		f.part("part_jta", "facts:overview", "before", "after", "present", "prevention")
		f.nine("part_nine")
	case "police":
		f.part("part_police", "damage:overview", "logs:evidence", "contact")
		f.timeline()
	case "acquirer":
		f.part("part_acquirer", "date:known", "found", "data_types:items", "period:window", "system_map", "stopped:containment")
		f.figures()
		f.timeline()
	case "first-hour":
		f.sheet()
	case "persons":
		f.part("part_persons", "overview", "items", "cause", "secondary", "other", "desk")
	case "web":
		f.part("part_web", "overview", "period:window", "items", "count", "cause", "secondary", "measures", "withheld", "why_today", "desk")
	}
	if kind != "first-hour" {
		f.doc.Differs = f.claims().Against(Texts(c))
	}
	return f.doc, nil
}

// public: who reads it has no part in the case.
func public(kind string) bool { return kind == "persons" || kind == "web" }

// part adds a section. A field is "name" or "name:source".
func (f *filler) part(heading string, fields ...string) {
	p := Part{Heading: f.say.Text(heading)}
	for _, field := range fields {
		name, source, ok := strings.Cut(field, ":")
		if !ok {
			source = name
		}
		f.reads[source] = true
		row := Row{Label: f.say.Text("field_" + name)}
		if !slices.Contains(fromCase, source) {
			row.Name = name
		}
		f.mark(&row, name)
		known := false
		if f.choosable(name) {
			if f.slot[name] != "" && slices.Contains(fromCase, name) {
				f.doc.Marked = append(f.doc.Marked, f.say.Text("say_typed", "field", f.say.Text("field_"+name)))
			}
			if row.Value, known = f.choices(name); !known {
				row.Value, row.Unknown = row.Value+"　"+f.unknown(), true
			}
		} else if row.Value = f.value(name, source); row.Value == "" {
			row.Unknown, row.Value = true, f.unknown()
			if key := ownFields[name]; key != "" { // nobody has to find it out
				row.Value = f.say.Text("say_fill", "key", key)
			}
		}
		p.Rows = append(p.Rows, row)
	}
	f.doc.Parts = append(f.doc.Parts, p)
}

// ownFields are what the firm knows of itself, by the key of its file.
var ownFields = map[string]string{"company_name": "name", "company_number": "number", "industry": "industry", "company_address": "address",
	"company_head": "head", "contact": "phone", "desk": "desk"}

// value is what people wrote for the field, else what the case knows.
func (f *filler) value(name, source string) string {
	if text := f.slot[name]; text != "" && slices.Contains(fromCase, source) {
		f.doc.Marked = append(f.doc.Marked, f.say.Text("say_typed", "field", f.say.Text("field_"+name)))
	} else if text != "" {
		out, foreign := Expand(f.c, text)
		f.doc.Marked = append(f.doc.Marked, foreign...)
		return out
	}
	switch source {
	case "overview":
		class := f.b.Plays.Class(f.c.Class)
		if class == nil {
			return ""
		}
		return f.say.Text("say_overview", "class", class.Name.In(string(f.doc.Lang)), "title", f.c.Title)
	case "known":
		return f.day(f.c.KnownAt)
	case "occurred":
		return f.window()
	case "found":
		if len(f.c.Signs) == 0 {
			return ""
		}
		return f.say.Text("channel_"+strings.ReplaceAll(f.c.Channel, "-", "_")) + " / " + f.c.Signs[0].KnownBy
	case "items":
		var names []string
		for _, e := range f.elements() {
			names = append(names, casefile.Word("element", e, f.doc.Lang))
		}
		return strings.Join(names, "、")
	case "count_cards":
		return f.cards()
	case "count":
		return f.count()
	case "window":
		return f.window()
	case "containment":
		return f.actions()
	case "evidence":
		return f.evidence()
	case "contact":
		return strings.TrimSpace(f.who.Name + " " + f.who.Phone)
	case "desk":
		return f.who.Desk
	case "company_name":
		return f.who.Name
	case "company_number":
		return f.who.Number
	case "industry":
		return f.who.Industry
	case "company_address":
		return f.who.Address
	case "company_head":
		return f.who.Head
	case "how_found":
		return f.howFound()
	case "publish_text":
		if d := f.c.Drafts["web"]; d != nil {
			return f.say.Text("say_web", "state", f.say.Text("state_"+d.State), "day", f.day(d.At))
		}
	case "publication":
		return f.decision("publish")
	case "persons_told":
		return f.decision("notify-persons")
	case "withheld":
		return f.say.Text("say_withheld")
	case "police":
		if e := f.c.Ended["jp.police"]; e != nil {
			return f.day(e.At) + " " + e.Number
		}
	}
	return ""
}

func (f *filler) day(ns int64) string {
	if ns == 0 {
		return ""
	}
	return event.Time(ns).In(rule.Tokyo).Format("2006-01-02")
}

// unknown says when it should be known: when the open tasks are due, and when
// none is to come, at the end of the last clock that runs.
func (f *filler) unknown() string {
	last := int64(0)
	for _, t := range f.c.Tasks {
		if t.State == "open" {
			last = max(last, t.Due)
		}
	}
	if last <= f.now.UnixNano() {
		for _, k := range f.c.Clocks(f.b.Rules, nil, time.Time{}) {
			if k.End == nil {
				last = max(last, k.Due.UnixNano())
			}
		}
	}
	if last <= f.now.UnixNano() {
		return f.say.Text("say_unknown_open")
	}
	return f.say.Text("say_unknown", "day", f.day(last))
}

func (f *filler) window() string {
	s := f.c.Figures()
	if s == nil || s.From == 0 {
		return ""
	}
	to := f.day(s.To)
	return f.say.Text("say_window", "from", f.day(s.From), "to", to)
}

// howFound is the first sign: what was seen, who knew, from when.
func (f *filler) howFound() string {
	if len(f.c.Signs) == 0 {
		return ""
	}
	s := &f.c.Signs[0]
	return f.say.Text("say_how_found", "day", f.day(s.KnownAt), "by", s.KnownBy, "title", s.Title)
}

func (f *filler) count() string {
	s := f.c.Figures()
	if s == nil {
		return ""
	}
	key := "say_count_measured"
	switch {
	case public(f.doc.Kind):
		key = "say_count_public"
	case s.Stated != "":
		key = "say_count_stated"
	}
	return f.say.Text(key, "confirmed", lang.Count(s.Confirmed), "reachable", lang.Count(s.Reachable), "ever", lang.Count(s.EverHeld),
		"unit", f.say.Text("unit_"+s.Unit), "version", s.Version, "source", s.Stated)
}

// article7 says which numbers of rule 7 apply.
func (f *filler) article7() []string {
	var out []string
	for n, facts := range [][]string{{"sensitive"}, {"card", "property-damage"}, {"attack"}} {
		if slices.ContainsFunc(facts, f.c.Has) {
			out = append(out, strconv.Itoa(n+1))
		}
	}
	if slices.ContainsFunc(f.c.RuleFacts(nil), func(r rule.Fact) bool { return r.Persons > 1000 }) {
		out = append(out, "4")
	}
	return out
}

func (f *filler) actions() string {
	var out []string
	for _, a := range f.c.Actions {
		if a.Step == "receipt" || a.Do == "stop-payment" || a.Do == "isolate" {
			out = append(out, casefile.Word("do", a.Do, f.doc.Lang)+" "+a.Target)
		}
	}
	return strings.Join(out, "、")
}

func (f *filler) evidence() string {
	var out []string
	for _, e := range f.c.Evidence {
		if e.Step == "preserved" {
			out = append(out, f.day(e.At)+" "+casefile.Word("form", e.Form, f.doc.Lang)+" "+e.Host+" SHA-256 "+e.SHA256[:12]+"…")
		}
	}
	return strings.Join(out, "、")
}

func (f *filler) decision(subject string) string {
	for _, d := range f.c.Decisions {
		if d.Subject == subject {
			return casefile.Word("choice", d.Choice, f.doc.Lang) + " (" + f.day(d.At) + ")"
		}
	}
	return ""
}

func (f *filler) nine(heading string) {
	f.part(heading, "overview", "items", "count", "cause", "secondary", "persons_told", "publication", "prevention", "other")
}

func (f *filler) figures() { f.part("part_figures", "count", "period:window") }

// timeline is the case's own.
func (f *filler) timeline() {
	p := Part{Heading: f.say.Text("part_timeline")}
	for _, s := range f.c.Signs {
		p.Rows = append(p.Rows, Row{Label: f.day(s.KnownAt), Value: s.Title + " (" + s.KnownBy + ")"})
	}
	for i := range f.c.Log {
		e := &f.c.Log[i]
		if !strings.HasPrefix(e.What, "notice-") && !slices.Contains([]string{"draft", "agree", "text", "sign"}, e.What) { // signs are there already
			p.Rows = append(p.Rows, Row{Label: f.day(e.At), Value: e.Line(f.doc.Lang)})
		}
	}
	slices.SortStableFunc(p.Rows, func(a, b Row) int { return strings.Compare(a.Label, b.Label) })
	f.doc.Parts = append(f.doc.Parts, p)
}

// sheet is the page to print: whom to call, what not to do, what comes first.
func (f *filler) sheet() {
	call := Part{Heading: f.say.Text("part_call")}
	for _, p := range f.who.People {
		call.Rows = append(call.Rows, Row{Label: casefile.Word("rank", p.Rank, f.doc.Lang), Value: p.Name + " " + p.Phone})
	}
	if len(call.Rows) == 0 {
		call.Rows = []Row{{Label: f.say.Text("field_contact"), Value: f.say.Text("say_nobody"), Unknown: true}}
	}
	not := Part{Heading: f.say.Text("part_do_not")}
	for _, t := range f.b.Plays.DoNot {
		not.Rows = append(not.Rows, Row{Value: t.In(string(f.doc.Lang))})
	}
	do := Part{Heading: f.say.Text("part_do")}
	if class := f.b.Plays.Class(f.c.Class); class != nil {
		do.Rows = append(do.Rows, Row{Value: class.Why.In(string(f.doc.Lang))})
		for _, t := range class.Tasks {
			do.Rows = append(do.Rows, Row{Label: box, Value: t.Title.In(string(f.doc.Lang))})
		}
		do.Rows = append(do.Rows, Row{Value: class.Never.In(string(f.doc.Lang))})
	}
	f.doc.Parts = append(f.doc.Parts, call, not, do)
}
