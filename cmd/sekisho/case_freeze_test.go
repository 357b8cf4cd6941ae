package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof"
	"sekisho/proof/scope"
)

// TestFrozenFigures: the figures of a case are those of its bundle, and the items of
// personal data are measured with them, beside those that somebody named.
func TestFrozenFigures(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.openView(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.openCases(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	at := p.now().UnixNano()
	for _, b := range []event.Body{
		&event.HoldingScan{Scan: 1, Part: 1, Parts: 1, Table: "shop/public.customers", Source: "shop.customers", From: at, To: at,
			Elements: element.MaskOf(element.Name, element.Phone), Rows: 9, Subjects: event.Set{{First: 1, Last: 9}}},
		&event.SessionOpen{Session: 1, Place: "shop", Database: "shop", User: "app", Address: "10.0.0.9"},
		&event.Crossing{Session: 1, From: at, To: at, Parts: []event.Part{{Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Phone), Class: event.Exact, Rows: 2, Subjects: event.Set{{First: 1, Last: 2}}}}},
	} {
		if _, err := p.ledger.Recorder("gate/shop-db", 0).Record(t.Context(), event.Durable, b); err != nil {
			t.Fatal(err)
		}
	}
	query, err := scope.Query{}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2 {
		b := &event.CaseScope{Case: "c1", Query: string(query), Elements: []string{"passport"}, By: "sora"}
		if err := p.freeze(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		text, err := os.Open(filepath.Join(p.caseDir(), b.Bundle))
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		info, err := text.Stat()
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := proof.ReadBundle(text, info.Size())
		if err != nil {
			t.Fatal(err)
		}
		if got := proof.ScopeDigest(bundle.Scope); got != b.Digest {
			t.Errorf("the case has %s, its bundle %s:\n%s", b.Digest, got, bundle.Scope)
		}
		if b.Confirmed != 2 || b.Reachable < 2 || !slices.Contains(b.Elements, "phone") || b.Elements[0] != "passport" {
			t.Errorf("confirmed %d, reachable %d, items %v", b.Confirmed, b.Reachable, b.Elements)
		}
		if seen[b.Bundle] {
			t.Errorf("%s is written twice", b.Bundle)
		}
		seen[b.Bundle] = true
	}
}
