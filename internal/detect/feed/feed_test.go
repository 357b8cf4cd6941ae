package feed

import (
	"fmt"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/indicator"
)

var begin = time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)

func at(d time.Duration, body event.Body) *event.Event {
	return &event.Event{Source: "gate/x", At: begin.Add(d), Body: body}
}

func ended(id string, sent uint64) *event.FlowEnd {
	return &event.FlowEnd{ID: id, Outcome: "done", Sent: sent, Nanos: 1e9}
}

// A server that reads persons and then sends them somewhere new is raised, with
// what the gate saw; the same ledger again raises nothing more.
func TestLeakFromEvents(t *testing.T) {
	var ledger []*event.Event
	flow := func(d time.Duration, id, host string, sent uint64) {
		ledger = append(ledger, at(d, &event.Flow{ID: id, Protocol: "connect", Client: "10.0.0.5", Role: "web", Host: host, Port: 443, Action: "allow", Step: "mode"}),
			at(d+time.Second, ended(id, sent)))
	}
	flow(0, "a", "known.example", 10)
	ledger = append(ledger,
		at(30*time.Hour, &event.SessionOpen{Session: 1, Address: "10.0.0.5"}),
		at(30*time.Hour, &event.Crossing{Session: 1, To: begin.Add(30 * time.Hour).UnixNano(),
			Parts: []event.Part{{Source: "shop.customers", Class: event.Exact, Subjects: event.Set{{First: 1, Last: 7000}}}}}))
	flow(30*time.Hour+time.Minute, "b", "drop.example", 600_000)
	f := New(Config{})
	var got []*event.Detection
	for _, e := range ledger {
		got = append(got, f.Event(e)...)
	}
	what := map[string]*event.Detection{}
	for _, d := range got {
		what[d.What] = d
	}
	leak, first := what["persons-left"], what["first-contact"]
	if leak == nil || first == nil || leak.Host != "10.0.0.5" || leak.Dest != "drop.example" {
		t.Fatalf("got %v", got)
	}
	text := fmt.Sprint(leak.Features)
	if text == "" || leak.Features[0] != (event.DetectionFeature{Name: "persons_read_known", Value: "7000"}) {
		t.Errorf("features %v", leak.Features)
	}
	again := New(Config{})
	for _, d := range got {
		again.Event(at(31*time.Hour, d))
	}
	for _, e := range ledger {
		if twice := again.Event(e); len(twice) != 0 {
			t.Errorf("raised again: %v", twice)
		}
	}
}

// A destination on a list is raised when it is named, when its address is
// reached, when the tunnel names it, and when its name is asked for.
func TestListed(t *testing.T) {
	list, _, err := indicator.Read([]byte("evil.example # seen by the police\n203.0.113.0/24\n"), indicator.Options{List: "police", Until: begin.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := indicator.New(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, events := range map[string][]*event.Event{
		"name":    {at(0, &event.Flow{ID: "a", Client: "10.0.0.5", Host: "c2.evil.example", Action: "refuse"})},
		"address": {at(0, &event.Flow{ID: "a", Client: "10.0.0.5", Host: "front.example", Address: "203.0.113.7", Action: "allow"})},
		"tunnel":  {at(0, &event.Flow{ID: "a", Client: "10.0.0.5", Host: "front.example", Action: "allow"}), at(0, &event.FlowEnd{ID: "a", Name: "evil.example"})},
		"lookup":  {at(0, &event.Lookup{ID: "a", Client: "10.0.0.5", Name: ":x.evil.example", Base: "evil.example", Type: "A"})},
	} {
		f := New(Config{Lists: set})
		var got []*event.Detection
		for _, e := range events {
			got = append(got, f.Event(e)...)
		}
		if len(got) != 1 || got[0].What != Listed || got[0].Features[0].Value != "police" {
			t.Errorf("%s: %v", name, got)
		}
	}
	late := New(Config{Lists: set})
	if got := late.Event(at(2*time.Hour, &event.Flow{ID: "a", Client: "10.0.0.5", Host: "evil.example", Action: "refuse"})); len(got) != 0 {
		t.Errorf("after its end: %v", got)
	}
}

// A beacon that the gate refuses is a beacon all the same.
func TestRefusedBeacon(t *testing.T) {
	f := New(Config{Servers: []string{"web"}})
	var got []*event.Detection
	for i := range 40 {
		got = append(got, f.Event(at(time.Duration(i)*time.Minute, &event.Flow{ID: fmt.Sprint(i), Client: "10.0.0.5", Role: "web", Host: "c2.example.net", Action: "refuse", Step: "deny"}))...)
	}
	if len(got) != 1 || got[0].What != "beacon" || Code(got[0].What) != "SK3902" || !got[0].Learning {
		t.Errorf("got %v", got)
	}
}

func TestBook(t *testing.T) {
	d := &event.Detection{What: "beacon", Host: "10.0.0.5", Dest: "poll.tool.example", At: begin.UnixNano()}
	var b Book
	b.Fold(d)
	if _, ok := b.Covered(d); ok {
		t.Error("covered by nothing")
	}
	b.Fold(&event.DetectionException{ID: "x1", Step: "make", Dest: "tool.example"})
	if id, ok := b.Covered(d); !ok || id != "x1" {
		t.Error("an exception does not act backwards")
	}
	b.Fold(&event.DetectionException{ID: "x1", Step: "end"})
	if _, ok := b.Covered(d); ok {
		t.Error("an exception that was taken back covers")
	}
	if len(b.Detections) != 1 {
		t.Errorf("%d detections", len(b.Detections))
	}
}

// Two sites use the same addresses: what a host of one reads and a host of the
// other sends is nothing together.
func TestSitesApart(t *testing.T) {
	leaks := func(reads, sends event.Source, cfg Config) (all []*event.Detection) {
		f := New(cfg)
		give := func(src event.Source, d time.Duration, body event.Body) {
			for _, x := range f.Event(&event.Event{Source: src, At: begin.Add(d), Body: body}) {
				if x.What == "persons-left" {
					all = append(all, x)
				}
			}
		}
		flow := func(d time.Duration, id, host string, sent uint64) {
			give(sends, d, &event.Flow{ID: id, Protocol: "connect", Client: "10.0.0.5", Role: "web", Host: host, Port: 443, Action: "allow", Step: "mode"})
			give(sends, d+time.Second, ended(id, sent))
		}
		flow(0, "a", "known.example", 10)
		give(reads, 30*time.Hour, &event.SessionOpen{Session: 1, Address: "10.0.0.5"})
		give(reads, 30*time.Hour, &event.Crossing{Session: 1, To: begin.Add(30 * time.Hour).UnixNano(),
			Parts: []event.Part{{Source: "shop.customers", Class: event.Exact, Subjects: event.Set{{First: 1, Last: 7000}}}}})
		flow(30*time.Hour+time.Minute, "b", "drop.example", 600_000)
		return all
	}
	for _, c := range []struct {
		reads, sends event.Source
		cfg          Config
		host         string // empty: none
	}{
		{"gate/db", "gate/out", Config{}, "10.0.0.5"},
		{"gate/db@osaka", "gate/out@osaka", Config{}, "10.0.0.5@osaka"},
		{"gate/db", "gate/out@osaka", Config{}, ""},
		{"gate/db@nagoya", "gate/out@osaka", Config{}, ""},
		{"gate/db", "gate/out@osaka", Config{Site: "osaka"}, "10.0.0.5"}, // the same process, seen by itself
	} {
		got := leaks(c.reads, c.sends, c.cfg)
		if c.host == "" && len(got) == 0 || c.host != "" && len(got) == 1 && got[0].Host == c.host {
			continue
		}
		t.Errorf("read at %s, sent at %s: %v, want host %q", c.reads, c.sends, got, c.host)
	}
}

// Flows of two gates may have one id.
func TestFlowsApart(t *testing.T) {
	f := New(Config{})
	for _, src := range []event.Source{"gate/out@osaka", "gate/out@nagoya"} {
		f.Event(&event.Event{Source: src, At: begin, Body: &event.Flow{ID: "a", Client: "10.0.0.5", Host: "x.example", Action: "allow"}})
	}
	f.Event(&event.Event{Source: "gate/out@osaka", At: begin, Body: ended("a", 1)})
	if left := f.flows["gate/out@nagoya\x00a"]; len(f.flows) != 1 || left == nil || left.Host != "10.0.0.5@nagoya" {
		t.Errorf("flows under way: %v", f.flows)
	}
}

func TestExceptionOfASite(t *testing.T) {
	for _, c := range []struct {
		pattern, host string
		want          bool
	}{
		{"10.0.0.5", "10.0.0.5", true}, {"10.0.0.5", "10.0.0.5@osaka", false}, {"10.0.0.5@osaka", "10.0.0.5@osaka", true},
		{"10.0.0.0/24", "10.0.0.5@osaka", false}, {"10.0.0.0/24@osaka", "10.0.0.5@osaka", true}, {"10.0.0.0/24@osaka", "10.0.0.5@nagoya", false},
		{"", "10.0.0.5@osaka", true},
	} {
		var b Book
		b.Fold(&event.DetectionException{ID: "x1", Step: "make", Host: c.pattern, Dest: "tool.example"})
		if _, got := b.Covered(&event.Detection{What: "beacon", Host: c.host, Dest: "tool.example", At: 1}); got != c.want {
			t.Errorf("%q of %q: %t", c.pattern, c.host, got)
		}
	}
}
