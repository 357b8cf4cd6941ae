package story

import (
	"context"
	"fmt"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

// sum64 stands for the digest of something that the story does not hold.
var sum64 = strings.Repeat("0a", 32)

// testCard is the number that card brands publish for tests.
const testCard = "4111111111111111"

// duties are the days of the clocks that a notice of card misuse starts.
type duties struct{ acquirer, visa, accounts, pfi, prelim, final string }

func (t *teller) duties(ctx context.Context, id string) (d duties, err error) {
	for rule, out := range map[string]*string{"jp.card.acquirer": &d.acquirer, "card.visa.report": &d.visa, "card.visa.accounts": &d.accounts,
		"card.pfi": &d.pfi, "jp.appi.prelim": &d.prelim, "jp.appi.final60": &d.final} {
		k, err := t.clock(ctx, id, rule)
		if err != nil {
			return d, err
		}
		*out = k.Day
	}
	return d, nil
}

// due returns when a task of a case must be done.
func (t *teller) due(ctx context.Context, id, task string) (string, error) {
	a, err := t.Case(ctx, id)
	if err != nil {
		return "", err
	}
	for _, k := range a.Case.Tasks {
		if k.ID == task {
			return stamp(event.Time(k.Due)), nil
		}
	}
	return "", fmt.Errorf("case %s has no task %s", id, task)
}

// tellHawaiians is the shop of Spa Resort Hawaiians, 2017.
func tellHawaiians(ctx context.Context, t *teller) error {
	const host, place = "lb-1", "mall"
	cards := t.told.figure(6860)
	status, code, err := t.Web(ctx, "POST", "/order", "name=x&card="+testCard)
	if err != nil {
		return err
	}
	t.say("blocks", "hw_card", "code", code)
	t.check("hw_card", "403 SK3402", fmt.Sprint(status, " ", code))
	if status, code, err = t.Web(ctx, "GET", "/", ""); err != nil {
		return err
	}
	t.say("knows", "hw_page", "status", status)
	t.check("hw_page", "200 ", fmt.Sprint(status, " ", code))
	if err := t.checkout(ctx); err != nil {
		return err
	}
	if err := t.holds(ctx, place+"/orders.cards", 1, uint32(cards), element.Name, element.Address, element.CardPAN, element.CardExpiry, element.CardCVV); err != nil {
		return err
	}

	// 25 May: the payment provider calls.
	if err := t.until(ctx, "2017-05-25 10:00"); err != nil {
		return err
	}
	notice := t.Now()
	id, err := t.Do(ctx, &event.CaseSign{Class: "card-misuse", Channel: "psp", Title: "カード情報流出の可能性の指摘", Hosts: []string{host}, Places: []event.Place{place},
		KnownAt: notice.UnixNano(), KnownBy: "決済代行会社", By: duty})
	if err != nil {
		return err
	}
	t.say("raises", "hw_notice", "at", stamp(notice))
	t.assume()
	t.saysCalled("hw_ciso", "called_ciso", "ciso", "tell:", notice, "2017-05-25 10:00")
	d, err := t.duties(ctx, id)
	if err != nil {
		return err
	}
	stop, err := t.due(ctx, id, "stop-payment")
	if err != nil {
		return err
	}
	t.say("knows", "hw_tasks", "stop", stop, "acquirer", d.acquirer, "visa", d.visa, "accounts", d.accounts, "pfi", d.pfi, "prelim", d.prelim, "final", d.final)
	t.check("hw_stop", "2017-05-25 11:00", stop)
	t.check("hw_acquirer", "2017-05-25", d.acquirer)
	t.check("hw_visa", "2017-05-30", d.visa)
	t.check("hw_accounts", "2017-06-08", d.accounts)
	t.check("hw_prelim", "2017-05-29", d.prelim)
	t.check("hw_final", "2017-07-24", d.final)
	if err := t.until(ctx, "2017-05-25 10:20"); err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseNotice{Case: id, Key: "open:0", To: duty}, &event.CaseAction{Case: id, Action: "stop", Do: "stop-payment", Target: place, By: duty},
		&event.CaseTask{Case: id, Task: "stop-payment", Step: "done", By: duty}); err != nil {
		return err
	}
	t.say("blocks", "hw_stopped")
	s, err := t.measure(ctx, id, scope.Query{Places: []string{place}, From: day("2017-02-10 00:00"), To: t.Now()}, "", "name", "address", "card.pan", "card.expiry", "card.cvv")
	if err != nil {
		return err
	}
	t.say("knows", "hw_scope", "held", lang.Count(s.EverHeld), "reachable", lang.Count(s.Reachable), "days", days("2017-05-25", "2017-06-30"))
	t.number("hw_held", cards, s.EverHeld)
	ready := true
	for _, kind := range []string{"persons", "web"} {
		doc, err := t.Draft(ctx, id, kind)
		if err != nil {
			return err
		}
		ready = ready && len(doc.Marked) == 0 && len(doc.Parts) > 0
	}
	t.check("hw_ready", "yes", yes(ready))
	no, err := t.refused(ctx, &event.CaseAction{Case: id, Action: "new-lb", Do: "rebuild", Target: host, By: csirt})
	if err != nil {
		return err
	}
	t.say("refuses", "hw_rebuild")
	t.check("hw_rebuild", "preserve_first", no.Key)
	return t.hawaiiansReports(ctx, id, cards)
}

// hawaiiansReports is 26 May and July: what goes out.
func (t *teller) hawaiiansReports(ctx context.Context, id string, cards uint64) error {
	if err := t.until(ctx, "2017-05-26 10:00"); err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseDraft{Case: id, Draft: "ppc-prelim", Step: "write", Lang: "ja", By: deputy}); err != nil {
		return err
	}
	d, err := t.Draft(ctx, id, "ppc-prelim")
	if err != nil {
		return err
	}
	no, err := t.refused(ctx, &event.CaseDraft{Case: id, Draft: "ppc-prelim", Step: "release", SHA256: d.SHA256, By: deputy})
	if err != nil {
		return err
	}
	t.check("hw_same", "draft_second", no.Key)
	d, err = t.release(ctx, id, "ppc-prelim", nil)
	if err != nil {
		return err
	}
	if err := t.do(ctx, &event.CaseClock{Case: id, Rule: "jp.appi.prelim", Step: "receipt", Number: "7", SHA256: d.SHA256, At: t.Now().UnixNano(), By: duty}); err != nil {
		return err
	}
	t.say("drafts", "hw_release", "n", lang.Count(cards))
	k, err := t.clock(ctx, id, "jp.appi.prelim")
	if err != nil {
		return err
	}
	t.check("hw_ended", "receipt 7", k.Ended)
	acquirer, err := t.Draft(ctx, id, "acquirer")
	if err != nil {
		return err
	}
	t.say("drafts", "hw_acquirer")
	t.check("hw_number", "yes", yes(strings.Contains(acquirer.Text(id), lang.Count(cards))))
	if err := t.until(ctx, "2017-07-12 10:00"); err != nil {
		return err
	}
	t.say("drafts", "hw_public", "days", days("2017-05-25", "2017-07-12"))
	return nil
}
