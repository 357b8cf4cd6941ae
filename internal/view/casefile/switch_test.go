package casefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
)

// mutant runs a test with one mechanism taken away and remembers whether the
// test noticed.
type mutant struct {
	testing.TB
	off     mechanism
	noticed string
}

type stopped struct{}

func (m *mutant) Helper() {}

func (m *mutant) Error(args ...any) { m.note(fmt.Sprint(args...)) }

func (m *mutant) Errorf(format string, args ...any) { m.note(fmt.Sprintf(format, args...)) }

func (m *mutant) Fatal(args ...any) { m.note(fmt.Sprint(args...)); panic(stopped{}) }

func (m *mutant) Fatalf(format string, args ...any) {
	m.note(fmt.Sprintf(format, args...))
	panic(stopped{})
}

func (m *mutant) note(text string) {
	if m.noticed == "" {
		m.noticed = text
	}
}

func (m *mutant) run(test func(testing.TB)) {
	defer func() {
		switch p := recover(); p {
		case nil, stopped{}:
		default:
			panic(p)
		}
	}()
	test(m)
}

// closers says which tests close which failure point by which mechanism.
var closers = map[mechanism][]func(testing.TB){
	needLoad:     {rebootIsNoLoad},
	again:        {secondAnomaly},
	contradict:   {misuseContradictsWindows},
	closingRules: {cleanScanNeverCloses},
	leakCall:     {officerTheSameDay},
	lateCall:     {officerTheSameDay},
	climbing:     {silenceClimbs},
	preserve:     {preservationFirst, retireWaits},
	reportCheck:  {reportChecker},
	notSame:      {cleanScanNeverCloses, preservationFirst, typedNamesAreNobody},
	cardDuties:   {cardNoticeBringsDuties},
	knownClock:   {outsideNotices},
	waitReview:   {waitingNeedsAReview},
	newFigures:   {waitingNeedsAReview},
	holidayDuty:  {holidayWeekend},
	dutyContains: {holidayWeekend},
	machineText:  {draftsAreThere},
}

// TestSwitchedOff takes away every mechanism in turn: the tests that stand for
// it must fail, or they would prove nothing.
func TestSwitchedOff(t *testing.T) {
	text, err := os.ReadFile("case.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`mechanism = "([^"]+)"`).FindAllStringSubmatch(string(text), -1)
	if len(declared) != len(closers) {
		t.Errorf("%d mechanisms, %d are tried", len(declared), len(closers))
	}
	for off, tests := range closers {
		for i, test := range tests {
			m := &mutant{TB: t, off: off}
			m.run(test)
			if m.noticed == "" {
				t.Errorf("%q is switched off and test %d does not notice", off, i)
			}
		}
	}
}

// TestFP05_FP11_TypedNamesAreNobody: somebody who only types two names is one
// person; a yes is given by the second person and holds for what they saw.
func TestFP05_FP11_TypedNamesAreNobody(t *testing.T) { typedNamesAreNobody(t) }

func typedNamesAreNobody(t testing.TB) {
	r := newRoom(t, "2026-11-22 12:00")
	r.sign("server-intrusion", "own", "ren", "2026-11-22 11:00")
	over := event.CaseAction{Case: "c1", Action: "o", Do: "rebuild", Step: "done", Target: "web-1", Override: true, Reason: "spreads", By: "aoi", Second: "rin"}
	try := func(how string) string {
		b := over
		b.Proved = how
		var no *Refusal
		if err := Check(r.books, r.firm, r.c, r.now, &b); errors.As(err, &no) {
			return no.Key
		}
		return ""
	}
	expect := func(step, how, want string) {
		if got := try(how); got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	expect("both typed", "", "unproved")
	expect("second silent", "key", "second_silent")
	yes := func(act, how string) *event.CaseAgree {
		return &event.CaseAgree{Acted: event.Acted{Proved: how}, Case: "c1", Act: act, By: "rin"}
	}
	var no *Refusal
	if err := Check(r.books, r.firm, r.c, r.now, yes(ActOverride(&over), "")); !errors.As(err, &no) || no.Key != "unproved" {
		t.Errorf("a typed yes: %v", err)
	}
	r.fold(yes(ActOverride(&over), "")) // as if it had been taken
	expect("a typed yes counts for nothing", "key", "second_silent")
	r.fold(yes("override:rebuild:web-2", "key"))
	expect("a yes to another host", "key", "second_silent")
	r.fold(yes(ActOverride(&over), "key"))
	expect("first typed, second proved", "", "unproved")
	expect("both known", "key", "")
	r.now = r.now.Add(agreeFor)
	expect("the next day", "key", "second_silent")
	r.fold(yes(ActOverride(&over), "os-user"))
	expect("again", "key", "")
	r.fact("personal-data", "2026-11-22 11:00", "sora")
	expect("something new was learned", "key", "second_silent")
	r.fold(yes(ActOverride(&over), "key"))
	b := over
	b.Proved = "key"
	r.fold(&b)
	expect("used once", "key", "second_silent")
	low := yes(ActOverride(&over), "key")
	low.By = "ren"
	r.not("rank", low)
	r.not("act", yes("party", "key"))

	doc := newRoom(t, "2026-11-22 12:00")
	doc.sign("server-intrusion", "own", "ren", "2026-11-22 11:00")
	doc.fold(&event.CaseDraft{Case: "c1", Draft: "web", Step: "write", By: "sora"}) // typed
	doc.not("unproved", &event.CaseDraft{Case: "c1", Draft: "web", Step: "release", SHA256: sum, By: "ren"})
	doc.do(&event.CaseDraft{Case: "c1", Draft: "web", Step: "write", By: "sora"})
	if err := Check(doc.books, doc.firm, doc.c, doc.now, &event.CaseDraft{Case: "c1", Draft: "web", Step: "release", SHA256: sum, By: "ren"}); !errors.As(err, &no) || no.Key != "unproved" {
		t.Errorf("a typed release: %v", err)
	}
	doc.not("draft_hash", &event.CaseDraft{Case: "c1", Draft: "web", Step: "release", By: "ren"})
	doc.do(&event.CaseDraft{Case: "c1", Draft: "web", Step: "release", SHA256: sum, By: "ren"})
}

// TestFP01_SecondAnomaly: Telecom Square's restart of 24 April is a candidate
// at once, and the trouble of 30 April raises it, or opens it again.
func TestFP01_SecondAnomaly(t *testing.T) { secondAnomaly(t) }

func secondAnomaly(t testing.TB) {
	books := sampleBooks()
	if m, ok := t.(*mutant); ok {
		books.off = m.off
	}
	firm := &Firm{Roster: people(), AsOf: jst("2026-11-22 12:00")}
	for _, closed := range []bool{false, true} {
		var l viewtest.Ledger
		seq := event.Seq(0)
		add := func(at string, b event.Body) {
			seq++
			l.Add("case", seq, jst(at).UnixNano(), 0, b)
		}
		start := func(at, id string) *event.HostBoot {
			return &event.HostBoot{Host: "AP-A", BootID: id, At: jst(at).UnixNano(), By: "agent"}
		}
		add("2013-04-01 00:00", start("2013-01-10 04:00", "a"))
		add("2013-04-10 00:00", start("2013-01-10 04:00", "a")) // told again
		add("2013-04-11 00:00", &event.HostPlan{Host: "AP-A", From: jst("2013-04-12 02:00").UnixNano(), To: jst("2013-04-12 04:00").UnixNano(), Reason: "update", By: "ren"})
		add("2013-04-12 03:01", start("2013-04-12 03:00", "b")) // planned
		if c := caseOf(t, books, l, "f4"); c != nil {
			t.Errorf("a planned restart opened a case: %+v", c)
		}
		add("2013-04-24 03:01", start("2013-04-24 03:00", "c"))
		c := caseOf(t, books, l, "f4")
		if c == nil || c.State != Candidate || c.Class != "unplanned-reboot" || c.KnownAt != jst("2013-04-24 03:00").UnixNano() {
			t.Fatalf("the restart of 24 April: %+v", c)
		}
		if opened := event.Time(c.Opened).Sub(jst("2013-04-24 03:00")); opened > time.Minute {
			t.Errorf("the candidate came after %s", opened)
		}
		if closed { // somebody does have the figures of that hour
			add("2013-04-24 10:00", &event.CaseEvidence{Case: "f4", Evidence: "l", Step: "preserved", Form: "load-figures", Host: "AP-A", SHA256: sum, At: jst("2013-04-24 03:20").UnixNano(), By: "sora", Kept: "k"})
			add("2013-04-24 11:00", &event.CaseMove{Case: "f4", To: Closed, Cause: "load", By: "ren", Second: "aoi", Reason: "load"})
		}
		add("2013-04-30 09:00", &event.CaseSign{Case: "c2", Class: "unknown", Channel: "button", Title: "trouble again", Hosts: []string{"AP-A"}, KnownAt: jst("2013-04-30 09:00").UnixNano(), KnownBy: "ops", By: "sora"})
		c = caseOf(t, books, l, "f4")
		if closed && (c.State != Candidate || c.Reopened != 1 || len(c.Signs) != 2) {
			t.Errorf("the closed case is %s, reopened %d times, with %d signs", c.State, c.Reopened, len(c.Signs))
		}
		if !closed && len(c.Raised) != 1 {
			t.Errorf("the open case was raised %d times", len(c.Raised))
		}
		if !closed && !slices.ContainsFunc(c.Due(books, firm, jst("2013-04-30 09:00")), func(k Call) bool {
			return strings.HasPrefix(k.Key, "again:") && k.Rank == "csirt"
		}) {
			t.Error("the second anomaly calls nobody")
		}
		if err := Check(books, firm, c, jst("2013-04-30 10:00"), &event.CaseAction{Acted: event.Acted{Proved: "key"}, Case: "f4", Action: "r", Do: "retire", Step: "done", Target: "AP-A", By: "ren"}); err == nil {
			t.Error("AP-A may be retired before anything is preserved")
		}
	}
}

// caseOf folds the ledger and returns a case, nil for none.
func caseOf(t testing.TB, books *Books, l viewtest.Ledger, id string) *Case {
	v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "c.db"), Books: books})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	w, err := view.Follow(t.Context(), "casefile", l, v)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Case(t.Context(), id)
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFP18_WaveOfInjections: fifty on a day open one candidate, a few do not,
// and one the next day is no second wave.
func TestFP18_WaveOfInjections(t *testing.T) {
	var l viewtest.Ledger
	seq := event.Seq(0)
	hit := func(gate event.Source, at time.Time, rule string) {
		seq++
		l.Add(gate, seq, at.UnixNano(), 0, &event.Decision{Action: "refuse", Rule: rule, Code: "403", ID: "E1"})
	}
	begin := jst("2016-01-03 12:00")
	for i := range wave {
		hit("gate/quiet", begin.Add(time.Duration(i)*time.Hour), "crs/942100") // over two days
		hit("gate/shop", begin.Add(time.Duration(i)*time.Second), "crs/942100")
		hit("gate/other", begin.Add(time.Duration(i)*time.Second), "crs/920350")
	}
	hit("gate/shop", begin.Add(24*time.Hour), "crs/942100")
	books := sampleBooks()
	opened := fmt.Sprintf("f%d", 3*(wave-1)+1)
	c := caseOf(t, books, l, opened)
	if c == nil || c.Class != "web-injection" || c.KnownAt != begin.Add((wave-1)*time.Second).UnixNano() || c.Repeats != 0 || !c.Has("attack") {
		t.Errorf("the wave's case: %+v", c)
	}
	v, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "c.db"), Books: books})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	w, err := view.Follow(t.Context(), "casefile", l, v)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil || v.Count() != 1 {
		t.Errorf("%d cases, want 1 (%v)", v.Count(), err)
	}
}
