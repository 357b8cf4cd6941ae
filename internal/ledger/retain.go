package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
)

// RetentionPolicy says what may be dropped.
type RetentionPolicy struct {
	Name   string        // what the record calls it
	MaxAge time.Duration // segments whose latest event is older are dropped; 0 drops nothing
	// From, when it is not nil, is an event that must stay with all after it,
	// however old they are: what a remote gate has not shipped yet.
	From *event.Index
}

// Retain drops sealed segments, oldest first, as the policy says. Their digests
// stay in the log, so that what was ever proved stays proved; so do the events
// that later ones or a start build on (see fates) and those that bear on what happens
// later (see carry), with the proof that they were in the segment. The drop is
// recorded, on disk, before the first file goes: an event.Retention of all
// events from 0 on. It returns the record, or nil when nothing was due. What a
// crash interrupts, the next call finishes.
func (l *Ledger) Retain(ctx context.Context, policy RetentionPolicy) (*event.Retention, error) {
	if policy.MaxAge <= 0 {
		return nil, nil
	}
	first, err := l.First()
	if err != nil {
		return nil, err
	}
	due, stay := l.aged(policy, first)
	if len(due) == 0 {
		return nil, nil
	}
	cut := min(l.cfg.Now().UnixNano(), due[len(due)-1].To) // the earliest time of what stays; the open segment's are not known
	for _, leaf := range stay {
		cut = min(cut, leaf.From)
	}
	last := event.Index(due[len(due)-1].First + due[len(due)-1].Count - 1)
	record := &event.Retention{Policy: policy.Name, First: 0, Last: last, Reason: fmt.Sprintf("older than %s", policy.MaxAge)}
	if _, err := l.Recorder(SourceName, 0).Record(ctx, event.Durable, record); err != nil {
		return nil, err
	}
	carried, err := l.carryOver(ctx, due, cut)
	if err != nil {
		return record, fmt.Errorf("find what outlives segments %d to %d: %w", due[0].Segment, due[len(due)-1].Segment, err)
	}
	for _, leaf := range due {
		if err := l.keep(ctx, leaf, carried); err != nil {
			return record, fmt.Errorf("keep of segment %d what later events build on: %w", leaf.Segment, err)
		}
		if err := l.fs.Remove(sealedName(leaf.Segment)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return record, err
		}
	}
	return record, l.fs.SyncDir(sealedDir)
}

// aged returns the sealed segments that a policy lets go, oldest first, and those
// that stay; first is the first event that is there. Segments that went before are
// neither.
func (l *Ledger) aged(policy RetentionPolicy, first event.Index) (due, stay []*proof.Leaf) {
	limit := l.cfg.Now().Add(-policy.MaxAge).UnixNano()
	for _, leaf := range l.sealedLeaves() {
		if event.Index(leaf.First) < first {
			continue
		}
		if policy.holds(leaf) || leaf.To >= limit || leaf.Segment >= l.sealedCount() {
			stay = append(stay, leaf)
			limit = math.MinInt64 // the first that stays ends what goes
			continue
		}
		due = append(due, leaf)
	}
	return due, stay
}

// holds reports whether a segment stays however old it is.
func (p *RetentionPolicy) holds(leaf *proof.Leaf) bool {
	return p.From != nil && event.Index(leaf.First+leaf.Count) > *p.From
}

// Aging is what a policy lets go now, and next.
type Aging struct {
	Oldest time.Time   // of the newest event in the oldest segment that is there; zero: none is sealed
	Due    int         // segments that may go now
	Last   event.Index // their last event
	// Next is when the first segment that stays may go, NextFirst and NextLast its
	// events; zero: none is sealed, or nothing goes by age.
	Next                time.Time
	NextFirst, NextLast event.Index
	// Held: those events go at Next at the earliest, and not before RetentionPolicy.From
	// lets them.
	Held bool
}

// Aging says what Retain would drop, and when it would drop more. It changes
// nothing.
func (l *Ledger) Aging(policy RetentionPolicy) (Aging, error) {
	first, err := l.First()
	if err != nil {
		return Aging{}, err
	}
	var out Aging
	for _, leaf := range l.sealedLeaves() {
		if event.Index(leaf.First) >= first {
			out.Oldest = event.Time(leaf.To)
			break
		}
	}
	if policy.MaxAge <= 0 {
		return out, nil
	}
	due, stay := l.aged(policy, first)
	if out.Due = len(due); out.Due > 0 {
		out.Last = event.Index(due[len(due)-1].First + due[len(due)-1].Count - 1)
	}
	if len(stay) > 0 {
		out.Next = event.Time(stay[0].To).Add(policy.MaxAge)
		out.NextFirst, out.NextLast = event.Index(stay[0].First), event.Index(stay[0].First+stay[0].Count-1)
		out.Held = policy.holds(stay[0])
	}
	return out, nil
}

// SourceName is the source of the ledger's own events.
const SourceName event.Source = "ledger"

func (l *Ledger) sealedCount() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sealed
}
