package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

const shopSQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, phone text, registered date DEFAULT '2026-01-01');
CREATE TABLE bookings (id int PRIMARY KEY, customer_id int REFERENCES customers, code text);
CREATE TABLE tours (id int PRIMARY KEY, title text);
INSERT INTO customers SELECT i, 'name ' || i, 'm' || i || '@example.jp', '090-0000-' || (1000 + i) FROM generate_series(1, 200) i;
INSERT INTO bookings SELECT i, 1 + i % 200, 'B' || i FROM generate_series(1, 600) i;
INSERT INTO tours VALUES (1, 'Sapporo');
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sekisho;
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT CREATE ON SCHEMA public TO app;
`

// TestUp runs whole lives of the process in front of a real PostgreSQL; see
// testdata/up.
func TestUp(t *testing.T) { runWithShop(t, "testdata/up") }

// runWithShop runs the scripts of a directory, each with a shop of its own.
func runWithShop(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("no psql: sudo apt-get install -y postgresql-client")
	}
	server := pgservertest.Start(t, pgserver.Config{Settings: map[string]string{"max_prepared_transactions": "10"}})
	roles := server.Command(t.Context(), "psql", "-q", "-c", "CREATE ROLE sekisho LOGIN; CREATE ROLE app LOGIN; CREATE ROLE boss SUPERUSER LOGIN; GRANT pg_read_all_stats TO sekisho", "postgres")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			hook, err := hookServer(e)
			if err != nil {
				return err
			}
			if err := messageServers(e); err != nil {
				return err
			}
			leaky, err := leakyShop(e)
			if err != nil {
				return err
			}
			if err := echoes(e); err != nil {
				return err
			}
			outside, err := outsideTLS(e)
			if err != nil {
				return err
			}
			e.Values[knocksKey], e.Values[poolKey] = &knocks{}, map[string]*pooled{}
			name := "t" + strconv.FormatInt(time.Now().UnixNano(), 36)
			if err := shopDatabase(t, server, name); err != nil {
				return err
			}
			port, err := freePort()
			if err != nil {
				return err
			}
			metricsPort, err := freePort()
			if err != nil {
				return err
			}
			webPort, err := freePort()
			if err != nil {
				return err
			}
			held, err := net.Listen("tcp", "127.0.0.1:0") // nobody else gets the port before it is used
			if err != nil {
				return err
			}
			e.Defer(func() { _ = held.Close() }) // "load to" may have
			_, nextPort, err := net.SplitHostPort(held.Addr().String())
			if err != nil {
				return err
			}
			e.Values[heldPortKey], e.Values[siteLoadKey] = held, new(atomic.Pointer[siteLoad])
			for _, kv := range [][2]string{
				{"HOOK", hook}, {"OUTSIDE", outside}, {"SLOW", newSlowSite(e).server.URL}, {"SHOP", leaky}, {"WEBPORT", webPort}, {"NEXTPORT", nextPort}, {"LANG", "C.UTF-8"}, {"USER", "ayame"}, {"UPSTREAMPORT", server.Addr()[strings.LastIndexByte(server.Addr(), ':')+1:]}, {"UPSTREAM", server.Addr()}, {"DATABASE", name},
				{"METRICSPORT", metricsPort}, {"PGHOST", "127.0.0.1"}, {"PGPORT", port}, {"PGUSER", "app"}, {"PGDATABASE", name}, {"PGSSLMODE", "disable"},
			} {
				e.Setenv(kv[0], kv[1])
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"awaitup": awaitUp, "awaitlooks": awaitLooks, "awaitevent": awaitEvent, "awaitclosed": awaitClosed, "expand": expand, "scrape": scrape, "browse": browse, "lookup": lookUp, "join": join, "reference": shownReference, "leak": leak, "upload": upload, "confirmed": sameConfirmed, "items": pageIDs, "getkey": evidenceKey, "plant": plantFiles, "sqlite": sqliteFile, "mapwatch": mapWatch, "basecontrol": baseControl, "reported": sameRows, "nowhere": nowhere, "awaitread": awaitRead, "received": received, "hostile": hostileFiles, "within": within, "killed": killed, "token": makeToken, "awaitconfirmed": awaitConfirmed, "hold": hold, "sitestatus": siteStatus, "knock": knock, "pool": pool, "link": link, "certificate": gateCertificate, "moment": siteMoment, "covered": covered, "load": loadSite, "mend": mend},
	})
}

// hookServer takes messages to people on duty and writes their subjects into
// hook.log of the script's directory.
func hookServer(e *testscript.Env) (string, error) {
	f, err := os.OpenFile(filepath.Join(e.WorkDir, "hook.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return "", err
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ Subject string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(f, m.Subject)
	}))
	e.Defer(func() { s.Close(); f.Close() })
	return s.URL, nil
}

// shopDatabase makes a shop of its own for one script.
func shopDatabase(t *testing.T, s *pgserver.Server, name string) error {
	if err := s.CreateDatabase(t.Context(), name); err != nil {
		return err
	}
	cmd := s.Command(t.Context(), "psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", shopSQL, name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// freePort returns a port that nobody listens on, each time another one. It is below
// those that systems give out by themselves (net.ipv4.ip_local_port_range; RFC 6335,
// 6), so that no connection and no ":0" takes it before it is used.
func freePort() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(lowPorts[(nextPort.Add(1)-1)%uint64(len(lowPorts))])
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}

// lowPorts are in an order that is another one in every process: tests of others run
// beside these.
var (
	lowPorts = func() (all []int) {
		for _, i := range rand.Perm(20_000) {
			all = append(all, 12_000+i)
		}
		return all
	}()
	nextPort atomic.Uint64
)

// awaitUp waits until the process serves its gates.
func awaitUp(ts *testscript.TestScript, _ bool, args []string) {
	data := "data"
	if len(args) > 0 {
		data = args[0]
	}
	c := control.NewClient(filepath.Join(ts.Getenv("WORK"), data, "control.sock"), "sekisho.yaml")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // a busy machine
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.Status(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("the process does not come up: %v", err)
		}
	}
}

// awaitLooks waits until the gate has given n more signs of life, which come
// once a second, as the watch looks in these scripts.
func awaitLooks(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	life := fmt.Sprintf(`"k":%d,`, event.KindHeartbeat)
	awaitLines(ts, life, n+countLines(ts, life))
}

// awaitClosed waits until the gate has recorded the end of n sessions: a client
// goes before the gate has written down what it took last.
func awaitClosed(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	awaitLines(ts, fmt.Sprintf(`"k":%d,`, event.KindSessionClose), n)
}

// awaitEvent waits until an event of a kind holds a text; a third word names the
// data directory, else it is data.
func awaitEvent(ts *testscript.TestScript, _ bool, args []string) {
	data := "data"
	if len(args) > 2 {
		data = args[2]
	}
	awaitLinesIn(ts, data, args[1], 1)
}

func awaitLines(ts *testscript.TestScript, part string, n int) { awaitLinesIn(ts, "data", part, n) }

func awaitLinesIn(ts *testscript.TestScript, data, part string, n int) {
	deadline := time.NewTimer(90 * time.Second) // counters of the server may be 60 s late
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for countLinesIn(ts, data, part) < n {
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("no %d events with %q", n, part)
		}
	}
}

// countLines counts the lines of the ledger that hold part.
func countLines(ts *testscript.TestScript, part string) int { return countLinesIn(ts, "data", part) }

func countLinesIn(ts *testscript.TestScript, data, part string) (n int) {
	r, err := ledger.OpenReader(filepath.Join(ts.Getenv("WORK"), data, "ledger"))
	ts.Check(err)
	ts.Check(r.Scan(context.Background(), 0, func(_ event.Index, line []byte) error {
		if strings.Contains(string(line), part) {
			n++
		}
		return nil
	}))
	return n
}

// scrape writes what a port answers at /metrics to the standard output of the
// script.
func scrape(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get("http://127.0.0.1:" + args[0] + "/metrics")
	ts.Check(err)
	defer resp.Body.Close()
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

// browse sends a request to a port of this machine: method, port, target and,
// for a form, its body. It prints the status and the answer.
func browse(ts *testscript.TestScript, _ bool, args []string) {
	client := http.DefaultClient
	if len(args) > 1 && args[0] == "-proxy" {
		through, err := url.Parse(args[1])
		ts.Check(err)
		// As ProxyURL would, but also for loopback, where the servers of tests are.
		client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: func(*http.Request) (*url.URL, error) { return through, nil }}}
		args = args[2:]
	}
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(args[3])
	}
	r, err := http.NewRequest(args[0], "http://127.0.0.1:"+args[1]+args[2], body)
	ts.Check(err)
	if client == http.DefaultClient {
		r.Host = "shop.example.jp"
	}
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "text/html")
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	fmt.Fprintln(ts.Stdout(), resp.Status)
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}

// shownReference keeps the reference of the page that was shown last in $REF.
func shownReference(ts *testscript.TestScript, _ bool, _ []string) {
	m := regexp.MustCompile(`<code>([A-Z2-7]{16})</code>`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("the page shows no reference")
	}
	ts.Setenv("REF", m[1])
}

// lookUp asks a port of this machine for the addresses of a name.
func lookUp(ts *testscript.TestScript, _ bool, args []string) {
	m := new(dns.Msg).SetQuestion(args[1]+".", dns.TypeA)
	m.SetEdns0(1232, false)
	a, err := dns.Exchange(m, "127.0.0.1:"+args[0])
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), a)
}

// expand replaces environment variables in a file.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, []byte(os.Expand(string(text), ts.Getenv)), 0o600))
}
