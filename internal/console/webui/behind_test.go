package webui

import (
	"context"
	"errors"
	"testing"
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
