package pgproxy

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// next takes the session to another gate.
func (b *bench) next(change func(*Settings)) *bench {
	b.t.Helper()
	if !b.e.atRest() {
		b.t.Fatal("it is not at rest")
	}
	return b.goesOn(change)
}

// goesOn is next of a session that may be in the middle of a statement.
func (b *bench) goesOn(change func(*Settings)) *bench {
	b.t.Helper()
	b.e.closeBuckets(event.OutcomeBucket)
	text, err := b.e.keep().encode()
	if err != nil {
		b.t.Fatal(err)
	}
	var k keptState
	if err := k.decode(text); err != nil {
		b.t.Fatal(err)
	}
	n := newBench(b.t, change)
	n.e.env.now, n.e.env.dirty = nil, true
	n.e.clock = b.e.clock
	n.an.by = b.an.by
	var locks []event.Place
	if k.Transaction != nil {
		locks = n.g.takeUp(k.Transaction)
	}
	n.e.restore(&k, locks)
	return n
}

// What the gate remembers of a transaction under way goes to the next gate, twice,
// and has there the effect that it would have had here.
func TestTransactionGoesOn(t *testing.T) {
	var told []string
	settings := func(s *Settings) {
		s.Tainted = func(_ context.Context, x Taint) error {
			told = append(told, fmt.Sprintf("protect %s standing %v", x.Table, x.standing))
			return nil
		}
		s.Writing = func(table event.Place, columns []string) func(bool) {
			told = append(told, fmt.Sprintf("writing %s %v", table, columns))
			return func(changed bool) { told = append(told, fmt.Sprintf("over %s %v", table, changed)) }
		}
	}
	b := newBench(t, settings)
	update := "UPDATE customers SET email = NULL"
	b.an.by[update] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relCustomers, Table: customers, Op: "update", Sets: []string{"email"}}}}
	b.say("BEGIN", 'T')
	b.client(q(update))
	b.server(done("UPDATE 0"), ready('T'))
	b.e.change(inserted(7, 8))
	b.e.taint(&Taint{Table: "shop/public.copy", From: []event.Place{customers}, Source: "shop.customers", Elements: element.MaskOf(element.Email),
		Own: true, Columns: []TaintColumn{{Name: "email", Att: 1, Elements: element.MaskOf(element.Email)}}, standing: true}, "insert select")
	b.e.holds(customers)
	b.e.ddl.moved = true
	b.e.fate.Wrote = []Taint{{Table: customers}}
	b.e.ddl.made.Views = "create view v"
	b.e.signal.read = b.e.clock
	b.e.env.opaque, b.e.env.inTx = b.e.answered, true
	b.wantTold("in the transaction", "insert shop/public.customers {7-8} unknown=0", "taint shop/public.copy")
	began := b.e.age.began
	b.e.clock += 10 * second
	n := b.next(settings).next(settings)
	if e := n.e; e.tx != 'T' || e.age.began != began || e.ddl.mark == 0 || !e.ddl.moved || e.ddl.made.Views == "" || e.fate.mark == 0 || e.env.opaque == 0 || !e.env.inTx || e.env.now == nil || e.env.dirty {
		t.Errorf("tx %q, began %d, %+v, %+v", e.tx, e.age.began, e.ddl, e.env)
	}
	if w := n.changes(customers); w.inFlight != 1 {
		t.Errorf("customers: %+v", w)
	}
	if !n.g.locks.since(n.g.locks.turn.Load(), customers) || n.g.reg.changing.Load() != 1 || n.g.laundering.fresh() {
		t.Error("others do not know of its locks, change of the schema, or code")
	}
	if p, ok := n.e.plan(&command{shape: n.g.unknownShape}, 0); !ok || p.opaque != "function ran" {
		t.Errorf("it reads by the plan %+v", p)
	}
	n.say("NOTIFY news", 'T')
	if _, ok := n.g.signals.of(n.e.who.ServerPID); !ok {
		t.Error("a notification after the upgrade tells nothing of what was read before it")
	}
	n.e.env.inTx = false
	n.say("COMMIT", 'I')
	n.wantTold("at the end", "insert shop/public.customers {7-8} unknown=0")
	want := []string{"writing shop/public.customers [email]", "writing shop/public.customers []", "writing shop/public.customers []",
		"over shop/public.customers true", "protect shop/public.copy standing true"}
	slices.Sort(want)
	slices.Sort(told)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
	if w := n.changes(customers); w.inFlight != 0 || w.unclear == 0 {
		t.Errorf("customers in the end: %+v", w)
	}
	if n.g.locks.since(n.g.locks.turn.Load(), customers) || n.g.reg.changing.Load() != 0 || n.e.ddl.mark != 0 || n.e.env.opaque != 0 {
		t.Error("it did not end")
	}
}

// What an identifier belongs to may have changed since the transaction began: until it
// ends nobody is named by one.
func TestIdentifiersOfATransactionThatGoesOn(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.Turns = func() uint64 { return 5 } })
	b.say("BEGIN", 'T')
	n := b.next(func(s *Settings) {
		s.Turns = func() uint64 { return 5 }
		s.Identifier = func(event.Place, element.Kind, []byte) (uint32, bool) { return 7, true }
	})
	x := n.e.newExecution(n.g.unknownShape)
	n.e.setPlan(x, n.g.wideOf(n.g.unknownShape, "test"))
	if _, ok := n.e.identifies(x, &keyCol{}, nil); ok {
		t.Error("a value names somebody in a transaction that began before the upgrade")
	}
	n.say("COMMIT", 'I')
	n.say("BEGIN", 'T')
	x = n.e.newExecution(n.g.unknownShape)
	n.e.setPlan(x, n.g.wideOf(n.g.unknownShape, "test"))
	if _, ok := n.e.identifies(x, &keyCol{}, nil); !ok {
		t.Error("and in the next")
	}
}

// Who was written to a table before it was protected, by a transaction that ends after
// that, is in no scan yet.
func TestTransactionThatWroteWhatIsProtectedNow(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.Protected = s.Protected[:1] })
	insert := "INSERT INTO bookings VALUES (1)"
	b.an.by[insert] = &lineage.Analysis{Bare: true, Writes: []lineage.Write{{Rel: relBookings, Table: bookings, Op: "insert"}}}
	b.say("BEGIN", 'T')
	b.client(q(insert))
	b.server(done("INSERT 0 1"), ready('T'))
	n := b.next(nil)
	n.say("COMMIT", 'I')
	n.wantTold("at the end", "unknown shop/public.bookings {} unknown=1")
}

// TestEngineIsKept wants a word about every part of an engine: it is kept, it is
// nothing at rest, or it can be forgotten.
func TestEngineIsKept(t *testing.T) {
	const known = ` g ctx rec session who clock
		client server toClient toServer clientHeld serverHeld waitClient waitServer
		queue skip tx sent answered open copyIn lost cutting discard canceled
		prepared portals unnamed blank heldMem free
		env age signal holding ddl calmedAt turn ownDDL writing wroteAt tainting fate late laundering
		slots lastSlot openSlots unsafe deadline armed calm
		awaiting acked ackErr wake cancel left
		fields scratch values scanner commands lastShape spareQuery sparePortal asked mixed dropping
		rows bytesOut streaming carried long statements limits stray fatal `
	for f := range reflect.TypeFor[engine]().Fields() {
		if !slices.Contains(strings.Fields(known), f.Name) {
			t.Errorf("%s: does a session that is kept take it along (keep, keepTransaction), is it nothing at rest (atRest), or can it be forgotten?", f.Name)
		}
	}
	for _, of := range []struct {
		is    reflect.Type
		known string
	}{
		{reflect.TypeFor[environ](), "now dirty touched inTx opaque temp temps askTemp plain setting failed values asked got nonstandard unsafeEncoding encoding trace"},
		{reflect.TypeFor[writing](), "mark any tables told sent failed before"},
		{reflect.TypeFor[late](), "since mark changes taints prepared"},
		{reflect.TypeFor[holding](), "mark places"},
		{reflect.TypeFor[signal](), "read sent"},
		{reflect.TypeFor[age](), "first began kept"},
		{reflect.TypeFor[fate](), "mark Wrote Told From Elements"},
		{reflect.TypeFor[ddlState](), "mark moved made"},
		{reflect.TypeFor[portal](), "stmt exec env bind mark hold described executed unknown"},
		{reflect.TypeFor[sessionLimits](), "rows seen"},
	} {
		for f := range of.is.Fields() {
			if !slices.Contains(strings.Fields(of.known), f.Name) {
				t.Errorf("%s.%s: what becomes of it when the session is kept?", of.is, f.Name)
			}
		}
	}
}
