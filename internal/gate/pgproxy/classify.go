package pgproxy

import (
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/wire/pgwire"
)

// sampledRows is how many rows of a bounded bucket, or of a plan over
// relations nobody classified, are looked into: content names elements, it
// never narrows anything and never makes a row exact.
const sampledRows = 50

// sample looks into a row that no lineage explains.
func (e *engine) sample(x *execution, body []byte) {
	p := x.plan
	switch {
	case p.opaque != "":
		if t := &x.slot.sampled; *t < sampledRows {
			*t++
			x.slot.seen |= e.contents(body)
		}
	case p.analysis != nil && len(p.analysis.Unclassified) > 0:
		if p.sampled.Load() < sampledRows {
			p.sampled.Add(1)
			if m := e.contents(body); m != 0 {
				e.submitFinding("SK3107", "a relation that nobody classified holds personal data", p.analysis.Unclassified[0], m.String())
			}
		}
	}
}

// contents classifies every value of a row.
func (e *engine) contents(body []byte) (m element.Mask) {
	values, ok := pgwire.Row(body).Values(e.values[:0])
	e.values = values[:0]
	if !ok {
		return 0
	}
	for _, v := range values {
		if len(v) > 0 {
			m |= e.g.Classifier(v)
		}
	}
	clear(values)
	return m
}

// classifies says that rows of p are looked into.
func (g *shared) classifies(p *plan) bool {
	return g.Classifier != nil && !g.switches.NoClassifier && p != nil &&
		(p.opaque != "" || p.analysis != nil && len(p.analysis.Unclassified) > 0)
}

// noteUnclassified records, once a gate and relation, that statements read
// what nobody classified.
func (e *engine) noteUnclassified(p *plan) {
	if p == nil || p.analysis == nil || len(p.analysis.Unclassified) == 0 || p.noted.Swap(true) {
		return
	}
	for _, place := range p.analysis.Unclassified {
		e.submitFinding("SK3108", "statements read a relation that nobody classified", place, "")
	}
}

// submitFinding records a finding about a place, once for each gate.
func (e *engine) submitFinding(code, title string, place event.Place, detail string) {
	if e.g.firstFinding(0, code, title+"\x00"+string(place)+"\x00"+detail) {
		e.submit(&event.Finding{Code: code, Title: title, Place: place, Detail: detail})
	}
}
