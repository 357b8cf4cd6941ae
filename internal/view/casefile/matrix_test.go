package casefile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/casefile/roster"
	"sekisho/internal/view/viewtest"
)

// bodies is one allowed body of every act, by the person who does it.
func bodies(r *room, by, second string) map[string]event.Body {
	at := r.now.UnixNano()
	out := map[string]event.Body{
		"sign":              &event.CaseSign{Case: "c1", Class: "unknown", Channel: "button", Title: "t", KnownAt: at, KnownBy: by, By: by},
		"fact":              &event.CaseFact{Case: "c1", Fact: "card", KnownAt: at, KnownBy: by, By: by},
		"withdraw-fact":     &event.CaseFact{Case: "c1", Fact: "card", KnownAt: at, KnownBy: by, By: by, Withdrawn: true, Text: "wrong"},
		"state":             &event.CaseMove{Case: "c1", To: Incident, By: by, Reason: "r"},
		"close":             &event.CaseMove{Case: "c1", To: Closed, By: by, Second: second, Cause: cause(r.c.Class), Reason: "r"},
		"class":             &event.CaseMove{Case: "c1", Class: other(r.c.Class), By: by, Reason: "r"},
		"task":              &event.CaseTask{Case: "c1", Task: "x", Step: "add", Title: "t", Due: at, By: by},
		"lesson":            &event.CaseTask{Case: "c1", Task: "y", Step: "add", Title: "t", Due: at, By: by, Lesson: true},
		"assign":            &event.CaseTask{Case: "c1", Task: "later", Step: "assign", Owner: "ren", By: by},
		"done":              &event.CaseTask{Case: "c1", Task: "later", Step: "done", By: by},
		"not-needed":        &event.CaseTask{Case: "c1", Task: "later", Step: "not-needed", Reason: "r", By: by},
		"preserve":          &event.CaseEvidence{Case: "c1", Evidence: "e", Step: "preserved", Form: "image", Host: "h", SHA256: sum, At: at, By: by, Kept: "k"},
		"hand-over":         &event.CaseEvidence{Case: "c1", Evidence: "first", Step: "handed", At: at, To: "ren", By: by},
		"override":          &event.CaseAction{Case: "c1", Action: "a", Do: "retire", Step: "done", Target: "zz", Override: true, By: by, Second: second, Reason: "r"},
		"figures":           &event.CaseScope{Case: "c1", Version: len(r.c.Scopes) + 1, Stated: "s", Unit: "persons", By: by},
		"misuse":            &event.CaseMisuse{Case: "c1", Report: "m", Items: []event.Misuse{{Token: sum[:32], At: at}}, By: by},
		"in-common":         &event.CaseCommon{Case: "c1", Query: "{}", Position: 9, Misused: 1, Payers: 2, Paid: 1, By: by},
		"load-report":       &event.CaseReport{Case: "c1", Report: "p", Step: "load", SHA256: sum, By: by},
		"answer":            &event.CaseReport{Case: "c1", Report: "pcf", Step: "answer", Question: "flaw", Answer: "a", Evidence: "p", By: by},
		"refuse-report":     &event.CaseReport{Case: "c1", Report: "pcf", Step: "refuse", Reason: "r", By: by},
		"accept-report":     &event.CaseReport{Case: "c1", Report: "pcf", Step: "accept", By: by, Second: second},
		"decide":            &event.CaseDecision{Case: "c1", Subject: "publish", Choice: "publish", Reason: "r", By: by},
		"receipt":           &event.CaseClock{Case: "c1", Rule: "jp.appi.person", Step: "receipt", Number: "1", SHA256: sum, At: at, By: by},
		"not-required":      &event.CaseClock{Case: "c1", Rule: "jp.appi.person", Step: "not-required", Text: "t", Reason: "r", By: by},
		"load-text":         &event.CaseText{Case: "c1", Name: "page", Step: "load", SHA256: sum, By: by},
		"withdraw-text":     &event.CaseText{Case: "c1", Name: "report", Step: "withdraw", Reason: "r", By: by},
		"write":             &event.CaseDraft{Case: "c1", Draft: "d", Step: "write", By: by},
		"release":           &event.CaseDraft{Case: "c1", Draft: "web", Step: "release", SHA256: sum, By: by},
		"withdraw-document": &event.CaseDraft{Case: "c1", Draft: "web", Step: "withdraw", By: by},
		"acknowledge":       &event.CaseNotice{Case: "c1", Key: "open:0", Step: "ack", To: by},
		"agree":             &event.CaseAgree{Case: "c1", Act: ActClose, By: by},
	}
	for _, do := range slices.Concat(containing, destroying) { // h is preserved
		out[do] = &event.CaseAction{Case: "c1", Action: "a", Do: do, Step: "done", Target: "h", By: by}
	}
	return out
}

// TestActs: every kind of body of a case has its acts, every act has a body
// here, and the table in docs/design/case.md is that of the program.
func TestActs(t *testing.T) {
	r := newRoom(t, "2026-11-22 12:00")
	r.sign("unknown", "own", "sora", "2026-11-22 10:00")
	samples := bodies(r, "sora", "")
	kinds := map[event.Kind]bool{}
	for name, b := range samples {
		if got := ActOf(b).Name; got != name {
			t.Errorf("%T %q is the act %q", b, name, got)
		}
		kinds[b.Kind()] = true
	}
	for k := event.KindCaseSign; k <= event.KindCaseText; k++ {
		body, err := new(event.Decoder).Body(event.Header{Kind: k, Body: []byte("{}")})
		if _, ok := body.(event.Cased); ok && !kinds[k] {
			t.Errorf("kind %d (%T) has no act (%v)", k, body, err)
		}
	}
	if len(kinds) != 16 {
		t.Errorf("%d kinds", len(kinds))
	}
	var table strings.Builder
	for _, a := range Acts {
		if samples[a.Name] == nil {
			t.Errorf("no body of act %q", a.Name)
		}
		rank, closed := a.Rank, "no"
		if rank == "" {
			rank = "anybody"
		}
		if a.Closed {
			closed = "yes"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", a.Name, rank, closed)
	}
	doc, err := os.ReadFile("../../../docs/design/case.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "| --- | --- | --- |\n"+table.String()+"\n") {
		t.Errorf("docs/design/case.md has another table of acts; the program's is\n%s", table.String())
	}
}

// cause is one that closes the class, other is another class.
func cause(class string) string {
	if class == "unplanned-reboot" {
		return "fault"
	}
	return ""
}

func other(class string) string {
	if class == "insider" {
		return "outbound"
	}
	return "insider"
}

// TestMatrix: every class × state × act × role, as the table of acts says: the
// lowest rank that may, and what a closed case still takes; everything else is
// refused, and what only timers write too.
func TestMatrix(t *testing.T) {
	for _, class := range sampleBooks().Plays.Classes {
		t.Run(class.ID, func(t *testing.T) { matrix(t, class.ID) })
	}
}

func matrix(t *testing.T, class string) {
	states := map[string]func(*room){
		Candidate: func(*room) {},
		Incident:  func(r *room) { r.do(&event.CaseMove{Case: "c1", To: Incident, By: "sora", Reason: "r"}) },
		Closed: func(r *room) {
			r.do(&event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "aoi", Cause: cause(class), Reason: "done"})
			r.fact("personal-data", "2026-11-01 10:00", "sora") // a clock runs again
			r.fact("attack", "2026-11-01 10:00", "sora")
		},
	}
	roles := []string{"stranger", "sora", "ren", "aoi", "rin"}
	for state, enter := range states {
		for level, by := range roles {
			base := func() *room {
				r := newRoom(t, "2026-11-22 12:00")
				r.sign(class, "own", "sora", "2026-11-22 10:00")
				r.deliver()
				r.do(&event.CaseTask{Case: "c1", Task: "later", Step: "add", Title: "t", Due: r.now.UnixNano(), By: "sora"},
					&event.CaseEvidence{Case: "c1", Evidence: "first", Step: "preserved", Form: "image", Host: "h", SHA256: sum, At: r.now.UnixNano(), By: "sora", Kept: "k"},
					&event.CaseDraft{Case: "c1", Draft: "web", Step: "write", By: "mio"},
					&event.CaseReport{Case: "c1", Report: "pcf", Step: "load", SHA256: sum, By: "sora"},
					&event.CaseMisuse{Case: "c1", Report: "m", Items: []event.Misuse{{Token: sum[:32], At: r.now.UnixNano()}}, By: "sora"},
					&event.CaseText{Case: "c1", Name: "report", Step: "load", SHA256: sum, By: "sora"})
				for _, q := range r.books.Plays.Questions {
					r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "answer", Question: q.ID, Answer: "a", Evidence: "p. 2", By: "sora"})
				}
				if state == Closed {
					r.finishBut("later")
				} else {
					r.fact("personal-data", "2026-11-01 10:00", "sora")
					r.fact("attack", "2026-11-01 10:00", "sora")
				}
				enter(r)
				return r
			}
			for _, act := range Acts {
				r, name := base(), act.Name
				if name == "close" && state != Closed {
					r.finishBut("later")
				}
				second := "aoi"
				if by == "aoi" {
					second = "rin"
				}
				err := r.check(bodies(r, by, second)[name])
				want := level-1 >= roster.Level(act.Rank) && (state != Closed || act.Closed)
				if state == Incident && name == "state" || state == Closed && name == "close" {
					want = false // it is that already
				}
				if (err == nil) != want {
					t.Errorf("%s, %s by %s: %v, want allowed %v", state, name, by, err, want)
				}
				var no *Refusal
				if err != nil && !errors.As(err, &no) {
					t.Errorf("%s, %s by %s: %v is no refusal", state, name, by, err)
				}
				if no != nil && (strings.Contains(no.Text("ja"), "!") || strings.Contains(no.Error(), "{")) {
					t.Errorf("refusal without words: %q %q", no.Text("ja"), no.Error())
				}
			}
			for _, step := range []string{"sent", "failed", "silent", "nobody"} { // what only timers write
				if err := base().check(&event.CaseNotice{Case: "c1", Key: "open:0", Step: step, Rank: "csirt", To: by}); err == nil {
					t.Errorf("%s: %s writes that a call was %s", state, by, step)
				}
			}
		}
	}
}

// TestNothingIsParked: whatever was done, an open case has a call to come, for
// ever, also when everybody was told everything.
func TestNothingIsParked(t *testing.T) {
	for _, class := range DefaultBooks().Plays.Classes {
		for _, state := range []string{Candidate, Incident} {
			r := newRoom(t, "2026-11-22 12:00")
			r.sign(class.ID, "own", "sora", "2026-11-22 10:00", class.Facts...)
			if state == Incident {
				r.do(&event.CaseMove{Case: "c1", To: Incident, By: "sora", Reason: "r"})
			}
			for range 40 {
				r.deliver()
				next := r.c.Next(r.books, r.firm, r.now)
				if next.IsZero() || next.Sub(r.now) > 5*24*time.Hour {
					t.Fatalf("%s %s is parked at %s: next %s", class.ID, state, r.now, next)
				}
				r.now = r.now.Add(6 * time.Hour)
			}
			r.finish()
			if r.c.Next(r.books, r.firm, r.now).IsZero() {
				t.Errorf("%s %s: everything is done and nobody is asked to close it", class.ID, state)
			}
		}
	}
}

// TestBadInput: clear refusals, red states.
func TestBadInput(t *testing.T) {
	r := newRoom(t, "2026-11-22 12:00")
	at := func(text string) *event.CaseSign {
		return &event.CaseSign{Case: "c1", Class: "unknown", Channel: "button", Title: "t", KnownAt: jst(text).UnixNano(), KnownBy: "x", By: "x"}
	}
	r.not("future", at("2026-11-23 12:00"))
	r.not("ancient", at("1912-01-01 00:00"))
	r.firm.Founded = jst("1989-04-01 00:00")
	no := r.not("ancient", at("1989-03-31 23:59"))
	if !strings.Contains(no.Text("ja"), "1989-04-01") {
		t.Errorf("the refusal does not name the founding: %s", no.Text("ja"))
	}
	r.do(at("2026-11-22 11:00"))
	for _, b := range []event.Body{ // knowledge of the future, wherever a time is written
		&event.CaseFact{Case: "c1", Fact: "card", KnownAt: jst("2026-11-22 12:01").UnixNano(), KnownBy: "x", By: "sora"},
		&event.CaseEvidence{Case: "c1", Evidence: "e", Step: "preserved", Form: "image", Host: "h", SHA256: sum, At: jst("2026-11-22 12:01").UnixNano(), By: "sora", Kept: "k"},
		&event.CaseMisuse{Case: "c1", Report: "m", Items: []event.Misuse{{Token: sum[:32], At: jst("2026-11-22 12:01").UnixNano()}}, By: "sora"},
	} {
		r.not("future", b)
	}
	r.not("ancient", &event.CaseFact{Case: "c1", Fact: "card", KnownAt: jst("1989-03-31 12:00").UnixNano(), KnownBy: "x", By: "sora"})
	r.firm.Roster = &roster.Roster{}
	if red := r.c.Red(r.books, r.firm, r.now); !slices.Contains(red, "nobody roster") {
		t.Errorf("a roster with nobody does not show: %v", red)
	}
	for range 3 { // nobody of any rank: it climbs at once, and is seen
		r.deliver()
	}
	if red := strings.Join(r.c.Red(r.books, r.firm, r.now), "\n"); !strings.Contains(red, "nobody open:0 officer") {
		t.Errorf("red: %s", red)
	}
	r.now = r.now.Add(time.Hour)
	if got := r.deliver(); len(got) != 0 {
		t.Errorf("with nobody to call, %v", got)
	}
	r.firm.Roster = people() // mended: the calls that reached nobody are made at once
	if got := r.deliver(); !slices.Contains(got, "open duty sent") {
		t.Errorf("after the roster was mended: %v", got)
	}
	if red := strings.Join(r.c.Red(r.books, r.firm, r.now), "\n"); strings.Contains(red, "nobody open:0 duty") {
		t.Errorf("whoever was reached is still red: %s", red)
	}
}

func TestConcentration(t *testing.T) {
	day := func(d int) int64 { return time.Date(2015, 10, d, 0, 0, 0, 0, time.UTC).UnixNano() }
	var items []event.Misuse
	for i := range 20 {
		m := event.Misuse{Token: fmt.Sprintf("%032x", i), At: day(90), Uses: []event.Usage{{Place: "shop", At: day(3 + i)}, {Place: event.Place(fmt.Sprintf("other-%d", i%4)), At: day(i)}}}
		if i == 0 {
			m.Uses = append(m.Uses, event.Usage{Place: "shop", At: day(1)}, event.Usage{Place: "shop", At: day(95)}) // after its misuse
		}
		items = append(items, m)
	}
	got := Concentration(items)
	if g := got[0]; g.Place != "shop" || g.Tokens != 20 || g.Of != 20 || g.From != day(1) || g.To != day(22) || g.TightFrom != day(3) || g.TightTo != day(22) {
		t.Errorf("%+v", g)
	}
	if got[1].Tokens != 5 {
		t.Errorf("second place %+v", got[1])
	}
}

func openIn(ctx context.Context, dir string) (view.Fold, error) {
	return Open(ctx, Config{Path: filepath.Join(dir, "casefile.db")})
}

// TestView: rebuild equals incremental, over every kind of body; a second
// anomaly on a closed case's host reopens it.
func TestView(t *testing.T) {
	var l viewtest.Ledger
	at := jst("2013-04-24 03:00").UnixNano()
	seq := event.Seq(0)
	add := func(b event.Body) {
		seq++
		at += int64(time.Minute)
		l.Add("case", seq, at, 0, b)
	}
	add(&event.Finding{Code: "SK7601", Title: "reboot", Place: "AP-A"})
	add(&event.Finding{Code: "SK7601", Title: "reboot", Place: "AP-A"})
	r := newRoom(t, "2026-11-22 12:00")
	r.c = &Case{}
	for _, name := range []string{"sign", "fact", "withdraw-fact", "task", "lesson", "preserve", "cut", "figures", "misuse", "load-report", "decide", "receipt", "load-text", "write", "state", "acknowledge", "in-common"} {
		add(bodies(r, "sora", "")[name])
	}
	add(&event.CaseReport{Case: "c1", Report: "p", Step: "answer", Question: "flaw", Answer: "a", Evidence: "p", By: "sora"})
	add(&event.CaseMove{Case: "f0", To: Closed, By: "ren", Second: "aoi", Reason: "load"})
	add(&event.CaseTask{Case: "nobody-opened", Task: "x", Step: "add", Title: "t", Due: at, By: "sora"})
	add(&event.CaseSign{Case: "c2", Class: "server-intrusion", Channel: "own", Title: "trouble", Hosts: []string{"AP-A"}, KnownAt: at, KnownBy: "ops", By: "sora"})
	for _, b := range []event.Body{
		&event.HostBoot{Host: "db-1", BootID: "a", At: at, By: "agent"},
		&event.HostPlan{Host: "db-1", From: at, To: at + 1, Reason: "r", By: "ren"},
		&event.HostBoot{Host: "db-1", BootID: "b", At: at + 2, By: "agent"},
		&event.HostBoot{Host: "db-1", BootID: "c", At: at + 3, By: "agent"},
		&event.CaseNotice{Case: TestCase, Key: TestCase, Step: "sent", Rank: "duty", To: "sora"},
		&event.CaseNotice{Case: TestCase, Key: TestCase, Step: "ack", To: "sora"},
		&event.CaseAgree{Case: "c1", Act: ActClose, By: "aoi"},
		&event.Decision{Action: "refuse", Rule: "crs/942100", Code: "403", ID: "E1"},
	} {
		add(b)
	}
	viewtest.Run(t, openIn, l)

	f, err := openIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := view.Follow(t.Context(), "casefile", l, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := f.(*View)
	first, err := v.Case(t.Context(), "f0")
	if err != nil {
		t.Fatal(err)
	}
	if first.State != Candidate || first.Reopened != 1 || len(first.Signs) != 2 || first.Repeats != 1 {
		t.Errorf("the reboot's case is %s, reopened %d times with %d signs and %d repeats", first.State, first.Reopened, len(first.Signs), first.Repeats)
	}
	if lines, err := v.Lines(t.Context(), false, 10); err != nil || len(lines) != 4 || v.Count() != 4 {
		t.Errorf("%d cases (%v)", len(lines), err)
	}
	if _, err := v.Case(t.Context(), "nobody-opened"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}
