package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/view/casefile"
)

const killConfig = `data: ./data
keys: ./keys
cases: ./cases.yaml
console: {listen: '127.0.0.1:CONSOLE'}
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
	client  *control.Client
	web     *http.Client
}

func newKilledFirm(t *testing.T) *killedFirm {
	t.Helper()
	dir := t.TempDir()
	var ports [2]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("CONSOLE", ports[0], "PROXY", ports[1]).Replace(killConfig)
	for name, content := range map[string]string{"sekisho.yaml": text, "cases.yaml": consoleCases, "policy.yaml": killPolicy(1), "egress.yaml": roomsPolicy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &killedFirm{t: t, dir: dir, origin: "http://localhost:" + ports[0], program: programIn(t, dir), cookies: map[string]string{},
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
	const password = "correct horse battery staple 7"
	for name, roles := range map[string][]account.Role{"ayame": {account.Officer, account.CSIRT, account.Operator}, "ren": {account.Officer, account.CSIRT, account.Operator}, "sora": {account.Viewer}, "hana": {account.Viewer}} {
		code, err := a.Invite(ctx, "test", name, roles)
		if err != nil {
			f.t.Fatal(err)
		}
		key, err := a.NewKey()
		if err != nil {
			f.t.Fatal(err)
		}
		now := time.Now()
		if _, err := a.Accept(ctx, code, account.Welcome{Password: password, Key: key, Code: account.Code(key, now.Add(-30*time.Second))}); err != nil {
			f.t.Fatal(err)
		}
		if f.cookies[name], err = a.Login(ctx, name, password, account.Code(key, now), "127.0.0.1"); err != nil {
			f.t.Fatal(err)
		}
	}
}

// start starts the process and waits until its console answers.
func (f *killedFirm) start() {
	f.t.Helper()
	var err error
	if f.log, err = os.Create(filepath.Join(f.dir, "up.log")); err != nil {
		f.t.Fatal(err)
	}
	f.up = f.program("up")
	f.up.Stdout, f.up.Stderr = f.log, f.log
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

// killAct is one act of a round: what the browser sends, and what must hold
// after the restart. told: an answer said that it is done.
type killAct struct {
	name  string
	who   string
	path  string
	form  url.Values
	check func(told bool)
}

// TestConsoleKilled kills the process (SIGKILL) at a random instant while people
// act in the console, starts it again, and looks whether each act was done wholly
// or not at all, whether what somebody was told is true, and whether ledger and
// pages say which it was.
func TestConsoleKilled(t *testing.T) {
	rounds := 2
	if os.Getenv("SEKISHO_LONG") != "" {
		rounds = 40
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	f := newKilledFirm(t)
	f.start()
	outcomes := map[string][2]int{} // not done, done
	for round := range rounds {
		acts := f.acts(round, func(name string, done bool) {
			n := outcomes[name]
			if done {
				n[1]++
			} else {
				n[0]++
			}
			outcomes[name] = n
		})
		told := make([]bool, len(acts))
		var wait sync.WaitGroup
		for i, a := range acts {
			wait.Go(func() {
				status, to, text, err := f.ask(a.who, a.path, a.form)
				told[i] = err == nil && status == http.StatusSeeOther
				if err == nil && !told[i] {
					t.Errorf("round %d, %s: %d %s: %s", round, a.name, status, to, text)
				}
			})
		}
		dead := make(chan struct{})
		early := rng.Float64() // most acts are done soon, some take longer
		time.AfterFunc(time.Duration(early*early*float64(400*time.Millisecond)), func() { f.kill(); close(dead) })
		wait.Wait()
		<-dead
		f.start()
		for i, a := range acts {
			a.check(told[i])
		}
		if t.Failed() {
			log, _ := os.ReadFile(f.log.Name()) // for the message
			t.Fatalf("round %d of seed %d\n%s", round, seed, log)
		}
	}
	f.kill()
	f.ledgerSays()
	names := make([]string, 0, len(outcomes))
	for name := range outcomes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Logf("%s: %d times not at all, %d times wholly", name, outcomes[name][0], outcomes[name][1])
	}
}

// acts prepares a round and returns what is done in it at the same time.
func (f *killedFirm) acts(round int, count func(name string, done bool)) []killAct {
	t := f.t
	t.Helper()
	id := strings.TrimPrefix(strings.TrimSuffix(f.do("ayame", "/wrong", "what", fmt.Sprintf("prepared %d", round)), "?done=wrong"), "/cases/")
	f.do("ayame", "/cases/"+id+"/draft/web/write", "slot-what", "x")
	m := regexp.MustCompile(`name="sha256" value="([0-9a-f]+)"`).FindStringSubmatch(f.pageOf("ren", "/cases/"+id+"/draft/web"))
	if m == nil {
		t.Fatal("no draft to release")
	}
	status, err := f.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	generation := status.Policy.Generation
	if !strings.Contains(f.pageOf("ren", "/policy"), "/policy/publish") { // one may wait from an earlier round
		f.do("ayame", "/policy/propose", "text", killPolicy(int(generation)+1))
	}
	digest := regexp.MustCompile(`name="digest" value="([^"]+)"`).FindStringSubmatch(f.pageOf("ren", "/policy"))
	if digest == nil {
		t.Fatal("no policy to publish")
	}
	scopes := len(f.caseOf(id).Scopes)
	target, what := fmt.Sprintf("evil%d.example", round), fmt.Sprintf("odd %d", round)
	users := f.users()
	role := account.Auditor
	if slices.Contains(users["sora"].Roles, account.Grant{Tenant: "default", Role: role}) {
		role = account.Viewer
	}
	disable := !users["hana"].Disabled
	flag := map[bool]string{true: "1", false: "0"}[disable]
	say := func(name string, told, done bool) {
		t.Helper()
		if told && !done {
			t.Errorf("round %d: %s was answered and is not done", round, name)
		}
		count(name, done)
	}
	return []killAct{
		{"something is wrong", "ayame", "/wrong", f.form("ayame", "what", what), func(told bool) {
			made := f.titled(what)
			say("something is wrong", told, len(made) == 1)
			if len(made) > 1 {
				t.Errorf("%d cases", len(made))
			}
			for _, c := range made { // the figures are frozen after the start, if they were not before
				f.await("the first figures of "+c, func() bool { return len(f.caseOf(c).Scopes) == 1 })
			}
		}},
		{"freeze", "ayame", "/scope/freeze", f.form("ayame", "case", id), func(told bool) {
			c := f.caseOf(id)
			say("freeze", told, len(c.Scopes) == scopes+1)
			for _, s := range c.Scopes {
				if info, err := os.Stat(filepath.Join(f.dir, "data", "cases", s.Bundle)); err != nil || info.Size() == 0 {
					t.Errorf("the bundle of version %d: %v", s.Version, err)
				}
			}
		}},
		{"release", "ren", "/cases/" + id + "/draft/web/release", f.form("ren", "sha256", m[1]), func(told bool) {
			d := f.caseOf(id).Drafts["web"]
			done := d != nil && d.State == "released"
			say("release", told, done)
			if offered := strings.Contains(f.pageOf("ren", "/cases/"+id+"/draft/web"), "/draft/web/release"); offered == done {
				t.Errorf("round %d: released: %t, the page offers to release it: %t", round, done, offered)
			}
		}},
		{"cut", "ayame", "/cases/" + id + "/act", f.form("ayame", "do", "cut", "target", target), func(told bool) {
			ordered := slices.ContainsFunc(f.caseOf(id).Actions, func(a event.CaseAction) bool { return a.Target == target })
			say("cut", told, ordered)
			if ordered {
				f.await("the receipt of the cut of "+target, func() bool { return len(unanswered(f.caseOf(id))) == 0 })
			}
			cuts, err := f.client.Cuts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, e := range cuts.Entries {
				if e.Target == target {
					n++
				}
			}
			if (n == 1) != ordered || n > 1 {
				t.Errorf("round %d: ordered: %t, cut %d times", round, ordered, n)
			}
			if receipts := strings.Count(f.page("/cases/"+id), `class="receipt`); ordered != (receipts > 0) {
				t.Errorf("round %d: ordered: %t, %d receipts on the page", round, ordered, receipts)
			}
		}},
		{"roles", "ayame", "/users/roles", f.form("ayame", "name", "sora", "role", string(role)), func(told bool) {
			now := f.users()["sora"].Roles
			done := slices.Equal(now, []account.Grant{{Tenant: "default", Role: role}})
			say("roles", told, done)
			if !done && !slices.Equal(now, users["sora"].Roles) {
				t.Errorf("round %d: roles %v, before %v", round, now, users["sora"].Roles)
			}
		}},
		{"disable", "ren", "/users/disable", f.form("ren", "name", "hana", "disabled", flag), func(told bool) {
			say("disable", told, f.users()["hana"].Disabled == disable)
		}},
		{"publish", "ren", "/policy/publish", f.form("ren", "digest", digest[1]), func(told bool) {
			s, err := f.client.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done := s.Policy.Generation == generation+1
			say("publish", told, done)
			c, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
			if err != nil || c.Compiled.Generation() != s.Policy.Generation || string(c.Compiled.Digest()) != s.Policy.Digest {
				t.Errorf("round %d: the file is not what is in force: %v", round, err)
			}
			if waits := strings.Contains(f.pageOf("ren", "/policy"), "/policy/publish"); waits == done {
				t.Errorf("round %d: published: %t, a draft waits: %t", round, done, waits)
			}
		}},
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

// ledgerSays reads the ledger of the dead process: what it says of accounts and
// policies, with what it takes back, is what there is.
func (f *killedFirm) ledgerSays() {
	t := f.t
	t.Helper()
	c, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), ledgerConfig(c.Config)) // recovers what the kill left
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	roles := [][]string{{"default/viewer"}} // of sora, each change on top
	disabled := []bool{false}               // of hana
	published := map[string]int{}
	err = l.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		e, err := new(event.Decoder).Parse(line)
		if err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case *event.Account:
			step := b.Step
			if step == "undone" {
				step = "-" + b.Undone
			}
			switch step {
			case "roles":
				roles = append(roles, b.Roles)
			case "-roles":
				roles = takeBack(roles, b.Roles, slices.Equal)
			case "disabled", "enabled":
				disabled = append(disabled, step == "disabled")
			case "-disabled", "-enabled":
				disabled = takeBack(disabled, step == "-disabled", func(a, b bool) bool { return a == b })
			}
		case *event.Act:
			if b.Do == publishing {
				published[b.Target] += map[string]int{"done": 1, "interrupted": -1}[b.Result]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	users := f.users()
	if got := grantNames(users["sora"].Roles); !slices.Equal(got, roles[len(roles)-1]) {
		t.Errorf("roles %v, the ledger says %v", got, roles[len(roles)-1])
	}
	if users["hana"].Disabled != disabled[len(disabled)-1] {
		t.Errorf("disabled %t, the ledger says %t", users["hana"].Disabled, disabled[len(disabled)-1])
	}
	for digest, n := range published {
		if n > 1 || n < -1 {
			t.Errorf("policy %s: published %d times", short(digest), n)
		}
	}
}

// takeBack drops the last one, if it is what is taken back: what was never
// recorded is taken back too.
func takeBack[T any](all []T, last T, same func(a, b T) bool) []T {
	if n := len(all); n > 1 && same(all[n-1], last) {
		return all[:n-1]
	}
	return all
}

func grantNames(all []account.Grant) []string {
	var out []string
	for _, g := range all {
		out = append(out, g.Tenant+"/"+string(g.Role))
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
