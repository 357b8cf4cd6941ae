// Package visit says when a visitor of a web site has been shown too many
// persons. It counts persons by session, address and account, each over a
// window of time, and knows no HTTP: who is who is its caller's business.
//
// A counter is bounded twice: it remembers no more persons than its limit, and
// there are no more than maxVisitors counters. The longest unused goes first,
// so that somebody who makes up sessions pushes out sessions, and is still
// counted by address.
package visit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// maxVisitors bounds the counters of a Book.
const maxVisitors = 100_000

// By says by what a visitor is known.
type By uint8

// The ways of knowing a visitor, the narrowest first.
const (
	Session By = iota
	Account
	Address
	ways
)

var names = [ways]string{"session", "account", "address"}

// String is the stable name in events and settings.
func (b By) String() string { return names[b] }

// Visitor is one way of knowing who asks.
type Visitor struct {
	By   By
	Name string
}

// Person is one person: a subject, or somebody known by a keyed hash only. The
// zero Person is nobody.
type Person struct {
	Source string
	Number uint32
	Hash   [16]byte
}

// Limits are how many persons other than themselves visitors may be shown within
// Window. 0 is any number.
type Limits struct {
	Session, Account, Address int
	Window                    time.Duration
}

func (l *Limits) of(b By) int { return [ways]int{l.Session, l.Account, l.Address}[b] }

// Any reports whether anybody is limited.
func (l *Limits) Any() bool { return l.Session > 0 || l.Account > 0 || l.Address > 0 }

// Over is a limit that was passed.
type Over struct {
	Visitor
	Limit int
	// First says that it was passed just now.
	First bool
}

// Book counts for one site. It is safe for concurrent use.
type Book struct {
	limits Limits

	mu       sync.Mutex // guards what follows
	visitors map[Visitor]*list.Element
	recent   list.List // of *counter, the last used first
}

type counter struct {
	who   Visitor
	since time.Time
	seen  map[Person]struct{} // at most limit+1 and whoever is the visitor
	over  bool
}

// NewBook returns an empty book. A window of 0 is an hour.
func NewBook(l Limits) *Book {
	if l.Window <= 0 {
		l.Window = time.Hour
	}
	return &Book{limits: l, visitors: map[Visitor]*list.Element{}}
}

// Shut returns the limit that one of the visitors has passed in a window that is
// not over yet.
func (b *Book) Shut(now time.Time, who []Visitor) (Over, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range who {
		if e := b.visitors[v]; e != nil {
			if c := e.Value.(*counter); c.over && now.Sub(c.since) < b.limits.Window {
				return Over{Visitor: v, Limit: b.limits.of(v.By)}, true
			}
		}
	}
	return Over{}, false
}

// Half reports whether half of the limit of one of the visitors is reached.
func (b *Book) Half(now time.Time, who []Visitor) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range who {
		if e := b.visitors[v]; e != nil {
			if c := e.Value.(*counter); now.Sub(c.since) < b.limits.Window && 2*len(c.seen) >= b.limits.of(v.By) {
				return true
			}
		}
	}
	return false
}

// See notes that persons are about to be shown to who, one visitor known in
// several ways. self is the visitor's own person and is not counted. It returns
// the first limit that is passed.
func (b *Book) See(now time.Time, who []Visitor, self Person, persons []Person) (over Over, passed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range who {
		limit := b.limits.of(v.By)
		if limit <= 0 || v.Name == "" {
			continue
		}
		c := b.counter(now, v)
		was := c.over
		for _, p := range persons {
			if p == self || c.over {
				continue
			}
			c.seen[p] = struct{}{}
			c.over = len(c.seen) > limit
		}
		if c.over && !passed {
			over, passed = Over{v, limit, !was}, true
		}
	}
	return over, passed
}

// counter returns the counter of a visitor, emptied when its window is over.
func (b *Book) counter(now time.Time, v Visitor) *counter {
	e := b.visitors[v]
	if e == nil {
		e = b.recent.PushFront(&counter{who: v, since: now, seen: map[Person]struct{}{}})
		b.visitors[v] = e
		if len(b.visitors) > maxVisitors {
			last := b.recent.Back()
			b.recent.Remove(last)
			delete(b.visitors, last.Value.(*counter).who)
		}
	}
	b.recent.MoveToFront(e)
	c := e.Value.(*counter)
	if now.Sub(c.since) >= b.limits.Window {
		c.since, c.over = now, false
		clear(c.seen)
	}
	return c
}

// Network is what an address is counted by: itself, or with IPv6 the /64 that
// one subscriber has (RFC 6177, section 2).
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
