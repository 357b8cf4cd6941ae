package webui

import (
	"context"
	"html"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/proof/scope"
)

// slowFirm is a firm whose ledger moves, and whose figures are there when they
// are let go.
type slowFirm struct {
	*firm
	head  uint64
	hold  chan struct{} // nil: figures are there at once
	asked chan struct{} // takes a token when they are waited for
}

func (f *slowFirm) Status(ctx context.Context) (control.Status, error) {
	s, err := f.firm.Status(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Head = f.head
	return s, err
}

func (f *slowFirm) Peek(ctx context.Context, q scope.Query) (*scope.Result, error) {
	f.mu.Lock()
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case f.asked <- struct{}{}:
		default:
		}
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return f.firm.Peek(ctx, q)
}

func (f *slowFirm) set(head uint64, hold chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head, f.hold = head, hold
}

// TestTodayLate: while newer figures are gathered the first screen shows those of
// a moment ago, says of when they are, and asks again; after an act it waits.
func TestTodayLate(t *testing.T) {
	s, f := newServer(t)
	slow := &slowFirm{firm: f, head: 7, asked: make(chan struct{}, 1)}
	s.Office = slow
	d := enter(t, s, f, "ayame")
	const late = "data-comes"
	if page := text(t, d.visit("GET", "/", nil)); strings.Contains(page, late) || !strings.Contains(page, "figure-n") {
		t.Fatalf("the first look:\n%s", page)
	}
	hold := make(chan struct{})
	slow.set(8, hold)
	page := text(t, d.visit("GET", "/today/figures", nil))
	if !strings.Contains(page, late) || !strings.Contains(page, "figure-n") || !strings.Contains(page, "12:00:30") {
		t.Errorf("while newer figures are gathered:\n%s", page)
	}
	<-slow.asked
	d.visit("POST", "/lang", url.Values{"lang": {"en"}}) // an act: what is kept is of before
	shown := make(chan string)
	go func() { shown <- text(t, d.visit("GET", "/today/figures", nil)) }()
	again := make(chan struct{})
	slow.set(8, again)
	close(hold)  // that which began before the act ends
	<-slow.asked // and one more begins
	close(again)
	if page := <-shown; strings.Contains(page, late) || !strings.Contains(page, "figure-n") {
		t.Errorf("after the act:\n%s", page)
	}
}

// slowLog is a firm whose ledger takes long to read.
type slowLog struct {
	*firm
	hold chan struct{}
}

func (f *slowLog) Events(ctx context.Context, q office.EventQuery) (*office.EventPage, error) {
	if q.Near && q.Before > 0 {
		return &office.EventPage{Next: q.Before}, nil
	}
	if q.Near {
		return &office.EventPage{Next: 500, Looked: 20}, nil
	}
	select {
	case <-f.hold:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return &office.EventPage{Lines: []office.EventLine{{Index: 3, Kind: "crossing", Body: "of the ledger"}}, Next: 0, Done: true, Looked: 500}, nil
}

// TestLogComes: a search that reads the ledger does not hold the page up; the
// page never says that there is nothing before it was looked, and has what was
// found when it asks again.
func TestLogComes(t *testing.T) {
	s, f := newServer(t)
	slow := &slowLog{f, make(chan struct{})}
	s.Office = slow
	d := enter(t, s, f, "ayame")
	page := text(t, d.visit("GET", "/events?kind=crossing&from=-1h", nil))
	if !strings.Contains(page, "data-comes") || !strings.Contains(page, "before=500") || strings.Contains(page, "empty") || strings.Contains(page, "That is all there is") {
		t.Fatalf("while the ledger is read:\n%s", page)
	}
	close(slow.hold)
	<-s.lookingAt(t)
	f.mu.Lock()
	f.now = f.now.Add(time.Second) // "an hour ago" is later now, for a new question
	f.mu.Unlock()
	rest := regexp.MustCompile(`hx-get="(/events[^"]*)"`).FindStringSubmatch(page)
	page = text(t, d.visit("GET", html.UnescapeString(rest[1]), nil))
	if !strings.Contains(page, "of the ledger") || strings.Contains(page, "data-comes") || !strings.Contains(page, "520") {
		t.Errorf("when it was read:\n%s", page)
	}
	<-s.lookingAt(t) // the same search was asked for, not one more
}

// lookingAt is closed when the only search there was has ended.
func (s *Server) lookingAt(t *testing.T) <-chan struct{} {
	s.looking.mu.Lock()
	defer s.looking.mu.Unlock()
	if len(s.looking.kept) != 1 {
		t.Fatalf("%d searches, want one", len(s.looking.kept))
	}
	for _, e := range s.looking.kept {
		return e.done
	}
	return nil
}

// TestErrandsForget: many answers do not keep further questions from being
// asked; the oldest is forgotten.
func TestErrandsForget(t *testing.T) {
	s := &Server{stopped: make(chan struct{})}
	var all errands
	for i := range 3 * keptErrands {
		answer := func(context.Context) (any, error) { return i, nil }
		v, ready, err := s.behindOf(&all, t.Context(), strings.Repeat("x", i+1), answer)
		for !ready && err == nil { // a busy machine
			v, ready, err = s.behindOf(&all, t.Context(), strings.Repeat("x", i+1), answer)
		}
		if v != i || err != nil {
			t.Fatalf("%d: %v, %v", i, v, err)
		}
	}
	if len(all.kept) > keptErrands {
		t.Errorf("%d answers are kept, want at most %d", len(all.kept), keptErrands)
	}
}

// asked returns a page when the answer on it is there.
func (d *desktop) asked(path string) string {
	d.t.Helper()
	for {
		if page := text(d.t, d.visit("GET", path, nil)); !strings.Contains(page, "data-comes") {
			return page
		}
	}
}

// slowScope answers when it is let.
type slowScope struct {
	*firm
	hold  chan struct{}
	asked atomic.Int64
}

func (f *slowScope) Scope(ctx context.Context, r control.ScopeRequest, w io.Writer) error {
	f.asked.Add(1)
	<-f.hold
	return f.firm.Scope(ctx, r, w)
}

// TestFiguresCome: a page does not wait for figures that take long; it asks for
// them again, which is no second question, and a later page asks anew.
func TestFiguresCome(t *testing.T) {
	s, f := newServer(t)
	slow := &slowScope{firm: f, hold: make(chan struct{})}
	s.Office = slow
	d := enter(t, s, f, "ayame")
	for range 2 {
		page := text(t, d.visit("GET", "/scope?ask=1&user=app", nil))
		if !strings.Contains(page, `hx-get="/scope?ask=1&amp;user=app"`) || !strings.Contains(page, "data-comes") || strings.Contains(page, "h-answer") || strings.Contains(page, "h-time") {
			t.Fatalf("before the answer:\n%s", page)
		}
	}
	close(slow.hold)
	if page := d.asked("/scope?ask=1&user=app"); !strings.Contains(page, "h-answer") || slow.asked.Load() != 1 {
		t.Errorf("asked %d times:\n%s", slow.asked.Load(), page)
	}
	if page := d.asked("/scope?ask=1&user=app"); !strings.Contains(page, "h-answer") || slow.asked.Load() != 2 {
		t.Errorf("a later page: asked %d times:\n%s", slow.asked.Load(), page)
	}
}
