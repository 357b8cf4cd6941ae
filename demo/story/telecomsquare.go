package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

const (
	apA     = "AP-A"
	tsPlace = "ts"
)

// tellTelecomSquare is the restart of AP-A and what came of it, 2013.
func tellTelecomSquare(ctx context.Context, t *teller) error {
	all, onA := t.told.figure(97438), t.told.figure(6441)
	first, err := t.Customers(ctx, officeSource, int(all))
	if err != nil {
		return err
	}
	if err := t.holds(ctx, tsPlace+"/ap_a.cards", first, first+uint32(onA)-1, element.Company, element.Name, element.Address, element.Email, element.Phone, element.CardPAN, element.CardExpiry); err != nil {
		return err
	}
	if err := t.holds(ctx, tsPlace+"/web.cards", first+uint32(onA), first+uint32(all)-1, element.CardPAN, element.CardExpiry); err != nil {
		return err
	}
	t.say("knows", "ts_held", "a", lang.Count(onA), "b", lang.Count(all-onA), "sum", lang.Count(all))
	t.assume()
	if _, err := t.Boot(ctx, &event.HostBoot{Host: apA, BootID: "before", At: day("2013-01-10 04:00").UnixNano(), By: "agent"}); err != nil {
		return err
	}
	id, err := t.restart(ctx)
	if err != nil {
		return err
	}
	if err := t.trouble(ctx, id); err != nil {
		return err
	}
	if err := t.moved(ctx, all, onA); err != nil {
		return err
	}
	id, err = t.misuseNotice(ctx, all, onA)
	if err != nil {
		return err
	}
	return t.versions(ctx, id)
}

// restart is 24 April.
func (t *teller) restart(ctx context.Context) (string, error) {
	if err := t.until(ctx, "2013-04-24 03:00"); err != nil {
		return "", err
	}
	started := t.Now()
	if err := t.Until(ctx, started.Add(20*time.Second)); err != nil {
		return "", err
	}
	id, err := t.Boot(ctx, &event.HostBoot{Host: apA, BootID: "after", At: started.UnixNano(), By: "agent"})
	if err != nil {
		return "", err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return "", err
	}
	after := event.Time(a.Case.Opened).Sub(started).Round(time.Second)
	t.say("raises", "ts_boot", "after", after)
	t.assume()
	t.check("ts_minute", "yes", yes(a.Case.State == casefile.Candidate && after <= time.Minute))
	t.saysCalled("ts_csirt", "called_csirt", "csirt", "tell:", started, "2013-04-24 03:00")
	if err := t.until(ctx, "2013-04-24 10:00"); err != nil {
		return "", err
	}
	end := &event.CaseMove{Case: id, To: casefile.Closed, Cause: "load", Reason: "サーバの処理集中によるOSの自動再起動と判断", By: csirt, Second: ciso}
	no, err := t.refused(ctx, end)
	if err != nil {
		return "", err
	}
	t.say("refuses", "ts_load")
	t.check("ts_load", "load", no.Key)
	if err := t.do(ctx, &event.CaseEvidence{Case: id, Evidence: "load-0424", Step: "preserved", Form: "load-figures", Host: apA, SHA256: sum64, At: started.Add(20 * time.Minute).UnixNano(), Kept: "監視の記録", By: duty},
		&event.CaseAgree{Case: id, Act: casefile.ActClose, By: ciso}, end); err != nil {
		return "", err
	}
	t.say("knows", "ts_closed")
	t.assume()
	return id, nil
}

// trouble is 30 April and 1 May.
func (t *teller) trouble(ctx context.Context, id string) error {
	if err := t.until(ctx, "2013-04-30 09:00"); err != nil {
		return err
	}
	second, err := t.Do(ctx, &event.CaseSign{Class: "unknown", Channel: "button", Title: "AP-A がまた不調", Hosts: []string{apA}, KnownAt: t.Now().UnixNano(), KnownBy: "運用", By: duty})
	if err != nil {
		return err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	t.say("raises", "ts_again", "n", a.Case.Reopened)
	t.check("ts_again", "yes", yes(a.Case.State == casefile.Candidate && a.Case.Reopened == 1))
	retire := &event.CaseAction{Case: id, Action: "retire", Do: "retire", Target: apA, By: csirt}
	move := &event.CaseAction{Case: id, Action: "move", Do: "move", Target: apA, By: csirt}
	for _, b := range []*event.CaseAction{retire, move} {
		no, err := t.refused(ctx, b)
		if err != nil {
			return err
		}
		t.check("ts_"+b.Do, "preserve_first", no.Key)
	}
	t.say("refuses", "ts_retire")
	if err := t.until(ctx, "2013-04-30 15:00"); err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseEvidence{Case: id, Evidence: "ap-a-image", Step: "preserved", Form: "image", Host: apA, SHA256: sum64, At: t.Now().UnixNano(), To: duty, Kept: "金庫2", By: duty}, retire, move); err != nil {
		return err
	}
	t.say("knows", "ts_image")
	t.assume()
	// One case goes on: the trouble belongs to the restart.
	return t.do(ctx, &event.CaseMove{Case: id, To: casefile.Incident, Reason: "二度目の異常", By: duty},
		&event.CaseTask{Case: second, Task: "look", Step: "done", By: duty}, &event.CaseAgree{Case: second, Act: casefile.ActClose, By: ciso},
		&event.CaseMove{Case: second, To: casefile.Closed, Reason: "事案 " + id + " で扱う", By: csirt, Second: ciso})
}

// misuseNotice is 1 August: what can be said on day one.
func (t *teller) misuseNotice(ctx context.Context, all, onA uint64) (string, error) {
	if err := t.until(ctx, "2013-08-01 10:00"); err != nil {
		return "", err
	}
	notice := t.Now()
	id, err := t.Do(ctx, &event.CaseSign{Class: "card-misuse", Channel: "card-company", Title: "カード不正利用の疑いの連絡", Hosts: []string{apA}, Places: []event.Place{tsPlace},
		KnownAt: notice.UnixNano(), KnownBy: "カード会社", By: duty})
	if err != nil {
		return "", err
	}
	d, err := t.duties(ctx, id)
	if err != nil {
		return "", err
	}
	if err := t.do(ctx, &event.CaseMove{Case: id, To: casefile.Incident, Reason: "カード会社の知らせ", By: duty}); err != nil {
		return "", err
	}
	t.say("raises", "ts_notice", "acquirer", d.acquirer, "visa", d.visa, "accounts", d.accounts, "pfi", d.pfi, "prelim", d.prelim, "final", d.final)
	t.check("ts_visa", "2013-08-06", d.visa)
	t.check("ts_prelim", "2013-08-05", d.prelim)
	whole := scope.Query{Places: []string{tsPlace}, From: day("2013-02-05 00:00"), To: notice}
	s, err := t.measure(ctx, id, whole, "", "card.pan", "card.expiry")
	if err != nil {
		return "", err
	}
	whole.Places = []string{tsPlace + "/ap_a.cards"}
	a, err := t.Scope(ctx, whole)
	if err != nil {
		return "", err
	}
	t.say("knows", "ts_dayone", "held", lang.Count(s.EverHeld), "a", lang.Count(a.EverHeld.Subjects), "reachable", lang.Count(s.Reachable), "days", days("2013-08-01", "2013-09-12"))
	t.number("ts_held", all, s.EverHeld)
	t.number("ts_a", onA, a.EverHeld.Subjects)
	t.number("ts_reachable", all, s.Reachable)
	return id, nil
}

// cards makes a list of misused cards: synthetic, used at one place before. The
// first is the card of the customer with the number from.
func (t *teller) cards(from, n int, place event.Place, misused string) ([]event.Misuse, error) {
	var out []event.Misuse
	first := day(misused + " 00:00")
	for i := range n {
		token, err := t.Token(from + 7*i)
		if err != nil {
			return nil, err
		}
		out = append(out, event.Misuse{Token: token, At: first.AddDate(0, 0, i%60).UnixNano(),
			Uses: []event.Usage{{Place: place, At: first.AddDate(0, -2, -(i % 200)).UnixNano()}, {Place: event.Place(fmt.Sprintf("other-%d", i%9)), At: first.AddDate(0, -1, 0).UnixNano()}}})
	}
	return out, nil
}

// misuse loads such a list.
func (t *teller) misuse(ctx context.Context, id, report string, from, n int, place event.Place, misused string) error {
	items, err := t.cards(from, n, place, misused)
	if err != nil {
		return err
	}
	return t.do(ctx, &event.CaseMisuse{Case: id, Report: report, Items: items, By: duty})
}

// versions is August and September: three versions, and what they contradict.
func (t *teller) versions(ctx context.Context, id string) error {
	if err := t.until(ctx, "2013-08-09 10:00"); err != nil {
		return err
	}
	if err := t.misuse(ctx, id, "m1", 1, 200, apA, "2013-04-16"); err != nil {
		return err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	best := a.Common[0]
	t.say("knows", "ts_common", "n", best.Tokens, "of", best.Of, "place", best.Place)
	t.assume()
	t.check("ts_common", apA, string(best.Place))
	own, err := t.concentrated(ctx, id)
	if err != nil {
		return err
	}
	t.say("knows", "ts_own", "place", own.Place, "n", own.Hits, "of", own.Of, "seen", lang.Count(own.Seen), "all", lang.Count(own.All), "times", fmt.Sprintf("%.1f", own.Times()), "odds", own.OneIn)
	t.assume()
	t.check("ts_own", tsPlace+"/ap_a.cards 200", fmt.Sprint(own.Place, " ", own.Hits))
	t.check("ts_own_times", "15.1", fmt.Sprintf("%.1f", own.Times()))
	wait := &event.CaseDecision{Case: id, Subject: "publish", Choice: "not-yet", Reason: "流出範囲は数社の法人に限定", By: ciso}
	no, err := t.refused(ctx, wait)
	if err != nil {
		return err
	}
	wait.ReviewAt = t.Now().Add(72 * time.Hour).UnixNano()
	if err := t.do(ctx, wait); err != nil {
		return err
	}
	t.say("refuses", "ts_wait")
	t.check("ts_review", "review", no.Key)
	if err := t.until(ctx, "2013-08-29 10:00"); err != nil {
		return err
	}
	if err := t.windows(ctx, id); err != nil {
		return err
	}
	if no, err = t.refused(ctx, &event.CaseDecision{Case: id, Subject: "publish", Choice: "limited", Reason: "AP-A の法人だけ", ReviewAt: t.Now().Add(time.Hour).UnixNano(), By: ciso}); err != nil {
		return err
	}
	t.say("refuses", "ts_limited")
	t.check("ts_limited", "limited", no.Key)
	if err := t.until(ctx, "2013-09-12 10:00"); err != nil {
		return err
	}
	if err := t.misuse(ctx, id, "m2", 50_001, 70, "Web-B", "2013-04-20"); err != nil {
		return err
	}
	if err := t.stated(ctx, id, t.told.figure(97438), "最終報告書（第三版確定版）", "", time.Time{}, time.Time{}); err != nil {
		return err
	}
	return t.versionsChecked(ctx, id)
}

// stated records a version of the figures that a source states.
func (t *teller) stated(ctx context.Context, id string, n uint64, source, server string, from, to time.Time) error {
	b := &event.CaseScope{Case: id, Stated: source, Unit: "cards", Confirmed: 0, Reachable: n, EverHeld: max(n, 97438), Server: server, By: duty}
	if !from.IsZero() {
		b.From, b.To = from.UnixNano(), to.UnixNano()
	}
	if err := t.do(ctx, b); err != nil {
		return err
	}
	if server == "" || server == apA {
		t.say("knows", "ts_version", "version", b.Version, "n", lang.Count(n), "source", source)
	}
	return nil
}

// windows is the investigator's first report: a window for each server.
func (t *teller) windows(ctx context.Context, id string) error {
	for _, w := range []struct {
		server, from, to string
		n                uint64
		source           string
	}{
		{"Web-B", "2013-02-05 00:00", "2013-02-05 23:59", t.told.figure(2773), "最終報告書（第一版） Web-B"},
		{"Web-A", "2013-05-22 00:00", "2013-05-22 23:59", t.told.figure(2773), "最終報告書（第一版） Web-A"},
		{apA, "2013-04-24 00:00", "2013-04-30 23:59", t.told.figure(2773), "最終報告書（第一版）"},
		{"", "", "", t.told.figure(6441), "会社の判断"},
	} {
		var from, to time.Time
		if w.from != "" {
			from, to = day(w.from), day(w.to)
		}
		if err := t.stated(ctx, id, w.n, w.source, w.server, from, to); err != nil {
			return err
		}
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	var wrong []string
	misuse := int64(0)
	for _, m := range a.Marks {
		if m.Contradicted {
			wrong = append(wrong, m.Server)
			misuse = m.Misuse
		}
	}
	slices.Sort(wrong)
	t.say("knows", "ts_contradict", "misuse", event.Time(misuse).In(t.Now().Location()).Format(time.DateOnly), "servers", strings.Join(wrong, ", "))
	t.check("ts_contradict", "AP-A, Web-A", strings.Join(wrong, ", "))
	return nil
}

func (t *teller) versionsChecked(ctx context.Context, id string) error {
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	reopened := ""
	for _, d := range a.Case.Decisions {
		reopened += d.Subject + " " + d.Reopened
	}
	t.check("ts_reopened", "yes", yes(reopened == "publish scope"))
	var stated []string
	for _, s := range a.Case.Scopes {
		if n := lang.Count(s.Reachable); s.Stated != "" && !slices.Contains(stated, n) {
			stated = append(stated, n)
		}
	}
	t.check("ts_versions", "2,773 / 6,441 / 97,438", strings.Join(stated, " / "))
	tokens := map[string]bool{}
	for _, m := range a.Case.Misuse {
		tokens[m.Token] = true
	}
	t.number("ts_misused", t.told.figure(270), uint64(len(tokens)))
	if len(a.Common) == 0 {
		return errors.New("no place in common")
	}
	return nil
}
