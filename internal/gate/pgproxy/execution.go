package pgproxy

import (
	"encoding/binary"

	"sekisho/internal/event"
	"sekisho/internal/policy"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// execution is one run of one statement: of a portal, or of a statement in a
// simple Query. It decides for every row whose it is.
type execution struct {
	shape *shape
	plan  *plan // nil: the statement returns no rows and changes nothing of ours
	slot  *slot

	// formats of plan.cols, in step with it, from the portal's own
	// RowDescription.
	cols []colFormat
	// nums are the subjects of plan.params, in step with it.
	nums []paramNumber
	// at is when it was given its plan; cursor is what FETCH will copy from, of
	// DECLARE; made are the relations that it makes of its rows.
	at     moment
	cursor *execution
	made   []event.Place
	// described: the RowDescription of this very execution was seen, or NoData.
	described bool
	silent    bool // it has no plan and can tell nothing
	// rows delivered so far, over all buckets and resumptions.
	rows uint64
	// counted says that the open bucket counts this execution.
	counted event.Seq
	begun   bool
	trace   traceparent.ID // that its client says it is part of

	verdict *policy.Decision
	masks   []policy.Method // by column; empty when nothing is masked
	text    []bool          // by column: a character string in text format
	limits  limits
	// The policy was asked about it, as a statement of this kind; again: it means
	// something else since.
	asked, again bool
	kind         policy.Statement
	returns      bool // a result of rows was announced

	refs     int // queue items and portals that hold it
	out      *copyOut
	long     pgwire.RowStream // a row too large to be held
	launders string           // why its success may copy protected data anywhere
	ran      bool             // such code may have run, also when it failed
	known    bool             // what its code writes is known, and was dealt with
	// transaction is the name of the two-phase transaction that it prepares or ends.
	transaction string
	locked      []event.Place // by the transaction that it prepares, while that is not known
	target      string        // of a write that was not analysed: what it names
	keyedRows   uint64        // of COPY FROM: rows whose subject is known
	reach       reach         // which change counters it moves
	wrote       *plan         // whose writes they are
}

type colFormat struct {
	typ    uint32
	format int16
}

// describe checks a RowDescription against the analysis and learns the formats.
// A mismatch makes the execution bounded over everything.
func (e *engine) describe(x *execution, body []byte) {
	e.meets(x)
	x.described, x.returns = true, true
	p := x.plan
	if p == nil {
		p = e.g.wideOf(x.shape, "unexpected result")
		e.turnsOut(x, p)
	}
	if known := p.described.Load(); known != nil && sameDescription(*known, body) {
		if len(p.cols) > 0 || x.needsFormats() {
			e.learnFormats(x, body)
		}
		return
	}
	fields, err := pgwire.DecodeRowDescription(body, e.fields[:0])
	e.fields = fields[:0]
	if err != nil {
		e.widen(x, "row description")
		return
	}
	if p.opaque == "" && !p.explain && !e.g.switches.NoLineageCheck && !matches(p, fields) {
		e.g.invalidate(p)
		e.find("SK3101", "the server describes another result than its analysis: the statement is bounded")
		e.widen(x, "lineage mismatch")
		return
	}
	own := append([]byte(nil), body...)
	p.described.Store(&own)
	x.learn(fields)
}

func (e *engine) learnFormats(x *execution, body []byte) {
	fields, err := pgwire.DecodeRowDescription(body, e.fields[:0])
	e.fields = fields[:0]
	if err != nil {
		e.widen(x, "row description")
		return
	}
	x.learn(fields)
}

// sameDescription reports whether two RowDescriptions are the same bytes.
func sameDescription(a, b []byte) bool { return string(a) == string(b) }

func (x *execution) needsFormats() bool { return x.verdict != nil && len(x.verdict.Masks) > 0 }

func (x *execution) learn(fields []pgwire.Field) {
	x.cols = x.cols[:0]
	for i := range x.plan.cols {
		f := colFormat{}
		if k := x.plan.cols[i].ordinal; k < len(fields) {
			f = colFormat{fields[k].Type, fields[k].Format}
		}
		x.cols = append(x.cols, f)
	}
	if x.needsFormats() {
		x.planMasks(fields)
	}
}

// matches compares what the server describes with what was analysed.
func matches(p *plan, fields []pgwire.Field) bool {
	cols := p.analysis.Columns
	if len(fields) != len(cols) {
		return false
	}
	for i := range cols {
		c := &cols[i]
		if c.Att == -1 {
			continue
		}
		if uint32(c.Rel) != fields[i].Table || c.Att != fields[i].Attribute {
			return false
		}
	}
	return true
}

// widen bounds x over every protected table.
func (e *engine) widen(x *execution, reason string) {
	if x.plan != nil && x.plan.opaque != "" {
		return
	}
	w := e.g.wideOf(x.shape, reason)
	if x.plan != nil && x.plan.strip > 0 { // the client still must not see them
		w = e.g.widePlan(x.shape, reason)
		w.strip = x.plan.strip
	}
	e.turnsOut(x, w)
	x.cols, x.nums = x.cols[:0], x.nums[:0]
}

// turnsOut gives x a plan that the policy was not asked about.
func (e *engine) turnsOut(x *execution, p *plan) {
	e.setPlan(x, p)
	x.again, x.masks = true, x.masks[:0]
}

func (e *engine) setPlan(x *execution, p *plan) {
	x.plan, x.slot = p, nil
	if p != nil {
		x.slot = e.slotOf(p)
	}
}

// start makes sure that the intent of x is recorded. It returns false when the
// caller must wait, or the session is ending.
func (e *engine) start(x *execution) bool {
	s := x.slot
	if s == nil {
		return true
	}
	if len(s.traces) >= maxTraces && s.fullOf(x.trace) {
		e.closeBucket(s, event.OutcomeBucket)
	}
	if s.open && s.rested > x.at.rested {
		if restedBefore(x.at.rested, s.from) != 0 { // the intent says less
			e.closeBucket(s, event.OutcomeBucket)
		} else {
			s.rested = x.at.rested
		}
	}
	if !s.open || !s.safe {
		if !e.openBucket(s, x.trace, x.at.rested) {
			return false
		}
	}
	if x.counted != s.intent || !x.begun {
		x.counted, x.begun = s.intent, true
		s.count++
		s.traced(x.trace)
	}
	return true
}

// row attributes one DataRow. The intent is recorded already.
func (e *engine) row(x *execution, body []byte) {
	p, s := x.plan, x.slot
	x.rows++
	s.to = e.now()
	for _, i := range p.bounded {
		s.tallies[i].rows++
	}
	for i := range p.params {
		e.paramRow(x, i)
	}
	if len(p.cols) == 0 {
		return
	}
	if len(x.cols) != len(p.cols) || len(body) < 2 {
		for i := range p.cols {
			e.unnumbered(x, &p.cols[i])
		}
		return
	}
	at, col := 2, 0
	for i := range p.cols {
		k := &p.cols[i]
		for ; col < k.ordinal && len(body)-at >= 4; col++ {
			n := int(int32(binary.BigEndian.Uint32(body[at:])))
			at += 4
			if n > 0 {
				at += n
			}
		}
		if len(body)-at < 4 {
			e.unnumbered(x, k)
			continue
		}
		n := int(int32(binary.BigEndian.Uint32(body[at:])))
		if n < 0 {
			e.nullKey(x, k, body)
			continue
		}
		if n > len(body)-at-4 {
			e.unnumbered(x, k)
			continue
		}
		e.keyed(x, k, x.cols[i], body[at+4:at+4+n])
	}
	if len(s.tallies[p.cols[0].part].subjects) >= maxTallied {
		e.spill(s)
	}
}

func (e *engine) keyed(x *execution, k *keyCol, f colFormat, value []byte) {
	p, s := x.plan, x.slot
	if k.rest != nil {
		if n, ok := e.identifies(x, k, value); ok {
			s.tallies[k.part].add(n)
		} else {
			s.countAll(k.rest)
		}
		return
	}
	t := &s.tallies[k.part]
	if n, ok := e.number(p.parts[k.part].numbers, f.typ, f.format, value); ok {
		t.add(n)
		return
	}
	t.lost++
}

// unnumbered counts a row whose key could not be read: it may be anybody's.
func (e *engine) unnumbered(x *execution, k *keyCol) {
	if k.rest != nil {
		x.slot.countAll(k.rest)
		return
	}
	x.slot.tallies[k.part].lost++
}

// countAll counts one row for each of the parts.
func (s *slot) countAll(parts []int) {
	for _, i := range parts {
		s.tallies[i].rows++
	}
}

// nullKey handles a row whose key is NULL. When every protected column that
// draws from the entry is NULL too, an outer join found nobody and nothing
// crossed; otherwise the row is of somebody without a number.
func (e *engine) nullKey(x *execution, k *keyCol, body []byte) {
	if k.rest != nil {
		x.slot.countAll(k.rest)
		return
	}
	entry := x.plan.entryOf(k.part)
	if entry < 0 {
		e.unnumbered(x, k)
		return
	}
	row := pgwire.Row(body)
	for i := range x.plan.analysis.Columns {
		c := &x.plan.analysis.Columns[i]
		if c.Elements == 0 || !contains(c.Entries, entry) {
			continue
		}
		if v, ok := row.Column(i); v != nil || !ok {
			x.slot.tallies[k.part].rows++
			x.slot.tallies[k.part].unknown++
			return
		}
	}
}

// answered counts an execution that tells something also without a row.
func (x *execution) answered() {
	for _, i := range x.plan.bounded {
		x.slot.tallies[i].hit = true
	}
	if x.rows == 0 {
		x.slot.countAll(x.plan.pinned)
	}
}

// finish ends an execution: done, suspended, failed or cut.
func (e *engine) finish(x *execution, why event.Outcome, affected int64) {
	if x != nil && x.reach != reachNone {
		e.wrote(x, why, affected)
	}
	if x == nil {
		return
	}
	if why == event.OutcomeFailed {
		e.takesLocksBack(x)
	}
	if x.slot == nil { // it is about nobody's rows
		if why == event.OutcomeFailed && x.launders != "" {
			e.failedCode(x)
		}
		return
	}
	if why != event.OutcomeFailed {
		if x.plan.code() == codeSuccess && !x.known {
			e.runCode(x, launderCode)
		}
		e.laundered(x)
	} else {
		e.failedCode(x)
	}
	if affected > 0 && why == event.OutcomeDone {
		if x.plan.opaque != "" {
			e.unknownWrite(x, uint64(affected))
		}
		e.changes(x, uint64(affected))
	}
	if why != event.OutcomeDone && len(x.plan.whole) > 0 && x.rows > 0 && x.slot.open {
		x.slot.countAll(x.plan.whole)
	}
	if e.g.Strict {
		e.closeBucket(x.slot, why)
	}
}

// changes counts the rows that a statement changed in protected tables.
func (e *engine) changes(x *execution, affected uint64) {
	for i := range x.plan.writes {
		w := &x.plan.writes[i]
		if !w.protected {
			continue
		}
		t := &x.slot.changes[i]
		if x.keyedRows > 0 { // COPY FROM: the rows told their keys
			t.rows += affected
			t.unknown += affected - min(affected, x.keyedRows)
		} else {
			e.changedKeys(x, w, t, affected)
		}
		e.touchChanges(x.slot)
	}
}

func (e *engine) touchChanges(s *slot) {
	if s.changed {
		return
	}
	s.changed = true
	e.opened(s)
}

// changedKeys counts the subjects whose rows a statement changed, when
// parameters name them.
func (e *engine) changedKeys(x *execution, w *write, t *tally, affected uint64) {
	t.rows += affected
	if len(w.params) == 0 {
		t.unknown += affected
		return
	}
	for _, k := range w.params {
		n, ok := e.changedKey(x, w, k)
		if ok {
			t.subjects = append(t.subjects, n)
		} else {
			t.unknown++
		}
	}
}

func (e *engine) changedKey(x *execution, w *write, k int) (uint32, bool) {
	if k >= len(x.nums) || x.nums[k].null {
		return 0, false
	}
	n := &x.nums[k]
	if !n.resolved {
		n.resolved = true
		n.number, n.ok = e.number(w.numbers, w.typ, n.format, n.value)
	}
	return n.number, n.ok
}

// stream begins a row that is too large to be held.
func (x *execution) stream(p *plan) {
	x.long.Want = x.long.Want[:0]
	for i := range p.cols {
		k := p.cols[i].ordinal
		if n := len(x.long.Want); n == 0 || x.long.Want[n-1] != k {
			x.long.Want = append(x.long.Want, k)
		}
	}
	x.long.Begin()
}

// longRow attributes a row that passed in pieces.
func (e *engine) longRow(x *execution) {
	p, s := x.plan, x.slot
	x.rows++
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
		if k.ordinal != last {
			last, n = k.ordinal, n+1
		}
		v, ok := x.long.Value(n)
		switch {
		case !ok || !x.long.Done() || len(x.cols) != len(p.cols):
			e.unnumbered(x, k)
		case v == nil:
			s.tallies[k.part].rows++
			s.tallies[k.part].unknown++
		default:
			e.keyed(x, k, x.cols[i], v)
		}
	}
}

func contains(list []int, v int) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}
