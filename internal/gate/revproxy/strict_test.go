package revproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// patience bounds what a test waits for; nothing is expected to take it.
const patience = 20 * time.Second

// raw sends bytes and returns the status of the answer, 0 when the connection
// ended without one.
func (w *world) raw(t testing.TB, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// The gate may have closed the connection before it has read all.
	_, _ = io.WriteString(conn, text)
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	a.Body.Close()
	return a.StatusCode
}

const common = "Host: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"

// hostile are requests that two servers may read differently, with the rule that
// refuses them; "": the gate's server or the firewall does.
var hostile = []struct{ name, text, rule string }{
	{"length and chunks", "POST / HTTP/1.1\r\n" + common + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", "length-and-chunks"},
	{"chunks and length", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n", "length-and-chunks"},
	{"two encodings", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"chunked twice", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"a list of encodings", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"xchunked", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"quoted chunked", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"chunked after a tab in the name", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", "field-name"},
	{"vertical tab before chunked", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "field-value"},
	{"encoding in HTTP/1.0", "POST / HTTP/1.0\r\n" + common + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer-encoding"},
	{"two lengths", "POST / HTTP/1.1\r\n" + common + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "content-length"},
	{"the same length twice", "POST / HTTP/1.1\r\n" + common + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "content-length"},
	{"a list of lengths", "POST / HTTP/1.1\r\n" + common + "Content-Length: 1, 1\r\n\r\na", "content-length"},
	{"a signed length", "POST / HTTP/1.1\r\n" + common + "Content-Length: +1\r\n\r\na", "content-length"},
	{"a hexadecimal length", "POST / HTTP/1.1\r\n" + common + "Content-Length: 0x1\r\n\r\na", "content-length"},
	{"no length", "POST / HTTP/1.1\r\n" + common + "Content-Length: \r\n\r\n", "content-length"},
	{"a huge length", "POST / HTTP/1.1\r\n" + common + "Content-Length: 18446744073709551617\r\n\r\na", "content-length"},
	{"space before the colon", "POST / HTTP/1.1\r\n" + common + "Content-Length : 1\r\n\r\na", "field-name"},
	{"a folded line", "GET / HTTP/1.1\r\n" + common + "X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n", "obs-fold"},
	{"a folded first line", "GET / HTTP/1.1\r\n Host: shop.example.jp\r\n\r\n", "obs-fold"},
	{"lines that end with LF", "GET / HTTP/1.1\nHost: shop.example.jp\n\n", "bare-lf"},
	{"one line that ends with LF", "GET / HTTP/1.1\r\n" + common + "X-A: b\nX-B: c\r\n\r\n", "bare-lf"},
	{"CR within a line", "GET / HTTP/1.1\r\n" + common + "X-A: b\rX-B: c\r\n\r\n", "field-value"},
	{"zero byte", "GET / HTTP/1.1\r\n" + common + "X-A: b\x00c\r\n\r\n", "field-value"},
	{"an empty name", "GET / HTTP/1.1\r\n" + common + ": b\r\n\r\n", "field-name"},
	{"no colon", "GET / HTTP/1.1\r\n" + common + "X-A\r\n\r\n", "field-name"},
	{"an empty line first", "\r\nGET / HTTP/1.1\r\n" + common + "\r\n", "request-line"},
	{"two spaces", "GET  / HTTP/1.1\r\n" + common + "\r\n", "request-line"},
	{"a tab in the first line", "GET\t/ HTTP/1.1\r\n" + common + "\r\n", "request-line"},
	{"a space in the target", "GET /a b HTTP/1.1\r\n" + common + "\r\n", "request-line"},
	{"HTTP/0.9", "GET /\r\n\r\n", "request-line"},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n" + common + "\r\n", "request-line"},
	{"HTTP/2 without its handshake", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"},
	{"extension of a chunk", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", "chunk-extension"},
	{"a chunk's length with 0x", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", "chunk"},
	{"a chunk's length with a space", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", "chunk"},
	{"a huge chunk", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx\r\n0\r\n\r\n", "chunk"},
	{"a chunk that ends late", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", "chunk"},
	{"a chunk that ends with LF", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", "bare-lf"},
	{"a trailer", "POST / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: b\r\n\r\n", "trailer"},
	{"an announced trailer", "POST / HTTP/1.1\r\n" + common + "Trailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "trailer"},
	{"two hosts", "GET / HTTP/1.1\r\n" + common + "Host: other.example\r\n\r\n", "host"},
	{"the same host twice", "GET / HTTP/1.1\r\n" + common + "Host: shop.example.jp\r\n\r\n", "host"},
	{"no host", "GET / HTTP/1.1\r\nUser-Agent: x\r\n\r\n", "host"},
	{"a target of another host", "GET http://shop.example.jp/ HTTP/1.1\r\nHost: other.example\r\n\r\n", "host"},
	{"another host than the target", "GET http://other.example/ HTTP/1.1\r\n" + common + "\r\n", "host"},
	{"a user in the target", "GET http://shop.example.jp@other.example/ HTTP/1.1\r\n" + common + "\r\n", "target"},
	{"a target of another scheme", "GET file://shop.example.jp/ HTTP/1.1\r\n" + common + "\r\n", "target"},
	{"a target without a slash", "GET shop HTTP/1.1\r\n" + common + "\r\n", "target"},
	{"a host with a name as port", "GET / HTTP/1.1\r\nHost: shop.example.jp:@evil.example\r\n\r\n", "host"},
	{"a host with a huge port", "GET / HTTP/1.1\r\nHost: shop.example.jp:99999\r\n\r\n", "host"},
	{"CONNECT", "CONNECT shop.example.jp:443 HTTP/1.1\r\n" + common + "\r\n", ""},
	{"TRACE", "TRACE / HTTP/1.1\r\n" + common + "\r\n", "method"},
	{"the whole server", "OPTIONS * HTTP/1.1\r\n" + common + "\r\n", "target"},
	{"a fragment", "GET /static/#/../admin HTTP/1.1\r\n" + common + "\r\n", "target"},
	{"dots", "GET /static/../checkout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"escaped dots", "GET /static/%2e%2E/checkout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"dots with an escaped slash", "GET /static/..%2fcheckout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"dots with a backslash", "GET /static/..%5ccheckout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"dots with a parameter", "GET /static/..;/checkout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"one dot", "GET /./checkout/ HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"a zero byte in the path", "GET /a%00.html HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"a line end in the path", "GET /a%0d%0aX-A:%20b HTTP/1.1\r\n" + common + "\r\n", "path"},
	{"a path in a field", "GET / HTTP/1.1\r\n" + common + "X-Original-URL: /admin\r\n\r\n", "x-original-url"},
	{"a cookie that goes no further", "GET / HTTP/1.1\r\n" + common + "Connection: close, Cookie\r\n\r\n", "connection"},
	{"a length with an underscore", "POST / HTTP/1.1\r\n" + common + "Content_Length: 5\r\n\r\n", "underscore"},
	{"an address with an underscore", "GET / HTTP/1.1\r\n" + common + "X_Forwarded_For: 127.0.0.1\r\n\r\n", "underscore"},
	{"two types", "POST / HTTP/1.1\r\n" + common + "Content-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "content-type"},
	{"two users", "GET / HTTP/1.1\r\n" + common + "Authorization: Basic eDp5\r\nAuthorization: Basic eDp6\r\n\r\n", "authorization"},
	{"a huge header", "GET / HTTP/1.1\r\n" + common + "X-A: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", "header too long"},
	{"a huge target", "GET /?" + strings.Repeat("a", 70<<10) + " HTTP/1.1\r\n" + common + "\r\n", "target too long"},
	{"a header that does not end", "GET / HTTP/1.1\r\n" + common + "X-A: " + strings.Repeat("a", 70<<10), "header too long"},
	{"many fields", "GET / HTTP/1.1\r\n" + common + strings.Repeat("X-A: b\r\n", 300) + "\r\n", "too many fields"},
}

// What two servers may read differently never comes to the upstream, is refused
// with 4xx or 5xx, and is in the record.
func TestHostileRequests(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			t.Errorf("the upstream saw %s %s", r.Method, r.RequestURI)
		}
	}, func(c *Config) { c.Hosts[0].Firewall, c.Hosts[0].Cards = Off, Off })
	for _, c := range hostile {
		before := len(eventtest.Of[*event.Decision](w.rec))
		status := w.raw(t, c.text)
		if status < 400 || status > 505 {
			t.Errorf("%s: status %d, want a refusal", c.name, status)
			continue
		}
		if c.rule == "" {
			continue
		}
		all := eventtest.Of[*event.Decision](w.rec)
		if len(all) != before+1 || all[before].Rule != "wire/"+c.rule || all[before].Code != fmt.Sprint(status) {
			t.Errorf("%s: status %d, want one decision of wire/%s: %s", c.name, status, c.rule, w.rec.Lines()[max(0, len(w.rec.Lines())-2):])
		}
		if got := w.raw(t, "GET /good HTTP/1.1\r\n"+common+"\r\n"); got != 200 {
			t.Fatalf("%s: the next request has status %d", c.name, got)
		}
	}
}

// harmlessRequests look odd and mean one thing.
var harmlessRequests = []struct{ name, text string }{
	{"plain", "GET /a HTTP/1.1\r\n" + common + "\r\n"},
	{"a port", "GET /a HTTP/1.1\r\nHost: shop.example.jp:8443\r\nUser-Agent: x\r\n\r\n"},
	{"upper case", "GET /a HTTP/1.1\r\nHOST: Shop.Example.JP\r\nUser-Agent: x\r\n\r\n"},
	{"its own absolute form", "GET http://shop.example.jp/a HTTP/1.1\r\n" + common + "\r\n"},
	{"HTTP/1.0", "GET /a HTTP/1.0\r\n" + common + "\r\n"},
	{"HTTP/1.0 that stays", "GET /a HTTP/1.0\r\n" + common + "Connection: keep-alive\r\n\r\n"},
	{"chunks", "POST /a HTTP/1.1\r\n" + common + "Content-Type: text/plain\r\nTransfer-Encoding: Chunked\r\n\r\n003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"},
	{"no spaces around values", "GET /a HTTP/1.1\r\nHost:shop.example.jp\r\nUser-Agent:x\r\n\r\n"},
	{"spaces and tabs around values", "GET /a HTTP/1.1\r\nHost: \t shop.example.jp \t\r\nUser-Agent: x\r\n\r\n"},
	{"two fields of cookies", "GET /a HTTP/1.1\r\n" + common + "Cookie: a=1\r\nCookie: b=2\r\n\r\n"},
	{"semicolons", "GET /a;v=1/b?x=1;y=2 HTTP/1.1\r\n" + common + "\r\n"},
	{"a double slash", "GET //a//b HTTP/1.1\r\n" + common + "\r\n"},
	{"an escaped slash", "GET /a%2Fb HTTP/1.1\r\n" + common + "\r\n"},
	{"Shift_JIS with a backslash in it", "GET /%83%5C%95%5C.html HTTP/1.1\r\n" + common + "\r\n"},
	{"a bad escape in the query", "GET /a?rate=50%&q=%u3042 HTTP/1.1\r\n" + common + "\r\n"},
	{"dots in names", "GET /a/..b/c../...  HTTP/1.1\r\n"},
	{"an underscore", "GET /a HTTP/1.1\r\n" + common + "X_Request_Id: 1\r\n\r\n"},
	{"an offer of h2c", "GET /a HTTP/1.1\r\n" + common + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"},
	{"an empty chunked body", "POST /a HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
}

func TestHarmlessRequestsPass(t *testing.T) {
	seen := make(chan *http.Request, 1)
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) { seen <- r }, func(c *Config) { c.Hosts[0].Firewall = Off })
	for _, c := range harmlessRequests {
		if c.name == "dots in names" {
			c.text = "GET /a/..b/c../... HTTP/1.1\r\n" + common + "\r\n"
		}
		if status := w.raw(t, c.text); status != 200 {
			t.Errorf("%s: status %d", c.name, status)
			continue
		}
		r := <-seen
		target := strings.Fields(c.text)[1]
		if target = strings.TrimPrefix(target, "http://shop.example.jp"); r.RequestURI != target {
			t.Errorf("%s: the upstream saw %s", c.name, r.RequestURI)
		}
		if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
			t.Errorf("%s: the upstream was offered another protocol", c.name)
		}
	}
	for _, e := range eventtest.Of[*event.Decision](w.rec) {
		t.Errorf("refused: %+v", e)
	}
}

// Requests behind one another on a connection are each looked at, whatever the
// pieces in which they come.
func TestPipelinedRequests(t *testing.T) {
	var paths []string
	w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) { paths = append(paths, r.URL.Path) }, func(c *Config) { c.Hosts[0].Firewall = Off })
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := "POST /1 HTTP/1.1\r\n" + common + "Content-Length: 3\r\n\r\nabc" +
		"POST /2 HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
		"GET /3 HTTP/1.1\r\n" + common + "\r\n" + "GET /4 HTTP/1.1\n\n"
	go func() {
		for i := range len(text) {
			_, _ = io.WriteString(conn, text[i:i+1]) // it is closed when the last is refused
		}
	}()
	in := bufio.NewReader(conn)
	for i, want := range []int{200, 200, 200, 400} {
		a, err := http.ReadResponse(in, nil)
		if err != nil || a.StatusCode != want {
			t.Fatalf("answer %d: %+v, %v, want %d: %s", i+1, a, err, want, w.rec.Lines())
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(paths, " "); got != "/1 /2 /3" {
		t.Errorf("the upstream saw %s", got)
	}
}

func TestSameAs(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a/": "/a/", "//a//b//": "/a/b/", "/a;v=1/b;x": "/a/b", "//": "/", "/a;b/": "/a/", "/a//": "/a/",
	} {
		if got := sameAs(path); got != want {
			t.Errorf("sameAs(%q) = %q, want %q", path, got, want)
		}
	}
}

// A path that servers read in two ways is under the stricter of both rules.
func TestStricterPathCounts(t *testing.T) {
	h := Host{Firewall: Enforce, Cards: Enforce, Payment: []string{"/pay/"}, Paths: []Path{{"/api/", Off, Observe}, {"/pay/", Enforce, Enforce}}}
	for path, want := range map[string][2]Mode{
		"/api/x": {Off, Observe}, "//api/x": {Enforce, Enforce}, "/api//pay/": {Off, Observe}, "/api;x=1/y": {Enforce, Enforce}, "//pay/x": {Enforce, Enforce},
	} {
		if f, c := h.modes(path); f != want[0] || c != want[1] {
			t.Errorf("%s: %d, %d, want %v", path, f, c, want)
		}
	}
	for _, path := range []string{"/pay/x", "//pay/x", "/pay;x/y"} {
		if !h.pays(path) {
			t.Errorf("%s is no payment", path)
		}
	}
}

// TestUnencryptedIsNoSecret keeps the tests of HTTP/2 honest: a recorder of
// httptest stands for a writer without deadlines.
func TestWriterWithoutDeadlines(t *testing.T) {
	s := &sending{ResponseWriter: httptest.NewRecorder(), x: &exchange{now: &inForce{Settings: Settings{Limits: Limits{Send: time.Second}}}}}
	if n, err := s.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
