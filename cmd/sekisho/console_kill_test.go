package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/account"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/seed"
)

// killAct is one act of a round: what the browser sends, and what must hold
// after the restart. told: an answer said that it is done.
type killAct struct {
	name  string
	who   string
	path  string
	form  url.Values
	check func(told bool)
	call  func() error // of a command, in place of path and form
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
	from := seed.For(t)
	rng := rand.New(rand.NewPCG(from, 0))
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
			t.Fatalf("round %d of seed %d\n%s", round, from, log)
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
		{name: "something is wrong", who: "ayame", path: "/wrong", form: f.form("ayame", "what", what), check: func(told bool) {
			made := f.titled(what)
			say("something is wrong", told, len(made) == 1)
			if len(made) > 1 {
				t.Errorf("%d cases", len(made))
			}
			for _, c := range made { // the figures are frozen after the start, if they were not before
				f.await("the first figures of "+c, func() bool { return len(f.caseOf(c).Scopes) == 1 })
			}
		}},
		{name: "freeze", who: "ayame", path: "/scope/freeze", form: f.form("ayame", "case", id), check: func(told bool) {
			c := f.caseOf(id)
			say("freeze", told, len(c.Scopes) == scopes+1)
			for _, s := range c.Scopes {
				if info, err := os.Stat(filepath.Join(f.dir, "data", "cases", s.Bundle)); err != nil || info.Size() == 0 {
					t.Errorf("the bundle of version %d: %v", s.Version, err)
				}
			}
		}},
		{name: "release", who: "ren", path: "/cases/" + id + "/draft/web/release", form: f.form("ren", "sha256", m[1]), check: func(told bool) {
			d := f.caseOf(id).Drafts["web"]
			done := d != nil && d.State == "released"
			say("release", told, done)
			if offered := strings.Contains(f.pageOf("ren", "/cases/"+id+"/draft/web"), "/draft/web/release"); offered == done {
				t.Errorf("round %d: released: %t, the page offers to release it: %t", round, done, offered)
			}
		}},
		{name: "cut", who: "ayame", path: "/cases/" + id + "/act", form: f.form("ayame", "do", "cut", "target", target), check: func(told bool) {
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
		{name: "roles", who: "ayame", path: "/users/roles", form: f.form("ayame", "name", "sora", "role", string(role)), check: func(told bool) {
			now := f.users()["sora"].Roles
			done := slices.Equal(now, []account.Grant{{Tenant: "default", Role: role}})
			say("roles", told, done)
			if !done && !slices.Equal(now, users["sora"].Roles) {
				t.Errorf("round %d: roles %v, before %v", round, now, users["sora"].Roles)
			}
		}},
		{name: "disable", who: "ren", path: "/users/disable", form: f.form("ren", "name", "hana", "disabled", flag), check: func(told bool) {
			say("disable", told, f.users()["hana"].Disabled == disable)
		}},
		{name: "publish", who: "ren", path: "/policy/publish", form: f.form("ren", "digest", digest[1]), check: func(told bool) {
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
