package casefile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/view/casefile/roster"
)

// TestFP04_MisuseContradictsWindows: Telecom Square's misuse of 16 April
// precedes the windows of AP-A and Web-A and not that of Web-B.
func TestFP04_MisuseContradictsWindows(t *testing.T) { misuseContradictsWindows(t) }

func misuseContradictsWindows(t testing.TB) {
	r := newRoom(t, "2013-09-12 10:00")
	r.sign("card-misuse", "card-company", "card company", "2013-08-01 10:00", "card")
	for i, s := range []struct{ server, from, to string }{
		{"AP-A", "2013-04-24 00:00", "2013-04-30 00:00"}, {"Web-A", "2013-05-22 00:00", "2013-05-22 23:00"}, {"Web-B", "2013-02-05 00:00", "2013-02-05 23:00"},
	} {
		r.do(&event.CaseScope{Case: "c1", Version: i + 1, Stated: "report", Unit: "cards", Confirmed: 1, Reachable: 2, EverHeld: 3,
			Server: s.server, From: jst(s.from).UnixNano(), To: jst(s.to).UnixNano(), By: "sora"})
	}
	if m := r.c.Contradictions(); m != nil {
		t.Fatalf("marks before anything was reported: %v", m)
	}
	r.do(&event.CaseMisuse{Case: "c1", Report: "m1", By: "sora", Items: []event.Misuse{
		{Token: strings.Repeat("ab", 16), At: jst("2013-06-01 00:00").UnixNano()}, {Token: strings.Repeat("cd", 16), At: jst("2013-04-16 00:00").UnixNano()}}})
	got := map[string]bool{}
	for _, m := range r.c.Contradictions() {
		got[m.Server] = m.Contradicted
	}
	if diff := cmp.Diff(map[string]bool{"AP-A": true, "Web-A": true, "Web-B": false}, got); diff != "" {
		t.Error(diff)
	}
	if r.c.task("window:AP-A") == nil || r.c.task("window:Web-B") != nil {
		t.Error("the window of AP-A must be looked at again, that of Web-B not")
	}
	if missing := r.c.Missing(r.books, r.firm); !slices.Contains(missing, "task:window:AP-A") {
		t.Errorf("the case could be closed with a contradiction: %v", missing)
	}
}

// TestFP05_CleanScanNeverCloses: the refusal names the missing steps, and the
// CISO is told at the opening.
func TestFP05_CleanScanNeverCloses(t *testing.T) { cleanScanNeverCloses(t) }

func cleanScanNeverCloses(t testing.TB) {
	r := newRoom(t, "2016-03-19 10:00")
	r.sign("outbound", "monitor", "monitoring firm", "2016-03-19 09:30", "suspicion")
	if got := r.deliver(); !slices.Contains(got, "tell ciso sent") {
		t.Errorf("the CISO was not told at the opening: %v", got)
	}
	r.now = jst("2016-03-20 18:00")
	no := r.not("closing", &event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "aoi", Reason: "virus scan clean"})
	for _, want := range []string{"task:preserve", "task:hosts", "task:lateral", "task:cut-exits", "clock:jp.appi.suspicion"} {
		if !slices.Contains(no.Missing, want) {
			t.Errorf("the refusal does not name %s: %v", want, no.Missing)
		}
	}
	r.not("task_evidence", &event.CaseTask{Case: "c1", Task: "preserve", Step: "done", By: "sora"})
	r.not("task_needed", &event.CaseTask{Case: "c1", Task: "lateral", Step: "not-needed", Reason: "clean", By: "sora"})
	if why := r.books.Plays.Class("outbound").Never; !strings.Contains(why.EN, "virus scan never closes") || !strings.Contains(why.JA, "ウイルスチェック") {
		t.Error("the playbook does not say why")
	}
	r.finish()
	r.not("second", &event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "ren", Reason: "done"})
	r.not("second", &event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "sora", Reason: "done"})
	r.do(&event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "aoi", Reason: "done"})
}

// TestFP08_OfficerTheSameDay: JTB, known on 13 April 2016.
func TestFP08_OfficerTheSameDay(t *testing.T) { officerTheSameDay(t) }

func officerTheSameDay(t testing.TB) {
	r := newRoom(t, "2016-04-13 15:00")
	r.sign("targeted-mail", "own", "jss", "2016-04-13 15:00", "attack")
	r.fact("personal-data", "2016-04-13 15:00", "jss")
	r.do(&event.CaseNotice{Case: "c1", Key: "open:0", Step: "ack", To: "sora"})
	if got := r.deliver(); !slices.Contains(got, "leak officer sent") {
		t.Errorf("the officer was not told the same day although somebody had acknowledged: %v", got)
	}
	if k := r.clock("jp.appi.prelim"); k == nil || k.Day != "2016-04-17" {
		t.Errorf("preliminary report %+v, want 17 April", k)
	}
	k := r.clock("jp.appi.final60")
	if k == nil || k.Day != "2016-06-13" {
		t.Errorf("final report %+v, want 13 June", k)
	}
	r.now = jst("2016-05-31 12:00")
	if got := r.clock("jp.appi.prelim").DaysPast(r.now); got != 44 {
		t.Errorf("%d days past the guide, want 44", got)
	}
	r.do(&event.CaseNotice{Case: "c1", Key: "clock:jp.appi.prelim", Step: "ack", To: "sora"})
	if got := r.deliver(); !slices.Contains(got, "late officer sent") {
		t.Errorf("a clock is over, somebody answered its warning, and the officer is not told: %v", got)
	}
	if red := r.c.Red(r.books, r.firm, r.now); !slices.Contains(red, "late jp.appi.prelim") {
		t.Errorf("lateness does not show: %v", red)
	}
	// An entrustee knew before us: every clock moves to that day.
	r.fact("personal-data", "2016-04-11 09:00", "vendor")
	if k := r.clock("jp.appi.prelim"); k.Day != "2016-04-15" {
		t.Errorf("with the vendor's knowledge %s, want 15 April", k.Day)
	}
}

// TestFP08_SilenceClimbs: nobody answers, nobody presses a button.
func TestFP08_SilenceClimbs(t *testing.T) { silenceClimbs(t) }

func silenceClimbs(t testing.TB) {
	r := newRoom(t, "2026-11-22 01:00") // a Sunday night
	r.sign("unknown", "button", "sora", "2026-11-22 01:00")
	var got []string
	for range 30 {
		for _, g := range r.deliver() {
			if strings.HasPrefix(g, "open") {
				got = append(got, g)
			}
		}
		r.now = r.now.Add(time.Hour)
	}
	want := []string{"open duty sent", "open duty silent", "open csirt sent", "open csirt silent", "open ciso sent", "open ciso silent", "open officer sent", "open officer silent"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The process was away when two of them were due: both are called, and the
	// silence of each is written down.
	late, got := newRoom(t, "2026-11-22 01:00"), nil
	late.sign("unknown", "button", "sora", "2026-11-22 01:00")
	late.now = late.now.Add(90 * time.Minute)
	for range 30 {
		for _, g := range late.deliver() {
			if strings.HasPrefix(g, "open") {
				got = append(got, g)
			}
		}
		late.now = late.now.Add(30 * time.Minute)
	}
	want = []string{"open duty sent", "open csirt sent", "open duty silent", "open csirt silent", "open ciso sent"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	answered := newRoom(t, "2026-11-22 01:00")
	answered.sign("web-injection", "own", "sora", "2026-11-22 01:00")
	answered.deliver()
	answered.do(&event.CaseNotice{Case: "c1", Key: "open:0", Step: "ack", To: "sora"})
	answered.now = answered.now.Add(90 * time.Minute)
	if got := answered.deliver(); slices.Contains(got, "open csirt sent") {
		t.Errorf("it climbed although it was acknowledged: %v", got)
	}
}

// TestFP11_PreservationFirst: rebuild, move and retirement wait for evidence;
// cutting does not.
func TestFP11_PreservationFirst(t *testing.T) { preservationFirst(t) }

func preservationFirst(t testing.TB) {
	r := newRoom(t, "2016-03-04 10:00")
	r.sign("server-intrusion", "own", "ren", "2016-03-04 10:00")
	for _, do := range destroying {
		r.not("preserve_first", &event.CaseAction{Case: "c1", Action: "a", Do: do, Step: "done", Target: "web-1", By: "ren"})
	}
	for _, do := range containing {
		r.do(&event.CaseAction{Case: "c1", Action: "a-" + do, Do: do, Step: "done", Target: "web-1", By: "sora"})
	}
	over := &event.CaseAction{Case: "c1", Action: "o", Do: "rebuild", Step: "done", Target: "web-1", Override: true, Reason: "ransomware spreads", By: "aoi", Second: "rin"}
	low := *over
	low.By = "ren"
	r.not("rank", &low)
	alone := *over
	alone.Second = "aoi"
	r.not("second", &alone)
	silent := *over
	silent.Reason = ""
	r.not("reason", &silent)
	r.do(over)
	r.keep("image", "web-2")
	r.not("preserve_first", &event.CaseAction{Case: "c1", Action: "b", Do: "rebuild", Step: "done", Target: "web-1", By: "ren"})
	r.do(&event.CaseAction{Case: "c1", Action: "c", Do: "rebuild", Step: "done", Target: "web-2", By: "ren"})
	if last := r.c.Log[len(r.c.Log)-1]; last.By != "ren" || last.What != "action" {
		t.Errorf("the action is not in the timeline: %+v", last)
	}
}

// TestFP11_ReportChecker: the Sapporo findings leave at least five questions.
func TestFP11_ReportChecker(t *testing.T) { reportChecker(t) }

func reportChecker(t testing.TB) {
	r := newRoom(t, "2016-05-30 10:00")
	r.sign("card-misuse", "card-company", "card company", "2016-03-02 10:00", "card")
	r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "load", SHA256: sum, By: "sora"})
	for q, a := range map[string]string{"flaw": "SQL injection", "requests": "2,900 in January", "rows": "notes of operators"} {
		r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "answer", Question: q, Answer: a, Evidence: "p. 1", By: "sora"})
	}
	no := r.not("report_open", &event.CaseReport{Case: "c1", Report: "pcf", Step: "accept", By: "ren", Second: "aoi"})
	for _, want := range []string{"question:link", "question:extraction", "question:fixed-when", "question:fixed-by", "question:db-logs", "question:log-gap"} {
		if !slices.Contains(no.Missing, want) {
			t.Errorf("%s is not asked: %v", want, no.Missing)
		}
	}
	r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "answer", Question: "link", Answer: "shown", By: "sora"}) // no place in the report
	no = r.not("report_open", &event.CaseReport{Case: "c1", Report: "pcf", Step: "accept", By: "ren", Second: "aoi"})
	if !slices.Contains(no.Missing, "question:link") {
		t.Error("an answer without a place in the report counts")
	}
	for _, q := range r.books.Plays.Questions {
		r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "answer", Question: q.ID, Answer: "a", Evidence: "p. 2", By: "sora"})
	}
	r.not("second", &event.CaseReport{Case: "c1", Report: "pcf", Step: "accept", By: "ren"})
	r.do(&event.CaseReport{Case: "c1", Report: "pcf", Step: "accept", By: "ren", Second: "aoi"})
}

// TestFP17_CardNoticeBringsDuties: 2 March 2016, Sapporo.
func TestFP17_CardNoticeBringsDuties(t *testing.T) { cardNoticeBringsDuties(t) }

func cardNoticeBringsDuties(t testing.TB) {
	r := newRoom(t, "2016-03-02 14:00")
	r.sign("card-misuse", "card-company", "card company", "2016-03-02 10:00", r.books.Plays.Class("card-misuse").Facts...)
	for id, due := range map[string]string{"stop-payment": "2016-03-02 15:00", "acquirer": "2016-03-02 18:00", "pfi": "2016-03-03 14:00"} {
		if task := r.c.task(id); task == nil || task.Due != jst(due).UnixNano() {
			t.Errorf("task %s: %+v, want due %s", id, task, due)
		}
	}
	for id, day := range map[string]string{"card.visa.report": "2016-03-07", "card.visa.accounts": "2016-03-16", "jp.card.acquirer": "2016-03-02", "card.pfi": "2016-03-09", "jp.appi.prelim": "2016-03-06"} {
		if k := r.clock(id); k == nil || k.Day != day {
			t.Errorf("clock %s: %+v, want %s", id, k, day)
		}
	}
	r.deliver()
	r.now = jst("2016-03-02 15:01")
	if got := r.deliver(); !slices.Contains(got, "task duty sent") {
		t.Errorf("the stop of payment is late and nobody is called: %v", got)
	}
}

// TestFP18_OutsideNotices: every way in starts the clock with the exact time.
func TestFP18_OutsideNotices(t *testing.T) { outsideNotices(t) }

func outsideNotices(t testing.TB) {
	for _, channel := range Channels {
		r := newRoom(t, "2026-11-22 12:00")
		r.sign("card-misuse", channel, "outside", "2026-11-20 23:50", "card", "personal-data")
		if k := r.clock("jp.appi.prelim"); k.Start != event.Time(jst("2026-11-20 23:50").UnixNano()) || k.Day != "2026-11-24" {
			t.Errorf("%s: %v %s", channel, k.Start, k.Day)
		}
		if r.c.Channel != channel {
			t.Errorf("found by %q, want %q", r.c.Channel, channel)
		}
	}
}

// TestFP19_WaitingNeedsAReview: and new figures open the decision again.
func TestFP19_WaitingNeedsAReview(t *testing.T) { waitingNeedsAReview(t) }

func waitingNeedsAReview(t testing.TB) {
	r := newRoom(t, "2013-08-09 10:00")
	r.sign("card-misuse", "card-company", "card company", "2013-08-01 10:00", "card")
	d := &event.CaseDecision{Case: "c1", Subject: "publish", Choice: "not-yet", Reason: "only some firms", By: "aoi"}
	r.not("review", d)
	d.ReviewAt = r.now.Add(73 * time.Hour).UnixNano()
	r.not("review", d)
	d.ReviewAt = r.now.Add(72 * time.Hour).UnixNano()
	r.do(d)
	limited := *d
	limited.Choice = "limited"
	r.not("limited", &limited)
	r.do(&event.CaseScope{Case: "c1", Version: 1, Stated: "v1", Unit: "cards", Confirmed: 2773, Reachable: 6441, EverHeld: 97438, By: "sora"})
	r.not("limited", &limited) // stated figures are no proof
	if got := r.deliver(); !slices.Contains(got, "decision csirt sent") {
		t.Errorf("new figures do not open the decision again: %v", got)
	}
}

// TestFP22_RetireWaits: AP-A, 30 April 2013.
func TestFP22_RetireWaits(t *testing.T) { retireWaits(t) }

func retireWaits(t testing.TB) {
	r := newRoom(t, "2013-04-30 10:00")
	r.do(&event.CaseSign{Case: "c1", Class: "unplanned-reboot", Channel: "own", Title: "reboot", Hosts: []string{"AP-A"}, KnownAt: jst("2013-04-24 03:00").UnixNano(), KnownBy: "SK7601", By: "sora"})
	r.not("preserve_first", &event.CaseAction{Case: "c1", Action: "a", Do: "retire", Step: "done", Target: "AP-A", By: "ren"})
	r.keep("image", "AP-A")
	r.do(&event.CaseAction{Case: "c1", Action: "a", Do: "retire", Step: "done", Target: "AP-A", By: "ren"})
}

// TestFP01_RebootIsNoLoad: "load" needs that hour's figures.
func TestFP01_RebootIsNoLoad(t *testing.T) { rebootIsNoLoad(t) }

func rebootIsNoLoad(t testing.TB) {
	r := newRoom(t, "2013-04-24 09:00")
	r.sign("unplanned-reboot", "own", "SK7601", "2013-04-24 03:00")
	end := &event.CaseMove{Case: "c1", To: Closed, By: "ren", Second: "aoi", Cause: "load", Reason: "load"}
	silent := *end
	silent.Cause = ""
	r.not("cause", &silent)
	r.not("load", end)
	r.keep("load-figures", "web-1") // of nine o'clock
	r.not("load", end)
	r.do(&event.CaseEvidence{Case: "c1", Evidence: "other", Step: "preserved", Form: "load-figures", Host: "web-2", SHA256: sum, At: jst("2013-04-24 03:20").UnixNano(), By: "sora", Kept: "safe"})
	r.not("load", end)
	r.do(&event.CaseEvidence{Case: "c1", Evidence: "right", Step: "preserved", Form: "load-figures", Host: "web-1", SHA256: sum, At: jst("2013-04-24 03:20").UnixNano(), By: "sora", Kept: "safe"})
	r.do(end)
}

// TestFP24_HolidayWeekend: Saturday 19 March 2016 to the substitute holiday.
func TestFP24_HolidayWeekend(t *testing.T) { holidayWeekend(t) }

func holidayWeekend(t testing.TB) {
	r := newRoom(t, "2016-03-19 10:00")
	r.sign("outbound", "monitor", "monitoring firm", "2016-03-19 09:00", "suspicion")
	if got := r.deliver(); !slices.Contains(got, "open duty sent") {
		t.Errorf("the duty person was not reached on Saturday: %v", got)
	}
	r.do(&event.CaseAction{Case: "c1", Action: "a", Do: "cut", Step: "done", Target: "all", By: "sora"}) // the duty person may
	alone := &roster.Roster{People: []roster.Person{{ID: "ren", Rank: "csirt", Weekdays: true, Deputy: "sora"}, {ID: "sora", Rank: "duty"}}}
	if got := alone.Call("csirt", r.now); len(got) == 0 || got[0].ID != "sora" {
		t.Errorf("on a Saturday the deputy of another rank is called first: %+v", got)
	}
	r.now = jst("2016-03-21 01:00")
	r.deliver()
	csirt := slices.IndexFunc(r.c.Notices, func(n Notice) bool { return n.Rank == "csirt" && n.Step == "sent" })
	if csirt < 0 || r.c.Notices[csirt].To != "mio" {
		t.Errorf("on a holiday the deputy of ren is called: %+v", r.c.Notices)
	}
}

// TestClassFoundLate: a stricter class adds its clocks, counted from the first
// knowledge of the case.
func TestClassFoundLate(t *testing.T) {
	r := newRoom(t, "2026-11-18 10:00")
	r.sign("unknown", "button", "sora", "2026-11-18 09:00")
	if k := r.clock("jp.appi.suspicion"); k != nil {
		t.Fatalf("nothing is suspected yet: %+v", k)
	}
	r.now = jst("2026-11-21 10:00")
	r.do(&event.CaseMove{Case: "c1", Class: "server-intrusion", By: "sora", Reason: "a shell was found"})
	if k := r.clock("jp.appi.suspicion"); k == nil || k.Day != "2026-11-22" {
		t.Errorf("the clock of the class: %+v, want until 22 November", k)
	}
}

// TestFP08_TwoKnowledges: JTB again, with the suspicion of 19 March. It has its
// own clock, which begins without a word, and 13 April adds another; neither
// replaces the other, and one receipt ends both.
func TestFP08_TwoKnowledges(t *testing.T) {
	jtb := func() *room {
		r := newRoom(t, "2016-04-13 15:00")
		r.sign("outbound", "monitor", "monitoring firm", "2016-03-19 10:00", r.books.Plays.Class("outbound").Facts...)
		r.fact("personal-data", "2016-04-13 15:00", "jss")
		return r
	}
	r := jtb()
	for id, day := range map[string]string{"jp.appi.suspicion": "2016-03-23", "jp.appi.prelim": "2016-04-17", "jp.appi.final60": "2016-06-13"} {
		if k := r.clock(id); k == nil || k.Day != day || k.End != nil {
			t.Errorf("%s: %+v, want %s", id, k, day)
		}
	}
	// Somebody with a name decides that the notice was no suspicion yet: that
	// ends its clock and no other.
	r.do(&event.CaseClock{Case: "c1", Rule: "jp.appi.suspicion", Step: "not-required", Text: "guideline 3-5-3-1", Reason: "no personal data on the host", By: "aoi"})
	if r.clock("jp.appi.suspicion").End == nil || r.clock("jp.appi.prelim").End != nil {
		t.Error("\"not required\" ends the clock of the suspicion and that alone")
	}
	for _, id := range []string{"jp.appi.suspicion", "jp.appi.prelim"} {
		r := jtb()
		r.do(&event.CaseClock{Case: "c1", Rule: id, Step: "receipt", Number: "7", SHA256: sum, At: r.now.UnixNano(), By: "sora"})
		if r.clock("jp.appi.suspicion").End == nil || r.clock("jp.appi.prelim").End == nil || r.clock("jp.appi.final60").End != nil {
			t.Errorf("a receipt under %s: the preliminary report is one report", id)
		}
	}
}

// TestFP08_FP19_DraftsAreThere: the preliminary report is filled when its clock
// begins, before anybody asks, and so are the page and the notice to persons;
// what the process wrote is nobody's until a person takes it.
func TestFP08_FP19_DraftsAreThere(t *testing.T) { draftsAreThere(t) }

func draftsAreThere(t testing.TB) {
	r := newRoom(t, "2016-03-19 10:00")
	r.sign("outbound", "monitor", "monitoring firm", "2016-03-19 10:00", r.books.Plays.Class("outbound").Facts...)
	fill := func() (out []string) {
		for _, kind := range r.c.Unwritten(r.books, r.firm) {
			r.fold(&event.CaseDraft{Case: "c1", Draft: kind, Step: "write", By: Machine, Scope: len(r.c.Scopes), Lang: "ja"})
			out = append(out, kind)
		}
		slices.Sort(out)
		return out
	}
	if diff := cmp.Diff([]string{"jta", "police", "ppc-prelim"}, fill()); diff != "" {
		t.Errorf("at the suspicion: %s", diff)
	}
	r.now = jst("2016-04-13 15:00")
	r.fact("personal-data", "2016-04-13 15:00", "jss")
	active := r.c.Active
	if diff := cmp.Diff([]string{"persons", "ppc-final", "web"}, fill()); diff != "" {
		t.Errorf("when personal data is known: %s", diff)
	}
	if r.c.Active != active {
		t.Error("what the process writes counts as if somebody had done something")
	}
	r.not("draft_machine", &event.CaseDraft{Case: "c1", Draft: "ppc-prelim", Step: "release", SHA256: sum, By: "ren"})
	r.do(&event.CaseDraft{Case: "c1", Draft: "web", Step: "write", By: "sora"})
	r.do(&event.CaseScope{Case: "c1", Version: 1, Stated: "s", Unit: "persons", Reachable: 2, EverHeld: 3, By: "sora"})
	if got := fill(); !slices.Contains(got, "ppc-prelim") || slices.Contains(got, "web") {
		t.Errorf("after new figures %v: its own documents are filled again, those that a person took are not touched", got)
	}
	r.do(&event.CaseClock{Case: "c1", Rule: "jp.appi.prelim", Step: "receipt", Number: "7", SHA256: sum, At: r.now.UnixNano(), By: "sora"})
	if got := fill(); len(got) != 0 {
		t.Errorf("nothing new begins and %v is written", got)
	}
}
