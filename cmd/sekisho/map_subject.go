package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
	"sekisho/internal/subject"
	"sekisho/proof/scope"
)

type mapSubjectCmd struct {
	Key    string `arg:"" help:"help_map_subject_key"`
	Source string `placeholder:"DATABASE.TABLE" help:"help_map_subject_source"`
}

// Run shows where the data of one subject rests and where it passed, by the ledger
// alone.
func (c mapSubjectCmd) Run(a *app) error {
	if a.hub.address != "" {
		out, err := elsewhere[consoleoffice.SubjectRequest, *consoleoffice.Whereabouts](a, "map/subject",
			consoleoffice.SubjectRequest{Key: c.Key, Source: c.Source, Lang: string(a.say.Language())})
		if err != nil {
			return err
		}
		return a.out(out, func() { a.showWhereabouts(out) })
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	r, dir, err := a.reader()
	if err != nil {
		return err
	}
	ring, err := keyring.Open(l.Keys)
	if err != nil {
		return keysFault(l.Keys, a.config, err)
	}
	source, err := subjectSource(a.say, l, c.Source)
	if err != nil {
		return err
	}
	dict := subject.New(subject.Config{Tenant: event.Tenant(l.Tenant), Keys: ring})
	err = eachEvent(a.ctx, r, builtOn, dict.Apply)
	if err != nil {
		return ledgerFault(dir, a.config, err)
	}
	number, ok := numberOf(dict.Source(source), c.Key)
	if !ok {
		return subjectUnknown(a.say, source)
	}
	w := newTracer(source, number)
	if err := eachEvent(a.ctx, r, ofSubjects, w.see); err != nil {
		return ledgerFault(dir, a.config, err)
	}
	out := w.finish()
	return a.out(out, func() { a.showWhereabouts(out) })
}

func subjectUnknown(say lang.Printer, source event.SubjectSource) *fault.Error {
	return fault.New(fault.Usage, "problem", say.Text("subject_unknown", "source", source), "hint", say.Text("subject_unknown_hint"))
}

// eachEvent gives all events of some kinds in their order, read ahead on all
// processors. do may keep them.
func eachEvent(ctx context.Context, r *ledger.Reader, wants func(event.Kind) bool, do func(*event.Event) error) error {
	return r.ScanEventsOf(ctx, 0, wants, func(index event.Index, e *event.Event) error {
		if e.Body == nil {
			return nil
		}
		if err := do(e); err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		return nil
	})
}

// ofSubjects are the kinds that tell where a subject is and was read.
func ofSubjects(k event.Kind) bool {
	switch k {
	case event.KindSessionOpen, event.KindHoldingScan, event.KindHoldingChange, event.KindCrossing:
		return true
	}
	return false
}

// subjectSource returns whose key it is: the table that was named, else the only one.
func subjectSource(say lang.Printer, l *config.Loaded, name string) (event.SubjectSource, error) {
	var all []event.SubjectSource
	for _, d := range protecting(l) {
		for _, t := range scanTables(d) {
			if !slices.Contains(all, t.Source) {
				all = append(all, t.Source)
			}
		}
	}
	switch {
	case slices.Contains(all, event.SubjectSource(name)):
		return event.SubjectSource(name), nil
	case name == "" && len(all) == 1:
		return all[0], nil
	}
	return "", fault.New(fault.Usage, "problem", say.Text("subject_source", "source", strconv.Quote(name)), "hint", fmt.Sprintf("--source %s", joinSources(all)))
}

// protecting are the databases that have a protect section, behind gates and without.
func protecting(l *config.Loaded) (all []*config.Database) {
	for i := range l.Databases {
		all = append(all, &l.Databases[i])
	}
	for i := range l.Stores {
		if len(l.Stores[i].Protect) > 0 {
			all = append(all, storeBase(&l.Stores[i]))
		}
	}
	return all
}

func joinSources(all []event.SubjectSource) string {
	text := ""
	for i, s := range all {
		if i > 0 {
			text += ", "
		}
		text += string(s)
	}
	return text
}

// numberOf finds the number of a key as a person writes it.
func numberOf(s *subject.Source, key string) (uint32, bool) {
	for _, kind := range []subject.KeyKind{subject.Int, subject.UUID, subject.Text} {
		if n, ok := s.Number(kind, false, []byte(key)); ok {
			return n, true
		}
	}
	return 0, false
}

type sessionKey struct {
	gate    event.Source
	session event.Session
}

type passageKey struct {
	sessionKey
	table    event.Place
	elements element.Mask
}

// tracedScan is a scan of a place whose parts are coming in.
type tracedScan struct {
	id    uint64
	parts uint32
	seen  uint32
	mask  element.Mask // of the subject; 0: not there so far
}

// tracer folds the ledger for one subject.
type tracer struct {
	source   event.SubjectSource
	number   uint32
	sessions map[sessionKey]*event.SessionOpen
	rests    []*rest
	open     map[event.Place]*rest
	scans    map[event.Place]*tracedScan
	written  map[event.Place]int64 // when a gate last saw it written, UTC ns
	passed   map[passageKey]*consoleoffice.Passage
	out      *consoleoffice.Whereabouts
}

// rest is data of the subject at one place.
type rest struct {
	consoleoffice.Stay
	mask element.Mask
}

func newTracer(source event.SubjectSource, number uint32) *tracer {
	return &tracer{source: source, number: number, sessions: map[sessionKey]*event.SessionOpen{}, open: map[event.Place]*rest{}, scans: map[event.Place]*tracedScan{},
		written: map[event.Place]int64{}, passed: map[passageKey]*consoleoffice.Passage{}, out: &consoleoffice.Whereabouts{Source: source, Number: number, Bounded: map[event.Place]uint64{}}}
}

func (w *tracer) see(e *event.Event) error {
	switch b := e.Body.(type) {
	case *event.SessionOpen:
		w.sessions[sessionKey{e.Source, b.Session}] = b
	case *event.HoldingScan:
		w.holding(b)
	case *event.HoldingChange:
		if b.Source == w.source && b.Op != "delete" && has(b.Subjects, w.number) {
			if w.open[b.Table] == nil {
				w.rest(b.Table, element.MaskOf(element.Unclassified), e.At, e.At)
			}
			if strings.HasPrefix(string(e.Source), "gate/") {
				w.written[b.Table] = e.At.Add(e.ClockErr).UnixNano()
			}
		}
	case *event.Crossing:
		for i := range b.Parts {
			w.crossing(e, b, &b.Parts[i])
		}
	}
	return nil
}

func has(s event.Set, n uint32) bool {
	i, ok := slices.BinarySearchFunc(s, n, func(r event.Range, n uint32) int { return cmp.Compare(r.Last, n) })
	return ok || i < len(s) && s[i].First <= n
}

func (w *tracer) holding(b *event.HoldingScan) {
	if b.Source != w.source {
		return
	}
	s := w.scans[b.Table]
	if s == nil || s.id != b.Scan {
		s = &tracedScan{id: b.Scan, parts: b.Parts}
		w.scans[b.Table] = s
	}
	s.seen++
	if has(b.Subjects, w.number) { // also if the rest of a file was not read
		s.mask |= b.Elements
		w.rest(b.Table, b.Elements, time.Unix(0, b.From).UTC(), time.Unix(0, b.To).UTC())
	}
	if s.seen < s.parts {
		return
	}
	at := time.Unix(0, b.To).UTC()
	switch x := w.open[b.Table]; {
	case s.mask != 0: // said above
	case w.written[b.Table] != 0 && w.written[b.Table] >= b.From-scope.ChangeSlack: // the scan may have begun before
	case x != nil:
		x.Gone = &at
		delete(w.open, b.Table)
	}
}

func (w *tracer) rest(place event.Place, mask element.Mask, from, to time.Time) {
	x := w.open[place]
	if x == nil {
		x = &rest{Stay: consoleoffice.Stay{Place: place, First: from}}
		w.open[place] = x
		w.rests = append(w.rests, x)
	}
	x.mask |= mask
	x.Last = to
}

func (w *tracer) crossing(e *event.Event, b *event.Crossing, p *event.Part) {
	if p.Source != w.source {
		return
	}
	if p.Class != event.Exact {
		if w.open[p.Table] != nil {
			w.out.Bounded[p.Table]++
		}
		return
	}
	if !has(p.Subjects, w.number) {
		return
	}
	k := passageKey{sessionKey{e.Source, b.Session}, p.Table, p.Elements}
	x := w.passed[k]
	if x == nil {
		x = &consoleoffice.Passage{Table: p.Table, Elements: p.Elements.String(), Gate: e.Source, From: time.Unix(0, b.From).UTC()}
		if s := w.sessions[k.sessionKey]; s != nil {
			x.User, x.Address = s.User, s.Address
		}
		w.passed[k] = x
		w.out.Passed = append(w.out.Passed, x)
	}
	x.To = time.Unix(0, max(b.From, b.To)).UTC()
	x.Times++
}

func (w *tracer) finish() *consoleoffice.Whereabouts {
	for _, x := range w.rests {
		x.Elements = x.mask.String()
		w.out.Rests = append(w.out.Rests, &x.Stay)
	}
	return w.out
}

func (a *app) showWhereabouts(w *consoleoffice.Whereabouts) {
	if len(w.Rests)+len(w.Passed)+len(w.Bounded) == 0 {
		a.print("subject_nowhere")
		return
	}
	const form = time.RFC3339
	a.table([]string{"col_place", "col_elements", "col_first_seen", "col_last_seen", "col_gone"}, func(line func(...any)) {
		for _, x := range w.Rests {
			gone := ""
			if x.Gone != nil {
				gone = x.Gone.Format(form)
			}
			line(x.Place, x.Elements, x.First.Format(form), x.Last.Format(form), gone)
		}
	})
	if len(w.Passed) > 0 {
		a.table([]string{"col_table", "col_elements", "col_user", "col_address", "col_from", "col_to", "col_times"}, func(line func(...any)) {
			for _, x := range w.Passed {
				line(x.Table, x.Elements, x.User, x.Address, x.From.Format(form), x.To.Format(form), x.Times)
			}
		})
	}
	for _, place := range slices.Sorted(maps.Keys(w.Bounded)) {
		a.print("subject_bounded", "table", place, "count", countOf(w.Bounded[place]))
	}
}
