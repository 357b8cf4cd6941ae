package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

const (
	someTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	otherTrace = "00000000000000000000000000000abc"
)

// TestScopeTrace asks a ledger what named a trace: what crossed beside it is
// shown, and nothing is called a bound.
func TestScopeTrace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sekisho.yaml")
	if err := os.WriteFile(file, []byte("data: ./data\nkeys: ./keys\nhub: {listen: '127.0.0.1:1'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) (int, string) {
		t.Helper()
		var out, bad bytes.Buffer
		code := run(append([]string{"-c", file}, args...), environment{stdin: strings.NewReader(""), stdout: &out, stderr: &bad,
			getenv: func(string) string { return "" }})
		return code, out.String() + bad.String()
	}
	if code, text := ask("init"); code != 0 {
		t.Fatal(text)
	}
	traceLedger(t, file)

	code, text := ask("--json", "scope", "--trace", "00-"+someTrace+"-00f067aa0ba902b7-01")
	var got traceAnswer
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 0 {
		t.Fatal(code, err, text)
	}
	web := traceSession{Session: "gate/shop-web/9", Address: "198.51.100.7", Place: "web/shop"}
	app := traceSession{Session: "gate/shop-db/5", User: "shop_app", Address: "10.0.0.2", Place: "shop"}
	batch := traceSession{Session: "gate/shop-db/6", User: "batch", Address: "10.0.0.3", Place: "shop"}
	names, mails := element.MaskOf(element.Name), element.MaskOf(element.Email)
	want := traceAnswer{
		Trace: someTrace, Label: true, Requests: 1, Shared: 1, Open: 1,
		Carried: &traceCrossed{Crossings: 2, Rows: 4, Subjects: map[string]uint64{"shop.customers": 4}, Elements: names | mails,
			Tables: []string{"shop/public.customers", "web/shop"}, Sessions: []traceSession{app, web}},
		Untraced: &traceCrossed{Crossings: 2, Rows: 13, Inexact: 1, Subjects: map[string]uint64{"shop.customers": 10}, Elements: mails,
			Tables: []string{"shop/public.customers"}, Sessions: []traceSession{batch}},
		Others: &traceCrossed{Crossings: 1, Rows: 1, Subjects: map[string]uint64{"shop.customers": 1}, Elements: names,
			Tables: []string{"shop/public.customers"}, Sessions: []traceSession{app}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(traceCrossed{}, traceSession{}), cmpopts.IgnoreFields(traceAnswer{}, "From", "To")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.From.IsZero() || !got.To.After(got.From) {
		t.Errorf("from %v to %v", got.From, got.To)
	}

	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--lang", "en", "scope", "--trace", someTrace}, 0, []string{"no bound", "Crossings that named it: 2", "without a trace: 2 crossings, 13 rows", "of other traces: 1", "sekisho scope --session gate/shop-db/5\n", "1 read that named it has"}},
		{[]string{"--lang", "ja", "scope", "--trace", someTrace}, 0, []string{"限界ではありません", "これを名乗った通過: 2", "トレースのない通過: 2、13 行", "確実に 4 人"}},
		{[]string{"--lang", "en", "scope", "--trace", strings.Repeat("d", 32)}, 0, []string{"no bound", "says nothing about what crossed"}},
		{[]string{"--lang", "en", "scope", "--trace", someTrace, "--user", "shop_app"}, 2, []string{"no question is narrowed"}},
		{[]string{"--lang", "en", "scope", "--trace", someTrace, "--from=-1h"}, 2, []string{"no question is narrowed"}},
		{[]string{"--lang", "en", "scope", "--trace", "4bf9"}, 2, []string{"is no trace id"}},
		{[]string{"--lang", "en", "scope", "--trace", someTrace, "--list"}, 2, []string{"--trace"}},
	} {
		code, text := ask(c.args...)
		if code != c.code {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, code, c.code, text)
		}
		for _, part := range c.want {
			if !strings.Contains(text, part) {
				t.Errorf("%v: no %q in\n%s", c.args, part, text)
			}
		}
	}
}

// traceLedger writes down a request and what it read, and what else crossed then,
// an hour before and an hour later.
func traceLedger(t *testing.T, file string) {
	t.Helper()
	loaded, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), ledgerConfig(loaded.Config))
	if err != nil {
		t.Fatal(err)
	}
	record := func(source event.Source, bodies ...event.Body) event.Seq {
		t.Helper()
		last, err := l.Recorder(source, 0).Record(t.Context(), event.Durable, bodies...)
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	now := time.Now()
	at := func(after time.Duration) int64 { return now.Add(after).UnixNano() }
	crossing := func(session event.Session, intent event.Seq, from time.Duration, p event.Part, traces ...string) *event.Crossing {
		return &event.Crossing{Session: session, Intent: intent, Outcome: event.OutcomeDone, From: at(from), To: at(from + time.Millisecond), Count: uint64(max(1, len(traces))), Parts: []event.Part{p}, Traces: traces}
	}
	part := func(table event.Place, m element.Mask, rows uint64, numbers ...uint32) event.Part {
		p := event.Part{Table: table, Source: "shop.customers", Elements: m, Class: event.Exact, Rows: rows, Subjects: event.SetOf(numbers)}
		if len(numbers) == 0 {
			p.Source, p.Class, p.Reason = "", event.Bounded, "predicate"
		}
		return p
	}
	names, mails := element.MaskOf(element.Name), element.MaskOf(element.Email)
	record("gate/shop-web", &event.SessionOpen{Session: 9, Place: "web/shop", Address: "198.51.100.7"},
		&event.Exchange{ID: "e1", Place: "web/shop", Host: "shop.example.jp", Method: "GET", Route: "/bookings/:x", Protocol: "HTTP/1.1", Trace: someTrace},
		&event.Exchange{ID: "e2", Place: "web/shop", Host: "shop.example.jp", Method: "GET", Route: "/", Protocol: "HTTP/1.1", Trace: otherTrace})
	record("gate/shop-db", &event.SessionOpen{Session: 5, Place: "shop", User: "shop_app", Address: "10.0.0.2"}, &event.SessionOpen{Session: 6, Place: "shop", User: "batch", Address: "10.0.0.3"})
	read := record("gate/shop-db", &event.Intent{Session: 5, From: at(0), Trace: someTrace})
	record("gate/shop-db", crossing(5, read, 0, part("shop/public.customers", mails, 1, 4), someTrace, otherTrace),
		&event.Intent{Session: 5, From: at(0), Trace: someTrace}, // the gate was killed
		crossing(5, 0, 0, part("shop/public.customers", names, 1, 20), otherTrace),
		crossing(6, 0, 0, part("shop/public.customers", mails, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)),
		crossing(6, 0, 0, part("shop/public.customers", mails, 3)),
		crossing(6, 0, -time.Hour, part("shop/public.customers", mails, 1, 30)),
		crossing(6, 0, time.Hour, part("shop/public.customers", mails, 1, 31)))
	record("gate/shop-web", crossing(9, 0, 0, part("web/shop", names, 3, 1, 2, 3), someTrace), &event.ExchangeEnd{ID: "e1", Status: 200, Outcome: "done"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
