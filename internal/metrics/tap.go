package metrics

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sekisho/internal/event"
)

// tap counts what passes a recorder.
type tap struct {
	next     event.Recorder
	m        *Meter
	name     string
	gate     bool
	crossing [len(classNames) + 1]crossing // of a gate, by class; the last: others
	tables   []event.Place
}

type crossing struct{ executions, rows, unattributed prometheus.Counter }

// Recorder returns next with a count of what it takes, crossings left out. name
// is the database or the part, and must come from the configuration; tables are
// those whose readings are shown one by one (others are relations made at run
// time, whose names are not ours).
func (m *Meter) Recorder(next event.Recorder, name string, tables ...event.Place) event.Recorder {
	return &tap{next: next, m: m, name: name, tables: tables}
}

// Gate is Recorder for a gate: it counts crossings too.
func (m *Meter) Gate(next event.Recorder, name string) event.Recorder {
	t := &tap{next: next, m: m, name: name, gate: true}
	for c := range t.crossing {
		class := className(event.Class(c))
		t.crossing[c] = crossing{m.crossings.WithLabelValues(name, class), m.rows.WithLabelValues(name, class), m.unattributed.WithLabelValues(name, class)}
	}
	return t
}

// Record implements event.Recorder.
func (t *tap) Record(ctx context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	t.count(bodies) // first: bodies may be used again when they are taken
	return t.next.Record(ctx, level, bodies...)
}

// Submit implements event.Recorder.
func (t *tap) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	t.count(bodies)
	return t.next.Submit(level, done, bodies...)
}

func (t *tap) count(bodies []event.Body) {
	for _, b := range bodies {
		switch b := b.(type) {
		case *event.Crossing:
			if t.gate {
				t.crossed(b)
			}
		case *event.Decision:
			t.m.decisions.WithLabelValues(t.name, word(b.Action)).Inc()
		case *event.Flow:
			t.m.flows.WithLabelValues(t.name, word(b.Action), word(b.Step)).Inc()
		case *event.FlowEnd:
			t.m.flowEnds.WithLabelValues(t.name, word(b.Outcome)).Inc()
			t.m.flowBytes.WithLabelValues(t.name, "sent").Add(float64(b.Sent))
			t.m.flowBytes.WithLabelValues(t.name, "received").Add(float64(b.Received))
		case *event.Lookup:
			t.m.questions.WithLabelValues(t.name, word(b.Action)).Inc()
		case *event.Lookups:
			for i := range b.Items {
				t.m.questions.WithLabelValues(t.name, "memory").Add(float64(b.Items[i].Count))
			}
		case *event.Finding:
			t.m.findings.WithLabelValues(t.name, word(b.Code)).Inc()
		case *event.Gap:
			t.m.gaps.WithLabelValues(t.name).Inc()
			t.m.gapSeconds.WithLabelValues(t.name).Add(max(0, time.Duration(b.To-b.From).Seconds()))
		case *event.Coverage:
			t.m.uncovered.WithLabelValues(t.name).Inc()
		case *event.HoldingScan:
			t.scanned(b)
		}
	}
}

// crossed counts rows by class, and the executions once for each class.
func (t *tap) crossed(c *event.Crossing) {
	seen := 0
	for i := range c.Parts {
		p := &c.Parts[i]
		class := min(int(p.Class), len(classNames))
		n := &t.crossing[class]
		n.rows.Add(float64(p.Rows))
		if p.Unknown > 0 {
			n.unattributed.Add(float64(p.Unknown))
		}
		if seen&(1<<class) == 0 {
			seen |= 1 << class
			n.executions.Add(float64(c.Count))
		}
	}
}

func (t *tap) scanned(h *event.HoldingScan) {
	if h.Part != h.Parts || !slices.Contains(t.tables, h.Table) {
		return
	}
	table := string(h.Table)
	if _, name, ok := strings.Cut(table, "/"); ok {
		table = name
	}
	t.m.scans.WithLabelValues(t.name, table).Inc()
	t.m.scanned.WithLabelValues(t.name, table).Set(float64(h.From) / 1e9)
	t.m.scannedRows.WithLabelValues(t.name, table).Set(float64(h.Rows))
}

// word keeps labels to words of ours: short, of letters, digits and dashes.
func word(s string) string {
	if len(s) == 0 || len(s) > 16 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return "other"
	}
	return s
}
