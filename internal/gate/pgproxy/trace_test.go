package pgproxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// traceOf is the i-th trace of a test, and a comment that names it.
func traceOf(i int) (id, comment string) {
	id = fmt.Sprintf("4bf92f3577b34da6a3ce929d%08x", i)
	return id, fmt.Sprintf(" /*route='x',traceparent='00-%s-00f067aa0ba902b7-01'*/", id)
}

// traced writes the intents and crossings recorded so far: the number of
// executions and the traces.
func (b *bench) traced() (out []string) {
	for _, body := range b.rec.bodies {
		switch c := body.(type) {
		case *event.Intent:
			out = append(out, "intent "+c.Trace)
		case *event.Crossing:
			out = append(out, fmt.Sprint("crossing ", c.Count, " ", strings.Join(c.Traces, " ")))
		}
	}
	return out
}

func (b *bench) wantTraced(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.traced()); diff != "" {
		b.t.Errorf("(-want +got):\n%s", diff)
	}
}

// simple runs selectAll with a comment, for one row.
func (b *bench) simple(comment string) {
	b.t.Helper()
	b.same("to server", b.client(q(selectAll+comment)), q(selectAll+comment))
	b.server(desc(descCustomers...), row("7", "a", "a@x"), done("SELECT 1"), ready('I'))
}

// A bucket names the traces of its executions, each once, and they make neither
// a shape nor a bucket of their own.
func TestTraceOfComment(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	one, first := traceOf(1)
	two, second := traceOf(2)
	for _, comment := range []string{first, "", second, first, " /*route='x'*/"} {
		b.simple(comment)
	}
	b.tick()
	b.simple("")
	b.tick()
	b.wantTraced("intent "+one, "crossing 5 "+one+" "+two, "intent ", "crossing 1 ")
	var texts []string
	for _, body := range b.rec.bodies {
		if s, ok := body.(*event.Statement); ok {
			texts = append(texts, s.Text)
		}
	}
	if diff := cmp.Diff([]string{selectAll}, texts); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if len(b.an.asked) != 1 {
		t.Errorf("%d analyses, want one: %q", len(b.an.asked), b.an.asked)
	}
}

// A comment of a prepared statement holds for each of its executions, whoever
// prepared it for whatever.
func TestTraceOfPrepared(t *testing.T) {
	b := newBench(t, nil)
	text := "SELECT name FROM customers WHERE id = $1"
	b.an.by[text] = exactByParam()
	one, first := traceOf(1)
	_, second := traceOf(2)
	run := func(name string) {
		b.client(pgwire.AppendBind(nil, nil, []byte(name), pgwire.BindValues{Values: [][]byte{[]byte("42")}}),
			pgwire.AppendDescribePortal(nil, nil), pgwire.AppendExecute(nil, nil, 0), pgwire.AppendSync(nil))
		b.server(short('2'), desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I'))
	}
	parse := func(name, comment string) {
		b.client(pgwire.AppendParse(nil, []byte(name), []byte(text+comment), nil), pgwire.AppendSync(nil))
		b.server(short('1'), ready('I'))
	}
	parse("s", first)
	run("s")
	run("s")
	b.tick()
	parse("", second)
	parse("", "")
	run("")
	b.tick()
	b.wantTraced("intent "+one, "crossing 2 "+one, "intent ", "crossing 1 ")
}

// What the server reports as application_name holds for what names no trace
// itself, until it is another one.
func TestTraceOfApplicationName(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	one, first := traceOf(1)
	two, second := traceOf(2)
	named := func(value string) {
		b.client(q("SET application_name = '" + value + "'"))
		b.server(done("SET"), pgwire.AppendParameterStatus(nil, "application_name", value), ready('I'))
	}
	named("web 00-" + one + "-00f067aa0ba902b7-01")
	b.simple("")
	b.tick()
	b.simple(second)
	b.tick()
	named("web")
	b.simple("")
	b.simple(first)
	b.tick()
	b.wantTraced("intent "+one, "crossing 1 "+one, "intent "+two, "crossing 1 "+two, "intent ", "crossing 2 "+one)
}

// A bucket that holds as many traces as it can ends, and none is lost.
func TestTracesAreBounded(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	for i := range 2*maxTraces + 1 {
		_, comment := traceOf(i)
		b.simple(comment)
		b.simple(comment)
	}
	b.tick()
	seen, events := 0, 0
	for _, body := range b.rec.bodies {
		c, ok := body.(*event.Crossing)
		if !ok {
			continue
		}
		events++
		if len(c.Traces) > maxTraces || c.Count != 2*uint64(len(c.Traces)) || c.Parts[0].Rows != c.Count {
			t.Errorf("a crossing of %d executions and %d rows has %d traces", c.Count, c.Parts[0].Rows, len(c.Traces))
		}
		for _, id := range c.Traces {
			if want, _ := traceOf(seen); id != want {
				t.Errorf("trace %d is %s, want %s", seen, id, want)
			}
			seen++
		}
	}
	if seen != 2*maxTraces+1 || events != 3 {
		t.Errorf("%d traces in %d crossings", seen, events)
	}
}

// Every chunk of a crossing names the traces.
func TestTraceInChunks(t *testing.T) {
	b := newBench(t, nil)
	b.an.by[selectAll] = exactByColumn()
	one, first := traceOf(1)
	b.client(q(selectAll + first))
	b.server(desc(descCustomers...))
	for i := range 2 * maxRanges {
		b.server(row(fmt.Sprint(3*i), "a", "a@x")) // no two of them touch
	}
	b.server(done("SELECT"), ready('I'))
	b.tick()
	chunks := 0
	for _, body := range b.rec.bodies {
		if c, ok := body.(*event.Crossing); ok {
			chunks++
			if len(c.Traces) != 1 || c.Traces[0] != one {
				t.Errorf("chunk %d names %v", chunks, c.Traces)
			}
		}
	}
	if chunks < 2 {
		t.Errorf("%d chunks", chunks)
	}
}

func BenchmarkSimpleSelectTraced(tb *testing.B) {
	b := newBench(tb, nil)
	text := "SELECT name FROM customers WHERE id = 42"
	b.an.by[text] = exactByParam()
	_, comment := traceOf(1)
	if traceparent.InSQL([]byte(comment)) == (traceparent.ID{}) {
		tb.Fatal("no trace")
	}
	b.exchange(tb, q(text+comment), cat(desc(descCustomers[1]), row("a"), done("SELECT 1"), ready('I')))
}
