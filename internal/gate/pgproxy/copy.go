package pgproxy

import (
	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgcopy"
	"sekisho/internal/wire/pgwire"
)

// copyIn is a COPY FROM STDIN under way, or about to begin.
type copyIn struct {
	active  bool // the server reads COPY data
	exec    *execution
	reader  *pgcopy.Reader // nil: the rows are not read
	col     keyFormat
	counted uint64
}

// keyFormat is how the key of a COPY row is written.
type keyFormat struct {
	typ    uint32
	format int16
}

// copyOut is a COPY TO STDOUT under way.
type copyOut struct {
	reader *pgcopy.Reader // nil: rows are counted by message
	values [][]byte
}

// resolveCopy finds what a COPY carries: out, the rows of a table or query;
// in, the change of a table.
func (e *engine) resolveCopy(c *command) (*plan, *execution, bool) {
	if !c.copy.known || c.query == nil {
		return e.g.wideOf(c.shape, "copy"), nil, true
	}
	if reads, ok := e.evaluated(c); reads || !ok {
		return e.g.wideOf(c.shape, "function"), nil, ok
	}
	p, ok := e.plan(c, 0)
	if !ok {
		return nil, nil, false
	}
	switch {
	case c.copy.Where != sqlscan.CopyClient:
		return e.g.wideOf(c.shape, "server file"), nil, true
	case !c.copy.To:
		p = e.g.copyInPlan(p)
		if k := e.codeOf(c); (k == nil || k.code.Tests) && !e.g.switches.NoCode && len(e.g.Protected) > 0 {
			p = e.g.testedCopy(p)
		}
		return p, nil, true
	}
	return p, nil, true
}

// copyInPlan is the change that COPY FROM makes to the tables that a SELECT of
// the same columns reads. Nothing crosses.
func (g *shared) copyInPlan(p *plan) *plan {
	if q := p.copyIn.Load(); q != nil {
		return q
	}
	q := &plan{shape: p.shape, analysis: p.analysis}
	for i := range p.parts {
		t := &p.parts[i]
		w := write{protected: true, numbers: g.Numbers(t.source), ordinal: -1}
		w.Table, w.Source, w.Op = t.table, t.source, "copy"
		w.Others = true // what it is a partition of, a SELECT does not tell
		w.counter = g.changed.of(t.table)
		for _, k := range p.cols {
			if k.part == i && k.rest == nil {
				w.ordinal = k.ordinal
				w.typ = p.keyType(i)
			}
		}
		if t.class == event.Exact || p.opaque != "" || len(q.writes) == 0 {
			q.writes = append(q.writes, w)
		}
	}
	if len(q.writes) > 0 { // an error may tell of everything that is there
		for i := range p.parts {
			q.writes[0].Held |= p.parts[i].elements
			q.writes[0].HeldBy = appendPlace(q.writes[0].HeldBy, p.parts[i].table)
		}
	}
	p.copyIn.Store(q)
	return q
}

// testedCopy is p for a COPY FROM whose rows are tested by code that may read
// protected ones: that it succeeds or fails tells what the code read.
func (g *shared) testedCopy(p *plan) *plan {
	if q := p.tested.Load(); q != nil {
		return q
	}
	q := g.widePlan(p.shape, "constraint")
	q.analysis, q.writes = p.analysis, p.writes
	p.tested.Store(q)
	return q
}

// copyOutBegins handles CopyOutResponse.
func (e *engine) copyOutBegins(m *pgwire.Message) bool {
	head := e.queue.front()
	r, err := pgwire.DecodeCopyResponse(m.Body)
	if err != nil || head == nil || head.kind != expectQuery && head.kind != expectExecute {
		e.strayMessage(m)
		return true
	}
	x := e.running()
	if x == nil {
		e.strayMessage(m)
		return true
	}
	x.described, x.returns = true, true
	e.meets(x)
	if x.plan == nil {
		e.turnsOut(x, e.g.wideOf(x.shape, "unexpected copy"))
	}
	if x.plan.opaque == "" && x.plan.analysis != nil && r.Columns != len(x.plan.analysis.Columns) {
		e.widen(x, "copy columns")
	}
	x.out = e.newCopyOut(x, r, e.copyOf(head))
	e.meantFor(x)
	e.forward(head, m)
	return true
}

// copyOf is the COPY command of the statement under way.
func (e *engine) copyOf(head *expect) *copyCommand {
	if head.kind == expectQuery && head.query.at < len(head.query.steps) {
		return head.query.steps[head.query.at].copy
	}
	return head.copy
}

func (e *engine) newCopyOut(x *execution, r pgwire.CopyResponse, c *copyCommand) *copyOut {
	out := &copyOut{}
	if len(x.plan.cols) == 0 || c == nil {
		return out
	}
	if e.env.unsafeEncoding && !r.Binary {
		e.widen(x, "encoding")
		return out
	}
	if want, ok := copyOptions(c, r.Binary); ok {
		wanted := make([]int, 0, len(x.plan.cols))
		x.cols = x.cols[:0]
		format := pgwire.FormatText
		if r.Binary {
			format = pgwire.FormatBinary
		}
		for i := range x.plan.cols {
			k := x.plan.cols[i].ordinal
			if n := len(wanted); n == 0 || wanted[n-1] != k {
				wanted = append(wanted, k)
			}
			x.cols = append(x.cols, colFormat{x.plan.keyType(x.plan.cols[i].part), format})
		}
		out.reader = pgcopy.NewReader(want, wanted, 0)
		out.values = make([][]byte, len(wanted))
	}
	return out
}

// copyOptions are the reader's options for a COPY. The server says whether the
// format is binary; when the statement says otherwise, it is not trusted.
func copyOptions(c *copyCommand, binary bool) (o pgcopy.Options, ok bool) {
	switch c.Format {
	case sqlscan.CopyBinary:
		o.Format = pgcopy.Binary
	case sqlscan.CopyCSV:
		o.Format = pgcopy.CSV
	}
	o.Delimiter, o.Null, o.Quote, o.Escape, o.Header = c.Delimiter, c.Null, c.Quote, c.Escape, c.Header
	return o, c.known && binary == (c.Format == sqlscan.CopyBinary) && len(c.Encoding) == 0
}

// copyOutData handles CopyData of the server.
func (e *engine) copyOutData(m *pgwire.Message) bool {
	if e.discard {
		return true
	}
	x := e.rowExecution()
	if x == nil {
		return true
	}
	if x.plan.crosses() {
		if !e.start(x) {
			return e.waitDurably()
		}
		e.markRow(x)
		e.copyRows(x, m.Body)
	}
	if x.limits.on && e.overLimits(x) {
		return true
	}
	e.toClient.pass(m.Raw)
	return true
}

// copyRows attributes the rows in a CopyData.
func (e *engine) copyRows(x *execution, data []byte) {
	if x.out == nil || x.out.reader == nil {
		e.copyRow(x, nil)
		return
	}
	r := x.out.reader
	for len(data) > 0 {
		rest, ok, err := r.Next(data)
		if err != nil {
			x.out.reader = nil
			e.copyRow(x, nil)
			return
		}
		if !ok {
			return
		}
		data = rest
		e.copyRow(x, r)
	}
}

// copyRow counts one row of COPY TO; without a reader its subject is unknown.
func (e *engine) copyRow(x *execution, r *pgcopy.Reader) {
	p, s := x.plan, x.slot
	x.rows++
	e.rows++
	s.to = e.now()
	for _, i := range p.bounded {
		s.tallies[i].rows++
	}
	for i := range p.params {
		e.paramRow(x, i)
	}
	last, n := -1, -1
	for i := range p.cols {
		k := &p.cols[i]
		if r == nil {
			e.unnumbered(x, k)
			continue
		}
		if k.ordinal != last {
			last, n = k.ordinal, n+1
		}
		value, null, ok := r.AppendValue(e.scratch[:0], n)
		e.scratch = value[:0]
		switch {
		case !ok:
			e.unnumbered(x, k)
		case null: // the other columns of the row are not read
			s.tallies[k.part].rows++
			s.tallies[k.part].unknown++
		default:
			e.keyed(x, k, x.cols[i], value)
		}
	}
	if len(p.cols) > 0 && len(s.tallies[p.cols[0].part].subjects) >= maxTallied {
		e.spill(s)
	}
}

// copyPiece handles a CopyData of the server that is too large to be held: a
// row of that size is split over pieces, and the reader takes them as they
// come.
func (e *engine) copyPiece(m *pgwire.Message) bool {
	if e.discard {
		return true
	}
	x := e.rowExecution()
	if x == nil {
		return true
	}
	if x.plan.crosses() {
		if !e.start(x) {
			return e.waitDurably()
		}
		if e.overLong(x, m) {
			return true
		}
		e.passing(x, m)
		if x.out != nil && x.out.reader != nil || m.First {
			e.copyRows(x, m.Body)
		}
	}
	e.toClient.pass(m.Raw)
	if m.Last && x.limits.on {
		e.overSubjects(x)
	}
	return true
}

// copyInBegins handles CopyInResponse.
func (e *engine) copyInBegins(head *expect, m *pgwire.Message) {
	r, err := pgwire.DecodeCopyResponse(m.Body)
	if err != nil || head.kind != expectQuery && head.kind != expectExecute {
		e.strayMessage(m)
		return
	}
	if head.kind == expectExecute {
		e.dropCopySyncs()
	}
	in := e.copyIn
	if in == nil {
		in = &copyIn{}
		e.copyIn = in
	}
	in.active, in.exec = true, e.running()
	if x := in.exec; x != nil {
		x.described = true
		e.openCopyIn(in, x, r, e.copyOf(head))
	}
	e.forward(head, m)
}

// openCopyIn makes the reader of the rows that the client sends.
func (e *engine) openCopyIn(in *copyIn, x *execution, r pgwire.CopyResponse, c *copyCommand) {
	if x.plan == nil || len(x.plan.writes) != 1 || c == nil || in.counted > 0 {
		return
	}
	w := &x.plan.writes[0]
	o, ok := copyOptions(c, r.Binary)
	if !w.protected || w.ordinal < 0 || !ok || c.Filter || e.env.unsafeEncoding && !r.Binary {
		return
	}
	in.col = keyFormat{w.typ, pgwire.FormatText}
	if r.Binary {
		in.col.format = pgwire.FormatBinary
	}
	in.reader = pgcopy.NewReader(o, []int{w.ordinal}, 0)
}

// dropCopySyncs removes the Syncs right behind an Execute that turned out to be
// COPY FROM STDIN: the server reads and ignores them (CopyGetData in
// src/backend/commands/copyfromparse.c).
func (e *engine) dropCopySyncs() {
	for e.queue.n > 1 && e.queue.at(1).kind == expectSync {
		head := *e.queue.front()
		e.queue.pop()
		*e.queue.front() = head
		e.sent--
	}
	e.open = true
}

// copyInData passes a CopyData of the client on and takes its keys.
func (e *engine) copyInData(m *pgwire.Message) {
	in := e.copyIn
	if in == nil { // before CopyInResponse, or after an error: rows are not read
		in = &copyIn{}
		if !e.queue.empty() {
			e.copyIn = in
		}
	}
	in.counted++
	if in.reader != nil {
		e.copyInRows(in, m.Body)
	}
	e.toServer.pass(m.Raw)
}

func (e *engine) copyInRows(in *copyIn, data []byte) {
	x := in.exec
	t := &x.slot.changes[0]
	for len(data) > 0 {
		rest, ok, err := in.reader.Next(data)
		if err != nil {
			in.reader = nil
			return
		}
		if !ok {
			return
		}
		data = rest
		value, null, ok := in.reader.AppendValue(e.scratch[:0], 0)
		e.scratch = value[:0]
		n, known := uint32(0), false
		if ok && !null {
			n, known = e.number(x.plan.writes[0].numbers, in.col.typ, in.col.format, value)
		}
		if known {
			t.subjects = append(t.subjects, n)
			x.keyedRows++
		}
		e.touchChanges(x.slot)
		if len(t.subjects) >= maxTallied {
			e.writeChanges(x.slot)
		}
	}
}

// copyInPiece notes that rows passed that were not read.
func (e *engine) copyInPiece() {
	if e.copyIn != nil {
		e.copyIn.reader = nil
		e.copyIn.counted++
	}
}

// copyEnds forgets the COPY under way.
func (e *engine) copyEnds() { e.copyIn = nil }
