package webui

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/internal/view/casefile/playbook"
)

func (s *Server) wrongPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("wrong_title")
	return wrongView(r.page, ""), nil
}

// wrong is the button: the clock starts, a first scope is frozen, the person
// on duty is called. It is the same sign as `sekisho case wrong`.
func (s *Server) wrong(r *Request) (templ.Component, error) {
	what := strings.TrimSpace(r.PostFormValue("what"))
	if what == "" {
		r.page.Title = r.page.T("wrong_title")
		return wrongView(r.page, r.page.T("wrong_empty")), nil
	}
	sign := &event.CaseSign{Class: "unknown", Channel: "button", Title: what, KnownAt: s.Now().UnixNano(), KnownBy: r.By(), By: r.By()}
	if host := strings.TrimSpace(r.PostFormValue("host")); host != "" {
		sign.Hosts = []string{host}
	}
	receipt, err := s.record(r, sign)
	if err != nil {
		return nil, err
	}
	return nil, redirect(casePath(receipt.Case) + "?done=wrong")
}

// record proposes a body as the person who asks, and returns the receipt.
func (s *Server) record(r *Request, body event.Cased) (control.CaseReceipt, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return control.CaseReceipt{}, err
	}
	return s.Office.RecordCase(r.Context(), r.By(), control.CaseRequest{Kind: body.Kind(), Body: text, Lang: string(r.page.Lang())})
}

func (s *Server) askCase(ctx context.Context, id string) (*desk.Answer, error) {
	text, err := s.Office.Case(ctx, control.CaseQuery{ID: id})
	if err != nil {
		return nil, err
	}
	var out desk.Answer
	return &out, json.Unmarshal(text, &out)
}

// shownCases bounds the list of cases, unless all are asked for.
const shownCases = 200

func (s *Server) casesPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_cases")
	closed := r.URL.Query().Get("closed") != ""
	most := shownCases
	if r.URL.Query().Get("all") != "" {
		most = math.MaxInt32
	}
	text, err := s.Office.Case(r.Context(), control.CaseQuery{Closed: closed, Limit: most + 1})
	if err != nil {
		return nil, err
	}
	var lines []casefile.Line
	if err := json.Unmarshal(text, &lines); err != nil {
		return nil, err
	}
	more := len(lines) > most
	return casesView(r.page, lines[:min(len(lines), most)], closed, more), s.noteUnseen(r)
}

// caseRoom is one case as its page shows it.
type caseRoom struct {
	*desk.Answer
	Class  *playbook.Class
	Facts  []string // that can be said
	Drafts []draftLine
	Duty   []office.Rank // who holds which rank now
	skip   int           // so many callings stand before those that the page shows
	upTo   int           // the timeline is shown up to this entry; 0: up to the newest
}

// draftLine is a document that the case has or could have.
type draftLine struct{ Kind, State, Writer, Releaser string }

func (s *Server) casePage(r *Request) (templ.Component, error) {
	a, err := s.askCase(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	c := &caseRoom{Answer: a, Class: casefile.DefaultBooks().Plays.Class(a.Case.Class), Facts: knownFacts()}
	for i, red := range a.Red {
		a.Red[i] = casefile.RedText(red, a.Case.Class, r.page.Lang())
	}
	for _, kind := range draft.Kinds {
		line := draftLine{Kind: kind}
		if d := a.Case.Drafts[kind]; d != nil {
			line = draftLine{kind, d.State, d.Writer, d.Releaser}
		}
		c.Drafts = append(c.Drafts, line)
	}
	if c.Duty, err = s.Office.Duty(r.Context()); err != nil {
		return nil, err
	}
	c.upTo, _ = strconv.Atoi(r.URL.Query().Get("upto")) // what is no number shows the newest
	c.skip, _ = strconv.Atoi(r.URL.Query().Get("calls"))
	r.page.Title = a.Case.ID + " " + a.Case.Title
	return caseView(r.page, c), s.noteUnseen(r)
}

// noteUnseen says above cases that they are of before an outage, when they are.
func (s *Server) noteUnseen(r *Request) error {
	status, err := s.Office.Status(r.Context())
	if o := status.Outage; err == nil && o != nil && o.Unseen > 0 {
		r.page.Unseen = r.page.T("cases_unseen", "since", r.page.Clock(o.Since), "n", r.page.N(o.Unseen))
	}
	return err
}

// knownFacts are the facts that some rule asks for.
func knownFacts() []string {
	out := []string{}
	for _, k := range casefile.DefaultBooks().Rules.Rules {
		out = append(out, k.Start...)
		for _, w := range k.When {
			out = append(append(out, w.All...), w.Any...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// next returns the open task that is due first: the next decision and whose it
// is.
func (c *caseRoom) next() *casefile.Task {
	var first *casefile.Task
	for i := range c.Case.Tasks {
		if t := &c.Case.Tasks[i]; t.State == "open" && (first == nil || t.Due < first.Due) {
			first = t
		}
	}
	return first
}

// title is the task's own, or the playbook's.
func (c *caseRoom) title(p *Page, t *casefile.Task) string {
	if c.Class != nil && c.Class.Task(t.ID) != nil {
		return c.Class.Task(t.ID).Title.In(string(p.Lang()))
	}
	if t.Title != "" {
		return t.Title
	}
	return t.ID
}

// missing is what closing the case lacks, in words.
func (c *caseRoom) missing(p *Page) []string {
	var out []string
	for _, m := range c.Missing {
		id, isTask := strings.CutPrefix(m, "task:")
		i := slices.IndexFunc(c.Case.Tasks, func(t casefile.Task) bool { return t.ID == id })
		if isTask && i >= 0 {
			out = append(out, c.title(p, &c.Case.Tasks[i]))
		} else {
			out = append(out, casefile.MissingWord(m, c.Case.Class, p.Lang()))
		}
	}
	return out
}

// casePath is the address of a case's page, whatever somebody typed for its name.
func casePath(id string) string { return "/cases/" + url.PathEscape(id) }

// shownLog and shownCalls bound a case's page: one to which nobody answers for
// months calls and calls again.
const (
	shownLog   = 60
	shownCalls = 12
)

// stretch is the part of the timeline that the page shows, as indices into the
// case's log.
func (c *caseRoom) stretch() (from, end int) {
	end = len(c.Case.Log)
	if c.upTo > 0 {
		end = min(end, c.upTo)
	}
	return max(0, end-shownLog), end
}

// log is the timeline as far as it is shown, the newest first.
func (c *caseRoom) log() []casefile.Entry {
	from, end := c.stretch()
	out := slices.Clone(c.Case.Log[from:end])
	slices.Reverse(out)
	return out
}

// older leads to what the timeline held before; empty when that is all.
func (c *caseRoom) older() templ.SafeURL {
	from, _ := c.stretch()
	if from == 0 {
		return ""
	}
	return templ.SafeURL(casePath(c.Case.ID) + "?upto=" + strconv.Itoa(from) + "#h-log")
}

// receipts are the actions that were carried out or ordered.
func (c *caseRoom) receipts() []event.CaseAction {
	out := slices.Clone(c.Case.Actions)
	slices.Reverse(out)
	return out
}

func (c *caseRoom) open() bool { return c.Case.State != casefile.Closed }

func (c *caseRoom) className(p *Page) string {
	if c.Class != nil {
		return c.Class.Name.In(string(p.Lang()))
	}
	return c.Case.Class
}

func className(p *Page, id string) string {
	if c := casefile.DefaultBooks().Plays.Class(id); c != nil {
		return c.Name.In(string(p.Lang()))
	}
	return id
}

func classes() []playbook.Class { return casefile.DefaultBooks().Plays.Classes }

// act records a body and leads back to the case.
func (s *Server) act(r *Request, done string, body event.Cased) (templ.Component, error) {
	if _, err := s.record(r, body); err != nil {
		return nil, err
	}
	return nil, redirect(casePath(body.InCase()) + "?done=" + done)
}

func (s *Server) caseTask(r *Request) (templ.Component, error) {
	return s.act(r, "saved", &event.CaseTask{Case: r.PathValue("id"), Task: r.PostFormValue("task"), Step: r.PostFormValue("step"),
		Owner: r.PostFormValue("owner"), By: r.By(), Reason: r.PostFormValue("reason")})
}

func (s *Server) caseFact(r *Request) (templ.Component, error) {
	at, err := formTime(r, "at", s.Now())
	if err != nil {
		return nil, err
	}
	known := strings.TrimSpace(r.PostFormValue("known_by"))
	if known == "" {
		known = r.By()
	}
	persons, _ := strconv.ParseUint(r.PostFormValue("persons"), 10, 64) // empty: not said
	return s.act(r, "saved", &event.CaseFact{Case: r.PathValue("id"), Fact: r.PostFormValue("fact"), KnownAt: at.UnixNano(), KnownBy: known, Persons: persons, By: r.By()})
}

func (s *Server) caseMove(r *Request) (templ.Component, error) {
	return s.act(r, "saved", &event.CaseMove{Case: r.PathValue("id"), To: r.PostFormValue("to"), Class: r.PostFormValue("class"), By: r.By(), Reason: r.PostFormValue("reason")})
}

func (s *Server) caseAck(r *Request) (templ.Component, error) {
	return s.act(r, "saved", &event.CaseNotice{Case: r.PathValue("id"), Key: r.PostFormValue("key"), Step: "ack", To: r.By()})
}

// caseAct orders what the gates do; the receipt is in the case when the answer
// comes.
func (s *Server) caseAct(r *Request) (templ.Component, error) {
	do := r.PostFormValue("do")
	if !slices.Contains(gateActs, do) {
		return nil, errNothing
	}
	return s.act(r, "acted", &event.CaseAction{Case: r.PathValue("id"), Action: do + "-" + s.Now().UTC().Format("20060102T150405.000"), Step: "done", Do: do,
		Target: strings.TrimSpace(r.PostFormValue("target")), By: r.By(), Reason: r.PostFormValue("reason")})
}

// gateActs are the actions that gates carry out and give a receipt for.
var gateActs = []string{"cut", "freeze", "bypass-off"}

func eventTime(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return event.Time(ns)
}

// Fact is a fact in words.
func (p *Page) Fact(name string) string {
	key := "fact_" + strings.NewReplacer("-", "_", ".", "_").Replace(name)
	if texts.Has(key) {
		return p.T(key)
	}
	return casefile.Word("fact", name, p.Lang())
}

// ownerOf is whose task it is.
func ownerOf(p *Page, owner string) string {
	if owner == "" {
		return p.T("task_nobody")
	}
	return owner
}

// short is the beginning of a digest, enough to compare by eye.
func short(digest string) string {
	_, hex, ok := strings.Cut(digest, ":")
	if !ok {
		hex = digest
	}
	return hex[:min(len(hex), 12)]
}

// share is the part of 400 that n is of all; what is not zero is seen.
func share(n, all uint64) int {
	if n == 0 || all == 0 {
		return 0
	}
	return max(3, int(400*min(n, all)/all))
}
