package revproxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/waf"
)

// firewall is compiled once: it takes a while.
var firewall = sync.OnceValues(func() (*waf.Engine, error) { return waf.New(waf.Config{}) })

// pan is a test card number of the brands' own documentation.
const pan = "4111 1111 1111 1111"

// world is a gate before an upstream.
type world struct {
	gate     *Gate
	rec      *eventtest.Recorder
	upstream *httptest.Server
	url      string
	stop     func() error

	mu   sync.Mutex
	seen []string // bodies that the upstream has read to their end
}

type setting func(*Config)

func newWorld(t testing.TB, handler http.HandlerFunc, settings ...setting) *world {
	t.Helper()
	w := &world{rec: &eventtest.Recorder{}}
	w.upstream = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if handler != nil {
			handler(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.seen = append(w.seen, string(body))
		w.mu.Unlock()
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(rw, "ありがとうございます "+r.URL.Path)
	}))
	t.Cleanup(w.upstream.Close)
	engine, err := firewall()
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(w.upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Recorder: w.rec, Settings: Settings{Listener: listener, Firewall: engine,
		Hosts: []Host{{Names: []string{"shop.example.jp", "127.0.0.1"}, Upstream: target, Place: "web/shop", Firewall: Enforce, Cards: Enforce}}}}
	for _, s := range settings {
		s(&cfg)
	}
	if w.gate, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.gate.Run(ctx) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	w.url = "http://" + listener.Addr().String()
	return w
}

// set puts other settings in force.
func (w *world) set(change func(*Settings)) error {
	s := w.gate.Settings()
	change(&s)
	return w.gate.Set(s)
}

func (w *world) setHosts(hosts ...Host) error {
	return w.set(func(s *Settings) { s.Hosts = hosts })
}

func (w *world) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// send sends one request and returns status and body; the body's error is the
// connection's.
func (w *world) send(t testing.TB, r *http.Request) (int, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "ja")
	a, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	return a.StatusCode, string(body), err
}

func (w *world) get(t testing.TB, target string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example.jp"
	return w.send(t, r)
}

func (w *world) post(t testing.TB, contentType, body string, headers ...string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/contact", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example.jp"
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.send(t, r)
}

// decisions waits for the gate to end and returns its decisions.
func (w *world) decisions(t testing.TB) []*event.Decision {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	return eventtest.Of[*event.Decision](w.rec)
}

// ends waits for the gate to end and returns what came of its exchanges.
func (w *world) ends(t testing.TB) []*event.ExchangeEnd {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	return eventtest.Of[*event.ExchangeEnd](w.rec)
}

func (w *world) silent(t testing.TB, canaries ...string) {
	t.Helper()
	for _, line := range w.rec.Lines() {
		for _, c := range canaries {
			if strings.Contains(string(line), c) {
				t.Errorf("an event holds %q: %s", c, line)
			}
		}
	}
}
