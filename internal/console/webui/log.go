package webui

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

const (
	// shownEvents is how many events a page of the log shows.
	shownEvents = 100
	// searchTime is how long a search behind a page goes on to look at further
	// parts of the ledger; then the page asks for the rest, by itself at most
	// searchSteps times. With the part that is under way then it fits into what a
	// page waits, so that most pages show it and go on at once.
	searchTime  = 25 * time.Millisecond
	searchSteps = 400
)

// logRoom is the room of events.
type logRoom struct {
	Values url.Values
	*office.EventPage
	Kinds []string
	// Of a search that goes on by itself: how often it did, and how many events
	// were looked at and found with those before.
	Step, Seen, Found uint64
	// Comes: the ledger is being looked at behind the page's back.
	Comes    bool
	From, To time.Time // zero: open
}

// goesOn reports whether the page asks for the rest by itself.
func (l *logRoom) goesOn() bool { return !l.Done && l.Found < shownEvents && l.Step < searchSteps }

// rest is the address of what was not looked at; what was "an hour ago" for the
// first page is so for the next.
func (l *logRoom) rest() string {
	step := l.Step
	if !l.Comes {
		step++
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return string(l.with("from", at(l.From), "to", at(l.To), "before", indexText(l.Next), "step", strconv.FormatUint(step, 10), "seen", strconv.FormatUint(l.Seen, 10), "found", strconv.FormatUint(l.Found, 10)))
}

func (s *Server) eventsPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_events")
	v := r.URL.Query()
	q := office.EventQuery{Kinds: words(v["kind"]), Text: strings.TrimSpace(v.Get("text")), Source: strings.TrimSpace(v.Get("source")), Limit: shownEvents, Time: searchTime}
	var err error
	if q.From, err = readTime(v.Get("from"), s.Now()); err != nil {
		return nil, err
	}
	if q.To, err = readTime(v.Get("to"), s.Now()); err != nil {
		return nil, err
	}
	before, err := number(v.Get("before"))
	if err != nil {
		return nil, err
	}
	if q.Session, err = number(v.Get("session")); err != nil {
		return nil, err
	}
	q.Before = event.Index(before)
	room := &logRoom{Values: v, From: q.From, To: q.To}
	for name, n := range map[string]*uint64{"found": &room.Found, "step": &room.Step, "seen": &room.Seen} {
		if *n, err = number(v.Get(name)); err != nil {
			return nil, err
		}
	}
	if err := s.lookFor(r.Context(), room, q); err != nil {
		return nil, err
	}
	if r.Header.Get("HX-Request") != "" {
		return logRows(r.page, room), nil
	}
	return logView(r.page, room), nil
}

// lookFor looks at what is in memory, and then at the ledger behind the page's
// back: before one event lies never another, so what was found there stays true.
func (s *Server) lookFor(ctx context.Context, room *logRoom, q office.EventQuery) error {
	q.Limit, q.Near = shownEvents-int(min(room.Found, shownEvents-1)), true
	page, err := s.Office.Events(ctx, q)
	if err != nil {
		return err
	}
	room.Kinds, room.EventPage = page.Kinds, page
	if q.Limit -= len(page.Lines); q.Limit > 0 && !page.Done {
		q.Near, q.Before = false, page.Next
		key := fmt.Sprintf("%q %q %q %d %d %d %d %d", q.Kinds, q.Text, q.Source, q.Session, q.Before, q.Limit, q.From.UnixNano(), q.To.UnixNano())
		far, ready, err := s.behindOf(&s.looking, ctx, key, func(ctx context.Context) (any, error) { return s.Office.Events(ctx, q) })
		if err != nil {
			return err
		}
		if room.Comes = !ready; ready {
			far := far.(*office.EventPage)
			room.EventPage = &office.EventPage{Lines: slices.Concat(page.Lines, far.Lines), Next: far.Next, Done: far.Done, Looked: page.Looked + far.Looked}
		}
	}
	room.Seen += uint64(room.Looked)
	room.Found += uint64(len(room.Lines))
	return nil
}

// number reads a number of an address; empty is zero.
func number(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fault.New(fault.ScopeQuery, "problem", strconv.Quote(text)+" is no session", "hint", "`sekisho events --kind session-open` shows the sessions")
	}
	return n, nil
}

func (l *logRoom) checked(kind string) bool { return slices.Contains(words(l.Values["kind"]), kind) }

// with is the address of the log with fields replaced; an empty value takes
// one away.
func (l *logRoom) with(pairs ...string) templ.SafeURL {
	v := maps.Clone(l.Values)
	for i := 0; i+1 < len(pairs); i += 2 {
		if v.Del(pairs[i]); pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return templ.SafeURL("/events?" + v.Encode())
}

// older is the address of the page with what came before.
func (l *logRoom) older() templ.SafeURL {
	return l.with("before", indexText(l.Next), "step", "", "seen", "", "found", "")
}

// self is the address that is asked again while the page is open; empty when
// it shows something old.
func (l *logRoom) self() string {
	if l.Values.Get("before") != "" || l.Values.Get("to") != "" || l.goesOn() {
		return ""
	}
	return string(l.with())
}

// sessionOf is the address of everything about the session of a line.
func sessionOf(e *office.EventLine) templ.SafeURL {
	return templ.SafeURL("/events?" + url.Values{"session": {strconv.FormatUint(e.Session, 10)}, "source": {e.Source}}.Encode())
}

func indexText(i event.Index) string { return strconv.FormatUint(uint64(i), 10) }
