package revproxy

import (
	"context"
	"slices"
	"time"

	"sekisho/internal/event"
)

// gap is a time in which exchanges passed unrecorded, which is still to be told.
type gap struct {
	from     time.Time     // zero: there is none
	places   []event.Place // of the settings under which something was not recorded
	failures uint64        // what was not recorded, ever
}

// record writes events of an exchange, under the settings that it began with.
func (x *exchange) record(ctx context.Context, bodies ...event.Body) bool {
	_, ok := x.recorded(ctx, bodies...)
	return ok
}

// recorded is record, and returns the number of the first of the events.
func (x *exchange) recorded(ctx context.Context, bodies ...event.Body) (event.Seq, bool) {
	if x.now == nil {
		return x.gate.recorded(ctx, x.gate.now.Load(), bodies)
	}
	return x.gate.recorded(ctx, x.now, bodies)
}

// record writes events that are of no exchange.
func (g *Gate) record(ctx context.Context, bodies ...event.Body) bool {
	_, ok := g.recorded(ctx, g.now.Load(), bodies)
	return ok
}

// recorded writes events before what they tell is done, as settings say. False:
// refuse. That a client leaves in the meantime stops no recording. A gap is told
// before them; it is of the places of all settings under which something was not
// recorded, since those that are in force now may be others.
func (g *Gate) recorded(ctx context.Context, s *inForce, bodies []event.Body) (event.Seq, bool) {
	g.mu.Lock()
	gap := g.gap
	g.mu.Unlock()
	to := time.Now()
	before := event.Seq(0)
	if !gap.from.IsZero() {
		before = 1
		bodies = append([]event.Body{&event.Gap{From: gap.from.UnixNano(), To: to.UnixNano(), Places: gap.places, Reason: "recorder failed, fail mode open"}}, bodies...)
	}
	if len(bodies) == 0 {
		return 0, true
	}
	level := event.Written
	if s.Strict {
		level = event.Durable
	}
	first, err := g.cfg.Recorder.Record(context.WithoutCancel(ctx), level, bodies...)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil && !gap.from.IsZero() && g.gap.failures == gap.failures:
		g.gap.from, g.gap.places = time.Time{}, nil
	case err == nil && !gap.from.IsZero() && gap.from.Equal(g.gap.from):
		g.gap.from = to // another one failed meanwhile: what came since is still to be told
	case err != nil && s.FailOpen:
		g.gap.failures++
		if g.gap.from.IsZero() {
			g.gap.from = to
			g.cfg.Log.Error("exchanges pass unrecorded", "code", "SK3406", "error", err)
		}
		g.gap.places = joint(g.gap.places, s.places())
	}
	return first + before, err == nil || s.FailOpen
}

// joint returns the places of both, each once. It changes neither.
func joint(a, b []event.Place) []event.Place {
	for _, p := range b {
		if !slices.Contains(a, p) {
			a = append(slices.Clip(a), p)
		}
	}
	return a
}
