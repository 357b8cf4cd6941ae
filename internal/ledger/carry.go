package ledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
)

// carry finds, among the events of segments that are about to be dropped, those
// that bear on what happens after them: who the sessions are that are still
// open, what was announced and never completed, what every table held at the
// cut, and the last sign of life of every gate. They stay, so that a view made
// anew answers questions about later times as one that never stopped. None of
// them says what was delivered to whom.
type carry struct {
	cut   int64 // UTC ns: questions before it are not answered any more
	keep  map[event.Index]bool
	open  map[carriedSession]event.Index
	beats map[event.Source]*carriedLife
	// intents that are not completed, and whose.
	intents map[carriedIntent]announced
	held    map[carriedTable]*carriedHolding
}

type carriedSession struct {
	source event.Source
	id     event.Session
}

type carriedIntent struct {
	source event.Source
	worker uint16
	seq    event.Seq
}

type announced struct {
	index   event.Index
	session carriedSession
}

// carriedLife is what was seen of the run of a gate.
type carriedLife struct {
	last     event.Index
	places   []event.Place
	clockErr time.Duration
}

type carriedTable struct {
	table  event.Place
	source event.SubjectSource
}

type carriedHolding struct {
	scans   []*carriedScan
	changes []carriedChange
}

type carriedScan struct {
	source   event.Source
	number   uint64
	from, to int64 // widened by the clock error
	parts    uint32
	seen     map[uint32]bool
	indexes  []event.Index
}

type carriedChange struct {
	until int64 // widened by the clock error
	index event.Index
}

// carryMargin is how long before the cut a holding must be known: clocks differ
// and crossings take up to a bucket.
const carryMargin = time.Minute

// carryOver returns the indexes of the events in the leading segments due that
// bear on what happens from time cut on.
func (l *Ledger) carryOver(ctx context.Context, due []*proof.Leaf, cut int64) (map[event.Index]bool, error) {
	c := newCarry(cut)
	var dec event.Decoder
	end := event.Index(0)
	for _, leaf := range due {
		end = event.Index(leaf.First)
		err := l.eachSealedLine(ctx, leaf, func(line []byte) error {
			e, err := dec.Parse(line)
			if err != nil {
				return err
			}
			c.add(end, e)
			end++
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if err := c.resolve(ctx, l.Reader, end); err != nil {
		return nil, err
	}
	c.settle()
	return c.keep, nil
}

func newCarry(cut int64) *carry {
	return &carry{cut: cut, keep: map[event.Index]bool{}, open: map[carriedSession]event.Index{}, beats: map[event.Source]*carriedLife{},
		intents: map[carriedIntent]announced{}, held: map[carriedTable]*carriedHolding{}}
}

func (c *carry) add(index event.Index, e *event.Event) {
	switch b := e.Body.(type) {
	case *event.SourceStart:
		c.restart(e.Source)
		c.beats[e.Source] = &carriedLife{index, slices.Clone(b.Places), e.ClockErr}
	case *event.Heartbeat:
		c.alive(index, e, b)
	case *event.SourceStop:
		delete(c.beats, e.Source)
	case *event.SessionOpen:
		c.open[carriedSession{e.Source, b.Session}] = index
	case *event.SessionClose:
		s := carriedSession{e.Source, b.Session}
		if _, opened := c.open[s]; !opened { // by an event that was dropped or kept before
			c.keep[index] = true
		}
		delete(c.open, s)
		c.end(s)
	case *event.Intent:
		c.intents[carriedIntent{e.Source, e.Worker, e.Seq}] = announced{index, carriedSession{e.Source, b.Session}}
	case *event.Crossing:
		if !b.More {
			delete(c.intents, carriedIntent{e.Source, e.Worker, b.Intent})
		}
	case *event.HoldingScan:
		c.at(b.Table, b.Source).scan(index, e, b)
	case *event.HoldingChange:
		h := c.at(b.Table, b.Source)
		h.changes = append(h.changes, carriedChange{e.At.Add(e.ClockErr).UnixNano(), index})
	}
}

// restart ends the sessions of a source, and what they had announced.
func (c *carry) restart(source event.Source) {
	for s := range c.open {
		if s.source == source {
			delete(c.open, s)
		}
	}
	for k := range c.intents {
		if k.source == source {
			delete(c.intents, k)
		}
	}
}

func (c *carry) end(s carriedSession) {
	for k, i := range c.intents {
		if i.session == s {
			delete(c.intents, k)
		}
	}
}

// alive keeps the signs of life that say something new of a run; the last one
// is kept at the end.
func (c *carry) alive(index event.Index, e *event.Event, b *event.Heartbeat) {
	r := c.beats[e.Source]
	if r == nil {
		r = &carriedLife{}
		c.beats[e.Source] = r
		c.keep[index] = true
	}
	r.last = index
	for _, p := range b.Places {
		if !slices.Contains(r.places, p) {
			r.places = append(r.places, p)
			c.keep[index] = true
		}
	}
	if e.ClockErr > r.clockErr {
		r.clockErr = e.ClockErr
		c.keep[index] = true
	}
}

func (c *carry) at(table event.Place, source event.SubjectSource) *carriedHolding {
	k := carriedTable{table, source}
	if c.held[k] == nil {
		c.held[k] = &carriedHolding{}
	}
	return c.held[k]
}

func (h *carriedHolding) scan(index event.Index, e *event.Event, b *event.HoldingScan) {
	i := slices.IndexFunc(h.scans, func(s *carriedScan) bool { return s.source == e.Source && s.number == b.Scan })
	if i < 0 {
		i = len(h.scans)
		h.scans = append(h.scans, &carriedScan{source: e.Source, number: b.Scan, from: b.From, to: b.To, seen: map[uint32]bool{}})
	}
	s := h.scans[i]
	s.from, s.to = min(s.from, b.From-int64(e.ClockErr)), max(s.to, b.To+int64(e.ClockErr))
	s.parts = max(s.parts, b.Parts)
	s.seen[b.Part] = true
	s.indexes = append(s.indexes, index)
}

// errResolved ends the look for what became of open intents.
var errResolved = errors.New("all is known")

// resolve looks into what stays, from end on, for what became of intents: those
// that were completed tell nothing any more.
func (c *carry) resolve(ctx context.Context, r *Reader, end event.Index) error {
	if len(c.intents) == 0 {
		return nil
	}
	late := carry{intents: c.intents}
	var dec event.Decoder
	err := r.Scan(ctx, end, func(_ event.Index, line []byte) error {
		e, err := dec.Parse(line)
		if err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case *event.Crossing:
			late.add(0, e)
		case *event.SourceStart:
			c.keepIntents(func(k carriedIntent, _ announced) bool { return k.source == e.Source })
		case *event.SessionClose:
			c.keepIntents(func(_ carriedIntent, i announced) bool { return i.session == carriedSession{e.Source, b.Session} })
		}
		if len(c.intents) == 0 {
			return errResolved
		}
		return nil
	})
	if err != nil && !errors.Is(err, errResolved) {
		return err
	}
	c.keepIntents(func(carriedIntent, announced) bool { return true })
	return nil
}

func (c *carry) keepIntents(which func(carriedIntent, announced) bool) {
	for k, i := range c.intents {
		if which(k, i) {
			c.keep[i.index] = true
			delete(c.intents, k)
		}
	}
}

// settle keeps what is open at the cut, and what every table held then: the
// last whole scan well before it, and everything since that one began. Where
// there is none, everything.
func (c *carry) settle() {
	for _, index := range c.open {
		c.keep[index] = true
	}
	for _, r := range c.beats {
		c.keep[r.last] = true
	}
	for _, h := range c.held {
		since := h.since(c.cut - int64(carryMargin))
		for _, s := range h.scans {
			if since == nil || s.from >= since.from {
				for _, index := range s.indexes {
					c.keep[index] = true
				}
			}
		}
		for _, x := range h.changes {
			if since == nil || x.until >= since.from {
				c.keep[x.index] = true
			}
		}
	}
}

// since returns the whole scan that began last of those that ended before at;
// nil when there is none.
func (h *carriedHolding) since(at int64) (last *carriedScan) {
	for _, s := range h.scans {
		if len(s.seen) >= int(s.parts) && s.to <= at && (last == nil || s.from > last.from) {
			last = s
		}
	}
	return last
}
