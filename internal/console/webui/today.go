package webui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

// today is the first screen.
type today struct {
	Scope   *scope.Result // since midnight
	Status  control.Status
	Days    []day // the newest last
	Normal  uint64
	Cases   []casefile.Line
	Todo    []todo
	Clocks  []runningClock
	Further int    // signs whose clocks were not looked at
	Problem string // what could not be found out
	failed  bool
	At      time.Time // when it was looked at
	Late    bool      // newer figures are on their way
}

// day is whose data crossed on one day.
type day struct {
	At                   time.Time
	Confirmed, Reachable uint64
	// Blind: no gate reported at any time of the day, so the figures say nothing.
	Blind bool
}

// todo is one thing to do, with one button.
type todo struct {
	Text, Button, To string
	Alarm            bool
}

// runningClock is a duty of an open case.
type runningClock struct {
	Case string
	desk.Clock
}

const (
	shownDays  = 14
	shownTodos = 3
	// openCases bounds the signs that the first screen looks into; incidents it does
	// all.
	openCases = 20
	// mostCases bounds a list of cases for a choice or a count.
	mostCases = 10_000
)

func (s *Server) todayPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_today")
	return todayView(r.page, s.today(r)), nil
}

// todayFigures is the part of the first screen that is drawn again when the
// ledger moved.
func (s *Server) todayFigures(r *Request) (templ.Component, error) {
	return todayParts(r.page, s.today(r)), nil
}

// today is what the first screen shows to somebody.
func (s *Server) today(r *Request) *today {
	all, late := s.everybody(r.Context())
	t := *all
	t.Late = late
	if status, err := s.Office.Status(r.Context()); err == nil {
		t.Status.Outage = status.Outage // an outage moves nothing: what is kept may be of before
	}
	var err error
	if t.Todo, err = s.todos(r, &t); t.failed || err != nil {
		t.Problem = r.page.T("today_problem")
	}
	if o := t.Status.Outage; o != nil {
		f := o.Fault()
		t.Problem = f.Try(r.page.Lang()) + " (" + f.Code.String() + ")"
	}
	return &t
}

// gather finds out what the first screen shows to everybody. What cannot be
// found out is said, and the rest is shown all the same.
func (s *Server) gather(ctx context.Context, status control.Status, err error) *today {
	t := &today{Status: status, At: s.Now()}
	failed := func(err error) bool {
		if err != nil {
			t.failed = true
			if ctx.Err() == nil {
				s.Log.Error("first screen", "err", err)
			}
		}
		return err != nil
	}
	failed(err)
	now := s.Now()
	t.Scope, err = s.Office.Peek(ctx, scope.Query{From: midnight(now), To: now})
	if failed(err) {
		t.Scope = nil
	}
	if t.Scope != nil {
		t.Days, err = s.days.last(ctx, now, s.Office.Peek)
		failed(err)
		t.Days = append(t.Days, dayOf(midnight(now), t.Scope))
		t.Normal = normal(t.Days[:len(t.Days)-1])
	}
	failed(s.todayCases(ctx, t))
	return t
}

// midnight is the beginning of the day in Japan.
func midnight(t time.Time) time.Time {
	t = t.In(rule.Tokyo)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, rule.Tokyo)
}

func dayOf(at time.Time, r *scope.Result) day {
	return day{at, r.Confirmed.Subjects, r.Reachable.Subjects, blind(r)}
}

// blind reports that nothing was covered at any time of the window: every
// place has one hole from its beginning to its end.
func blind(r *scope.Result) bool {
	return r.Confirmed.Subjects == 0 && r.Coverage.Reporting == 0 && len(r.Coverage.Uncovered) > 0 &&
		!slices.ContainsFunc(r.Coverage.Uncovered, func(u scope.Interval) bool { return u.From.After(r.From) || u.To.Before(r.To) })
}

// normal is the median of the days on which anything was seen.
func normal(all []day) uint64 {
	var seen []uint64
	for _, d := range all {
		if !d.Blind && d.Reachable > 0 {
			seen = append(seen, d.Confirmed)
		}
	}
	if len(seen) == 0 {
		return 0
	}
	slices.Sort(seen)
	return seen[len(seen)/2]
}

// days keeps the figures of days that are over. A day is asked again after an
// hour, one at a time: remote gates may ship late.
type days struct {
	mu   sync.Mutex
	kept map[time.Time]keptDay
}

type keptDay struct {
	day
	asked time.Time
}

const dayLife = time.Hour

func (d *days) last(ctx context.Context, now time.Time, peek func(context.Context, scope.Query) (*scope.Result, error)) ([]day, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := midnight(now).AddDate(0, 0, 1-shownDays)
	if d.kept == nil {
		d.kept = map[time.Time]keptDay{}
	}
	for at := range d.kept {
		if at.Before(first) {
			delete(d.kept, at)
		}
	}
	var out []day
	again := false
	for at := first; at.Before(midnight(now)); at = at.AddDate(0, 0, 1) {
		k, ok := d.kept[at]
		if old := now.Sub(k.asked) > dayLife; !ok || old && !again {
			again = again || ok
			r, err := peek(ctx, scope.Query{From: at, To: at.AddDate(0, 0, 1)})
			if err != nil {
				return out, err
			}
			k = keptDay{dayOf(at, r), now}
			d.kept[at] = k
		}
		out = append(out, k.day)
	}
	return out, nil
}

func (s *Server) todayCases(ctx context.Context, t *today) (err error) {
	if t.Cases, err = s.openLines(ctx); err != nil {
		return err
	}
	for i, l := range t.Cases {
		if i >= openCases && l.State == casefile.Candidate {
			t.Further = len(t.Cases) - i // the others come before
			break
		}
		a, err := s.askCase(ctx, l.ID)
		if err != nil {
			return err
		}
		for _, c := range a.Clocks {
			if c.Ended == "" {
				t.Clocks = append(t.Clocks, runningClock{l.ID, c})
			}
		}
	}
	slices.SortStableFunc(t.Clocks, func(a, b runningClock) int { return a.Due.Compare(b.Due) })
	return nil
}

// openLines are all open cases: those that are more than a sign first, then the newest.
func (s *Server) openLines(ctx context.Context) (out []casefile.Line, err error) {
	text, err := s.Office.Case(ctx, control.CaseQuery{Limit: mostCases})
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	sign := func(l casefile.Line) int {
		if l.State == casefile.Candidate {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b casefile.Line) int { return sign(a) - sign(b) })
	return out, err
}

// todos are the things to do today, the most urgent first, at most three. What
// could not be asked is told beside those that are known.
func (s *Server) todos(r *Request, t *today) ([]todo, error) {
	p := r.page
	var all []todo
	add := func(alarm bool, to, button, text string) { all = append(all, todo{text, button, to, alarm}) }
	if o := t.Status.Outage; o != nil {
		add(true, "/ledger", p.T("todo_look"), p.T("todo_outage", "since", p.Clock(o.Since), "what", o.Fault().What(p.Lang())))
	}
	for _, c := range t.Clocks {
		if c.Late {
			add(true, casePath(c.Case), p.T("todo_open_case"), p.T("todo_late", "case", c.Case, "due", p.Time(c.Due)))
			break
		}
	}
	for _, g := range t.Status.Gates {
		if g.Bypass {
			add(true, "/sessions", p.T("todo_close"), p.T("todo_bypass", "gate", g.Name))
		}
	}
	for _, g := range t.silent() {
		add(true, "/ledger", p.T("todo_look"), p.T("todo_silent", "gate", gateName(g.Source), "since", p.Clock(g.Last)))
	}
	for _, c := range t.Cases {
		if c.State == casefile.Candidate {
			add(false, casePath(c.ID), p.T("todo_open_case"), p.T("todo_candidate", "case", c.ID, "title", c.Title))
		}
	}
	var failed error
	if p.May(account.GrantDecide) {
		grants, err := s.Office.Grants(r.Context())
		failed = errors.Join(failed, err)
		for _, g := range grants {
			if g.State == "requested" && g.By != r.By() {
				add(false, "/sessions", p.T("todo_look"), p.T("todo_grant", "by", g.By))
			}
		}
	}
	if p.May(account.Users) {
		n, err := s.Accounts.Count(r.Context())
		failed = errors.Join(failed, err)
		if err == nil && n < 2 {
			add(false, "/users", p.T("todo_invite_button"), p.T("todo_invite"))
		}
	}
	if p.May(account.Verify) {
		l, err := s.Office.Ledger(r.Context())
		failed = errors.Join(failed, err)
		if err == nil && l.Check == nil {
			add(false, "/ledger", p.T("todo_verify_button"), p.T("todo_verify"))
		}
	}
	if failed != nil && r.Context().Err() == nil {
		s.Log.Error("things to do", "err", failed)
	}
	return all[:min(len(all), shownTodos)], failed
}

// gateName is a source without its kind.
func gateName(source string) string {
	_, name, ok := strings.Cut(source, "/")
	if !ok {
		return source
	}
	return name
}

// clock is when it was looked at.
func (t *today) clock() string { return t.At.In(rule.Tokyo).Format(time.TimeOnly) }

// silent returns the gates that do not report.
func (t *today) silent() []scope.Gate {
	if t.Scope == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.Scope.Coverage.Gates), func(g scope.Gate) bool { return g.Reporting })
}

// level is how bad it is: ok, warn, bad.
func (t *today) level() string {
	switch {
	case t.Status.Outage != nil, slices.ContainsFunc(t.Cases, func(c casefile.Line) bool { return c.State == casefile.Incident }):
		return "bad"
	case t.Scope == nil, t.Scope.Coverage.Known == 0, len(t.silent()) > 0, len(t.Cases) > 0,
		slices.ContainsFunc(t.Status.Gates, func(g control.GateStatus) bool { return g.Bypass }):
		return "warn"
	}
	return "ok"
}

// sentence says in one sentence how it is. It never says more than what is
// seen.
func (t *today) sentence(p *Page) string {
	switch {
	case t.Status.Outage != nil:
		return p.T("today_outage", "since", p.Clock(t.Status.Outage.Since))
	case t.level() == "bad":
		return p.T("today_bad", "n", len(t.Cases))
	case t.Scope == nil:
		return p.T("today_blind")
	case t.Scope.Coverage.Known == 0:
		return p.T("today_no_gate")
	case len(t.silent()) > 0:
		return p.T("today_partly")
	case len(t.Cases) > 0:
		return p.T("today_sign", "n", len(t.Cases))
	}
	return p.T("today_ok")
}

// coverage says what the sentence rests on.
func (t *today) coverage(p *Page) string {
	if t.Scope == nil {
		return ""
	}
	return coverage(p, &t.Scope.Coverage)
}

// coverage is the coverage of a figure in one sentence: it stands with every
// figure, most of all with zero.
func coverage(p *Page, c *scope.Coverage) string {
	if c.Known == 0 {
		return p.T("coverage_none")
	}
	out := p.T("coverage_gates", "reporting", c.Reporting, "known", c.Known)
	for _, g := range c.Gates {
		if !g.Reporting {
			out += p.T("coverage_silent", "gate", gateName(g.Source), "since", p.Clock(g.Last))
		}
	}
	if n := len(holes(c)); n > 0 {
		out += p.T("coverage_holes", "n", n)
	}
	return out + p.T("full_stop")
}

// compared says how today stands to a normal day.
func (t *today) compared(p *Page) string {
	n := t.Scope.Confirmed.Subjects
	switch {
	case t.Normal == 0:
		return p.T("normal_unknown")
	case n > 2*t.Normal:
		return p.T("normal_more", "normal", p.N(t.Normal), "times", fmt.Sprintf("%.1f", float64(n)/float64(t.Normal)))
	}
	return p.T("normal_usual", "normal", p.N(t.Normal))
}

// stream tells the page when the ledger moved, at most once in two seconds.
func (s *Server) stream(r *Request) (templ.Component, error) {
	r.out = true
	out := http.NewResponseController(r.w)
	r.w.Header().Set("Content-Type", "text/event-stream")
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	status, err := s.Office.Status(ctx)
	if err != nil {
		return nil, err
	}
	head := status.Head
	tick := time.NewTicker(streamPace)
	defer tick.Stop()
	for {
		if err := out.SetWriteDeadline(time.Now().Add(streamStall)); err != nil {
			return nil, nil
		}
		if _, err := fmt.Fprintf(r.w, "retry: 5000\nevent: moved\ndata: %d\n\n", head); err != nil {
			return nil, nil // the reader left
		}
		if err := out.Flush(); err != nil {
			return nil, nil
		}
		select {
		case <-s.stopped:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		case <-tick.C:
		}
		status, err := s.Office.Status(ctx)
		if err != nil {
			return nil, nil
		}
		head = status.Head
	}
}

const (
	streamPace  = 2 * time.Second
	streamLife  = 10 * time.Minute // then the browser asks again, and the session is looked at
	streamStall = 20 * time.Second
)

func (s *Server) nothing(*Request) (templ.Component, error) { return nil, errNothing }
