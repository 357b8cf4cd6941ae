package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/seed"
	"sekisho/internal/view/casefile"
)

// steppedAct makes an act that is done alone, in a process that is killed at one of
// the system calls with which it changes files.
type steppedAct struct {
	name string
	make func(round int) killAct
}

// TestConsoleKilledAtSteps kills the process (SIGKILL) before each system call that
// writes, syncs, renames or removes a file while one act is under way, starts it
// again, and looks whether the act was done wholly or not at all, and whether the
// ledger says which. With SEKISHO_LONG every act at every step (SEKISHO_STRIDE=3:
// every third; SEKISHO_ACT: one act); without, a few that a seed chooses.
func TestConsoleKilledAtSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed.For(t), 1))
	f := killedFirmIn(t, t.TempDir(), strings.Replace(clubStore, "FILE", clubFile(t), 1)+killedSites(t))
	f.prepare = ownGroup
	f.start()
	all := f.steppedActs()
	round := 0
	step := func(a steppedAct, n int) (hit, done bool) {
		hit, done = f.step(round, a, n)
		round++
		return hit, done
	}
	// first is for an act that was never killed: it changes a file at least once
	// before it is answered.
	first := func(a steppedAct) {
		if hit, _ := step(a, 1); !hit {
			t.Errorf("%s: it is not killed at its first change of a file", a.name)
		}
	}
	if os.Getenv("SEKISHO_LONG") == "" {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, a := range all[:2] {
			n := 1 + rng.IntN(20)
			hit, done := step(a, n)
			t.Logf("%s: killed at step %d: %t, done: %t", a.name, n, hit, done)
			if !hit {
				first(a)
			}
		}
		return
	}
	stride := 1
	if n, err := strconv.Atoi(os.Getenv("SEKISHO_STRIDE")); err == nil {
		stride = n
	}
	only := os.Getenv("SEKISHO_ACT")
	for _, a := range all {
		if only != "" && a.name != only {
			continue
		}
		outcomes := [2]int{}
		for n := 1 + rng.IntN(stride); ; n += stride {
			hit, done := step(a, n)
			if !hit {
				break // it was answered before that many
			}
			if done {
				outcomes[1]++
			} else {
				outcomes[0]++
			}
		}
		if outcomes[0]+outcomes[1] == 0 {
			first(a)
		}
		t.Logf("%s: killed %d times: %d not at all, %d wholly", a.name, outcomes[0]+outcomes[1], outcomes[0], outcomes[1])
	}
}

// step does an act in a process that ends before its n-th change of a file, and
// looks what became of it.
func (f *killedFirm) step(round int, a steppedAct, n int) (hit, done bool) {
	t := f.t
	t.Helper()
	act := a.make(round)
	s := killAt(t, f.up.Process.Pid, f.dir, n)
	var status int
	var text string
	var err error
	if act.call != nil {
		err = act.call()
	} else {
		status, _, text, err = f.ask(act.who, act.path, act.form)
	}
	told := err == nil && status < http.StatusBadRequest
	_, hit = s.end()
	if err == nil && !told {
		t.Errorf("%s at step %d: %d: %s", a.name, n, status, text)
	}
	if !hit && err != nil {
		t.Errorf("%s ended by itself before step %d: %v", a.name, n, err)
	}
	f.kill()
	f.start()
	f.last = a.name
	act.check(told)
	done = f.wholly
	if t.Failed() {
		log, _ := os.ReadFile(f.log.Name()) // for the message
		t.Fatalf("%s, killed at step %d: %t, answered: %t\n%s", a.name, n, hit, told, log)
	}
	return hit, done
}

// steppedActs are those of acts, and what cannot be done at the same time.
func (f *killedFirm) steppedActs() []steppedAct {
	var all []steppedAct
	for i, name := range []string{"something is wrong", "freeze", "release", "cut", "roles", "disable", "publish"} {
		all = append(all, steppedAct{name, func(round int) killAct {
			return f.acts(round, func(_ string, done bool) { f.wholly = done })[i]
		}})
	}
	return slices.Concat(all, []steppedAct{
		{"propose a policy", f.proposing}, {"withdraw a policy", f.withdrawing},
		{"hand on a proposal", f.handing}, {"accept a proposal", f.accepting}, {"drop a proposal", f.dropping},
		{"invite", f.inviting}, {"join", f.joining}, {"make a token", f.tokenMaking}, {"end a token", f.tokenEnding},
		{"lift a cut", f.lifting}, {"a fact", f.fact},
		{"bypass", f.bypassing}, {"stop the sites", f.stopping}, {"end sessions", f.ending},
		{"except a refusal", f.excepting}, {"refuse a field", f.refusing}, {"authorise parts", f.authorising}, {"import fields", f.importing},
		{"answer about persons", f.answering}, {"report misuse", f.misusing}, {"call for a test", f.calling}, {"take evidence", f.takingEvidence},
		{"admit a gate", f.admitting}, {"revoke a gate", f.revoking},
	})
}

// outcome holds what there is against what was answered and what the ledger says
// since it held so many events: nil says is not asked.
func (f *killedFirm) outcome(told, done bool, says func(bodies []event.Body) bool, from uint64) {
	f.t.Helper()
	f.wholly = done
	if told && !done {
		f.t.Errorf("%s was answered and is not done", f.last)
	}
	if said := says(f.since(from)); said != done {
		f.t.Errorf("%s: done: %t, the ledger says %t", f.last, done, said)
	}
}

// since returns the bodies of the ledger from an index on.
func (f *killedFirm) since(from uint64) []event.Body {
	f.t.Helper()
	out, err := f.program("events", "--json").Output()
	if err != nil {
		f.t.Fatalf("events: %v", err)
	}
	var all []event.Body
	for line := range strings.Lines(string(out)) {
		e, err := new(event.Decoder).Parse([]byte(strings.TrimSpace(line)))
		if err != nil {
			f.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e.Body)
	}
	return all[from:]
}

func (f *killedFirm) head() uint64 {
	f.t.Helper()
	s, err := f.client.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return s.Head
}

// actSays reads of an act whether it was done and not taken back.
func actSays(do, target string) func([]event.Body) bool {
	return func(all []event.Body) (done bool) {
		for _, b := range all {
			if a, ok := b.(*event.Act); ok && a.Do == do && (target == "" || a.Target == target) {
				done = a.Result == "done"
			}
		}
		return done
	}
}

// accountSays is actSays of a change of accounts.
func accountSays(step, name string) func([]event.Body) bool {
	return func(all []event.Body) (done bool) {
		for _, b := range all {
			if a, ok := b.(*event.Account); ok && (a.Account == name || a.Name == name) {
				done = a.Step == step || done && !(a.Step == "undone" && a.Undone == step)
			}
		}
		return done
	}
}

// policyWaits reports whether a draft waits to be published.
func (f *killedFirm) policyWaits() bool {
	f.t.Helper()
	return strings.Contains(f.pageOf("ren", "/policy"), "/policy/publish")
}

func (f *killedFirm) nextPolicy() string {
	f.t.Helper()
	s, err := f.client.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return killPolicy(int(s.Policy.Generation) + 1)
}

func (f *killedFirm) proposing(int) killAct {
	if f.policyWaits() {
		f.do("ayame", "/policy/withdraw")
	}
	from := f.head()
	return killAct{who: "ayame", path: "/policy/propose", form: f.form("ayame", "text", f.nextPolicy()), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.policyWaits(), actSays(proposing, ""), from)
	}}
}

func (f *killedFirm) withdrawing(int) killAct {
	if !f.policyWaits() {
		f.do("ayame", "/policy/propose", "text", f.nextPolicy())
	}
	from := f.head()
	return killAct{who: "ayame", path: "/policy/withdraw", form: f.form("ayame"), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, !f.policyWaits(), actSays(withdrawing, ""), from)
	}}
}

var digestField = regexp.MustCompile(`name="digest" value="([^"]+)"`)

// protection returns the digest of the proposal that waits, empty for none.
func (f *killedFirm) protection() string {
	f.t.Helper()
	page := f.pageOf("ren", "/map")
	m := digestField.FindStringSubmatch(page)
	if waits := strings.Contains(page, "/map/accept"); waits != (m != nil) {
		f.t.Fatalf("a proposal waits: %t, with a digest: %t", waits, m != nil)
	}
	if m == nil {
		return ""
	}
	return m[1]
}

// proposed has the database looked at and returns the digest of what is proposed.
func (f *killedFirm) proposed() (digest string) {
	f.t.Helper()
	f.await("the proposal", func() bool {
		if m := digestField.FindStringSubmatch(f.page("/map/proposal?database=club")); m != nil {
			digest = m[1]
		}
		return digest != ""
	})
	return digest
}

func (f *killedFirm) handing(int) killAct {
	if f.protection() != "" {
		f.do("ayame", "/map/drop")
	}
	digest, from := f.proposed(), f.head()
	return killAct{who: "ayame", path: "/map/propose", form: f.form("ayame", "digest", digest), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.protection() == digest, actSays("map-propose", digest), from)
	}}
}

func (f *killedFirm) handed() string {
	f.t.Helper()
	if f.protection() == "" {
		f.do("ayame", "/map/propose", "digest", f.proposed())
	}
	return f.protection()
}

func (f *killedFirm) accepting(int) killAct {
	digest, from := f.handed(), f.head()
	file := filepath.Join(f.dir, "sekisho.yaml")
	before, err := os.ReadFile(file)
	if err != nil {
		f.t.Fatal(err)
	}
	return killAct{who: "ren", path: "/map/accept", form: f.form("ren", "digest", digest), check: func(told bool) {
		f.t.Helper()
		now, err := os.ReadFile(file)
		if err != nil {
			f.t.Fatal(err)
		}
		done := fileDigest(now) == digest
		if !done && string(now) != string(before) {
			f.t.Errorf("the configuration is neither the old one nor the new one:\n%s", now)
		}
		f.outcome(told, done, actSays("map-accept", digest), from)
		if waits := f.protection() != ""; waits == done {
			f.t.Errorf("accepted: %t, it waits: %t", done, waits)
		}
		if done { // the next round has something to propose again
			f.kill()
			if err := os.WriteFile(file, before, 0o600); err != nil {
				f.t.Fatal(err)
			}
			f.start()
		}
	}}
}

func (f *killedFirm) dropping(int) killAct {
	digest, from := f.handed(), f.head()
	return killAct{who: "ayame", path: "/map/drop", form: f.form("ayame"), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.protection() == "", actSays("map-withdraw", digest), from)
	}}
}

// count asks the database of accounts for a number.
func (f *killedFirm) count(query string, args ...any) (n int) {
	f.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.dir, "data", "accounts.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(f.t.Context(), query, args...).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *killedFirm) inviting(round int) killAct {
	name, from := fmt.Sprintf("guest%d", round), f.head()
	return killAct{who: "ayame", path: "/users/invite", form: f.form("ayame", "name", name, "role", string(account.Viewer)), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.count("SELECT count(*) FROM invitation WHERE account = ?", name) == 1, accountSays("invited", name), from)
	}}
}

func (f *killedFirm) joining(round int) killAct {
	f.t.Helper()
	a := f.accounts()
	defer a.Close()
	name := fmt.Sprintf("joined%d", round)
	code, err := a.Invite(f.t.Context(), "test", name, []account.Role{account.Viewer})
	if err != nil {
		f.t.Fatal(err)
	}
	key, err := a.NewKey()
	if err != nil {
		f.t.Fatal(err)
	}
	from := f.head()
	form := url.Values{"invite": {code}, "key": {key.String()}, "name": {name}, "password": {"correct horse battery staple 7"}, "code": {account.Code(key, time.Now())}}
	return killAct{who: "nobody", path: "/join", form: form, check: func(told bool) {
		f.t.Helper()
		u := f.users()[name]
		if left := f.count("SELECT count(*) FROM invitation WHERE account = ?", name); (left == 1) != (u == nil) {
			f.t.Errorf("joined: %t, invitations left: %d", u != nil, left)
		}
		f.outcome(told, u != nil, accountSays("created", name), from)
	}}
}

func (f *killedFirm) hasToken(name string) bool {
	f.t.Helper()
	return f.count("SELECT count(*) FROM token WHERE account = 'ayame' AND name = ?", name) == 1
}

func (f *killedFirm) tokenMaking(round int) killAct {
	name, from := fmt.Sprintf("token%d", round), f.head()
	return killAct{who: "ayame", path: "/me/token/make", form: f.form("ayame", "name", name, "days", "1", "do", string(account.See)), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.hasToken(name), accountSays("token", name), from)
	}}
}

func (f *killedFirm) tokenEnding(round int) killAct {
	f.t.Helper()
	name := fmt.Sprintf("ended%d", round)
	if status, _, text, err := f.ask("ayame", "/me/token/make", f.form("ayame", "name", name, "days", "1", "do", string(account.See))); err != nil || status >= http.StatusBadRequest {
		f.t.Fatalf("no token: %d, %v: %s", status, err, text)
	}
	from := f.head()
	return killAct{who: "ayame", path: "/me/token/end", form: f.form("ayame", "name", name), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, !f.hasToken(name), accountSays("token-ended", name), from)
	}}
}

func (f *killedFirm) cutOf(target string) (id string) {
	f.t.Helper()
	cuts, err := f.client.Cuts(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range cuts.Entries {
		if e.Target == target {
			id = e.ID
		}
	}
	return id
}

func (f *killedFirm) lifting(round int) killAct {
	f.t.Helper()
	target := fmt.Sprintf("lifted%d.example", round)
	if _, err := f.client.OrderCut(f.t.Context(), control.CutOrder{Target: target, For: time.Hour, By: "ren", Reason: "test"}); err != nil {
		f.t.Fatal(err)
	}
	id, from := f.cutOf(target), f.head()
	return killAct{who: "ayame", path: "/egress/lift", form: f.form("ayame", "id", id, "reason", "test"), check: func(told bool) {
		f.t.Helper()
		f.outcome(told, f.cutOf(target) == "", func(all []event.Body) (lifted bool) {
			for _, b := range all {
				if o, ok := b.(*event.CutOrdered); ok {
					lifted = lifted || slices.Contains(o.Remove, id)
				}
			}
			return lifted
		}, from)
	}}
}

func (f *killedFirm) fact(round int) killAct {
	f.t.Helper()
	id := strings.TrimPrefix(strings.TrimSuffix(f.do("ayame", "/wrong", "what", fmt.Sprintf("fact %d", round)), "?done=wrong"), "/cases/")
	from := f.head()
	return killAct{who: "ayame", path: "/cases/" + id + "/fact", form: f.form("ayame", "fact", "personal-data", "known_by", "sora"), check: func(told bool) {
		f.t.Helper()
		said := func(all []event.Body) bool {
			return slices.ContainsFunc(all, func(b event.Body) bool { x, ok := b.(*event.CaseFact); return ok && x.Case == id })
		}
		known := slices.ContainsFunc(f.caseOf(id).Facts, func(x casefile.Fact) bool { return x.Fact == "personal-data" })
		f.outcome(told, known, said, from)
	}}
}
