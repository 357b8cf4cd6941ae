package webui

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/event"
	"sekisho/internal/lang"
)

// desktop is a browser of somebody at a console with a hostile office.
type desktop struct {
	t       testing.TB
	server  *Server
	firm    *firm
	cookies []*http.Cookie
	csrf    string
	header  http.Header
}

const origin = "http://localhost:8600"

var texts2, _ = lang.Load([]byte("element_email: {en: e-mail, ja: メール}\n"))

func newServer(t testing.TB) (*Server, *firm) {
	t.Helper()
	f := &firm{now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	a, err := account.Open(t.Context(), account.Config{Path: filepath.Join(t.TempDir(), "a.db"), Tenant: "agency", Origin: origin, Cheap: true,
		Now: func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now },
		Record: func(ctx context.Context, by event.Source, bodies ...event.Body) error {
			return f.Record(ctx, by, bodies...)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	stopped := make(chan struct{})
	t.Cleanup(func() { close(stopped) })
	return New(stopped, Config{Accounts: a, Office: f, Tenant: "agency", Origin: origin, Hosts: []string{"127.0.0.1"}, Words: texts2,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return f.now }}), f
}

// visit sends a request as a browser would, from a page of the console.
func (d *desktop) visit(method, path string, form url.Values) *http.Response {
	d.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, origin+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "en")
	for k, v := range d.header {
		r.Header[k] = v
	}
	for _, c := range d.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const testPassword = "mada mienai yama"

// enter makes an account with these roles at the tenant and enters with it.
func enter(t testing.TB, s *Server, f *firm, name string, roles ...account.Role) *desktop {
	t.Helper()
	ctx := t.Context()
	any, err := s.Accounts.Any(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var code string
	if any {
		code, err = s.Accounts.Invite(ctx, "ayame", name, roles)
	} else {
		code, err = s.Accounts.FirstRun(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &desktop{t: t, server: s, firm: f}
	page := text(t, d.visit("GET", "/join?invite="+code, nil))
	secret := regexp.MustCompile(`name="key" value="([A-Z2-7]+)"`).FindStringSubmatch(page)
	if secret == nil {
		t.Fatalf("no secret in\n%s", page)
	}
	key, err := account.ParseKey(secret[1])
	if err != nil {
		t.Fatal(err)
	}
	if resp := d.visit("POST", "/join", url.Values{"invite": {code}, "key": {secret[1]}, "name": {name}, "password": {testPassword}, "code": {account.Code(key, f.now)}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("join: %s\n%s", resp.Status, text(t, resp))
	}
	f.mu.Lock()
	f.now = f.now.Add(30 * time.Second)
	f.mu.Unlock()
	resp := d.visit("POST", "/login", url.Values{"name": {name}, "password": {testPassword}, "code": {account.Code(key, f.now)}, "next": {"/"}})
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("login: %s\n%s", resp.Status, text(t, resp))
	}
	d.cookies = resp.Cookies()
	session, err := s.Accounts.Session(ctx, d.cookies[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	d.csrf = session.CSRF
	return d
}

// concrete fills the holes of a pattern.
func concrete(p pattern) (method, path string) {
	method, path, _ = strings.Cut(p.at, " ")
	path = strings.NewReplacer("{$}", "", "{id}", "c1", "{kind}", "web").Replace(path)
	return method, path
}

// TestRolesAndPages: every page and act of every role is answered or refused
// as the roles say, and nothing of it for those who did not enter or who are
// of another tenant.
func TestRolesAndPages(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	nobody := &desktop{t: t, server: s, firm: f}
	elsewhere := enter(t, s, f, "elsewhere", account.Viewer)
	if err := s.Accounts.SetRoles(t.Context(), "ayame", "elsewhere", "agency", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.SetRoles(t.Context(), "ayame", "elsewhere", "other", account.Roles); err != nil {
		t.Fatal(err)
	}
	people := map[account.Role]*desktop{}
	for _, role := range account.Roles {
		people[role] = enter(t, s, f, "p-"+string(role), role)
	}
	for _, p := range s.pages {
		method, path := concrete(p)
		if path == "/live" || path == "/logout" {
			continue
		}
		form := func(d *desktop) url.Values {
			if method == "GET" {
				return nil
			}
			return url.Values{"csrf": {d.csrf}}
		}
		if resp := nobody.visit(method, path, form(nobody)); resp.StatusCode != http.StatusSeeOther && resp.StatusCode != http.StatusUnauthorized ||
			resp.StatusCode == http.StatusSeeOther && !strings.HasPrefix(resp.Header.Get("Location"), "/login") {
			t.Errorf("nobody, %s: %s to %s", p.at, resp.Status, resp.Header.Get("Location"))
		}
		if p.do == anybody {
			continue
		}
		if resp := elsewhere.visit(method, path, form(elsewhere)); resp.StatusCode != http.StatusForbidden {
			t.Errorf("officer of another tenant, %s: %s", p.at, resp.Status)
		}
		for role, d := range people {
			may := account.May("x", []account.Grant{{Tenant: "agency", Role: role}}, false, p.do, "agency")
			resp := d.visit(method, path, form(d))
			if refused := resp.StatusCode == http.StatusForbidden; refused == may || resp.StatusCode >= 500 {
				t.Errorf("%s, %s: %s, may %v", role, p.at, resp.Status, may)
			}
		}
	}
	refusals := 0
	for _, b := range f.bodies {
		if a, ok := b.(*event.Act); ok && a.Result == "refused" {
			refusals++
		}
	}
	if refusals < 50 {
		t.Errorf("%d refusals were recorded", refusals)
	}
}

// TestForms: an act needs the secret of the session, and a page of ours.
func TestForms(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	other := enter(t, s, f, "ren", account.CSIRT)
	for _, p := range s.pages {
		method, path := concrete(p)
		if method != "POST" {
			continue
		}
		for name, token := range map[string]string{"none": "", "wrong": strings.Repeat("A", 43), "of another": other.csrf} {
			if resp := d.visit(method, path, url.Values{"csrf": {token}, "session": {"7"}, "what": {"x"}}); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s with token %s: %s", path, name, resp.Status)
			}
		}
		foreign := *d
		for _, h := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Sec-Fetch-Site": {}, "Origin": {"https://evil.example"}}} {
			foreign.header = h
			if resp := foreign.visit(method, path, url.Values{"csrf": {d.csrf}, "session": {"7"}, "what": {"x"}}); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %v: %s", path, h, resp.Status)
			}
		}
	}
	foreign := &desktop{t: t, server: s, firm: f, header: http.Header{"Sec-Fetch-Site": {"cross-site"}}}
	for _, path := range []string{"/login", "/join", "/lang", "/passkey/login"} {
		if resp := foreign.visit("POST", path, url.Values{"name": {"ayame"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", path, resp.Status)
		}
	}
	if len(f.cuts)+len(f.cases)+len(f.looks) != 0 {
		t.Errorf("something was done: %v %v %v", f.cuts, f.cases, f.looks)
	}
}

// raw are forms in which what nasty holds would come alive.
var raw = regexp.MustCompile(`(?i)<script>alert|<img src=x|onerror=alert\(1\)>|(href|src|action|hx-get)="\s*javascript:`)

// TestHostileTexts: nothing that came in an event comes alive, in any page of
// either language, also when everything fails.
func TestHostileTexts(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	for _, language := range []string{"ja", "en"} {
		d.header = http.Header{"Accept-Language": {language}}
		for _, broken := range []bool{false, true} {
			f.broken = broken
			seen := 0
			for _, path := range append(d.paths(), "/scope?ask=1", "/persons/explain?a=x&b=y", "/persons/scores?group=41&digest=abc", "/web?block=x&payment=1", "/egress?client=x&to=y&preview=1", "/scope/time?from=-1h&to=-1m", "/events?text="+url.QueryEscape(nasty), "/cases/"+url.PathEscape(nasty),
				"/scope?ask=1&user="+url.QueryEscape(nasty)+"&from="+url.QueryEscape(nasty), "/login?next="+url.QueryEscape(nasty), "/join?invite="+url.QueryEscape(nasty), "/?done="+url.QueryEscape(nasty)) {
				resp := d.visit("GET", path, nil)
				page := text(t, resp)
				if m := raw.FindString(page); m != "" {
					t.Errorf("%s %s: %q is alive", language, path, m)
				}
				if strings.Contains(page, "!"+"error_") || regexp.MustCompile(`![a-z_]{3,}!`).MatchString(page) {
					t.Errorf("%s %s: a text is missing: %s", language, path, regexp.MustCompile(`![a-z_]{3,}!`).FindString(page))
				}
				if strings.Contains(page, "&lt;script&gt;") {
					seen++
				}
				if broken && resp.StatusCode < 500 && strings.Contains(page, "is full") {
					t.Errorf("%s: the reason of an internal error is shown", path)
				}
			}
			if !broken && seen < 10 {
				t.Errorf("only %d pages showed the hostile text: the test sees nothing", seen)
			}
		}
	}
	f.broken = false
	look := d.visit("POST", "/scope/look", url.Values{"csrf": {d.csrf}, "purpose": {nasty}})
	if page := text(t, look); raw.MatchString(page) || !strings.Contains(page, "&lt;script&gt;") {
		t.Errorf("look: %s", page)
	}
}

// paths are all pages that can be got.
func (d *desktop) paths() []string {
	var out []string
	for _, p := range d.server.pages {
		if method, path := concrete(p); method == "GET" && path != "/live" {
			out = append(out, path)
		}
	}
	return out
}

// TestHeaders: the policy of every answer, and none of a stranger's making.
func TestHeaders(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	for _, path := range append(d.paths(), "/static/console.js", "/login", "/nothing") {
		h := d.visit("GET", path, nil).Header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, h)
		}
	}
	page := text(t, d.visit("GET", "/", nil))
	if m := regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)=`).FindString(page); m != "" || strings.Contains(page, "<style") || regexp.MustCompile(`<script>`).MatchString(page) {
		t.Errorf("something inline: %q", m)
	}
	for _, path := range []string{"/login?next=/%0d%0aSet-Cookie:%20x=1", "/lang", "/login?next=%2f%0aX:1"} {
		h := d.visit("GET", path, nil).Header
		if h.Get("X") != "" || len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, c := range d.cookies {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("cookie %+v", c)
		}
	}
}

// TestOtherNames: a name that is not ours is not answered (DNS rebinding).
func TestOtherNames(t *testing.T) {
	s, _ := newServer(t)
	for host, want := range map[string]int{"localhost:8600": 200, "127.0.0.1:8600": 200, "evil.example": 421, "localhost.evil.example:8600": 421, "": 421} {
		r := httptest.NewRequest("GET", "/login", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestLocal(t *testing.T) {
	for in, want := range map[string]string{"/cases": "/cases", "/scope?ask=1&x=//y": "/scope?ask=1&x=//y", "": "/", "https://evil.example": "/", "//evil.example": "/",
		"/\\evil.example": "/", "/a\\b": "/", "/\r\nX: 1": "/", "javascript:alert(1)": "/", "\t//evil": "/", "/\t/evil": "/"} {
		if got := local(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	for _, next := range []string{"//evil.example/", "https://evil.example/", "/\\evil.example"} {
		for _, resp := range []*http.Response{d.visit("GET", "/login?next="+url.QueryEscape(next), nil), d.visit("POST", "/lang", url.Values{"csrf": {d.csrf}, "lang": {"ja"}, "next": {next}})} {
			if to := resp.Header.Get("Location"); to != "/" {
				t.Errorf("%q leads to %q", next, to)
			}
		}
	}
}

// TestFixation: the secret of a session is new with each login; one that was
// planted is worth nothing before and after.
func TestFixation(t *testing.T) {
	s, f := newServer(t)
	planted := &http.Cookie{Name: "sekisho", Value: strings.Repeat("A", 43)}
	attacker := &desktop{t: t, server: s, firm: f, cookies: []*http.Cookie{planted}}
	victim := enter(t, s, f, "ayame")
	if victim.cookies[0].Value == planted.Value || attacker.visit("GET", "/", nil).StatusCode != http.StatusSeeOther {
		t.Error("a planted cookie entered")
	}
	old := *victim
	if resp := victim.visit("POST", "/logout", url.Values{"csrf": {victim.csrf}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.Status)
	}
	if resp := old.visit("GET", "/", nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("a session lives on after its end: %s", resp.Status)
	}
}

var link = regexp.MustCompile(`(?:href|hx-get)="(/[^"]*)"`)

// TestCrawl follows every link from the first page: no answer says that the
// server is wrong.
func TestCrawl(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	seen, todo := map[string]bool{"/": true}, []string{"/", "/scope?ask=1", "/cases?closed=1"}
	for len(todo) > 0 && len(seen) < 400 {
		path := todo[0]
		todo = todo[1:]
		resp := d.visit("GET", path, nil)
		page := text(t, resp)
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusNotFound && !strings.Contains(path, "alert") {
			t.Errorf("%s: %s", path, resp.Status)
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			next := strings.ReplaceAll(m[1], "&amp;", "&")
			if u, err := url.Parse(next); err == nil && !seen[u.Path+u.Query().Get("kind")] && u.Path != "/live" {
				seen[u.Path+u.Query().Get("kind")] = true
				todo = append(todo, next)
			}
		}
	}
	if len(seen) < 24 {
		t.Errorf("only %d pages: %v", len(seen), seen)
	}
}

// TestSizes: no page is larger than 200 KB, with what it draws (htmx is 51).
func TestSizes(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	static := 0
	for _, path := range []string{"/static/console.css", "/static/console.js", "/static/htmx.min.js", "/static/mark.svg"} {
		static += len(text(t, d.visit("GET", path, nil)))
	}
	for _, path := range append(d.paths(), "/scope?ask=1") {
		if n := static + len(text(t, d.visit("GET", path, nil))); n > 200<<10 {
			t.Errorf("%s: %d bytes", path, n)
		}
	}
}

var textKey = regexp.MustCompile(`(?:\bT\(|texts\.Has\()"([a-z_0-9]+)"`)

// TestTexts: every key that a page asks for exists, and every key is asked for.
func TestTexts(t *testing.T) {
	var all strings.Builder
	for _, form := range []string{"*.go", "*.templ"} {
		files, err := filepath.Glob(form)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	source := all.String()
	for _, m := range textKey.FindAllStringSubmatch(source, -1) {
		if key := m[1]; !texts.Has(key) && !strings.HasSuffix(key, "_") {
			t.Errorf("a page asks for text %q, which does not exist", key)
		}
	}
	prefixes := []string{"act_", "role_", "do_", "draft_", "draft_state_", "slot_", "fact_", "kind_", "note_", "cut_kind_", "policy_", "persons_was_", "field_", "web_stop_", "web_resume_", "web_rule_", "egress_kind_", "leaving_", "word_", "history_", "rank_", "part_", "plain_"}
	for _, key := range texts.Keys() {
		put := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !put && !strings.Contains(source, `"`+key+`"`) {
			t.Errorf("nothing asks for text %q", key)
		}
	}
	for _, do := range account.Actions {
		if !texts.Has("act_" + keyed(string(do))) {
			t.Errorf("action %s has no name", do)
		}
	}
	for _, role := range account.Roles {
		if !texts.Has("role_"+string(role)) || !texts.Has("role_"+string(role)+"_means") {
			t.Errorf("role %s has no name", role)
		}
	}
}
