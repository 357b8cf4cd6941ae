package egress

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/event"
)

// TestHeadsLeaveToo: what a path and fields carry out is counted, and bounded,
// like a body.
func TestHeadsLeaveToo(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w := newWorld(t, strings.Replace(rules, `ports: ["1-65535"]}`, `ports: ["1-65535"], sent_per_hour: 4KiB}`, 1))
	proxy, err := url.Parse("http://" + w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: patience}
	get := func(field string) int {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://www.here.example:"+port(server.URL)+"/?d="+strings.Repeat("a", 1000), nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-More", field)
		r, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if code := get(strings.Repeat("b", 1000)); code != http.StatusNotFound {
		t.Fatalf("the first request: %d", code)
	}
	if code := get(strings.Repeat("c", 2000)); code != http.StatusForbidden {
		t.Errorf("beyond the bound: %d", code)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	sent := map[string]uint64{} // by outcome: the end of the first may come last
	for _, b := range w.rec.Bodies() {
		if e, ok := b.(*event.FlowEnd); ok {
			sent[e.Outcome] = e.Sent
		}
	}
	if n, ok := sent["limit"]; len(sent) != 2 || !ok || n != 0 || sent["done"] < 2000 || sent["done"] > 2500 {
		t.Errorf("2000 bytes left in the first head, nothing in the second: %v", sent)
	}
}

// TestHalfClosed: a client that ends its side before the answer gets none: net/http
// takes it for gone. It never gets an answer that nobody gave.
func TestHalfClosed(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	w := newWorld(t, rules)
	conn, err := net.Dial("tcp", w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline(t, conn)
	fmt.Fprintf(conn, "GET http://www.here.example:%s/ HTTP/1.1\r\nHost: www.here.example\r\n\r\n", port(server.URL))
	<-asked
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
		t.Errorf("%q, %v", answer, err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if _, e := w.one(t); e == nil || e.Outcome != "aborted" {
		t.Errorf("%+v", e)
	}
}

// TestConnectLines: what is no request line is none, whatever comes after it.
func TestConnectLines(t *testing.T) {
	w := newWorld(t, rules)
	for _, line := range []string{
		"CONNECT localhost:1 HTTP/1.x", "CONNECT localhost:1 HTTP/1.1 ", "CONNECT localhost:1 HTTP/1.10", "CONNECT  localhost:1 HTTP/1.1", "CONNECT localhost:1", "CONNECT http://localhost:1/ HTTP/1.1",
		"CONNECT localhost:1 HTTP/2.0", "CONNECT localhost:1 http/1.1", "CONNECT localhost\x00:1 HTTP/1.1", "CONNECT localhost:1\nX: HTTP/1.1", "CONNECT ::1:1 HTTP/1.1", "CONNECT localhost:1 HTTP/1.1\nHost:x",
	} {
		conn, err := net.Dial("tcp", w.proxy)
		if err != nil {
			t.Fatal(err)
		}
		deadline(t, conn)
		fmt.Fprintf(conn, "%s\r\n\r\n", line)
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%q: %q, %v", line, answer, err)
		}
		conn.Close()
	}
}
