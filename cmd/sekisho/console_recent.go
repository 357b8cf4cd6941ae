package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
)

// maxFindings bounds the findings that are kept.
const maxFindings = 200

// rare keeps findings and ways out. The caller holds r.mu.
func (r *recent) rare(index event.Index, line []byte) error {
	e, err := event.Parse(line)
	if err != nil {
		return fmt.Errorf("event %d: %w", index, err)
	}
	switch b := e.Body.(type) {
	case *event.Finding:
		r.findings = append(r.findings, consoleoffice.Finding{At: e.At, Code: b.Code, Title: b.Title, Place: string(b.Place), Detail: b.Detail})
		if len(r.findings) > maxFindings {
			r.findings = r.findings[1:]
		}
	case *event.ExitSeen:
		if r.ways == nil {
			r.ways = map[event.ExitSeen]time.Time{}
		}
		way := *b
		way.Step, way.At = "", 0
		if b.Step == "watched" {
			return nil
		}
		if b.Step == "gone" {
			delete(r.ways, way)
		} else {
			r.ways[way] = e.At
		}
	}
	return nil
}

// newest calls do with events of the kinds, the newest first, until most were
// taken or do returns false. It returns when the oldest event that was looked at
// happened, not counting what stayed of those that retention let go, and which is
// the oldest of all. What cannot be parsed is left to the check of the ledger.
func (r *recent) newest(most int, do func(*event.Event) bool, kinds ...event.Kind) (since time.Time, from event.Index) {
	wanted := map[event.Kind]bool{}
	for _, k := range kinds {
		wanted[k] = true
	}
	r.mu.Lock()
	lines, whole := r.lines, r.whole // the lines are never written again where they are filled
	r.mu.Unlock()
	var oldest []byte
	var decoder event.Decoder
	for i := len(lines) - 1; i >= 0 && most > 0; i-- {
		if from = lines[i].index; from >= whole {
			oldest = lines[i].line
		}
		if !wanted[lines[i].kind] {
			continue
		}
		e, err := decoder.Parse(lines[i].line)
		if err != nil {
			continue
		}
		if most--; !do(e) {
			break
		}
	}
	if oldest != nil {
		if h, err := event.ParseHeader(oldest); err == nil {
			since = event.Time(h.At)
		}
	}
	return since, from
}

// reach is how many of the newest events a page reads from the ledger when it
// is asked to look back.
const reach = 200_000

// errEnough ends a scan.
var errEnough = errors.New("enough")

// oldest returns when the first event happened from which on backwards sees all.
func (c *console) oldest(ctx context.Context) (at time.Time, err error) {
	first, err := c.ledger.First()
	if err != nil {
		return at, err
	}
	err = c.ledger.Scan(ctx, max(first, c.begin()), func(index event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		at = event.Time(h.At)
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, err
}

// begin is where backwards begins.
func (c *console) begin() event.Index {
	if head := c.ledger.Head(); head > reach {
		return head - reach
	}
	return 0
}

// backwards reads the newest events of the ledger of the given kinds, the oldest
// first, and returns when the first happened from which on it saw all: before that
// retention has left some.
func (c *console) backwards(ctx context.Context, do func(*event.Event), kinds ...event.Kind) (since time.Time, err error) {
	wanted := map[event.Kind]bool{}
	for _, k := range kinds {
		wanted[k] = true
	}
	first, err := c.ledger.First()
	if err != nil {
		return since, err
	}
	var decoder event.Decoder
	err = c.ledger.Scan(ctx, c.begin(), func(index event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		if since.IsZero() && index >= first {
			since = event.Time(h.At)
		}
		if !wanted[h.Kind] {
			return nil
		}
		e, err := decoder.Parse(line)
		if err == nil {
			do(e)
		}
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		err = ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
	}
	return since, err
}
