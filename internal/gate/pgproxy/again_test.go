package pgproxy

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/wire/pgwire"
)

// judges makes the gate ask a policy.
func (b *bench) judges(mode policy.Mode, src *policy.Source) *policy.Policy {
	b.t.Helper()
	p, err := policy.Compile(src)
	if err != nil {
		b.t.Fatal(err)
	}
	b.g.current.Store(&Rules{Policy: p, Mode: mode})
	return p
}

// decided lists the decisions recorded so far.
func (b *bench) decided() (out []string) {
	for _, body := range b.rec.bodies {
		if d, ok := body.(*event.Decision); ok {
			out = append(out, d.Action+" "+d.Rule)
		}
	}
	return out
}

const toursSQL = "SELECT title || '' FROM tours"

// surprise is a way in which a statement that reads nothing protected turns out to
// mean something else.
type surprise struct {
	name string
	sent []byte       // by the client
	then func(*bench) // before the server answers
	// passes is what the server answers first, and may pass; leaks is what must
	// not, after middle.
	passes [][]byte
	middle func(*bench)
	leaks  [][]byte
	end    [][]byte // of an answer that was not cut
	state  byte
}

var textColumn = pgwire.Field{Name: []byte("?column?"), Type: 25, Size: -1, Modifier: -1}

func surprises() []surprise {
	nothing := func(*bench) {}
	changes := func(b *bench) { b.g.reg.schemaChanging(); b.g.reg.schemaChanged() }
	secret, end := row("secret"), [][]byte{done("SELECT 1"), ready('I')}
	bind, exec, sync := pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	copyOut := pgwire.AppendMessage(nil, 'H', []byte{0, 0, 1, 0, 0})
	secretCopy := pgwire.AppendMessage(nil, 'd', []byte("secret\n"))
	endCopy := [][]byte{short('c'), done("COPY 1"), ready('I')}
	long := row("secret" + strings.Repeat("x", maxHeldMessage+1))
	return []surprise{
		{"schema changed before the first answer", q(toursSQL), changes, nil, nothing, [][]byte{desc(textColumn), secret}, end, 'I'},
		{"code ran", q(toursSQL), func(b *bench) { b.g.laundering.running.Add(1) }, nil, nothing, [][]byte{desc(textColumn), secret}, end, 'I'},
		{"extended", cat(pgwire.AppendParse(nil, nil, []byte(toursSQL), nil), bind, exec, sync), changes,
			[][]byte{short('1'), short('2')}, nothing, [][]byte{desc(textColumn), secret}, end, 'I'},
		{"another result than its analysis", q(toursSQL), nothing, nil, nothing,
			[][]byte{desc(pgwire.Field{Name: []byte("email"), Table: relCustomers, Attribute: 3, Type: 25}, textColumn), row("secret", "x")}, end, 'I'},
		{"rows that were not described", q(toursSQL), nothing, nil, nothing, [][]byte{secret}, end, 'I'},
		{"around the gate, in the middle", q(toursSQL), nothing, [][]byte{desc(textColumn), row("tour")},
			func(b *bench) { b.g.reg.around.Add(1) }, [][]byte{secret}, end, 'I'},
		{"a long row, in the middle", q(toursSQL), nothing, [][]byte{desc(textColumn), row("tour")},
			func(b *bench) { b.g.reg.around.Add(1) }, [][]byte{long}, end, 'I'},
		{"the session is lost", q(toursSQL), func(b *bench) { b.e.lose("test") }, [][]byte{desc(textColumn)}, nothing, [][]byte{secret}, end, 'I'},
		{"COPY", q("COPY (" + toursSQL + ") TO STDOUT"), changes, nil, nothing, [][]byte{copyOut, secretCopy}, endCopy, 'I'},
		{"COPY, in the middle", q("COPY (" + toursSQL + ") TO STDOUT"), nothing, [][]byte{copyOut, pgwire.AppendMessage(nil, 'd', []byte("tour\n"))},
			func(b *bench) { b.g.reg.around.Add(1) }, [][]byte{secretCopy}, endCopy, 'I'},
	}
}

func (c *surprise) play(t *testing.T, mode policy.Mode, src *policy.Source, off Switches) (b *bench, got, want []byte) {
	t.Helper()
	b = newBench(t, nil)
	b.g.switches = off
	b.an.by[toursSQL] = &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true, Stored: true}
	b.judges(mode, src)
	b.client(c.sent)
	c.then(b)
	want = cat(c.passes...)
	got = b.server(c.passes...)
	c.middle(b)
	got = append(got, b.server(c.leaks...)...)
	if b.e.canceled { // the transport delivered the CancelRequest
		b.e.cancelDone()
	}
	return b, append(got, b.server(c.end...)...), want
}

// TestDecidedAgain: what a statement turned out to be is asked of the policy
// before anything of it passes.
func TestDecidedAgain(t *testing.T) {
	deny := &policy.Source{Generation: 1, Default: "deny"}
	for _, c := range surprises() {
		t.Run(c.name, func(t *testing.T) {
			b, got, want := c.play(t, policy.Enforce, deny, Switches{})
			if !bytes.HasPrefix(got, want) || bytes.Contains(got, []byte("secret")) {
				t.Errorf("the client received %q", got)
			}
			rest := bytes.TrimPrefix(got, want)
			if !bytes.Contains(rest, []byte("42501")) || !bytes.Contains(rest, []byte("event ev")) || !bytes.HasSuffix(rest, ready('I')) {
				t.Errorf("after the rows: %q, want a refusal with a hint and ReadyForQuery", rest)
			}
			if d := b.decided(); !slices.Equal(d, []string{"refuse default"}) {
				t.Errorf("decisions %q", d)
			}
			// The session goes on.
			b.e.lost = ""
			b.client(q("BEGIN"))
			b.same("afterwards", b.server(done("BEGIN"), ready('T')), cat(done("BEGIN"), ready('T')))

			for mode, decision := range map[policy.Mode][]string{policy.Observe: nil, policy.Report: {"report default"}} {
				b, got, _ := c.play(t, mode, deny, Switches{})
				all := slices.Concat(c.passes, c.leaks, c.end)
				if i := slices.IndexFunc(all, func(m []byte) bool { return m[0] == 'T' }); i > 0 && c.name == "extended" {
					all = slices.Delete(all, i, i+1) // the gate asked
				}
				b.same(mode.String(), got, cat(all...))
				if d := b.decided(); !slices.Equal(d, decision) {
					t.Errorf("%v: decisions %q, want %q", mode, d, decision)
				}
			}
			if _, got, _ := c.play(t, policy.Enforce, deny, Switches{NoAgain: true}); !bytes.Contains(got, []byte("secret")) {
				t.Errorf("without the rule nothing passes either: %q", got)
			}
		})
	}
}

// TestDecidedAgainByItsRules: caps, bulk export and what cannot be attributed
// are asked of the new meaning, and masks that cannot be laid on it refuse it.
func TestDecidedAgainByItsRules(t *testing.T) {
	rule := func(r policy.RuleSource) *policy.Source {
		r.Name, r.Elements, r.Action = "some", []string{"*"}, "allow"
		return &policy.Source{Generation: 1, Default: "deny", Rules: []policy.RuleSource{r}}
	}
	n := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		name    string
		src     *policy.Source
		sql     string
		rows    int // of three that pass
		decided []string
	}{
		{"allowed", rule(policy.RuleSource{Bulk: "allow"}), toursSQL, 3, nil},
		{"a whole table", rule(policy.RuleSource{}), toursSQL, 0, []string{"refuse some"}},
		{"some rows", rule(policy.RuleSource{}), toursSQL + " WHERE id < 4", 3, nil},
		{"not attributable", rule(policy.RuleSource{Bulk: "allow", UnattributableRows: n(0)}), toursSQL, 0, []string{"refuse some"}},
		{"two not attributable", rule(policy.RuleSource{Bulk: "allow", UnattributableRows: n(2)}), toursSQL, 2, []string{"refuse some"}},
		{"one row", rule(policy.RuleSource{Bulk: "allow", Rows: &policy.CapsSource{Statement: n(1)}}), toursSQL, 1, []string{"refuse some"}},
		{"a mask", rule(policy.RuleSource{Bulk: "allow", Mask: map[string]string{"email": "stars"}}), toursSQL, 0, []string{"refuse some"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.an.by[c.sql] = &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true, Stored: true}
			b.judges(policy.Enforce, c.src)
			b.client(q(c.sql))
			b.g.reg.schemaChanging()
			got := b.server(desc(textColumn), row("r"), row("r"), row("r"), done("SELECT 3"))
			if n := bytes.Count(got, row("r")); n != c.rows {
				t.Errorf("%d rows passed, want %d: %q", n, c.rows, got)
			}
			if d := b.decided(); !slices.Equal(d, c.decided) {
				t.Errorf("decisions %q, want %q", d, c.decided)
			}
		})
	}
}

// TestDecidedAgainWhenDone: a statement that returns no rows was carried out
// before it is known what it meant; its taint is recorded, and the decision is a
// report.
func TestDecidedAgainWhenDone(t *testing.T) {
	const sql = "INSERT INTO shadow SELECT title FROM tours"
	b := newBench(t, nil)
	b.an.by[sql] = &lineage.Analysis{Stored: true, Bare: true, Writes: []lineage.Write{{Table: "shop/public.shadow"}}}
	b.judges(policy.Enforce, &policy.Source{Generation: 1, Default: "deny"})
	b.client(q(sql))
	b.g.reg.schemaChanging()
	answer := cat(done("INSERT 0 3"), ready('I'))
	b.same("to the client", b.server(answer), answer)
	if d := b.decided(); !slices.Equal(d, []string{"report default"}) {
		t.Errorf("decisions %q", d)
	}
	if told := b.told(); !slices.Contains(told, "taint shop/public.shadow") {
		t.Errorf("recorded %q", told)
	}
}

// TestDescribedAhead: an answer to Describe that came long before Execute is no
// answer of what the server reads again when it is executed.
func TestDescribedAhead(t *testing.T) {
	describe, exec, sync := pgwire.AppendDescribePortal(nil, nil), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	flush := short('H')
	portal := func(sql string) []byte {
		return cat(pgwire.AppendParse(nil, nil, []byte(sql), nil), pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), describe, flush)
	}
	wide := func(b *bench) {
		b.t.Helper()
		b.tick()
		b.wantParts("shop/public.customers name,email class=2 rows=1 unknown=0 {} schema change n=1", "shop/public.bookings booking class=2 rows=1 unknown=0 {} schema change n=1")
	}
	begin := func(t *testing.T) *bench {
		b := newBench(t, nil)
		b.an.by[toursSQL] = &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true, Stored: true}
		return b
	}
	t.Run("COPY", func(t *testing.T) {
		b := begin(t)
		b.client(portal("COPY (" + toursSQL + ") TO STDOUT"))
		b.server(short('1'), short('2'), short('n'))
		b.g.reg.schemaChanging()
		b.client(exec, sync)
		b.server(pgwire.AppendMessage(nil, 'H', []byte{0, 0, 1, 0, 0}), pgwire.AppendMessage(nil, 'd', []byte("secret\n")), short('c'), done("COPY 1"), ready('I'))
		wide(b)
	})
	t.Run("EXECUTE", func(t *testing.T) {
		b := begin(t)
		b.client(q("PREPARE p AS " + toursSQL))
		b.server(done("PREPARE"), ready('I'))
		b.client(portal("EXECUTE p"))
		b.server(short('1'), short('2'), desc(textColumn))
		b.g.reg.schemaChanging()
		b.client(exec, sync)
		b.server(row("secret"), done("SELECT 1"), ready('I'))
		wide(b)
	})
	t.Run("CREATE TABLE AS", func(t *testing.T) {
		b := begin(t)
		b.client(portal("CREATE TABLE t AS " + toursSQL))
		b.server(short('1'), short('2'), short('n'))
		b.g.reg.schemaChanging()
		b.client(exec, sync)
		b.server(done("SELECT 3"), ready('I'))
		if told := b.told(); !slices.Contains(told, "taint shop/public.t") {
			t.Errorf("recorded %q", told)
		}
	})
	t.Run("DECLARE", func(t *testing.T) {
		b := begin(t)
		b.client(q("BEGIN"))
		b.server(done("BEGIN"), ready('T'))
		b.client(portal("DECLARE c CURSOR FOR " + toursSQL))
		b.server(short('1'), short('2'), short('n'))
		b.g.reg.schemaChanging()
		b.client(exec, sync)
		b.server(done("DECLARE CURSOR"), ready('T'))
		b.client(q("FETCH 1 FROM c"))
		b.server(desc(textColumn), row("secret"), done("FETCH 1"), ready('T'))
		wide(b)
	})
	t.Run("SELECT has its plan since Bind", func(t *testing.T) {
		b := begin(t)
		b.client(portal(toursSQL))
		b.server(short('1'), short('2'), desc(textColumn))
		b.g.reg.schemaChanging()
		b.client(exec, sync)
		b.server(row("tour"), done("SELECT 1"), ready('I'))
		b.tick()
		b.wantParts()
	})
}

// TestFetchBehindDeclare sends a FETCH after a schema change and before the
// DECLARE of its cursor, which waits for a lock, is answered.
func TestFetchBehindDeclare(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[toursSQL] = &lineage.Analysis{Columns: []lineage.Column{{}}, Bare: true, Stored: true}
	b.client(q("DECLARE c CURSOR WITH HOLD FOR " + toursSQL))
	b.g.reg.schemaChanging()
	b.g.reg.schemaChanged()
	b.client(q("FETCH 1 FROM c"))
	b.server(done("DECLARE CURSOR"), ready('I'), desc(textColumn), row("secret"), done("FETCH 1"), ready('I'))
	b.tick()
	b.wantParts("shop/public.customers name,email class=2 rows=1 unknown=0 {} schema change n=1", "shop/public.bookings booking class=2 rows=1 unknown=0 {} schema change n=1")
}

// TestMasksOfADescribedPortal: a description that came before the policy was
// asked does not let the values pass.
func TestMasksOfADescribedPortal(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	b.judges(policy.Enforce, &policy.Source{Generation: 1, Default: "deny", Rules: []policy.RuleSource{{Name: "masked", Elements: []string{"*"},
		Action: "allow", Bulk: "allow", Mask: map[string]string{"email": "stars"}}}})
	describe, exec, sync := pgwire.AppendDescribePortal(nil, nil), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil)
	b.client(pgwire.AppendParse(nil, nil, []byte(selectAll), nil), pgwire.AppendBind(nil, nil, nil, pgwire.BindValues{}), describe, short('H'))
	b.server(short('1'), short('2'), desc(descCustomers...))
	b.same("to the server", b.client(exec, sync), cat(describe, exec, sync))
	b.same("to the client", b.server(desc(descCustomers...), row("7", "a", "secret"), done("SELECT 1"), ready('I')),
		cat(row("7", "a", "****"), done("SELECT 1"), ready('I')))
	// COPY's rows are not edited.
	b.client(q("COPY (" + selectAll + ") TO STDOUT"))
	if got := b.server(fails("42601"), ready('I')); !bytes.Contains(got, []byte("42501")) {
		t.Errorf("COPY of masked columns: %q", got)
	}
}
