package account

import (
	"sync"
	"time"
)

// attempts slows down whoever guesses: after free failures each further one
// doubles the wait, by account and by address. It is in memory only: a restart
// forgives, and costs whoever guesses more than it gives.
type attempts struct {
	mu   sync.Mutex
	fail map[string]*failures // "account x", "address y"
	busy int                  // password hashes under way
}

type failures struct {
	n    int
	last time.Time
}

const (
	freeFailures = 5
	firstWait    = 2 * time.Second
	longestWait  = 15 * time.Minute
	// forgiven is the time without failures after which the count begins anew.
	forgiven = time.Hour
	// maxTracked bounds the memory for those who come from everywhere: when it
	// is full, the oldest is forgotten.
	maxTracked = 100_000
	// maxBusy bounds the password hashes under way: each takes 64 MiB.
	maxBusy = 4
)

// wait returns how long the keys must wait at now.
func (a *attempts) wait(now time.Time, keys ...string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	longest := time.Duration(0)
	for _, key := range keys {
		f := a.fail[key]
		if f == nil || f.n < freeFailures {
			continue
		}
		wait := min(firstWait<<min(f.n-freeFailures, 16), longestWait)
		longest = max(longest, f.last.Add(wait).Sub(now))
	}
	return longest
}

// begin takes one of the places for hashes; false: all are taken.
func (a *attempts) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy >= maxBusy {
		return false
	}
	a.busy++
	return true
}

func (a *attempts) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
}

// failed counts a failure of the keys.
func (a *attempts) failed(now time.Time, keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail == nil {
		a.fail = map[string]*failures{}
	}
	for _, key := range keys {
		f := a.fail[key]
		if f == nil || now.Sub(f.last) > forgiven {
			if f == nil && len(a.fail) >= maxTracked {
				a.drop(now)
			}
			f = &failures{}
			a.fail[key] = f
		}
		f.n++
		f.last = now
	}
}

// drop makes room: those that are forgiven go, else the oldest.
func (a *attempts) drop(now time.Time) {
	oldest, at := "", now
	for key, f := range a.fail {
		if now.Sub(f.last) > forgiven {
			delete(a.fail, key)
		} else if f.last.Before(at) {
			oldest, at = key, f.last
		}
	}
	if len(a.fail) >= maxTracked {
		delete(a.fail, oldest)
	}
}

// passed forgets the failures of an account that entered; those of its address
// stay, so that one good account does not pay for guesses at others.
func (a *attempts) passed(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.fail, key)
}
