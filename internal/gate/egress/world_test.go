package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/exit"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// rules are the policy of a world: this machine is a segment, so that servers
// of tests are destinations.
const rules = `
generation: 1
segments:
  - {name: here, networks: [127.0.0.0/8], names: ["*.here.example", localhost]}
roles:
  - name: office
    addresses: [127.0.0.1]
    allow:
      - {name: web, segments: [here], ports: ["1-65535"]}
  - name: loose
    users: [ren]
    allow:
      - {name: any, segments: [here], ports: ["1-65535"], inner: any}
`

// world is a gate between this test and servers.
type world struct {
	gate   *Gate
	rec    *eventtest.Recorder
	proxy  string // address of the gate
	policy atomic.Pointer[exit.Policy]
	stop   func() error

	mu        sync.Mutex
	addresses map[string][]netip.Addr // of names
}

type setting func(*Config)

func newWorld(t testing.TB, text string, settings ...setting) *world {
	t.Helper()
	w := &world{rec: &eventtest.Recorder{}, addresses: map[string][]netip.Addr{}}
	w.load(t, text)
	cfg := Config{Listener: listen(t), Place: "egress/test", Policy: w.policy.Load, Recorder: w.rec, Resolve: w.resolve,
		Login:  func(user, password string) bool { return password == "secret of "+user },
		Limits: Limits{Drain: 200 * time.Millisecond}}
	for _, s := range settings {
		s(&cfg)
	}
	var err error
	if w.gate, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Listener != nil {
		w.proxy = cfg.Listener.Addr().String()
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
	return w
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
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

// resolve knows the names of the test, and *.here.example.
func (w *world) resolve(_ context.Context, name string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := w.addresses[name]; ok {
		return a, nil
	}
	if strings.HasSuffix(name, ".here.example") || name == "localhost" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return nil, errors.New("no such name")
}

func (w *world) name(name string, addresses ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range addresses {
		w.addresses[name] = append(w.addresses[name], netip.MustParseAddr(a))
	}
}

// echo is a server that sends back what it gets, and says hello first when
// greeting is set.
func echo(t testing.TB, greeting string) string {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := io.WriteString(conn, greeting); err == nil {
					_, _ = io.Copy(conn, conn)
				}
			}()
		}
	}()
	return l.Addr().String()
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// tlsServer is an HTTPS server, and the configuration of its clients.
func tlsServer(t testing.TB) (*httptest.Server, *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello "+r.Host) }))
	t.Cleanup(s.Close)
	return s, &tls.Config{InsecureSkipVerify: true} // a test server's own certificate
}

// connect asks the gate for a tunnel.
func (w *world) connect(t testing.TB, target string, header ...string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	deadline(t, conn)
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, target, strings.Join(header, ""))
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, &http.Request{Method: "CONNECT"})
	if err != nil {
		t.Fatalf("CONNECT %s: %v", target, err)
	}
	return conn, in, a
}

func deadline(t testing.TB, conn net.Conn) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

// https asks for / through a tunnel, with that server name.
func https(conn net.Conn, cfg *tls.Config, sni string) (string, error) {
	cfg = cfg.Clone()
	cfg.ServerName = sni
	c := tls.Client(conn, cfg)
	if err := c.Handshake(); err != nil {
		return "", err
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", sni)
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(a.Body)
	// To the end of what the server sends: closing over unread bytes is a reset,
	// and the tunnel was aborted.
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, _ = io.Copy(io.Discard, conn)
	return string(b), err
}

func (w *world) flows(t testing.TB) ([]*event.Flow, []*event.FlowEnd) {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	return eventtest.Of[*event.Flow](w.rec), eventtest.Of[*event.FlowEnd](w.rec)
}

// one is the only flow and its end, nil for none.
func (w *world) one(t testing.TB) (*event.Flow, *event.FlowEnd) {
	t.Helper()
	flows, ends := w.flows(t)
	if len(flows) != 1 || len(ends) > 1 {
		t.Fatalf("flows %s, ends %+v", list(flows), ends)
	}
	if len(ends) == 0 {
		return flows[0], nil
	}
	if ends[0].ID != flows[0].ID {
		t.Errorf("flow %s ends as %s", flows[0].ID, ends[0].ID)
	}
	return flows[0], ends[0]
}

func list(flows []*event.Flow) (text string) {
	for _, f := range flows {
		text += fmt.Sprintf("%+v\n", *f)
	}
	return text
}

func cuts(t testing.TB, generation uint64, entries ...cut.Entry) *cut.Set {
	t.Helper()
	for i := range entries {
		entries[i].ID, entries[i].Until = fmt.Sprintf("c%d", i), time.Now().Add(time.Hour).UnixNano()
	}
	s, err := cut.New(generation, entries)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
