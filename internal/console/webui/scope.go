package webui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

// explorer is the page that asks whose data crossed.
type explorer struct {
	Values url.Values // as asked
	Query  scope.Query
	Result *scope.Result // nil: not asked yet
	Comes  string        // the address to ask again; empty: the answer is there
	Digest string
	Map    []office.Database
	Cases  []casefile.Line // open ones, to freeze into
	Look   *office.LookAnswer
}

// formTimeLayouts are those of browsers and of the command line.
var formTimeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}

// readTime reads a time of a form, in Japan; a length such as -24h counts back
// from now. Empty is the zero time.
func readTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && strings.HasPrefix(text, "-") {
		return now.Add(d), nil
	}
	for _, form := range formTimeLayouts {
		if t, err := time.ParseInLocation(form, text, rule.Tokyo); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.ScopeQuery, "problem", fmt.Sprintf("%q is no time", text), "hint", "2026-11-22T02:10:00+09:00, 2026-11-22, -24h")
}

// formTime reads a time of a form; empty is now.
func formTime(r *Request, name string, now time.Time) (time.Time, error) {
	t, err := readTime(r.PostFormValue(name), now)
	if err == nil && t.IsZero() {
		t = now
	}
	return t, err
}

// words splits what people type into a field for several.
func words(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '、' || r == '\n' || r == '\t' })...)
	}
	return out
}

// queryOf reads the question of an address or a form.
func queryOf(v url.Values, now time.Time) (scope.Query, error) {
	q := scope.Query{Places: words(v["place"]), Users: words(v["user"]), Addresses: words(v["address"]), Elements: words(v["element"])}
	var err error
	if q.From, err = readTime(v.Get("from"), now); err != nil {
		return q, err
	}
	if q.To, err = readTime(v.Get("to"), now); err != nil {
		return q, err
	}
	for _, e := range q.Elements {
		if _, ok := element.ParseKind(e); !ok {
			return q, fault.New(fault.ScopeQuery, "problem", fmt.Sprintf("%q is no element", e), "hint", "see `sekisho scope --help`")
		}
	}
	for _, text := range words(v["session"]) {
		src, number := "", text
		if i := strings.LastIndexByte(text, '/'); i >= 0 {
			src, number = text[:i], text[i+1:]
		}
		id, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return q, fault.New(fault.ScopeQuery, "problem", strconv.Quote(text)+" is no session", "hint", "`sekisho events --kind session-open` shows the sessions")
		}
		q.Sessions = append(q.Sessions, scope.Session{Source: src, ID: id})
	}
	return q, nil
}

func (s *Server) scopePage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_scope")
	e, err := s.explore(r, r.URL.Query())
	if err != nil {
		return nil, err
	}
	if e.Values.Get("ask") != "" {
		answer, ready, err := s.behindOf(&s.asking, r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
			return s.ask(ctx, r.By(), e.Query)
		})
		if err != nil {
			return nil, err
		}
		if ready {
			e.Result = answer.(*scope.Result)
		} else {
			e.Comes = r.URL.RequestURI()
		}
	}
	return scopeView(r.page, e), nil
}

// explore reads the question and what the form offers.
func (s *Server) explore(r *Request, v url.Values) (*explorer, error) {
	e := &explorer{Values: v}
	var err error
	if e.Query, err = queryOf(v, s.Now()); err != nil {
		return nil, err
	}
	if e.Map, err = s.Office.Map(r.Context()); err != nil {
		return nil, err
	}
	e.Cases, err = s.openLines(r.Context())
	return e, err
}

// ask asks as `sekisho scope` does: the answer is recorded before it is shown.
func (s *Server) ask(ctx context.Context, by string, q scope.Query) (*scope.Result, error) {
	var text bytes.Buffer
	if err := s.Office.Scope(ctx, control.ScopeRequest{Query: q, Form: control.FormFigures, By: by}, &text); err != nil {
		return nil, err
	}
	res := &scope.Result{}
	return res, json.Unmarshal(text.Bytes(), res)
}

// slices of the picture over time.
const timeSlices = 24

// bar is a part of the window.
type bar struct {
	From, To             time.Time
	Confirmed, Reachable uint64
	Uncovered, Blind     bool
	Open                 bool // nobody asked for its beginning
}

// scopeTime is the picture over time: each part of the window asked alone.
func (s *Server) scopeTime(r *Request) (templ.Component, error) {
	v := r.URL.Query()
	q, err := queryOf(v, s.Now())
	if err != nil {
		return nil, err
	}
	bars, ready, err := s.behind(r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
		return slicesOf(ctx, q, s.Now(), s.Office.Peek)
	})
	if err != nil {
		return nil, err
	}
	if !ready {
		return comes(r.page, r.URL.RequestURI()), nil
	}
	return timeBars(r.page, v, bars.([]bar)), nil
}

func slicesOf(ctx context.Context, q scope.Query, now time.Time, peek func(context.Context, scope.Query) (*scope.Result, error)) ([]bar, error) {
	open := q.From.IsZero()
	if open || q.To.IsZero() {
		whole, err := peek(ctx, q)
		if err != nil {
			return nil, err
		}
		q.From, q.To = whole.From, whole.To
	}
	if q.From.IsZero() || windowless(q.From, q.To) {
		return nil, nil
	}
	q.To = earlier(q.To, now)
	step := max((q.To.Sub(q.From)+timeSlices-1)/timeSlices, time.Second)
	var out []bar
	for at := q.From; at.Before(q.To); at = at.Add(step) {
		part := q
		part.From, part.To = at, earlier(at.Add(step), q.To)
		if open && at.Equal(q.From) {
			part.From = time.Time{} // as the question itself
		}
		res, err := peek(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, bar{at, part.To, res.Confirmed.Subjects, res.Reachable.Subjects, len(res.Coverage.Uncovered) > 0, blind(res), part.From.IsZero()})
	}
	return out, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// scopeLeaving is the part of the explorer that says what left by the gates for
// what leaves.
func (s *Server) scopeLeaving(r *Request) (templ.Component, error) {
	q, err := queryOf(r.URL.Query(), s.Now())
	if err != nil {
		return nil, err
	}
	left, ready, err := s.behind(r.Context(), r.By()+" "+r.URL.RequestURI(), func(ctx context.Context) (any, error) {
		return s.Office.Leaving(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	if !ready {
		return comes(r.page, r.URL.RequestURI()), nil
	}
	return leavingView(r.page, left.(*scope.Leaving)), nil
}

func mostOfBars(bars []bar) uint64 {
	var all []day
	for _, b := range bars {
		all = append(all, day{Confirmed: b.Confirmed, Reachable: b.Reachable, Blind: b.Blind})
	}
	return mostOf(all)
}

// narrowed is the address of the same question with one field replaced.
func narrowed(v url.Values, pairs ...string) templ.SafeURL {
	next := maps.Clone(v)
	if next == nil {
		next = url.Values{}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		next[pairs[i]] = []string{pairs[i+1]}
	}
	next.Set("ask", "1")
	return templ.SafeURL("/scope?" + next.Encode())
}

func between(b bar) (from, to string) {
	if b.Open {
		return "", b.To.UTC().Format(time.RFC3339Nano)
	}
	return b.From.UTC().Format(time.RFC3339Nano), b.To.UTC().Format(time.RFC3339Nano)
}

// fixed is the question with the end of the window that was answered: what is opened
// later asks the same. A beginning that nobody asked for stays open: before the first
// sign of life nothing is missing, and a time in its place would make a hole of the
// moment before the other gates gave theirs.
func (e *explorer) fixed() url.Values {
	v := maps.Clone(e.Values)
	v.Del("ask")
	if windowless(e.Result.From, e.Result.To) {
		return v
	}
	if e.Query.From.IsZero() {
		v.Del("from")
	} else {
		v.Set("from", e.Result.From.UTC().Format(time.RFC3339Nano))
	}
	if !e.Result.To.IsZero() {
		v.Set("to", e.Result.To.UTC().Format(time.RFC3339Nano))
	}
	return v
}

func (e *explorer) checked(field, value string) bool {
	return slices.Contains(words(e.Values[field]), value)
}

func (e *explorer) value(field string) string { return strings.Join(e.Values[field], " ") }

// input is a time as a browser's field wants it.
func (e *explorer) input(field string, now time.Time) string {
	t, err := readTime(e.Values.Get(field), now)
	if err != nil || t.IsZero() {
		if field == "from" && e.Values.Get("ask") == "" {
			return now.Add(-24 * time.Hour).In(rule.Tokyo).Format("2006-01-02T15:04")
		}
		return ""
	}
	return t.In(rule.Tokyo).Format("2006-01-02T15:04:05")
}

// elements are those that any of the figures has, the most confirmed first.
func (e *explorer) elements() []string {
	names := slices.Collect(maps.Keys(e.Result.EverHeld.Elements))
	for _, f := range []scope.Figure{e.Result.Confirmed, e.Result.Reachable} {
		names = append(names, slices.Collect(maps.Keys(f.Elements))...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	slices.SortStableFunc(names, func(a, b string) int {
		return int(e.Result.Reachable.Elements[b]) - int(e.Result.Reachable.Elements[a])
	})
	return names
}

func (e *explorer) tables() []string {
	return slices.Sorted(maps.Keys(e.Result.EverHeld.Tables))
}

// window says which time was answered; without an end that was asked for and without
// anything in the ledger there is none.
func (e *explorer) window(p *Page) string {
	if windowless(e.Result.From, e.Result.To) {
		return p.T("scope_no_window")
	}
	return p.T("scope_window", "from", p.Second(e.Result.From), "to", p.Second(e.Result.To))
}

// windowless reports a window that ends when there was no Sekisho yet.
func windowless(from, to time.Time) bool { return to.IsZero() || !to.After(from) || to.Year() < 2000 }

// sentence is the answer in one sentence, never a bare number.
func (e *explorer) sentence(p *Page) string {
	r := e.Result
	switch {
	case r.Reachable.Subjects == 0:
		return p.T("scope_zero")
	case r.Reachable.Subjects == r.Confirmed.Subjects:
		return p.T("scope_equal", "n", p.N(r.Confirmed.Subjects))
	}
	return p.T("scope_between", "confirmed", p.N(r.Confirmed.Subjects), "reachable", p.N(r.Reachable.Subjects))
}

// kindsOfElements are all elements that can be asked for.
func kindsOfElements() []string {
	var out []string
	for _, k := range element.Kinds() {
		out = append(out, k.String())
	}
	return out
}

// scopeBundle streams the answer with its evidence.
func (s *Server) scopeBundle(r *Request) (templ.Component, error) {
	q, err := queryOf(r.URL.Query(), s.Now())
	if err != nil {
		return nil, err
	}
	return s.download(r, ".bundle", func(w io.Writer) error {
		return s.Office.Scope(r.Context(), control.ScopeRequest{Query: q, Form: control.FormBundle, By: r.By()}, w)
	})
}

// download answers with a file that write makes.
func (s *Server) download(r *Request, ending string, write func(io.Writer) error) (templ.Component, error) {
	w := &lateFile{w: r.w, name: "sekisho-" + s.Now().UTC().Format("20060102T150405Z") + ending}
	err := write(w)
	if err != nil && w.begun {
		s.Log.Error("download broke off", "path", r.URL.Path, "err", err)
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	r.out = err == nil
	return nil, err
}

// scopeList streams who subjects are, encrypted to whoever is named, for a
// purpose.
func (s *Server) scopeList(r *Request) (templ.Component, error) {
	q, err := queryOf(r.PostForm, s.Now())
	if err != nil {
		return nil, err
	}
	purpose, err := purposeOf(r)
	if err != nil {
		return nil, err
	}
	return s.download(r, ".list.age", func(w io.Writer) error {
		return s.Office.List(r.Context(), office.ListRequest{Query: q, Class: r.PostFormValue("class"), To: words(r.PostForm["to_key"]), Purpose: purpose,
			Case: r.PostFormValue("case"), By: r.By(), Address: r.Address()}, w)
	})
}

// purposeOf reads what names are looked at for.
func purposeOf(r *Request) (string, error) {
	purpose := strings.TrimSpace(r.PostFormValue("purpose"))
	if len([]rune(purpose)) < leastPurpose {
		return "", fault.New(fault.ConsoleLook, "problem", "a look at names needs a purpose of at least four characters", "hint", "write why, as the person concerned may read it")
	}
	return purpose, nil
}

// lateFile begins a download with its first byte, so that an error before it
// can still be told.
type lateFile struct {
	w     http.ResponseWriter
	name  string
	begun bool
}

// Write implements io.Writer.
func (l *lateFile) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/octet-stream")
		l.w.Header().Set("Content-Disposition", `attachment; filename="`+l.name+`"`)
	}
	return l.w.Write(b)
}

// scopeFreeze records the answer as a version of a case's figures.
func (s *Server) scopeFreeze(r *Request) (templ.Component, error) {
	q, err := queryOf(r.PostForm, s.Now())
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	return s.act(r, "frozen", &event.CaseScope{Case: r.PostFormValue("case"), Query: string(text), Unit: "persons", By: r.By()})
}

// scopeLook shows who subjects are, for a purpose.
func (s *Server) scopeLook(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("look_title")
	e, err := s.explore(r, r.PostForm)
	if err != nil {
		return nil, err
	}
	purpose, err := purposeOf(r)
	if err != nil {
		return nil, err
	}
	skip, _ := strconv.Atoi(r.PostFormValue("skip")) // empty: from the beginning
	e.Look, err = s.Office.Look(r.Context(), office.LookRequest{Query: e.Query, Purpose: purpose, Case: r.PostFormValue("case"), Skip: max(0, skip), By: r.By(), Address: r.Address()})
	if err != nil {
		return nil, err
	}
	return lookView(r.page, e, purpose), nil
}

// leastPurpose is the shortest purpose, in characters.
const leastPurpose = 4

// mayFreeze reports whether the answer can go into a case.
func (e *explorer) mayFreeze(p *Page) bool { return len(e.Cases) > 0 && p.May(account.Work) }

// listClasses are the classes that a list can end with, the narrowest first.
var listClasses = []string{"confirmed", "reachable", "ever_held"}
