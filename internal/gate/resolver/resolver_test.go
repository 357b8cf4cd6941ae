package resolver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/exit"
)

var _ cutting.Cutter = (*Resolver)(nil)

const rules = `
generation: 1
segments:
  - {name: inner, networks: [10.20.0.0/16], names: ["*.corp.example"]}
roles:
  - name: office
    addresses: [127.0.0.1]
    allow:
      - {name: web, names: ["*.example.jp"]}
      - {name: inner, segments: [inner], ports: ["443"]}
`

const patience = 20 * time.Second

// upstream is a resolver of a test: it answers from a zone and counts.
type upstream struct {
	address string
	asked   atomic.Int64
	mu      sync.Mutex
	zone    map[string][]string // "name type" → records
	stop    func()
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	conn, l := bothPorts(t)
	u := &upstream{address: conn.LocalAddr().String(), zone: map[string][]string{}}
	var stops []func()
	for _, s := range []*dns.Server{{PacketConn: conn, Handler: u}, {Listener: l, Handler: u}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-started
		stops = append(stops, func() { _ = s.Shutdown(); <-done })
	}
	u.stop = sync.OnceFunc(func() {
		for _, stop := range stops {
			stop()
		}
	})
	t.Cleanup(u.stop)
	return u
}

// bothPorts listens on one port over UDP and TCP: one that is free for both.
func bothPorts(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp", conn.LocalAddr().String()); err == nil {
			return conn, l
		}
		conn.Close()
	}
	t.Fatal("no port is free over UDP and TCP")
	return nil, nil
}

func (u *upstream) has(name, kind string, records ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.zone[name+" "+kind] = records
}

func (u *upstream) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	u.asked.Add(1)
	m := new(dns.Msg).SetReply(q)
	u.mu.Lock()
	records, ok := u.zone[strings.TrimSuffix(q.Question[0].Name, ".")+" "+dns.TypeToString[q.Question[0].Qtype]]
	u.mu.Unlock()
	if !ok {
		m.Rcode = dns.RcodeNameError
		records = nil
		soa, _ := dns.NewRR("example.jp. 300 IN SOA a. b. 1 2 3 4 60")
		m.Ns = []dns.RR{soa}
	}
	for _, text := range records {
		rr, err := dns.NewRR(q.Question[0].Name + " " + text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && len(records) > 20 {
		m.Answer, m.Truncated = nil, true
	}
	_ = w.WriteMsg(m)
}

type world struct {
	*upstream
	resolver *Resolver
	rec      *eventtest.Recorder
	udp, tcp string
	policy   atomic.Pointer[exit.Policy]
	clock    atomic.Int64
	stop     func() error
}

type setting func(*Config)

func newWorld(t testing.TB, settings ...setting) *world {
	t.Helper()
	w := &world{upstream: newUpstream(t), rec: &eventtest.Recorder{}}
	w.clock.Store(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixNano())
	w.load(t, rules)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.udp, w.tcp = conn.LocalAddr().String(), l.Addr().String()
	cfg := Config{UDP: conn, TCP: l, Place: "resolver/test", Policy: w.policy.Load, Upstreams: []Upstream{{Address: w.address}}, Recorder: w.rec,
		Now: func() time.Time { return time.Unix(0, w.clock.Load()) }}
	for _, s := range settings {
		s(&cfg)
	}
	if w.resolver, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.resolver.Run(ctx) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) load(t testing.TB, text string) {
	t.Helper()
	src, err := exit.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := exit.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	w.policy.Store(p)
}

// ask asks over UDP, or TCP.
func (w *world) ask(t testing.TB, network, name string, kind uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name+".", kind)
	m.SetEdns0(1232, false)
	address := w.udp
	if network == "tcp" {
		address = w.tcp
	}
	a, _, err := (&dns.Client{Net: network, Timeout: patience}).Exchange(m, address)
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.TypeToString[kind], err)
	}
	return a
}

func records(m *dns.Msg) string {
	var all []string
	for _, rr := range m.Answer {
		all = append(all, strings.ReplaceAll(strings.TrimPrefix(rr.String(), rr.Header().Name), "\t", " "))
	}
	return strings.Join(all, ";")
}

// extended is the extended error of an answer.
func extended(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, x := range o.Option {
			if e, ok := x.(*dns.EDNS0_EDE); ok {
				return fmt.Sprintf("%d %s", e.InfoCode, e.ExtraText)
			}
		}
	}
	return ""
}

func TestAnswers(t *testing.T) {
	w := newWorld(t)
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7", "200 IN A 199.5.26.8")
	first := w.ask(t, "udp", "www.example.jp", dns.TypeA)
	if got := records(first); got != " 300 IN A 199.5.26.7; 200 IN A 199.5.26.8" || !first.RecursionAvailable {
		t.Fatalf("%s", first)
	}
	w.clock.Add(int64(30 * time.Second))
	second := w.ask(t, "udp", "WWW.Example.jp", dns.TypeA) // from memory, older, in the letters asked
	if got := records(second); got != " 270 IN A 199.5.26.7; 170 IN A 199.5.26.8" || second.Question[0].Name != "WWW.Example.jp." || w.asked.Load() != 1 {
		t.Fatalf("%s: asked %d times", second, w.asked.Load())
	}
	if third := w.ask(t, "tcp", "www.example.jp", dns.TypeA); records(third) != records(second) {
		t.Errorf("over TCP: %s", third)
	}
	w.clock.Add(int64(171 * time.Second))
	w.ask(t, "udp", "www.example.jp", dns.TypeA) // the shorter has expired
	if w.asked.Load() != 2 {
		t.Errorf("asked %d times", w.asked.Load())
	}
	if m := w.ask(t, "udp", "none.example.jp", dns.TypeA); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
		t.Errorf("%s", m)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	told := eventtest.Of[*event.Lookup](w.rec)
	if len(told) != 3 || told[0].Name != "www.example.jp" || told[0].Base != "example.jp" || told[0].Role != "office" || told[0].Type != "A" || told[0].Action != "allow" || told[0].Rule != "office/web" || told[0].Mark == "" {
		t.Errorf("%d lookups, the first %+v", len(told), told[0])
	}
	sums := eventtest.Of[*event.Lookups](w.rec)
	if len(sums) != 1 || len(sums[0].Items) != 1 || sums[0].Items[0] != (event.LookupCount{Client: "127.0.0.1", Name: "www.example.jp", Count: 2}) {
		t.Errorf("sums %+v", sums)
	}
}

// TestRefusals: nothing of a refused name leaves.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		name  string
		kind  uint16
		rcode int
		rule  string
		shown string
	}{
		"not in the policy":       {"www.evil.example", dns.TypeA, dns.RcodeNameError, "default", "www.evil.example"},
		"a name that is data":     {"4111111111111111.t.evil.example", dns.TypeTXT, dns.RcodeNameError, "default", ":x.t.evil.example"},
		"DNS over HTTPS":          {"dns.google", dns.TypeA, dns.RcodeNameError, "outside-resolver", "dns.google"},
		"Firefox's canary":        {"use-application-dns.net", dns.TypeA, dns.RcodeNameError, "outside-resolver", "use-application-dns.net"},
		"a zone":                  {"www.example.jp", dns.TypeAXFR, dns.RcodeRefused, "", ""},
		"everything":              {"www.example.jp", dns.TypeANY, dns.RcodeRefused, "", ""},
		"resolvers that are near": {"_dns.resolver.arpa", dns.TypeSVCB, dns.RcodeNameError, "default", "_dns.resolver.arpa"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.ask(t, "udp", c.name, c.kind)
			w.ask(t, "udp", c.name, c.kind)
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
			told := eventtest.Of[*event.Lookup](w.rec)
			if a.Rcode != c.rcode || w.asked.Load() != 0 || len(a.Answer) != 0 {
				t.Errorf("%s: asked %d", a, w.asked.Load())
			}
			if c.rule == "" {
				if len(told) != 0 {
					t.Errorf("%+v", told[0])
				}
				return
			}
			sums := eventtest.Of[*event.Lookups](w.rec)
			if len(told) != 1 || told[0].Action != "refuse" || told[0].Rule != c.rule || told[0].Name != c.shown || extended(a) != "15 SK3601 "+told[0].ID || len(sums) != 1 || sums[0].Items[0].Count != 1 {
				t.Errorf("%s\n%+v\n%+v", a, told, sums)
			}
		})
	}
}

// TestModes: an open role resolves all names but those of outside resolvers;
// nobody without a role resolves any.
func TestModes(t *testing.T) {
	w := newWorld(t)
	w.has("www.evil.example", "A", "60 IN A 199.5.26.9")
	w.load(t, strings.Replace(rules, "addresses: [127.0.0.1]", "addresses: [127.0.0.1]\n    mode: report", 1))
	if a := w.ask(t, "udp", "www.evil.example", dns.TypeA); records(a) != " 60 IN A 199.5.26.9" {
		t.Errorf("report: %s", a)
	}
	if a := w.ask(t, "udp", "dns.google", dns.TypeA); a.Rcode != dns.RcodeNameError {
		t.Errorf("an outside resolver: %s", a)
	}
	w.load(t, strings.Replace(rules, "127.0.0.1", "127.0.0.2", 1))
	if a := w.ask(t, "udp", "www.evil.example", dns.TypeA); a.Rcode != dns.RcodeRefused {
		t.Errorf("no role: %s", a)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, l := range eventtest.Of[*event.Lookup](w.rec) {
		told = append(told, l.Action+" "+l.Rule)
	}
	if got := strings.Join(told, "; "); got != "report default; refuse outside-resolver; refuse default" {
		t.Error(got)
	}
}

// TestCleaned: what an answer must not hold.
func TestCleaned(t *testing.T) {
	w := newWorld(t)
	w.has("a.example.jp", "A", "60 IN A 199.5.26.7", "60 IN A 10.20.0.5", "60 IN A 127.0.0.1", "60 IN A 169.254.169.254")
	w.has("b.corp.example", "A", "60 IN A 10.20.0.5", "60 IN A 10.99.0.5")
	w.has("a.example.jp", "HTTPS", `60 IN HTTPS 1 . mandatory="alpn,ech" alpn="h2" ech="AEX+DQBB" ipv4hint="199.5.26.7,10.0.0.1"`)
	if got := records(w.ask(t, "udp", "a.example.jp", dns.TypeA)); got != " 60 IN A 199.5.26.7" {
		t.Errorf("rebinding: %s", got)
	}
	if got := records(w.ask(t, "udp", "b.corp.example", dns.TypeA)); got != " 60 IN A 10.20.0.5" {
		t.Errorf("an inner name: %s", got)
	}
	if got := records(w.ask(t, "udp", "a.example.jp", dns.TypeHTTPS)); got != ` 60 IN HTTPS 1 . mandatory="alpn" alpn="h2" ipv4hint="199.5.26.7"` {
		t.Errorf("HTTPS: %s", got)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	inside := 0
	for _, l := range eventtest.Of[*event.Lookup](w.rec) {
		if l.Rule == "inside" {
			inside++
		}
	}
	if inside != 3 {
		t.Errorf("%d answers led inside, want 3", inside)
	}
}

func TestSinkholeAndCut(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Sinkhole = []netip.Addr{netip.MustParseAddr("10.0.0.53")} })
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7")
	w.ask(t, "udp", "www.example.jp", dns.TypeA) // in memory
	set, err := cut.New(1, []cut.Entry{{ID: "c1", Kind: cut.Name, Target: "example.jp", Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.resolver.Cut(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if got := records(w.ask(t, "udp", "www.example.jp", dns.TypeA)); got != " 60 IN A 10.0.0.53" {
		t.Errorf("a name that is cut: %s", got)
	}
	if a := w.ask(t, "udp", "www.example.jp", dns.TypeAAAA); a.Rcode != dns.RcodeNameError && len(a.Answer) != 0 {
		t.Errorf("%s", a)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	told := eventtest.Of[*event.Lookup](w.rec)
	if last := told[len(told)-1]; last.Step != "cut" || last.Rule != "c1" || last.Cuts != 1 {
		t.Errorf("%+v", last)
	}
}

// TestRecordedBefore: the upstream hears of a question only after it is
// recorded; what cannot be recorded does not leave.
func TestRecordedBefore(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Strict = true })
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7")
	w.rec.Hold()
	got := make(chan *dns.Msg, 1)
	go func() { got <- w.ask(t, "udp", "www.example.jp", dns.TypeA) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := w.rec.Await(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if w.asked.Load() != 0 {
		t.Error("it left before it was durable")
	}
	w.rec.Release(nil)
	if m := <-got; len(m.Answer) != 1 {
		t.Errorf("%s", m)
	}
	w.rec.FailAfter(0, event.ErrFull, false)
	if m := w.ask(t, "udp", "b.example.jp", dns.TypeA); m.Rcode != dns.RcodeServerFailure || w.asked.Load() != 1 {
		t.Errorf("%s: asked %d", m, w.asked.Load())
	}
	w.rec.FailAfter(0, nil, false)
	w.ask(t, "udp", "b.example.jp", dns.TypeA)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if len(eventtest.Of[*event.Gap](w.rec)) == 0 {
		t.Error("no gap was recorded")
	}
}

// TestBigAnswers: over UDP they are cut short, over TCP they are whole.
func TestBigAnswers(t *testing.T) {
	w := newWorld(t)
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("300 IN A 199.5.26.%d", i))
	}
	w.has("many.example.jp", "A", many...)
	if m := w.ask(t, "udp", "many.example.jp", dns.TypeA); !m.Truncated || len(m.Answer) != 0 {
		t.Errorf("%s", m)
	}
	if m := w.ask(t, "tcp", "many.example.jp", dns.TypeA); m.Truncated || len(m.Answer) != 100 || w.asked.Load() != 2 {
		t.Errorf("%d records, asked %d", len(m.Answer), w.asked.Load())
	}
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Upstreams = []Upstream{{Address: "127.0.0.1:1"}}
		c.Timeout = 200 * time.Millisecond
	})
	if m := w.ask(t, "udp", "www.example.jp", dns.TypeA); m.Rcode != dns.RcodeServerFailure || extended(m) != "23 SK3603" {
		t.Errorf("%s", m)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if f := eventtest.Of[*event.Finding](w.rec); len(f) != 1 || f[0].Code != "SK3603" {
		t.Errorf("%+v", f)
	}
}

func TestAddresses(t *testing.T) {
	w := newWorld(t)
	w.has("www.other.example", "A", "300 IN A 10.0.0.7")
	w.has("www.other.example", "AAAA", "300 IN AAAA 2606:4700::1")
	w.ask(t, "udp", "none.example.jp", dns.TypeA) // Run runs
	got, err := w.resolver.Addresses(t.Context(), "www.other.example")
	if err != nil || fmt.Sprint(got) != "[10.0.0.7 2606:4700::1]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.resolver.Addresses(t.Context(), "www.other.example"); err != nil || w.asked.Load() != 3 {
		t.Errorf("asked %d, %v", w.asked.Load(), err)
	}
}
