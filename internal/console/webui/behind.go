package webui

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// errands are answers that take longer than a page may: they are worked out
// behind the page's back, and the page asks again until they are there. The zero
// value is ready.
type errands struct {
	most int  // how many are under way at a time; 0: mostErrands
	once bool // an answer is for the page that asked: whoever asks later asks anew

	mu      sync.Mutex
	kept    map[string]*errand
	running int
}

type errand struct {
	done  chan struct{} // closed when value and err are there
	ended time.Time
	value any
	err   error
}

const (
	errandWait = 40 * time.Millisecond // how long after it was asked a page waits for one
	errandLife = 30 * time.Second      // how long an answer is kept
	errandMost = 5 * time.Minute       // how long one may take
	// mostErrands are under way at a time, keptErrands are kept.
	mostErrands, keptErrands = 2, 32
)

// behind returns what f answers; ready is false while it is not there. The key
// names question and asker. f is not told that the page went away: somebody asks
// again.
func (s *Server) behind(ctx context.Context, key string, f func(context.Context) (any, error)) (value any, ready bool, err error) {
	return s.behindOf(&s.errands, ctx, key, f)
}

// behindOf is behind for errands of one sort.
func (s *Server) behindOf(all *errands, ctx context.Context, key string, f func(context.Context) (any, error)) (value any, ready bool, err error) {
	e := s.errand(all, ctx, key, f)
	if e == nil {
		return nil, false, nil // others are under way
	}
	if !e.await(ctx) {
		return nil, false, ctx.Err()
	}
	if all.once {
		all.taken(key, e)
	}
	return e.value, true, e.err
}

// await waits until the answer is there, until the page has waited for long
// enough, or until it goes away. ready says that the answer is there, also when
// the page was woken too late to see it come.
func (e *errand) await(ctx context.Context) (ready bool) {
	wait := time.NewTimer(waitOf(ctx))
	defer wait.Stop()
	select {
	case <-e.done:
		return true
	case <-wait.C:
	case <-ctx.Done():
		return false // nobody would see it
	}
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

type arrivedKey struct{}

// arriving notes when a request came, and waitOf returns for how long its page
// may wait still: what it did before counts.
func arriving(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, arrivedKey{}, at)
}

func waitOf(ctx context.Context) time.Duration {
	at, ok := ctx.Value(arrivedKey{}).(time.Time)
	if !ok {
		return errandWait
	}
	return max(0, errandWait-time.Since(at))
}

// errand returns the one of that key, begun if need be; nil when too many are
// under way.
func (s *Server) errand(all *errands, ctx context.Context, key string, f func(context.Context) (any, error)) *errand {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.forget(time.Now())
	if e := all.kept[key]; e != nil {
		return e
	}
	if all.running >= cmp.Or(all.most, mostErrands) {
		return nil
	}
	if all.kept == nil {
		all.kept = map[string]*errand{}
	}
	e := &errand{done: make(chan struct{})}
	all.kept[key] = e
	all.running++
	run, cancel := s.beyond(ctx, errandMost)
	go func() { // ends with f, with the server, or after errandMost
		defer cancel()
		if s.Calm != nil && all == &s.errands { // searches and figures are short
			s.Calm()
		}
		e.value, e.err = f(run)
		all.mu.Lock()
		all.running--
		e.ended = time.Now()
		all.mu.Unlock()
		close(e.done)
	}()
	return e
}

// taken forgets an answer that a page has.
func (all *errands) taken(key string, e *errand) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.kept[key] == e {
		delete(all.kept, key)
	}
}

// forget drops answers that are old, and the oldest when there are many. The
// caller holds mu.
func (all *errands) forget(now time.Time) {
	oldest := ""
	for k, e := range all.kept {
		switch {
		case e.ended.IsZero():
		case now.Sub(e.ended) > errandLife:
			delete(all.kept, k)
		case oldest == "" || e.ended.Before(all.kept[oldest].ended):
			oldest = k
		}
	}
	if len(all.kept) >= keptErrands && oldest != "" {
		delete(all.kept, oldest)
	}
}

// beyond returns a context for what goes on when the page of ctx is gone: until
// the server stops, or for the given time.
func (s *Server) beyond(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	run, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	go func() { // ends with run
		select {
		case <-s.stopped:
			cancel()
		case <-run.Done():
		}
	}()
	return run, cancel
}
