package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/exitca"
	"sekisho/internal/policy/cut"
	"sekisho/proof/scope"
)

// readRules read what goes to the segment here.
const readRules = `
generation: 1
segments:
  - {name: there, networks: [127.0.0.0/8], names: [open.here.example]}
  - {name: here, networks: [127.0.0.0/8], names: [forms.here.example, other.example]}
roles:
  - name: office
    addresses: [127.0.0.1]
    allow:
      - {name: tunnels, segments: [there], ports: ["1-65535"]}
      - {name: forms, segments: [here], ports: ["1-65535"], methods: [GET, POST], inner: read}
`

// mail is the address of the synthetic customer n; 0 to 999 are known.
func mail(n int) string { return fmt.Sprintf("guest%04d@mail.example.jp", n) }

// shop is a world that reads, before a server that keeps what it is sent.
type shop struct {
	*world
	server *httptest.Server
	ca     *x509.CertPool // of the gate

	mu  sync.Mutex
	got []string // bodies
	via string
}

func newShop(t *testing.T, text string, settings ...setting) *shop {
	t.Helper()
	s := &shop{ca: x509.NewCertPool()}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.got = append(s.got, string(body))
		}
		s.via = r.Header.Get("Via")
		fmt.Fprint(w, "thank you, "+r.Proto)
	}))
	// The destination has an authority of its own, which the gate trusts.
	theirs, err := exitca.Make(t.TempDir(), []string{"here.example"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.server.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return theirs.Leaf(h.ServerName) }}
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(theirs.PEM())
	ours, err := exitca.Make(t.TempDir(), []string{"here.example"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.ca.AppendCertsFromPEM(ours.PEM())
	reading := &Reading{Leaf: ours.Leaf, Roots: roots, Start: 1, Identifiers: element.MaskOf(element.Email),
		Hash: func(parts ...[]byte) (sum [16]byte) {
			h := sha256.New()
			for _, part := range parts {
				fmt.Fprintf(h, "%d:%s", len(part), part)
			}
			copy(sum[:], h.Sum(nil))
			return sum
		},
		Owners: func(dst []Owner, _ element.Kind, value []byte) []Owner {
			var n uint32
			if c, _ := fmt.Sscanf(strings.ToLower(string(value)), "guest%04d@mail.example.jp", &n); c != 1 || n > 999 {
				return dst
			}
			return append(dst, Owner{"shop.customers", n})
		}}
	s.world = newWorld(t, text, append([]setting{func(c *Config) { c.Reading = reading }}, settings...)...)
	return s
}

func (s *shop) port() string { return port(s.server.Listener.Addr().String()) }

// client is one that trusts the gate's authority, over CONNECT.
func (s *shop) client(t *testing.T) *http.Client {
	proxy := &url.URL{Scheme: "http", Host: s.proxy}
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: s.ca}, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func (s *shop) address(name, path string) string {
	return "https://" + name + ":" + s.port() + path
}

// post sends a body and returns the answer.
func (s *shop) post(t *testing.T, c *http.Client, address, kind string, body []byte, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// places are the first events of a run at a gate before which a shop's database
// rests, which holds the customers 0 to 999.
func (s *shop) places(t *testing.T) {
	t.Helper()
	all := event.Set{{First: 0, Last: 999}}
	_, err := s.rec.Record(t.Context(), event.Written, &event.SourceStart{Start: 1, Places: []event.Place{"egress/test"}},
		&event.HoldingScan{Scan: 1, Parts: 1, Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Email, element.Name), From: 1, To: 2, Rows: 1000, Subjects: all},
		&event.Taint{Table: "egress/test", From: []event.Place{"shop"}, Elements: everything, Reason: "egress", Shown: true, Standing: true})
	if err != nil {
		t.Fatal(err)
	}
}

// scope is whose data left by the gate: confirmed and reachable, as numbers.
func (s *shop) scope(t *testing.T) (confirmed, reachable string) {
	t.Helper()
	s.flows(t) // it has ended
	_, sets, err := scope.Evaluate(s.rec.Lines(), scope.Query{Places: []string{"egress/test"}})
	if err != nil {
		t.Fatal(err)
	}
	return text(sets[scope.Confirmed]["shop.customers"]), text(sets[scope.Reachable]["shop.customers"])
}

func text(s *scope.Set) string {
	if s == nil {
		return ""
	}
	return s.String()
}

func (s *shop) parts() (all []event.Part) {
	for _, c := range eventtest.Of[*event.Crossing](s.rec) {
		all = append(all, c.Parts...)
	}
	return all
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// TestReadTunnel: whose data left is known exactly, over HTTP/1.1, also when
// bodies are compressed or forms.
func TestReadTunnel(t *testing.T) {
	s := newShop(t, readRules)
	s.places(t)
	c := s.client(t)
	status, said := s.post(t, c, s.address("forms.here.example", "/upload"), "text/csv", []byte(mail(7)+"\n"+mail(9)+"\n"))
	if status != 200 || said != "thank you, HTTP/1.1" {
		t.Fatal(status, said)
	}
	s.post(t, c, s.address("forms.here.example", "/upload"), "application/json", zipped(`{"to":"`+mail(11)+`"}`), "Content-Encoding", "gzip")
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	if err := m.WriteField("who", mail(13)); err != nil {
		t.Fatal(err)
	}
	m.Close()
	s.post(t, c, s.address("forms.here.example", "/upload"), m.FormDataContentType(), form.Bytes())
	s.post(t, c, s.address("forms.here.example", "/upload?who="+url.QueryEscape(mail(15))), "application/x-www-form-urlencoded", []byte("who="+url.QueryEscape(mail(17))))

	confirmed, reachable := s.scope(t)
	if want := "7,9,11,13,15,17"; confirmed != want || reachable != want {
		t.Errorf("confirmed %s, reachable %s, want %s", confirmed, reachable, want)
	}
	flow, end := s.one(t)
	if flow.Rule != "office/forms" || end.Outcome != "done" || end.Sent == 0 || end.Received == 0 {
		t.Errorf("%+v, %+v", flow, end)
	}
	for _, line := range s.rec.Lines() {
		if bytes.Contains(line, []byte("@mail")) || bytes.Contains(line, []byte("/upload")) {
			t.Errorf("an event holds what was sent: %s", line)
		}
	}
}

// TestUnreadIsBounded: what nobody can look into may be everybody.
func TestUnreadIsBounded(t *testing.T) {
	dark := strings.Repeat("q1Zx", 100)
	for _, x := range []struct {
		name, host, kind, encoding string
		body                       []byte
		reason                     string
	}{
		{"a tunnel that is not read", "open.here.example", "text/plain", "", []byte(mail(7)), "unread"},
		{"a type that is no text", "forms.here.example", "application/octet-stream", "", []byte("x"), "unread"},
		{"an encoding that is none", "forms.here.example", "text/plain", "gzip", []byte(mail(7)), "unread"},
		{"an encoding nobody knows", "forms.here.example", "text/plain", "x-own", []byte("x"), "unread"},
		{"a bomb", "forms.here.example", "text/plain", "gzip", zipped(strings.Repeat("a b ", 8<<20)), "unread"},
		{"letters that may be anything", "forms.here.example", "text/plain", "", []byte(mail(7) + " " + dark), "unread"},
		{"a text that nobody recognises", "forms.here.example", "text/plain", "", []byte("seven of nine"), "nothing recognised"},
		{"somebody who is not known", "forms.here.example", "text/plain", "", []byte("guest5000@mail.example.jp"), "content"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newShop(t, readRules)
			s.places(t)
			c := s.client(t)
			if x.host == "open.here.example" { // the client sees the server's own certificate
				c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
				c.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			}
			if status, said := s.post(t, c, s.address(x.host, "/"), x.kind, x.body, "Content-Encoding", x.encoding); status != 200 {
				t.Fatal(status, said)
			}
			if _, reachable := s.scope(t); reachable != "0-999" {
				t.Errorf("reachable is %s", reachable)
			}
			if !slices.ContainsFunc(s.parts(), func(p event.Part) bool { return p.Class == event.Bounded && p.Reason == x.reason }) {
				t.Errorf("parts %+v", s.parts())
			}
		})
	}
}

// TestLongBody: a body that is too long to be held passes, after it is recorded
// that anybody may be in it, and is known at its end.
func TestLongBody(t *testing.T) {
	s := newShop(t, readRules)
	s.places(t)
	var body bytes.Buffer
	for body.Len() < 3<<20 {
		fmt.Fprintf(&body, "%s\n", mail(body.Len()%500))
	}
	if status, said := s.post(t, s.client(t), s.address("forms.here.example", "/"), "text/csv", body.Bytes()); status != 200 || s.got[0] != body.String() {
		t.Fatal(status, said)
	}
	confirmed, reachable := s.scope(t)
	if n := len(eventtest.Of[*event.Intent](s.rec)); n != 1 {
		t.Errorf("%d intents", n)
	}
	if confirmed != reachable || confirmed == "" || confirmed == "0-999" {
		t.Errorf("confirmed %s, reachable %s", confirmed, reachable)
	}
}

// TestReadRefusals: methods, hosts inside and listed addresses are judged for
// each request, and refused before the destination hears of them.
func TestReadRefusals(t *testing.T) {
	s := newShop(t, readRules, func(c *Config) {
		c.ListedURL = func(_ string, u *url.URL, _ time.Time) (string, bool) { return "bad", u.Path == "/drop" }
	})
	c := s.client(t)
	ask := func(method, path, host string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.address("forms.here.example", path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		a, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, _ := io.ReadAll(a.Body)
		return a.StatusCode, string(text)
	}
	for _, x := range [][3]string{{"DELETE", "/", ""}, {"GET", "/", "fronted.here.example:" + s.port()}, {"GET", "/drop", ""}} {
		if status, text := ask(x[0], x[1], x[2]); status != http.StatusForbidden || !strings.Contains(text, "SK3501") {
			t.Errorf("%v: %d %s", x, status, text)
		}
	}
	if status, _ := ask("GET", "/", ""); status != 200 {
		t.Errorf("what is allowed: %d", status)
	}
	flows, _ := s.flows(t)
	var refused []string
	for _, f := range flows {
		if f.Action == "refuse" {
			refused = append(refused, f.Protocol+" "+f.Step+" "+f.Rule)
		}
	}
	want := []string{"inside deny segment", "inside deny server-name", "inside list bad"}
	if diff := cmp.Diff(want, refused); diff != "" || len(s.got) != 1 {
		t.Errorf("the server was asked %d times; refused (-want +got):\n%s", len(s.got), diff)
	}
}

// TestReadFails: a client that pins its certificate, a destination whose
// certificate is not to be trusted, a name that the authority is not for.
func TestReadFails(t *testing.T) {
	finding := func(t *testing.T, s *shop, code string) {
		t.Helper()
		if !slices.ContainsFunc(eventtest.Of[*event.Finding](s.rec), func(f *event.Finding) bool { return f.Code == code }) {
			t.Errorf("no %s was raised", code)
		}
	}
	t.Run("pinned", func(t *testing.T) {
		s := newShop(t, readRules)
		c := s.client(t)
		c.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
		if a, err := c.Get(s.address("forms.here.example", "/")); err == nil {
			a.Body.Close()
			t.Fatal("a client took a certificate that it does not trust")
		}
		if _, end := s.one(t); end.Outcome != "refused" || end.Detail != "the client does not accept the gate's certificate" {
			t.Errorf("%+v", end)
		}
		finding(t, s, "SK3511")
	})
	t.Run("untrusted", func(t *testing.T) {
		s := newShop(t, readRules, func(c *Config) { c.Reading.Roots = x509.NewCertPool() })
		if status, said := s.post(t, s.client(t), s.address("forms.here.example", "/"), "text/plain", []byte("x")); status != http.StatusBadGateway || !strings.Contains(said, "SK3512") {
			t.Errorf("%d %s", status, said)
		}
		if _, end := s.one(t); end.Outcome != "refused" || len(s.got) != 0 {
			t.Errorf("%+v; the server was asked %d times", end, len(s.got))
		}
		finding(t, s, "SK3512")
	})
	t.Run("another name", func(t *testing.T) {
		s := newShop(t, readRules)
		s.name("other.example", "127.0.0.1")
		_, _, a := s.connect(t, "other.example:"+s.port())
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%d", a.StatusCode)
		}
		if flow, end := s.one(t); flow.Action != "refuse" || end != nil || !strings.Contains(flow.Reason, "to be read") {
			t.Errorf("%+v, %+v", flow, end)
		}
	})
	t.Run("a gate that reads nothing", func(t *testing.T) {
		s := newShop(t, readRules, func(c *Config) { c.Reading = nil })
		if _, _, a := s.connect(t, "forms.here.example:"+s.port()); a.StatusCode != http.StatusForbidden {
			t.Errorf("%d", a.StatusCode)
		}
	})
}

// TestCutEndsReading: a cut ends a tunnel that is read, in the middle of an
// upload, and the receipt comes when nothing leaves any more.
func TestCutEndsReading(t *testing.T) {
	s := newShop(t, readRules)
	s.places(t)
	conn, _, a := s.connect(t, "forms.here.example:"+s.port())
	if a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	c := tls.Client(conn, &tls.Config{RootCAs: s.ca, ServerName: "forms.here.example"})
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: forms.here.example:%s\r\n\r\n", s.port())
	in := bufio.NewReader(c)
	first, err := http.ReadResponse(in, nil)
	if err != nil || first.StatusCode != 200 {
		t.Fatal(first, err)
	}
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: forms.here.example:%s\r\nContent-Type: text/csv\r\nContent-Length: 100000000\r\n\r\n", s.port())
	go func() { // until the cut
		line := []byte(strings.Repeat(mail(7)+"\n", 1000))
		for {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	}()
	ctx := t.Context()
	for len(eventtest.Of[*event.Intent](s.rec)) == 0 { // the upload is under way
		if _, err := s.rec.Await(ctx, len(s.rec.Events())+1); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.gate.Cut(ctx, cuts(t, 1, cut.Entry{Kind: cut.Name, Target: "here.example"}))
	if n != 1 || err != nil {
		t.Errorf("%d flows were cut, %v", n, err)
	}
	_, _ = io.Copy(io.Discard, conn) // it ends
	if confirmed, _ := s.scope(t); confirmed != "7" {
		t.Errorf("confirmed %s", confirmed)
	}
	if _, end := s.one(t); end.Outcome != "cut" {
		t.Errorf("%+v", end)
	}
	if len(s.got) != 1 {
		t.Errorf("the server took %d whole bodies, of which one was before the cut", len(s.got))
	}
}
