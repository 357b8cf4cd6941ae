package story

import (
	"context"
	"fmt"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

const (
	clubGets = "clubgets"
	intruder = "203.0.113.9" // RFC 5737: documentation
)

// injections are spellings of one attack; the web gate must know them all.
var injections = []string{
	"/tour?id=1%27+UNION+SELECT+name,card+FROM+notes--", "/tour?id=1%27+OR+%271%27=%271", "/tour?id=1;DROP+TABLE+notes--",
	"/tour?id=1%27/**/UNION/**/SELECT/**/1,2,3--", "/tour?id=-1+UNION+ALL+SELECT+null,concat(card,0x3a,name)+FROM+notes--",
}

// The 2,900 of January: a hundred on each of its last 29 days.
const (
	injectedDays  = 29
	injectedDaily = 100
)

// tellSapporo is Club Gets, 2015-16.
func tellSapporo(ctx context.Context, t *teller) error {
	status, code, err := t.Web(ctx, "POST", "/note", "note=カード+"+testCard)
	if err != nil {
		return err
	}
	t.say("blocks", "sp_note", "code", code)
	t.assume()
	t.check("sp_note", "403 SK3402", fmt.Sprint(status, " ", code))
	if err := t.noted(ctx); err != nil {
		return err
	}
	if err := t.january(ctx); err != nil {
		return err
	}
	id, err := t.cardNotice(ctx)
	if err != nil {
		return err
	}
	if err := t.commonPlace(ctx, id); err != nil {
		return err
	}
	if err := t.reportChecked(ctx, id); err != nil {
		return err
	}
	if err := t.until(ctx, "2016-06-16 10:00"); err != nil {
		return err
	}
	t.conflicts("sp", 1)
	return nil
}

// january is the attack: the web gate refuses every request, and the refusals
// of the first day open a candidate.
func (t *teller) january(ctx context.Context) error {
	first, refused := day("2016-01-03 12:00"), 0
	if err := t.Until(ctx, first); err != nil {
		return err
	}
	err := t.injected(ctx, &refused)
	if err != nil {
		return err
	}
	t.say("blocks", "sp_sqli_first", "n", refused)
	lines, err := t.Open(ctx)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		t.check("sp_candidate", "web-injection", "-")
		return nil
	}
	t.say("raises", "sp_candidate")
	t.check("sp_candidate", "web-injection 2016-01-03", lines[0].Class+" "+stamp(event.Time(lines[0].Opened))[:10])
	if err := t.ownCopy(ctx); err != nil {
		return err
	}
	for i := 1; i < injectedDays; i++ {
		if err := t.Until(ctx, first.AddDate(0, 0, i)); err != nil {
			return err
		}
		if err := t.injected(ctx, &refused); err != nil {
			return err
		}
	}
	t.say("blocks", "sp_sqli", "n", lang.Count(uint64(refused)), "of", lang.Count(t.told.figure(2900)))
	t.number("sp_sqli", t.told.figure(2900), uint64(refused))
	if err := t.until(ctx, "2016-02-01 10:00"); err != nil {
		return err
	}
	if err := t.finish(ctx, lines[0].ID, "web-1", "", "拒んだ要求だけで、データは出ていない"); err != nil {
		return err
	}
	t.say("knows", "sp_closed")
	t.assume()
	return nil
}

// injected is a day of it.
func (t *teller) injected(ctx context.Context, refused *int) error {
	for i := range injectedDaily {
		status, code, err := t.Web(ctx, "GET", injections[i%len(injections)], "")
		if err != nil {
			return err
		}
		if status == 403 && code == "SK3401" {
			*refused++
		}
	}
	return t.Kept(ctx)
}

// ownCopy is what a database gate would have written: an hour of signs of life
// and one session that reads the operators' notes.
func (t *teller) ownCopy(ctx context.Context) error {
	records, notes := t.told.figure(2519), t.told.figure(203)
	first, err := t.Customers(ctx, officeSource, int(records))
	if err != nil {
		return err
	}
	lastNote := first + uint32(notes) - 1
	if err := t.holds(ctx, clubGets+"/payments", first, first+uint32(records)-1, element.Name, element.Address, element.Phone, element.Payment); err != nil {
		return err
	}
	if err := t.holds(ctx, clubGets+"/notes", first, lastNote, element.Note, element.CardPAN); err != nil {
		return err
	}
	const gate, session, shop = "gate/clubgets-db", event.Session(7), event.Session(8)
	if err := t.until(ctx, "2016-01-04 02:00"); err != nil {
		return err
	}
	begin := t.Now()
	start := []event.Body{&event.SourceStart{Start: 1, Version: "1", Places: []event.Place{clubGets}, Mode: "observe"},
		&event.SessionOpen{Session: session, Place: clubGets, Database: "clubgets", User: "web", Address: intruder},
		&event.SessionOpen{Session: shop, Place: clubGets, Database: "clubgets", User: "web", Address: "192.0.2.20"}}
	if err := t.Observe(ctx, gate, start...); err != nil {
		return err
	}
	for i := range 24 { // two minutes, a sign of life every five seconds
		if err := t.Until(ctx, begin.Add(time.Duration(i+1)*5*time.Second)); err != nil {
			return err
		}
		if err := t.Observe(ctx, gate, &event.Heartbeat{Places: []event.Place{clubGets}, Sessions: 1}); err != nil {
			return err
		}
		daily := first + uint32(i)*97%uint32(records) // the shop's own work: one customer, now and then
		if err := t.notes(ctx, gate, shop, daily, daily); err != nil {
			return err
		}
		if i == 12 {
			if err := t.notes(ctx, gate, session, first, lastNote); err != nil {
				return err
			}
		}
	}
	if err := t.Observe(ctx, gate, &event.SessionClose{Session: session, Rows: notes}, &event.SourceStop{Reason: "stop"}); err != nil {
		return err
	}
	t.say("knows", "sp_copy")
	t.assume()
	return t.watched(ctx)
}

// notes records that a session read the operators' notes on some customers.
func (t *teller) notes(ctx context.Context, gate event.Source, session event.Session, first, last uint32) error {
	at, n := t.Now().UnixNano(), uint64(last-first)+1
	part := event.Part{Table: clubGets + "/notes", Source: officeSource, Elements: element.MaskOf(element.Note, element.CardPAN), Class: event.Exact, Rows: n,
		Subjects: event.Set{{First: first, Last: last}}}
	return t.Observe(ctx, gate, &event.Crossing{Session: session, Statement: 1, Outcome: event.OutcomeDone, From: at, To: at, Count: 1, Parts: []event.Part{part}})
}

// cardNotice is 2 March 2016.
func (t *teller) cardNotice(ctx context.Context) (string, error) {
	if err := t.until(ctx, "2016-03-02 10:00"); err != nil {
		return "", err
	}
	notice := t.Now()
	id, err := t.Do(ctx, &event.CaseSign{Class: "card-misuse", Channel: "card-company", Title: "カード不正利用の可能性の知らせ", Hosts: []string{"web-1"}, Places: []event.Place{clubGets},
		KnownAt: notice.UnixNano(), KnownBy: "カード会社", By: duty})
	if err != nil {
		return "", err
	}
	d, err := t.duties(ctx, id)
	if err != nil {
		return "", err
	}
	stop, err := t.due(ctx, id, "stop-payment")
	if err != nil {
		return "", err
	}
	t.say("raises", "sp_notice", "stop", stop, "acquirer", d.acquirer, "visa", d.visa, "accounts", d.accounts, "pfi", d.pfi, "prelim", d.prelim)
	t.assume()
	t.saysCalled("sp_ciso", "called_ciso", "ciso", "tell:", notice, "2016-03-02 10:00")
	t.check("sp_stop", "2016-03-02 11:00", stop)
	t.check("sp_pfi", "2016-03-09", d.pfi)
	t.check("sp_prelim", "2016-03-06", d.prelim)

	q := scope.Query{Places: []string{clubGets}, Addresses: []string{intruder}, From: day("2016-01-04 02:00").Add(10 * time.Second), To: day("2016-01-04 02:00").Add(100 * time.Second)}
	s, err := t.measure(ctx, id, q, "", "note", "card.pan")
	if err != nil {
		return "", err
	}
	n, err := t.Bundle(ctx, q)
	if err != nil {
		return "", err
	}
	t.say("knows", "sp_bundle", "confirmed", lang.Count(s.Confirmed), "reachable", lang.Count(s.Reachable), "held", lang.Count(s.EverHeld))
	t.assume()
	t.number("sp_confirmed", t.told.figure(203), s.Confirmed)
	t.number("sp_reachable", t.told.figure(203), s.Reachable)
	t.number("sp_held", t.told.figure(2519), s.EverHeld)
	t.check("sp_bundle", "yes", yes(n > 0))
	no, err := t.refused(ctx, &event.CaseAction{Case: id, Action: "fix", Do: "rebuild", Target: "web-1", By: csirt})
	if err != nil {
		return "", err
	}
	if err := t.do(ctx, &event.CaseMove{Case: id, To: casefile.Incident, Reason: "カード会社の知らせ", By: duty}); err != nil {
		return "", err
	}
	t.say("refuses", "sp_rebuild")
	t.check("sp_rebuild", "preserve_first", no.Key)
	return id, nil
}

// commonPlace is what a list of misused cards tells.
func (t *teller) commonPlace(ctx context.Context, id string) error {
	if err := t.until(ctx, "2016-03-04 10:00"); err != nil {
		return err
	}
	var items []event.Misuse
	from, to := day("2015-10-01 00:00"), day("2015-12-28 00:00")
	for i := range 40 { // of 36 of whom operators had written notes
		customer := 1 + 5*i
		if i%10 == 0 {
			customer = 1000 + i
		}
		token, err := t.Token(customer)
		if err != nil {
			return err
		}
		used := from.AddDate(0, 0, i*int(to.Sub(from).Hours()/24)/39)
		items = append(items, event.Misuse{Token: token, At: later(used.AddDate(0, 0, 5), day("2016-01-20 00:00")).UnixNano(),
			Uses: []event.Usage{{Place: clubGets, At: used.UnixNano()}, {Place: event.Place(fmt.Sprintf("shop-%d", i%7)), At: used.AddDate(0, -1, 0).UnixNano()}}})
	}
	if err := t.do(ctx, &event.CaseMisuse{Case: id, Report: "m1", Items: items, By: duty}); err != nil {
		return err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	c := a.Common[0]
	first, last := stamp(event.Time(c.From))[:10], stamp(event.Time(c.To))[:10]
	t.say("knows", "sp_common", "place", c.Place, "n", c.Tokens, "of", c.Of, "from", first, "to", last)
	t.assume()
	t.check("sp_common", clubGets, string(c.Place))
	t.check("sp_window", "2015-10-01 2015-12-28", first+" "+last)
	return t.ownRecords(ctx, id)
}

// ownRecords asks the same of our own ledger: which reading, by whom and when.
func (t *teller) ownRecords(ctx context.Context, id string) error {
	best, err := t.concentrated(ctx, id)
	if err != nil {
		return err
	}
	t.say("knows", "sp_own", "place", best.Place, "client", best.User+"@"+best.Address, "at", stamp(event.Time(best.From)), "n", best.Hits, "of", best.Of,
		"seen", best.Seen, "times", fmt.Sprintf("%.1f", best.Times()), "odds", best.OneIn)
	t.assume()
	t.check("sp_own", "web@"+intruder, best.User+"@"+best.Address)
	t.check("sp_own_window", "2016-01-04 02:01", stamp(event.Time(best.From)))
	t.check("sp_own_hits", "36 / 40", fmt.Sprint(best.Hits, " / ", best.Of))
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// reportChecked is 30 May: the report that was taken as it was.
func (t *teller) reportChecked(ctx context.Context, id string) error {
	if err := t.until(ctx, "2016-05-30 15:00"); err != nil {
		return err
	}
	answer := func(q, a string) *event.CaseReport {
		return &event.CaseReport{Case: id, Report: "pcf", Step: "answer", Question: q, Answer: a, Evidence: "中間とりまとめ", By: duty}
	}
	if err := t.do(ctx, &event.CaseReport{Case: id, Report: "pcf", Step: "load", SHA256: sum64, By: duty},
		answer("flaw", "SQLインジェクション"), answer("requests", fmt.Sprintf("2016年1月に %s 件", lang.Count(t.told.figure(2900)))),
		answer("rows", fmt.Sprintf("業務オペレータのメモ %d 件", t.told.figure(203)))); err != nil {
		return err
	}
	no, err := t.refused(ctx, &event.CaseReport{Case: id, Report: "pcf", Step: "accept", By: csirt, Second: ciso})
	if err != nil {
		return err
	}
	t.sayMissing("sp_report", "", no, "n", len(no.Missing))
	t.check("sp_accept", "report_open", no.Key)
	t.check("sp_open", "yes", yes(len(no.Missing) >= 5))
	return nil
}
