package revproxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// server is an upstream that answers with its name.
type server struct {
	*httptest.Server
	url  *url.URL
	ill  atomic.Bool
	seen atomic.Int64 // requests of clients
}

func newServer(t testing.TB, name string) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			if s.ill.Load() {
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		s.seen.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		fmt.Fprintf(rw, "%s %s", name, body)
	}))
	t.Cleanup(s.Close)
	var err error
	if s.url, err = url.Parse(s.URL); err != nil {
		t.Fatal(err)
	}
	return s
}

func behind(all ...*server) setting {
	return func(c *Config) {
		h := &c.Hosts[0]
		h.Firewall, h.Upstream = Off, all[0].url
		for _, s := range all[1:] {
			h.Others = append(h.Others, s.url)
		}
	}
}

func TestUpstreamsTakeTurns(t *testing.T) {
	one, two := newServer(t, "one"), newServer(t, "two")
	w := newWorld(t, nil, behind(one, two))
	for range 10 {
		if status, body, err := w.post(t, "text/plain", "hello"); err != nil || status != 200 || !strings.HasSuffix(body, " hello") {
			t.Fatalf("%d %q %v", status, body, err)
		}
	}
	if a, b := one.seen.Load(), two.seen.Load(); a != 5 || b != 5 {
		t.Errorf("%d and %d requests, want 5 each", a, b)
	}
}

// A server that cannot be reached costs nobody a request, with or without a body,
// held or longer.
func TestUnreachableIsPassedOver(t *testing.T) {
	one, two := newServer(t, "one"), newServer(t, "two")
	one.Close()
	w := newWorld(t, nil, behind(one, two), func(c *Config) { c.HoldBytes = 1000 })
	for _, body := range []string{"", "hello", strings.Repeat("long body ", 1000)} {
		for range 3 {
			status, got, err := w.post(t, "text/plain", body)
			if err != nil || status != 200 || got != "two "+body {
				t.Fatalf("%d %.60q %v", status, got, err)
			}
		}
	}
	two.Close()
	if status, _, err := w.get(t, "/"); err != nil || status != http.StatusBadGateway {
		t.Errorf("%d, %v when none is there", status, err)
	}
}

func TestIllIsPassedOver(t *testing.T) {
	one, two := newServer(t, "one"), newServer(t, "two")
	one.ill.Store(true)
	w := newWorld(t, nil, behind(one, two), func(c *Config) {
		c.Hosts[0].Health = &Health{Path: "/healthz", Every: 2 * time.Millisecond, Fails: 3}
	})
	raised := func(n int, title, detail string) {
		t.Helper()
		if !eventually(func() bool { return len(eventtest.Of[*event.Finding](w.rec)) >= n }) {
			t.Fatalf("nothing was raised: want %q", title)
		}
		if all := eventtest.Of[*event.Finding](w.rec); all[n-1].Title != title || all[n-1].Code != codeHealth || all[n-1].Detail != detail {
			t.Fatalf("raised %+v, want %q", all[n-1], title)
		}
	}
	raised(1, "an upstream is ill and passed over", "upstream 1 of 2: status 503")
	for range 6 {
		if _, body, err := w.get(t, "/"); err != nil || body != "two " {
			t.Fatalf("%q %v", body, err)
		}
	}
	one.ill.Store(false)
	raised(2, "an upstream is well again", "upstream 1 of 2")
	for range 2 {
		if _, _, err := w.get(t, "/"); err != nil {
			t.Fatal(err)
		}
	}
	if one.seen.Load() == 0 {
		t.Error("the one that is well again gets nothing")
	}
}

// Sites change without a request dropped, and those under way end where they
// began.
func TestSetHostsDropsNothing(t *testing.T) {
	one, two := newServer(t, "one"), newServer(t, "two")
	w := newWorld(t, nil, behind(one))
	hosts := func(s *server) []Host {
		return []Host{{Names: []string{"shop.example.jp", "127.0.0.1"}, Upstream: s.url, Place: "web/shop", Firewall: Off, Cards: Enforce}}
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var asked atomic.Int64
	for range 4 {
		wait.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := client.Post(w.url+"/x", "text/plain", strings.NewReader("hello"))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(a.Body)
				a.Body.Close()
				if err != nil || a.StatusCode != 200 || !strings.HasSuffix(string(body), " hello") {
					t.Errorf("%d %q %v", a.StatusCode, body, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 50 {
		before := asked.Load()
		if err := w.setHosts(hosts([]*server{two, one}[i%2])...); err != nil {
			t.Fatal(err)
		}
		if !eventually(func() bool { return asked.Load() > before+8 || t.Failed() }) {
			t.Fatal("nobody asks any more")
		}
	}
	close(stop)
	wait.Wait()
	if one.seen.Load() == 0 || two.seen.Load() == 0 {
		t.Errorf("%d and %d requests", one.seen.Load(), two.seen.Load())
	}
	if err := w.setHosts(Host{Names: []string{"Shop"}}); err == nil {
		t.Error("a bad site is taken")
	}
	if _, body, err := w.get(t, "/"); err != nil || body != "one " {
		t.Errorf("%q, %v after sites that were refused", body, err)
	}
}

// eventually reports whether something becomes true within [patience].
func eventually(is func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
