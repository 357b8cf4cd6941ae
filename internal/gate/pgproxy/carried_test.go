package pgproxy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/gate/pgproxy"
)

// briefly is a world whose sessions outlive its gate, which waits for a short time.
func briefly(change func(*pgproxy.Config, *pgproxy.Settings)) func(*pgproxy.Config, *pgproxy.Settings) {
	return func(c *pgproxy.Config, s *pgproxy.Settings) {
		c.Keep, c.DrainTimeout = func() bool { return true }, 50*time.Millisecond
		if change != nil {
			change(c, s)
		}
	}
}

// slowly is a condition that holds, after 2 ms a row.
const slowly = "(SELECT count(*) FROM generate_series(1, 20000 + id % 2)) > 0"

// begin sends messages; the answers come to lines.
func begin(t *testing.T, c *pgx.Conn, messages ...pgproto3.FrontendMessage) {
	t.Helper()
	for _, m := range messages {
		c.PgConn().Frontend().Send(m)
	}
	if err := c.PgConn().Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
}

// lines reads what comes up to n ReadyForQuery, as one word or row a message.
func lines(t *testing.T, c *pgx.Conn, n int) (out []string) {
	t.Helper()
	for n > 0 {
		m, err := c.PgConn().Frontend().Receive()
		if err != nil {
			t.Fatalf("after %d messages: %v", len(out), err)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			out = append(out, string(m.Values[0]))
		case *pgproto3.CopyData:
			out = append(out, strings.TrimSpace(string(m.Data)))
		case *pgproto3.CommandComplete:
			out = append(out, string(m.CommandTag))
		case *pgproto3.ErrorResponse:
			out = append(out, m.Code)
		case *pgproto3.ReadyForQuery:
			out = append(out, "ready "+string(m.TxStatus))
			n--
		}
	}
	return out
}

// Statements that read go on over two upgrades while they run, message for message;
// what came before is exact, what comes after is bounded, and what follows is exact
// again.
func TestCarried(t *testing.T) {
	read := "SELECT email, id FROM customers WHERE " + slowly
	for name, run := range map[string][]pgproto3.FrontendMessage{
		"query":    {&pgproto3.Query{String: read}},
		"copy":     {&pgproto3.Query{String: "COPY (" + strings.Replace(read, ", id", "", 1) + ") TO STDOUT"}},
		"extended": {&pgproto3.Parse{Query: read}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{}},
	} {
		for _, strict := range []bool{false, true}[:map[bool]int{false: 1, true: 2}[name == "copy"]] {
			t.Run(fmt.Sprintf("%s strict %v", name, strict), func(t *testing.T) {
				change := briefly(func(_ *pgproxy.Config, s *pgproxy.Settings) { s.Strict = strict })
				w := keeps(t, change)
				c := w.connect("default_query_exec_mode=exec")
				begin(t, c, &pgproto3.Query{String: "BEGIN; UPDATE customers SET plan = 'gold' WHERE id = 1000"})
				lines(t, c, 1)
				begin(t, c, run...)
				w = w.follow(2, change)
				begin(t, c, &pgproto3.Query{String: "COMMIT"}, &pgproto3.Query{String: "SELECT name FROM customers WHERE id = 5"})
				w.until("the statement is carried", func() bool { return len(w.gate.Sessions()) == 1 })
				var want []string
				for id := range 1000 {
					want = append(want, fmt.Sprintf("u%d@example.jp", id+1))
				}
				want = append(want, map[bool]string{true: "COPY 1000", false: "SELECT 1000"}[name == "copy"], "ready T", "COMMIT", "ready I", "名前5", "SELECT 1", "ready I")
				got := lines(t, c, 3)
				if !slices.Equal(got, want) {
					t.Errorf("%d messages, want %d: … %q", len(got), len(want), got[max(0, len(got)-8):])
				}
				w.stop()
				for _, k := range w.gate.Kept() {
					k.Close()
				}
				said := folded(w, 0)
				for _, want := range []string{"bookings passport bounded: upgrade {}", "customers name,phone,email bounded: upgrade {}", "customers name exact {5}", "customers update rows=1 unknown=0 {1000}"} {
					if !strings.Contains(said, want) {
						t.Errorf("not recorded: %s; but\n%s", want, said)
					}
				}
			})
		}
	}
}
