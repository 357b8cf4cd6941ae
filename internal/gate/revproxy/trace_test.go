package revproxy

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/traceparent"
)

// A request is part of the trace that it names, or begins one; the upstream and
// the record are told the same.
func TestTrace(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, c := range []struct {
		name  string
		given []string
		keeps bool
	}{
		{"none", nil, false},
		{"one", []string{"00-" + id + "-00f067aa0ba902b7-01"}, true},
		{"of a later version", []string{"01-" + id + "-00f067aa0ba902b7-01-more"}, true},
		{"too long", []string{"00-" + id + "-00f067aa0ba902b7-01-more"}, false},
		{"nothing but zeros", []string{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, false},
		{"upper case", []string{"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01"}, false},
		{"no version", []string{"ff-" + id + "-00f067aa0ba902b7-01"}, false},
		{"two", []string{"00-" + id + "-00f067aa0ba902b7-01", "00-" + id + "-00f067aa0ba902b7-01"}, false},
	} {
		var got []string
		w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header["Traceparent"] }, func(c *Config) { c.Hosts[0].Firewall = Off })
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Traceparent"] = c.given
		if status, _, err := w.send(t, r); err != nil || status != 200 {
			t.Fatalf("%s: %d, %v", c.name, status, err)
		}
		if len(got) != 1 {
			t.Errorf("%s: the upstream saw %q", c.name, got)
			continue
		}
		seen := traceparent.Of(got[0]).String()
		if seen == "" || (seen == id) != c.keeps || c.keeps && got[0] != c.given[0] {
			t.Errorf("%s: the upstream saw %q", c.name, got)
		}
		if begun := eventtest.Of[*event.Exchange](w.rec); len(begun) != 1 || begun[0].Trace != seen {
			t.Errorf("%s: recorded %+v, want trace %s", c.name, begun, seen)
		}
	}
}

// What a response shows, and what may be in a stream, names the trace of its request.
func TestCrossingsNameTheTrace(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		kind := "text/html; charset=utf-8"
		if r.URL.Path == "/stream" {
			kind = "text/event-stream"
		}
		rw.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(rw, mail(1)+"\n")
	}, withPersons(Persons{}))
	for _, path := range []string{"/page", "/stream"} {
		if status, _, err := w.get(t, path); err != nil || status != 200 {
			t.Fatalf("%s: %d, %v", path, status, err)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	requests, crossings, intents := eventtest.Of[*event.Exchange](w.rec), eventtest.Of[*event.Crossing](w.rec), eventtest.Of[*event.Intent](w.rec)
	if len(requests) != 2 || len(crossings) != 2 || len(intents) != 1 {
		t.Fatalf("%d requests, %d crossings, %d intents", len(requests), len(crossings), len(intents))
	}
	for i, c := range crossings {
		if !slices.Equal(c.Traces, []string{requests[i].Trace}) {
			t.Errorf("crossing %d names %q, its request %s", i, c.Traces, requests[i].Trace)
		}
	}
	if intents[0].Trace != requests[1].Trace {
		t.Errorf("the intent names %q, its request %s", intents[0].Trace, requests[1].Trace)
	}
}
