package pgproxy

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/wire/pgwire"
)

// written is what Changes tells of a table.
type written struct{ rows, unclear, inFlight uint64 }

// TestChangeCounters follows one statement at a time: what is in flight after
// it was sent, and what is counted when its transaction has ended.
func TestChangeCounters(t *testing.T) {
	one := func(op string) *lineage.Analysis {
		return &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relCustomers, Table: customers, Op: op}}}
	}
	other := &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: 1, Table: "shop/public.goods", Op: "insert"}}}
	trigger := one("update")
	trigger.Writes[0].Triggers = true
	two := one("delete")
	two.Writes = append(two.Writes, lineage.Write{Rel: relBookings, Table: bookings, Op: "insert"})
	function := &lineage.Analysis{Opaque: "function"}
	tests := []struct {
		sql       string
		analysis  *lineage.Analysis
		answer    [][]byte
		sent      [3]uint64 // in flight: customers, bookings, all
		customers written
		bookings  written
	}{
		{"INSERT INTO customers VALUES (1)", one("insert"), [][]byte{done("INSERT 0 1")}, [3]uint64{1, 0, 1}, written{rows: 1}, written{}},
		{"UPDATE customers SET plan = 'x'", one("update"), [][]byte{done("UPDATE 7")}, [3]uint64{1, 0, 1}, written{rows: 7}, written{}},
		{"DELETE FROM customers", one("delete"), [][]byte{done("DELETE 3")}, [3]uint64{1, 0, 1}, written{rows: 3}, written{}},
		{"DELETE FROM customers", one("delete"), [][]byte{fails("23503")}, [3]uint64{1, 0, 1}, written{unclear: 1}, written{}},
		{"INSERT INTO goods VALUES (1)", other, [][]byte{done("INSERT 0 1")}, [3]uint64{0, 0, 1}, written{}, written{}},
		{"INSERT INTO customers VALUES (1) ON CONFLICT DO NOTHING", one("insert"), [][]byte{done("INSERT 0 1")}, [3]uint64{1, 0, 1}, written{unclear: 1}, written{}},
		{"MERGE INTO customers USING goods ON true WHEN MATCHED THEN DELETE", one("merge"), [][]byte{done("MERGE 4")}, [3]uint64{1, 0, 1}, written{unclear: 1}, written{}},
		{"WITH d AS (DELETE FROM customers RETURNING id) SELECT 1 FROM d", one("delete"), [][]byte{done("SELECT 0")}, [3]uint64{1, 0, 1}, written{unclear: 1}, written{}},
		{"WITH d AS (DELETE FROM customers RETURNING id) INSERT INTO bookings SELECT 1 FROM d", two, [][]byte{done("INSERT 0 2")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"UPDATE customers SET plan = 'y'", trigger, [][]byte{done("UPDATE 1")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"SELECT leak()", function, [][]byte{done("SELECT 1")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"EXPLAIN ANALYZE DELETE FROM customers", one("delete"), [][]byte{done("EXPLAIN")}, [3]uint64{1, 0, 1}, written{unclear: 1}, written{}},
		{"EXPLAIN DELETE FROM customers", one("delete"), [][]byte{done("EXPLAIN")}, [3]uint64{}, written{}, written{}},
		{"TRUNCATE customers", nil, [][]byte{done("TRUNCATE TABLE")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"DO 'x'", nil, [][]byte{done("DO")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"FROBNICATE", nil, [][]byte{fails("42601")}, [3]uint64{1, 1, 1}, written{unclear: 1}, written{unclear: 1}},
		{"SELECT 1 FROM customers", &lineage.Analysis{Bare: true}, [][]byte{done("SELECT 0")}, [3]uint64{}, written{}, written{}},
		{"SELECT 1 FROM nowhere", &lineage.Analysis{Opaque: "unknown relation"}, [][]byte{fails("42P01")}, [3]uint64{1, 1, 1}, written{}, written{}},
		{"BEGIN", nil, [][]byte{done("BEGIN")}, [3]uint64{}, written{}, written{}},
		{"COMMIT", nil, [][]byte{done("COMMIT")}, [3]uint64{}, written{}, written{}},
	}
	for _, tt := range tests {
		b := newBench(t, nil)
		b.an.by[tt.sql], b.an.by["DELETE FROM customers"] = tt.analysis, one("delete")
		b.client(q(tt.sql))
		if got := [3]uint64{b.changes(customers).inFlight, b.changes(bookings).inFlight, b.changes("shop").inFlight}; got != tt.sent {
			t.Errorf("%s: in flight %v, want %v", tt.sql, got, tt.sent)
		}
		b.server(append(tt.answer, ready(pgwire.TxIdle))...)
		if c, k := b.changes(customers), b.changes(bookings); c != tt.customers || k != tt.bookings {
			t.Errorf("%s: customers %+v, bookings %+v; want %+v, %+v", tt.sql, c, k, tt.customers, tt.bookings)
		}
		if n := b.changes("shop").inFlight; n != 0 {
			t.Errorf("%s: %d in flight in the end", tt.sql, n)
		}
	}
}

func (b *bench) changes(table event.Place) (w written) {
	g := &Gate{databases: map[string]*shared{"shop": b.g}}
	w.rows, w.unclear, w.inFlight = g.Changes("shop", table)
	return w
}

// A transaction that wrote is in flight to its end; a session that ends inside
// leaves something unclear.
func TestChangesInTransaction(t *testing.T) {
	const insert = "INSERT INTO customers VALUES (1)"
	b := newBench(t, nil)
	b.an.by[insert] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Table: customers, Op: "insert"}}}
	step := func(sql, tag string, state byte, want written) {
		t.Helper()
		b.client(q(sql))
		b.server(done(tag), ready(state))
		if got := b.changes(customers); got != want {
			t.Errorf("after %s: %+v, want %+v", sql, got, want)
		}
	}
	step("BEGIN", "BEGIN", pgwire.TxBlock, written{})
	step(insert, "INSERT 0 1", pgwire.TxBlock, written{rows: 1, inFlight: 1})
	step(insert, "INSERT 0 1", pgwire.TxBlock, written{rows: 2, inFlight: 1})
	step("ROLLBACK", "ROLLBACK", pgwire.TxIdle, written{rows: 2})
	b.client(q(insert))
	b.e.close("connection lost")
	if got, want := b.changes(customers), (written{rows: 2, unclear: 1}); got != want {
		t.Errorf("after the session was lost: %+v, want %+v", got, want)
	}
}

// RETURNING that is read in pages has a tag that counts the last page; messages
// behind an error were not executed.
func TestChangesExtended(t *testing.T) {
	const insert = "INSERT INTO customers VALUES (1), (2) RETURNING 1"
	b := newBench(t, nil)
	b.an.by[insert] = &lineage.Analysis{Bare: true, Columns: []lineage.Column{{}}, Writes: []lineage.Write{{Table: customers, Op: "insert"}}}
	parse := pgwire.AppendParse(nil, nil, []byte(insert), nil)
	bind := pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{})
	b.client(parse, bind, pgwire.AppendExecute(nil, nil, 1), pgwire.AppendSync(nil))
	described := desc(pgwire.Field{Name: []byte("one"), Type: 23, Size: 4, Modifier: -1})
	b.server(short(pgwire.TypeParseComplete), short(pgwire.TypeBindComplete), described, row("1"), short(pgwire.TypePortalSuspended), ready(pgwire.TxIdle))
	if got, want := b.changes(customers), (written{unclear: 1}); got != want {
		t.Errorf("a page: %+v, want %+v", got, want)
	}
	b.client(parse, bind, pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil))
	b.server(fails("42501"), ready(pgwire.TxIdle))
	if got, want := b.changes(customers), (written{unclear: 1}); got != want {
		t.Errorf("an error before the execution: %+v, want %+v", got, want)
	}
}

// Whatever a session writes whose answers fit nothing, nobody knows.
func TestChangesOfLostSession(t *testing.T) {
	b := newBench(t, nil)
	b.e.lose("test")
	for i := range 2 {
		b.client(q(fmt.Sprint("SELECT ", i)))
		b.server(done("SELECT 0"), ready(pgwire.TxIdle))
		if got, want := b.changes(customers), (written{inFlight: 1}); got != want {
			t.Errorf("lost: %+v, want %+v", got, want)
		}
	}
	b.e.close("closed")
	if got, want := b.changes(customers), (written{unclear: 1}); got != want {
		t.Errorf("closed: %+v, want %+v", got, want)
	}
}

// A lost session that is silent outside of a transaction comes to rest: what it
// wrote is unclear once, and the counters are compared again until it stirs.
func TestLostSessionRests(t *testing.T) {
	b := newBench(t, nil)
	b.e.lose("test")
	expect := func(when string, want written) {
		t.Helper()
		if got := b.changes(customers); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	wait := func(d time.Duration) {
		b.e.clock += int64(d)
		if next := b.e.nextTick(); next != 0 && next <= b.e.clock {
			b.e.tick()
		}
	}
	b.client(q("BEGIN"))
	b.server(done("BEGIN"), ready(pgwire.TxBlock))
	wait(2 * calmAfter)
	expect("in a transaction", written{inFlight: 1})
	b.client(q("COMMIT"))
	b.server(done("COMMIT"), ready(pgwire.TxIdle))
	wait(calmAfter - 1)
	expect("just before", written{inFlight: 1})
	b.client(q("SELECT 1"))
	wait(2 * calmAfter)
	expect("while a statement runs", written{inFlight: 1})
	b.server(done("SELECT 1"), ready(pgwire.TxIdle))
	wait(calmAfter)
	expect("at rest", written{unclear: 1})
	wait(10 * calmAfter)
	expect("later", written{unclear: 1})
	b.client(q("SELECT 2"))
	expect("it stirs", written{unclear: 1, inFlight: 1})
	b.e.close("closed")
	expect("closed", written{unclear: 2})
}

// TestWritingIsTold: who keeps identifiers hears of what a statement may change
// before it is sent, and of the end. What a table that is copied into is a part
// of, nobody knows here, so that stands for all.
func TestWritingIsTold(t *testing.T) {
	one := func(op string, sets []string, others bool) *lineage.Analysis {
		return &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relCustomers, Table: customers, Op: op, Sets: sets, Others: others}}}
	}
	for _, tt := range []struct {
		sql, asked string // asked: what the analysis is of
		analysis   *lineage.Analysis
		tag        []byte
		want       string
	}{
		{"INSERT INTO customers VALUES (1)", "", one("insert", nil, false), done("INSERT 0 1"), "shop/public.customers [] true"},
		{"UPDATE customers SET plan = 'x'", "", one("update", []string{"plan"}, false), done("UPDATE 7"), "shop/public.customers [plan] true"},
		{"UPDATE customers SET plan = 'x'", "", one("update", []string{"plan"}, false), fails("23505"), "shop/public.customers [plan] false"},
		{"UPDATE customers_1 SET plan = 'x'", "", one("update", []string{"plan"}, true), done("UPDATE 7"), " [] true"},
		{"DELETE FROM customers", "", one("delete", nil, false), done("DELETE 3"), ""},
		{"COPY customers (id, name, email) FROM STDIN", "SELECT id, name, email FROM ONLY customers", exactByColumn(), done("COPY 2"), " [] true"},
	} {
		said := ""
		b := newBench(t, func(s *Settings) {
			s.Writing = func(table event.Place, columns []string) func(bool) {
				said += fmt.Sprint(table, " ", columns)
				return func(changed bool) { said += fmt.Sprint(" ", changed) }
			}
		})
		b.an.by[cmp.Or(tt.asked, tt.sql)] = tt.analysis
		b.client(q(tt.sql))
		if sent, _, _ := strings.Cut(tt.want, "]"); !strings.HasPrefix(said, sent) {
			t.Errorf("%s: sent before it was said: %q", tt.sql, said)
		}
		b.server(tt.tag, ready(pgwire.TxIdle))
		if said != tt.want {
			t.Errorf("%s: said %q, want %q (asked %q)", tt.sql, said, tt.want, b.an.asked)
		}
	}
}
