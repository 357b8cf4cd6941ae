package revproxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// raisedOf are the findings about upstreams, in order.
func raisedOf(rec *eventtest.Recorder) []string {
	var all []string
	for _, f := range eventtest.Of[*event.Finding](rec) {
		if f.Code == codeUpstream {
			all = append(all, f.Title+": "+f.Detail)
		}
	}
	return all
}

// An outage under load is told when it begins, once a minute with how many requests
// failed since, and when it is over; the clock is the test's.
func TestOutageIsToldOnceAMinute(t *testing.T) {
	w := newWorld(t, nil)
	x := &exchange{gate: w.gate, host: w.gate.now.Load().all[0]}
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	refused := errors.New("dial: connection refused")
	var want []string
	check := func(what string, more ...string) {
		t.Helper()
		want = append(want, more...)
		if diff := cmp.Diff(want, raisedOf(w.rec)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
	}
	fail := func(n int, every time.Duration) {
		for range n {
			w.gate.unanswered(x, now, refused)
			now = now.Add(every)
		}
	}
	w.gate.answered(x, now)
	check("before")
	fail(5999, 10*time.Millisecond) // nearly a minute
	check("the first minute", "upstream does not answer: connection refused")
	fail(6002, 10*time.Millisecond)
	check("the next two", "upstream does not answer: connection refused, requests since the last finding: 6000",
		"upstream does not answer: connection refused, requests since the last finding: 6000")
	now = now.Add(3 * time.Minute) // nobody asks
	fail(1, 0)
	check("after a silence", "upstream does not answer: connection refused, requests since the last finding: 1")

	// One answer among failures ends nothing.
	for range 300 {
		fail(1, time.Second/2)
		w.gate.answered(x, now)
	}
	check("half of the requests fail", "upstream does not answer: connection refused, requests since the last finding: 121",
		"upstream does not answer: connection refused, requests since the last finding: 120")
	now = now.Add(calm - time.Second/2 - 1)
	w.gate.answered(x, now)
	check("not yet a minute without a failure")
	now = now.Add(1)
	w.gate.answered(x, now)
	w.gate.answered(x, now)
	check("the end", "upstream answers again: requests that failed: 12302, within 7m30s")

	// The next one begins anew.
	fail(2, time.Second)
	check("the next", "upstream does not answer: connection refused")
	now = now.Add(calm)
	w.gate.answered(x, now)
	check("its end", "upstream answers again: requests that failed: 2, within 1s")
}

// Through the gate: every request says that it failed and is counted, one finding a
// minute is raised, and its end when the server is back.
func TestOutageThroughTheGate(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			panic(http.ErrAbortHandler)
		}
	})
	const requests = 40
	begin := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range requests / 4 {
				if status, body, err := w.get(t, "/gone"); err != nil || status != http.StatusBadGateway || !strings.Contains(body, codeUpstream) {
					t.Errorf("%d %q %v, want 502 %s", status, body, err, codeUpstream)
				}
			}
		})
	}
	all.Wait()
	minutes := int(time.Since(begin) / time.Minute) // a machine that is that slow
	if n := len(raisedOf(w.rec)); n < 1 || n > 1+minutes {
		t.Errorf("%d findings for %d requests: %q", n, requests, raisedOf(w.rec))
	}
	if n := w.gate.Metrics().Failed; n != requests {
		t.Errorf("%d failed by the metrics, want %d", n, requests)
	}
	o := w.gate.now.Load().all[0].upstreams.all[0].outage
	if status, _, err := w.get(t, "/there"); err != nil || status != http.StatusOK {
		t.Errorf("%d %v", status, err)
	}
	o.mu.Lock()
	before, last := o.open.Load(), o.last
	o.last = last.Add(-calm)
	o.mu.Unlock()
	if time.Since(last) < calm && !before {
		t.Error("the first answer ends the outage")
	}
	if status, _, err := w.get(t, "/there"); err != nil || status != http.StatusOK {
		t.Errorf("%d %v", status, err)
	}
	failed := 0
	for _, e := range w.ends(t) {
		if e.Outcome == "upstream" && e.Status == http.StatusBadGateway {
			failed++
		}
	}
	if failed != requests {
		t.Errorf("%d events of failed requests, want %d", failed, requests)
	}
	got := raisedOf(w.rec)
	if end := got[len(got)-1]; !strings.HasPrefix(end, fmt.Sprintf("upstream answers again: requests that failed: %d, within ", requests)) {
		t.Errorf("raised %q", got)
	}
}

// Each server of a site has outages of its own, which other settings do not end.
func TestOutageOfOneServer(t *testing.T) {
	one, two := newServer(t, "one"), newServer(t, "two")
	w := newWorld(t, nil, behind(one, two))
	x := func(i int) *exchange {
		h := w.gate.now.Load().all[0]
		return &exchange{gate: w.gate, host: h, sentTo: h.upstreams.all[i]}
	}
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	w.gate.unanswered(x(1), now, errors.New("EOF"))
	w.gate.answered(x(0), now.Add(time.Hour))
	hosts := []Host{{Names: []string{"shop.example.jp", "127.0.0.1"}, Upstream: two.url, Place: "web/shop", Firewall: Off}}
	if err := w.setHosts(hosts...); err != nil {
		t.Fatal(err)
	}
	w.gate.unanswered(x(0), now.Add(time.Second), errors.New("EOF"))
	w.gate.answered(x(0), now.Add(time.Hour))
	want := []string{"upstream does not answer: upstream 2 of 2: EOF", "upstream answers again: requests that failed: 2, within 1s"}
	if diff := cmp.Diff(want, raisedOf(w.rec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A body that does not come as the client announced it is no outage of the upstream.
func TestBrokenBodyIsNoOutage(t *testing.T) {
	for name, rest := range map[string]string{"malformed": "zz\r\n", "nothing more": ""} {
		w := newWorld(t, nil, func(c *Config) {
			c.HoldBytes, c.Limits.Body, c.Hosts[0].Firewall = 1000, 200*time.Millisecond, Off
		})
		conn := w.open(t)
		piece := fmt.Sprintf("%x\r\n%s\r\n", 4000, strings.Repeat("word", 1000))
		if _, err := io.WriteString(conn, "POST /a HTTP/1.1\r\n"+common+"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"+piece+piece+rest); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(conn); strings.Contains(string(all), codeUpstream) || strings.Contains(string(all), " 502 ") {
			t.Errorf("%s: %q, %v", name, all, err)
		}
		ends := w.ends(t)
		if len(ends) != 1 || ends[0].Outcome != "aborted" || w.gate.Metrics().Failed != 0 || len(raisedOf(w.rec)) != 0 {
			t.Errorf("%s: %+v, %d failed, raised %q", name, *ends[0], w.gate.Metrics().Failed, raisedOf(w.rec))
		}
	}
}
