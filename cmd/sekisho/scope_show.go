package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

// maxShown bounds the lines of one list on the screen; --json has all.
const maxShown = 20

// scopeText writes a scope result for people.
type scopeText struct {
	w   io.Writer
	say lang.Printer
	err error
}

func (s *scopeText) line(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format+"\n", args...)
	}
}

func (s *scopeText) text(key string, args ...any) { s.line("%s", s.say.Text(key, args...)) }

// write shows the question, the three figures and what they rest on.
func (s *scopeText) write(r *scope.Result) error {
	s.question(r)
	s.figures(r)
	s.elements(r)
	s.coverage(r)
	s.leaving(r.Leaving)
	return s.err
}

func (s *scopeText) question(r *scope.Result) {
	s.text("scope_window", "from", clock(r.From), "to", clock(r.To))
	q := r.Query
	all := func(key string, list []string) {
		if len(list) > 0 {
			s.text(key, "list", strings.Join(list, ", "))
		}
	}
	all("scope_places", q.Places)
	all("scope_users", q.Users)
	all("scope_addresses", q.Addresses)
	all("scope_elements", q.Elements)
	all("scope_labels", q.Labels)
	var sessions []string
	for _, one := range q.Sessions {
		sessions = append(sessions, strings.TrimPrefix(one.Source+"/", "/")+fmt.Sprint(one.ID))
	}
	all("scope_sessions", sessions)
	s.line("")
}

// clock writes a time of a scope; a zero time is an end that was left open and
// that no record closes.
func clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000Z")
}

func (s *scopeText) figures(r *scope.Result) {
	covered := s.coverageWord(r)
	figure := func(key string, f scope.Count) {
		s.line("  %s %12s %12s  %s", pad(s.say.Text(key), 14), countOf(f.Subjects), countOf(f.Records), s.say.Text(key+"_means"))
	}
	s.line("  %s %12s %12s", pad("", 14), s.say.Text("scope_persons"), s.say.Text("scope_records"))
	figure("confirmed", r.Confirmed.Count)
	figure("reachable", r.Reachable.Count)
	if w := r.Reachable.WithoutAggregates; w != nil && *w != r.Reachable.Count {
		figure("without_aggregates", *w)
	}
	figure("ever_held", r.EverHeld.Count)
	s.line("")
	switch {
	case r.Reachable.Subjects == 0:
		s.text("scope_zero", "coverage", covered)
	case r.Reachable.Subjects == r.Confirmed.Subjects:
		s.text("scope_equal", "n", countOf(r.Confirmed.Subjects), "coverage", covered)
	default:
		s.text("scope_between", "confirmed", countOf(r.Confirmed.Subjects), "reachable", countOf(r.Reachable.Subjects), "coverage", covered)
	}
	for _, one := range []struct {
		key string
		f   scope.Figure
	}{{"confirmed", r.Confirmed}, {"reachable", r.Reachable}, {"ever_held", r.EverHeld}} {
		if one.f.WithoutNumber > 0 {
			s.text("scope_without_number", "class", s.say.Text(one.key), "n", countOf(one.f.WithoutNumber))
		}
	}
	s.line("")
}

// pad fills text with spaces to a width in columns; Japanese characters take two.
func pad(text string, width int) string {
	n := 0
	for _, r := range text {
		n++
		if r >= 0x1100 {
			n++
		}
	}
	return text + strings.Repeat(" ", max(0, width-n))
}

func (s *scopeText) elements(r *scope.Result) {
	names := slices.Sorted(maps.Keys(r.EverHeld.Elements))
	for _, f := range []scope.Figure{r.Confirmed, r.Reachable} {
		names = append(names, slices.Collect(maps.Keys(f.Elements))...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return
	}
	s.line("  %s %12s %12s %12s", pad(s.say.Text("scope_by_element"), 18), s.say.Text("confirmed"), s.say.Text("reachable"), s.say.Text("ever_held"))
	for _, name := range names {
		s.line("  %s %12s %12s %12s", pad(elementName(s.say, name), 18), countOf(r.Confirmed.Elements[name]), countOf(r.Reachable.Elements[name]), countOf(r.EverHeld.Elements[name]))
	}
	s.line("")
}

// elementName is the name of an element in the person's language.
func elementName(say lang.Printer, name string) string {
	key := "element_" + strings.ReplaceAll(name, ".", "_")
	if texts.Has(key) {
		return say.Text(key)
	}
	return name
}

// coverageWord is the short form of the coverage, for the sentence that holds
// the figures.
func (s *scopeText) coverageWord(r *scope.Result) string {
	c := &r.Coverage
	out := s.say.Text("scope_gates", "reporting", c.Reporting, "known", c.Known)
	for _, g := range c.Gates {
		if !g.Reporting {
			out += s.say.Text("scope_silent", "gate", g.Source, "since", clock(g.Last))
		}
	}
	if n := len(c.Uncovered); n > 0 {
		out += s.say.Text("scope_holes", "n", n)
	}
	if c.Known == 0 {
		out = s.say.Text("scope_no_gate")
	}
	return out
}

func (s *scopeText) coverage(r *scope.Result) {
	c := &r.Coverage
	if len(c.Uncovered) > 0 {
		s.text("scope_uncovered")
		for i, u := range c.Uncovered {
			if i == maxShown {
				s.text("scope_more", "n", len(c.Uncovered)-i)
				break
			}
			s.line("    %s – %s  %s  %s", clock(u.From), clock(u.To), u.Place, s.reason(u.Reason))
		}
	}
	if len(c.Bounded) > 0 {
		s.text("scope_bounded")
		for i, b := range c.Bounded {
			if i == maxShown {
				s.text("scope_more", "n", len(c.Bounded)-i)
				break
			}
			s.line("    %s  %s  %s", b.Table, s.reason(b.Reason),
				s.say.Text("scope_bounded_line", "class", s.say.Text("class_"+b.Class), "n", countOf(b.Count), "rows", countOf(b.Rows)))
		}
	}
	s.holdings(c.Holdings)
	if c.OpenIntents > 0 {
		s.text("scope_open_intents", "n", c.OpenIntents)
	}
	if c.UnknownSessions > 0 {
		s.text("scope_unknown_sessions", "n", c.UnknownSessions)
	}
}

// holdings says of which places the figures are no more than a bound: first where nothing
// is known, and not of every file of a folder.
func (s *scopeText) holdings(all []scope.Holding) {
	var lines [4][]string
	for _, h := range all {
		switch {
		case h.LastScan.IsZero():
			lines[0] = append(lines[0], s.say.Text("scope_never_scanned", "table", h.Table))
		case h.Unknown:
			lines[1] = append(lines[1], s.say.Text("scope_unknown_holdings", "table", h.Table))
		case h.ChangedUnknown > 0:
			lines[2] = append(lines[2], s.say.Text("scope_changed_unknown", "table", h.Table, "n", countOf(h.ChangedUnknown)))
		case h.Provisional:
			lines[3] = append(lines[3], s.say.Text("scope_provisional", "table", h.Table, "at", clock(h.LastScan)))
		}
	}
	flat := slices.Concat(lines[:]...)
	for _, l := range flat[:min(len(flat), maxShown)] {
		s.line("%s", l)
	}
	if len(flat) > maxShown {
		s.text("scope_more", "n", len(flat)-maxShown)
	}
}

func (s *scopeText) reason(word string) string { return reasonIn(s.say, word) }

// reasonIn is a reason that the program wrote into the ledger, a stable word or
// a sentence of the policy, in the person's language; other text as it is.
func reasonIn(say lang.Printer, word string) string {
	key := "reason_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, word)
	if texts.Has(key) {
		return say.Text(key)
	}
	text, _ := fault.Phrase(say.Language(), word)
	return text
}
