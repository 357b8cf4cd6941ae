package roll

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestRoll(t *testing.T) {
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	now := start
	r := &Roll{Now: func() time.Time { return now }}
	expect := func(when string, want Count, presence Presence) {
		t.Helper()
		if diff := gocmp.Diff(want, r.Count()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		if got := r.Presence(7); got != presence {
			t.Errorf("%s: presence %v, want %v", when, got, presence)
		}
	}
	expect("empty", Count{}, Unknown)
	one := r.Begin()
	now = start.Add(time.Second)
	two := r.Begin()
	expect("two logins", Count{Pending: 2, Oldest: start}, Unknown)
	one.Establish(7)
	one.Establish(8)
	expect("one is a session", Count{Established: 1, Pending: 1, Oldest: now}, Serving)
	two.End()
	two.Establish(7)
	expect("the other failed", Count{Established: 1}, Serving)
	one.End()
	one.End()
	expect("it left", Count{Established: 1}, Left)

	now = now.Add(Leaving / 2)
	again := r.Begin()
	again.Establish(7)
	expect("its number serves again", Count{Established: 2}, Serving)
	again.End()
	now = now.Add(Leaving / 2)
	expect("the first is forgotten, not the second", Count{Established: 2}, Left)
	now = now.Add(Leaving / 2)
	expect("a minute later", Count{Established: 2}, Unknown)
	if len(r.left)+len(r.order)+len(r.serving)+len(r.under) != 0 {
		t.Errorf("kept: %+v", r)
	}
}

func TestSessionWithoutProcess(t *testing.T) {
	var r Roll
	e := r.Begin()
	e.Establish(0)
	if got := r.Presence(0); got != Unknown {
		t.Errorf("presence of no process: %v", got)
	}
	e.End()
	if got := r.Count(); got != (Count{Established: 1}) {
		t.Errorf("count %+v, want one established", got)
	}
}

// A session that no database counts is there all the same.
func TestUncounted(t *testing.T) {
	var r Roll
	e := r.Begin()
	e.Uncounted(7)
	if got := r.Count(); got != (Count{}) || r.Presence(7) != Serving {
		t.Errorf("count %+v, presence %v; want nothing counted, Serving", got, r.Presence(7))
	}
}

func TestAdd(t *testing.T) {
	early := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	late := early.Add(time.Second)
	none, a, b := Count{Established: 1}, Count{Established: 2, Pending: 1, Oldest: late}, Count{Pending: 2, Oldest: early}
	for _, tt := range []struct{ x, y, want Count }{
		{none, none, Count{Established: 2}},
		{none, a, Count{3, 1, late}},
		{a, none, Count{3, 1, late}},
		{a, b, Count{2, 3, early}},
		{b, a, Count{2, 3, early}},
	} {
		if got := tt.x.Add(tt.y); got != tt.want {
			t.Errorf("%+v + %+v = %+v, want %+v", tt.x, tt.y, got, tt.want)
		}
	}
}
