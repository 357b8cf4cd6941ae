package pgproxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/lineage"
	"sekisho/internal/pgserver"
	"sekisho/internal/subject"
)

// recorder remembers events in memory.
type recorder struct {
	mu     sync.Mutex
	bodies []event.Body
	change chan struct{}
}

func (r *recorder) Record(_ context.Context, l event.Level, bodies ...event.Body) (event.Seq, error) {
	return r.Submit(l, nil, bodies...)
}

func (r *recorder) Submit(_ event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	r.mu.Lock()
	first := event.Seq(len(r.bodies) + 1)
	r.bodies = append(r.bodies, bodies...)
	if r.change != nil {
		close(r.change)
		r.change = nil
	}
	r.mu.Unlock()
	if done != nil {
		done(nil)
	}
	return first, nil
}

// all returns what was recorded and a channel that closes when there is more.
func (r *recorder) all() ([]event.Body, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.change == nil {
		r.change = make(chan struct{})
	}
	return slices.Clone(r.bodies), r.change
}

// identity numbers integer keys as themselves.
type identity struct{}

func (identity) NumberInt(n int64) (uint32, bool)                    { return uint32(n), n >= 0 && n < 1<<31 }
func (identity) NumberBytes([]byte) (uint32, bool)                   { return 0, false }
func (identity) AssignInts(context.Context, []int64, []uint32) error { return subject.ErrFull }
func (identity) AssignBytes(context.Context, subject.KeyKind, [][]byte, []uint32) error {
	return subject.ErrFull
}

const schema = `
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, email text UNIQUE, phone text, plan text);
INSERT INTO customers SELECT i, '名前' || i, 'u' || i || '@example.jp', '090' || i, 'basic' FROM generate_series(1, 1000) i;
CREATE TABLE bookings (id integer PRIMARY KEY, customer_id integer REFERENCES customers, passport text, at timestamptz DEFAULT now());
INSERT INTO bookings SELECT i, 1 + i % 1000, 'TK' || i FROM generate_series(1, 3000) i;
CREATE TABLE goods (id integer PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'item ' || i FROM generate_series(1, 50) i;
CREATE VIEW contacts AS SELECT c.id, c.name, c.email FROM customers c;
CREATE SCHEMA other;
CREATE TABLE other.customers (id integer PRIMARY KEY, name text, email text);
INSERT INTO other.customers SELECT i + 5000, 'other' || i, 'o' || i FROM generate_series(1, 10) i;
CREATE FUNCTION leak() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM customers WHERE id < 4';
CREATE ROLE app LOGIN;
CREATE ROLE lineage LOGIN;
GRANT USAGE ON SCHEMA public, other TO app, lineage;
GRANT ALL ON ALL TABLES IN SCHEMA public, other TO app;
GRANT CREATE ON SCHEMA public TO app;
`

var (
	tableCustomers = lineage.Table{Schema: "public", Name: "customers", Key: "id", Source: "shop.customers", Columns: map[string]element.Mask{
		"id": 0, "name": element.MaskOf(element.Name), "email": element.MaskOf(element.Email), "phone": element.MaskOf(element.Phone), "plan": 0}}
	tableBookings = lineage.Table{Schema: "public", Name: "bookings", Key: "customer_id", Source: "shop.customers", Columns: map[string]element.Mask{
		"id": 0, "customer_id": 0, "passport": element.MaskOf(element.Passport), "at": 0}}
)

var protectedTables = []pgproxy.Protected{
	{Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Name, element.Email, element.Phone)},
	{Table: "shop/public.bookings", Source: "shop.customers", Elements: element.MaskOf(element.Passport)},
}

// server is one PostgreSQL for all tests of the package; each test clones the
// database "shop".
var server struct {
	once sync.Once
	pg   *pgserver.Server
	err  error
}

var databases atomic.Int64

func TestMain(m *testing.M) {
	code := m.Run()
	if server.pg != nil {
		if err := server.pg.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func sharedServer(t testing.TB) *pgserver.Server {
	t.Helper()
	server.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if server.pg, server.err = pgserver.Start(ctx, pgserver.Config{}); server.err != nil {
			return
		}
		if server.err = server.pg.CreateDatabase(ctx, "shop"); server.err == nil {
			server.err = server.pg.Exec(ctx, "shop", schema)
		}
	})
	if errors.Is(server.err, pgserver.ErrMissing) {
		t.Skipf("SKIPPED: %v", server.err)
	}
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.pg
}

// world is a server with a gate in front of it.
type world struct {
	t        testing.TB
	server   *pgserver.Server
	database string
	gate     *pgproxy.Gate
	rec      *recorder
	addr     netip.AddrPort
	stop     func()
}

func newWorld(t testing.TB, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	t.Helper()
	server := sharedServer(t)
	database := fmt.Sprintf("shop%d", databases.Add(1))
	if err := server.Clone(t.Context(), "shop", database); err != nil {
		t.Fatal(err)
	}
	return newWorldIn(t, server, database, change)
}

// newWorldOn puts a gate before the database "shop" of a server.
func newWorldOn(t testing.TB, server *pgserver.Server, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	t.Helper()
	return newWorldIn(t, server, "shop", change)
}

func newWorldIn(t testing.TB, server *pgserver.Server, database string, change func(*pgproxy.Config, *pgproxy.Settings)) *world {
	t.Helper()
	reader, err := lineage.New(lineage.Config{ConnString: server.DSN("lineage", database), Place: "shop",
		Tables: []lineage.Table{tableCustomers, tableBookings}, Public: []string{"public.goods"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, database: database, rec: &recorder{}, addr: l.Addr().(*net.TCPAddr).AddrPort()}
	s := pgproxy.Settings{Place: "shop", Database: "shop", Protected: protectedTables, Analyser: reader, Injection: true,
		Numbers: func(event.SubjectSource) pgproxy.Numbers { return identity{} }}
	cfg := pgproxy.Config{Listener: l, Recorders: []event.Recorder{w.rec}, Start: 1, DrainTimeout: 5 * time.Second,
		Login: pglogin.Config{Network: "tcp", Address: server.Addr()}}
	if change != nil {
		change(&cfg, &s)
	}
	cfg.Databases = map[string]pgproxy.Settings{database: s}
	if w.gate, err = pgproxy.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.gate.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("gate: %v", err)
		}
		if err := reader.Close(context.Background()); err != nil {
			t.Errorf("reader: %v", err)
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *world) dsn(more string) string {
	return "host=127.0.0.1 port=" + w.addr.String()[strings.LastIndexByte(w.addr.String(), ':')+1:] + " user=app dbname=" + w.database + " sslmode=disable " + more
}

// run runs a PostgreSQL program against the gate.
func (w *world) run(program string, args ...string) string {
	w.t.Helper()
	dir, err := pgserver.Find()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), dir+"/"+program, args...)
	cmd.Env = append(cmd.Environ(), "PGHOST=127.0.0.1", "PGPORT="+w.addr.String()[strings.LastIndexByte(w.addr.String(), ':')+1:], "PGUSER=app", "PGDATABASE="+w.database, "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// parts returns the parts of all crossings, folded: (table, class, reason) →
// subjects and rows. It stops the gate first, so that every bucket is closed.
func (w *world) parts() map[string]*event.Part {
	w.stop()
	bodies, _ := w.rec.all()
	out := map[string]*event.Part{}
	for _, b := range bodies {
		c, ok := b.(*event.Crossing)
		if !ok {
			continue
		}
		for _, p := range c.Parts {
			key := strings.TrimPrefix(string(p.Table), "shop/public.") + " " + []string{"", "exact", "bounded", "aggregate"}[p.Class]
			if p.Reason != "" {
				key += " " + p.Reason
			}
			q := out[key]
			if q == nil {
				q = &event.Part{Table: p.Table, Class: p.Class}
				out[key] = q
			}
			q.Rows += p.Rows
			q.Unknown += p.Unknown
			q.Elements |= p.Elements
			q.Subjects = union(q.Subjects, p.Subjects)
		}
	}
	return out
}

func union(a, b event.Set) event.Set {
	var n []uint32
	for _, s := range []event.Set{a, b} {
		for _, r := range s {
			for i := uint64(r.First); i <= uint64(r.Last); i++ {
				n = append(n, uint32(i))
			}
		}
	}
	return event.SetOf(n)
}

// summary is parts as lines, for comparison.
func (w *world) summary() string {
	var lines []string
	for k, p := range w.parts() {
		lines = append(lines, k+" {"+string(p.Subjects.Append(nil))+"}")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (w *world) want(lines ...string) {
	w.t.Helper()
	slices.Sort(lines)
	if got := w.summary(); got != strings.Join(lines, "\n") {
		bodies, _ := w.rec.all()
		for _, b := range bodies {
			if f, ok := b.(*event.Finding); ok {
				w.t.Logf("finding %s %s", f.Code, f.Title)
			}
		}
		w.t.Errorf("crossings:\n got %s\nwant %s", got, strings.Join(lines, "\n"))
	}
}
