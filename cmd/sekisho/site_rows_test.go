package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
	"sekisho/internal/ledger"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/proof/scope"
)

// remoteShop is a hub and a remote process, each with a database "shop" behind a
// gate "shop-db".
type remoteShop struct {
	*away
	gate map[string]string // port, by process
	base map[string]string // name on the server
}

func newRemoteShop(t *testing.T) *remoteShop {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("SKIPPED: no psql: sudo apt-get install -y postgresql-client")
	}
	r := &remoteShop{away: newAway(t), gate: map[string]string{}, base: map[string]string{}}
	server := pgservertest.Start(t, pgserver.Config{})
	roles := server.Command(t.Context(), "psql", "-q", "-c", "CREATE ROLE sekisho LOGIN; CREATE ROLE app LOGIN; GRANT pg_read_all_stats TO sekisho", "postgres")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, where := range []string{"hq", "osaka"} {
		r.gate[where], r.base[where] = port(t), where
		if err := shopDatabase(t, server, where); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(r.file(where + "/sekisho.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		r.write(where+"/sekisho.yaml", fmt.Sprintf(`%sdatabases:
  - name: shop
    upstream: '%s'
    database: %s
    tls: {mode: disable}
    control: {user: sekisho}
    protect:
      - {table: public.customers, key: id, columns: {name: name, email: email, phone: phone}, plain: [id, registered]}
gates:
  - {name: shop-db, listen: '127.0.0.1:%s', database: shop, strict: true}
`, text, server.Addr(), where, r.gate[where]))
	}
	return r
}

// read reads as the intruder, and returns when the gate has written down the end of
// the session.
func (r *remoteShop) read(where, query string) {
	r.t.Helper()
	before := r.closed(where)
	cmd := exec.CommandContext(r.t.Context(), "psql", "-Atq", "-c", query, r.base[where])
	cmd.Env = append(os.Environ(), "PGHOST=127.0.0.1", "PGPORT="+r.gate[where], "PGUSER=app", "PGSSLMODE=disable")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	r.await("the end of a session", func() bool { return r.closed(where) > before })
}

func (r *remoteShop) closed(where string) int {
	return strings.Count(r.sekisho(where, "events", "--kind", "session-close", "--json"), "\n")
}

func (r *remoteShop) scope(where string, args ...string) *scope.Result {
	r.t.Helper()
	out := new(scope.Result)
	if err := json.Unmarshal([]byte(r.sekisho(where, append([]string{"--json", "scope"}, args...)...)), out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// confirmed are the subjects of a list that are confirmed, sorted.
func (r *remoteShop) confirmed(where string, args ...string) (keys []string) {
	r.t.Helper()
	for line := range strings.Lines(r.sekisho(where, append([]string{"scope", "--list"}, args...)...)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); f[0] == "confirmed" {
			keys = append(keys, f[1]+" "+f[2])
		}
	}
	slices.Sort(keys)
	return keys
}

func missing(r *scope.Result) bool {
	return slices.ContainsFunc(r.Coverage.Uncovered, func(i scope.Interval) bool { return i.Reason == scope.ReasonNotArrived })
}

// lines are what a ledger has of the chains that osaka ships.
func (r *remoteShop) lines(where string) (all map[string][]string) {
	r.t.Helper()
	reader, err := ledger.OpenReader(r.file(where + "/data/ledger"))
	if err != nil {
		r.t.Fatal(err)
	}
	all = map[string][]string{}
	err = reader.Scan(context.Background(), 0, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err == nil && frame.SiteOf(string(h.Source)) == "osaka" {
			chain := fmt.Sprintf("%s/%d", h.Source, h.Worker)
			all[chain] = append(all[chain], string(line))
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// TestShippedRows: the hub says exactly who was read through the database gate of a
// remote process, whoever was killed meanwhile; and while the record of it is not
// there, that nobody knows.
func TestShippedRows(t *testing.T) {
	r := newRemoteShop(t)
	endHub := r.up("hq")
	var join struct{ Token string }
	if err := json.Unmarshal([]byte(r.sekisho("hq", "--json", "hub", "token", "osaka")), &join); err != nil {
		t.Fatal(err)
	}
	r.sekisho("osaka", "gate", "join", join.Token)
	endSite := r.up("osaka")
	at := []string{"--place", "shop@osaka"}

	// What is read there is known here, by numbers; there the numbers have keys.
	r.read("osaka", "SELECT email FROM customers WHERE id < 4")
	there := r.scope("osaka", at...)
	if there.Confirmed.Subjects != 3 || there.Reachable.Subjects != 3 || there.EverHeld.Subjects != 200 {
		t.Fatalf("at the site: %+v", there)
	}
	var here *scope.Result
	r.await("the rows at the hub", func() bool {
		here = r.scope("hq", at...)
		return here.Confirmed.Subjects == 3 && !missing(here)
	})
	for name, diff := range map[string]string{"confirmed": cmp.Diff(there.Confirmed, here.Confirmed), "reachable": cmp.Diff(there.Reachable, here.Reachable),
		"ever held": cmp.Diff(there.EverHeld, here.EverHeld)} {
		if diff != "" {
			t.Errorf("%s differs at the hub (-site +hub):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"shop@osaka.customers 1", "shop@osaka.customers 2", "shop@osaka.customers 3"}, r.confirmed("osaka", at...)); diff != "" {
		t.Errorf("who was read, at the site (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shop@osaka.customers #0", "shop@osaka.customers #1", "shop@osaka.customers #2"}, r.confirmed("hq", at...)); diff != "" {
		t.Errorf("who was read, at the hub (-want +got):\n%s", diff)
	}
	// The hub has a database of the same name, whose customers are others.
	r.read("hq", "SELECT email FROM customers WHERE id = 7")
	if diff := cmp.Diff([]string{"shop.customers 7"}, r.confirmed("hq", "--place", "shop")); diff != "" {
		t.Errorf("who was read at the hub's own database (-want +got):\n%s", diff)
	}

	// The hub is away, and then the site: what was read meanwhile has not arrived.
	endHub(syscall.SIGKILL)
	r.read("osaka", "SELECT email FROM customers WHERE id IN (10, 11)")
	endSite(syscall.SIGKILL)
	endHub = r.up("hq")
	here = r.scope("hq", at...)
	if !missing(here) || here.Confirmed.Subjects != 3 || here.Reachable.Subjects != 200 || here.Coverage.Reporting != 0 {
		t.Errorf("while the record is not here: confirmed %d, reachable %d, %d gates reporting, uncovered %+v",
			here.Confirmed.Subjects, here.Reachable.Subjects, here.Coverage.Reporting, here.Coverage.Uncovered)
	}
	if text := r.sekisho("hq", "scope", "--place", "shop@osaka", "--address", "192.0.2.7"); !strings.Contains(text, "200") {
		t.Errorf("somebody who was not seen can have read nobody: %s", text)
	}

	// It comes when the site is back, and the hole closes.
	endSite = r.up("osaka")
	r.await("the rest at the hub", func() bool {
		here = r.scope("hq", at...)
		return here.Confirmed.Subjects == 5 && !missing(here)
	})
	since := time.Now().UTC()
	r.read("osaka", "SELECT email FROM customers WHERE id IN (20, 21, 22)")
	window := append([]string{"--from", since.Format(time.RFC3339Nano)}, at...)
	r.await("exactly three again", func() bool {
		here = r.scope("hq", window...)
		return here.Confirmed.Subjects == 3 && here.Reachable.Subjects == 3 && !missing(here)
	})

	// The site's clean end is the last that the hub hears: it may be up again.
	endSite(syscall.SIGTERM)
	r.await("that the site is away", func() bool { return missing(r.scope("hq", at...)) })
	endHub(syscall.SIGTERM)
	r.sekisho("hq", "verify")
	r.sekisho("osaka", "verify")
	site, hub := r.lines("osaka"), r.lines("hq")
	for chain, lines := range site {
		got := hub[chain]
		if len(got) > len(lines) || !slices.Equal(got, lines[:len(got)]) {
			t.Errorf("%s: %d lines at the hub are not the first of %d at the site", chain, len(got), len(lines))
		}
	}
	for _, chain := range []string{"gate/shop-db@osaka/0", "scan/shop@osaka/0", "dictionary@osaka/0", "process@osaka/0"} {
		if len(hub[chain]) == 0 {
			t.Errorf("the hub has nothing of %s", chain)
		}
	}
	for chain := range hub {
		if len(site[chain]) == 0 {
			t.Errorf("the hub has %s, the site has not", chain)
		}
	}
}

// awaitConfirmed waits until a scope over a place has so many confirmed subjects and
// nothing of it is on its way.
//
//	awaitconfirmed N PLACE
func awaitConfirmed(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseUint(args[0], 10, 64)
	ts.Check(err)
	c := control.NewClient(filepath.Join(ts.Getenv("WORK"), "data", "control.sock"), "sekisho.yaml")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var text bytes.Buffer
		ts.Check(c.Scope(ctx, control.ScopeRequest{Query: scope.Query{Places: args[1:]}, Form: control.FormResult, By: "ayame"}, &text))
		var r scope.Result
		ts.Check(json.Unmarshal(text.Bytes(), &r))
		if r.Confirmed.Subjects == n && !missing(&r) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%d are confirmed, want %d", r.Confirmed.Subjects, n)
		}
	}
}
