package pgproxy

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// insertion is text that the gate added to a statement, in characters of the
// text that the server got.
type insertion struct{ at, length int }

// injectedOf is the plan of p's statement with its keys in the result, or nil
// when they cannot be added.
func (e *engine) injectedOf(c *command, p *plan) *plan {
	if !e.g.Injection || e.g.switches.NoInjection || p == nil || p.analysis == nil || p.analysis.Injectable == nil ||
		c.st != c.query || c.st.Kind != sqlscan.Select || !c.st.Into.Empty() || p.shape.noInject.Load() {
		return nil
	}
	if q := p.injected.Load(); q != nil {
		return q
	}
	if readsItself(p.shape.canon) {
		p.shape.noInject.Store(true)
		return nil
	}
	in := p.analysis.Injectable
	if in.With == nil || len(in.Columns) == 0 {
		return nil
	}
	q := e.g.newPlan(p.shape, in.With)
	q.strip = len(in.Columns)
	p.injected.Store(q)
	return q
}

// readsItself says that a canonical text may return its own text as the server
// got it.
func readsItself(canon []byte) bool {
	return bytes.Contains(canon, []byte("current_query")) || bytes.Contains(canon, []byte("pg_stat_")) || bytes.Contains(canon, []byte("pg_prepared_statement"))
}

// inject gives the execution of a simple Query's statement the plan with keys.
func (e *engine) inject(c *command, x *execution) {
	if e.env.plain {
		return
	}
	if q := e.injectedOf(c, x.plan); q != nil {
		c.injection = x.plan.analysis.Injectable
		e.setPlan(x, q)
		e.bindParams(x, c, nil, nil)
		e.server.Hold = maxEditedRow
	}
}

// maxEditedRow is the largest row, in bytes, that the gate's own columns can be
// taken out of.
const maxEditedRow = 256 << 20

// rewriteQuery adds key columns to the statements of a simple Query that were
// given a plan with keys. nil means that the text stays as it is.
func (e *engine) rewriteQuery(text []byte, commands []command, q *query) []byte {
	var out []byte
	at := 0
	q.added = q.added[:0]
	for i := range commands {
		c := &commands[i]
		if c.injection == nil {
			continue
		}
		span := c.st.Span
		with, ok := c.injection.Insert(string(span.Of(text)))
		if !ok {
			e.widenInjected(q.steps[i].exec)
			continue
		}
		out = append(out, text[at:span.From]...)
		q.added = append(q.added, added(out, span.Of(text), with))
		out = append(out, with...)
		at = span.To
		e.g.metrics.Injected.Add(1)
	}
	if at == 0 {
		return nil
	}
	return append(out, text[at:]...)
}

// widenInjected takes a plan with keys back.
func (e *engine) widenInjected(x *execution) {
	x.plan.shape.noInject.Store(true)
	w := e.g.wideOf(x.shape, "injection")
	e.setPlan(x, w)
	x.nums = x.nums[:0]
}

// added says what with has that old has not, after the text before.
func added(before, old []byte, with string) insertion {
	n := 0
	for n < len(old) && n < len(with) && old[n] == with[n] {
		n++
	}
	return insertion{utf8.RuneCount(before) + utf8.RuneCount(old[:n]), utf8.RuneCountInString(with) - utf8.RuneCount(old)}
}

// rewriteParse adds key columns to a statement that is being prepared. out nil
// means that it stays as it is; ok is false when the message must wait.
func (e *engine) rewriteParse(s *prepared, p *pgwire.Parse) (out []byte, ok bool) {
	c := &s.command
	if c.st != nil && c.showsNames() && !e.plainNames() {
		return nil, false
	}
	if !e.g.Injection || e.g.switches.NoInjection || c.st == nil || c.st != c.query || c.st.Kind != sqlscan.Select || len(e.g.Protected) == 0 || e.lost != "" {
		return nil, true
	}
	if s.name != "" && (len(e.prepared) >= maxPrepared || e.heldMem+len(s.text) > maxPreparedText) {
		return nil, true // it would be forgotten
	}
	plan, ok := e.plan(c, 0)
	if !ok || plan.lineage() != nil && plan.lineage().Texts && !e.plainNames() {
		return nil, false
	}
	if e.env.plain || e.injectedOf(c, plan) == nil {
		return nil, true
	}
	in := plan.analysis.Injectable
	with, ok := in.Insert(string(c.st.Span.Of(s.text)))
	if !ok {
		return nil, true
	}
	s.injection, s.strip = in, len(in.Columns)
	out = append(out, s.text[:c.st.Span.From]...)
	s.added = added(out, c.st.Span.Of(s.text), with)
	e.client.Hold = maxEditedRow
	out = append(append(out, with...), s.text[c.st.Span.To:]...)
	e.server.Hold = maxEditedRow
	e.g.metrics.Injected.Add(1)
	return out, true
}

// showsNames says that a command makes a table or a plan of EXECUTE.
func (c *command) showsNames() bool {
	return c.st.Kind == sqlscan.Explain && c.st.Inner == sqlscan.Execute || c.query == nil && c.creates()
}

// showsTexts says that from c on the server may send the client, as notices, what
// it makes of the session's statements: their texts, parse trees and plans.
func (c *command) showsTexts() bool {
	if c.st.Kind != sqlscan.Set && !c.shape.sets {
		return false
	}
	text := bytes.ToLower(c.st.Span.Of(c.sql))
	return bytes.Contains(text, []byte("debug_print")) ||
		bytes.Contains(text, []byte("client_min_messages")) && (bytes.Contains(text, []byte("log")) || bytes.Contains(text, []byte("debug")))
}

// plainNames gives the session's named statements their own texts back where
// the gate had added columns, because what is sent next may show them: a table
// or a plan of EXECUTE, or the texts themselves. It returns false when the
// client's message must wait. In the middle of a pipeline it is too late.
func (e *engine) plainNames() bool {
	if head := e.queue.front(); head != nil && head.kind == expectProbe && e.queue.n == 1 {
		e.waitClient = waitProbe
		return false
	}
	if !e.queue.empty() || e.open || e.skip || e.copyIn != nil || e.tx == pgwire.TxFailed || e.lost != "" {
		return true
	}
	out := e.toServer.own()
	some := false
	for name, s := range e.prepared {
		if s.strip == 0 {
			continue
		}
		out = pgwire.AppendCloseStatement(out, []byte(name))
		out = pgwire.AppendParse(out, []byte(name), s.text, s.types)
		plain := *s // portals that are bound keep what they were bound with
		plain.injection, plain.strip, plain.added = nil, 0, insertion{}
		e.prepared[name], some = &plain, true
	}
	if !some {
		return true
	}
	e.toServer.buf = pgwire.AppendSync(out)
	e.queue.push(expect{kind: expectProbe, swallow: true})
	e.sent++
	e.waitClient = waitProbe
	return false
}

// boundInjected is the plan of a portal whose statement was prepared with key
// columns. When the statement means something else by now, the columns are
// still there and must not reach the client.
func (e *engine) boundInjected(s *prepared, p *plan) *plan {
	if p != nil && p.analysis != nil && p.analysis.Injectable != nil && slices.Equal(p.analysis.Injectable.Columns, s.injection.Columns) {
		if q := e.injectedOf(&s.command, p); q != nil {
			return q
		}
	}
	w := e.g.widePlan(s.command.shape, "injection")
	w.strip = s.strip
	return w
}

// injected says what was added to the statement of an answer.
func injected(head *expect) []insertion {
	switch {
	case head == nil:
		return nil
	case head.query != nil:
		return head.query.added
	case head.stmt != nil && head.stmt.strip > 0:
		return []insertion{head.stmt.added}
	case head.portal != nil && head.portal.stmt != nil && head.portal.stmt.strip > 0:
		return []insertion{head.portal.stmt.added}
	}
	return nil
}

// shifted passes an error on whose position counts the added text.
func (e *engine) shifted(list []insertion, m *pgwire.Message) {
	out, err := pgwire.AppendErrorEdited(e.toClient.own(), m.Type, m.Body, func(code byte, value []byte) ([]byte, bool) {
		if code != pgwire.FieldPosition {
			return value, true
		}
		pos := 0
		for _, c := range value {
			if c < '0' || c > '9' || pos > 1<<28 {
				return value, true
			}
			pos = pos*10 + int(c-'0')
		}
		delta := 0
		for _, in := range list {
			if pos-1 >= in.at {
				delta -= min(in.length, pos-1-in.at)
			}
		}
		return pgwire.ShiftPosition(value, delta), true
	})
	if err != nil {
		e.end(ErrProtocol)
		return
	}
	e.toClient.buf = out
}

// dropInjection stops adding columns to a statement that failed for what its
// text says or what the role may do.
func (g *shared) dropInjection(p *plan, code string) {
	if len(code) == 5 && code[:2] == "42" {
		p.shape.noInject.Store(true)
	}
}
