package story

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/proof/scope"
)

// tellJTB is i.JTB's targeted mail of 2016. Nobody answers and nobody sends
// anything, as in the sources; Sekisho's column is what it does all the same.
func tellJTB(ctx context.Context, t *teller) error {
	const host, place = "ijtb-web", "jtb"
	persons := t.told.figure(6788443)
	if err := t.holds(ctx, place+"/web.results", 1, uint32(persons), element.Name, element.Sex, element.BirthDate, element.Email,
		element.Address, element.PostalCode, element.Phone, element.Passport); err != nil {
		return err
	}
	t.say("knows", "jtb_held", "n", lang.Count(persons))
	t.assume()

	if err := t.readAll(ctx); err != nil {
		return err
	}

	// Saturday 19 March: the monitoring firm calls.
	if err := t.until(ctx, "2016-03-19 10:00"); err != nil {
		return err
	}
	notice := t.Now()
	id, err := t.Do(ctx, &event.CaseSign{Class: "outbound", Channel: "monitor", Title: "Webサーバーから外部への不審な通信", Hosts: []string{host}, Places: []event.Place{place},
		KnownAt: notice.UnixNano(), KnownBy: "監視会社", By: duty})
	if err != nil {
		return err
	}
	t.say("raises", "jtb_open", "at", stamp(notice))
	t.assume()
	t.saysCalled("jtb_duty", "called_duty", "duty", "open:0", notice, "2016-03-19 10:00")
	t.saysCalled("jtb_ciso", "called_ciso", "ciso", "tell:", notice, "2016-03-19 10:00")
	first, err := t.clock(ctx, id, "jp.appi.suspicion")
	if err != nil {
		return err
	}
	t.say("knows", "jtb_suspicion", "first", first.Day)
	t.check("jtb_first", "2016-03-23", first.Day)
	if err := t.filled(ctx, id, "ppc-prelim", "jtb_filled"); err != nil {
		return err
	}

	if err := t.cutRoutes(ctx, id); err != nil {
		return err
	}

	// Sunday: the virus scan is clean.
	if err := t.until(ctx, "2016-03-20 18:00"); err != nil {
		return err
	}
	deputyCall, _ := t.called("csirt", "open:0", notice)
	t.sayAt(deputyCall.At, "calls", "jtb_deputy", "person", deputyCall.To)
	t.check("jtb_deputy", "2016-03-19 11:00", stamp(deputyCall.At))
	t.check("jtb_deputy_who", deputy, deputyCall.To)
	t.saysCalled("jtb_weekend", "jtb_weekend", "officer", "open:0", notice, "2016-03-20 10:00")
	no, err := t.refused(ctx, &event.CaseMove{Case: id, To: casefile.Closed, Reason: "ウイルスチェックで異常なし", By: csirt, Second: ciso})
	if err != nil {
		return err
	}
	t.sayMissing("jtb_clean", "outbound", no)
	t.check("jtb_clean", "closing", no.Key)
	// Monday, a substitute holiday, at the minute at which the data ends.
	if err := t.until(ctx, "2016-03-21 01:32"); err != nil {
		return err
	}
	shut, err := t.shut(ctx)
	if err != nil {
		return err
	}
	t.say("blocks", "jtb_shut", "n", shut, "of", routes)
	t.check("jtb_shut", fmt.Sprint(routes), fmt.Sprint(shut))
	if err := t.inNetwork(ctx); err != nil {
		return err
	}
	if err := t.listMade(ctx); err != nil {
		return err
	}
	if err := t.leakKnown(ctx, id, place, persons); err != nil {
		return err
	}
	return t.jtbTexts(ctx, id)
}

// routes are the ways out: the interim report counts them from 1 to 4.
const routes = 4

// cutRoutes is what the person on duty does on Saturday: one order, which every
// exit answers. In the sources one route was cut on Sunday, the others on 24
// and 25 March.
func (t *teller) cutRoutes(ctx context.Context, id string) error {
	open := 0
	for exit := range routes {
		status, _, err := t.Leave(ctx, exit)
		if err != nil {
			return err
		}
		if status == http.StatusOK {
			open++
		}
	}
	t.check("jtb_open_routes", fmt.Sprint(routes), fmt.Sprint(open))
	if err := t.Hold(ctx, 0); err != nil {
		return err
	}
	if err := t.until(ctx, "2016-03-19 10:20"); err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseAction{Case: id, Action: "cut", Do: "cut", Target: "all", Reason: "監視会社の知らせ", By: duty}); err != nil {
		return err
	}
	t.check("jtb_flow", "yes", yes(!t.Held()))
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	got := "-"
	for _, x := range a.Case.Actions {
		if x.Step == "receipt" && x.Do == "cut" {
			got = fmt.Sprintf("%d/%d", x.Applied, x.Applied+x.Failed)
		}
	}
	t.say("blocks", "jtb_cut", "person", duty, "receipts", got, "at", stamp(t.Now()))
	t.assume()
	t.check("jtb_cut", fmt.Sprintf("%d/%d", routes, routes), got)
	return t.do(ctx, &event.CaseTask{Case: id, Task: "cut-exits", Step: "done", By: duty})
}

// shut counts the exits that refuse what wants to leave.
func (t *teller) shut(ctx context.Context) (n int, err error) {
	for exit := range routes {
		status, code, err := t.Leave(ctx, exit)
		if err != nil {
			return n, err
		}
		if status == http.StatusForbidden && code != "" {
			n++
		}
	}
	return n, nil
}

// leakKnown is 13 April, and what follows when nobody does anything.
func (t *teller) leakKnown(ctx context.Context, id, place string, persons uint64) error {
	if err := t.until(ctx, "2016-04-13 15:00"); err != nil {
		return err
	}
	known := t.Now()
	if err := t.do(ctx, &event.CaseMove{Case: id, To: casefile.Incident, Reason: "個人データの可能性", By: duty},
		&event.CaseFact{Case: id, Fact: "personal-data", KnownAt: known.UnixNano(), KnownBy: "JSS", By: duty}); err != nil {
		return err
	}
	t.saysCalled("jtb_officer", "called_officer", "officer", "leak", known, "2016-04-13 15:00")
	prelim, err := t.clock(ctx, id, "jp.appi.prelim")
	if err != nil {
		return err
	}
	final, err := t.clock(ctx, id, "jp.appi.final60")
	if err != nil {
		return err
	}
	t.say("knows", "jtb_known", "prelim", prelim.Day, "final", final.Day)
	t.check("jtb_prelim", "2016-04-17", prelim.Day)
	t.check("jtb_final", "2016-06-13", final.Day)
	s, err := t.measure(ctx, id, scope.Query{Places: []string{place}, From: day("2016-03-15 00:00"), To: known}, "", "name", "sex", "birthdate", "email", "address", "postal_code", "phone", "passport")
	if err != nil {
		return err
	}
	t.say("knows", "jtb_scope", "confirmed", lang.Count(s.Confirmed), "reachable", lang.Count(s.Reachable), "held", lang.Count(s.EverHeld))
	t.number("jtb_held", persons, s.EverHeld)
	t.number("jtb_reachable", persons, s.Reachable)
	d, err := t.Draft(ctx, id, "ppc-prelim")
	if err != nil {
		return err
	}
	t.say("drafts", "jtb_draft", "n", lang.Count(persons), "unknown", unknownFields(d))
	t.check("jtb_draft", "yes", yes(strings.Contains(d.Text(id), lang.Count(persons)) && unknownFields(d) > 0))

	if err := t.until(ctx, "2016-05-31 12:00"); err != nil {
		return err
	}
	t.saysCalled("jtb_late", "jtb_late", "officer", "late:jp.appi.suspicion", day("2016-03-19 00:00"), "2016-03-24 00:00")
	t.saysCalled("jtb_again", "jtb_again", "officer", "late:jp.appi.prelim", known, "2016-04-18 00:00")
	if prelim, err = t.clock(ctx, id, "jp.appi.prelim"); err != nil {
		return err
	}
	t.say("knows", "jtb_44", "n", prelim.DaysPast, "final", final.Day)
	t.check("jtb_44", "44", fmt.Sprint(prelim.DaysPast))
	return nil
}

// jtbTexts is June and July: numbers in texts.
func (t *teller) jtbTexts(ctx context.Context, id string) error {
	if err := t.until(ctx, "2016-06-10 10:00"); err != nil {
		return err
	}
	if err := t.names(ctx); err != nil {
		return err
	}
	if err := t.until(ctx, "2016-06-24 10:00"); err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseDraft{Case: id, Draft: "web", Step: "write", Lang: "ja", By: duty,
		Slots: map[string]string{"cause": fmt.Sprintf("標的型メールにより %s 名分の情報が", lang.Count(t.told.figure(6788433)))}}); err != nil {
		return err
	}
	d, err := t.Draft(ctx, id, "web")
	if err != nil {
		return err
	}
	no, err := t.refused(ctx, &event.CaseDraft{Case: id, Draft: "web", Step: "release", SHA256: d.SHA256, By: deputy})
	if err != nil {
		return err
	}
	t.say("refuses", "jtb_typed")
	t.check("jtb_typed", "draft_numbers", no.Key)
	t.conflicts("jtb", 3)
	return nil
}

// conflicts has the checker read what was published.
func (t *teller) conflicts(name string, want int) {
	var all []draft.Source
	for _, p := range t.told.Published {
		all = append(all, draft.Source{Name: p.Source, Text: p.Text})
	}
	found := draft.Compare(all)
	in := func(l lang.Language) string {
		var out []string
		for _, c := range found {
			out = append(out, c.Text(l))
		}
		return strings.Join(out, "; ")
	}
	t.told.Entries = append(t.told.Entries, Entry{At: t.Now(), Sort: "knows", Text: Text{
		texts.In(lang.Japanese).Text(name2key(name), "text", in(lang.Japanese)), texts.In(lang.English).Text(name2key(name), "text", in(lang.English))}})
	t.check(name+"_conflicts", fmt.Sprint(want), fmt.Sprint(len(found)))
}

func name2key(name string) string { return name + "_conflict" }
