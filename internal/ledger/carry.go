package ledger

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
)

// carry finds, among the events of segments that are about to be dropped, those
// that bear on what happens after them: who the sessions are that are still
// open, what was announced and never completed, what every table held at the
// cut, the last sign of life of every gate, flows that have no end yet, the last
// word about each file and each database, how far the records of remote gates
// are wanted, and the attacks that make a wave. They stay, so that a view made
// anew answers questions about later times as one that never stopped, and a
// start finds what it would have found. None of them says what was delivered to
// whom.
type carry struct {
	cut   int64 // UTC ns: questions before it are not answered any more
	since int64 // UTC ns, at most cut: rows as old as that pass after it
	keep  map[event.Index]bool
	open  map[carriedSession]event.Index
	beats map[event.Source]*carriedLife
	// intents that are not completed, and whose.
	intents map[carriedIntent]announced
	held    map[carriedTable]*carriedHolding
	flows   map[carriedFlow]carriedSince
	files   map[event.Place]*carriedFile
	drifts  map[event.Place]event.Index
	due     map[string]carriedSince // by remote process
	waves   map[carriedDay][]event.Index
	days    map[event.Source][2]int64 // the first and the last of waves of each gate
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
	since   int64 // restedSince
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

type carriedFlow struct {
	source event.Source
	id     string
}

// carriedSince is an event and its time, in UTC ns, widened by the clock error.
type carriedSince struct {
	index event.Index
	at    int64
}

// carriedFile is the last that was said of the content at a place, and whether
// it has gone since.
type carriedFile struct {
	content, gone event.Index
	read, lost    bool
}

type carriedDay struct {
	gate event.Source
	day  int64 // since 1970, UTC
}

// A view of cases opens one for as many attacks of a kind at one web gate on one
// day (view/casefile), under the number of the last of them: these stay.
const (
	carriedAttack = "crs/942"
	carriedWave   = 50
)

// carriedFlows is how long before a window the beginning of a flow matters
// (proof/scope.Before).
const carriedFlows = 24 * time.Hour

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
	if err := c.rested(ctx, l.Reader, end); err != nil {
		return nil, err
	}
	c.settle()
	return c.keep, nil
}

func newCarry(cut int64) *carry {
	return &carry{cut: cut, since: cut, keep: map[event.Index]bool{}, open: map[carriedSession]event.Index{}, beats: map[event.Source]*carriedLife{},
		intents: map[carriedIntent]announced{}, held: map[carriedTable]*carriedHolding{}, flows: map[carriedFlow]carriedSince{},
		files: map[event.Place]*carriedFile{}, drifts: map[event.Place]event.Index{}, due: map[string]carriedSince{}, waves: map[carriedDay][]event.Index{}, days: map[event.Source][2]int64{}}
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
		c.intents[carriedIntent{e.Source, e.Worker, e.Seq}] = announced{index, carriedSession{e.Source, b.Session}, restedSince(e, b.Since)}
	case *event.Crossing:
		if !b.More {
			delete(c.intents, carriedIntent{e.Source, e.Worker, b.Intent})
		}
	case *event.HoldingScan:
		c.at(b.Table, b.Source).scan(index, e, b)
	case *event.HoldingChange:
		h := c.at(b.Table, b.Source)
		h.changes = append(h.changes, carriedChange{e.At.Add(e.ClockErr).UnixNano(), index})
	case *event.Flow:
		if b.Action != "refuse" {
			c.flows[carriedFlow{e.Source, b.ID}] = carriedSince{index, e.At.Add(e.ClockErr).UnixNano()}
		}
	case *event.FlowEnd:
		delete(c.flows, carriedFlow{e.Source, b.ID})
	case *event.Object:
		c.file(index, b)
	case *event.Drift:
		c.drifts[b.Database] = index
	case *event.RecordDue:
		for _, site := range b.Sites {
			if at := e.At.Add(e.ClockErr).UnixNano(); at >= c.due[site].at {
				c.due[site] = carriedSince{index, at}
			}
		}
	case *event.Decision:
		c.attack(index, e, b)
	}
}

func (c *carry) file(index event.Index, b *event.Object) {
	f := c.files[b.Place]
	if f == nil {
		f = &carriedFile{}
		c.files[b.Place] = f
	}
	if b.Content != "" {
		f.content, f.read, f.lost = index, true, false
	}
	if b.Gone {
		f.gone, f.lost = index, true
	}
}

// attack notes the first of each day at each gate, as many as make a wave.
func (c *carry) attack(index event.Index, e *event.Event, b *event.Decision) {
	if !strings.HasPrefix(b.Rule, carriedAttack) {
		return
	}
	day := e.At.UnixNano() / int64(24*time.Hour)
	days, known := c.days[e.Source]
	if !known {
		days = [2]int64{day, day}
	}
	c.days[e.Source] = [2]int64{min(days[0], day), max(days[1], day)}
	k := carriedDay{e.Source, day}
	if w := c.waves[k]; len(w) < carriedWave {
		c.waves[k] = append(w, index)
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
			c.since = min(c.since, i.since)
			delete(c.intents, k)
		}
	}
}

// rested looks into what stays, from end on, for rows that are older than the cut:
// what they show are those who rested there when the server read them.
func (c *carry) rested(ctx context.Context, r *Reader, end event.Index) error {
	var dec event.Decoder
	return r.Scan(ctx, end, func(_ event.Index, line []byte) error {
		if !bytes.Contains(line, []byte(`,"since":`)) {
			return nil
		}
		e, err := dec.Parse(line)
		if err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case *event.Intent:
			c.since = min(c.since, restedSince(e, b.Since))
		case *event.Crossing:
			c.since = min(c.since, restedSince(e, b.Since))
		}
		return nil
	})
}

// restedSince is the earliest time of rows, math.MaxInt64 when nothing says that it
// is before their event.
func restedSince(e *event.Event, since int64) int64 {
	if since == 0 {
		return math.MaxInt64
	}
	return since - int64(e.ClockErr)
}

// settle keeps what is open at the cut, the last words, and what every table held
// then, or when the oldest rows were read that pass later: the last whole scan well
// before it, and everything since that one began. Where there is none, everything.
func (c *carry) settle() {
	for _, index := range c.open {
		c.keep[index] = true
	}
	for _, r := range c.beats {
		c.keep[r.last] = true
	}
	for _, f := range c.flows {
		if f.at >= c.cut-int64(carriedFlows+carryMargin) {
			c.keep[f.index] = true
		}
	}
	for _, f := range c.files {
		if f.read {
			c.keep[f.content] = true
		}
		if f.lost {
			c.keep[f.gone] = true
		}
	}
	for _, index := range c.drifts {
		c.keep[index] = true
	}
	for _, d := range c.due {
		c.keep[d.index] = true
	}
	for k, w := range c.waves {
		// A day may have begun in a segment that went before, or go on after these.
		if days := c.days[k.gate]; len(w) == carriedWave || k.day == days[0] || k.day == days[1] {
			for _, index := range w {
				c.keep[index] = true
			}
		}
	}
	for _, h := range c.held {
		since := h.since(c.since - int64(carryMargin))
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
