package revproxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event/eventtest"
)

// load is a closed loop of requests, each of which must be answered with 200.
type load struct {
	*testing.T
	to      atomic.Pointer[string] // address of the gate
	clients []*loadClient
	stop    chan struct{}
	wait    sync.WaitGroup
}

// loadClient asks one request after another; now is where it asks.
type loadClient struct {
	proto string
	now   atomic.Pointer[string]
	asked atomic.Int64
}

// startLoad asks a gate over HTTP/1.1 and, with TLS, over HTTP/2, on kept
// connections and on fresh ones.
func startLoad(t *testing.T, address string) *load {
	l := &load{T: t, stop: make(chan struct{})}
	l.to.Store(&address)
	protos := []string{"HTTP/1.1", "HTTP/1.1", "fresh"}
	if strings.HasPrefix(address, "https:") {
		protos = append(protos, "HTTP/2.0", "HTTP/2.0")
	}
	for _, proto := range protos {
		c := &loadClient{proto: proto}
		c.now.Store(&address)
		l.clients = append(l.clients, c)
		l.wait.Go(func() { l.run(c) })
	}
	return l
}

func (l *load) run(c *loadClient) {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: c.proto == "HTTP/2.0", DisableKeepAlives: c.proto == "fresh"}
	defer tr.CloseIdleConnections()
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		to := l.to.Load()
		c.now.Store(to)
		if err := ask(tr, *to); err != nil {
			l.Errorf("%s: %v", c.proto, err)
			return
		}
		c.asked.Add(1)
	}
}

// ask posts a form.
func ask(tr *http.Transport, to string) error {
	r, err := http.NewRequest("POST", to+"/contact", strings.NewReader("name=hello"))
	if err != nil {
		return err
	}
	r.GetBody = nil // whoever loses it has lost it
	r.Host = "shop.example.jp"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "text/html")
	a, err := tr.RoundTrip(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if body, err := io.ReadAll(a.Body); err != nil || a.StatusCode != 200 {
		return fmt.Errorf("status %d, %v: %s", a.StatusCode, err, body)
	}
	return nil
}

// goOn waits until every client has had some more answers.
func (l *load) goOn() {
	l.Helper()
	for _, c := range l.clients {
		before := c.asked.Load()
		if !eventually(func() bool { return c.asked.Load() > before+2 || l.Failed() }) {
			l.Fatalf("%s: nobody asks any more", c.proto)
		}
	}
}

// move has all ask elsewhere from now on, and waits until they do.
func (l *load) move(address string) {
	l.Helper()
	l.to.Store(&address)
	for _, c := range l.clients {
		if !eventually(func() bool { return *c.now.Load() == address || l.Failed() }) {
			l.Fatalf("%s: it asks where it asked", c.proto)
		}
	}
}

func (l *load) end() {
	close(l.stop)
	l.wait.Wait()
}

// Whatever is set while requests run, none fails, and it is in force afterwards.
func TestSetDropsNothing(t *testing.T) {
	other, rounds := httptestTLS(t), 1
	if os.Getenv("SEKISHO_LONG") != "" {
		rounds = 20
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			settings := []setting{}
			if scheme == "https" {
				settings = append(settings, secured(t))
			}
			w := newWorld(t, nil, settings...)
			engine := w.gate.Settings().Firewall
			l := startLoad(t, strings.Replace(w.url, "http:", scheme+":", 1))
			for round := range rounds {
				for _, step := range []struct {
					name   string
					change func(*Settings)
				}{
					{"no firewall", func(s *Settings) { s.Firewall = nil }},
					{"a firewall", func(s *Settings) { s.Firewall = engine }},
					{"methods", func(s *Settings) { s.Hosts[0].Methods = []string{"GET", "POST", "PUT"} }},
					{"strict", func(s *Settings) { s.Strict, s.FailOpen = !s.Strict, !s.FailOpen }},
					{"hold", func(s *Settings) { s.HoldBytes = int64(32+round) << 10 }},
					{"body", func(s *Settings) { s.Limits.Body, s.Limits.BodyRate = time.Duration(20+round)*time.Second, 100 }},
					{"limits", func(s *Settings) { s.Limits.Idle, s.Limits.Streams = time.Duration(60+round)*time.Second, 50+round }},
					{"size of header", func(s *Settings) { s.Limits.HeaderBytes = (32 + round) << 10 }},
					{"a certificate", func(s *Settings) {
						if scheme == "https" {
							s.TLS = &tls.Config{Certificates: other, MinVersion: tls.VersionTLS12}
						}
					}},
				} {
					if err := w.set(step.change); err != nil {
						t.Fatalf("%s: %v", step.name, err)
					}
					l.goOn()
				}
			}
			if err := w.set(func(s *Settings) { s.Limits.HeaderBytes = 1 }); err == nil {
				t.Error("a limit that cannot be is taken")
			}
			l.goOn()
			l.end()
		})
	}
}

func httptestTLS(t *testing.T) []tls.Certificate {
	t.Helper()
	var c Config
	secured(t)(&c)
	return c.TLS.Certificates
}

// ownListener listens on a port below those that systems give out by themselves
// (net.ipv4.ip_local_port_range): nobody takes it while it is left.
func ownListener(t *testing.T) net.Listener {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000))); err == nil {
			return l
		}
	}
	t.Fatal(err)
	return nil
}

// The gate listens elsewhere without a request lost, comes back, and nobody answers
// at the address that it has left.
func TestMovesListener(t *testing.T) {
	first := ownListener(t)
	w := newWorld(t, nil, func(c *Config) {
		if err := c.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		c.Listener = first
	})
	w.url = "http://" + first.Addr().String()
	l := startLoad(t, w.url)
	addresses := []string{first.Addr().String()}
	for i := range 4 {
		var listener net.Listener
		if i < 3 {
			listener = ownListener(t)
		} else {
			var err error
			if listener, err = net.Listen("tcp", addresses[0]); err != nil {
				t.Fatal(err)
			}
		}
		addresses = append(addresses, listener.Addr().String())
		l.move("http://" + listener.Addr().String()) // the kernel has them wait
		if err := w.set(func(s *Settings) { s.Listener = listener }); err != nil {
			t.Fatal(err)
		}
		l.goOn()
		if conn, err := net.Dial("tcp", addresses[i]); err == nil {
			conn.Close()
			t.Errorf("the address that was left still takes connections")
		}
	}
	l.end()
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	for _, a := range addresses {
		if conn, err := net.Dial("tcp", a); err == nil {
			conn.Close()
			t.Error("an address still takes connections after the gate has ended")
		}
	}
}

// A connection of before keeps what it began with and ends with its next answer;
// one that waits is not closed.
func TestConnectionsOfBefore(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.open(t)
	in := bufio.NewReader(conn)
	get := func() *http.Response {
		t.Helper()
		fmt.Fprint(conn, "GET /a HTTP/1.1\r\n"+common+"X-Large: "+strings.Repeat("a", 16<<10)+"\r\n\r\n")
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := get(); a.StatusCode != 200 || a.Close {
		t.Fatalf("%d, closes %t", a.StatusCode, a.Close)
	}
	if err := w.set(func(s *Settings) { s.Limits.HeaderBytes = 8 << 10 }); err != nil {
		t.Fatal(err)
	}
	if a := get(); a.StatusCode != 200 || !a.Close {
		t.Errorf("the connection of before: %d, closes %t, want an answer and its end", a.StatusCode, a.Close)
	}
	if n, err := in.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the connection of before goes on")
	}
	conn = w.open(t)
	in = bufio.NewReader(conn)
	if a := get(); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a new connection: %d, want 431", a.StatusCode)
	}
	w.gate.reload.Lock()
	running := len(w.gate.entry.running())
	w.gate.reload.Unlock()
	if !eventually(func() bool {
		w.gate.reload.Lock()
		defer w.gate.reload.Unlock()
		running = len(w.gate.entry.running())
		return running == 1
	}) {
		t.Errorf("%d servers are there", running)
	}
}

// What is set counts for the next request: the firewall, its methods, the hold.
func TestSetCounts(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.Firewall = nil })
	engine, err := firewall()
	if err != nil {
		t.Fatal(err)
	}
	const attack = "/?q=1%27+union+select+password+from+users--"
	send := func(method, target string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, w.url+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		status, _, err := w.send(t, r)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	for _, step := range []struct {
		name        string
		change      func(*Settings)
		attack, put int
	}{
		{"none", func(*Settings) {}, 200, 200},
		{"a first firewall", func(s *Settings) { s.Firewall = engine }, 403, 403},
		{"methods", func(s *Settings) { s.Hosts[0].Methods = []string{"GET", "PUT"} }, 403, 200},
		{"observing", func(s *Settings) { s.Hosts[0].Firewall, s.Hosts[0].Methods = Observe, nil }, 200, 200},
		{"refusing", func(s *Settings) { s.Hosts[0].Firewall = Enforce }, 403, 403},
		{"a path", func(s *Settings) { s.Hosts[0].Paths = []Path{{Prefix: "/", Firewall: Off, Cards: Off}} }, 200, 200},
		{"no path", func(s *Settings) { s.Hosts[0].Paths = nil }, 403, 403},
		{"none again", func(s *Settings) { s.Firewall = nil }, 200, 200},
	} {
		if err := w.set(step.change); err != nil {
			t.Fatal(err)
		}
		if a, p := send("GET", attack), send("PUT", "/a"); a != step.attack || p != step.put {
			t.Errorf("%s: an attack %d, PUT %d, want %d and %d", step.name, a, p, step.attack, step.put)
		}
	}
}

// That an upstream is ill is not forgotten when something else is set.
func TestSetKeepsHealth(t *testing.T) {
	w := newWorld(t, nil)
	second, err := url.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.set(func(s *Settings) { s.Hosts[0].Others = []*url.URL{second} }); err != nil {
		t.Fatal(err)
	}
	w.gate.now.Load().all[0].upstreams.all[1].ill.Store(true)
	if err := w.set(func(s *Settings) { s.Hosts[0].Cards = Off }); err != nil {
		t.Fatal(err)
	}
	if m := w.gate.Metrics(); m.Well != 1 || m.Upstreams != 2 {
		t.Errorf("%d of %d are well, want 1 of 2", m.Well, m.Upstreams)
	}
	if err := w.set(func(s *Settings) { s.Hosts[0].Others = nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.set(func(s *Settings) { s.Hosts[0].Others = []*url.URL{second} }); err != nil {
		t.Fatal(err)
	}
	if m := w.gate.Metrics(); m.Well != 2 {
		t.Errorf("%d are well: one that was taken out is new when it is back", m.Well)
	}
}

// stuck is a listener that cannot be closed in order.
type stuck struct{ net.Listener }

func (s stuck) Close() error { return errors.Join(errors.New("it is stuck"), s.Listener.Close()) }

// TestSetSaysWhatIsInForce: settings that have come in force are no error, also when
// the listener that they replaced cannot be closed.
func TestSetSaysWhatIsInForce(t *testing.T) {
	host := Host{Names: []string{"shop.example.jp"}, Upstream: mustURL(t, "http://127.0.0.1:1"), Place: "web/shop", Firewall: Off, Cards: Off}
	g, err := New(Config{Settings: Settings{Listener: stuck{ownListener(t)}, Hosts: []Host{host}}, Recorder: &eventtest.Recorder{}})
	if err != nil {
		t.Fatal(err)
	}
	next := ownListener(t)
	defer next.Close()
	if err := g.Set(Settings{Listener: next, Hosts: []Host{host}}); err != nil {
		t.Errorf("in force: %t, and an error: %v", g.Settings().Listener == next, err)
	}
	if g.Settings().Listener != next {
		t.Error("it is not in force")
	}
}
