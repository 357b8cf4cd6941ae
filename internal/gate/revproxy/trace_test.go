package revproxy

import (
	"net/http"
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
