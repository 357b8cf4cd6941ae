package pgproxy_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/event"
)

// raw is a session that sends any message in any order.
type raw struct {
	t    testing.TB
	w    *world
	conn net.Conn
	f    *pgproto3.Frontend
	from int
}

func (w *world) raw() *raw {
	w.t.Helper()
	bodies, _ := w.rec.all()
	conn, err := net.Dial("tcp", w.addr.String())
	if err != nil {
		w.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	r := &raw{t: w.t, w: w, conn: conn, f: pgproto3.NewFrontend(conn, conn), from: len(bodies)}
	r.f.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "app", "database": w.database}})
	r.flush()
	r.until("Z")
	return r
}

func (r *raw) flush() {
	r.t.Helper()
	if err := r.f.Flush(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) send(list ...pgproto3.FrontendMessage) {
	r.t.Helper()
	for _, m := range list {
		r.f.Send(m)
	}
	r.flush()
}

// until reads to the n-th message of a type and returns the types that came.
func (r *raw) until(typ string, times ...int) (seen string) {
	r.t.Helper()
	n := 1
	if len(times) > 0 {
		n = times[0]
	}
	for {
		m, err := r.f.Receive()
		if err != nil {
			r.t.Fatalf("after %q: %v", seen, err)
		}
		c := letter(m)
		seen += c
		if c == typ {
			if n--; n == 0 {
				return seen
			}
		}
	}
}

func letter(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ReadyForQuery:
		return "Z"
	case *pgproto3.ErrorResponse:
		return "E"
	case *pgproto3.DataRow:
		return "D"
	case *pgproto3.RowDescription:
		return "T"
	case *pgproto3.CommandComplete:
		return "C"
	case *pgproto3.ParseComplete:
		return "1"
	case *pgproto3.BindComplete:
		return "2"
	case *pgproto3.PortalSuspended:
		return "s"
	case *pgproto3.CopyInResponse:
		return "G"
	case *pgproto3.FunctionCallResponse:
		return "V"
	default:
		_ = m
		return "."
	}
}

// end closes the session and returns its crossings.
func (r *raw) end() []string {
	r.t.Helper()
	r.send(&pgproto3.Terminate{})
	_, _ = io.Copy(io.Discard, r.conn)
	_ = r.conn.Close()
	return r.w.since(r.from)
}

func (r *raw) wantCrossings(want ...string) {
	r.t.Helper()
	got := r.end()
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "taint") || strings.HasPrefix(s, "finding") })
	if !slices.Equal(got, want) {
		r.t.Errorf("crossings:\n got %q\nwant %q", got, want)
	}
}

const twoCustomers = "SELECT id, email FROM customers ORDER BY id LIMIT 2"

var allBounded = func(reason string) []string {
	return []string{"bookings passport bounded: " + reason + " {}", "customers name,phone,email bounded: " + reason + " {}"}
}

func TestBypassDescribeThenSearchPath(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Parse{Name: "a", Query: twoCustomers}, &pgproto3.Describe{ObjectType: 'S', Name: "a"}, &pgproto3.Sync{})
	r.until("Z")
	r.send(&pgproto3.Query{String: "SET search_path = other, public"})
	r.until("Z")
	r.send(&pgproto3.Bind{PreparedStatement: "a"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	if got := r.until("Z"); got != "2DDCZ" {
		t.Errorf("answers %s", got)
	}
	r.wantCrossings()
}

func TestBypassSearchPathInThePipeline(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Parse{Name: "a", Query: twoCustomers}, &pgproto3.Describe{ObjectType: 'S', Name: "a"},
		&pgproto3.Parse{Query: "SET search_path = other, public"}, &pgproto3.Bind{}, &pgproto3.Execute{},
		&pgproto3.Bind{PreparedStatement: "a"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	r.until("Z")
	r.wantCrossings(allBounded("environment")...)
}

func TestBypassExplainExecuteFolds(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Query{String: "PREPARE p(int) AS SELECT email FROM customers WHERE id = $1"})
	r.until("Z")
	r.send(&pgproto3.Query{String: "EXPLAIN EXECUTE p(NULL)"})
	r.until("Z")
	if got := strings.Join(r.end(), "\n"); !strings.Contains(got, "customers name,phone,email bounded") {
		t.Errorf("crossings %q", got)
	}
}

func TestBypassTimeoutInThePipeline(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Query{String: "SET statement_timeout = 200"})
	r.until("Z")
	// The timeout takes the rest of the first pipeline with it; the rows of the
	// next ones must not be taken for its.
	r.send(&pgproto3.Parse{Name: "a", Query: "SELECT id, email FROM customers WHERE id = 1"},
		&pgproto3.Parse{Query: "SELECT pg_sleep(30)"}, &pgproto3.Bind{}, &pgproto3.Execute{},
		&pgproto3.Bind{PreparedStatement: "a"}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Parse{Query: "SELECT id, title FROM goods"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Parse{Query: "SELECT id, email FROM customers WHERE id = 9"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{})
	r.until("Z", 3)
	r.wantCrossings("customers email exact {9}")
}

func TestSuspendedPortalIsCounted(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Query{String: "BEGIN"})
	r.until("Z")
	r.send(&pgproto3.Parse{Query: "SELECT id, email FROM customers WHERE id < 10"}, &pgproto3.Bind{DestinationPortal: "c"},
		&pgproto3.Execute{Portal: "c", MaxRows: 2}, &pgproto3.Sync{})
	r.until("Z")
	r.send(&pgproto3.Execute{Portal: "c", MaxRows: 3}, &pgproto3.Sync{})
	if got := r.until("Z"); got != "DDDsZ" {
		t.Errorf("answers %s", got)
	}
	r.wantCrossings("customers email exact {1-5}")
}

func TestCopyInTellsItsKeys(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	r.send(&pgproto3.Query{String: "COPY customers (name, id) FROM STDIN"})
	r.until("G")
	r.send(&pgproto3.CopyData{Data: []byte("a\t5001\nb\\\tx\t50")}, &pgproto3.CopyData{Data: []byte("02\n")}, &pgproto3.CopyDone{})
	r.until("Z")
	r.wantCrossings("customers copy rows=2 unknown=0 {5001-5002}")
}

func TestFastpathIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	r := w.raw()
	// int4pl(integer, integer): any function can be called, also one that reads tables.
	r.send(&pgproto3.FunctionCall{Function: 177, ArgFormatCodes: []uint16{0}, Arguments: [][]byte{[]byte("1"), []byte("2")}, ResultFormatCode: 0})
	if got := r.until("Z"); got != "VZ" {
		t.Errorf("answers %s", got)
	}
	r.wantCrossings(allBounded("fastpath")...)
}

func TestCancelInTheMiddle(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.connect("")
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := conn.Query(ctx, "SELECT id, email, repeat('x', 9000), pg_sleep(CASE WHEN id > 50 THEN 10 ELSE 0 END) FROM customers ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 20 && rows.Next(); n++ {
	}
	cancel()
	rows.Close()
	w.stop()
	p := w.parts()["customers exact"]
	if p == nil || p.Rows < 20 && p.Rows != 0 {
		t.Errorf("crossings %s", w.summary())
	}
	bodies, _ := w.rec.all()
	intents := 0
	for _, b := range bodies {
		if _, ok := b.(*event.Intent); ok {
			intents++
		}
	}
	if intents == 0 {
		t.Error("no intent")
	}
}
