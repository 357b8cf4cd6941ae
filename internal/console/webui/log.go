package webui

import (
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
	// searchTime is how long one answer looks; then the page asks for the rest,
	// by itself at most searchSteps times.
	searchTime  = 50 * time.Millisecond
	searchSteps = 200
)

// logRoom is the room of events.
type logRoom struct {
	Values url.Values
	*office.EventPage
	Kinds []string
	// Of a search that goes on by itself: how often it did, and how many events
	// were looked at and found with those before.
	Step, Seen, Found uint64
}

// goesOn reports whether the page asks for the rest by itself.
func (l *logRoom) goesOn() bool { return !l.Done && l.Found < shownEvents && l.Step < searchSteps }

// rest is the address of what was not looked at.
func (l *logRoom) rest() string {
	return string(l.with("before", indexText(l.Next), "step", strconv.FormatUint(l.Step+1, 10), "seen", strconv.FormatUint(l.Seen, 10), "found", strconv.FormatUint(l.Found, 10)))
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
	page, err := s.Office.Events(r.Context(), q)
	if err != nil {
		return nil, err
	}
	room := &logRoom{Values: v, EventPage: page, Kinds: page.Kinds}
	if room.Found, err = number(v.Get("found")); err != nil {
		return nil, err
	}
	if room.Step, err = number(v.Get("step")); err != nil {
		return nil, err
	}
	if room.Seen, err = number(v.Get("seen")); err != nil {
		return nil, err
	}
	room.Seen += uint64(page.Looked)
	room.Found += uint64(len(page.Lines))
	if r.Header.Get("HX-Request") != "" {
		return logRows(r.page, room), nil
	}
	return logView(r.page, room), nil
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
