package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// recent keeps the newest events in memory, so that the first page of the log
// and the state of sources cost no reading. The follower writes, pages read.
type recent struct {
	mu      sync.Mutex
	lines   []recentLine // ascending, without holes
	bytes   int
	sources map[event.Source]sourceState
	gaps    []consoleoffice.Gap // the newest last
	// What is rare and must not be pushed out by what is frequent.
	findings []consoleoffice.Finding // the newest last
	ways     map[event.ExitSeen]time.Time
	blocks   []consoleoffice.Block // the newest last
}

type recentLine struct {
	index event.Index
	kind  event.Kind
	line  []byte
}

type sourceState struct {
	seq  event.Seq
	last time.Time
	// beats: it gave signs of life in this run; stopped: it ended cleanly.
	beats, stopped bool
}

const (
	maxRecent      = 20_000
	maxRecentBytes = 16 << 20
	maxGaps        = 100
)

// follow keeps the recent events until ctx ends.
func (c *console) follow(ctx context.Context) error {
	next := event.Index(0)
	if head := c.ledger.Head(); head > maxRecent {
		next = head - maxRecent
	}
	for {
		err := c.ledger.Scan(ctx, next, func(index event.Index, line []byte) error {
			next = index + 1
			return c.recent.add(index, line)
		})
		if err == nil {
			_, err = c.ledger.Wait(ctx, next)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("recent events: %w", err)
		}
	}
}

func (r *recent) add(index event.Index, line []byte) error {
	h, err := event.ParseHeader(line)
	if err != nil {
		return fmt.Errorf("event %d: %w", index, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sources == nil {
		r.sources = map[event.Source]sourceState{}
	}
	source := event.Source(h.Source)
	s := r.sources[source]
	s.seq, s.last = max(s.seq, h.Seq), event.Time(h.At)
	s.beats = s.beats || h.Kind == event.KindHeartbeat
	s.stopped = h.Kind == event.KindSourceStop
	r.sources[source] = s
	if h.Kind == event.KindGap || h.Kind == event.KindCoverage {
		if err := r.gap(index, line); err != nil {
			return err
		}
	}
	if h.Kind == event.KindFinding || h.Kind == event.KindExitSeen {
		if err := r.rare(index, line); err != nil {
			return err
		}
	}
	if h.Kind == event.KindDecision {
		r.block(line)
	}
	r.lines = append(r.lines, recentLine{index, h.Kind, bytes.Clone(line)})
	r.bytes += len(line)
	// A quarter too many is kept before they are moved, so that an event costs
	// the same however many there are.
	if len(r.lines) > maxRecent+maxRecent/4 || r.bytes > maxRecentBytes+maxRecentBytes/4 {
		drop := 0
		for len(r.lines)-drop > maxRecent || r.bytes > maxRecentBytes && drop < len(r.lines) {
			r.bytes -= len(r.lines[drop].line)
			drop++
		}
		r.lines = slices.Clone(r.lines[drop:])
	}
	return nil
}

func (r *recent) gap(index event.Index, line []byte) error {
	e, err := event.Parse(line)
	if err != nil {
		return fmt.Errorf("event %d: %w", index, err)
	}
	g := consoleoffice.Gap{Index: index}
	switch b := e.Body.(type) {
	case *event.Gap:
		g.From, g.To, g.Places, g.Reason = event.Time(b.From), event.Time(b.To), b.Places, b.Reason
	case *event.Coverage:
		g.From, g.To, g.Places, g.Reason = event.Time(b.From), event.Time(b.To), b.Places, b.Reason
	}
	if r.gaps = append(r.gaps, g); len(r.gaps) > maxGaps {
		r.gaps = r.gaps[1:]
	}
	return nil
}

// Wait implements office.Office.
func (c *console) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	return c.ledger.Wait(ctx, next)
}

const (
	// searchTime bounds one search that names no bound; what was not looked at is
	// said.
	searchTime = 1500 * time.Millisecond
	// searchBlock is how many events are read at a time, backwards.
	searchBlock = 5_000
)

// Events implements office.Office: the newest first, from memory as far as it
// reaches, then from the ledger, block by block.
func (c *console) Events(ctx context.Context, q consoleoffice.EventQuery) (*consoleoffice.EventPage, error) {
	s, err := newSearch(q)
	if err != nil {
		return nil, err
	}
	head := c.ledger.Head()
	if q.Before > 0 {
		head = min(head, q.Before)
	}
	s.page.Next = head
	c.recent.search(s)
	first, err := c.ledger.First()
	if err != nil {
		return nil, ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
	}
	begin, most := c.now(), cmp.Or(q.Time, searchTime)
	for !s.full() && s.page.Next > first && (s.page.Looked == 0 || c.now().Sub(begin) < most) && !s.past {
		if err := c.searchBlock(ctx, s, first); err != nil {
			return nil, ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
		}
	}
	s.page.Done = !s.full() && (s.page.Next <= first || s.past)
	return s.page, nil
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

func (c *console) searchBlock(ctx context.Context, s *search, first event.Index) error {
	from, to := first, s.page.Next
	if to > first+searchBlock {
		from = to - searchBlock
	}
	var block []recentLine
	err := c.ledger.Scan(ctx, from, func(index event.Index, line []byte) error {
		if index >= to {
			return errEnough
		}
		block = append(block, recentLine{index: index, line: bytes.Clone(line)})
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if s.take(block); !s.full() && !s.past {
		s.page.Next = from // also where retention left holes
	}
	return nil
}

func (r *recent) search(s *search) {
	r.mu.Lock()
	lines := r.lines
	r.mu.Unlock()
	at, _ := slices.BinarySearchFunc(lines, s.page.Next, func(l recentLine, i event.Index) int { return int(l.index) - int(i) })
	if at == 0 || lines[at-1].index+1 != s.page.Next {
		return // what is asked for is older, or not here yet
	}
	s.take(lines[:at])
}

// search is a question under way.
type search struct {
	q     consoleoffice.EventQuery
	kinds map[event.Kind]bool
	text  []byte
	page  *consoleoffice.EventPage
	past  bool // before the window: nothing older counts
}

func newSearch(q consoleoffice.EventQuery) (*search, error) {
	s := &search{q: q, kinds: map[event.Kind]bool{}, text: bytes.ToLower([]byte(q.Text)), page: &consoleoffice.EventPage{Kinds: kindNames()}}
	for _, name := range q.Kinds {
		k, ok := kinds[name]
		if !ok {
			return nil, fault.New(fault.Usage, "problem", fmt.Sprintf("%q is no kind of event", name), "hint", strings.Join(kindNames(), ", "))
		}
		s.kinds[k] = true
	}
	return s, nil
}

func (s *search) full() bool { return len(s.page.Lines) >= s.q.Limit }

// clockSlack is how far events may be out of the order of their times: remote
// sources arrive late.
const clockSlack = time.Hour

// take looks at lines, the newest first, until there is enough.
func (s *search) take(lines []recentLine) {
	for i := len(lines) - 1; i >= 0 && !s.full(); i-- {
		l := lines[i]
		s.page.Next = l.index
		s.page.Looked++
		h, err := event.ParseHeader(l.line)
		if err != nil {
			continue // Verify says so; a page about what is wrong must open
		}
		at := event.Time(h.At)
		if !s.q.From.IsZero() && at.Before(s.q.From.Add(-clockSlack)) {
			s.past = true
			return
		}
		if s.match(&h, at, l.line) {
			s.show(l)
		}
	}
}

func (s *search) match(h *event.Header, at time.Time, line []byte) bool {
	switch {
	case len(s.kinds) > 0 && !s.kinds[h.Kind],
		len(s.kinds) == 0 && h.Kind == event.KindHeartbeat && s.q.Source == "" && !s.q.Whole,
		s.q.Source != "" && !strings.HasPrefix(string(h.Source), s.q.Source),
		!s.q.From.IsZero() && at.Before(s.q.From),
		!s.q.To.IsZero() && !at.Before(s.q.To),
		len(s.text) > 0 && !bytes.Contains(bytes.ToLower(line), s.text):
		return false
	}
	return true
}

func (s *search) show(l recentLine) {
	e, err := event.Parse(l.line)
	if err != nil {
		return
	}
	line := consoleoffice.EventLine{Index: l.index, At: e.At, Source: string(e.Source), Kind: kindName(e.Body.Kind()), Session: sessionOf(e.Body)}
	if s.q.Session != 0 && line.Session != s.q.Session {
		return
	}
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
