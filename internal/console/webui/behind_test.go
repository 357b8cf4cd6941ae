package webui

import (
	"context"
	"errors"
	"testing"
	"time"

	"sekisho/internal/console/office"
)

// TestBehind: an answer that takes longer than a page may is not there at first,
// and is, once it was found; errors are told, and few are under way.
func TestBehind(t *testing.T) {
	stopped := make(chan struct{})
	s := &Server{stopped: stopped}
	go1, ended := make(chan struct{}), make(chan struct{})
	slow := func(context.Context) (any, error) {
		<-go1
		defer close(ended)
		return 7, nil
	}
	for range 2 {
		if v, ready, err := s.behind(t.Context(), "a", slow); ready || err != nil {
			t.Fatalf("%v, %v, %v before it was found", v, ready, err)
		}
	}
	wait := func(ctx context.Context) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, ready, _ := s.behind(t.Context(), "b", wait); ready {
		t.Fatal("b is there before it was found")
	}
	if e := s.errand(&s.errands, t.Context(), "c", wait); e != nil {
		t.Error("a third one was begun")
	}
	close(go1)
	<-ended
	<-s.errand(&s.errands, t.Context(), "a", nil).done
	if v, ready, err := s.behind(t.Context(), "a", nil); v != 7 || !ready || err != nil {
		t.Errorf("%v, %v, %v, want what was found", v, ready, err)
	}
	b := s.errand(&s.errands, t.Context(), "b", nil)
	close(stopped) // the server ends what is under way
	<-b.done
	if _, ready, err := s.behind(t.Context(), "b", nil); !ready || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v, want that it was given up", ready, err)
	}
}

// TestWaits: what a page did before it asks counts to how long it waits, and an
// answer that is there is shown, however late the page is.
func TestWaits(t *testing.T) {
	s := &Server{stopped: make(chan struct{})}
	if d := waitOf(t.Context()); d != errandWait {
		t.Errorf("a page that came at no known time waits %v", d)
	}
	if d := waitOf(arriving(t.Context(), time.Now().Add(-errandWait/2))); d > errandWait/2 {
		t.Errorf("a page that has used half of its time waits %v", d)
	}
	late := arriving(t.Context(), time.Now().Add(-time.Hour))
	answer := func(context.Context) (any, error) { return 7, nil }
	<-s.errand(&s.errands, late, "a", answer).done
	for range 100 { // of an answer and the end of the wait none is preferred by select
		if v, ready, err := s.behind(late, "a", nil); v != 7 || !ready || err != nil {
			t.Fatalf("%v, %v, %v, want the answer that is there", v, ready, err)
		}
	}
	f := &timed{}
	ui, of := newServer(t)
	f.firm, ui.Office = of, f
	enter(t, ui, of, "ayame").visit("GET", "/map", nil)
	if !f.known {
		t.Error("nobody noted when the request came")
	}
}

// timed sees whether it is known when a request came.
type timed struct {
	*firm
	known bool
}

func (f *timed) Map(ctx context.Context) ([]office.Database, error) {
	_, f.known = ctx.Value(arrivedKey{}).(time.Time)
	return f.firm.Map(ctx)
}
