package casefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile/roster"
)

// room is a case with a clock and people, without a ledger.
type room struct {
	t     testing.TB
	books *Books
	firm  *Firm
	c     *Case
	now   time.Time
	index event.Index
}

// sampleBooks returns a copy of the program's books, read once.
func sampleBooks() *Books {
	b := *readBooks()
	return &b
}

var readBooks = sync.OnceValue(DefaultBooks)

var sum = strings.Repeat("0a", 32)

func people() *roster.Roster {
	return &roster.Roster{People: []roster.Person{
		{ID: "sora", Name: "Sora", Rank: "duty", Reach: []string{"mailto:sora@example.jp"}},
		{ID: "ren", Name: "Ren", Rank: "csirt", Reach: []string{"mailto:ren@example.jp"}, Weekdays: true, Deputy: "mio"},
		{ID: "mio", Name: "Mio", Rank: "csirt", Reach: []string{"mailto:mio@example.jp"}},
		{ID: "aoi", Name: "Aoi", Rank: "ciso", Reach: []string{"mailto:aoi@example.jp"}},
		{ID: "rin", Name: "Rin", Rank: "officer", Reach: []string{"mailto:rin@example.jp"}},
	}}
}

func jst(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, rule.Tokyo)
	if err != nil {
		panic(err)
	}
	return t
}

func newRoom(t testing.TB, at string) *room {
	books := sampleBooks()
	if m, ok := t.(*mutant); ok {
		books.off = m.off
	}
	return &room{t: t, books: books, firm: &Firm{Roster: people(), Facts: []string{"travel"}, AsOf: jst("2026-11-22 12:00")}, now: jst(at)}
}

// check asks as somebody whom the process knows, after the second person said
// yes.
func (r *room) check(b event.Body) error {
	cased, ok := b.(event.Cased)
	if ok && cased.Proof().Proved == "" {
		cased.Proof().Proved = "key"
	}
	if act := actOf(b); act != "" && r.c != nil {
		_, second := Author(b)
		yes := &event.CaseAgree{Acted: event.Acted{Proved: "key"}, Case: "c1", Act: act, By: second}
		if Check(r.books, r.firm, r.c, r.now, yes) == nil {
			r.fold(yes)
		}
	}
	return Check(r.books, r.firm, r.c, r.now, b)
}

// actOf names what takes a second person's yes.
func actOf(b event.Body) string {
	switch e := b.(type) {
	case *event.CaseMove:
		if e.To == Closed && e.Second != "" {
			return ActClose
		}
	case *event.CaseAction:
		if e.Override && e.Second != "" {
			return ActOverride(e)
		}
	case *event.CaseReport:
		if e.Step == "accept" && e.Second != "" {
			return ActAccept(e)
		}
	}
	return ""
}

func (r *room) fold(b event.Body) {
	if r.c == nil {
		r.c = &Case{}
	}
	r.index++
	r.c.apply(r.books, r.index, r.now.UnixNano(), b)
}

// do checks and folds; it must be allowed.
func (r *room) do(bodies ...event.Body) {
	r.t.Helper()
	for _, b := range bodies {
		if err := r.check(b); err != nil {
			r.t.Fatalf("%T %+v: %v", b, b, err)
		}
		r.fold(b)
	}
}

// not must be refused for the reason.
func (r *room) not(key string, b event.Body) *Refusal {
	r.t.Helper()
	var no *Refusal
	if err := r.check(b); !errors.As(err, &no) || no.Key != key {
		r.t.Fatalf("%T: %v, want refusal %q", b, err, key)
	}
	return no
}

func (r *room) sign(class, channel, by, known string, facts ...string) {
	r.t.Helper()
	r.do(&event.CaseSign{Case: "c1", Class: class, Channel: channel, Title: "t", Hosts: []string{"web-1"}, KnownAt: jst(known).UnixNano(), KnownBy: by, By: "sora", Facts: facts})
}

func (r *room) fact(name, known, by string) {
	r.t.Helper()
	r.do(&event.CaseFact{Case: "c1", Fact: name, KnownAt: jst(known).UnixNano(), KnownBy: by, By: "sora"})
}

func (r *room) keep(form, host string) {
	r.t.Helper()
	r.do(&event.CaseEvidence{Case: "c1", Evidence: fmt.Sprintf("e%d", r.index), Step: "preserved", Form: form, Host: host, SHA256: sum, At: r.now.UnixNano(), By: "sora", Kept: "safe 2"})
}

// deliver answers every call that is due as if the mail went out, and returns
// "key rank" of the calls.
func (r *room) deliver() (out []string) {
	for _, c := range r.c.Due(r.books, r.firm, r.now) {
		step := "sent"
		if c.Step == "silent" {
			step = "silent"
		}
		to := ""
		if p := r.firm.Roster.Call(c.Rank, r.now); len(p) > 0 {
			to = p[0].ID
		} else if step == "sent" {
			step = "nobody"
		}
		r.fold(&event.CaseNotice{Case: "c1", Key: c.Key, Step: step, Rank: c.Rank, To: to, Due: c.Due.UnixNano()})
		out = append(out, strings.Split(c.Key, ":")[0]+" "+c.Rank+" "+step)
	}
	return out
}

func (r *room) clock(id string) *Clock {
	r.t.Helper()
	clocks := r.c.Clocks(r.books.Rules, r.firm.Facts, r.firm.AsOf)
	i := slices.IndexFunc(clocks, func(k Clock) bool { return k.Rule.ID == id })
	if i < 0 {
		return nil
	}
	return &clocks[i]
}

// finish does everything that closing needs, but for the second person.
func (r *room) finish() { r.t.Helper(); r.finishBut("") }

// finishBut leaves one task open.
func (r *room) finishBut(task string) {
	r.t.Helper()
	for _, form := range []string{"image", "log-export", "load-figures", "bundle"} {
		r.keep(form, "web-1")
	}
	for _, t := range slices.Clone(r.c.Tasks) {
		if t.State == "open" && t.ID != task {
			r.do(&event.CaseTask{Case: "c1", Task: t.ID, Step: "done", By: "sora"})
		}
	}
	for _, k := range r.c.Clocks(r.books.Rules, r.firm.Facts, r.firm.AsOf) {
		if k.End == nil {
			r.do(&event.CaseClock{Case: "c1", Rule: k.Rule.ID, Step: "receipt", Number: "7", SHA256: sum, At: r.now.UnixNano(), By: "sora"})
		}
	}
}
