// Package roll keeps the roll of sessions that one part of Sekisho opened at a
// database server: logins under way, sessions that are there, sessions that
// have just left. The bypass watch compares it with what the server counts.
//
// It opens nothing and reads no protocol: who opens sessions says what
// happened.
package roll

import (
	"sync"
	"time"
)

// Leaving is how long a server process may outlive its session: it takes back
// its transaction, reports its statistics and frees its memory, and a statement
// under way may have to come to its next interrupt.
const Leaving = time.Minute

// Roll is a roll. The zero value is empty and ready for use; it is safe for
// concurrent use.
type Roll struct {
	// Now is the clock; nil means time.Now. The watch must use the same.
	Now func() time.Time

	mu          sync.Mutex
	established uint64
	under       map[*Entry]time.Time // logins under way, and when they began
	serving     map[uint32]int       // process → sessions
	left        map[uint32]time.Time // process → when its session ended
	order       []departure          // left, oldest first
}

type departure struct {
	pid uint32
	at  time.Time
}

// Count is what a roll says at one moment.
type Count struct {
	// Established counts the sessions that the server confirmed (its
	// ReadyForQuery was seen) since the start. It never falls.
	Established uint64
	// Pending counts the logins under way. A login leaves it when it enters
	// Established.
	Pending uint64
	// Oldest is when the oldest login under way began; zero without any.
	Oldest time.Time
}

// Add returns the count of both.
func (c Count) Add(d Count) Count {
	c.Established += d.Established
	c.Pending += d.Pending
	if c.Oldest.IsZero() || !d.Oldest.IsZero() && d.Oldest.Before(c.Oldest) {
		c.Oldest = d.Oldest
	}
	return c
}

// Presence says what a roll knows about a server process.
type Presence int

// What is known about a process.
const (
	Unknown Presence = iota
	// Left: it served a session that ended less than Leaving ago, and may not
	// be gone yet; or it is another one with the same number.
	Left
	// Serving: it serves a session now.
	Serving
)

// Process is a process of a database server that serves a client.
type Process struct {
	PID   uint32
	Start string // when it began, in the server's words: the number may be another's later; "": not known
	Idle  bool   // it has waited for its client for a while, outside of a transaction
}

// Entry is one login, and then one session.
type Entry struct {
	roll *Roll
	// Guarded by roll.mu.
	pid         uint32
	established bool
	over        bool
}

func (r *Roll) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Begin enters a login. It must be called before the server can know of it, and
// End afterwards, whatever became of it.
func (r *Roll) Begin() *Entry {
	e := &Entry{roll: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under == nil {
		r.under, r.serving, r.left = map[*Entry]time.Time{}, map[uint32]int{}, map[uint32]time.Time{}
	}
	r.under[e] = r.now()
	return e
}

// Establish says that the server is ready and that its process pid serves the
// session; pid is 0 where nobody said it. The second call does nothing.
func (e *Entry) Establish(pid uint32) { e.enter(pid, 1) }

// Uncounted is Establish for a session that no database counts, because it is
// in none: a physical replication connection.
func (e *Entry) Uncounted(pid uint32) { e.enter(pid, 0) }

func (e *Entry) enter(pid uint32, count uint64) {
	r := e.roll
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.established || e.over {
		return
	}
	delete(r.under, e)
	e.established, e.pid = true, pid
	r.established += count
	if pid != 0 {
		r.serving[pid]++
	}
}

// End says that the login failed, or that the session is over. The second call
// does nothing.
func (e *Entry) End() {
	r := e.roll
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.over {
		return
	}
	e.over = true
	delete(r.under, e)
	if e.pid == 0 {
		return
	}
	if r.serving[e.pid]--; r.serving[e.pid] == 0 {
		delete(r.serving, e.pid)
	}
	now := r.now()
	r.forget(now)
	r.left[e.pid] = now
	r.order = append(r.order, departure{e.pid, now})
}

// forget drops what left more than Leaving ago.
func (r *Roll) forget(now time.Time) {
	n := 0
	for n < len(r.order) && now.Sub(r.order[n].at) >= Leaving {
		if d := r.order[n]; r.left[d.pid].Equal(d.at) {
			delete(r.left, d.pid)
		}
		n++
	}
	r.order = r.order[n:]
}

// Count returns what the roll says now.
func (r *Roll) Count() Count {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Count{Established: r.established, Pending: uint64(len(r.under))}
	for _, began := range r.under {
		if c.Oldest.IsZero() || began.Before(c.Oldest) {
			c.Oldest = began
		}
	}
	return c
}

// Presence returns what is known about a process.
func (r *Roll) Presence(pid uint32) Presence {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(r.now())
	if r.serving[pid] > 0 {
		return Serving
	}
	if _, ok := r.left[pid]; ok {
		return Left
	}
	return Unknown
}
