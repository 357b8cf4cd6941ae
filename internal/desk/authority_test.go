package desk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
)

// known gives p0 and p1 keys, p2 and p3 accounts.
func known(o *office) {
	p := o.Firm.Roster.People
	p[0].KeySHA256, p[1].KeySHA256, p[2].User, p[3].User = roster.KeySum("k0"), roster.KeySum("k1"), "acct2", "acct3"
}

func key(k string) roster.Caller { return roster.Caller{Account: "service", Number: "99", Key: k} }

func account(name string) roster.Caller { return roster.Caller{Account: name, Number: "1"} }

// refusedAs fails unless err is the refusal.
func refusedAs(t *testing.T, err error, want string) {
	t.Helper()
	var no *casefile.Refusal
	if !errors.As(err, &no) || no.Key != want {
		t.Errorf("%v, want refusal %q", err, want)
	}
}

// TestFP20_ReleasedTextIsTheCases: the process makes the text; a digest of
// another text, a number of its own and a second person who is nobody are
// refused, and what was released stays as it was.
func TestFP20_ReleasedTextIsTheCases(t *testing.T) {
	o := newOffice(t)
	known(o)
	id := o.sign(t, "変な画面が出る")
	write := &event.CaseDraft{Case: id, Draft: "web", Step: "write", Slots: map[string]string{"cause": "調査中です"}, Lang: "ja", By: "p0"}
	propose := func(b event.Cased, c roster.Caller) error {
		_, err := o.Propose(t.Context(), b, c)
		return err
	}
	refusedAs(t, propose(&event.CaseDraft{Case: id, Draft: "poem", Step: "write", By: "p0"}, key("k0")), "draft_kind")
	if err := propose(write, key("k0")); err != nil {
		t.Fatal(err)
	}
	shown, err := o.Draft(t.Context(), id, "web", nil, lang.English)
	if err != nil || shown.Lang != lang.Japanese || shown.SHA256 != Sum(shown.Text(id)) {
		t.Fatalf("shown %+v, %v", shown, err)
	}
	release := func(sum string) *event.CaseDraft {
		return &event.CaseDraft{Case: id, Draft: "web", Step: "release", SHA256: sum, By: "p1"}
	}
	refusedAs(t, propose(release(Sum("another text")), key("k1")), "draft_other")
	refusedAs(t, propose(release(""), key("k1")), "draft_hash")
	refusedAs(t, propose(release(shown.SHA256), roster.Caller{}), "not_you")
	refusedAs(t, propose(release(shown.SHA256), key("k0")), "not_you")
	o.now = o.now.Add(time.Minute)
	if err := propose(&event.CaseFact{Case: id, Fact: "card", KnownAt: o.now.UnixNano(), KnownBy: "x", By: "p0"}, key("k0")); err != nil {
		t.Fatal(err)
	}
	if now, err := o.Draft(t.Context(), id, "web", nil, lang.English); err != nil || now.SHA256 != shown.SHA256 {
		t.Logf("the text changed with the case (%v), so the old digest must not release it", err)
		refusedAs(t, propose(release(shown.SHA256), key("k1")), "draft_other")
		shown = now
	}
	bad := *write
	bad.Slots = map[string]string{"cause": "6,414 件"}
	if err := propose(&bad, key("k0")); err != nil {
		t.Fatal(err)
	}
	marked, err := o.Draft(t.Context(), id, "web", nil, lang.Japanese)
	if err != nil {
		t.Fatal(err)
	}
	refusedAs(t, propose(release(marked.SHA256), key("k1")), "draft_numbers")
	if err := propose(write, key("k0")); err != nil {
		t.Fatal(err)
	}
	if shown, err = o.Draft(t.Context(), id, "web", nil, lang.Japanese); err != nil {
		t.Fatal(err)
	}
	if err := propose(release(shown.SHA256), key("k1")); err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(time.Hour)
	o.sign2(t, id)
	kept, err := o.Draft(t.Context(), id, "web", nil, lang.English)
	if err != nil || !kept.Released || kept.Text(id) != shown.Text(id) {
		t.Errorf("what was released is not what is shown: %v", err)
	}
	for name := range o.files {
		o.files[name] = []byte(strings.Replace(string(o.files[name]), "調査中", "不明", 1))
	}
	if _, err := o.Draft(t.Context(), id, "web", nil, lang.English); err == nil {
		t.Error("a released document that was changed on disk is shown")
	}
}

// sign2 adds a sign to a case.
func (o *office) sign2(t testing.TB, id string) {
	t.Helper()
	if _, err := o.Propose(t.Context(), &event.CaseSign{Case: id, Class: "unknown", Channel: "button", Title: "again", KnownAt: o.now.UnixNano(), KnownBy: "x", By: "x"}, roster.Caller{}); err != nil {
		t.Fatal(err)
	}
}

// TestProcessIsTheAuthority: what only the process may write is not taken from
// whoever asks.
func TestProcessIsTheAuthority(t *testing.T) {
	o := newOffice(t)
	known(o)
	sign := &event.CaseSign{Acted: event.Acted{Proved: "key"}, Case: "f12", Class: "card-misuse", Channel: "psp", Title: "t", KnownAt: o.now.UnixNano(), KnownBy: "psp", By: "x"}
	_, err := o.Propose(t.Context(), sign, roster.Caller{})
	refusedAs(t, err, "no_case") // the names of cases are the process's
	sign.Case = ""
	id, err := o.Propose(t.Context(), sign, roster.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.View.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if sign.Proved != "" || c.Log[0].Proved != "" {
		t.Error("whoever asks says how they are known")
	}
	if !c.Has("card") || !c.Has("personal-data") {
		t.Errorf("the class's own facts are missing: %+v", c.Facts)
	}
	act := &event.CaseAction{Case: id, Action: "a", Do: "stop-payment", Target: "shop", Step: "receipt", Result: "done at the gates", Applied: 9, By: "p0"}
	if _, err := o.Propose(t.Context(), act, key("k0")); err != nil {
		t.Fatal(err)
	}
	if c, err = o.View.Case(t.Context(), id); err != nil || c.Actions[0].Step != "done" || c.Actions[0].Applied != 0 || c.Actions[0].Result != "" {
		t.Errorf("a receipt was taken from whoever asks: %+v (%v)", c.Actions, err)
	}
	_, err = o.Propose(t.Context(), &event.CaseSign{Class: "unknown", Channel: "own", Title: "t", KnownAt: o.now.UnixNano(), KnownBy: "SK7601", By: "sekisho"}, roster.Caller{})
	refusedAs(t, err, "reserved")
	_, err = o.Propose(t.Context(), &event.CaseNotice{Case: id, Key: "clock:jp.appi.prelim", To: "p0"}, key("k0"))
	refusedAs(t, err, "ack_early")
	_, err = o.Propose(t.Context(), &event.CaseTask{Case: id, Task: "police", Step: "assign", Owner: "p0", By: "p2"}, account("acct3"))
	refusedAs(t, err, "not_you")
	if _, err := o.Propose(t.Context(), &event.CaseTask{Case: id, Task: "police", Step: "assign", Owner: "p0", By: "p2"}, account("acct2")); err != nil {
		t.Error(err)
	}
	if c, err = o.View.Case(t.Context(), id); err != nil || c.Log[len(c.Log)-1].Proved != roster.ByAccount {
		t.Errorf("the timeline does not say how p2 is known: %+v", c.Log[len(c.Log)-1])
	}
}

// TestFP17_Readiness: half a year without an answered test call is red, and so
// is a firm without an investigator under contract.
func TestFP17_Readiness(t *testing.T) {
	o := newOffice(t)
	firm := &Firm{People: o.Firm.Roster.People}
	lacks := func() (keys []string) {
		tests, err := o.View.Tests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range firm.Ready(tests, o.now) {
			for _, text := range []string{l.Text(lang.Japanese), l.Text(lang.English)} {
				if strings.Contains(text, "{") || strings.Contains(text, "!") {
					t.Errorf("%s: %q", l.Key, text)
				}
			}
			keys = append(keys, l.Key)
		}
		return keys
	}
	if got, want := lacks(), []string{"test", "test", "test", "test", "retainer", "acquirer"}; !slices.Equal(got, want) {
		t.Errorf("nothing was prepared: %v, want %v", got, want)
	}
	firm.Retainer, firm.Acquirer = &Outside{Name: "調査会社", Phone: "(連絡先)", Until: "2016-03-18"}, &Outside{Name: "カード会社", Phone: "(連絡先)"}
	if got := lacks(); !slices.Contains(got, "retainer_over") || slices.Contains(got, "acquirer") {
		t.Errorf("a contract that is over: %v", got)
	}
	firm.Retainer.Until = "2017-03-31"
	o.down["p3"] = true
	reached, failed, err := o.TestCall(t.Context(), "p1", roster.Caller{})
	if err != nil || len(reached) != 4 || !slices.Equal(failed, []string{"p3"}) {
		t.Fatalf("reached %v, failed %v: %v", reached, failed, err)
	}
	if got := lacks(); len(got) != 4 {
		t.Errorf("a call that nobody answered counts: %v", got)
	}
	for _, p := range []string{"p0", "p1", "p2", "p3"} {
		if _, err := o.Propose(t.Context(), &event.CaseNotice{Case: casefile.TestCase, Key: casefile.TestCase, To: p}, roster.Caller{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := lacks(); !slices.Equal(got, []string{"test"}) {
		t.Errorf("p3 was never reached, so an answer of p3 is no test: %v", got)
	}
	o.down["p3"] = false
	if _, _, err := o.TestCall(t.Context(), "p1", roster.Caller{}); err != nil {
		t.Fatal(err)
	}
	if got := lacks(); len(got) != 0 {
		t.Errorf("everything is there: %v", got)
	}
	o.now = o.now.Add(184 * 24 * time.Hour)
	if got := lacks(); !slices.Equal(got, []string{"test", "test", "test", "test"}) {
		t.Errorf("half a year later: %v", got)
	}
}

// TestTestCallFinished: of a test call whose process ended in the middle, whoever was
// not called yet is called by the next, and nobody else; it is ordered and done once.
func TestTestCallFinished(t *testing.T) {
	o := newOffice(t)
	known(o)
	record, notices, acts := o.Record, []string{}, []string{}
	gone := errors.New("the process is gone")
	left := 3 // the order and two people
	o.Record = func(ctx context.Context, by event.Source, bodies ...event.Body) error {
		for _, b := range bodies {
			if left--; left < 0 {
				return gone
			}
			switch b := b.(type) {
			case *event.CaseNotice:
				notices = append(notices, b.To)
			case *event.Act:
				acts = append(acts, b.Do+" "+b.Result)
			}
		}
		return record(ctx, by, bodies...)
	}
	if _, _, err := o.TestCall(t.Context(), "p1", key("k1")); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, p := range notices {
		told[p] = true
	}
	if len(told) != 2 || !slices.Equal(acts, []string{"test-call ordered"}) {
		t.Fatalf("%v, %v", told, acts)
	}
	left = 100
	if err := o.FinishTestCall(t.Context(), &TestOrder{By: "p1", Told: told}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(notices)
	if people := len(o.Firm.Roster.People); len(notices) != people || len(slices.Compact(notices)) != people {
		t.Errorf("called: %v", notices)
	}
	if !slices.Equal(acts, []string{"test-call ordered", "test-call done"}) {
		t.Errorf("%v", acts)
	}
}

// TestFP18_WhoFindsFirst: found by us and told by others, and how late.
func TestFP18_WhoFindsFirst(t *testing.T) {
	o := newOffice(t)
	day := func(text string) int64 {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixNano()
	}
	o.now = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ channel, began, known string }{
		{"card-company", "2013-02-05", "2013-08-01"}, {"psp", "2017-02-10", "2017-05-25"}, {"monitor", "", "2016-03-19"}, {"own", "2013-04-24", "2013-04-25"},
	} {
		id, err := o.Propose(t.Context(), &event.CaseSign{Class: "unknown", Channel: c.channel, Title: "t", KnownAt: day(c.known), KnownBy: "x", By: "x"}, roster.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		if c.began == "" {
			continue
		}
		if _, err := o.Propose(t.Context(), &event.CaseScope{Case: id, Stated: "s", Unit: "cards", From: day(c.began), To: day(c.known), By: "p0"}, roster.Caller{}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := o.View.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := casefile.Measure{Cases: 4, Own: 1, Others: 3, OwnAfter: 24 * time.Hour, OwnTimed: 1, OthersAfter: (177 + 104) * 12 * time.Hour, OthersTimed: 2}
	if m != want {
		t.Errorf("%+v, want %+v", m, want)
	}
}

// TestTwoOfThree: the office closes with two people the process knows, and a
// person cannot say yes to an own act.
func TestTwoOfThree(t *testing.T) {
	o := newOffice(t)
	known(o)
	id := o.sign(t, "t")
	propose := func(b event.Cased, c roster.Caller) error {
		_, err := o.Propose(context.Background(), b, c)
		return err
	}
	if err := propose(&event.CaseTask{Case: id, Task: "look", Step: "done", By: "p0"}, key("k0")); err != nil {
		t.Fatal(err)
	}
	end := func(second string) *event.CaseMove {
		return &event.CaseMove{Case: id, To: casefile.Closed, Reason: "a test", By: "p1", Second: second}
	}
	refusedAs(t, propose(end("p2"), key("k1")), "second_silent")
	refusedAs(t, propose(end("p1"), key("k1")), "second")
	refusedAs(t, propose(&event.CaseAgree{Case: id, Act: casefile.ActClose, By: "p2"}, key("k1")), "not_you")
	refusedAs(t, propose(&event.CaseAgree{Case: id, Act: casefile.ActClose, By: "p2"}, account("acct3")), "not_you")
	if err := propose(&event.CaseAgree{Case: id, Act: casefile.ActClose, By: "p2"}, account("acct2")); err != nil {
		t.Fatal(err)
	}
	if err := propose(end("p2"), key("k1")); err != nil {
		t.Fatal(err)
	}
}

// TestFP20_SwitchedOff takes away what keeps foreign numbers and other texts
// from being released: the same attempts must then succeed, or the tests above
// would prove nothing.
func TestFP20_SwitchedOff(t *testing.T) {
	attempt := func(off, cause, sum string) error {
		o := newOffice(t)
		known(o)
		o.off = off
		id := o.sign(t, "t")
		write := &event.CaseDraft{Case: id, Draft: "web", Step: "write", Slots: map[string]string{"cause": cause}, Lang: "ja", By: "p0"}
		if _, err := o.Propose(t.Context(), write, key("k0")); err != nil {
			t.Fatal(err)
		}
		if sum == "" {
			d, err := o.Draft(t.Context(), id, "web", nil, lang.Japanese)
			if err != nil {
				t.Fatal(err)
			}
			sum = d.SHA256
		}
		_, err := o.Propose(t.Context(), &event.CaseDraft{Case: id, Draft: "web", Step: "release", SHA256: sum, By: "p1"}, key("k1"))
		return err
	}
	other := Sum("another text")
	refusedAs(t, attempt("", "6,788,433 名", ""), "draft_numbers")
	refusedAs(t, attempt("", "調査中", other), "draft_other")
	if err := attempt(offNumbers, "6,788,433 名", ""); err != nil {
		t.Errorf("the check of numbers is off and nobody notices: %v", err)
	}
	if err := attempt(offDigest, "調査中", other); err != nil {
		t.Errorf("the check of the digest is off and nobody notices: %v", err)
	}
	refusedAs(t, releaseAgainstTexts(t, "", nil), "draft_differs")
	if err := releaseAgainstTexts(t, offTexts, nil); err != nil {
		t.Errorf("the comparison with other texts is off and nobody notices: %v", err)
	}
}

// releaseAgainstTexts makes a case with the figures of JTB, writes the page for
// the web, loads what the interim report says, and releases the page.
func releaseAgainstTexts(t *testing.T, off string, change func(o *office, id string, release *event.CaseDraft)) error {
	t.Helper()
	o := newOffice(t)
	known(o)
	o.off = off
	id := o.sign(t, "t")
	propose := func(b event.Cased, c roster.Caller) error {
		_, err := o.Propose(t.Context(), b, c)
		return err
	}
	for _, b := range []event.Cased{
		&event.CaseScope{Case: id, Stated: "the company", Unit: "persons", Confirmed: 6788443, Reachable: 6788443, EverHeld: 6788443, Elements: []string{"name", "sex", "birthdate", "phone", "address"}, By: "p0"},
		&event.CaseText{Case: id, Name: "interim report", Step: "load", By: "p0", SHA256: "believed", Text: "合計 6,788,433 名分。個人情報項目は、氏名（漢字）、性別、電話番号、住所。"},
		&event.CaseDraft{Case: id, Draft: "web", Step: "write", Slots: map[string]string{"cause": "調査中です"}, Lang: "ja", By: "p0"},
	} {
		if err := propose(b, key("k0")); err != nil {
			t.Fatal(err)
		}
	}
	read, err := o.Draft(t.Context(), id, "web", nil, lang.Japanese)
	if err != nil {
		t.Fatal(err)
	}
	release := &event.CaseDraft{Case: id, Draft: "web", Step: "release", SHA256: read.SHA256, By: "p1"}
	if change != nil {
		change(o, id, release)
	}
	return propose(release, key("k1"))
}

// TestFP20_ReleaseWaitsForTexts: a document is not released while a text about
// the incident says otherwise, but with a reason and the yes of a second person
// to this very text; what the texts state is in the ledger, their words are not.
func TestFP20_ReleaseWaitsForTexts(t *testing.T) {
	agree := func(o *office, id string) {
		yes := &event.CaseAgree{Case: id, Act: "release:web", By: "p2"}
		if _, err := o.Propose(t.Context(), yes, account("acct2")); err != nil {
			t.Fatal(err)
		}
	}
	err := releaseAgainstTexts(t, "", nil)
	refusedAs(t, err, "draft_differs")
	for _, want := range []string{"6,788,433", "6,788,443", "生年月日"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal does not name %s: %v", want, err)
		}
	}
	refusedAs(t, releaseAgainstTexts(t, "", func(_ *office, _ string, r *event.CaseDraft) { r.Override = true }), "reason")
	refusedAs(t, releaseAgainstTexts(t, "", func(_ *office, _ string, r *event.CaseDraft) {
		r.Override, r.Reason = true, "the report has a slip"
	}), "second")
	refusedAs(t, releaseAgainstTexts(t, "", func(_ *office, _ string, r *event.CaseDraft) {
		r.Override, r.Reason, r.Second = true, "the report has a slip", "p2"
	}), "second_silent")
	refusedAs(t, releaseAgainstTexts(t, "", func(o *office, id string, r *event.CaseDraft) {
		agree(o, id)
		if _, err := o.Propose(t.Context(), &event.CaseDraft{Case: id, Draft: "web", Step: "write", Slots: map[string]string{"cause": "別の文です"}, Lang: "ja", By: "p0"}, key("k0")); err != nil {
			t.Fatal(err)
		}
		shown, err := o.Draft(t.Context(), id, "web", nil, lang.Japanese)
		if err != nil {
			t.Fatal(err)
		}
		r.Override, r.Reason, r.Second, r.SHA256 = true, "the report has a slip", "p2", shown.SHA256
	}), "second_silent")
	var last *office
	if err := releaseAgainstTexts(t, "", func(o *office, id string, r *event.CaseDraft) {
		agree(o, id)
		last = o
		r.Override, r.Reason, r.Second = true, "the report has a slip", "p2"
	}); err != nil {
		t.Fatal(err)
	}
	c, err := last.View.Case(t.Context(), "c1")
	if err != nil || c.Drafts["web"].State != "released" || !c.Drafts["web"].Overridden || len(c.Texts) != 1 || c.Texts[0].SHA256 == "believed" || c.Texts[0].Text != "" {
		t.Errorf("released %+v, texts %+v (%v)", c.Drafts["web"], c.Texts, err)
	}
	last.ledgerLacks(t, "合計")
	if err := releaseAgainstTexts(t, "", func(o *office, id string, r *event.CaseDraft) {
		if _, err := o.Propose(t.Context(), &event.CaseText{Case: id, Name: "interim report", Step: "withdraw", Reason: "corrected", By: "p1"}, key("k1")); err != nil {
			t.Fatal(err)
		}
		r.Override = true // of nothing: it is not recorded
		last = o
	}); err != nil {
		t.Fatal(err)
	}
	if c, err := last.View.Case(t.Context(), "c1"); err != nil || c.Drafts["web"].Overridden || len(c.Texts) != 0 {
		t.Errorf("a text was withdrawn: released %+v, texts %+v (%v)", c.Drafts["web"], c.Texts, err)
	}
	o := newOffice(t)
	known(o)
	id := o.sign(t, "t")
	_, err = o.Propose(t.Context(), &event.CaseText{Case: id, Name: "picture", Step: "load", By: "p0", Text: "\xff\xfe"}, key("k0"))
	refusedAs(t, err, "text_read")
	_, err = o.Propose(t.Context(), &event.CaseText{Case: id, Step: "load", By: "p0", Text: "t"}, key("k0"))
	refusedAs(t, err, "text_load")
}

// ledgerLacks fails when a line of the ledger holds the words.
func (o *office) ledgerLacks(t *testing.T, words string) {
	t.Helper()
	err := o.ledger.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		if strings.Contains(string(line), words) {
			t.Errorf("the ledger holds %q: %s", words, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
