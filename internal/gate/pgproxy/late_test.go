package pgproxy

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// told lists the changes, taints and words that were recorded.
func (b *bench) told() (out []string) {
	for _, body := range b.rec.bodies {
		switch x := body.(type) {
		case *event.HoldingChange:
			out = append(out, fmt.Sprintf("%s %s {%s} unknown=%d", x.Op, x.Table, x.Subjects.Append(nil), x.Unknown))
		case *event.Taint:
			out = append(out, "taint "+string(x.Table))
		case *event.Cleared:
			out = append(out, fmt.Sprintf("cleared %s by %q", x.Places[0], x.By))
		}
	}
	b.rec.bodies = nil
	return out
}

func (b *bench) wantTold(when string, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.told()); diff != "" {
		b.t.Errorf("%s (-want +got)\n%s", when, diff)
	}
}

// say sends a statement and has the server answer it.
func (b *bench) say(sql string, state byte) {
	b.t.Helper()
	b.client(q(sql))
	b.server(done("OK"), ready(state))
}

func inserted(n ...uint32) *event.HoldingChange {
	return &event.HoldingChange{Table: customers, Source: "shop.customers", Op: "insert", Rows: uint64(len(n)), Subjects: event.SetOf(n)}
}

const second = int64(1e9)

// A scan between a change and the end of its transaction shows nothing of it.
func TestChangesOfLongTransactions(t *testing.T) {
	b := newBench(t, nil)
	b.say("BEGIN", 'T')
	b.e.change(inserted(7, 8))
	b.e.clock += second
	b.e.change(inserted(9, 3))
	b.e.change(&event.HoldingChange{Table: customers, Source: "shop.customers", Op: "insert", Rows: 2, Unknown: 2})
	b.wantTold("at once", "insert shop/public.customers {7-8} unknown=0", "insert shop/public.customers {3,9} unknown=0", "insert shop/public.customers {} unknown=2")
	b.say("COMMIT", 'I')
	b.wantTold("at the end", "insert shop/public.customers {3,7-9} unknown=2")
	b.say("SELECT 1", 'I')
	b.wantTold("after it")

	b.say("BEGIN", 'T')
	b.e.change(inserted(7))
	b.e.clock += second / 2
	b.say("COMMIT", 'I')
	b.wantTold("a short one", "insert shop/public.customers {7} unknown=0")

	b.e.change(inserted(7)) // a bucket that is closed after the end
	b.e.clock += 10 * second
	b.say("SELECT 1", 'I')
	b.wantTold("outside of one", "insert shop/public.customers {7} unknown=0")

	b.say("BEGIN", 'T')
	b.e.change(inserted(4))
	b.e.clock += 10 * second
	b.e.close("gone")
	b.wantTold("a session that ended", "insert shop/public.customers {4} unknown=0", "insert shop/public.customers {4} unknown=0")
}

func TestChangesOfPreparedTransactions(t *testing.T) {
	b := newBench(t, nil)
	b.say("BEGIN", 'T')
	b.e.change(inserted(7))
	b.e.clock += 10 * second
	b.tag("PREPARE TRANSACTION 'a'", "PREPARE TRANSACTION")
	b.wantTold("when it is prepared", "insert shop/public.customers {7} unknown=0")
	b.e.clock += 10 * second
	b.tag("COMMIT PREPARED 'a'", "COMMIT PREPARED")
	b.wantTold("when somebody commits it", "insert shop/public.customers {7} unknown=0")
	if b.g.laundering.suspected() {
		t.Error("a transaction that the gate saw counts as unknown")
	}
}

// tag sends a statement that the server answers with a tag.
func (b *bench) tag(sql, tag string) {
	b.t.Helper()
	b.client(q(sql))
	b.server(done(tag), ready('I'))
}

// What was prepared before this start, or around the gate, may have written
// anything anywhere.
func TestTransactionsPreparedUnseen(t *testing.T) {
	b := newBench(t, nil)
	b.tag("ROLLBACK PREPARED 'old'", "ROLLBACK PREPARED")
	b.wantTold("what is rolled back wrote nothing")
	b.client(q("COMMIT PREPARED 'old'"))
	b.wantTold("before it is sent", "taint shop")
	b.server(fails("42704"), ready('I'))
	b.wantTold("when there is none", `cleared shop by ""`)

	b.say("BEGIN", 'T')
	b.tag("PREPARE TRANSACTION 'old'", "ROLLBACK") // it had failed
	b.tag("COMMIT PREPARED 'old'", "COMMIT PREPARED")
	b.wantTold("when it is committed", "taint shop", "unknown shop/public.customers {} unknown=1", "unknown shop/public.bookings {} unknown=1")
	if !b.g.laundering.suspected() {
		t.Error("what nobody saw being written is not suspected")
	}
}

// A gate that is killed while code runs must know of it when it starts again.
func TestUnknownCodeIsRecordedBeforeItIsSent(t *testing.T) {
	const code = "SELECT leak()"
	b := newBench(t, nil)
	settle := func() { b.e.env.dirty, b.e.env.askTemp = false, false } // as its probe would find it
	b.an.by[code] = &lineage.Analysis{Opaque: "unknown function", Columns: []lineage.Column{{}}}
	b.client(q(code))
	b.wantTold("before it is sent", "taint shop")
	b.server(fails("42883"), ready('I'))
	b.wantTold("when there was none", `cleared shop by ""`)
	if b.g.laundering.suspected() {
		t.Error("code that is none is suspected")
	}
	b.g.reg.epoch.Add(1)
	b.an.by[code] = &lineage.Analysis{Opaque: "function", Columns: []lineage.Column{{}}}
	settle()
	b.client(q(code))
	b.wantTold("once", "taint shop")
	b.server(fails("22012"), ready('I'))
	b.wantTold("what ran may outlive its failure")
	if !b.g.laundering.suspected() {
		t.Error("code that ran is not suspected")
	}
}

// A power cut after a statement was sent must not lose what it wrote where.
func TestStrictTaintsAreSyncedBeforeTheStatementIsSent(t *testing.T) {
	const code, copied = "SELECT leak()", "INSERT INTO notes SELECT email FROM customers"
	for _, strict := range []bool{false, true} {
		b := newBench(t, func(s *Settings) { s.Strict = strict })
		b.an.by[code] = &lineage.Analysis{Opaque: "function", Columns: []lineage.Column{{}}}
		b.an.by[copied] = &lineage.Analysis{Entries: exactByColumn().Entries,
			Writes: []lineage.Write{{Rel: 16999, Table: "shop/public.notes", Op: "insert", Taints: personal, From: []event.Place{customers}}}}
		var synced []string
		b.rec.wait = func(l event.Level, bodies []event.Body) {
			taint, ok := bodies[0].(*event.Taint)
			if !ok || l != event.Durable || len(b.e.toServer.buf) > 0 {
				t.Errorf("%T, level %v, %d bytes for the server", bodies[0], l, len(b.e.toServer.buf))
				return
			}
			synced = append(synced, string(taint.Table))
		}
		b.client(q(copied))
		b.server(done("INSERT 0 1"), ready('I'))
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.client(q(code))
		var want []string
		if strict {
			want = []string{"shop/public.notes", "shop"}
		}
		if diff := cmp.Diff(want, synced); diff != "" {
			t.Errorf("strict %v (-want +got)\n%s", strict, diff)
		}
	}
}

// A statement whose taint cannot be recorded does not reach the server, unless the
// gate is to go on without a record.
func TestUnrecordedTaintIsNotSent(t *testing.T) {
	const code, copied = "SELECT leak()", "INSERT INTO notes SELECT email FROM customers"
	for _, sql := range []string{code, copied} {
		for _, fail := range []FailMode{FailClosed, FailOpen} {
			for _, strict := range []bool{false, true} {
				b := newBench(t, func(s *Settings) { s.Fail, s.Strict = fail, strict })
				b.an.by[code] = &lineage.Analysis{Opaque: "function", Columns: []lineage.Column{{}}}
				b.an.by[copied] = &lineage.Analysis{Writes: []lineage.Write{{Rel: 16999, Table: "shop/public.notes", Op: "insert", Taints: personal, From: []event.Place{customers}}}}
				b.rec.fail = event.ErrStopped
				sent := b.client(q(sql))
				if open := fail == FailOpen; open != (len(sent) > 0) || open != (b.e.fatal == nil) {
					t.Errorf("%s, fail mode %v, strict %v: the server got %q, end %v", sql, fail, strict, sent, b.e.fatal)
				}
			}
		}
	}
}

// An operator's word is not about code that runs on.
func TestClearWhileCodeRuns(t *testing.T) {
	const code = "SELECT leak()"
	b := newBench(t, nil)
	b.an.by[code] = &lineage.Analysis{Opaque: "function", Columns: []lineage.Column{{}}}
	b.client(q(code))
	b.wantTold("before it is sent", "taint shop")
	g := &Gate{databases: map[string]*shared{"shop": b.g}}
	if !g.Clear("shop") {
		t.Fatal("no such database")
	}
	b.wantTold("the word", "taint shop")
	if !g.Suspected("shop") {
		t.Error("code that runs is not suspected")
	}
}

// Gates of one process tell each other what they know of a database.
func TestGatesOfOneDatabase(t *testing.T) {
	common := new(Common)
	share := func(s *Settings) { s.Common = common }
	a, b := newBench(t, share), newBench(t, share)
	a.e.beginDDL()
	if b.g.reg.changing.Load() == 0 {
		t.Error("a change of the schema under way at one gate is not known to the other")
	}
	a.e.endDDL()
	if b.g.reg.changing.Load() != 0 || b.g.reg.epoch.Load() == 0 {
		t.Error("a change of the schema at one gate does not reach the other")
	}
	a.e.launder(launderCode)
	if !b.g.laundering.suspected() {
		t.Error("what code at one gate may have copied is not suspected at the other")
	}
}

// What a transaction writes may be as old as its snapshot, also what code writes
// that is suspected already.
func TestTaintsOfOlderSnapshots(t *testing.T) {
	const copied, code = "INSERT INTO notes SELECT email FROM customers", "SELECT leak()"
	b := newBench(t, nil)
	b.an.by[copied] = &lineage.Analysis{Entries: exactByColumn().Entries,
		Writes: []lineage.Write{{Rel: 16999, Table: "shop/public.notes", Op: "insert", Taints: personal, From: []event.Place{customers}}}}
	b.an.by[code] = &lineage.Analysis{Opaque: "function", Columns: []lineage.Column{{}}}
	run := func(sql, tag string, state byte) {
		b.client(q(sql))
		b.server(done(tag), ready(state))
		b.e.env.dirty, b.e.env.askTemp = false, false
		b.e.clock += 10e9
	}
	run("SELECT 1", "SELECT 1", 'I')
	began := b.e.clock
	b.g.laundering.mu.Lock()
	b.e.suspect(launderCode, began+5e9) // by another session
	b.g.laundering.mu.Unlock()
	run("BEGIN", "BEGIN", 'T')
	run(copied, "INSERT 0 1", 'T')
	run(code, "SELECT 0", 'T')
	run(code, "SELECT 0", 'T')
	var got []string
	for _, body := range b.rec.bodies {
		if x, ok := body.(*event.Taint); ok {
			got = append(got, fmt.Sprintf("%s %v", x.Table, x.Since != 0 && x.Since/1e9 == began/1e9))
		}
	}
	if diff := cmp.Diff([]string{"shop false", "shop/public.notes true", "shop true"}, got); diff != "" {
		t.Errorf("taints, and whether they are as old as the transaction (-want +got)\n%s", diff)
	}
}

// A taint that stands is recorded again for what rested earlier.
func TestStandingTaintOfOlderSnapshot(t *testing.T) {
	var s taintSet
	x := &Taint{Table: "shop/public.notes", standing: true}
	for _, c := range []struct {
		rested int64
		want   bool
	}{{10e9, true}, {10e9, false}, {20e9, false}, {5e9, true}, {10e9, false}, {5e9, false}} {
		if got := s.first(x, c.rested); got != c.want {
			t.Errorf("rested since %d: %v, want %v", c.rested, got, c.want)
		}
	}
}
