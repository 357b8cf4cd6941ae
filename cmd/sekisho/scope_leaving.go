package main

import (
	"context"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// leaving adds to a scope result what left in its window: from the view, or from
// the ledger where that is not sure.
func (p *process) leaving(ctx context.Context, r *scope.Result) error {
	left, sure, err := p.leftBy(ctx, r.Query, leavingFrame(r))
	if err != nil || sure {
		r.Leaving = left
		return err
	}
	_, err = p.leavingProved(ctx, r)
	return err
}

func leavingFrame(r *scope.Result) scope.Frame {
	return scope.Frame{From: r.From.UnixNano(), To: r.To.UnixNano(), OpenFrom: r.Query.From.IsZero(), OpenTill: r.Query.To.IsZero()}
}

// leavingProved adds what left by the lines of the ledger, and returns the events
// that this rests on.
func (p *process) leavingProved(ctx context.Context, r *scope.Result) (used []event.Index, err error) {
	w := leavingFrame(r)
	fold := scope.NewLeavings(r.Query, w)
	first := event.Index(0)
	if !w.OpenFrom {
		if first, err = p.ledger.Since(w.From - int64(scope.Before)); err != nil {
			return nil, err
		}
	}
	err = p.ledger.Scan(ctx, first, func(i event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil || !leaves(h.Kind) {
			return err
		}
		use, err := fold.Add(line)
		if use {
			used = append(used, i)
		}
		return err
	})
	r.Leaving = fold.Result()
	return used, err
}

// leaves are the kinds that tell of what leaves, and of the cover of gates.
func leaves(k event.Kind) bool {
	switch k {
	case event.KindSourceStart, event.KindSourceStop, event.KindHeartbeat, event.KindPlacesChanged, event.KindGap, event.KindCoverage, event.KindRecordDue,
		event.KindFlow, event.KindFlowBytes, event.KindFlowEnd, event.KindLookup, event.KindExitSeen:
		return true
	}
	return false
}

// leaving shows what left.
func (s *scopeText) leaving(l *scope.Leaving) {
	if l == nil {
		return
	}
	s.line("")
	s.text("leaving_head")
	amount := func(key string, a scope.Amount) {
		s.text(key, "flows", countOf(a.Flows), "questions", countOf(a.Questions), "sent", countOf(a.Sent), "received", countOf(a.Received))
	}
	amount("leaving_named", l.Named)
	amount("leaving_other", l.Other)
	s.text("leaving_refused", "n", countOf(l.Refused))
	for i, d := range l.Destinations {
		if i == maxShown {
			s.text("scope_more", "n", len(l.Destinations)-i+l.MoreDestinations)
			break
		}
		s.text("leaving_to", "host", d.Host, "sent", countOf(d.Sent))
	}
	reporting := 0
	for _, g := range l.Gates {
		if g.Reporting {
			reporting++
		}
	}
	s.text("leaving_"+l.Verdict, "sent", countOf(l.Other.Sent), "reporting", reporting, "known", len(l.Gates))
	for _, why := range l.Because {
		switch why {
		case "uncovered":
			s.text("leaving_uncovered", "n", len(l.Uncovered))
		case "unknown exit":
			s.text("leaving_unknown_exit", "n", len(l.Exits))
		case "not watched":
			s.text("leaving_not_watched")
		case "no end":
			s.text("leaving_no_end", "n", countOf(l.Other.Open))
		}
	}
	for i, u := range l.Uncovered {
		if i == maxShown {
			s.text("scope_more", "n", len(l.Uncovered)-i)
			break
		}
		s.line("    %s – %s  %s  %s", clock(u.From), clock(u.To), u.Place, s.reason(u.Reason))
	}
}
