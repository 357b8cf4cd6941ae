package revproxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/policy/visit"
	"sekisho/proof/scope"
)

// mail is the address of the synthetic customer n.
func mail(n int) string { return fmt.Sprintf("guest%04d@mail.example.jp", n) }

// persons makes a site know the owners of mail(0) to mail(999); mail(13) is of
// two.
func withPersons(p Persons) setting {
	p.Identifiers = element.MaskOf(element.Email)
	p.Hash = func(parts ...[]byte) (sum [16]byte) {
		h := sha256.New()
		for _, part := range parts {
			fmt.Fprintf(h, "%d:%s", len(part), part)
		}
		copy(sum[:], h.Sum(nil))
		return sum
	}
	p.Owners = func(dst []Owner, _ element.Kind, value []byte) []Owner {
		var n uint32
		if c, _ := fmt.Sscanf(strings.ToLower(string(value)), "guest%04d@mail.example.jp", &n); c != 1 || n > 999 {
			return dst
		}
		if n == 13 {
			dst = append(dst, Owner{"shop.members", 1})
		}
		return append(dst, Owner{"shop.customers", n})
	}
	return func(c *Config) { c.Hosts[0].Persons, c.Start = &p, 1 }
}

// places are the first events of a run with a site that shows a shop's database,
// which holds the customers 0 to 999.
func (w *world) places(t *testing.T) {
	t.Helper()
	all := event.SetOf(numbers(0, 999))
	_, err := w.rec.Record(t.Context(), event.Written, &event.SourceStart{Start: 1, Places: []event.Place{"web/shop"}},
		&event.HoldingScan{Scan: 1, Parts: 1, Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Email, element.Name), From: 1, To: 2, Rows: 1000, Subjects: all},
		&event.Taint{Table: "web/shop", From: []event.Place{"shop"}, Source: "shop.customers", Elements: element.MaskOf(element.Email, element.Name), Reason: "site", Shown: true})
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(from, to int) (all []uint32) {
	for n := from; n <= to; n++ {
		all = append(all, uint32(n))
	}
	return all
}

// asked returns the scope of a question over everything recorded.
func (w *world) asked(t *testing.T, q scope.Query) (*scope.Result, scope.Sets) {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	r, sets, err := scope.Evaluate(w.rec.Lines(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r, sets
}

func crossed(w *world) (all []event.Part) {
	for _, c := range eventtest.Of[*event.Crossing](w.rec) {
		all = append(all, c.Parts...)
	}
	return all
}

func TestResponseIsAttributed(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(rw, `[{"email":%q},{"email":%q},{"email":%q},{"email":%q},{"email":"Guest0007@mail.example.jp"},{"email":"info@shop.example.jp"}]`, mail(7), mail(9), mail(13), mail(5000))
	}, withPersons(Persons{Ours: []string{"info@shop.example.jp"}}))
	w.places(t)
	if status, body, err := w.get(t, "/orders"); status != 200 || err != nil || !strings.Contains(body, mail(7)) {
		t.Fatal(status, body, err)
	}
	ends := w.ends(t)
	email := element.MaskOf(element.Email)
	want := []event.Part{
		{Table: "web/shop", Source: "shop.customers", Elements: email, Class: event.Exact, Rows: 3, Subjects: event.SetOf([]uint32{7, 9})},
		{Table: "web/shop", Elements: email, Class: event.Bounded, Reason: "content", Rows: 2},
	}
	if diff := cmp.Diff(want, crossed(w)); diff != "" {
		t.Error(diff)
	}
	if len(ends) != 1 || ends[0].Persons != 4 {
		t.Errorf("%+v", ends)
	}
	open := eventtest.Of[*event.SessionOpen](w.rec)
	if len(open) != 1 || open[0].Address != "127.0.0.1" || open[0].Session>>32 != 1 {
		t.Errorf("%+v", open)
	}
	w.silent(t, "mail.example.jp", "info@")
	r, _ := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	if r.Confirmed.Subjects != 2 || r.Reachable.Subjects != 1000 {
		t.Errorf("confirmed %d, reachable %d", r.Confirmed.Subjects, r.Reachable.Subjects)
	}
	if r, _ := w.asked(t, scope.Query{Places: []string{"shop"}}); r.Confirmed.Subjects != 0 {
		t.Errorf("who asks about the database asks about no site: %+v", r.Confirmed)
	}
}

// An application that shows anybody's order to anybody: the scope of the one who
// went through the numbers is what their browser was sent, to the person, and a
// limit ends it.
func TestBrokenAccessControl(t *testing.T) {
	handler := func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(rw, &http.Cookie{Name: "PHPSESSID", Value: "s3cr3t" + r.URL.Query().Get("as")})
			return
		}
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/orders/%d", &n)
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, "<p>ご予約の確認 %s 様</p>", mail(n))
	}
	for _, c := range []struct {
		mode Mode
		last int // order that was shown
	}{{Observe, 78}, {Report, 78}, {Enforce, 59}} {
		w := newWorld(t, handler, withPersons(Persons{Mode: c.mode, Limits: visit.Limits{Session: 40}}))
		w.places(t)
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		fetch := func(target string) (int, string) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("User-Agent", "Mozilla/5.0")
			r.Header.Set("Accept", "text/html")
			a, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			body, err := io.ReadAll(a.Body)
			if err != nil {
				t.Fatal(err)
			}
			return a.StatusCode, string(body)
		}
		fetch("/login?as=one")
		var received []uint32
		for n := 20; n < 79; n++ {
			status, body := fetch(fmt.Sprintf("/orders/%d", n))
			if strings.Contains(body, mail(n)) != (status == 200) || strings.Contains(body, "SK3415") == (status == 200) {
				t.Fatalf("mode %d, order %d: %d %s", c.mode, n, status, body)
			}
			if status == 200 {
				received = append(received, uint32(n))
			}
		}
		if last := received[len(received)-1]; last != uint32(c.last) {
			t.Errorf("mode %d: the last that was shown is %d", c.mode, last)
		}
		// Another visitor from the same address goes on.
		jar.SetCookies(mustURL(t, w.url), []*http.Cookie{{Name: "PHPSESSID", Value: "another"}})
		if status, _ := fetch("/orders/100"); status != 200 {
			t.Errorf("mode %d: another session is shut out: %d", c.mode, status)
		}
		session := eventtest.Of[*event.Crossing](w.rec)[0].Session
		_, sets := w.asked(t, scope.Query{Places: []string{"web/shop"}, Sessions: []scope.Session{{ID: uint64(session)}}})
		got := sets[scope.Confirmed]["shop.customers"]
		if diff := cmp.Diff(string(event.SetOf(slices.Clone(received)).Append(nil)), got.String()); diff != "" {
			t.Errorf("mode %d: confirmed is not what was received: %s", c.mode, diff)
		}
		wantRaised := 1
		if n := len(eventtest.Of[*event.Finding](w.rec)); n != wantRaised {
			t.Errorf("mode %d: %d findings", c.mode, n)
		}
		w.silent(t, "s3cr3t", "mail.example.jp")
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A page that repeats what it was sent shows nobody: the sender knew it.
func TestEchoIsNotConfirmed(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, `<input name="email" value="%s">`, r.FormValue("email"))
	}, withPersons(Persons{}))
	w.places(t)
	if status, body, err := w.post(t, "application/x-www-form-urlencoded", "email="+url.QueryEscape(mail(5))); status != 200 || err != nil || !strings.Contains(body, mail(5)) {
		t.Fatal(status, body, err)
	}
	r, _ := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	if r.Confirmed.Subjects != 0 || r.Reachable.Subjects != 1000 || crossed(w)[0].Reason != "echo" {
		t.Errorf("confirmed %d, reachable %d: %+v", r.Confirmed.Subjects, r.Reachable.Subjects, crossed(w))
	}
}

// What cannot be read, or holds nothing that anybody would recognise, is no
// proof that nobody is in it; what is said to hold nobody is watched.
func TestNothingRecognisedIsBounded(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", map[string]string{"/static/a.png": "image/png", "/scan.png": "image/png"}[r.URL.Path])
		if rw.Header().Get("Content-Type") == "" {
			rw.Header().Set("Content-Type", "text/html")
		}
		if r.URL.Path == "/static/list" {
			_, _ = io.WriteString(rw, mail(3))
			return
		}
		_, _ = io.WriteString(rw, "hello")
	}, withPersons(Persons{Nobody: []string{"/static/"}}))
	w.places(t)
	for _, target := range []string{"/", "/scan.png", "/static/a.png", "/static/", "/static/list"} {
		if status, _, err := w.get(t, target); status != 200 || err != nil {
			t.Fatal(target, status, err)
		}
	}
	w.ends(t)
	var reasons []string
	for _, p := range crossed(w) {
		reasons = append(reasons, p.Reason)
	}
	if diff := cmp.Diff([]string{"nothing recognised", "unread", ""}, reasons); diff != "" {
		t.Error(diff)
	}
	if f := eventtest.Of[*event.Finding](w.rec); len(f) != 1 || f[0].Code != codeNobody {
		t.Errorf("%+v", f)
	}
}

// A stream is bounded until its end, and cut when it passes a limit.
func TestStreamIsBoundedFirst(t *testing.T) {
	next := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for n := range 30 {
			fmt.Fprintf(rw, "data: {\"email\":\"%s\"}\n\n%s", mail(n+100), strings.Repeat(":\n", 8<<10))
			rw.(http.Flusher).Flush()
			if n == 0 {
				<-next
			}
		}
	}, withPersons(Persons{Mode: Enforce, Limits: visit.Limits{Session: 9}}))
	w.places(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	lines := bufio.NewReader(a.Body)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(first, mail(100)) {
		t.Fatalf("the first event waits for the second: %q %v", first, err)
	}
	if got, _, err := scope.Evaluate(w.rec.Lines(), scope.Query{Places: []string{"web/shop"}}); err != nil || got.Reachable.Subjects != 1000 || got.Coverage.OpenIntents != 1 {
		t.Errorf("while it runs anybody may be in it: %+v %v", got, err)
	}
	close(next)
	rest, err := io.ReadAll(lines)
	if err == nil || strings.Contains(string(rest), mail(120)) {
		t.Errorf("the stream was not cut: %v", err)
	}
	res, sets := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	for n := range 30 {
		if strings.Contains(first+string(rest), mail(n+100)) && !strings.Contains(sets[scope.Confirmed]["shop.customers"].String()+",", "100-") {
			t.Errorf("person %d was sent and is not confirmed: %v", n+100, sets[scope.Confirmed])
		}
	}
	if res.Coverage.OpenIntents != 0 || res.Confirmed.Subjects < 9 {
		t.Errorf("%d open, %d confirmed", res.Coverage.OpenIntents, res.Confirmed.Subjects)
	}
}

func TestEncodedAndLongAreAttributed(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		if r.URL.Path == "/gzip" {
			rw.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(rw)
			defer z.Close()
			fmt.Fprintln(z, mail(20))
			return
		}
		for n := range 400 {
			fmt.Fprintf(rw, "%s%s\n", strings.Repeat("x ", 2000), mail(500+n))
		}
	}, withPersons(Persons{}))
	w.places(t)
	for _, target := range []string{"/gzip", "/long"} {
		if status, _, err := w.get(t, target); status != 200 || err != nil {
			t.Fatal(target, status, err)
		}
	}
	_, sets := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	if got := sets[scope.Confirmed]["shop.customers"].String(); got != "20,500-899" {
		t.Errorf("confirmed %s", got)
	}
	if n := len(eventtest.Of[*event.Intent](w.rec)); n != 1 {
		t.Errorf("%d intents: the long one alone streams", n)
	}
}

// What left before the visitor hung up has crossed.
func TestVisitorHangsUp(t *testing.T) {
	gone := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(rw, "data: %s\n\n", mail(42))
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}, withPersons(Persons{}))
	w.places(t)
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(a.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	hangUp()
	_ = a.Body.Close() // the connection is gone
	<-gone
	res, _ := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	if res.Confirmed.Subjects != 1 || res.Coverage.OpenIntents != 0 {
		t.Errorf("%d confirmed, %d open", res.Confirmed.Subjects, res.Coverage.OpenIntents)
	}
}

// A crossing that cannot be recorded does not happen.
func TestUnrecordedPersonsDoNotPass(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, mail(1))
	}, withPersons(Persons{}))
	w.rec.FailAfter(1, io.ErrClosedPipe, false) // the opening of the exchange is recorded
	status, body, err := w.get(t, "/")
	if err != nil || status != http.StatusServiceUnavailable || strings.Contains(body, mail(1)) {
		t.Errorf("%d %s %v", status, body, err)
	}
}
