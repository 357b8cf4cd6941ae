package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
)

// recent keeps the newest events in memory, so that the first page of the log
// and the state of sources cost no reading. The follower writes, pages read.
type recent struct {
	mu      sync.Mutex
	lines   []recentLine // ascending; before whole with holes
	whole   event.Index  // before it retention has left some only
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
	whole, err := c.ledger.First()
	if err != nil {
		return fmt.Errorf("recent events: %w", err)
	}
	c.recent.mu.Lock()
	c.recent.whole = whole
	c.recent.mu.Unlock()
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
