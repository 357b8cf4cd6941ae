package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/policy/cut"
)

func keepsTunnels(c *Config) { c.Keep = func() bool { return true } }

// newKeeping is a world whose tunnels outlive its gate.
func newKeeping(t *testing.T, text string, settings ...setting) *world {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: tunnels are kept on Linux only")
	}
	return newWorld(t, text, append([]setting{keepsTunnels}, settings...)...)
}

// follow ends the gate and begins the next one of the same source, as another
// program does.
func (w *world) follow(t *testing.T, text string, settings ...setting) *world {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	var list []Kept
	for _, k := range w.gate.Kept() {
		list = append(list, adopted(t, k))
	}
	return newWorld(t, text, append([]setting{keepsTunnels, func(c *Config) { c.Recorder, c.Resume = w.rec, list }}, settings...)...).with(w.rec)
}

func (w *world) with(rec *eventtest.Recorder) *world {
	w.rec = rec
	return w
}

// adopted is a tunnel as the next program gets it.
func adopted(t *testing.T, k Kept) Kept {
	t.Helper()
	out := Kept{State: slices.Clone(k.State)}
	for _, s := range []struct {
		from *netloop.Socket
		to   **netloop.Socket
	}{{k.Client, &out.Client}, {k.Upstream, &out.Upstream}} {
		again, err := netloop.Adopt(s.from.Descriptor(), s.from.TLS)
		if err != nil {
			t.Fatal(err)
		}
		*s.to = again
	}
	return out
}

// says has an echo go through a tunnel.
func says(t *testing.T, conn io.ReadWriter, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != text {
		t.Fatalf("%q came back as %q: %v", text, back, err)
	}
}

// TestTunnelsKept: tunnels by CONNECT and by SOCKS go on at the next gate, and at
// the one after it. Each is one flow with one end, which has the whole count; what
// is sent meanwhile waits; and a cut ends the one that it matches, by a name that
// was learnt before.
func TestTunnelsKept(t *testing.T) {
	w := newKeeping(t, rules)
	to := port(echo(t, ""))
	one, in, a := w.connect(t, "one.here.example:"+to, "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	if a.StatusCode != http.StatusOK || in.Buffered() > 0 {
		t.Fatal(a.Status)
	}
	two, reply := w.socks(t, "ren:secret of ren", 1, socksAddressOf(t, "two.here.example:"+to))
	if reply != 0 {
		t.Fatalf("SOCKS: %d", reply)
	}
	deadline(t, two)
	server, clients := tlsServer(t)
	third, _, a := w.connect(t, "three.here.example:"+port(server.Listener.Addr().String()))
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	clients = clients.Clone()
	clients.ServerName = "three.here.example"
	secret := tls.Client(third, clients)
	for i := range 3 {
		says(t, one, fmt.Sprint("first ", i))
		says(t, two, "second")
		fmt.Fprint(secret, "GET / HTTP/1.1\r\nHost: three\r\n\r\n")
		if a, err := http.ReadResponse(bufio.NewReader(secret), nil); err != nil || a.StatusCode != http.StatusOK {
			t.Fatal(err)
		} else if _, err := io.Copy(io.Discard, a.Body); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break
		}
		w = w.follow(t, rules)
		await(t, "three tunnels are taken up", func() bool { return w.gate.Live() == 3 })
	}
	if n, err := w.gate.Cut(t.Context(), cuts(t, 1, cut.Entry{Kind: cut.Name, Target: "two.here.example"})); err != nil || n != 1 {
		t.Fatalf("%d tunnels cut: %v", n, err)
	}
	if _, err := two.Read(make([]byte, 1)); err == nil {
		t.Error("a tunnel that was cut goes on")
	}
	says(t, one, "last")
	one.Close()
	third.Close()
	await(t, "the tunnels end", func() bool { return w.gate.Live() == 0 })
	await(t, "all seats are free", func() bool {
		w.gate.seats.mu.Lock()
		defer w.gate.seats.mu.Unlock()
		return w.gate.seats.taken == 0
	})
	flows, ends := w.flows(t)
	if len(flows) != 3 || len(ends) != 3 {
		t.Fatalf("%d flows, %d ends: %s", len(flows), len(ends), list(flows))
	}
	for _, f := range flows {
		var end *event.FlowEnd
		for _, e := range ends {
			if e.ID == f.ID {
				end = e
			}
		}
		switch {
		case end == nil:
			t.Errorf("flow to %s has no end of its own", f.Host)
		case f.Host == "one.here.example" && (end.Sent != uint64(len("first 0first 1first 2last")) || end.Received != end.Sent || end.Outcome != "done"),
			f.Host == "two.here.example" && (end.Sent != uint64(3*len("second")) || end.Received != end.Sent || end.Outcome != "cut"),
			f.Host == "three.here.example" && (end.Name != f.Host || end.Sent < 500):
			t.Errorf("flow to %s: %+v", f.Host, end)
		}
	}
}

// TestTunnelKeptAndCut: a cut reaches a tunnel while no gate carries it, and one
// that was made meanwhile ends it at the next.
func TestTunnelKeptAndCut(t *testing.T) {
	set := cuts(t, 1, cut.Entry{Kind: cut.Name, Target: "one.here.example"})
	for _, when := range []string{"waiting", "before it is taken up"} {
		t.Run(when, func(t *testing.T) {
			w := newKeeping(t, rules)
			conn, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
			says(t, conn, "hello")
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
			if when == "waiting" {
				if n, err := w.gate.Cut(t.Context(), set); err != nil || n != 1 {
					t.Fatalf("%d cut: %v", n, err)
				}
			}
			list := w.gate.Kept()
			if when != "waiting" {
				if len(list) != 1 {
					t.Fatalf("%d tunnels are kept", len(list))
				}
				next, err := New(Config{Listener: listen(t), Place: "egress/test", Policy: w.policy.Load, Recorder: w.rec, Keep: func() bool { return true }, Resume: []Kept{adopted(t, list[0])}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := next.Cut(t.Context(), set); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := next.Run(ctx); err != nil {
					t.Fatal(err)
				}
				list = next.Kept()
			}
			if len(list) != 0 {
				t.Errorf("%d tunnels are kept after a cut", len(list))
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("it goes on")
			}
			if _, end := w.one(t); end == nil || end.Outcome != "cut" || end.Sent != 5 {
				t.Errorf("%+v", end)
			}
		})
	}
}

// TestTunnelOverTLSKept: the client's leg of a proxy that speaks TLS goes on too.
func TestTunnelOverTLSKept(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	certificate := server.TLS.Certificates[0]
	server.Close()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			speaks := func(c *Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} }
			w := newKeeping(t, rules, speaks)
			raw, err := net.Dial("tcp", w.proxy)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			deadline(t, raw)
			conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MaxVersion: version}) // a test server's own certificate
			fmt.Fprintf(conn, "CONNECT one.here.example:%s HTTP/1.1\r\nProxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n\r\n", port(echo(t, "")))
			if a, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect}); err != nil || a.StatusCode != http.StatusOK {
				t.Fatalf("%v %v", a, err)
			}
			for range 2 {
				says(t, conn, "within TLS")
				w = w.follow(t, rules, speaks)
			}
			says(t, conn, "still")
			conn.Close()
			await(t, "the tunnel ends", func() bool { return w.gate.Live() == 0 })
			if flow, end := w.one(t); end == nil || end.Sent != uint64(len("within TLSwithin TLSstill")) || flow.Action != "allow" {
				t.Errorf("%+v ends with %+v", flow, end)
			}
		})
	}
}

// TestKeptUnderAnotherPolicy: a tunnel that the policy allows no more ends.
func TestKeptUnderAnotherPolicy(t *testing.T) {
	w := newKeeping(t, rules)
	conn, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	says(t, conn, "hello")
	w = w.follow(t, "generation: 2\nroles:\n  - {name: office, addresses: [127.0.0.1]}\n")
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
	if _, end := w.one(t); end == nil || end.Outcome != "refused" || end.Sent != 5 {
		t.Errorf("%+v", end)
	}
}

// TestKeptReading: where the gate says whose data leaves, what passes in each run is
// of a session of that run, bounded, and none is left open.
func TestKeptReading(t *testing.T) {
	reading := func(start uint32) setting { return func(c *Config) { c.Reading = &Reading{Start: start} } }
	w := newKeeping(t, rules, reading(1))
	conn, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	says(t, conn, "hello")
	w = w.follow(t, rules, reading(2))
	says(t, conn, "hello again")
	conn.Close()
	await(t, "the tunnel ends", func() bool { return w.gate.Live() == 0 })
	w.flows(t)
	opened, closed := eventtest.Of[*event.SessionOpen](w.rec), eventtest.Of[*event.SessionClose](w.rec)
	if len(opened) != 2 || len(closed) != 2 || opened[0].Session>>32 != 1 || opened[1].Session>>32 != 2 || closed[0].Bytes != 5 || closed[1].Bytes != 11 {
		text, _ := json.Marshal([]any{opened, closed})
		t.Errorf("sessions: %s", text)
	}
	intents, crossings := eventtest.Of[*event.Intent](w.rec), eventtest.Of[*event.Crossing](w.rec)
	if len(intents) != 2 || len(crossings) != 2 || crossings[0].Intent == crossings[1].Intent || len(crossings[0].Parts) != 1 || len(crossings[1].Parts) != 1 {
		text, _ := json.Marshal([]any{intents, crossings})
		t.Errorf("%s", text)
	}
}

// TestTunnelWhileOthersRest: a tunnel goes on until nothing else is left of any gate.
func TestTunnelWhileOthersRest(t *testing.T) {
	entered, others := make(chan struct{}), make(chan struct{})
	w := newKeeping(t, rules, func(c *Config) { c.Rest = func() { close(entered); <-others } })
	conn, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	says(t, conn, "before")
	stopped := make(chan error, 1)
	go func() { stopped <- w.stop() }()
	<-entered
	says(t, conn, "meanwhile")
	close(others)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	list := w.gate.Kept()
	if len(list) != 1 {
		t.Fatalf("%d tunnels are kept", len(list))
	}
	list[0].Close()
}

// TestTunnelKeptAndLost: of a tunnel that no other gate takes up, since the process was
// killed, the ledger knows that it was open and how much had passed.
func TestTunnelKeptAndLost(t *testing.T) {
	w := newKeeping(t, rules)
	conn, _, _ := w.connect(t, "one.here.example:"+port(echo(t, "")), "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	says(t, conn, "hello")
	flows, ends := w.flows(t)
	for _, k := range w.gate.Kept() {
		k.Close()
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
	passed := eventtest.Of[*event.FlowBytes](w.rec)
	if len(flows) != 1 || len(ends) != 0 || len(passed) != 1 || passed[0].ID != flows[0].ID || passed[0].Sent != 5 || passed[0].Received != 5 {
		t.Errorf("flows %s, ends %d, passed %+v", list(flows), len(ends), passed)
	}
}
