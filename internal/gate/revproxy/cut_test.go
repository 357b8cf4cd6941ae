package revproxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/policy/cut"
)

// cut puts one cut in force and returns how many exchanges it ended.
func (w *world) cut(t *testing.T, generation uint64, kind cut.Kind, target string) int {
	t.Helper()
	closed, err := w.gate.Cut(t.Context(), cutSet(t, generation, kind, target))
	if err != nil {
		t.Fatal(err)
	}
	return closed
}

func cutSet(t *testing.T, generation uint64, kind cut.Kind, target string) *cut.Set {
	t.Helper()
	var entries []cut.Entry
	if kind != "" {
		entries = []cut.Entry{{ID: fmt.Sprint("cut-", generation), Kind: kind, Target: target, Until: time.Now().Add(time.Hour).UnixNano()}}
	}
	set, err := cut.New(generation, entries)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// stream answers for ever, and says how many do.
type stream struct {
	begun, over chan struct{}
	asked       atomic.Int64
}

func newStream() *stream {
	return &stream{begun: make(chan struct{}, 10), over: make(chan struct{}, 10)}
}

func (s *stream) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	if r.URL.Path != "/stream" {
		_, _ = io.WriteString(rw, "ok")
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(rw, "data: 1\n\n")
	_ = http.NewResponseController(rw).Flush()
	s.begun <- struct{}{}
	<-r.Context().Done()
	s.over <- struct{}{}
}

// twoSites is a gate before one upstream under two names.
func twoSites(c *Config) {
	other := c.Hosts[0]
	other.Names, other.Place = []string{"other.example.jp"}, "web/other"
	c.Hosts[0].Names = []string{"shop.example.jp", "www.shop.example.jp"}
	c.Hosts = append(c.Hosts, other)
}

// dialled is a connection on which requests are written by hand.
type dialled struct {
	net.Conn
	in *bufio.Reader
}

func (w *world) dial(t *testing.T) *dialled {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &dialled{conn, bufio.NewReader(conn)}
}

func (d *dialled) ask(t *testing.T, host, path string, more ...string) *http.Response {
	t.Helper()
	fmt.Fprintf(d, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n%s\r\n", path, host, strings.Join(more, ""))
	a, err := http.ReadResponse(d.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A client's address is cut: its stream and its idle connection end before Cut
// returns, and what it asks anew is refused before the upstream hears of it,
// until the cut is lifted.
func TestCutAddress(t *testing.T) {
	s := newStream()
	w := newWorld(t, s.ServeHTTP)
	streaming, idle := w.dial(t), w.dial(t)
	if _, err := io.ReadAll(idle.ask(t, "shop.example.jp", "/").Body); err != nil {
		t.Fatal(err)
	}
	body := streaming.ask(t, "shop.example.jp", "/stream").Body
	<-s.begun
	awaitLive(t, w.gate, 1)
	if n := w.cut(t, 1, cut.Host, "10.0.0.5"); n != 0 {
		t.Errorf("another's cut ended %d", n)
	}
	if n := w.cut(t, 2, cut.Host, "127.0.0.0/8"); n != 1 || w.gate.Generation() != 2 || w.gate.cuts.flows.Count() != 0 {
		t.Errorf("ended %d, generation %d, live %d", n, w.gate.Generation(), w.gate.cuts.flows.Count())
	}
	<-s.over
	if rest, err := io.ReadAll(body); err == nil {
		t.Errorf("the stream ended as if whole: %q", rest)
	}
	if _, err := idle.in.ReadByte(); err == nil {
		t.Error("the idle connection is open")
	}
	asked := s.asked.Load()
	status, page, err := w.get(t, "/")
	if err != nil || status != http.StatusForbidden || !strings.Contains(page, codeCut) || !strings.Contains(page, "遮断") || s.asked.Load() != asked {
		t.Errorf("%d %v, upstream asked %d times more: %s", status, err, s.asked.Load()-asked, page)
	}
	if _, err := w.gate.Cut(t.Context(), cutSet(t, 1, "", "")); !errors.Is(err, cutting.ErrOlder) {
		t.Errorf("an older generation: %v", err)
	}
	w.cut(t, 3, "", "")
	if status, _, err := w.get(t, "/"); status != http.StatusOK || err != nil {
		t.Errorf("after the cut: %d %v", status, err)
	}
	decisions := w.decisions(t)
	ids := map[string]string{}
	for _, d := range decisions { // in either order: a receipt does not wait for the record of what ended
		ids[d.Action] = d.ID
		if d.Rule != "cut-2" || d.Reason != "cut" {
			t.Errorf("%+v", d)
		}
	}
	if len(decisions) != 2 || ids["cut"] == "" || ids["refuse"] == "" || !strings.Contains(page, ids["refuse"]) {
		t.Errorf("%v, shown %s", ids, page)
	}
	outcomes := map[string]int{}
	for _, e := range w.ends(t) {
		outcomes[e.Outcome]++
	}
	if outcomes["cut"] != 1 || outcomes["done"] != 2 || len(eventtest.Of[*event.Finding](w.rec)) != 0 {
		t.Errorf("%v", outcomes)
	}
}

// A site is cut, by any of its names: another on the same gate goes on, and the
// connections to upstreams that waited for the next request are closed.
func TestCutSite(t *testing.T) {
	s := newStream()
	w := newWorld(t, s.ServeHTTP, twoSites)
	shop, other, fresh, idle := w.dial(t), w.dial(t), w.dial(t), w.dial(t)
	if _, err := io.ReadAll(idle.ask(t, "shop.example.jp", "/").Body); err != nil {
		t.Fatal(err)
	}
	awaitLive(t, w.gate, 0)
	cutBody := shop.ask(t, "shop.example.jp", "/stream").Body
	other.ask(t, "other.example.jp", "/stream")
	<-s.begun
	<-s.begun
	if _, err := io.ReadAll(fresh.ask(t, "other.example.jp", "/").Body); err != nil { // leaves an idle connection
		t.Fatal(err)
	}
	if n := w.cut(t, 1, cut.Name, "www.shop.example.jp"); n != 1 {
		t.Errorf("ended %d", n)
	}
	<-s.over
	if _, err := idle.in.ReadByte(); err == nil {
		t.Error("the connection whose last exchange was with the site is open")
	}
	if _, err := io.ReadAll(cutBody); err == nil {
		t.Error("the stream of the site ended as if whole")
	}
	if a := fresh.ask(t, "other.example.jp", "/"); a.StatusCode != http.StatusOK {
		t.Errorf("the other site: %d", a.StatusCode)
	} else if _, err := io.ReadAll(a.Body); err != nil {
		t.Error(err)
	}
	if a := fresh.ask(t, "shop.example.jp", "/", "Accept: application/json\r\n"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the site: %d", a.StatusCode)
	}
	if s.asked.Load() != 5 {
		t.Errorf("the upstream was asked %d times", s.asked.Load())
	}
	// What is left is the other site's stream: all ends it.
	awaitLive(t, w.gate, 1)
	if n := w.cut(t, 2, cut.All, ""); n != 1 {
		t.Errorf("all ended %d", n)
	}
	<-s.over
}

// Connections to the upstream that wait for the next request are closed.
func TestCutClosesUpstreams(t *testing.T) {
	closed := make(chan struct{})
	upstream := httptest.NewUnstartedServer(newStream())
	upstream.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed { // of the only one
			close(closed)
		}
	}
	upstream.Start()
	defer upstream.Close()
	w := newWorld(t, nil, func(c *Config) { c.Hosts[0].Upstream = mustURL(t, upstream.URL) })
	if status, _, err := w.get(t, "/"); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	awaitLive(t, w.gate, 0)
	w.cut(t, 1, cut.Name, "example.jp")
	<-closed
}

// A connection that changed its protocol is cut too.
func TestCutUpgrade(t *testing.T) {
	over := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		defer close(over)
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "echo")
		rw.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		_ = conn.Close()
	})
	conn := w.dial(t)
	if a := conn.ask(t, "shop.example.jp", "/ws", "Connection: Upgrade\r\nUpgrade: echo\r\n"); a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(a.StatusCode)
	}
	if n := w.cut(t, 1, cut.All, ""); n != 1 {
		t.Errorf("ended %d", n)
	}
	<-over
	if _, err := conn.in.ReadByte(); err == nil {
		t.Error("the connection is open")
	}
	if ends := w.ends(t); len(ends) != 1 || ends[0].Outcome != "cut" {
		t.Errorf("%+v", ends)
	}
}

// Clients that neither send the rest of a body nor read what they are sent do
// not keep a cut waiting.
func TestCutWhoeverStandsStill(t *testing.T) {
	begun := make(chan struct{}, 1)
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		piece := make([]byte, 64<<10)
		for {
			if _, err := rw.Write(piece); err != nil {
				return
			}
		}
	}, func(c *Config) { c.Hosts[0].Firewall, c.Hosts[0].Cards = Off, Off })
	slow, deaf := w.dial(t), w.dial(t)
	fmt.Fprint(slow, "POST / HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: 1000\r\n\r\nhalf")
	fmt.Fprint(deaf, "GET / HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\n\r\n")
	<-begun
	awaitLive(t, w.gate, 2)
	if n := w.cut(t, 1, cut.All, ""); n != 2 {
		t.Errorf("ended %d", n)
	}
	if len(begun) != 0 {
		t.Error("the half request reached the upstream")
	}
	var rules []string
	for _, d := range w.decisions(t) {
		rules = append(rules, d.Rule)
	}
	if fmt.Sprint(rules) != "[cut-1 cut-1]" {
		t.Errorf("%v", rules)
	}
}

// awaitLive waits until n exchanges are under way.
func awaitLive(t *testing.T, g *Gate, n int) {
	t.Helper()
	for tick := time.NewTicker(time.Millisecond); g.cuts.flows.Count() != n; <-tick.C {
		if t.Context().Err() != nil {
			t.Fatal("never under way")
		}
	}
}

// Over HTTP/2 the stream of a site is reset, also one whose body does not come,
// and the others of the connection go on; a client's address takes all.
func TestCutStream(t *testing.T) {
	s := newStream()
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	w := newWorld(t, s.ServeHTTP, twoSites, func(c *Config) {
		c.TLS = &tls.Config{Certificates: certificates.TLS.Certificates}
	})
	roots := x509.NewCertPool()
	roots.AddCert(certificates.Certificate())
	var dials atomic.Int64
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(w.url, "http://"))
		}}
	defer transport.CloseIdleConnections()
	ask := func(method, host, path string, body io.Reader) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://gate.example.jp"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("Accept", "*/*")
		return transport.RoundTrip(r)
	}
	shop, err := ask("GET", "shop.example.jp", "/stream", nil)
	if err != nil || shop.ProtoMajor != 2 {
		t.Fatal(shop, err)
	}
	<-s.begun
	other, err := ask("GET", "other.example.jp", "/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-s.begun
	half, rest := io.Pipe()
	defer rest.Close()
	posted := make(chan error, 1)
	go func() {
		a, err := ask("POST", "shop.example.jp", "/post", half)
		if err == nil {
			err = fmt.Errorf("%d", a.StatusCode)
		}
		posted <- err
	}()
	awaitLive(t, w.gate, 3)
	if n := w.cut(t, 1, cut.Name, "shop.example.jp"); n != 2 {
		t.Errorf("ended %d", n)
	}
	<-s.over
	if _, err := io.ReadAll(shop.Body); err == nil {
		t.Error("the stream ended as if whole")
	}
	if err := <-posted; err == nil || !strings.Contains(err.Error(), "stream error") {
		t.Errorf("the half request: %v", err)
	}
	if a, err := ask("GET", "other.example.jp", "/", nil); err != nil || a.StatusCode != http.StatusOK || dials.Load() != 1 {
		t.Errorf("the other site: %v %v, %d connections", a, err, dials.Load())
	}
	awaitLive(t, w.gate, 1)
	if n := w.cut(t, 2, cut.Host, "127.0.0.1"); n != 1 {
		t.Errorf("the address ended %d", n)
	}
	if _, err := io.ReadAll(other.Body); err == nil {
		t.Error("the other stream ended as if whole")
	}
}

// A frozen account neither logs in nor goes on with the session that it has;
// other accounts do.
func TestFreezeAccount(t *testing.T) {
	t.Run("with persons", func(t *testing.T) { freezeAccount(t) })
	t.Run("without", func(t *testing.T) { freezeAccount(t, func(c *Config) { c.Hosts[0].Persons = nil }) })
}

func freezeAccount(t *testing.T, settings ...setting) {
	w := newWorld(t, shopLogin, append([]setting{withLogins(Logins{Mode: Observe})}, settings...)...)
	page := func(n int) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/mypage", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: "s-" + mail(n)})
		status, _, err := w.send(t, r)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	enter := func(n int) int {
		status, _ := w.login(t, mail(n), "right")
		return status
	}
	if got := []int{enter(5), enter(6), page(5), page(6)}; fmt.Sprint(got) != "[303 303 200 200]" {
		t.Fatal(got)
	}
	awaitLive(t, w.gate, 0) // its connection waits for the next request
	w.cut(t, 1, cut.User, " "+strings.ToUpper(mail(5)))
	if got := []int{enter(5), enter(6), page(5), page(6)}; fmt.Sprint(got) != "[403 303 403 200]" {
		t.Error(got)
	}
	awaitLive(t, w.gate, 0)
	account := w.gate.first().Logins.Hash([]byte("account"), []byte(mail(6)))
	for i, name := range []string{label(account), hex.EncodeToString(account[:])} { // as events call it
		w.cut(t, uint64(2+i), cut.User, name)
		if got := []int{enter(5), enter(6), page(5), page(6)}; fmt.Sprint(got) != "[303 403 200 403]" {
			t.Error(name, got)
		}
		awaitLive(t, w.gate, 0)
	}
	w.ends(t)
	w.silent(t, "mail.example.jp")
}

// What was cut before the gate opens is cut when it does, also on the direct
// way.
func TestCutBeforeTheFirst(t *testing.T) {
	s := newStream()
	upstream := httptest.NewServer(s)
	defer upstream.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Recorder: &eventtest.Recorder{}, Settings: Settings{Listener: listener, Hosts: []Host{{Names: []string{"127.0.0.1"}, Upstream: mustURL(t, upstream.URL), Place: "web/shop", Firewall: Off, Cards: Off}}}})
	if err != nil {
		t.Fatal(err)
	}
	g.SetUnseen(true)
	if _, err := g.Cut(t.Context(), cutSet(t, 1, cut.All, "")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	w := &world{gate: g, url: "http://" + listener.Addr().String()}
	if status, _, err := w.get(t, "/"); err != nil || status != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d %v", status, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, err := w.send(t, r); err != nil || status != http.StatusServiceUnavailable || s.asked.Load() != 0 {
		t.Errorf("%d %v, upstream asked %d times", status, err, s.asked.Load())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// BenchmarkCutEnter is what cuts cost an exchange while none is in force.
func BenchmarkCutEnter(b *testing.B) {
	g := &Gate{}
	r := httptest.NewRequestWithContext(b.Context(), "GET", "http://shop.example.jp/", nil)
	host := &Host{flow: cut.Flow{Name: "shop.example.jp"}}
	b.ReportAllocs()
	for b.Loop() {
		x := &exchange{gate: g, host: host}
		ctx, cancel := context.WithCancel(r.Context())
		x.cancel = cancel
		if _, ok := x.enter(nil, r.WithContext(ctx), ""); !ok {
			b.Fatal("refused")
		}
		x.abort()
	}
}
