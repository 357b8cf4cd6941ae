package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/control"
)

// away is a hub and a remote gate as processes of their own, to be killed.
type away struct {
	t      *testing.T
	dir    string
	binary string
	proxy  string // address of the remote gate
}

func (a *away) file(name string) string { return filepath.Join(a.dir, name) }

func (a *away) write(name, text string) {
	a.t.Helper()
	if err := os.MkdirAll(filepath.Dir(a.file(name)), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(a.file(name), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *away) sekisho(where string, args ...string) string {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), a.binary, append([]string{"-c", a.file(where + "/sekisho.yaml")}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "USER=ayame")
	var bad bytes.Buffer
	cmd.Stderr = &bad
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("%s: sekisho %v: %v: %s", where, args, err, bad.String())
	}
	return string(out)
}

// up starts a process; end ends it by a signal.
func (a *away) up(where string) (end func(syscall.Signal)) {
	a.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(a.binary, "-c", a.file(where+"/sekisho.yaml"), "up")
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "USER=ayame")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	ended, gone := make(chan error, 1), false
	go func() { ended <- cmd.Wait() }()
	end = func(s syscall.Signal) {
		if gone {
			return
		}
		gone = true
		_ = cmd.Process.Signal(s)
		if err := <-ended; (err != nil) != (s == syscall.SIGKILL) {
			a.t.Errorf("%s ended by %v: %v: %s", where, s, err, said.String())
		}
	}
	a.t.Cleanup(func() { end(syscall.SIGTERM) })
	c := control.NewClient(a.file(where+"/data/control.sock"), "sekisho.yaml")
	a.await(where, func() bool {
		select {
		case err := <-ended:
			a.t.Fatalf("%s: %v: %s", where, err, said.String())
		default:
		}
		_, err := c.Status(a.t.Context())
		return err == nil
	})
	return end
}

func (a *away) await(what string, holds func() bool) {
	a.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(2 * time.Minute); !holds(); <-tick.C {
		if time.Now().After(until) {
			a.t.Fatalf("%s: not within two minutes", what)
		}
	}
}

var shownEvent = regexp.MustCompile(`\(?(SK\d{4}) ([A-Z2-7]{16})`)

// refused asks the remote gate for what it refuses and returns the number that it
// told: that is recorded, whatever happens next.
func (a *away) refused() string {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.proxy)
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "CONNECT secret.example:443 HTTP/1.1\r\nHost: secret.example:443\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	id := shownEvent.FindStringSubmatch(answer.Header.Get("Proxy-Status"))
	if answer.StatusCode != http.StatusForbidden || id == nil {
		a.t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	return id[2]
}

// port is one that nobody listens on.
func port(t *testing.T) string {
	t.Helper()
	p, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newAway(t *testing.T) *away {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: it starts processes")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &away{t: t, dir: t.TempDir(), proxy: "127.0.0.1:" + port(t)}
	a.binary = a.file("sekisho") // TestMain looks at the name
	if err := os.Symlink(binary, a.binary); err != nil {
		t.Fatal(err)
	}
	hub := port(t)
	a.write("hq/sekisho.yaml", fmt.Sprintf("data: ./data\nkeys: ./keys\nhub: {listen: '127.0.0.1:%s', url: 'https://127.0.0.1:%[1]s'}\n", hub))
	a.write("osaka/policy.yaml", "generation: 1\nroles:\n  - {name: here, addresses: [127.0.0.0/8]}\n")
	a.write("osaka/sekisho.yaml", fmt.Sprintf("data: ./data\nkeys: ./keys\negress: {policy_file: policy.yaml, gates: [{name: out, listen: '%s'}]}\n", a.proxy))
	a.sekisho("hq", "init")
	a.sekisho("osaka", "init")
	return a
}

// TestShippedOnce: what a remote gate recorded is in the hub's ledger, once each
// and verified, when the hub is away for a while, and when either is killed.
func TestShippedOnce(t *testing.T) {
	a := newAway(t)
	endHub := a.up("hq")
	var join struct{ Token string }
	if err := json.Unmarshal([]byte(a.sekisho("hq", "--json", "hub", "token", "osaka")), &join); err != nil {
		t.Fatal(err)
	}
	a.sekisho("osaka", "gate", "join", join.Token)
	endSite := a.up("osaka")
	var told []string
	some := func() {
		for range 20 {
			told = append(told, a.refused())
		}
	}
	atHub := func() map[string]int {
		seen := map[string]int{}
		for line := range strings.Lines(a.sekisho("hq", "events", "--kind", "flow", "--json")) {
			var e struct {
				S string `json:"s"`
				B struct{ ID, Place string }
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if e.S != "gate/out@osaka" || e.B.Place != "egress/out@osaka" {
				t.Errorf("event of %s at %s", e.S, e.B.Place)
			}
			seen[e.B.ID]++
		}
		return seen
	}
	some()
	a.await("the first flows at the hub", func() bool { return len(atHub()) > 0 })
	endHub(syscall.SIGKILL) // while it takes
	some()
	endSite(syscall.SIGKILL) // with what it could not send
	endSite = a.up("osaka")
	some()
	endHub = a.up("hq")
	some()
	endSite(syscall.SIGKILL)
	endHub(syscall.SIGKILL)
	endHub = a.up("hq")
	endSite = a.up("osaka")
	some()
	a.await("all flows at the hub", func() bool { return len(atHub()) >= len(told) })
	seen := atHub()
	for _, id := range told {
		if seen[id] != 1 {
			t.Errorf("%s is at the hub %d times", id, seen[id])
		}
	}
	if len(seen) != len(told) {
		t.Errorf("%d flows are at the hub, %d were told", len(seen), len(told))
	}
	// What else the gate and its process say is there, and the hub's own policy
	// is not taken from it.
	for kind, want := range map[string]string{"source-start": `"s":"gate/out@osaka"`, "heartbeat": `"places":["egress/out@osaka"]`, "exit-policy": `"s":"process@osaka"`} {
		a.await(kind+" of the remote gate at the hub", func() bool {
			return strings.Contains(a.sekisho("hq", "events", "--kind", kind, "--json"), want)
		})
	}
	endSite(syscall.SIGTERM)
	endHub(syscall.SIGTERM)
	a.sekisho("hq", "verify")
	a.sekisho("osaka", "verify")
}

// TestShippedBroken: a remote gate whose ledger was put back to an older state
// is raised at the hub, which takes nothing that contradicts what it has.
func TestShippedBroken(t *testing.T) {
	a := newAway(t)
	a.up("hq")
	var join struct{ Token string }
	if err := json.Unmarshal([]byte(a.sekisho("hq", "--json", "hub", "token", "osaka")), &join); err != nil {
		t.Fatal(err)
	}
	a.sekisho("osaka", "gate", "join", join.Token)
	keep := a.file("osaka/kept")
	if out, err := exec.Command("cp", "-a", a.file("osaka/data"), keep).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	end := a.up("osaka")
	id := a.refused()
	a.await("a flow at the hub", func() bool { return strings.Contains(a.sekisho("hq", "events", "--kind", "flow", "--json"), id) })
	end(syscall.SIGTERM)
	if err := os.RemoveAll(a.file("osaka/data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(keep, a.file("osaka/data")); err != nil {
		t.Fatal(err)
	}
	a.up("osaka")
	for range 40 { // until the numbers pass those that the hub has
		a.refused()
	}
	a.await("SK3707 at the hub", func() bool {
		return strings.Contains(a.sekisho("hq", "events", "--kind", "finding", "--json"), "SK3707")
	})
	if text := a.sekisho("hq", "events", "--kind", "flow", "--json"); strings.Count(text, "\n") != 1 {
		t.Errorf("the hub took flows that contradict what it has: %s", text)
	}
}
