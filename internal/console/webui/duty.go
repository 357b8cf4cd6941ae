package webui

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

// answered says what somebody of a rank did when this case called: "called",
// "answered", or nothing.
func (c *caseRoom) answered(id string) string {
	out := ""
	for _, n := range c.Case.Notices {
		switch {
		case n.To != id:
		case n.Step == "ack":
			return "answered"
		case n.Step == "sent":
			out = "called"
		}
	}
	return out
}

// tasksOf are the open tasks that somebody took.
func (c *caseRoom) tasksOf(p *Page, id string) []string {
	var out []string
	for i := range c.Case.Tasks {
		if t := &c.Case.Tasks[i]; t.Owner == id && t.State == "open" {
			out = append(out, c.title(p, t))
		}
	}
	return out
}

// others work on the case and are in no rank: they entered the console.
func (c *caseRoom) others() []string {
	var out []string
	for _, t := range c.Case.Tasks {
		known := slices.ContainsFunc(c.Duty, func(r office.Rank) bool {
			return slices.ContainsFunc(r.People, func(d office.OnDuty) bool { return d.ID == t.Owner })
		})
		if t.Owner != "" && t.State == "open" && !known && !slices.Contains(out, t.Owner) {
			out = append(out, t.Owner)
		}
	}
	return out
}

// liveFigures are the figures of a case's question, asked again up to now,
// beside those that were frozen.
type liveFigures struct {
	Case   string
	Frozen *casefile.Scope
	Now    *scope.Result // nil: they are being worked out
	At     time.Time
}

// questionOf is the question of a case's newest figures, up to now; ok is false
// when they were stated by somebody and not measured.
func questionOf(f *casefile.Scope) (q scope.Query, ok bool) {
	if f == nil || f.Query == "" || json.Unmarshal([]byte(f.Query), &q) != nil {
		return q, false
	}
	q.To = time.Time{}
	return q, true
}

// caseFiguresNow asks again. Everybody who looks at the case within half a
// minute sees the same answer; it names nobody and is not recorded.
func (s *Server) caseFiguresNow(r *Request) (templ.Component, error) {
	a, err := s.askCase(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	f := a.Case.Figures()
	q, ok := questionOf(f)
	if !ok {
		return nil, errNothing
	}
	type asked struct {
		result *scope.Result
		at     time.Time
	}
	got, ready, err := s.behind(r.Context(), "case figures "+a.Case.ID+" "+f.Digest, func(ctx context.Context) (any, error) {
		result, err := s.Office.Peek(ctx, q)
		return asked{result, s.Now()}, err
	})
	if err != nil {
		return nil, err
	}
	l := &liveFigures{Case: a.Case.ID, Frozen: f}
	if ready {
		l.Now, l.At = got.(asked).result, got.(asked).at
	}
	return liveView(r.page, l), nil
}

// comparedFigure is one of the three figures, frozen and now.
type comparedFigure struct {
	Name        string
	Frozen, Now uint64
}

func (l *liveFigures) rows(p *Page) []comparedFigure {
	return []comparedFigure{
		{p.T("confirmed"), l.Frozen.Confirmed, l.Now.Confirmed.Subjects},
		{p.T("reachable"), l.Frozen.Reachable, l.Now.Reachable.Subjects},
		{p.T("ever_held"), l.Frozen.EverHeld, l.Now.EverHeld.Subjects},
	}
}

// difference is how much more there is now, with its sign.
func (c comparedFigure) difference(p *Page) string {
	switch {
	case c.Now > c.Frozen:
		return "+" + p.N(c.Now-c.Frozen)
	case c.Now < c.Frozen:
		return "−" + p.N(c.Frozen-c.Now)
	}
	return "±0"
}

// figureSource is where a figure of a document comes from.
type figureSource struct {
	Name  string
	N     uint64
	How   string
	Again templ.SafeURL // the same question; empty: it was not measured
}

// sources says where each figure of a document comes from.
func (d *draftRoom) sources(p *Page) []figureSource {
	i := slices.IndexFunc(d.Case.Scopes, func(s casefile.Scope) bool { return s.Version == d.Document.Scope })
	if i < 0 {
		return nil
	}
	f := &d.Case.Scopes[i]
	again := templ.SafeURL("")
	how := func(key string) string { return p.T("source_stated", "source", f.Stated) }
	if q, ok := questionOf(f); ok {
		again = questionAt(q, f.At)
		how = func(key string) string {
			return p.T(key) + " " + p.T("source_measured", "version", f.Version, "position", p.N(uint64(f.Position)), "digest", short(f.Digest))
		}
	}
	return []figureSource{
		{p.T("confirmed"), f.Confirmed, how("source_confirmed"), again},
		{p.T("reachable"), f.Reachable, how("source_reachable"), again},
		{p.T("ever_held"), f.EverHeld, how("source_ever"), again},
	}
}

// questionAt leads to the explorer with the question as it was asked at a time.
func questionAt(q scope.Query, at int64) templ.SafeURL {
	v := url.Values{"place": q.Places, "user": q.Users, "address": q.Addresses, "element": q.Elements, "to": {eventTime(at).Format(time.RFC3339Nano)}}
	if !q.From.IsZero() {
		v.Set("from", q.From.Format(time.RFC3339Nano))
	}
	for _, s := range q.Sessions {
		v.Add("session", s.Source+"/"+px(int(s.ID)))
	}
	return narrowed(v)
}
