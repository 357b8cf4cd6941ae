package casefile

import (
	"slices"

	"sekisho/internal/event"
)

// Act is one thing that people record in a case, and who may.
type Act struct {
	Name string
	Rank string // the lowest of the roster that may; empty: anybody with a name
	// Closed: a closed case takes it too. Signs and moves open it again;
	// knowledge, receipts, lessons and what others publish are kept; decisions
	// have their reviews.
	Closed bool
	is     func(event.Body) bool
}

// Acts lists every act; docs/design/case.md shows it, and the matrix test walks
// it through every class, state and role. The first that fits a body is its act.
var Acts = slices.Concat([]Act{
	{"sign", "", true, is(func(*event.CaseSign) bool { return true })},
	{"withdraw-fact", "ciso", true, is(func(b *event.CaseFact) bool { return b.Withdrawn })},
	{"fact", "", true, is(func(*event.CaseFact) bool { return true })},
	{"close", "csirt", true, is(func(b *event.CaseMove) bool { return b.To == Closed })},
	{"state", "duty", true, is(func(b *event.CaseMove) bool { return b.To != "" })},
	{"class", "duty", true, is(func(*event.CaseMove) bool { return true })},
	{"lesson", "duty", true, is(func(b *event.CaseTask) bool { return b.Step == "add" && b.Lesson })},
	{"task", "duty", false, is(func(b *event.CaseTask) bool { return b.Step == "add" })},
	{"assign", "duty", false, is(func(b *event.CaseTask) bool { return b.Step == "assign" })},
	{"done", "duty", true, is(func(b *event.CaseTask) bool { return b.Step == "done" })},
	{"not-needed", "duty", false, is(func(b *event.CaseTask) bool { return b.Step == "not-needed" })},
	{"preserve", "duty", false, is(func(b *event.CaseEvidence) bool { return b.Step == "preserved" })},
	{"hand-over", "duty", false, is(func(b *event.CaseEvidence) bool { return b.Step == "handed" })},
	{"override", "ciso", false, is(func(b *event.CaseAction) bool { return b.Override })},
}, actions(containing), actions(destroying), []Act{
	{"figures", "duty", false, is(func(*event.CaseScope) bool { return true })},
	{"misuse", "duty", true, is(func(*event.CaseMisuse) bool { return true })},
	{"in-common", "duty", true, is(func(*event.CaseCommon) bool { return true })},
	{"load-report", "duty", false, is(func(b *event.CaseReport) bool { return b.Step == "load" })},
	{"answer", "duty", false, is(func(b *event.CaseReport) bool { return b.Step == "answer" })},
	{"refuse-report", "duty", false, is(func(b *event.CaseReport) bool { return b.Step == "refuse" })},
	{"accept-report", "csirt", false, is(func(b *event.CaseReport) bool { return b.Step == "accept" })},
	{"decide", "ciso", true, is(func(*event.CaseDecision) bool { return true })},
	{"receipt", "duty", true, is(func(b *event.CaseClock) bool { return b.Step == "receipt" })},
	{"not-required", "ciso", true, is(func(b *event.CaseClock) bool { return b.Step == "not-required" })},
	{"load-text", "duty", true, is(func(b *event.CaseText) bool { return b.Step == "load" })},
	{"withdraw-text", "csirt", true, is(func(b *event.CaseText) bool { return b.Step == "withdraw" })},
	{"write", "duty", false, is(func(b *event.CaseDraft) bool { return b.Step == "write" })},
	{"release", "csirt", false, is(func(b *event.CaseDraft) bool { return b.Step == "release" })},
	{"withdraw-document", "duty", false, is(func(b *event.CaseDraft) bool { return b.Step == "withdraw" })},
	{"acknowledge", "duty", true, is(func(b *event.CaseNotice) bool { return b.Step == "ack" })},
	{"agree", "csirt", false, is(func(*event.CaseAgree) bool { return true })},
})

// is fits bodies of one type.
func is[T event.Body](when func(T) bool) func(event.Body) bool {
	return func(b event.Body) bool {
		t, ok := b.(T)
		return ok && when(t)
	}
}

func actions(names []string) (out []Act) {
	for _, name := range names {
		out = append(out, Act{name, "duty", false, is(func(b *event.CaseAction) bool { return b.Do == name })})
	}
	return out
}

// ActOf returns the act of a body. What fits none, such as a step that nobody
// knows, is of the lowest rank and is refused by its own check.
func ActOf(body event.Body) Act {
	if i := slices.IndexFunc(Acts, func(a Act) bool { return a.is(body) }); i >= 0 {
		return Acts[i]
	}
	return Act{Rank: "duty"}
}
