package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/view/casefile"
)

const killConfig = `data: ./data
keys: ./keys
cases: ./cases.yaml
console: {listen: '127.0.0.1:CONSOLE', persons: ./persons}
policy_file: ./policy.yaml
egress:
  policy_file: ./egress.yaml
  gates: [{name: out, listen: '127.0.0.1:PROXY'}]
`

// killedFirm is a firm whose process is killed while people act in its console.
type killedFirm struct {
	t       *testing.T
	dir     string
	origin  string
	program func(args ...string) *exec.Cmd
	cookies map[string]string // of people
	up      *exec.Cmd
	log     *os.File
	logs    string // where up.log goes
	client  *control.Client
	web     *http.Client
	prepare func(*exec.Cmd) // nil: a process is started as it is

	last   string // of the acts that are done alone: its name
	wholly bool   // whether it was done
}

func newKilledFirm(t *testing.T) *killedFirm {
	t.Helper()
	return killedFirmIn(t, t.TempDir(), "")
}

// killedFirmIn is newKilledFirm in a directory, with more in its configuration.
func killedFirmIn(t *testing.T, dir, more string) *killedFirm {
	t.Helper()
	var ports [2]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
		for i > 0 && ports[i] == ports[0] { // it was free again
			if ports[i], err = freePort(); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := strings.NewReplacer("CONSOLE", ports[0], "PROXY", ports[1]).Replace(killConfig) + more
	for name, content := range map[string]string{"sekisho.yaml": text, "cases.yaml": consoleCases, "policy.yaml": killPolicy(1), "egress.yaml": roomsPolicy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &killedFirm{t: t, dir: dir, logs: dir, origin: "http://localhost:" + ports[0], program: programIn(t, dir), cookies: map[string]string{},
		client: control.NewClient(filepath.Join(dir, "data", "control.sock"), "sekisho.yaml"),
		web:    &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if out, err := f.program("init").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	f.people()
	t.Cleanup(func() { f.kill() })
	return f
}

func killPolicy(generation int) string {
	return fmt.Sprintf("generation: %d\nrules:\n  - {name: app, users: [app], elements: [name], action: allow}\n", generation)
}

func (f *killedFirm) accounts() *account.Accounts {
	f.t.Helper()
	a, err := account.Open(f.t.Context(), account.Config{Path: filepath.Join(f.dir, "data", "accounts.db"), Tenant: "default", Cheap: true, Origin: f.origin,
		Record: func(context.Context, event.Source, ...event.Body) error { return nil }})
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

// people makes the accounts before the first start: two who act, two on whom
// they act.
func (f *killedFirm) people() {
	f.t.Helper()
	ctx, a := f.t.Context(), f.accounts()
	defer a.Close()
	for name, roles := range map[string][]account.Role{"ayame": {account.Officer, account.CSIRT, account.Operator}, "ren": {account.Officer, account.CSIRT, account.Operator}, "sora": {account.Viewer}, "hana": {account.Viewer}} {
		code, err := a.Invite(ctx, "test", name, roles)
		if err != nil {
			f.t.Fatal(err)
		}
		f.enter(a, name, code)
	}
}

// enter accepts an invitation and logs in.
func (f *killedFirm) enter(a *account.Accounts, name, code string) {
	f.t.Helper()
	const password = "correct horse battery staple 7"
	key, err := a.NewKey()
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now()
	if _, err := a.Accept(f.t.Context(), code, account.Welcome{Password: password, Key: key, Code: account.Code(key, now.Add(-30*time.Second))}); err != nil {
		f.t.Fatal(err)
	}
	if f.cookies[name], err = a.Login(f.t.Context(), name, password, account.Code(key, now), "127.0.0.1"); err != nil {
		f.t.Fatal(err)
	}
}

// start starts the process and waits until its console answers.
func (f *killedFirm) start() {
	f.t.Helper()
	var err error
	if f.log, err = os.Create(filepath.Join(f.logs, "up.log")); err != nil {
		f.t.Fatal(err)
	}
	f.up = f.program("up")
	f.up.Stdout, f.up.Stderr = f.log, f.log
	if f.prepare != nil {
		f.prepare(f.up)
	}
	if err := f.up.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.await("the process answers", func() bool {
		_, err := f.client.Status(f.t.Context())
		return err == nil
	})
}

func (f *killedFirm) kill() {
	if f.up == nil {
		return
	}
	// That it was killed is no news.
	_, _ = f.up.Process.Kill(), f.up.Wait()
	f.up = nil
	_ = f.log.Close() // its text is on disk
}

func (f *killedFirm) await(what string, ok func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(f.log.Name()) // best effort, for the message
			f.t.Fatalf("not seen: %s\n%s", what, log)
		}
	}
}

// ask sends a request as somebody and returns the text and, of a redirect, where
// to. An error is a connection that broke.
func (f *killedFirm) ask(who, path string, form url.Values) (status int, to, text string, err error) {
	method, body := "GET", io.Reader(nil)
	if form != nil {
		method, body = "POST", strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.origin+path, body)
	if err != nil {
		return 0, "", "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", "en")
	r.AddCookie(&http.Cookie{Name: "sekisho", Value: f.cookies[who]})
	answer, err := f.web.Do(r)
	if err != nil {
		return 0, "", "", err
	}
	all, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header.Get("Location"), string(all), errors.Join(err, answer.Body.Close())
}

// page returns a page that must be there.
func (f *killedFirm) page(path string) string {
	f.t.Helper()
	status, _, text, err := f.ask("ayame", path, nil)
	if err != nil || status != http.StatusOK {
		f.t.Fatalf("%s: %d, %v: %s", path, status, err, text)
	}
	return text
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// do does something that must succeed and returns where it leads.
func (f *killedFirm) do(who, path string, pairs ...string) string {
	f.t.Helper()
	status, to, text, err := f.ask(who, path, f.form(who, pairs...))
	if err != nil || status != http.StatusSeeOther {
		f.t.Fatalf("%s: %d, %v: %s", path, status, err, text)
	}
	return to
}

// form is a form of somebody's session.
func (f *killedFirm) form(who string, pairs ...string) url.Values {
	f.t.Helper()
	_, _, text, err := f.ask(who, "/me", nil)
	m := csrfField.FindStringSubmatch(text)
	if err != nil || m == nil {
		f.t.Fatalf("no form: %v: %s", err, text)
	}
	v := url.Values{"csrf": {m[1]}}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (f *killedFirm) caseOf(id string) *casefile.Case {
	f.t.Helper()
	var a desk.Answer
	f.ofCases(control.CaseQuery{ID: id}, &a)
	return a.Case
}

func (f *killedFirm) ofCases(q control.CaseQuery, into any) {
	f.t.Helper()
	text, err := f.client.Case(f.t.Context(), q)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *killedFirm) pageOf(who, path string) string {
	f.t.Helper()
	status, _, text, err := f.ask(who, path, nil)
	if err != nil || status != http.StatusOK {
		f.t.Fatalf("%s: %d, %v: %s", path, status, err, text)
	}
	return text
}

func (f *killedFirm) users() map[string]*account.User {
	f.t.Helper()
	a := f.accounts()
	defer a.Close()
	all, err := a.Users(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[string]*account.User{}
	for _, u := range all {
		out[u.Name] = u
	}
	return out
}

// titled returns the cases of a title.
func (f *killedFirm) titled(title string) []string {
	f.t.Helper()
	var out []string
	var lines []casefile.Line
	f.ofCases(control.CaseQuery{Closed: true, Limit: 1000}, &lines)
	for _, l := range lines {
		if l.Title == title {
			out = append(out, l.ID)
		}
	}
	return out
}
