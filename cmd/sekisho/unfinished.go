package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/policy/cut"
	"sekisho/internal/view/casefile"
)

// An act of a case that changes systems has an order, a deed and a receipt. A
// process that was killed in between left an order that nothing answered; the
// next one carries it out, or says that it is done.

// finishFor is how old an order may be that is still carried out: as long as a
// cut for a case holds before a person is asked. An older one is answered as
// failed, so that whoever ordered it decides again.
const finishFor = caseCut

// finishing finishes what an earlier process left in the middle, once.
func (p *process) finishing(ctx context.Context) error {
	if err := p.finishActs(ctx); err != nil && ctx.Err() == nil {
		p.log.Error("acts that an earlier process left unfinished", "err", err)
	}
	<-ctx.Done()
	return nil
}

func (p *process) finishActs(ctx context.Context) error {
	k := p.cases
	if err := k.desk.Settle(ctx); err != nil {
		return err
	}
	if err := p.finishTestCall(ctx); err != nil {
		return err
	}
	ids, err := k.view.Waiting(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := k.view.Case(ctx, id)
		if err != nil {
			return err
		}
		if sign := unmeasured(c, p.started.UnixNano()); sign != nil {
			if err := p.firstScope(ctx, sign); err != nil {
				return err
			}
		}
		for _, order := range unanswered(c) {
			if err := p.finish(ctx, c, &order); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishTestCall goes on with a test call that an earlier process left in the middle.
func (p *process) finishTestCall(ctx context.Context) error {
	o := p.past.testCall
	if o == nil {
		return nil
	}
	p.log.Warn("a test call that was not finished, from before the start", "by", o.By, "at", o.At, "called", len(o.Told))
	if p.started.Sub(o.At) > finishFor {
		return p.cases.desk.DropTestCall(ctx, o)
	}
	return p.cases.desk.FinishTestCall(ctx, o)
}

// unmeasured returns the sign of a case that somebody opened by the button and
// that has no figures, nil for none.
func unmeasured(c *casefile.Case, before int64) *event.CaseSign {
	if len(c.Scopes) > 0 || len(c.Signs) == 0 || c.Opened >= before || before-c.Opened > int64(24*time.Hour) || c.State == casefile.Closed {
		return nil
	}
	if i := slices.IndexFunc(c.Signs, func(s event.CaseSign) bool { return s.Channel == "button" }); i >= 0 {
		return &c.Signs[i]
	}
	return nil
}

// machine are the containing acts that the process itself carries out.
var machine = []string{"cut", "freeze", "bypass-off"}

// unanswered returns the orders of a case that have no receipt.
func unanswered(c *casefile.Case) []event.CaseAction {
	var out []event.CaseAction
	for _, a := range c.Actions {
		if !slices.Contains(machine, a.Do) {
			continue
		}
		same := func(o event.CaseAction) bool { return o.Do == a.Do && o.Target == a.Target }
		if i := slices.IndexFunc(out, same); a.Step == "receipt" && i >= 0 {
			out = slices.Delete(out, i, i+1)
		} else if a.Step == "done" {
			out = append(out, a)
		}
	}
	return out
}

// finish carries out an order or answers it.
func (p *process) finish(ctx context.Context, c *casefile.Case, order *event.CaseAction) error {
	at, known := orderedAt(c, order)
	if at >= p.started.UnixNano() {
		return nil // this process is at it
	}
	p.log.Warn("an order that nothing answered, from before the start", "case", c.ID, "do", order.Do, "at", event.Time(at))
	receipt := *order
	if cuts := p.inForce(c.ID, order); cuts != nil {
		receipt.Applied, receipt.Failed = uint64(len(cuts.Gates)-cuts.Red()), uint64(cuts.Red())
		receipt.Result = fmt.Sprintf("generation %d of cuts, in force since before a restart: %d of %d gates answered", cuts.Generation, receipt.Applied, len(cuts.Gates))
		return p.cases.desk.Receipt(ctx, &receipt)
	}
	if !known || p.started.UnixNano()-at > int64(finishFor) {
		receipt.Failed, receipt.Result = 1, "the process ended before it was done: order it again"
		return p.cases.desk.Receipt(ctx, &receipt)
	}
	return p.contain(ctx, order, &control.CaseReceipt{})
}

// orderedAt is when an order was recorded last.
func orderedAt(c *casefile.Case, order *event.CaseAction) (at int64, known bool) {
	for _, e := range c.Log {
		if e.What == "action" && len(e.Args) > 2 && e.Args[0] == order.Step && e.Args[1] == order.Do && e.Args[2] == order.Target {
			at, known = e.At, true
		}
	}
	return at, known
}

// inForce returns what is cut, where a cut of the order is in it.
func (p *process) inForce(id string, order *event.CaseAction) *control.Cuts {
	cuts, err := p.authority()
	if err != nil || order.Do == "bypass-off" {
		return nil
	}
	shown := shownCuts(cuts.Show())
	target := p.accountOf(order.Target, cuts.Show().Gates)
	for _, e := range shown.Entries {
		kind := cut.Kind(e.Kind)
		user := kind == cut.User
		if e.Case != id || user != (order.Do == "freeze") {
			continue
		}
		if e.Target == order.Target || e.Target == target || order.Target == "all" && kind == cut.All {
			return &shown
		}
	}
	return nil
}
