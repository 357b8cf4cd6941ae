package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
)

// TestBackupElsewhere backs up a firm whose people have worked, while its process
// runs, and restores it in another folder: cases with their frozen figures and
// released documents, accounts, the cuts in force and the root by which remote gates
// know their hub are there, and it goes on; sessions are not.
func TestBackupElsewhere(t *testing.T) {
	f := newKilledFirm(t)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.dir, "sekisho.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "hub: {listen: '127.0.0.1:"+port+"'}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	f.start()

	id := strings.TrimPrefix(strings.TrimSuffix(f.do("ayame", "/wrong", "what", "strange mails"), "?done=wrong"), "/cases/")
	f.await("the first figures", func() bool { return len(f.caseOf(id).Scopes) == 1 })
	f.do("ayame", "/cases/"+id+"/draft/web/write", "slot-what", "a mark of this release")
	m := regexp.MustCompile(`name="sha256" value="([0-9a-f]+)"`).FindStringSubmatch(f.pageOf("ren", "/cases/"+id+"/draft/web"))
	if m == nil {
		t.Fatal("no draft to release")
	}
	f.do("ren", "/cases/"+id+"/draft/web/release", "sha256", m[1])
	order, err := f.client.OrderCut(t.Context(), control.CutOrder{Target: "evil.example", For: time.Hour, By: "ren", Reason: "test", Case: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.HubToken(t.Context(), control.HubRequest{Site: "osaka", By: "ren"}); err != nil {
		t.Fatal(err)
	}
	released, err := f.client.Draft(t.Context(), control.DraftQuery{Case: id, Draft: "web", Lang: "en"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := f.program("backup", "backup.tar.zst").CombinedOutput(); err != nil {
		t.Fatalf("backup: %v: %s", err, out)
	}
	want, entries := f.caseOf(id), order.Entries
	f.kill() // what is elsewhere listens where this did

	e := *f
	e.dir = t.TempDir()
	e.logs, e.program = e.dir, programIn(t, e.dir)
	e.client = control.NewClient(filepath.Join(e.dir, "data", "control.sock"), "sekisho.yaml")
	for _, name := range []string{"sekisho.yaml", "cases.yaml", "policy.yaml", "egress.yaml", "backup.tar.zst"} {
		text, err := os.ReadFile(filepath.Join(f.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(e.dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := e.program("restore", "backup.tar.zst").CombinedOutput(); err != nil {
		t.Fatalf("restore: %v: %s", err, out)
	}
	for _, name := range []string{"keys/hub-root.key", "keys/hub-root.pem", "data/hub/order.note"} {
		was, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if is, err := os.ReadFile(filepath.Join(e.dir, name)); err != nil || !bytes.Equal(is, was) {
			t.Errorf("%s is another: %v", name, err)
		}
	}
	for _, s := range want.Scopes {
		if out, err := e.program("verify", "--bundle", filepath.Join("data", "cases", s.Bundle)).CombinedOutput(); err != nil {
			t.Errorf("the bundle of version %d: %v: %s", s.Version, err, out)
		}
	}
	if out, err := e.program("verify").CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}

	e.start()
	t.Cleanup(e.kill)
	if diff := gocmp.Diff(want.Scopes, e.caseOf(id).Scopes); diff != "" {
		t.Errorf("figures (-before +after)\n%s", diff)
	}
	cuts, err := e.client.Cuts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(entries, cuts.Entries); diff != "" || cuts.Generation < order.Generation {
		t.Errorf("cuts of generation %d, before %d (-before +after)\n%s", cuts.Generation, order.Generation, diff)
	}
	if status, _, _, err := e.ask("ren", "/", nil); err != nil || status != http.StatusSeeOther {
		t.Errorf("a session from before entered: %d, %v", status, err)
	}
	a := e.accounts()
	defer a.Close()
	for _, name := range []string{"ayame", "ren"} {
		u, err := a.User(t.Context(), name)
		if err != nil || !u.Password || !u.May(account.Release, "default") {
			t.Fatalf("account %s: %+v, %v", name, u, err)
		}
	}
	code, err := a.Invite(t.Context(), "test", "mei", []account.Role{account.Officer, account.CSIRT})
	if err != nil {
		t.Fatal(err)
	}
	e.enter(a, "mei", code)
	after, err := e.client.Draft(t.Context(), control.DraftQuery{Case: id, Draft: "web", Lang: "en"})
	if diff := gocmp.Diff(released, after); err != nil || diff != "" {
		t.Errorf("the released document: %v (-before +after)\n%s", err, diff)
	}
	if page := e.pageOf("mei", "/cases/"+id+"/draft/web"); strings.Contains(page, "/draft/web/release") {
		t.Error("what was released waits to be released")
	}
	if again := e.do("mei", "/wrong", "what", "after the restore"); again == "/cases/"+id+"?done=wrong" {
		t.Errorf("a new case has an old one's name: %s", again)
	}
}
