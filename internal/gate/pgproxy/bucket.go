package pgproxy

import (
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/traceparent"
)

// tally is what one part of an open bucket gathered.
type tally struct {
	rows, unknown uint64
	lost          uint64 // rows that may be anybody's
	hit           bool   // it counts although no row came
	last          uint32
	any           bool // last holds a number
	subjects      []uint32
}

func (t *tally) add(n uint32) {
	t.rows++
	if t.any && t.last == n {
		return
	}
	t.last, t.any = n, true
	t.subjects = append(t.subjects, n)
}

// maxTallied bounds the numbers that a tally holds before they are made a set.
const maxTallied = 1 << 15

// slot is a session's view of one plan: its open bucket and what the policy
// said. It outlives buckets so that their memory is used again.
type slot struct {
	plan    *plan
	open    bool
	safe    bool // the intent has reached the level that rows wait for
	intent  event.Seq
	from    int64 // UTC ns
	to      int64
	rested  int64 // the earliest of its executions
	count   uint64
	tallies []tally
	changes []tally // of plan.writes
	changed bool
	listed  bool // in engine.openSlots

	traces  []traceparent.ID // of the executions in the bucket, each once
	seen    element.Mask     // what content named, for bounded buckets
	sampled int              // rows looked into in this bucket

	verdict verdict
}

// maxSlots bounds the plans that a session remembers.
const maxSlots = 256

func (e *engine) slotOf(p *plan) *slot {
	if s := e.lastSlot; s != nil && s.plan == p {
		return s
	}
	s := e.slots[p]
	if s == nil {
		if len(e.slots) >= maxSlots {
			e.evictSlots()
		}
		s = &slot{plan: p, tallies: make([]tally, len(p.parts)), changes: make([]tally, len(p.writes))}
		e.slots[p] = s
	}
	e.lastSlot = s
	return s
}

// evictSlots forgets the slots without an open bucket; executions that still
// point at one keep it.
func (e *engine) evictSlots() {
	for p, s := range e.slots {
		if !s.open && !s.changed {
			delete(e.slots, p)
		}
	}
	e.lastSlot = nil
	if len(e.slots) >= maxSlots {
		e.closeBuckets(event.OutcomeBucket)
		clear(e.slots)
	}
}

// openBucket records the intent of s for an execution of a trace. It returns
// false when rows must wait (strict), or when recording failed and the session
// ends.
func (e *engine) openBucket(s *slot, trace traceparent.ID, rested int64) bool {
	if s.open {
		return s.safe
	}
	p := s.plan
	now := e.now()
	intent := &event.Intent{Session: e.session, Statement: p.shape.id, From: now, Since: restedBefore(rested, now), Parts: make([]event.Part, len(p.parts)), Trace: trace.String()}
	s.rested = rested
	for i := range p.parts {
		q := &p.parts[i]
		intent.Parts[i] = event.Part{Table: q.table, Source: q.source, Elements: q.elements, Class: q.class, Reason: q.reason}
	}
	var bodies [2]event.Body
	list := bodies[:0]
	first := !p.shape.stated.Load()
	if first {
		list = append(list, &event.Statement{Statement: p.shape.id, Text: p.shape.text})
	}
	list = append(list, intent)
	level, done := event.Written, (func(error))(nil)
	if e.g.Strict {
		level, done = event.Durable, e.durable()
	}
	seq, err := e.rec.Submit(level, done, list...)
	if err != nil {
		if done != nil {
			e.awaiting--
		}
		e.recorderFailed(err)
		if e.g.Fail != FailOpen {
			return false
		}
		s.open, s.safe, s.intent, s.from, s.to = true, true, 0, now, now
		e.opened(s)
		return true
	}
	e.recorderWorks()
	if first {
		p.shape.stated.Store(true)
		seq++
	}
	s.open, s.intent, s.from, s.to = true, seq, now, now
	if done != nil {
		e.collectAcks()
	}
	s.safe = done == nil || e.awaiting == 0
	if !s.safe {
		e.unsafe = append(e.unsafe, s)
	}
	e.opened(s)
	return s.safe
}

func (e *engine) opened(s *slot) {
	if !s.listed {
		s.listed = true
		e.openSlots = append(e.openSlots, s)
	}
	if e.deadline == 0 {
		e.deadline = e.now() + int64(e.g.Bucket)
	}
}

// closeBuckets records what every open bucket gathered. The intent of a row
// that is passing in pieces stays open: whose it is shows at its end.
func (e *engine) closeBuckets(why event.Outcome) {
	var passing *slot
	if x := e.long; x != nil && x.slot != nil && x.slot.open && why == event.OutcomeBucket {
		passing = x.slot
		e.writeCrossings(passing, why, true)
		passing.count = 0
	}
	for _, s := range e.openSlots {
		s.listed = false
		if s != passing {
			e.writeBucket(s, why)
		}
	}
	clear(e.openSlots)
	e.openSlots = e.openSlots[:0]
	e.deadline = 0
	if passing != nil {
		e.opened(passing)
	}
}

// closeBucket records one bucket; strict sessions do so at each statement's end.
func (e *engine) closeBucket(s *slot, why event.Outcome) {
	if i := slices.Index(e.openSlots, s); i >= 0 {
		s.listed = false
		e.writeBucket(s, why)
		e.openSlots = slices.Delete(e.openSlots, i, i+1)
	}
	if len(e.openSlots) == 0 {
		e.deadline = 0
	}
}

func (e *engine) writeBucket(s *slot, why event.Outcome) {
	if s.changed {
		e.writeChanges(s)
	}
	if !s.open {
		return
	}
	s.open, s.safe, s.sampled = false, false, 0
	e.writeCrossings(s, why, false)
	s.count = 0
	s.traces = s.traces[:0]
}

// maxTraces bounds the traces of one bucket, 35 bytes each in its crossings. One
// more begins the next bucket.
const maxTraces = 32

// traced notes that the open bucket of s counts an execution of a trace.
func (s *slot) traced(id traceparent.ID) {
	if id != (traceparent.ID{}) && !slices.Contains(s.traces, id) {
		s.traces = append(s.traces, id)
	}
}

// fullOf reports whether s, which has maxTraces, would have to take another.
func (s *slot) fullOf(id traceparent.ID) bool {
	return s.open && id != (traceparent.ID{}) && !slices.Contains(s.traces, id)
}

// maxRanges bounds the ranges of all sets in one event: each takes at most 22
// bytes, and an event at most event.MaxLine.
const maxRanges = 2400

// writeCrossings records the tallies of s, in chunks, and empties them. With
// more set, further crossings of the same intent follow.
func (e *engine) writeCrossings(s *slot, why event.Outcome, more bool) {
	body := &event.Crossing{Session: e.session, Statement: s.plan.shape.id, Intent: s.intent, Outcome: why, From: s.from, To: s.to, Since: restedBefore(s.rested, s.from), Count: s.count}
	for _, id := range s.traces {
		body.Traces = append(body.Traces, id.String())
	}
	room := maxRanges
	flush := func(more bool) {
		body.More = more
		e.submit(body)
		next := *body
		next.Parts, next.Count = nil, 0
		body, room = &next, maxRanges
	}
	for i := range s.tallies {
		t := &s.tallies[i]
		q := &s.plan.parts[i]
		if t.lost > 0 {
			body.Parts = append(body.Parts, event.Part{Table: q.table, Source: q.source, Elements: q.elements,
				Class: event.Bounded, Reason: "key not read", Rows: t.lost})
		}
		if t.rows == 0 && !t.hit {
			t.lost = 0
			continue
		}
		base := event.Part{Table: q.table, Source: q.source, Elements: q.elements | s.seen, Class: q.class, Reason: q.reason, Rows: t.rows, Unknown: t.unknown}
		set := event.SetOf(t.subjects)
		for {
			n := min(len(set), room)
			base.Subjects = set[:n]
			body.Parts = append(body.Parts, base)
			set, room = set[n:], room-n
			if len(set) == 0 {
				break
			}
			flush(true)
			base.Rows, base.Unknown = 0, 0
		}
		*t = tally{subjects: t.subjects[:0]}
		if cap(t.subjects) > maxTallied {
			t.subjects = nil
		}
	}
	flush(more)
}

// spill records what a tally holds when it grew large, without closing the
// bucket.
func (e *engine) spill(s *slot) {
	for i := range s.tallies {
		t := &s.tallies[i]
		if len(t.subjects) < maxTallied {
			continue
		}
		slices.Sort(t.subjects)
		t.subjects = slices.Compact(t.subjects)
		if len(t.subjects) >= maxTallied/2 {
			e.writeCrossings(s, event.OutcomeBucket, true)
			s.count = 0
			return
		}
	}
}

// writeChanges records the changes of protected tables that s gathered.
func (e *engine) writeChanges(s *slot) {
	s.changed = false
	for i := range s.changes {
		t := &s.changes[i]
		if t.rows == 0 && t.unknown == 0 {
			continue
		}
		w := &s.plan.writes[i]
		set := event.SetOf(t.subjects)
		rows, unknown := t.rows, t.unknown
		for first := true; first || len(set) > 0; first = false {
			n := min(len(set), maxRanges)
			e.change(&event.HoldingChange{Session: e.session, Table: w.Table, Source: w.Source, Op: w.Op, Rows: rows, Unknown: unknown, Subjects: set[:n]})
			set, rows, unknown = set[n:], 0, 0
		}
		*t = tally{subjects: t.subjects[:0]}
	}
}
