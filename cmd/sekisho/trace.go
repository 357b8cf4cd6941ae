package main

import (
	"fmt"
	"slices"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/traceparent"
)

// trail finds the events of one trace: web requests that carried its id, what
// came of them, and database sessions and crossings whose client named it. It
// must see every event in the order of the ledger: what came of a request names
// the request only.
type trail struct {
	id        traceparent.ID
	text      string          // id as events hold it
	exchanges map[string]bool // ids of the requests
}

// newTrail makes the trail of an id or a traceparent value that a person typed.
func newTrail(text string) (*trail, error) {
	id := traceparent.Named(text)
	if id == (traceparent.ID{}) {
		return nil, fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no trace id", text), "hint", "--trace 4bf92f3577b34da6a3ce929d0e0e4736")
	}
	return &trail{id: id, text: id.String(), exchanges: map[string]bool{}}, nil
}

func (t *trail) match(b event.Body) bool {
	switch b := b.(type) {
	case *event.Exchange:
		if b.Trace != t.text {
			return false
		}
		t.exchanges[b.ID] = true
		return true
	case *event.ExchangeEnd:
		return t.exchanges[b.ID]
	case *event.Decision:
		return t.exchanges[b.ID]
	case *event.SiteLogin:
		return t.exchanges[b.Exchange]
	case *event.SessionOpen:
		return traceparent.InName(b.Label) == t.id
	case *event.Intent:
		return b.Trace == t.text
	case *event.Crossing:
		return slices.Contains(b.Traces, t.text)
	}
	return false
}
