package metrics

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// page returns what a scrape shows, without comments.
func page(t *testing.T, m *Meter) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func wantLines(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+got, "\n"+line+"\n") {
			t.Errorf("no line %q in:\n%s", line, got)
		}
	}
}

func TestWhatIsRecordedIsCounted(t *testing.T) {
	m := New("v1")
	rec := &eventtest.Recorder{}
	gate := m.Gate(rec, "shop-db")
	scan := m.Recorder(rec, "shop", "shop/public.customers")
	at := eventtest.Start.UnixNano()
	if _, err := gate.Record(t.Context(), event.Written,
		&event.Crossing{Count: 3, Parts: []event.Part{
			{Class: event.Exact, Rows: 5, Unknown: 1}, {Class: event.Bounded, Rows: 7}, {Class: event.Exact, Rows: 2},
		}},
		&event.Decision{Action: "refuse"}, &event.Decision{Action: "refuse"}, &event.Decision{Action: "mask"},
		&event.Gap{From: at, To: at + int64(1500*time.Millisecond)},
	); err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Submit(event.Written, nil, &event.Crossing{Count: 1, Parts: []event.Part{{Class: event.Aggregate}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := scan.Record(t.Context(), event.Durable,
		&event.HoldingScan{Part: 1, Parts: 2, Table: "shop/public.customers", From: at, Rows: 9},
		&event.HoldingScan{Part: 2, Parts: 2, Table: "shop/public.customers", From: at, Rows: 9},
		&event.Coverage{}, &event.Finding{Code: "SK7301"},
	); err != nil {
		t.Fatal(err)
	}
	wantLines(t, page(t, m),
		`sekisho_crossings_total{class="exact",gate="shop-db"} 3`,
		`sekisho_crossings_total{class="bounded",gate="shop-db"} 3`,
		`sekisho_crossings_total{class="aggregate",gate="shop-db"} 1`,
		`sekisho_rows_total{class="exact",gate="shop-db"} 7`,
		`sekisho_rows_total{class="bounded",gate="shop-db"} 7`,
		`sekisho_rows_without_number_total{class="exact",gate="shop-db"} 1`,
		`sekisho_decisions_total{action="refuse",gate="shop-db"} 2`,
		`sekisho_decisions_total{action="mask",gate="shop-db"} 1`,
		`sekisho_gaps_total{source="shop-db"} 1`,
		`sekisho_gap_seconds_total{source="shop-db"} 1.5`,
		`sekisho_uncovered_intervals_total{source="shop"} 1`,
		`sekisho_findings_total{code="SK7301",source="shop"} 1`,
		`sekisho_scans_total{database="shop",table="public.customers"} 1`,
		`sekisho_scan_rows{database="shop",table="public.customers"} 9`,
		`sekisho_build_info{version="v1"} 1`,
	)
	if n := len(eventtest.Of[*event.Crossing](rec)); n != 2 {
		t.Errorf("%d crossings passed on, want 2", n)
	}
}

// Nothing that a client, a row or a statement chose becomes a label.
func TestNothingPersonalIsShown(t *testing.T) {
	const canary = "yamada.taro@example.jp"
	m := New("v1")
	r := m.Gate(&eventtest.Recorder{}, "shop-db")
	if _, err := r.Record(t.Context(), event.Written,
		&event.SessionOpen{User: canary, Label: canary, Database: canary},
		&event.Statement{Text: canary},
		&event.Crossing{Count: 1, Parts: []event.Part{{Table: canary, Source: canary, Class: 99, Reason: canary}}},
		&event.Decision{Action: canary, Rule: canary, Reason: canary, ID: canary},
		&event.Finding{Code: canary, Title: canary, Detail: canary, Place: canary},
		&event.Gap{Reason: canary, Places: []event.Place{canary}},
		&event.Coverage{Reason: canary, Places: []event.Place{canary}},
		&event.Taint{Table: canary},
		&event.Flow{ID: canary, Action: canary, Step: canary, Host: canary, Client: canary},
		&event.Flow{Action: "allow", Step: "allow", Host: canary},
		&event.FlowEnd{ID: canary, Outcome: "done", Name: canary, Sent: 70, Received: 7},
		&event.Lookup{Action: "refuse", Name: canary, Base: canary},
		&event.Lookups{Items: []event.LookupCount{{Client: canary, Name: canary, Count: 9}}},
	); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Recorder(&eventtest.Recorder{}, "shop", "shop/public.customers").Record(t.Context(), event.Durable,
		&event.HoldingScan{Part: 1, Parts: 1, Table: "shop/public." + canary}); err != nil {
		t.Fatal(err)
	}
	got := page(t, m)
	if strings.Contains(got, "yamada") {
		t.Errorf("a personal value is shown:\n%s", got)
	}
	wantLines(t, got, `sekisho_crossings_total{class="other",gate="shop-db"} 1`, `sekisho_decisions_total{action="other",gate="shop-db"} 1`,
		`sekisho_egress_flows_total{action="other",gate="shop-db",step="other"} 1`, `sekisho_egress_flows_total{action="allow",gate="shop-db",step="allow"} 1`,
		`sekisho_egress_flow_ends_total{gate="shop-db",outcome="done"} 1`, `sekisho_egress_bytes_total{direction="sent",gate="shop-db"} 70`,
		`sekisho_egress_questions_total{action="refuse",gate="shop-db"} 1`, `sekisho_egress_questions_total{action="memory",gate="shop-db"} 9`)
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := New("v1")
	value := 1.0
	m.Gauge("gate_sessions", "Open.", func() float64 { return value }, Label{"gate", "a"})
	m.Gauge("gate_sessions", "Open.", func() float64 { return 2 }, Label{"gate", "b"})
	m.Counter("ledger_events_total", "Events.", func() float64 { return 7 })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	value = 3
	code, text := get("/metrics")
	if code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	wantLines(t, text, `sekisho_gate_sessions{gate="a"} 3`, `sekisho_gate_sessions{gate="b"} 2`, `sekisho_ledger_events_total 7`)
	if code, _ := get("/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("another path answers %d, want 404", code)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}

func BenchmarkTap(b *testing.B) {
	r := New("v1").Gate(&nothing{}, "shop-db")
	c := &event.Crossing{Count: 1, Parts: []event.Part{{Class: event.Exact, Rows: 1}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Submit(event.Written, nil, c); err != nil {
			b.Fatal(err)
		}
	}
}

type nothing struct{}

func (nothing) Record(context.Context, event.Level, ...event.Body) (event.Seq, error) { return 1, nil }

func (nothing) Submit(event.Level, func(error), ...event.Body) (event.Seq, error) { return 1, nil }
