package egress

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/gatetest"
	"sekisho/internal/policy/cut"
)

var _ cutting.Cutter = (*Gate)(nil)

// TestSuite runs the suite of all gates over plain requests.
func TestSuite(t *testing.T) {
	const canary = "hanako@example.jp"
	var server *httptest.Server
	gatetest.Run(t, gatetest.Harness{
		Start: func(t testing.TB, o gatetest.Options) gatetest.Gate {
			server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header()["Date"] = nil
				if strings.HasPrefix(r.URL.Path, "/customer") {
					fmt.Fprint(rw, "山田 花子 "+canary)
					return
				}
				fmt.Fprint(rw, "welcome")
			}))
			s := server
			w := newWorld(t, rules, func(c *Config) { c.Recorder, c.Strict, c.FailOpen = o.Recorder, o.Strict, o.FailOpen })
			return gatetest.Gate{Direct: s.Listener.Addr().String(), Through: w.proxy, Stop: func() error {
				err := w.stop()
				s.Close()
				return err
			}}
		},
		Connect: func(t testing.TB, address string) gatetest.Session {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			deadline(t, conn)
			return &session{conn: conn, in: bufio.NewReader(conn), host: server.Listener.Addr().String()}
		},
		Plain:        []string{"/", "/about"},
		Personal:     []string{"/customer/1", "/customer/2"},
		EveryRequest: true,
		Begun:        func(r *eventtest.Recorder) int { return len(eventtest.Of[*event.Flow](r)) },
		Ended:        func(r *eventtest.Recorder) int { return len(eventtest.Of[*event.FlowEnd](r)) },
		Canary:       []byte(canary),
	})
}

// session is a kept connection to a proxy.
type session struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

func (s *session) Ask(path string) ([]byte, error) {
	if _, err := fmt.Fprintf(s.conn, "GET http://%s%s HTTP/1.1\r\nHost: %s\r\n\r\n", s.host, path, s.host); err != nil {
		return nil, err
	}
	a, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	a.Header.Del("Date")
	var b bytes.Buffer
	fmt.Fprintln(&b, a.Status)
	if err := a.Header.Write(&b); err != nil {
		return nil, err
	}
	_, err = io.Copy(&b, a.Body)
	return b.Bytes(), err
}

func (s *session) Close() { s.conn.Close() }

func TestTunnel(t *testing.T) {
	w := newWorld(t, rules)
	server, cfg := tlsServer(t)
	conn, _, a := w.connect(t, "www.here.example:"+port(server.Listener.Addr().String()))
	if a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	body, err := https(conn, cfg, "www.here.example")
	if err != nil || body != "hello www.here.example" {
		t.Fatalf("%q, %v", body, err)
	}
	conn.Close()
	f, e := w.one(t)
	if f.Protocol != "connect" || f.Role != "office" || f.By != "address" || f.Host != "www.here.example" || f.Address != "127.0.0.1" ||
		f.Action != "allow" || f.Step != "allow" || f.Rule != "office/web" || f.Policy == "" || f.Client != "127.0.0.1" {
		t.Errorf("flow %+v", f)
	}
	if e == nil || e.Outcome != "done" || e.Name != "www.here.example" || e.Sent < 200 || e.Received < 500 || e.Nanos <= 0 {
		t.Errorf("end %+v", e)
	}
}

// TestServerName: a tunnel carries TLS with the name that was asked for, and
// until that is seen the server gets no byte.
func TestServerName(t *testing.T) {
	for name, c := range map[string]struct {
		first string // what the client says; empty: a TLS hello with the name
		sni   string
		why   string
	}{
		"another name":  {sni: "evil.here.example", why: "the server name is another"},
		"no name":       {sni: "", why: "the TLS hello has no server name"},
		"an odd name":   {sni: "..", why: ""},
		"no TLS":        {first: "GET / HTTP/1.1\r\nHost: www.here.example\r\n\r\n", why: "the tunnel carries no TLS"},
		"SSH":           {first: "SSH-2.0-x\r\n", why: "the tunnel carries no TLS"},
		"malformed TLS": {first: "\x16\x03\x01\x00\x00", why: "the TLS hello is malformed"},
		"a 1 MiB hello": {first: "\x16\x03\x01\x40\x00\x01\x10\x00\x00" + strings.Repeat("a", 20<<10), why: "the TLS hello is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rules)
			seen := make(chan string, 1)
			l := listen(t)
			t.Cleanup(func() { l.Close() })
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				b, _ := io.ReadAll(conn)
				seen <- string(b)
				conn.Close()
			}()
			conn, in, a := w.connect(t, "www.here.example:"+port(l.Addr().String()))
			if a.StatusCode != 200 {
				t.Fatal(a.Status)
			}
			if c.first != "" {
				_, _ = io.WriteString(conn, c.first)
				rest, _ := io.ReadAll(in)
				if alert := bytes.HasPrefix(rest, []byte{21, 3, 3, 0, 2, 2, 49}); alert != strings.HasPrefix(c.first, "\x16") {
					t.Errorf("answer %q", rest)
				}
			} else {
				_, cfg := tlsServer(t)
				if _, err := https(conn, cfg, c.sni); err == nil {
					t.Error("it passed")
				}
			}
			conn.Close()
			if got := <-seen; got != "" {
				t.Errorf("the server saw %q", got)
			}
			_, e := w.one(t)
			if e == nil || e.Outcome != "refused" || c.why != "" && e.Detail != c.why || e.Sent != 0 {
				t.Errorf("end %+v", e)
			}
		})
	}
}

func TestAnyInner(t *testing.T) {
	w := newWorld(t, rules)
	to := "www.here.example:" + port(echo(t, "220 mail\r\n")) // the server speaks first
	conn, in, a := w.connect(t, to, "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
	if a.StatusCode != 407 {
		// 127.0.0.1 is in office by address; the user comes first.
		line, err := in.ReadString('\n')
		if err != nil || line != "220 mail\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
		fmt.Fprint(conn, "EHLO x\r\n")
		if line, err = in.ReadString('\n'); err != nil || line != "EHLO x\r\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil { // a half-close is passed on
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) != 0 {
		t.Fatalf("%q, %v", rest, err)
	}
	f, e := w.one(t)
	if f.Role != "loose" || f.By != "user" || f.User != "ren" || e.Outcome != "done" || e.Sent != 8 || e.Received != 18 {
		t.Errorf("%+v, %+v", f, e)
	}
}

func TestWrongPassword(t *testing.T) {
	w := newWorld(t, rules)
	_, _, a := w.connect(t, "www.here.example:443", "Proxy-Authorization: Basic cmVuOng=\r\n")
	if a.StatusCode != 407 || a.Header.Get("Proxy-Authenticate") == "" {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if f, _ := w.one(t); f.Action != "refuse" || f.Step != "form" {
		t.Errorf("%+v", f)
	}
}

// TestRefusals: what is refused, in CONNECT's own language, with the id of the
// one event and not the rule.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		target, step, rule string
		status             int
		host               string
	}{
		"not in the policy":     {"www.example.jp:443", "deny", "default", 403, "www.example.jp"},
		"rebinding":             {"rebind.here.example:443", "address", "private", 403, "rebind.here.example"},
		"loopback in decimal":   {"2130706433:443", "form", "form", 400, ""},
		"loopback in octal":     {"0177.0.0.1:443", "form", "form", 400, ""},
		"loopback in hex":       {"0x7f000001:443", "form", "form", 400, ""},
		"short loopback":        {"127.1:443", "form", "form", 400, ""},
		"NAT64":                 {"[64:ff9b::7f00:1]:443", "address", "nat64", 403, "64:ff9b::7f00:1"},
		"6to4":                  {"[2002:7f00:1::]:443", "address", "6to4", 403, "2002:7f00:1::"},
		"two trailing dots":     {"www.here.example..:443", "form", "form", 400, ""},
		"a trailing dot":        {"rebind.here.example.:443", "address", "private", 403, "rebind.here.example"},
		"a look-alike":          {"xn--hre-rdd.example:443", "address", "look-alike", 403, "xn--hre-rdd.example"},
		"a zone":                {"[fe80::1%25eth0]:443", "form", "form", 400, ""},
		"letters beyond ASCII":  {"www.h\u0435re.example:443", "form", "form", 400, ""},
		"mapped":                {"[::ffff:127.0.0.1]:443", "address", "mapped", 403, "::ffff:127.0.0.1"},
		"metadata":              {"169.254.169.254:80", "address", "link-local", 403, "169.254.169.254"},
		"user information":      {"www.here.example@evil.example:443", "form", "form", 400, ""},
		"a name that is data":   {"4111111111111111.example.jp:443", "deny", "default", 403, ":x.example.jp"},
		"no port":               {"www.here.example", "form", "form", 400, ""},
		"another's resolver":    {"8.8.8.8:53", "deny", "outside-resolver", 403, "8.8.8.8"},
		"the name leads abroad": {"abroad.here.example:443", "deny", "default", 403, "abroad.here.example"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rules)
			w.name("rebind.here.example", "10.0.0.7")
			w.name("abroad.here.example", "9.9.9.1")
			_, in, a := w.connect(t, c.target)
			body, _ := io.ReadAll(in)
			f, e := w.one(t)
			if a.StatusCode != c.status || f.Step != c.step || f.Rule != c.rule || f.Action != "refuse" || f.Host != c.host || e != nil {
				t.Errorf("%s: flow %+v, end %+v", a.Status, f, e)
			}
			if !strings.Contains(string(body), f.ID) || !strings.Contains(a.Header.Get("Proxy-Status"), f.ID) || strings.Contains(string(body), c.rule+"/") {
				t.Errorf("page %q, %v", body, a.Header)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	w := newWorld(t, rules)
	l := listen(t)
	l.Close()
	_, _, a := w.connect(t, "www.here.example:"+port(l.Addr().String()))
	if f, e := w.one(t); a.StatusCode != 502 || e == nil || e.Outcome != "unreachable" || f.Action != "allow" {
		t.Errorf("%s, %+v", a.Status, e)
	}
}

// TestCutEndsTunnels: what is under way, what is waiting for its first bytes,
// and what comes.
func TestCutEndsTunnels(t *testing.T) {
	w := newWorld(t, rules)
	to := port(echo(t, ""))
	open := func(name string) (net.Conn, *bufio.Reader) {
		conn, in, a := w.connect(t, name+":"+to, "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
		if a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
		fmt.Fprintln(conn, "x")
		if line, err := in.ReadString('\n'); err != nil || line != "x\n" {
			t.Fatalf("%q, %v", line, err)
		}
		return conn, in
	}
	_, one := open("a.here.example")
	stays, stayIn := open("b.here.example")
	_, waiting, a := w.connect(t, "a.here.example:"+to) // of office: it has to say TLS first
	if a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	closed, err := w.gate.Cut(t.Context(), cuts(t, 1, cut.Entry{Kind: cut.Name, Target: "a.here.example"}))
	if err != nil || closed != 2 || w.gate.Live() != 1 {
		t.Fatalf("closed %d, %v, %d stay", closed, err, w.gate.Live())
	}
	for _, in := range []*bufio.Reader{one, waiting} {
		if rest, _ := io.ReadAll(in); len(rest) != 0 {
			t.Errorf("after the cut: %q", rest)
		}
	}
	fmt.Fprintln(stays, "y")
	if line, err := stayIn.ReadString('\n'); err != nil || line != "y\n" {
		t.Errorf("another destination was cut: %q, %v", line, err)
	}
	if _, _, a := w.connect(t, "a.here.example:"+to); a.StatusCode != 403 {
		t.Errorf("a new tunnel: %s", a.Status)
	}
	stays.Close()
	flows, ends := w.flows(t)
	var cutEnds int
	for _, e := range ends {
		if e.Outcome == "cut" && e.Detail == "c0" {
			cutEnds++
		}
	}
	last := flows[len(flows)-1]
	if len(flows) != 4 || len(ends) != 3 || cutEnds != 2 || last.Step != "cut" || last.Rule != "c0" || last.Cuts != 1 {
		t.Errorf("%s%+v", list(flows), ends)
	}
}

// TestCutEndsRequests: a response that streams, and the connections kept.
func TestCutEndsRequests(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "begin")
		_ = http.NewResponseController(rw).Flush()
		close(begun)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, rules)
	s := &session{host: server.Listener.Addr().String()}
	var err error
	if s.conn, err = net.Dial("tcp", w.proxy); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deadline(t, s.conn)
	s.in = bufio.NewReader(s.conn)
	asked := make(chan error, 1)
	go func() { _, err := s.Ask("/"); asked <- err }()
	<-begun
	closed, err := w.gate.Cut(t.Context(), cuts(t, 1, cut.Entry{Kind: cut.All}))
	if err != nil || closed != 1 {
		t.Fatalf("closed %d, %v", closed, err)
	}
	if err := <-asked; err == nil {
		t.Error("the response ended as if it were whole")
	}
	<-gone
	if _, e := w.one(t); e == nil || e.Outcome != "cut" {
		t.Errorf("%+v", e)
	}
}
