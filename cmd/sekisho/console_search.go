package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
)

// searchTime bounds one search that names no bound; what was not looked at is
// said.
const searchTime = 1500 * time.Millisecond

// Events implements office.Office: the newest first, from memory as far as it
// reaches, then from the ledger, stretch by stretch, down to what stayed of those
// that retention let go.
func (c *console) Events(ctx context.Context, q consoleoffice.EventQuery) (*consoleoffice.EventPage, error) {
	s, err := newSearch(q)
	if err != nil {
		return nil, err
	}
	s.page.Next = c.ledger.Head()
	if q.Before > 0 {
		s.page.Next = min(s.page.Next, q.Before)
	}
	first, err := c.ledger.First()
	if err != nil {
		return nil, ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
	}
	c.recent.search(s)
	begin, most := c.now(), cmp.Or(q.Time, searchTime)
	for goesOn := s.page.Looked > 0; !q.Near && !s.full() && s.page.Next > 0 && (!goesOn || c.now().Sub(begin) < most); goesOn = true {
		if err := c.searchStretch(ctx, s, first); err != nil {
			return nil, ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
		}
	}
	s.page.Done = s.page.Next == 0
	return s.page, nil
}

// searchStretch looks at the events before s.page.Next that the ledger holds
// together, unless it is known already that none of them is asked for. They are
// read in the order of the ledger, once, and the newest that match are kept. Before
// first retention has let most of them go: what stayed is looked at.
func (c *console) searchStretch(ctx context.Context, s *search, first event.Index) error {
	part, err := c.ledger.Before(s.page.Next)
	if err != nil {
		return err
	}
	from, to := part.First, s.page.Next
	var (
		hits   hits
		stayed []event.Index // of those that retention let go
	)
	known := c.seen.of(&part)
	if s.mayHold(&part, known) {
		var seen kindSet
		learns := known == nil && part.Sealed && to == part.End
		hits.most = s.q.Limit - len(s.page.Lines)
		if err := c.ledger.ScanTo(ctx, from, to, func(index event.Index, line []byte) error {
			if index < first {
				stayed = append(stayed, index)
			}
			if !learns && !s.text.in(line) {
				return nil // most are passed without being parsed
			}
			h, err := event.ParseHeader(line)
			if err != nil {
				return nil // Verify says so; a page about what is wrong must open
			}
			seen.add(h.Kind)
			if s.match(&h, line) {
				hits.add(index, line)
			}
			return nil
		}); err != nil {
			return err
		}
		if learns {
			c.seen.note(&part, seen)
		}
	}
	s.page.Next = from
	hits.newest(s.show)
	if hits.full() {
		s.page.Next = hits.oldest() // those before it were not kept
	}
	if from >= first {
		s.page.Looked += int(to - s.page.Next)
		return nil
	}
	for _, index := range stayed {
		if index >= s.page.Next {
			s.page.Looked++
		}
	}
	return nil
}

// hits are the newest lines of many that come in their order.
type hits struct {
	most  int
	lines []recentLine // a ring when it is full
	next  int          // the oldest of the ring
}

func (h *hits) add(index event.Index, line []byte) {
	if !h.full() {
		h.lines = append(h.lines, recentLine{index: index, line: bytes.Clone(line)})
		return
	}
	l := &h.lines[h.next]
	l.index, l.line = index, append(l.line[:0], line...)
	h.next = (h.next + 1) % h.most
}

func (h *hits) full() bool { return len(h.lines) > 0 && len(h.lines) == h.most }

func (h *hits) newest(do func(recentLine)) {
	for i := range h.lines {
		do(h.lines[(h.next+len(h.lines)-1-i)%len(h.lines)])
	}
}

// oldest returns the index of the oldest; there must be one.
func (h *hits) oldest() event.Index { return h.lines[h.next].index }

func (r *recent) search(s *search) {
	r.mu.Lock()
	lines := r.lines
	r.mu.Unlock()
	at, _ := slices.BinarySearchFunc(lines, s.page.Next, func(l recentLine, i event.Index) int { return int(l.index) - int(i) })
	if at == 0 || lines[at-1].index+1 != s.page.Next {
		return // what is asked for is older, or not here yet
	}
	for i := at - 1; i >= 0 && !s.full(); i-- {
		l := lines[i]
		s.page.Next = l.index
		s.page.Looked++
		if len(s.q.Kinds) > 0 && !s.kinds.has(l.kind) || !s.text.in(l.line) {
			continue
		}
		if h, err := event.ParseHeader(l.line); err == nil && s.match(&h, l.line) {
			s.show(l)
		}
	}
}

// search is a question under way.
type search struct {
	q       consoleoffice.EventQuery
	kinds   kindSet
	text    textFinder
	session []byte // its number, as every line about it has it
	page    *consoleoffice.EventPage
}

func newSearch(q consoleoffice.EventQuery) (*search, error) {
	s := &search{q: q, text: newTextFinder(q.Text), page: &consoleoffice.EventPage{Kinds: kindNames()}}
	for _, name := range q.Kinds {
		k, ok := kinds[name]
		if !ok {
			return nil, fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no kind of event", name), "hint", strings.Join(kindNames(), ", "))
		}
		s.kinds.add(k)
	}
	if q.Session != 0 {
		s.session = fmt.Append(nil, q.Session)
	}
	return s, nil
}

func (s *search) full() bool { return len(s.page.Lines) >= s.q.Limit }

// mayHold reports whether a stretch may hold what is asked for. kinds are those
// that it has, nil when they are not known.
func (s *search) mayHold(part *ledger.Stretch, kinds *kindSet) bool {
	if !part.Sealed {
		return true
	}
	switch {
	case !s.q.From.IsZero() && event.Time(part.To).Before(s.q.From),
		!s.q.To.IsZero() && !event.Time(part.From).Before(s.q.To),
		kinds != nil && len(s.q.Kinds) > 0 && !kinds.meets(s.kinds):
		return false
	}
	for i := range part.Sources {
		if strings.HasPrefix(part.Sources[i].Source, s.q.Source) {
			return true
		}
	}
	return false
}

func (s *search) match(h *event.Header, line []byte) bool {
	switch at := event.Time(h.At); {
	case len(s.q.Kinds) > 0 && !s.kinds.has(h.Kind),
		len(s.q.Kinds) == 0 && h.Kind == event.KindHeartbeat && s.q.Source == "" && !s.q.Whole,
		s.q.Source != "" && !strings.HasPrefix(string(h.Source), s.q.Source),
		!s.q.From.IsZero() && at.Before(s.q.From),
		!s.q.To.IsZero() && !at.Before(s.q.To),
		!s.text.in(line),
		s.session != nil && !s.about(line):
		return false
	}
	return true
}

// about reports whether an event is about the session.
func (s *search) about(line []byte) bool {
	if !bytes.Contains(line, s.session) {
		return false
	}
	e, err := event.Parse(line)
	return err == nil && sessionOf(e.Body) == s.q.Session
}

func (s *search) show(l recentLine) {
	e, err := event.Parse(l.line)
	if err != nil {
		return
	}
	line := consoleoffice.EventLine{Index: l.index, At: e.At, Source: string(e.Source), Kind: kindName(e.Body.Kind()), Session: sessionOf(e.Body)}
	if s.q.Whole {
		line.Line = bytes.Clone(l.line)
	}
	if line.Body = bodyText(e); len(line.Body) > maxBody {
		line.Body = strings.ToValidUTF8(line.Body[:maxBody], "") + " …"
	}
	s.page.Lines = append(s.page.Lines, line)
}

// maxBody bounds what a page shows of one event, in bytes.
const maxBody = 2000

// kindSet is a set of kinds. Its zero value is empty.
type kindSet [4]uint64

// add adds a kind. One that does not fit stands for all that do not.
func (k *kindSet) add(kind event.Kind) { n := min(kind, 255); k[n/64] |= 1 << (n % 64) }

func (k *kindSet) has(kind event.Kind) bool { n := min(kind, 255); return k[n/64]&(1<<(n%64)) != 0 }

func (k *kindSet) meets(o kindSet) bool {
	return k[0]&o[0]|k[1]&o[1]|k[2]&o[2]|k[3]&o[3] != 0
}

// seenKinds remembers which kinds of events sealed segments hold, as far as
// somebody searched them: whoever looks for a rare kind again reads only those
// that have it. 40 bytes a segment.
type seenKinds struct {
	mu    sync.Mutex
	kinds map[event.Index]kindSet // by first event
}

func (s *seenKinds) of(part *ledger.Stretch) *kindSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.kinds[part.First]; ok && part.Sealed {
		return &k
	}
	return nil
}

func (s *seenKinds) note(part *ledger.Stretch, k kindSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[event.Index]kindSet{}
	}
	s.kinds[part.First] = k
}
