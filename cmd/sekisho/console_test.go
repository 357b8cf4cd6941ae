package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

const consoleConfig = `data: ./data
keys: ./keys
cases: ./cases.yaml
console: {listen: '127.0.0.1:0', persons: ./persons}
ledger: {segment: {age: 2s}}
policy_file: ./policy.yaml
egress:
  policy_file: ./egress.yaml
  gates: [{name: out, listen: '127.0.0.1:PROXY'}]
exits: [{name: line, interface: eth9, owner: ayame}]
web:
  - name: shop-web
    listen: 127.0.0.1:WEB
    rules: ./rules.yaml
    learn: true
    sites:
      - hosts: [shop.example.jp]
        upstream: 'SITE'
        firewall: enforce
        cards: enforce
        logins: {accounts: 20}
        payment: [/checkout/]
        pages: report
        providers: [{host: pay.example.com, aoc: 'AOC 2026-04', expires: 2027-03-31}]
databases:
  - name: shop
    upstream: UPSTREAM
    tls: {mode: disable}
    control: {user: sekisho}
    scan: {watch: 1s}
    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email, phone: phone}
        plain: [id, registered]
    plain: [public.tours, public.bookings]
gates:
  - {name: shop-db, listen: '127.0.0.1:GATE', database: shop}
`

// consoleMore is a table that came into the shop after it was configured.
const consoleMore = `CREATE TABLE letters (no int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), phone text NOT NULL);
INSERT INTO letters SELECT i, i, '03-1234-' || lpad(i::text, 4, '0') FROM generate_series(1, 100) i;
GRANT SELECT ON letters TO sekisho`

const consolePolicy = `generation: 1
rules:
  - {name: app, users: [app], elements: [name, email, phone], action: allow}
break_glass: {requesters: [ayame], approvers: [ren], longest: 2h}
tests:
  - {name: the application reads, user: app, address: 127.0.0.1, database: shop, table: public.customers, elements: [email], expect: accept}
`

// consoleDuty are people whom calls reach, and climb to within seconds.
const consoleDuty = `company: {name: 見本旅行, facts: [travel]}
climb: {csirt: 2s}
mail: {server: 'MAIL', from: sekisho@example.jp, tls: 'off'}
people:
  - {id: sora, name: S, rank: duty, reach: ['mailto:sora@example.jp']}
  - {id: ayame, name: A, rank: officer, reach: ['mailto:ayame@example.jp']}
  - {id: ren, name: R, rank: csirt, reach: ['mailto:ren@example.jp']}
`

const consoleCases = `company: {name: 見本旅行, facts: [travel]}
people:
  - {id: ayame, name: A, rank: officer, reach: [x]}
  - {id: ren, name: R, rank: csirt, reach: [x]}
`

// TestConsole does in a real browser what a firm does on its first day: see
// internal/console/browser/story.mjs.
func TestConsole(t *testing.T) {
	node, pages := browserAt(t)
	dir, program := consoleShop(t)
	mails, server := mailServer(t)
	if err := os.WriteFile(filepath.Join(dir, "cases.yaml"), []byte(strings.Replace(consoleDuty, "MAIL", server, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	link := consoleUp(t, dir, program)
	readAndVisit(t, dir)
	drive(t, node, filepath.Join(pages, "story.mjs"), link, mails, os.Getenv("SEKISHO_PICTURES"))
	l, err := config.Load(filepath.Join(dir, "sekisho.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if d := &l.Databases[0]; len(d.Protect) != 2 || d.Protect[1].Table != "public.letters" || d.Protect[1].Of != "public.customers" {
		t.Errorf("the accepted proposal is not in the configuration: %+v", d.Protect)
	}
}

// drive has a browser do what a script says.
func drive(t *testing.T, node string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, args...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%v", err)
	}
}

// browserAt returns node and the folder of the scripts, or skips where no browser
// is.
func browserAt(t *testing.T) (node, pages string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
		}
	}
	node, err := exec.LookPath("node")
	if chromium == "" || err != nil {
		t.Skip("no browser: sudo apt-get install -y chromium nodejs npm")
	}
	pages, err = filepath.Abs("../../internal/console/browser")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(pages, "node_modules", "playwright-core")); err != nil {
		t.Skip("no playwright-core: (cd internal/console/browser && npm ci)")
	}
	return node, pages
}

// consoleShop makes a shop behind a configuration with a console, keys and an
// empty ledger. It returns the directory and the argv of sekisho.
func consoleShop(t *testing.T) (dir string, program func(args ...string) *exec.Cmd) {
	t.Helper()
	server := pgservertest.Start(t, pgserver.Config{})
	roles := server.Command(t.Context(), "psql", "-q", "-c", "CREATE ROLE sekisho LOGIN; CREATE ROLE app LOGIN; GRANT pg_read_all_stats TO sekisho", "postgres")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := shopDatabase(t, server, "shop"); err != nil {
		t.Fatal(err)
	}
	if out, err := server.Command(t.Context(), "psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", consoleMore, "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	site := httptest.NewServer(http.HandlerFunc(consoleSite))
	t.Cleanup(site.Close)
	var ports [3]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
	}
	port := ports[0]
	dir = t.TempDir()
	pairsIn(t, filepath.Join(dir, "persons"))
	text := strings.NewReplacer("UPSTREAM", server.Addr(), "GATE", port, "PROXY", ports[1], "WEB", ports[2], "SITE", site.URL).Replace(consoleConfig)
	for name, content := range map[string]string{"sekisho.yaml": text, "cases.yaml": consoleCases, "policy.yaml": consolePolicy, "egress.yaml": roomsPolicy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = programIn(t, dir, "PGPORT="+port)
	if out, err := program("init").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	return dir, program
}

// consoleSite is the shop's site: whoever knows the password enters, the checkout
// sends to the provider.
func consoleSite(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.FormValue("password") == "the right one":
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	case r.Method == http.MethodPost:
		http.Error(w, "no", http.StatusUnauthorized)
	case strings.HasPrefix(r.URL.Path, "/checkout/"):
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!DOCTYPE html><script src="https://pay.example.com/pay.js"></script>`)
	default:
		_, _ = io.WriteString(w, "shop")
	}
}

// mailServer takes mail; what came is a line of a file, "mail to case key".
func mailServer(t *testing.T) (file, addr string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "mails.log")
	log, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{log: log}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { in.mail(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
		log.Close()
	})
	return file, l.Addr().String()
}

// programIn builds sekisho and returns its commands in a directory.
func programIn(t *testing.T, dir string, env ...string) func(args ...string) *exec.Cmd {
	t.Helper()
	self := filepath.Join(t.TempDir(), "sekisho")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", self, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, args...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "LANG=C.UTF-8", "SEKISHO_TIMER_SLACK=off"), env...)
		return cmd
	}
}

var firstLink = regexp.MustCompile(`http://localhost:[0-9]+/join\?invite=\S+`)

// consoleUp starts the process and returns the link for the first account.
func consoleUp(t *testing.T, dir string, program func(args ...string) *exec.Cmd) string {
	t.Helper()
	var log bytes.Buffer
	said, err := os.Create(filepath.Join(dir, "up.log"))
	if err != nil {
		t.Fatal(err)
	}
	up := program("up")
	up.Stdout, up.Stderr = said, &log
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(up.Process.Signal(syscall.SIGTERM), up.Wait(), said.Close())
		if err != nil {
			t.Errorf("up: %v\n%s", err, log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := control.NewClient(filepath.Join(dir, "data", "control.sock"), "sekisho.yaml")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	link := ""
	for link == "" {
		if _, err := c.Status(ctx); err == nil {
			text, err := os.ReadFile(said.Name())
			if err != nil {
				t.Fatal(err)
			}
			link = firstLink.FindString(string(text))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the process does not come up")
		}
	}
	if _, err := url.Parse(link); err != nil {
		t.Fatal(err)
	}
	return link
}

// readAndVisit reads one customer through the database gate and visits the others.
func readAndVisit(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := control.NewClient(filepath.Join(dir, "data", "control.sock"), "sekisho.yaml")
	status, err := c.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(status.Gates[0].Listen, ":")
	read := exec.CommandContext(ctx, "psql", "-h", host, "-p", port, "-U", "app", "-Atc", "SELECT name, email FROM customers WHERE id = 3", "shop")
	if out, err := read.CombinedOutput(); err != nil || !strings.Contains(string(out), "m3@") {
		t.Fatalf("%v: %s", err, out)
	}
	visitGates(t, filepath.Join(dir, "sekisho.yaml"))
}

// visitGates has the web gate refuse an attack and the egress gate a
// destination, so that their rooms have something to show.
func visitGates(t *testing.T, file string) {
	t.Helper()
	l, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	attack, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Web[0].Listen+"/search?q="+url.QueryEscape("' UNION SELECT password FROM users--"), nil)
	if err != nil {
		t.Fatal(err)
	}
	attack.Host = "shop.example.jp"
	upload, err := http.NewRequestWithContext(t.Context(), "GET", "http://files.example/upload", nil)
	if err != nil {
		t.Fatal(err)
	}
	visitSite(t, l.Web[0].Listen)
	through := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.Egress.Gates[0].Listen}), DisableKeepAlives: true}
	for _, try := range []struct {
		client  *http.Client
		request *http.Request
	}{{http.DefaultClient, attack}, {&http.Client{Transport: through}, upload}} {
		answer, err := try.client.Do(try.request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Fatalf("%s: %s", try.request.URL, answer.Status)
		}
	}
}

// visitSite uses the site as customers do, and as somebody with a list of
// passwords does: three accounts fail, the fourth is entered.
func visitSite(t *testing.T, listen string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	do := func(method, path string, form url.Values, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+listen+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Fatalf("%s %s: %s", method, path, answer.Status)
		}
	}
	do("GET", "/tours?page=12&words=sea", nil, http.StatusOK)
	do("GET", "/checkout/plan", nil, http.StatusOK)
	for _, who := range []string{"a@example.jp", "b@example.jp", "c@example.jp"} {
		do("POST", "/login", url.Values{"email": {who}, "password": {"summer2026"}}, http.StatusUnauthorized)
	}
	do("POST", "/login", url.Values{"email": {"d@example.jp"}, "password": {"the right one"}}, http.StatusSeeOther)
}
