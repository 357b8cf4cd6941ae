package pgproxy

import (
	"fmt"
	"testing"
	"time"

	"sekisho/internal/wire/pgwire"
)

// exchange feeds one exchange over and over.
func (b *bench) exchange(tb *testing.B, client, server []byte) {
	tb.Helper()
	tb.ReportAllocs()
	tb.SetBytes(int64(len(server)))
	drop := func([]byte) {}
	for tb.Loop() {
		b.e.fromClient(client)
		b.e.toServer.drain(drop)
		b.e.fromServer(server)
		b.e.toClient.drain(drop)
		if b.e.fatal != nil || b.e.lost != "" {
			tb.Fatal(b.e.fatal, b.e.lost)
		}
		b.e.clock += int64(time.Microsecond)
		if b.e.deadline != 0 && b.e.clock > b.e.deadline {
			b.e.tick()
			b.rec.bodies = b.rec.bodies[:0]
		}
	}
}

func BenchmarkSimpleSelect(tb *testing.B) {
	b := newBench(tb, nil)
	text := "SELECT name FROM customers WHERE id = 42"
	b.an.by[text] = exactByParam()
	b.exchange(tb, q(text), cat(desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I')))
}

func BenchmarkPreparedSelect(tb *testing.B) {
	b := newBench(tb, nil)
	text := "SELECT name FROM customers WHERE id = $1"
	b.an.by[text] = exactByParam()
	b.client(pgwire.AppendParse(nil, []byte("P0"), []byte(text), nil), pgwire.AppendSync(nil))
	b.server(short('1'), ready('I'))
	b.exchange(tb, cat(pgwire.AppendBind(nil, nil, []byte("P0"), pgwire.BindValues{Values: [][]byte{[]byte("42")}}),
		pgwire.AppendDescribePortal(nil, nil), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)),
		cat(short('2'), desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I')))
}

func BenchmarkExtendedSelect(tb *testing.B) {
	b := newBench(tb, nil)
	text := "SELECT name FROM customers WHERE id = $1"
	b.an.by[text] = exactByParam()
	b.exchange(tb, cat(pgwire.AppendParse(nil, nil, []byte(text), nil), pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{Values: [][]byte{[]byte("42")}}),
		pgwire.AppendDescribePortal(nil, nil), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)),
		cat(short('1'), short('2'), desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I')))
}

func BenchmarkThousandRows(tb *testing.B) {
	b := newBench(tb, nil)
	b.an.by[selectAll] = exactByColumn()
	var rows [][]byte
	for i := range 1000 {
		rows = append(rows, row(fmt.Sprint(i), "name of a customer", "customer@example.jp"))
	}
	b.exchange(tb, q(selectAll), cat(desc(descCustomers...), cat(rows...), done("SELECT 1000"), ready('I')))
}
