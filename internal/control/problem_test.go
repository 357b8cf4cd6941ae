package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// TestProblemsTravel: all that went wrong arrives, as many lines as would be told
// where it happened.
func TestProblemsTravel(t *testing.T) {
	err := errors.Join(fault.New(fault.SessionUnknown, "session", 7), fault.List{fault.New(fault.ConsoleForm, "problem", "p", "hint", "h"), fault.New(fault.KeyUnknown, "key", "k1").At("p.yaml", 4, "rules[0].name")}, errors.New("plain"))
	text, bad := json.Marshal(ProblemOf(err))
	if bad != nil {
		t.Fatal(bad)
	}
	var p Problem
	if bad := json.Unmarshal(text, &p); bad != nil {
		t.Fatal(bad)
	}
	said := func(err error) string {
		var b bytes.Buffer
		fault.Render(&b, err, lang.English)
		return b.String()
	}
	if got, want := said(p.Fault()), said(err); got != want || strings.Count(got, "sekisho: ") != 3 {
		t.Errorf("arrived:\n%s\nhappened:\n%s", got, want)
	}
	var many fault.List
	for range 3 * mostProblems {
		many = append(many, fault.New(fault.KeyUnknown, "key", "k"))
	}
	if p := ProblemOf(many); len(p.More) != mostProblems-1 || slices.ContainsFunc(p.More, func(m Problem) bool { return len(m.More) > 0 }) {
		t.Errorf("%d travel", len(p.More)+1)
	}
	if f, ok := ProblemOf(fault.New(fault.KeyUnknown, "key", "k")).Fault().(*fault.Error); !ok || f.Code != fault.KeyUnknown {
		t.Error("one fault arrives as something else")
	}
	if got, want := said(ProblemsOf(err).Err()), said(err); got != want || ProblemsOf(err)[0].More != nil || ProblemsOf(nil).Err() != nil {
		t.Errorf("kept:\n%s\nhappened:\n%s", got, want)
	}
}
