package pgproxy

import (
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/policy"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// verdict remembers what the policy said about a plan in this session.
type verdict struct {
	rules     *Rules
	statement policy.Statement
	bulk      policy.Bulk
	until     int64 // UTC ns; 0: for good
	decision  *policy.Decision
}

// refusal is what a client is told instead of an answer.
type refusal struct {
	id   string
	code string
	what string
	say  func(text string) string // nil: English
}

func (r *refusal) append(dst []byte) []byte {
	what, hint := r.what, "ask the operator of the gate and name the event "+r.id
	if r.say != nil {
		what, hint = r.say(what), r.say(hint)
	}
	return pgwire.AppendError(dst, pgwire.ErrorInfo{Code: r.code, Message: what, Hint: hint})
}

// say is how words to this client are put; nil: as they are.
func (e *engine) say() func(string) string {
	if e.env.encoding != "UTF8" {
		return nil
	}
	return e.g.say
}

func (e *engine) rules() *Rules { return e.g.current.Load() }

// permit asks the policy about a command whose execution is x. It returns what
// to refuse with, or nil.
func (e *engine) permit(c *command, x *execution) *refusal {
	x.asked, x.again, x.kind = true, false, statementOf(c)
	if ch, on := e.channelOf(c, x); on {
		if d := e.decideChannel(ch); d.Action != policy.Allow {
			if r := e.act(&d, x.shape); r != nil {
				return r
			}
		}
	}
	p := x.plan
	if p == nil || !p.crosses() {
		return nil
	}
	bulk := e.bulkOf(c, x)
	d := e.decide(x, bulk)
	if bulk == policy.BulkCopy && len(d.Masks) > 0 { // its rows are not edited
		out := d.Unmasked(e.rules().Mode)
		d = &out
	}
	x.verdict = d
	if r := e.act(d, x.shape); r != nil {
		return r
	}
	x.limits.set(d)
	return nil
}

// decide returns the policy's decision on an execution's rows, remembered as
// long as neither the policy nor a grant changes.
func (e *engine) decide(x *execution, bulk policy.Bulk) *policy.Decision {
	r, v, st := e.rules(), &x.slot.verdict, x.kind
	if v.decision != nil && v.rules == r && v.statement == st && v.bulk == bulk && (v.until == 0 || e.clock < v.until) {
		return v.decision
	}
	q := e.request(r)
	q.Statement, q.Bulk, q.Attributable = st, bulk, x.plan.attributable()
	q.Reads = e.reads(x.plan)
	d := r.Policy.Decide(q)
	v.rules, v.statement, v.bulk, v.decision, v.until = r, st, bulk, &d, 0
	if len(r.Grants) > 0 { // a grant that begins or ends changes the answer
		v.until = e.clock + int64(time.Second)
		if !d.Until.IsZero() {
			v.until = min(v.until, d.Until.UnixNano())
		}
	}
	return &d
}

func (e *engine) request(r *Rules) policy.Request {
	return policy.Request{User: e.who.User, Address: e.who.Address, Database: e.g.Database, Mode: r.Mode,
		Now: time.Unix(0, e.clock).UTC(), Grants: r.Grants, Statement: policy.Select}
}

// reads lists the tables and elements of a plan.
func (e *engine) reads(p *plan) (out []policy.Read) {
	seen := map[string]int{}
	for _, q := range p.parts {
		name := e.g.relation(q.table)
		if i, ok := seen[name]; ok {
			out[i].Elements |= q.elements
			continue
		}
		seen[name] = len(out)
		out = append(out, policy.Read{Table: name, Elements: q.elements})
	}
	return out
}

func statementOf(c *command) policy.Statement {
	if c == nil {
		return policy.Fetch
	}
	switch c.st.Kind {
	case sqlscan.Fetch:
		return policy.Fetch
	case sqlscan.Copy:
		if c.copy.known && !c.copy.To {
			return policy.Write
		}
		return policy.Copy
	case sqlscan.Insert, sqlscan.Update, sqlscan.Delete, sqlscan.Merge:
		return policy.Write
	case sqlscan.Call, sqlscan.Do:
		return policy.Call
	}
	return policy.Select
}

func (e *engine) bulkOf(c *command, x *execution) policy.Bulk {
	switch {
	case c == nil || c.st == nil:
		return policy.NotBulk
	case c.copy != nil && c.copy.To:
		return policy.BulkCopy
	case c.query != nil && x.shape.whole && x.plan.opaque == "" && x.plan.analysis != nil && !x.plan.analysis.Aggregate:
		return policy.BulkTable
	}
	return policy.NotBulk
}

// channelOf says by which channel other than rows a command can carry data.
func (e *engine) channelOf(c *command, x *execution) (policy.Channel, bool) {
	if c == nil || c.st == nil {
		return 0, false
	}
	switch k := c.st.Kind; {
	case c.copy != nil && c.copy.known && c.copy.Where == sqlscan.CopyProgram:
		return policy.Program, true
	case c.copy != nil && c.copy.known && c.copy.Where == sqlscan.CopyFile:
		return policy.ServerFile, true
	case k == sqlscan.Call, k == sqlscan.Do:
		return policy.Function, true
	}
	if x.plan == nil || x.plan.analysis == nil {
		return 0, false
	}
	switch x.plan.opaque {
	case "function":
		return policy.Function, true
	case "catalogue":
		return policy.Catalogue, true
	case "setting":
		return policy.Setting, true
	case "notify":
		return policy.Notify, true
	case "server file":
		return policy.ServerFile, true
	case "large object":
		return policy.LargeObject, true
	}
	return 0, false
}

// decideChannel asks about a channel, whatever the tables.
func (e *engine) decideChannel(ch policy.Channel) policy.Decision {
	r := e.rules()
	q := e.request(r)
	q.Channel = ch
	return r.Policy.Decide(q)
}

// permitFunction asks about a fast-path call.
func (e *engine) permitFunction(m *pgwire.Message) *refusal {
	ch := policy.Fastpath
	if f, err := pgwire.DecodeFunctionCall(m.Body); err == nil && largeObject(f.Function) {
		ch = policy.LargeObject
	}
	d := e.decideChannel(ch)
	return e.act(&d, e.g.fastpathShape)
}

// largeObject lists the functions that libpq's large object interface calls by
// the fast path (pg_proc.dat: lo_open, lo_close, loread, lowrite, lo_lseek,
// lo_creat, lo_tell, lo_unlink, lo_truncate, lo_create, lo_lseek64, lo_tell64,
// lo_truncate64).
func largeObject(oid uint32) bool {
	switch oid {
	case 952, 953, 954, 955, 956, 957, 958, 964, 1004, 715, 3170, 3171, 3172:
		return true
	}
	return false
}

// act records a decision that is not a plain allow and returns the refusal.
func (e *engine) act(d *policy.Decision, s *shape) *refusal {
	if d.Action == policy.Allow && len(d.Masks) == 0 {
		return nil
	}
	ev := &event.Decision{Session: e.session, Statement: s.id, Action: d.Action.String(), Rule: d.Rule, Reason: d.Reason,
		Policy: string(d.Digest), Code: d.Code, ID: e.g.NewID()}
	if d.Action == policy.Allow {
		ev.Action = "mask"
	}
	if !e.stated(s) {
		e.submit(&event.Statement{Statement: s.id, Text: s.text})
	}
	e.submit(ev)
	if d.Action != policy.Refuse || e.fatal != nil {
		return nil
	}
	e.g.metrics.Refused.Add(1)
	return &refusal{id: ev.ID, code: d.Code, what: "the gate's policy refuses this statement", say: e.say()}
}

// stated marks a shape as recorded and says whether it was.
func (e *engine) stated(s *shape) bool { return s.stated.Swap(true) }

// failingText is refused by every server in every transaction state, so that
// the transaction fails as it would have by an error of the server's own.
const failingText = "sekisho refused"

// failingPortal does not exist: Execute of it fails without side effects.
var failingPortal = []byte("sekisho refused")

// refuseQuery sends a statement that fails in the place of a simple Query.
func (e *engine) refuseQuery(r *refusal) {
	e.toServer.buf = pgwire.AppendQuery(e.toServer.own(), failingText)
	e.dropUnnamed()
	e.queue.push(expect{kind: expectQuery, query: &query{}, refuse: r})
	e.sent++
	e.open = false
}

// refuseExtended sends an Execute that fails in the place of the client's; the
// server then skips to Sync, as the client expects.
func (e *engine) refuseExtended(r *refusal) {
	e.toServer.buf = pgwire.AppendExecute(e.toServer.own(), failingPortal, 0)
	e.expectExtended(expect{kind: expectExecute, refuse: r})
}

// limits counts what one execution may pass.
type limits struct {
	on     bool
	caps   *policy.Caps
	seen   map[person]struct{}
	before []tally // of the slot, before the row at hand was counted
}

func (l *limits) set(d *policy.Decision) {
	*l = limits{}
	if !d.Caps.None() {
		l.on, l.caps = true, &d.Caps
	}
}

// sessionLimits counts what a session passed.
type sessionLimits struct {
	rows uint64
	seen map[person]struct{}
}

// person is a subject of one source.
type person struct {
	source event.SubjectSource
	number uint32
}

// markRow remembers the tallies: the row that exceeds a cap is counted to be
// found out, and does not pass.
func (e *engine) markRow(x *execution) {
	if !x.limits.on {
		return
	}
	s := x.slot
	if n := len(x.plan.cols); n > 0 && len(s.tallies[x.plan.cols[0].part].subjects)+n >= maxTallied {
		e.writeCrossings(s, event.OutcomeBucket, true) // here, so that counting the row does not
		s.count = 0
	}
	x.limits.before = append(x.limits.before[:0], s.tallies...)
}

// unmarkRow takes the row at hand out of the tallies again.
func (x *execution) unmarkRow() {
	if x.slot != nil && len(x.limits.before) == len(x.slot.tallies) {
		copy(x.slot.tallies, x.limits.before)
	}
}

// overLimits counts a row and cuts the statement when a cap is exceeded. It
// returns true when the row must not pass.
func (e *engine) overLimits(x *execution) bool { return e.overRows(x, x.rows) || e.overSubjects(x) }

// over cuts the statement when n exceeds a cap.
func (e *engine) over(x *execution, c policy.Cap, n uint64, what string) bool {
	if !c.Exceeded(n) {
		return false
	}
	d := x.verdict.Over(e.rules().Mode, c, what)
	x.limits.on = d.Action == policy.Refuse
	r := e.act(&d, x.shape)
	if r != nil {
		r.what = "the gate's policy ends this statement: it passed a limit"
		x.unmarkRow()
		e.cut(x, r)
	}
	return r != nil
}

// overRows counts a row, of which rows of the statement have passed with it.
func (e *engine) overRows(x *execution, rows uint64) bool {
	caps := x.limits.caps
	e.limits.rows++
	hour := e.g.hours.add(e.who.User, e.clock, 1)
	return e.over(x, caps.StatementRows, rows, "rows in a statement") || e.over(x, caps.SessionRows, e.limits.rows, "rows in a session") ||
		e.over(x, caps.HourRows, hour, "rows in an hour") || !x.plan.attributable() && e.over(x, caps.UnattributableRows, rows, "rows of unknown persons")
}

// overSubjects counts whose the row at hand is.
func (e *engine) overSubjects(x *execution) bool {
	caps := x.limits.caps
	if caps.StatementSubjects.Max == policy.NoLimit && caps.SessionSubjects.Max == policy.NoLimit && caps.HourSubjects.Max == policy.NoLimit {
		return false
	}
	if x.limits.seen == nil {
		x.limits.seen = map[person]struct{}{}
	}
	if e.limits.seen == nil {
		e.limits.seen = map[person]struct{}{}
	}
	hour := uint64(0)
	for i := range x.slot.tallies {
		if t := &x.slot.tallies[i]; t.any {
			who := person{x.plan.parts[i].source, t.last}
			x.limits.seen[who], e.limits.seen[who] = struct{}{}, struct{}{}
			hour = e.g.hours.subject(e.who.User, e.clock, who)
		}
	}
	return e.over(x, caps.StatementSubjects, uint64(len(x.limits.seen)), "persons in a statement") ||
		e.over(x, caps.SessionSubjects, uint64(len(e.limits.seen)), "persons in a session") ||
		e.over(x, caps.HourSubjects, hour, "persons in an hour")
}

// overLong is overLimits of a row that passes in pieces. Before the first one
// its rows are counted, and nothing of it passes when it is one too many; whose
// it is shows when it has passed, and then it is the last one.
func (e *engine) overLong(x *execution, m *pgwire.Message) bool {
	if !x.limits.on {
		return false
	}
	if m.First {
		e.markRow(x)
		if e.overRows(x, x.rows+1) {
			return true
		}
	}
	x.limits.before = x.limits.before[:0] // it passes, and counts
	return false
}

// cut ends the statement under way: the client gets an error, the server's
// remaining rows are thrown away, and a CancelRequest goes out. The session
// goes on.
func (e *engine) cut(x *execution, r *refusal) {
	e.toClient.buf = r.append(e.toClient.own())
	e.discard, e.cutting, e.canceled = true, r, true
	if head := e.queue.front(); head != nil && !producesReady(head.kind) && !e.syncAhead() {
		e.skip, e.dropping = true, true
	}
	if x != nil && x.slot != nil && x.slot.open {
		e.closeBucket(x.slot, event.OutcomeCut)
	}
	e.g.metrics.Cut.Add(1)
	e.cancel()
}

// syncAhead says that a Sync is among what the server was sent.
func (e *engine) syncAhead() bool {
	for i := range e.queue.n {
		if e.queue.at(i).kind == expectSync {
			return true
		}
	}
	return false
}

// cancelDone is called when the CancelRequest was delivered.
func (e *engine) cancelDone() {
	e.canceled = false
	e.resumeServer()
}

// failTransaction makes the server fail the transaction that a cut statement
// ran in, when the cancel came too late: the client was told of an error.
func (e *engine) failTransaction(head *expect) {
	e.toServer.buf = pgwire.AppendQuery(e.toServer.own(), failingText)
	e.drop(head)
	e.answered++
	e.queue.push(expect{kind: expectQuery, query: &query{}})
	e.sent++
}

// planMasks says which columns of x are hidden and how.
func (x *execution) planMasks(fields []pgwire.Field) {
	x.masks, x.text = x.masks[:0], x.text[:0]
	a := x.plan.analysis
	hidden := false
	for i := range fields {
		method := policy.Plain
		if a == nil || x.plan.opaque != "" {
			method = policy.Null
		} else if i < len(a.Columns) {
			c := &a.Columns[i]
			for _, entry := range c.Entries {
				if entry < len(a.Entries) {
					method = max(method, x.verdict.Mask(x.relation(a.Entries[entry].Table), c.Elements))
				}
			}
		}
		hidden = hidden || method != policy.Plain
		x.masks = append(x.masks, method)
		x.text = append(x.text, fields[i].Format == pgwire.FormatText && characterType(fields[i].Type))
	}
	if !hidden {
		x.masks = x.masks[:0]
	}
}

func (x *execution) relation(p event.Place) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return string(p[i+1:])
		}
	}
	return string(p)
}

func characterType(oid uint32) bool {
	return oid == pgwire.OIDText || oid == pgwire.OIDVarchar || oid == pgwire.OIDBpchar
}

// editedRow passes a row on without the gate's own columns and with values
// hidden.
func (e *engine) editedRow(x *execution, m *pgwire.Message) {
	out, err := pgwire.AppendRowEdited(e.toClient.own(), pgwire.Row(m.Body), x.plan.strip, func(k int, value []byte) ([]byte, bool) {
		if k >= len(x.masks) || x.masks[k] == policy.Plain || value == nil {
			return nil, false
		}
		hidden, null := x.masks[k].Apply(e.scratch[:0], value, x.text[k])
		if null {
			return nil, true
		}
		e.scratch = hidden
		return hidden, true
	})
	if err != nil {
		e.end(ErrProtocol)
		return
	}
	e.toClient.buf = out
}

// elementsOf is every element of the protected tables.
func (g *shared) elementsOf() (m element.Mask) {
	for i := range g.Protected {
		m |= g.Protected[i].Elements
	}
	return m
}
