package disclosure_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/internal/view/viewtest"
)

func openIn(ctx context.Context, dir string) (view.Fold, error) {
	return disclosure.Open(ctx, disclosure.Config{Path: filepath.Join(dir, "disclosure.db")})
}

// TestView runs the suite over a ledger with every kind of event, over two
// days, so that blocks are summed up and summed up again.
func TestView(t *testing.T) {
	var l viewtest.Ledger
	hour := int64(3600e9)
	at, seq := int64(490_000)*hour, event.Seq(0)
	add := func(step int64, src event.Source, b event.Body) event.Seq {
		at += step
		seq++
		l.Add(src, seq, at, 1e6, b)
		return seq
	}
	table := event.Place("shop/public.customers")
	part := func(class event.Class, set event.Set) event.Part {
		return event.Part{Table: table, Source: "shop.customers", Elements: element.MaskOf(element.Name, element.Email), Class: class, Rows: 3, Subjects: set}
	}
	add(0, "gate/shop", &event.SourceStart{Start: 1, Places: []event.Place{"shop"}})
	add(1e9, "scan/shop", &event.HoldingScan{Scan: 1, Part: 1, Parts: 1, Table: table, Source: "shop.customers",
		Elements: element.MaskOf(element.Name), From: at - 5e8, To: at, Rows: 50, Subjects: event.Set{{First: 0, Last: 49}}})
	for session := event.Session(1); session <= 3; session++ {
		add(1e9, "gate/shop", &event.SessionOpen{Session: session, Place: "shop", User: "app", Address: fmt.Sprintf("10.0.0.%d", session), Label: "web"})
		add(1e6, "gate/shop", &event.Statement{Statement: 7, Text: "SELECT $1"})
		intent := add(1e6, "gate/shop", &event.Intent{Session: session, Statement: 7, From: at, Parts: []event.Part{part(event.Exact, nil)}})
		add(1e8, "gate/shop", &event.Crossing{Session: session, Statement: 7, Intent: intent, Outcome: event.OutcomeDone, From: at - 1e8, To: at, Count: 1,
			Parts: []event.Part{part(event.Exact, event.Set{{First: uint32(session), Last: uint32(session) + 3}}), part(event.Bounded, nil)}})
		add(7*hour, "gate/shop", &event.Heartbeat{Places: []event.Place{"shop"}})
	}
	add(1e9, "gate/shop", &event.HoldingChange{Table: table, Source: "shop.customers", Op: "insert", Rows: 1, Subjects: event.Set{{First: 50, Last: 50}}})
	add(1e9, "gate/shop", &event.Taint{Table: "shop/public.copy", From: []event.Place{table}, Source: "shop.customers", Elements: element.MaskOf(element.Email), Reason: "insert select"})
	add(1e9, "gate/shop", &event.Taint{Table: "shop", From: []event.Place{"shop"}, Elements: element.MaskOf(element.Email), Reason: "code"})
	add(1e9, "gate/shop", &event.Intent{Session: 2, Statement: 7, From: at, Parts: []event.Part{part(event.Aggregate, nil)}})
	add(1e9, "gate/shop", &event.SessionClose{Session: 1})
	add(1e9, "gate/shop", &event.Gap{From: at - 1e9, To: at, Places: []event.Place{"shop"}, Reason: "disk"})
	add(1e9, "scan/shop", &event.Coverage{From: at - 1e9, To: at, Places: []event.Place{"shop"}, Reason: "sessions"})
	add(1e9, "person/ayame", &event.Bypass{Places: []event.Place{"shop"}, Open: true, By: "ayame"})
	add(1e9, "person/ayame", &event.Bypass{Places: []event.Place{"shop"}, By: "ayame"})
	add(1e9, "gate/shop", &event.Cleared{Places: []event.Place{"shop"}, By: "ayame", Reason: "read"})
	add(40*hour, "gate/shop", &event.SourceStart{Start: 2, Places: []event.Place{"shop"}})
	// Late: into a day that was summed up, and by a session not announced yet.
	late := at - 41*hour
	add(1e9, "gate/shop", &event.Crossing{Session: 9, Statement: 7, Outcome: event.OutcomeDone, From: late, To: late + 2*hour, Count: 1,
		Parts: []event.Part{part(event.Exact, event.Set{{First: 30, Last: 31}})}})
	add(1e9, "gate/shop", &event.SessionOpen{Session: 9, Place: "shop", User: "root", Address: "10.0.0.9"})
	add(1e9, "gate/shop", &event.KeyDestroyed{KeyID: "default/dictionary-1-00000000", By: "ayame", Reason: "retention"})
	add(1e9, "gate/shop", &event.Decision{Action: "refuse"})
	add(1e9, "gate/shop", &event.SourceStop{})
	viewtest.Run(t, openIn, l)
}
