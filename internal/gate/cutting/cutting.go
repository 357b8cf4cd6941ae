// Package cutting is how a gate takes a cut: the live flows of a gate, each
// with the means to end it, and the generation of cuts that they passed.
//
// Every gate that can be cut keeps one Flows and asks it before it forwards
// the first byte of a flow. Whoever distributes cuts knows gates as Cutter
// only. It does not verify who made a cut and sends no receipt: that is done
// by the caller of Cut, with what Cut returns.
package cutting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/policy/cut"
)

// Cutter is a gate as cuts see it.
type Cutter interface {
	// Cut puts set in force. When it returns no flow that matches set passes
	// another byte through the gate, and closed is how many were ended for it.
	// Connections that the gate keeps for later are closed too if set may match
	// what they would carry. The generation in force again is no error; an
	// older one is ErrOlder and changes nothing.
	Cut(ctx context.Context, set *cut.Set) (closed int, err error)
	// Generation is the generation in force, 0 before the first.
	Generation() uint64
}

// ErrOlder is returned for a generation below the one in force.
var ErrOlder = errors.New("a newer generation of cuts is in force")

// shards spread the locks of a busy gate.
const shards = 32

// Flows are the live flows of one gate. The zero value works; it must not be
// copied. It implements Cutter and is safe for concurrent use.
type Flows struct {
	// Now is the time by which cuts lapse; nil: time.Now. Set before use.
	Now func() time.Time
	// Idle, when set, closes the connections that the gate keeps for later use.
	// It is called after flows were ended.
	Idle func(*cut.Set)

	set    atomic.Pointer[cut.Set]
	next   atomic.Uint32
	taking sync.Mutex // one Cut at a time
	shard  [shards]shard
}

type shard struct {
	mu    sync.Mutex // guards first and the links of its flows
	first *Live
	count int
}

// Live is a flow that is under way.
type Live struct {
	flow       cut.Flow
	end        func(cut.Entry)
	at         *shard
	prev, next *Live
}

// Enter registers a flow before its first byte is forwarded. When a cut
// matches, the entry and true are returned and the flow is not registered.
// Otherwise the flow must Leave when it is over, and end is called, at most
// once, when a cut made meanwhile matches. end must stop the flow at once, not
// block and not call Leave; it may be called before Enter returns and until
// Leave does.
func (f *Flows) Enter(flow cut.Flow, end func(cut.Entry)) (*Live, cut.Entry, bool) {
	l := &Live{flow: flow, end: end, at: &f.shard[f.next.Add(1)%shards]}
	l.at.mu.Lock()
	l.link()
	l.at.mu.Unlock()
	// In this order: a Cut that does not find the flow has stored its set
	// before the flow was linked, so that it is seen here.
	if e, ok := f.Match(&flow); ok {
		l.Leave()
		return nil, e, true
	}
	return l, cut.Entry{}, false
}

// Learn adds a name that was learnt after the flow began, such as the server
// name inside a tunnel. When a cut matches it now, the entry and true are
// returned; end is not called for it, and the flow must still Leave.
func (f *Flows) Learn(l *Live, name string) (cut.Entry, bool) {
	l.at.mu.Lock()
	l.flow.Others = append(l.flow.Others, name)
	flow := l.flow
	l.at.mu.Unlock()
	return f.Match(&flow)
}

// Match reports whether a cut in force matches flow. It is for what is decided
// before a flow is entered; only Enter excludes a race.
func (f *Flows) Match(flow *cut.Flow) (cut.Entry, bool) {
	set := f.set.Load()
	if set.Empty() {
		return cut.Entry{}, false
	}
	return set.Match(flow, f.now())
}

// Leave takes the flow out. It may be called more than once, and nil is none.
func (l *Live) Leave() {
	if l == nil {
		return
	}
	l.at.mu.Lock()
	l.unlink()
	l.at.mu.Unlock()
}

// link and unlink need the shard's lock.
func (l *Live) link() {
	l.next = l.at.first
	if l.next != nil {
		l.next.prev = l
	}
	l.at.first = l
	l.at.count++
}

func (l *Live) unlink() {
	switch {
	case l.prev != nil:
		l.prev.next = l.next
	case l.at.first == l:
		l.at.first = l.next
	default:
		return // not linked
	}
	if l.next != nil {
		l.next.prev = l.prev
	}
	l.prev, l.next = nil, nil
	l.at.count--
}

// Cut implements Cutter.
func (f *Flows) Cut(ctx context.Context, set *cut.Set) (closed int, err error) {
	f.taking.Lock()
	defer f.taking.Unlock()
	if in := f.Generation(); set.Generation() < in {
		return 0, fmt.Errorf("generation %d: %w (%d)", set.Generation(), ErrOlder, in)
	}
	f.set.Store(set)
	now := f.now()
	for i := range f.shard {
		if err := ctx.Err(); err != nil {
			return closed, err // in force for what begins; call again for the rest
		}
		closed += f.shard[i].cut(set, now)
	}
	if f.Idle != nil {
		f.Idle(set)
	}
	return closed, nil
}

func (s *shard) cut(set *cut.Set, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := 0
	for l := s.first; l != nil; {
		next := l.next
		if e, ok := set.Match(&l.flow, now); ok {
			l.unlink()
			l.end(e)
			closed++
		}
		l = next
	}
	return closed
}

// Set is the generation of cuts in force, nil before the first.
func (f *Flows) Set() *cut.Set { return f.set.Load() }

// Generation implements Cutter.
func (f *Flows) Generation() uint64 { return f.Set().Generation() }

// Count is how many flows are live.
func (f *Flows) Count() int {
	n := 0
	for i := range f.shard {
		s := &f.shard[i]
		s.mu.Lock()
		n += s.count
		s.mu.Unlock()
	}
	return n
}

func (f *Flows) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
