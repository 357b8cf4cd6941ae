package egress

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/event"
)

// TestHeadsLeaveToo: what a path and fields carry out is counted, and bounded,
// like a body.
func TestHeadsLeaveToo(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w := newWorld(t, strings.Replace(rules, `ports: ["1-65535"]}`, `ports: ["1-65535"], sent_per_hour: 4KiB}`, 1))
	proxy, err := url.Parse("http://" + w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: patience}
	get := func(field string) int {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://www.here.example:"+port(server.URL)+"/?d="+strings.Repeat("a", 1000), nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-More", field)
		r, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if code := get(strings.Repeat("b", 1000)); code != http.StatusNotFound {
		t.Fatalf("the first request: %d", code)
	}
	if code := get(strings.Repeat("c", 2000)); code != http.StatusForbidden {
		t.Errorf("beyond the bound: %d", code)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	sent := map[string]uint64{} // by outcome: the end of the first may come last
	for _, b := range w.rec.Bodies() {
		if e, ok := b.(*event.FlowEnd); ok {
			sent[e.Outcome] = e.Sent
		}
	}
	if n, ok := sent["limit"]; len(sent) != 2 || !ok || n != 0 || sent["done"] < 2000 || sent["done"] > 2500 {
		t.Errorf("2000 bytes left in the first head, nothing in the second: %v", sent)
	}
}
