package pgproxy

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/subject"
	"sekisho/internal/wire/pgwire"
)

// memory is a Recorder that remembers, and fails on demand.
type memory struct {
	mu     sync.Mutex
	bodies []event.Body
	fail   error
	acks   []func(error) // of durable submits, when hold is set
	hold   bool
	wait   func(event.Level, []event.Body) // called by Record
}

func (r *memory) Record(_ context.Context, l event.Level, bodies ...event.Body) (event.Seq, error) {
	if r.wait != nil {
		r.wait(l, bodies)
	}
	return r.Submit(l, nil, bodies...)
}

func (r *memory) Submit(l event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	first := event.Seq(len(r.bodies) + 1)
	r.bodies = append(r.bodies, bodies...)
	if done != nil {
		if r.hold && l == event.Durable {
			r.acks = append(r.acks, done)
		} else {
			done(nil)
		}
	}
	return first, nil
}

func (r *memory) release(err error) {
	r.mu.Lock()
	acks := r.acks
	r.acks = nil
	r.mu.Unlock()
	for _, f := range acks {
		f(err)
	}
}

// keys numbers keys in the order of their coming, integers as themselves.
type keys struct {
	mu    sync.Mutex
	bytes map[string]uint32
}

func (k *keys) NumberInt(n int64) (uint32, bool) { return uint32(n), n >= 0 && n < 1<<31 }
func (k *keys) NumberBytes(b []byte) (uint32, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, ok := k.bytes[string(b)]
	return n, ok
}
func (k *keys) AssignInts(context.Context, []int64, []uint32) error { return subject.ErrFull }
func (k *keys) AssignBytes(_ context.Context, _ subject.KeyKind, list [][]byte, out []uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, b := range list {
		if _, ok := k.bytes[string(b)]; !ok {
			k.bytes[string(b)] = uint32(1<<31 + len(k.bytes))
		}
		out[i] = k.bytes[string(b)]
	}
	return nil
}

const (
	relCustomers = 16400
	relBookings  = 16410
	customers    = event.Place("shop/public.customers")
	bookings     = event.Place("shop/public.bookings")
)

var personal = element.MaskOf(element.Name, element.Email)

// answers is an Analyser with one answer a text.
type answers struct {
	code   *lineage.Code // of every statement; nil: not known
	mu     sync.Mutex
	by     map[string]*lineage.Analysis
	asked  []string
	inputs bool
	path   map[string]map[string]*lineage.Analysis // search_path → text → answer
}

// Code knows of no code what it writes.
func (a *answers) Code(lineage.CodeRequest) *lineage.Code { return a.code }

func (a *answers) Inputs() bool { return a.inputs }

func (a *answers) Analyse(_ context.Context, q lineage.Request) (*lineage.Analysis, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, q.SearchPath+"|"+q.SQL)
	if m := a.path[q.SearchPath]; m != nil {
		if r := m[q.SQL]; r != nil {
			return r, nil
		}
	}
	if r := a.by[q.SQL]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no answer")
}

// exactByColumn: SELECT id, name, email FROM customers …
func exactByColumn() *lineage.Analysis {
	return &lineage.Analysis{
		Columns: []lineage.Column{
			{Rel: relCustomers, Att: 1, Entries: []int{0}},
			{Rel: relCustomers, Att: 2, Elements: element.MaskOf(element.Name), Entries: []int{0}},
			{Rel: relCustomers, Att: 3, Elements: element.MaskOf(element.Email), Entries: []int{0}},
		},
		Entries: []lineage.Entry{{Rel: relCustomers, Table: customers, Source: "shop.customers", Elements: personal,
			KeyBy: lineage.KeyColumn, Ordinal: 0, KeyType: 23, Identifier: -1}},
	}
}

// exactByParam: SELECT name FROM customers WHERE id = $1
func exactByParam() *lineage.Analysis {
	return &lineage.Analysis{
		Columns: []lineage.Column{{Rel: relCustomers, Att: 2, Elements: element.MaskOf(element.Name), Entries: []int{0}}},
		Entries: []lineage.Entry{{Rel: relCustomers, Table: customers, Source: "shop.customers", Elements: element.MaskOf(element.Name),
			KeyBy: lineage.KeyParam, Ordinal: 1, KeyType: 23, Identifier: -1}},
	}
}

// byPredicate: SELECT 1 FROM customers WHERE email LIKE $1
func byPredicate() *lineage.Analysis {
	return &lineage.Analysis{
		Columns:   []lineage.Column{{}},
		Predicate: element.MaskOf(element.Email),
		Entries: []lineage.Entry{{Rel: relCustomers, Table: customers, Source: "shop.customers", Elements: element.MaskOf(element.Email),
			Reason: "predicate", Identifier: -1}},
	}
}

var descCustomers = []pgwire.Field{
	{Name: []byte("id"), Table: relCustomers, Attribute: 1, Type: 23, Size: 4, Modifier: -1},
	{Name: []byte("name"), Table: relCustomers, Attribute: 2, Type: 25, Size: -1, Modifier: -1},
	{Name: []byte("email"), Table: relCustomers, Attribute: 3, Type: 25, Size: -1, Modifier: -1},
}

// bench is an engine with everything it needs, and no sockets.
type bench struct {
	t      testing.TB
	e      *engine
	g      *shared
	rec    *memory
	an     *answers
	wakes  int
	later  []func() // analyses that wait to run, when deferred is set
	defer_ bool
}

func newBench(t testing.TB, change func(*Settings)) *bench {
	b := &bench{t: t, rec: &memory{}, an: &answers{by: map[string]*lineage.Analysis{}}}
	id := 0
	k := &keys{bytes: map[string]uint32{}}
	s := Settings{Place: "shop", Database: "shop", Analyser: b.an,
		Protected: []Protected{{customers, "shop.customers", personal}, {bookings, "shop.customers", element.MaskOf(element.Booking)}},
		Numbers:   func(event.SubjectSource) Numbers { return k },
		NewID:     func() string { id++; return fmt.Sprintf("ev%d", id) },
		Now:       func() time.Time { return time.Unix(1000, 0) },
	}
	if change != nil {
		change(&s)
	}
	b.g = newShared(context.Background(), s, nil, func(f func()) {
		if b.defer_ {
			b.later = append(b.later, f)
			return
		}
		f()
	}, func(op string, err error) { t.Logf("%s: %v", op, err) })
	b.e = newEngine(b.g, context.Background(), b.rec, 1, Identity{User: "app", Address: netip.MustParseAddr("192.0.2.1")})
	b.e.wake = func() { b.wakes++ }
	b.e.clock = 1000e9
	b.e.env.now = b.g.reg.intern(environment{searchPath: "public", role: "none", user: "app"})
	b.e.env.dirty = false
	return b
}

// client feeds bytes of the client and returns what went to the server.
func (b *bench) client(msg ...[]byte) []byte {
	b.t.Helper()
	b.e.fromClient(bytes.Join(msg, nil))
	return b.drain(&b.e.toServer)
}

// server feeds bytes of the server and returns what went to the client.
func (b *bench) server(msg ...[]byte) []byte {
	b.t.Helper()
	b.e.fromServer(bytes.Join(msg, nil))
	return b.drain(&b.e.toClient)
}

func (b *bench) drain(s *sink) (out []byte) {
	s.drain(func(p []byte) { out = append(out, p...) })
	return out
}

// tick lets the bucket time pass.
func (b *bench) tick() {
	b.e.clock += int64(200 * time.Millisecond)
	b.e.tick()
}

func (b *bench) same(what string, got, want []byte) {
	b.t.Helper()
	if !bytes.Equal(got, want) {
		b.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// parts writes the crossings recorded so far, one line a part.
func (b *bench) parts() string {
	var out []string
	for _, body := range b.rec.bodies {
		if c, ok := body.(*event.Crossing); ok {
			for _, p := range c.Parts {
				out = append(out, fmt.Sprintf("%s %s class=%d rows=%d unknown=%d {%s} %s n=%d", p.Table, p.Elements, p.Class, p.Rows, p.Unknown, p.Subjects.Append(nil), p.Reason, c.Count))
			}
		}
	}
	return strings.Join(out, "\n")
}

func (b *bench) wantParts(want ...string) {
	b.t.Helper()
	if got := b.parts(); got != strings.Join(want, "\n") {
		b.t.Errorf("crossings:\n got %s\nwant %s", got, strings.Join(want, "\n"))
	}
}

func q(text string) []byte          { return pgwire.AppendQuery(nil, text) }
func desc(f ...pgwire.Field) []byte { return pgwire.AppendRowDescription(nil, f) }
func row(v ...string) []byte {
	var list [][]byte
	for _, s := range v {
		if s == "NULL" {
			list = append(list, nil)
		} else {
			list = append(list, []byte(s))
		}
	}
	return pgwire.AppendRow(nil, list)
}
func done(tag string) []byte  { return pgwire.AppendCommandComplete(nil, tag) }
func ready(state byte) []byte { return pgwire.AppendReadyForQuery(nil, state) }
func short(typ byte) []byte   { return pgwire.AppendMessage(nil, typ, nil) }
func fails(code string) []byte {
	return pgwire.AppendError(nil, pgwire.ErrorInfo{Code: code, Message: "no"})
}
func cat(b ...[]byte) []byte { return bytes.Join(b, nil) }

const selectAll = "SELECT id, name, email FROM customers"

func TestSimpleQueryByKeyColumn(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	b.same("to server", b.client(q(selectAll)), q(selectAll))
	answer := cat(desc(descCustomers...), row("7", "a", "a@x"), row("9", "b", "b@x"), row("8", "c", "c@x"), done("SELECT 3"), ready('I'))
	b.same("to client", b.server(answer), answer)
	if _, ok := b.rec.bodies[1].(*event.Intent); !ok || len(b.rec.bodies) != 2 {
		t.Fatalf("recorded %T, want a statement and an intent before the rows", b.rec.bodies)
	}
	b.tick()
	b.wantParts("shop/public.customers name,email class=1 rows=3 unknown=0 {7-9}  n=1")
}

func TestNoRowsIsNoCrossing(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	b.client(q(selectAll))
	b.server(desc(descCustomers...), done("SELECT 0"), ready('I'))
	b.tick()
	if len(b.rec.bodies) != 0 {
		t.Errorf("recorded %v", b.rec.bodies)
	}
}

func TestPredicateCountsWithoutRows(t *testing.T) {
	b := newBench(t, nil)
	text := "SELECT 1 FROM customers WHERE email LIKE 'a%'"
	b.an.by[text] = byPredicate()
	b.client(q(text))
	b.server(desc(pgwire.Field{Name: []byte("?column?"), Type: 23}), done("SELECT 0"))
	if len(b.rec.bodies) != 2 {
		t.Fatalf("an empty answer of a predicate left %d events before CommandComplete", len(b.rec.bodies))
	}
	b.server(ready('I'))
	b.tick()
	b.wantParts("shop/public.customers email class=2 rows=0 unknown=0 {} predicate n=1")
}

func TestExtendedByParameterWithInjectedDescribe(t *testing.T) {
	b := newBench(t, nil)
	text := "SELECT name FROM customers WHERE id = $1"
	b.an.by[text] = exactByParam()
	parse := pgwire.AppendParse(nil, []byte("s"), []byte(text), nil)
	bind := pgwire.AppendBind(nil, nil, []byte("s"), pgwire.BindValues{Values: [][]byte{[]byte("42")}})
	exec, sync := pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	b.same("to server", b.client(parse, bind, exec, sync),
		cat(parse, bind, pgwire.AppendDescribePortal(nil, nil), exec, sync))
	answer := b.server(short('1'), short('2'), desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I'))
	b.same("to client", answer, cat(short('1'), short('2'), row("a"), done("SELECT 1"), ready('I')))
	// The second execution joins the bucket.
	b.client(pgwire.AppendBind(nil, nil, []byte("s"), pgwire.BindValues{Formats: []int16{1}, Values: [][]byte{{0, 0, 0, 43}}}), exec, sync)
	b.server(short('2'), desc(descCustomers[1]), row("b"), done("SELECT 1"), ready('I'))
	b.tick()
	b.wantParts("shop/public.customers name class=1 rows=2 unknown=0 {42-43}  n=2")
}

func TestRowDescriptionMismatchIsBoundedOverAll(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	other := append([]pgwire.Field(nil), descCustomers...)
	other[2].Table = 999
	b.client(q(selectAll))
	b.server(desc(other...), row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
	b.tick()
	b.wantParts("shop/public.customers name,email class=2 rows=1 unknown=0 {} lineage mismatch n=1",
		"shop/public.bookings booking class=2 rows=1 unknown=0 {} lineage mismatch n=1")
}

func TestSearchPathIsAskedAgain(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	b.client(q("SET search_path = other"))
	b.server(done("SET"), ready('I'))
	sent := b.client(q(selectAll))
	if bytes.Contains(sent, []byte("email")) {
		t.Fatalf("the statement went out before the environment was known: %q", sent)
	}
	show := func(v string) []byte {
		return cat(short('1'), short('2'), row(v), done("SHOW"), short('3'), short('3'))
	}
	got := b.server(cat(short('3'), show("other"), show("none"), show("app"), ready('I')))
	b.same("to client", got, nil)
	b.same("to server", b.drain(&b.e.toServer), q(selectAll))
	if n := len(b.an.asked); n != 1 || b.an.asked[0] != "other|"+selectAll {
		t.Errorf("asked %q", b.an.asked)
	}
}

func TestAnalysisIsAwaited(t *testing.T) {
	b := newBench(t, nil)
	b.defer_ = true
	b.an.by[selectAll] = exactByColumn()
	b.same("before", b.client(q(selectAll), q("BEGIN")), nil)
	for _, f := range b.later {
		f()
	}
	if b.wakes != 1 {
		t.Fatalf("wakes = %d", b.wakes)
	}
	b.e.woken()
	b.same("after", b.drain(&b.e.toServer), cat(q(selectAll), q("BEGIN")))
}

func TestStrictAwaitsTheSync(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.Strict = true })
	b.rec.hold = true
	b.an.by[selectAll] = exactByColumn()
	b.client(q(selectAll))
	rows := cat(row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
	b.same("before the sync", b.server(desc(descCustomers...), rows), desc(descCustomers...))
	b.rec.release(nil)
	b.e.woken()
	b.same("after the sync", b.drain(&b.e.toClient), rows)
	b.wantParts("shop/public.customers name,email class=1 rows=1 unknown=0 {7}  n=1")
}

func TestRecorderFailureClosed(t *testing.T) {
	b := newBench(t, nil)
	b.rec.fail = event.ErrStopped
	b.an.by[selectAll] = exactByColumn()
	b.client(q(selectAll))
	got := b.server(desc(descCustomers...), row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
	if bytes.Contains(got, []byte("a@x")) || !bytes.Contains(got, []byte("58030")) || b.e.fatal == nil {
		t.Errorf("an unrecorded row passed, or no refusal: %q, end %v", got, b.e.fatal)
	}
}

func TestRecorderFailureOpenLeavesAGap(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.Fail = FailOpen })
	b.rec.fail = event.ErrStopped
	b.an.by[selectAll] = exactByColumn()
	b.client(q(selectAll))
	answer := cat(desc(descCustomers...), row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
	b.same("to client", b.server(answer), answer)
	b.rec.fail = nil
	b.tick()
	for _, body := range b.rec.bodies {
		if g, ok := body.(*event.Gap); ok && g.From == 1000e9 && g.To > g.From {
			return
		}
	}
	t.Errorf("no gap in %v", b.rec.bodies)
}

func TestAsynchronousErrorDoesNotShift(t *testing.T) {
	// statement_timeout between Parse and Describe: the server skips to Sync.
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	param := "SELECT name FROM customers WHERE id = $1"
	b.an.by[param] = exactByParam()
	parse := pgwire.AppendParse(nil, []byte("a"), []byte(param), nil)
	bind := pgwire.AppendBind(nil, nil, []byte("a"), pgwire.BindValues{Values: [][]byte{[]byte("1")}})
	exec, sync := pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	b.client(parse)
	b.server(short('1'), fails("57014"))
	b.client(bind, exec) // discarded by the server
	b.client(sync, pgwire.AppendParse(nil, nil, []byte(selectAll), nil), pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), exec, sync)
	b.server(ready('I'), short('1'), short('2'), desc(descCustomers...), row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
	b.tick()
	b.wantParts("shop/public.customers name,email class=1 rows=1 unknown=0 {7}  n=1")
	if b.e.lost != "" {
		t.Errorf("lost: %s", b.e.lost)
	}
}

func TestRefusal(t *testing.T) {
	b := newBench(t, nil)
	b.deny(policy.Enforce)
	b.an.by[selectAll] = exactByColumn()
	sent := b.client(q(selectAll))
	b.same("to server", sent, q(failingText))
	got := b.server(fails("42601"), ready('E'))
	want := cat((&refusal{id: "ev1", code: "42501", what: "the gate's policy refuses this statement"}).append(nil), ready('E'))
	b.same("to client", got, want)
	decisions := 0
	for _, body := range b.rec.bodies {
		if d, ok := body.(*event.Decision); ok && d.ID == "ev1" && d.Action == "refuse" {
			decisions++
		}
	}
	if decisions != 1 {
		t.Errorf("%d decision events", decisions)
	}
}

func TestRefusalExtended(t *testing.T) {
	b := newBench(t, nil)
	b.deny(policy.Enforce)
	b.an.by[selectAll] = exactByColumn()
	parse := pgwire.AppendParse(nil, nil, []byte(selectAll), nil)
	bind, sync := pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), pgwire.AppendSync(nil)
	sent := b.client(parse, bind, pgwire.AppendExecute(nil, nil, 0), sync)
	b.same("to server", sent, cat(parse, bind, pgwire.AppendExecute(nil, failingPortal, 0), sync))
	got := b.server(short('1'), short('2'), fails("34000"), ready('I'))
	if !bytes.Contains(got, []byte("42501")) || bytes.Contains(got, []byte("34000")) {
		t.Errorf("to client %q", got)
	}
}

func (b *bench) deny(m policy.Mode) {
	p, err := policy.Compile(&policy.Source{Generation: 1, Default: "deny"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.g.current.Store(&Rules{Policy: p, Mode: m})
}
