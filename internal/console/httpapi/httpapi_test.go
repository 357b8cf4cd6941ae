package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof/scope"
)

const tenant = "agency"

// world is a server with accounts of one role each, named after it.
type world struct {
	t        *testing.T
	server   *Server
	accounts *account.Accounts
	book     *book
	now      time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, book: &book{}, now: when}
	d := desk{book: w.book}
	a, err := account.Open(t.Context(), account.Config{Path: filepath.Join(t.TempDir(), "a.db"), Tenant: tenant, Origin: "http://localhost:8600", Cheap: true,
		Now: func() time.Time { return w.now },
		Record: func(ctx context.Context, by event.Source, bodies ...event.Body) error {
			return d.Record(ctx, by, bodies...)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	w.accounts = a
	w.server = New(Config{Accounts: a, Office: d, Operator: operator{w.book}, Tenant: tenant, Cookie: "sekisho", Origin: "http://localhost:8600", Glossary: words,
		Version: "1.2.3", Log: slog.New(slog.DiscardHandler)})
	return w
}

const password = "correct horse battery staple 7"

// add makes an account with roles, and returns its session's cookie and secret.
func (w *world) add(name string, roles ...account.Role) (cookie, csrf string) {
	w.t.Helper()
	code, err := w.accounts.Invite(w.t.Context(), "officer", name, roles)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := w.accounts.NewKey()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.accounts.Accept(w.t.Context(), code, account.Welcome{Password: password, Key: key, Code: account.Code(key, w.now)}); err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(time.Minute) // a code counts once
	if cookie, err = w.accounts.Login(w.t.Context(), name, password, account.Code(key, w.now), "192.0.2.1"); err != nil {
		w.t.Fatal(err)
	}
	s, err := w.accounts.Session(w.t.Context(), cookie)
	if err != nil {
		w.t.Fatal(err)
	}
	return cookie, s.CSRF
}

func (w *world) token(name string, actions ...account.Action) string {
	w.t.Helper()
	u, err := w.accounts.User(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := w.accounts.NewToken(w.t.Context(), u, "t"+strings.ToLower(string(actions[0])), actions, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// ask sends a request; heads are name, value, name, value ….
func (w *world) ask(method, call, body string, heads ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, control.API+call, strings.NewReader(body))
	for i := 0; i < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	out := httptest.NewRecorder()
	w.server.ServeHTTP(out, r)
	return out
}

// every is all calls with their rules.
func every() map[string]rule {
	out := map[string]rule{}
	for name, rule := range operatorRules {
		out[name] = rule
	}
	for _, c := range ownCalls {
		out[c.Name] = ownRules[c.Name]
	}
	return out
}

// requests are bodies beside {} that decide what somebody must be allowed.
var requests = map[string]map[string]account.Action{
	"web":    {`{}`: account.See, `{"do":"reload"}`: account.Reload, `{"do":"stop"}`: account.Contain, `{"do":"x"}`: account.Contain},
	"bypass": {`{"query":true}`: account.See, `{"open":true}`: account.Contain, `{}`: account.Contain},
	"scope":  {`{"form":"result"}`: account.Ask, `{"form":"bundle"}`: account.Bundle, `{"form":"list"}`: "list", `{}`: "list"},
	"case/record": {`{"kind":120,"body":{}}`: account.Wrong, `{"kind":121,"body":{}}`: account.Work, `{"kind":125,"body":{}}`: account.Contain, `{"kind":129,"body":{}}`: account.Release,
		`{"kind":131,"body":{"step":"write"}}`: account.Work, `{"kind":131,"body":{"step":"release"}}`: account.Release, `{"kind":131,"body":5}`: account.Release},
}

// TestEveryCallRoleAndToken: every call, every role, by session and by a token of
// every single action: allowed is exactly what account and token may do, and
// every refusal is recorded.
func TestEveryCallRoleAndToken(t *testing.T) {
	w := newWorld(t)
	checked := 0
	for _, role := range account.Roles {
		name := string(role)
		cookie, csrf := w.add(name, role)
		u, err := w.accounts.User(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		tokens := map[account.Action]string{}
		if u.May(account.MakeToken, tenant) {
			for _, do := range u.ForTokens(tenant) {
				tokens[do] = w.token(name, do)
			}
		}
		for call, rule := range every() {
			bodies := requests[call]
			if bodies == nil {
				bodies = map[string]account.Action{`{}`: rule(nil)}
				if call == "scan" {
					bodies = map[string]account.Action{`""`: account.Scan}
				}
			}
			for body, do := range bodies {
				check := func(how string, want bool, resp *httptest.ResponseRecorder) {
					t.Helper()
					checked++
					if got := resp.Code != http.StatusForbidden; got != want {
						t.Errorf("%s as %s by %s (%s): %d, want allowed %v\n%s", call, role, how, body, resp.Code, want, resp.Body)
					}
				}
				w.book.bodies = nil
				resp := w.ask("POST", call, body, "Cookie", "sekisho="+cookie, "X-CSRF", csrf)
				check("session", u.May(do, tenant), resp)
				if resp.Code == http.StatusForbidden && !slices.ContainsFunc(w.book.bodies, func(b event.Body) bool { a, ok := b.(*event.Act); return ok && a.By == name && a.Result == "refused" }) {
					t.Errorf("%s as %s: the refusal is not recorded", call, role)
				}
				for scope, token := range tokens {
					check("token for "+string(scope), scope == do, w.ask("POST", call, body, "Authorization", "Bearer "+token))
				}
			}
		}
		w.book.bodies = nil
	}
	t.Logf("%d requests", checked)
}

// TestEveryCallHasARule: what the process learns to answer is served or kept to
// the machine on purpose.
func TestEveryCallHasARule(t *testing.T) {
	here := []string{"act", "backup", "database", "person", "rules", "upgrade"}
	for _, c := range control.Calls {
		_, served := operatorRules[c.Name]
		if served == slices.Contains(here, c.Name) {
			t.Errorf("call %s: served %v", c.Name, served)
		}
		if served && !texts.Has("call_"+key(c.Name)) {
			t.Errorf("call %s has no words", c.Name)
		}
		if served && slices.Contains(mixed, c.Name) != (requests[c.Name] != nil) {
			t.Errorf("call %s: what its request decides is not tested", c.Name)
		}
	}
	for _, c := range ownCalls {
		if ownRules[c.Name] == nil || !texts.Has("call_"+key(c.Name)) {
			t.Errorf("call %s has no rule or no words", c.Name)
		}
	}
}

// TestAuthor: whoever asks is the author, whatever the request says.
func TestAuthor(t *testing.T) {
	w := newWorld(t)
	w.add("ayame", account.Officer, account.CSIRT, account.Operator)
	u, _ := w.accounts.User(t.Context(), "ayame")
	token := w.token("ayame", u.ForTokens(tenant)...)
	for _, c := range control.Calls {
		if _, served := operatorRules[c.Name]; !served || c.Request.Kind() != reflect.Struct {
			continue
		}
		f, ok := c.Request.FieldByName("By")
		if !ok || f.Tag.Get("json") == "-" {
			continue
		}
		for _, more := range []string{`,"form":"result"`, `,"reason":"a test"`, ""} {
			if resp := w.ask("POST", c.Name, `{"by":"somebody-else"`+more+`}`, "Authorization", "Bearer "+token); resp.Code != http.StatusBadRequest {
				break
			}
		}
		if by, asked := w.book.by[c.Name]; asked && by != "ayame" {
			t.Errorf("%s was done in the name of %q", c.Name, by)
		}
	}
	for _, call := range []string{"cut", "cuts/order", "scope"} {
		if w.book.by[call] != "ayame" {
			t.Errorf("%s was not asked", call)
		}
	}
}

func TestEntering(t *testing.T) {
	w := newWorld(t)
	cookie, csrf := w.add("ren", account.Viewer)
	token := w.token("ren", account.See)
	for name, c := range map[string]struct {
		method string
		heads  []string
		want   int
	}{
		"nobody":            {"POST", nil, 401},
		"an unknown token":  {"POST", []string{"Authorization", "Bearer sekisho_x"}, 401},
		"another scheme":    {"POST", []string{"Authorization", "Basic cmVuOng="}, 401},
		"the token":         {"POST", []string{"Authorization", "bearer " + token}, 200},
		"by GET":            {"GET", []string{"Authorization", "Bearer " + token}, 200},
		"a cookie alone":    {"POST", []string{"Cookie", "sekisho=" + cookie}, 401},
		"cookie and secret": {"POST", []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf}, 200},
		"a wrong secret":    {"POST", []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf[1:] + "A"}, 401},
		"another site":      {"POST", []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf, "Sec-Fetch-Site", "cross-site"}, 401},
		"a wrong cookie":    {"GET", []string{"Cookie", "sekisho=" + cookie + "A"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			resp := w.ask(c.method, "status", "{}", c.heads...)
			if resp.Code != c.want {
				t.Errorf("%d, want %d: %s", resp.Code, c.want, resp.Body)
			}
			if c.want == 401 && resp.Header().Get("WWW-Authenticate") == "" {
				t.Error("no challenge")
			}
		})
	}
	if resp := w.ask("GET", "cut", "", "Authorization", "Bearer "+token); resp.Code != http.StatusMethodNotAllowed && resp.Code != http.StatusNotFound {
		t.Errorf("an act by GET: %d", resp.Code)
	}
	if resp := w.ask("POST", "no-such", "{}", "Authorization", "Bearer "+token); resp.Code != http.StatusNotFound {
		t.Errorf("an unknown call: %d", resp.Code)
	}
	for _, body := range []string{"", "{", `{"x":1}`, "{} {}", `{"reason":"` + strings.Repeat("x", maxRequest) + `"}`} {
		if resp := w.ask("POST", "status", body, "Authorization", "Bearer "+token); resp.Code != http.StatusBadRequest {
			t.Errorf("%.20q: %d", body, resp.Code)
		}
	}
	if err := w.accounts.EndToken(t.Context(), "ren", "ren", "tsee"); err != nil {
		t.Fatal(err)
	}
	if resp := w.ask("POST", "status", "{}", "Authorization", "Bearer "+token); resp.Code != http.StatusUnauthorized {
		t.Errorf("a token that was ended: %d", resp.Code)
	}
}

// TestGuesses: guesses are recorded until there are many, and a good token never
// waits for them.
func TestGuesses(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.Viewer)
	token := w.token("ren", account.See)
	w.book.bodies = nil
	for range 50 {
		w.ask("POST", "status", "{}", "Authorization", "Bearer sekisho_guess")
	}
	if n := len(w.book.bodies); n == 0 || n > 10 {
		t.Errorf("%d of 50 guesses are recorded", n)
	}
	if resp := w.ask("POST", "status", "{}", "Authorization", "Bearer "+token); resp.Code != http.StatusOK {
		t.Errorf("a good token after guesses: %d", resp.Code)
	}
}

// TestBusy: an account has a bounded number of requests under way; others go on.
func TestBusy(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.Viewer)
	w.add("mei", account.Viewer)
	ren, mei := w.token("ren", account.See), w.token("mei", account.See)
	w.book.block = make(chan struct{})
	done := make(chan int, maxBusy)
	for range maxBusy {
		go func() { done <- w.ask("POST", "status", "{}", "Authorization", "Bearer "+ren).Code }()
	}
	for under := 0; under < maxBusy; {
		w.server.mu.Lock()
		under = w.server.busy["ren"]
		w.server.mu.Unlock()
	}
	if resp := w.ask("POST", "sessions", "{}", "Authorization", "Bearer "+ren); resp.Code != http.StatusTooManyRequests || resp.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d", resp.Code)
	}
	if resp := w.ask("POST", "sessions", "{}", "Authorization", "Bearer "+mei); resp.Code != http.StatusOK {
		t.Errorf("another account: %d", resp.Code)
	}
	close(w.book.block)
	for range maxBusy {
		if code := <-done; code != http.StatusOK {
			t.Errorf("a request that waited: %d", code)
		}
	}
	if len(w.server.busy) != 0 {
		t.Errorf("counts left: %v", w.server.busy)
	}
}

// TestProblems: an error says in the language that was asked for what to do, and
// nothing of what nobody foresaw.
func TestProblems(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.Viewer)
	token := w.token("ren", account.See)
	problem := func(heads ...string) control.Problem {
		t.Helper()
		resp := w.ask("POST", "status", "{}", append(heads, "Authorization", "Bearer "+token)...)
		var p control.Problem
		if err := json.Unmarshal(resp.Body.Bytes(), &p); err != nil || resp.Header().Get("Content-Type") != "application/problem+json" || p.Status != resp.Code {
			t.Errorf("%s: %v", resp.Body, err)
		}
		return p
	}
	w.book.err = fault.New(fault.SessionUnknown, "session", 9)
	if p := problem("Accept-Language", "fr, ja-JP;q=0.8"); p.Title != w.book.err.(*fault.Error).What("ja") || p.Type != "urn:sekisho:SK6005" {
		t.Errorf("%+v", p)
	}
	w.book.err = errors.New("the disk of " + nasty + " is full")
	if p := problem(); p.Status != 500 || strings.Contains(p.Title+p.Detail+p.Text, "full") {
		t.Errorf("%+v", p)
	}
}

// TestDescription: the description is OpenAPI 3.1 in both languages, names every
// schema it refers to, and answers are what it says.
func TestDescription(t *testing.T) {
	w := newWorld(t)
	cookie, csrf := w.add("ayame", account.Officer, account.CSIRT, account.Operator)
	for _, l := range []string{"ja", "en"} {
		resp := w.ask("GET", "openapi.json", "", "Accept-Language", l)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(resp.Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := jsonschema.NewCompiler().Compile("testdata/openapi-3.1.schema.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := meta.Validate(doc); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("mem:api", doc); err != nil {
			t.Fatal(err)
		}
		paths := doc.(map[string]any)["paths"].(map[string]any)
		if len(paths) != len(every()) {
			t.Errorf("%d paths of %d calls", len(paths), len(every()))
		}
		for path := range paths {
			at := "mem:api#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/post/responses/200/content/application~1json/schema"
			call := path[1:]
			if call == "scope" || call == "scope/list" {
				continue // of any form and size
			}
			s, err := c.Compile(at)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			body := "{}"
			switch call {
			case "scan":
				body = `""`
			case "look":
				body = `{"purpose":"test"}`
			case "web":
				body = `{"fields":true}`
			case "cut", "clear", "except", "keys/destroy", "web/except", "web/authorise", "web/import", "web/field":
				body = `{"reason":"test"}`
			case "tokens/make":
				body = `{"name":"t-` + l + `","days":3,"actions":["see"]}`
			case "users/invite", "users/roles", "users/disable", "tokens/end", "me/sessions/end":
				continue // refused without a name; their answers are empty or a link
			}
			resp := w.ask("POST", call, body, "Cookie", "sekisho="+cookie, "X-CSRF", csrf)
			if resp.Code != http.StatusOK {
				t.Errorf("%s: %d %s", call, resp.Code, resp.Body)
				continue
			}
			answer, err := jsonschema.UnmarshalJSON(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(answer); err != nil {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
}

// TestRemoteClient: the client of commands speaks to the API.
func TestRemoteClient(t *testing.T) {
	w := newWorld(t)
	w.add("ayame", account.CSIRT)
	token := w.token("ayame", account.See, account.Contain, account.Ask)
	http1 := httptest.NewServer(w.server)
	defer http1.Close()
	c, err := control.NewRemote(http1.URL, token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Status(t.Context()); err != nil || s.Version != nasty {
		t.Errorf("status %+v, %v", s, err)
	}
	if _, err := c.Cut(t.Context(), control.CutRequest{By: "somebody-else", All: true, Reason: "alarm"}); err != nil || w.book.by["cut"] != "ayame" {
		t.Errorf("cut by %q, %v", w.book.by["cut"], err)
	}
	var got bytes.Buffer
	if err := c.Scope(t.Context(), control.ScopeRequest{Query: scope.Query{}, Form: control.FormResult}, &got); err != nil || got.Len() == 0 {
		t.Errorf("scope: %v", err)
	}
	for want, err := range map[fault.Code]error{
		fault.APIRefused:     func() error { _, err := c.ReloadPolicy(t.Context()); return err }(),
		fault.ControlRefused: c.Backup(t.Context(), io.Discard),
	} {
		if err == nil || fault.Faults(err)[0].Code != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, bad := range []string{"", "ftp://x", "http://sekisho.example.jp", "https://u:p@sekisho.example.jp", "https://sekisho.example.jp/x?y"} {
		if _, err := control.NewRemote(bad, "x", nil); err == nil || fault.Faults(err)[0].Code != fault.HubAddress {
			t.Errorf("%q: %v", bad, err)
		}
	}
	http1.Close()
	if _, err := c.Status(t.Context()); err == nil || fault.Faults(err)[0].Code != fault.HubSilent {
		t.Errorf("nobody there: %v", err)
	}
}

// TestLongList: a list of payments may be as long as over the control socket, of
// those who may send one; nothing else may.
func TestLongList(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.CSIRT)
	w.add("sora", account.Viewer)
	long := func(n int) string {
		return `{"case":"c1","by":"x","query":{},"payments":[` + strings.Repeat(`{"number":"4111111111111111","at":1,"place":"shop"},`, n) + `{"number":"1","at":1,"place":"shop"}]}`
	}
	list := long(4 * maxRequest / 50)
	for _, tt := range []struct {
		name, call, body string
		do               account.Action
		want             int
	}{
		{"ren", "case/concentrate", list, account.Work, http.StatusOK},
		{"sora", "case/concentrate", list, account.See, http.StatusBadRequest},
		{"ren", "cut", `{"reason":"` + strings.Repeat("x", 2*maxRequest) + `"}`, account.Contain, http.StatusBadRequest},
	} {
		resp := w.ask("POST", tt.call, tt.body, "Authorization", "Bearer "+w.token(tt.name, tt.do))
		if resp.Code != tt.want {
			t.Errorf("%s, %s of %d bytes: %d %.200s", tt.name, tt.call, len(tt.body), resp.Code, resp.Body)
		}
	}
	if w.book.by["case/concentrate"] != "ren" {
		t.Errorf("by %q", w.book.by["case/concentrate"])
	}
}
