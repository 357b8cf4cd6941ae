package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

const byRen = "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n"

// asks sends a request to the proxy.
func (w *world) asks(t *testing.T, server, path string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	deadline(t, conn)
	if _, err := fmt.Fprintf(conn, "GET http://one.here.example:%s%s HTTP/1.1\r\nHost: one.here.example\r\n%s\r\n", port(server), path, byRen); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func answered(t *testing.T, in *bufio.Reader, want string) {
	t.Helper()
	a, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(a.Body); err != nil || string(body) != want {
		t.Fatalf("%d %q, %v; want %q", a.StatusCode, body, err, want)
	}
}

// While a gate is quiet what is under way comes to its end, and nothing else begins.
func TestQuiet(t *testing.T) {
	came, let := make(chan struct{}), make(chan struct{})
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/slow" {
			close(came)
			<-let
		}
		fmt.Fprint(w, "answer")
	}))
	defer server.Close()
	at := server.Listener.Addr().String()
	w := newKeeping(t, rules)
	_, waits := w.asks(t, at, "/")
	answered(t, waits, "answer")
	await(t, "nothing is under way", func() bool { return w.gate.Held(true) == Held{} })
	_, slow := w.asks(t, at, "/slow")
	<-came
	tunnel, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), byRen)
	says(t, tunnel, "before")
	if h := w.gate.Held(true); h != (Held{Requests: 1}) {
		t.Errorf("%+v would end, want one request", h)
	}
	if h := w.gate.Held(false); h != (Held{Requests: 1, Tunnels: 1}) {
		t.Errorf("%+v would end where nobody takes them up", h)
	}
	w.gate.SetQuiet(true)
	w.gate.SetQuiet(false)
	if h := w.gate.Held(true); h != (Held{Requests: 1, Old: 1}) {
		t.Errorf("%+v would end after the gate was quiet", h)
	}
	w.gate.SetQuiet(true)
	if b, err := waits.ReadByte(); err == nil {
		t.Errorf("a connection that waits for a request says %q", b)
	}
	_, comes := w.asks(t, at, "/")
	says(t, tunnel, "while it is quiet")
	close(let)
	answered(t, slow, "answer")
	await(t, "nothing is under way", func() bool { return w.gate.Held(true) == Held{} })
	taken := func() int {
		w.gate.seats.mu.Lock()
		defer w.gate.seats.mu.Unlock()
		return w.gate.seats.taken
	}
	await(t, "the tunnel alone has a seat", func() bool { return taken() == 1 })
	for range 50 { // in each of its looks who came could have been taken
		if n := taken(); n > 1 {
			t.Fatalf("%d connections have seats, one of them the tunnel", n)
		}
		<-time.After(lookAgain / 5)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the server was asked %d times, want 2", n)
	}
	w.gate.SetQuiet(false)
	answered(t, comes, "answer")
	w.gate.SetQuiet(true) // and it ends
}

// lasting is a server that says a word when the client has ended, and another when it is
// let.
func lasting(t *testing.T, let <-chan struct{}) string {
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
				_, _ = io.Copy(conn, conn)
				_, _ = io.WriteString(conn, "heard")
				<-let
				_, _ = io.WriteString(conn, "last")
			}()
		}
	}()
	return l.Addr().String()
}

// A tunnel of which one side has ended goes on at the next gate, and the one after it: the
// other side says what it still has to say, and it is one flow with the whole count.
func TestHalfClosedKept(t *testing.T) {
	let := make(chan struct{})
	w := newKeeping(t, rules)
	conn, _, _ := w.connect(t, "one.here.example:"+port(lasting(t, let)), byRen)
	says(t, conn, "hello")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len("heard"))
	if _, err := io.ReadFull(conn, said); err != nil || string(said) != "heard" {
		t.Fatalf("%q, %v", said, err)
	}
	for range 2 {
		if h := w.gate.Held(true); h != (Held{}) {
			t.Errorf("%+v would end", h)
		}
		w = w.follow(t, rules)
	}
	close(let)
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "last" {
		t.Errorf("%q, %v", rest, err)
	}
	await(t, "the tunnel ends", func() bool { return w.gate.Live() == 0 })
	if _, end := w.one(t); end == nil || end.Outcome != "done" || end.Sent != 5 || end.Received != uint64(len("helloheardlast")) {
		t.Errorf("%+v", end)
	}
}

// A tunnel whose client's leg speaks TLS would end where no other gate can go on with
// that, and when one side has ended.
func TestHeldTunnels(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	certificate := server.TLS.Certificates[0]
	server.Close()
	for name, suite := range map[string]uint16{"CBC": tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "AES-GCM": tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} {
		t.Run(name, func(t *testing.T) {
			w := newKeeping(t, rules, func(c *Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
			raw, err := net.Dial("tcp", w.proxy)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			deadline(t, raw)
			conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}) // a test server's own certificate
			let := make(chan struct{})
			defer close(let)
			fmt.Fprintf(conn, "CONNECT one.here.example:%s HTTP/1.1\r\n%s\r\n", port(lasting(t, let)), byRen)
			if a, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect}); err != nil || a.StatusCode != http.StatusOK {
				t.Fatalf("%v %v", a, err)
			}
			says(t, conn, "within TLS")
			if h, want := w.gate.Held(true), (Held{Tunnels: map[bool]int{true: 1}[name == "CBC"]}); h != want {
				t.Errorf("%+v would end, want %+v", h, want)
			}
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			await(t, "one side has ended", func() bool { return w.gate.Held(true) == Held{Tunnels: 1} })
		})
	}
}

// late takes its time with the ends of flows.
type late struct{ *eventtest.Recorder }

func (l late) wait(bodies []event.Body) {
	for _, b := range bodies {
		if _, is := b.(*event.FlowEnd); is {
			<-time.After(20 * time.Millisecond)
		}
	}
}

func (l late) Record(ctx context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	l.wait(bodies)
	return l.Recorder.Record(ctx, level, bodies...)
}

func (l late) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	l.wait(bodies)
	return l.Recorder.Submit(level, done, bodies...)
}

// A request that is given up as the gate ends has its end in the record when Run returns.
func TestGivenUpIsRecorded(t *testing.T) {
	came, let := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(came)
		<-let
	}))
	defer server.Close()
	defer close(let)
	w := newWorld(t, rules, func(c *Config) {
		c.Limits.Drain = time.Millisecond
		c.Recorder = late{c.Recorder.(*eventtest.Recorder)}
	})
	w.asks(t, server.Listener.Addr().String(), "/")
	<-came
	if _, end := w.one(t); end == nil || end.Outcome != "aborted" {
		t.Errorf("it ends with %+v", end)
	}
}
