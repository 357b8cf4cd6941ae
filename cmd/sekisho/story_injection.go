package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/demo/story"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/pgserver"
	"sekisho/proof/scope"
)

// A shop that puts what it is sent into its SQL.
const (
	tourName = "tours"
	tourScan = "tours_scan"
	tourApp  = "tours_app"
	tourSite = "web/tours-web/tours.example.jp"
	// tourClients send at the same time.
	tourClients = 4
)

// tourShapes are spellings of one injection, each for a customer: three show one, one
// shows tours, and one is refused by the database.
var tourShapes = []string{
	"1' UNION SELECT email FROM customers WHERE id=%d--",
	"1' OR '1'='1' AND %d>0--",
	"-1' UNION ALL SELECT concat(email,chr(58),name) FROM customers WHERE id=%d--",
	"1';DELETE FROM customers WHERE id=%d--",
	"1'/**/UNION/**/SELECT/**/name||chr(59)||email/**/FROM/**/customers/**/WHERE/**/id=%d--",
}

var tourMail = regexp.MustCompile(`\bm([0-9]+)@mail\.example\b`)

// Injected implements story.Office.
func (o *office) Injected(ctx context.Context, requests, held, asked int) (out story.Injected, err error) {
	s, err := pgserver.Start(ctx, pgserver.Config{})
	if errors.Is(err, pgserver.ErrMissing) {
		return out, story.ErrNoDatabase
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := loadTours(ctx, s, held); err != nil {
		return out, err
	}
	app := &tourShop{conns: make(chan *pgconn.PgConn, tourClients)}
	server := httptest.NewServer(app)
	defer server.Close()
	y, err := openPlay(ctx, filepath.Join(o.dir, tourName), fmt.Sprintf(`databases:
  - name: %[1]s
    upstream: %[2]s
    tls: {mode: disable}
    control: {user: %[3]s}
    protect:
      - {table: public.customers, key: id, columns: {name: name, email: email}, plain: [id], identifiers: [email]}
    plain: [public.tours]
gates:
  - {name: %[1]s-db, listen: '127.0.0.1:0', database: %[1]s}
web:
  - name: %[1]s-web
    listen: 127.0.0.1:0
    sites: [{hosts: [tours.example.jp], upstream: '%[4]s', firewall: observe, cards: observe, persons: {}}]
`, tourName, s.Addr(), tourScan, server.URL), (*process).startView, (*process).startBases, (*process).startCuts, (*process).startGates, (*process).startWeb)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	if err := app.connect(ctx, y.p.gates[0].listener.Addr().String()); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, app.close(context.WithoutCancel(ctx))) }()
	received, err := injectTours(ctx, "http://"+y.p.webs[0].addr(), requests, asked)
	if err != nil {
		return out, err
	}
	return y.injected(ctx, received)
}

// injected compares what the ledger says with what was received.
func (y *play) injected(ctx context.Context, received map[string]bool) (out story.Injected, err error) {
	q := scope.Query{Places: []string{tourSite}}
	var r *scope.Result
	err = y.await(ctx, "the end of every answer", func() (_ bool, err error) {
		r, err = y.scope(ctx, q)
		return err == nil && r.Coverage.OpenIntents == 0, err
	})
	if err != nil {
		return out, err
	}
	// A UNION tells the database's gate not whose rows came.
	base, err := y.scope(ctx, scope.Query{Places: []string{tourName}, Users: []string{tourApp}})
	if err != nil {
		return out, err
	}
	out.Database = base.Reachable.Subjects
	out.Received, out.Confirmed, out.Reachable, out.Held = len(received), r.Confirmed.Subjects, r.Reachable.Subjects, r.EverHeld.Subjects
	var list bytes.Buffer
	if err := y.p.Scope(ctx, control.ScopeRequest{Query: q, Form: control.FormList, By: "sora"}, &list); err != nil {
		return out, err
	}
	confirmed := map[string]bool{}
	for line := range strings.Lines(list.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "confirmed" {
			confirmed[f[2]] = true
		}
	}
	out.Same = maps.Equal(confirmed, received)
	log, err := ledger.OpenReader(ledgerDir(y.cfg))
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	err = log.ScanEvents(ctx, 0, func(_ event.Index, e *event.Event) error {
		if d, ok := e.Body.(*event.Decision); ok && d.Code == "" && strings.HasPrefix(d.Rule, "crs/") {
			seen[d.ID] = true
		}
		return nil
	})
	out.Seen = len(seen)
	return out, err
}

// loadTours makes the database with invented customers.
func loadTours(ctx context.Context, s *pgserver.Server, held int) error {
	if err := s.Exec(ctx, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN", tourScan, tourApp)); err != nil {
		return err
	}
	if err := s.CreateDatabase(ctx, tourName); err != nil {
		return err
	}
	return s.Exec(ctx, tourName, fmt.Sprintf(`CREATE TABLE customers AS SELECT i AS id, 'name ' || i AS name, 'm' || i || '@mail.example' AS email FROM generate_series(1, %d) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
CREATE TABLE tours (id text PRIMARY KEY, title text NOT NULL); INSERT INTO tours VALUES ('1', 'Otaru by night'), ('2', 'Furano');
GRANT SELECT ON customers, tours TO %s, %s; ANALYZE customers`, held, tourScan, tourApp))
}

// tourShop is the application.
type tourShop struct{ conns chan *pgconn.PgConn }

// connect opens its connections to the database.
func (t *tourShop) connect(ctx context.Context, gate string) error {
	for range cap(t.conns) {
		c, err := pgconn.Connect(ctx, fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", tourApp, gate, tourName))
		if err != nil {
			return errors.Join(err, t.close(ctx))
		}
		t.conns <- c
	}
	return nil
}

func (t *tourShop) close(ctx context.Context) (err error) {
	for range len(t.conns) {
		err = errors.Join(err, (<-t.conns).Close(ctx))
	}
	return err
}

// ServeHTTP implements http.Handler.
func (t *tourShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := <-t.conns
	defer func() { t.conns <- c }()
	results, err := c.Exec(context.WithoutCancel(r.Context()), "SELECT title FROM tours WHERE id = '"+r.FormValue("id")+"'").ReadAll()
	if err != nil {
		http.Error(w, "error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for _, result := range results {
		for _, row := range result.Rows {
			fmt.Fprintf(w, "<li>%s</li>\n", row[0])
		}
	}
}

// injectTours sends the injections, and returns the numbers of the customers who
// are in the bytes that came.
func injectTours(ctx context.Context, gate string, requests, asked int) (map[string]bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	received := map[string]bool{}
	var mu sync.Mutex // guards received
	var all sync.WaitGroup
	for from := range tourClients {
		all.Go(func() {
			for i := from; i < requests; i += tourClients {
				shape, id := tourShapes[i%len(tourShapes)], i/len(tourShapes)%asked+1
				body, err := injectTour(ctx, gate, fmt.Sprintf(shape, id))
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				for _, m := range tourMail.FindAllSubmatch(body, -1) {
					received[string(m[1])] = true
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return received, context.Cause(ctx)
}

func injectTour(ctx context.Context, gate, id string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, gate+"/tour?id="+url.QueryEscape(id), nil)
	if err != nil {
		return nil, err
	}
	r.Host = "tours.example.jp"
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(a.Body)
	return body, errors.Join(err, a.Body.Close())
}
