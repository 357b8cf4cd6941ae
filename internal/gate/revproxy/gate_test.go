package revproxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/gate/gatetest"
)

func TestSuite(t *testing.T) {
	const canary = "hanako@example.jp"
	gatetest.Run(t, gatetest.Harness{
		Start: func(t testing.TB, o gatetest.Options) gatetest.Gate {
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "text/plain")
				rw.Header()["Date"] = nil
				if strings.HasPrefix(r.URL.Path, "/customer") {
					fmt.Fprint(rw, "山田 花子 "+canary)
					return
				}
				fmt.Fprint(rw, "welcome")
			}, func(c *Config) { c.Recorder, c.Strict, c.FailOpen = o.Recorder, o.Strict, o.FailOpen })
			return gatetest.Gate{Direct: w.upstream.Listener.Addr().String(), Through: strings.TrimPrefix(w.url, "http://"), Stop: func() error {
				err := w.stop()
				w.upstream.Close()
				return err
			}}
		},
		Connect: func(t testing.TB, address string) gatetest.Session {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			return &session{conn: conn, in: bufio.NewReader(conn)}
		},
		Plain:        []string{"/", "/about"},
		Personal:     []string{"/customer/1", "/customer/2"},
		EveryRequest: true,
		Begun:        func(r *eventtest.Recorder) int { return len(eventtest.Of[*event.Exchange](r)) },
		Ended:        func(r *eventtest.Recorder) int { return len(eventtest.Of[*event.ExchangeEnd](r)) },
		Canary:       []byte(canary),
	})
}

// session is a kept connection of a browser.
type session struct {
	conn net.Conn
	in   *bufio.Reader
}

func (s *session) Ask(path string) ([]byte, error) {
	if _, err := fmt.Fprintf(s.conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n", path); err != nil {
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

func TestAttackIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	status, body, err := w.post(t, "application/x-www-form-urlencoded", "q=1%27+union+select+password+from+users--")
	if err != nil || status != http.StatusForbidden {
		t.Fatalf("%d %q %v, want 403", status, body, err)
	}
	if got := w.bodies(); len(got) != 0 {
		t.Errorf("the upstream saw %q", got)
	}
	d := w.decisions(t)
	if len(d) != 1 || d[0].Action != "refuse" || !strings.Contains(d[0].Rule, "crs/942") || !strings.Contains(body, d[0].ID) || strings.Contains(strings.ReplaceAll(body, d[0].ID, ""), "942") {
		t.Errorf("decisions %+v and page %q: want one refusal, its id on the page and not the rule", d, body)
	}
	if !strings.Contains(body, "お問い合わせ番号") {
		t.Errorf("the page is not in Japanese: %q", body)
	}
	w.silent(t, "password", "union")
}

func TestCardIsRefused(t *testing.T) {
	gz := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
		return b.String()
	}
	for name, send := range map[string]func(*world) (int, string, error){
		"form": func(w *world) (int, string, error) {
			return w.post(t, "application/x-www-form-urlencoded", "name=a&number=4111+1111+1111+1111")
		},
		"json": func(w *world) (int, string, error) {
			return w.post(t, "application/json", `{"card":{"number":"4111111111111111"}}`)
		},
		"full width": func(w *world) (int, string, error) {
			return w.post(t, "text/plain; charset=utf-8", "カード番号：４１１１－１１１１－１１１１－１１１１")
		},
		"gzip": func(w *world) (int, string, error) {
			return w.post(t, "text/plain", gz("card "+pan), "Content-Encoding", "gzip")
		},
		"query":  func(w *world) (int, string, error) { return w.get(t, "/pay?card=4111111111111111") },
		"header": func(w *world) (int, string, error) { return w.post(t, "text/plain", "x", "X-Card", pan) },
		"multipart": func(w *world) (int, string, error) {
			return w.post(t, "multipart/form-data; boundary=b0", "--b0\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n"+pan+"\r\n--b0--\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			status, body, err := send(w)
			if err != nil || status != http.StatusForbidden || !strings.Contains(body, "SK3402") {
				t.Fatalf("%d %q %v, want 403 SK3402", status, body, err)
			}
			if got := w.bodies(); len(got) != 0 {
				t.Errorf("the upstream saw %q", got)
			}
			d := w.decisions(t)
			if len(d) != 1 || d[0].Rule != "card" {
				t.Errorf("decisions %+v, want one by rule card", d)
			}
			w.silent(t, "4111")
		})
	}
}

// A body longer than what is held is aborted before it completes upstream.
func TestCardInALongBody(t *testing.T) {
	complete := make(chan bool, 1)
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		complete <- err == nil
		if strings.Contains(string(body), "1111 1111 1111") {
			t.Error("the upstream saw the card number")
		}
	}, func(c *Config) { c.HoldBytes = 1000; c.Hosts[0].Firewall = Off })
	for _, at := range []int{990, 1000, 20000, 40000 - 5} {
		long := strings.Repeat("ordinary words ", 4000)
		status, _, err := w.post(t, "text/plain", long[:at]+" "+pan+" "+long[at:])
		if err == nil && status == http.StatusOK {
			t.Errorf("at %d: the request passed", at)
		}
		if <-complete && at > 1000 {
			t.Errorf("at %d: the upstream read a complete body", at)
		}
		if at <= 1000 {
			break
		}
	}
}

func TestCardInAResponse(t *testing.T) {
	for name, pieces := range map[string][]string{
		"at once":  {"your card " + pan + " was charged"},
		"in parts": {"your card 4111 11", "11 1111 1", "111 was charged"},
		"far":      {strings.Repeat("words and words ", 5000), pan, " end"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "text/html")
				for _, p := range pieces {
					_, _ = io.WriteString(rw, p)
					rw.(http.Flusher).Flush()
				}
			})
			_, body, err := w.get(t, "/account")
			if err == nil {
				t.Errorf("the response came to its end")
			}
			if strings.Contains(body, "1111 1111") || strings.Contains(body, "charged") || strings.HasSuffix(body, "end") {
				t.Errorf("%d bytes passed: …%q", len(body), body[max(0, len(body)-60):])
			}
			d := w.decisions(t)
			if len(d) != 1 || d[0].Action != "cut" {
				t.Errorf("decisions %+v, want one cut", d)
			}
		})
	}
}

// A number that is none, at the end of one piece and the beginning of the next.
func TestNoCardPasses(t *testing.T) {
	want := "order 20261122-000123 4111" + strings.Repeat(" 7", 300) + " 1111 1111, tracking 4111 1111 1111 1112 3 end 41"
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		for i := range len(want) {
			_, _ = io.WriteString(rw, want[i:i+1])
			rw.(http.Flusher).Flush()
		}
	})
	if _, body, err := w.get(t, "/"); err != nil || body != want {
		t.Errorf("got %q, %v\nwant %q", body, err, want)
	}
}

func TestObserveLetsPass(t *testing.T) {
	for _, mode := range []Mode{Observe, Report} {
		w := newWorld(t, nil, func(c *Config) { c.Hosts[0].Firewall, c.Hosts[0].Cards = mode, mode })
		body := "q=%3Cscript%3Ealert(1)%3C/script%3E&card=4111111111111111"
		if status, _, err := w.post(t, "application/x-www-form-urlencoded", body); err != nil || status != http.StatusOK {
			t.Fatalf("%d, %v", status, err)
		}
		if got := w.bodies(); len(got) != 1 || got[0] != body {
			t.Errorf("the upstream saw %q", got)
		}
		d := w.decisions(t)
		want := map[Mode]string{Observe: "observe", Report: "report"}[mode]
		if len(d) != 2 || d[0].Action != want || d[1].Action != want {
			t.Errorf("decisions %+v, want two to %s", d, want)
		}
	}
}

// Personal data in a response is counted, by element, and never kept.
func TestElementsAreCounted(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, `[{"email":"taro@example.jp","tel":"090-1234-5678"},{"email":"hanako@example.com"}]`)
	})
	if _, _, err := w.get(t, "/customers/42/orders"); err != nil {
		t.Fatal(err)
	}
	ends := w.ends(t)
	if len(ends) != 1 || ends[0].Outcome != "done" || ends[0].Status != 200 {
		t.Fatalf("%+v", ends)
	}
	count := map[string]uint64{}
	for _, c := range ends[0].Counts {
		count[c.Element.String()] = c.Count
	}
	if count["email"] != 2 || count["phone"] != 1 {
		t.Errorf("counted %v, want 2 of email and 1 of phone", count)
	}
	begun := eventtest.Of[*event.Exchange](w.rec)
	if len(begun) != 1 || begun[0].Route != "/customers/:x/orders" {
		t.Errorf("%+v, want the route without the number", begun)
	}
	w.silent(t, "taro", "hanako", "1234", "/42/")
}

func TestUnknownHost(t *testing.T) {
	w := newWorld(t, nil)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/", nil)
	r.Host = "evil.example"
	status, _, err := w.send(t, r)
	if err != nil || status != http.StatusMisdirectedRequest {
		t.Errorf("%d, %v, want 421", status, err)
	}
	w.silent(t, "evil")
}

func TestUpstreamIsGone(t *testing.T) {
	w := newWorld(t, nil)
	w.upstream.Close()
	status, body, err := w.get(t, "/")
	if err != nil || status != http.StatusBadGateway || !strings.Contains(body, "SK3405") {
		t.Errorf("%d %q %v, want 502 SK3405", status, body, err)
	}
	if got := w.ends(t); len(got) != 1 || got[0].Outcome != "upstream" {
		t.Errorf("%+v", got)
	}
	if f := eventtest.Of[*event.Finding](w.rec); len(f) != 1 || f[0].Detail != "connection refused" {
		t.Errorf("findings %+v", f)
	}
}

// Server-sent events arrive one by one.
func TestEventsStream(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "text/plain"} {
		t.Run(contentType, func(t *testing.T) { eventsStream(t, contentType) })
	}
}

func eventsStream(t *testing.T, contentType string) {
	next := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", contentType)
		for i := range 3 {
			fmt.Fprintf(rw, "data: tick %d\n\n", i)
			rw.(http.Flusher).Flush()
			<-next
		}
	})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/events", nil)
	r.Host = "shop.example.jp"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	in := bufio.NewReader(a.Body)
	for i := range 3 {
		line, err := in.ReadString('\n')
		if want := fmt.Sprintf("data: tick %d\n", i); err != nil || line != want {
			t.Fatalf("got %q, %v, want %q", line, err, want)
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

// A connection that changes its protocol passes both ways.
func TestUpgrade(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "echo")
		rw.WriteHeader(http.StatusSwitchingProtocols)
		conn, buf, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		line, _ := buf.ReadString('\n')
		fmt.Fprintf(conn, "you said %s", line)
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", a, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := in.ReadString('\n'); line != "you said hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// A connection that changed its protocol ends with the gate.
func TestUpgradeEndsWithTheGate(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "echo")
		rw.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		conn.Close()
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	if a, err := http.ReadResponse(in, nil); err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("%q, %v after the gate has ended", rest, err)
	}
	if got := w.ends(t); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestRoute(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/orders/123/edit": "/orders/:x/edit", "/users/taro@example.jp": "/users/:x", "/検索": "/:x",
		"/a/verylongpartofapaththatmaybeatoken": "/a/:x", "/index.html": "/index.html",
	} {
		if got := Route(path); got != want {
			t.Errorf("Route(%q) = %q, want %q", path, got, want)
		}
	}
}

// A card number that would pass as configured does not when that cannot be
// recorded.
func TestUnrecordedCardIsCut(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(rw, "your card "+pan+" was charged")
	}, func(c *Config) { c.Hosts[0].Firewall, c.Hosts[0].Cards = Off, Observe })
	w.rec.FailAfter(1, event.ErrFull, false) // the exchange is recorded, the decision is not
	if _, body, err := w.get(t, "/account"); err == nil || strings.Contains(body, "charged") {
		t.Errorf("%q passed, %v", body, err)
	}
}
