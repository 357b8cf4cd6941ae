// Package ledger is the truth: every event of one tenant, in order, on disk,
// chained and bound into a transparency log.
//
// It does not know what events mean, and it never changes one. Views fold what
// Scan gives; gates and people write through Recorder.
//
// The directory:
//
//	ledger.json              what this is the ledger of (see Identity)
//	keys/checkpoint.key      signs checkpoints and heads, mode 0600
//	open/00000012.jsonl      the segment that grows: one event a line
//	sealed/00000011.jsonl.zst  a sealed segment
//	sealed/00000011.json     its digest: leaf 11 of the log
//	log/                     the transparency log, tlog-tiles format
//	heads                    signed ends of all chains, every second
//	run.json                 the last run, to know how it ended
//
// docs/format/ledger.md describes every byte.
package ledger

import (
	"context"
	"errors"
	"os"
	"sync"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// Ledger is an open ledger. All methods are safe for concurrent use. Close
// must be called; a process that dies without it is recovered from at Open.
type Ledger struct {
	*Reader
	cfg       Config
	fs        durable.FS
	id        Identity
	lockFile  *os.File
	recovered Recovery

	// writeMu covers the bytes of the open segment: who holds it may write.
	// Held for one write(2), or for one sync when a segment ends.
	writeMu     sync.Mutex
	file        durable.File
	ordinal     uint64 // of the open segment
	segmentSize int64  // bytes written to it
	spare       []byte // the queue's other buffer

	// mu covers the position of the ledger. Never held over I/O.
	mu        sync.Mutex
	queue     []byte // taken, not yet written
	taken     int64  // bytes taken since Open
	synced    int64  // bytes on disk; changed by syncLoop only
	next      event.Index
	durable   event.Index // events on disk
	heads     segment.Heads
	waiters   []waiter // by position
	recorders map[segment.Key]*recorder
	failure   error
	moved     chan struct{} // closed and replaced when durable moves

	ready  []waiter      // syncLoop's
	failed chan struct{} // closed when failure is set
	wake   chan struct{}
	dirty  chan struct{}
	stop   chan struct{}
	loops  sync.WaitGroup
	closed sync.Once
}

// Open recovers and opens a ledger for writing. It verifies before it repairs:
// what it cuts off was provably never acknowledged, anything else that is wrong
// is an error that names the place and leaves the files as they are. ctx bounds
// the recovery only.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	cfg.setDefaults()
	id, err := readIdentity(cfg.FS, cfg.Dir)
	if err != nil {
		return nil, err
	}
	if id.Tenant != cfg.Tenant {
		return nil, &TenantError{Dir: cfg.Dir, Have: id.Tenant, Want: cfg.Tenant}
	}
	lockFile, err := lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		Reader: newReader(cfg.FS, id), cfg: cfg, fs: cfg.FS, id: id, lockFile: lockFile,
		recorders: make(map[segment.Key]*recorder),
		moved:     make(chan struct{}), failed: make(chan struct{}),
		wake: make(chan struct{}, 1), dirty: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, lockFile.Close())
	}
	l.Reader.live = l
	l.loops.Go(l.syncLoop)
	return l, nil
}

// Close syncs what was taken, ends all goroutines and marks the end as clean.
// Recorders return event.ErrStopped afterwards. Close may be called twice.
func (l *Ledger) Close() error {
	var err error
	l.closed.Do(func() { err = l.close() })
	return err
}

func (l *Ledger) close() error {
	close(l.stop)
	l.loops.Wait()
	failure := l.Err()
	l.fail(errClosed)
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	return errors.Join(failure, l.file.Close(), l.lockFile.Close())
}

var errClosed = errors.New("ledger is closed")

// Head returns the number of events that are on disk: the index of the next.
func (l *Ledger) Head() event.Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

// Wait returns when the event with index next is on disk, with the ledger's
// head, which is then greater than next. It returns the head and ctx's error,
// or event.ErrStopped, when that will not happen.
func (l *Ledger) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	for {
		l.mu.Lock()
		head, moved := l.durable, l.moved
		l.mu.Unlock()
		if head > next {
			return head, nil
		}
		select {
		case <-moved:
		case <-l.failed:
			return l.Head(), l.Err()
		case <-ctx.Done():
			return head, ctx.Err()
		}
	}
}

// Recovered returns what Open found and did.
func (l *Ledger) Recovered() Recovery { return l.recovered }

// TenantError says that a directory is the ledger of somebody else.
type TenantError struct {
	Dir  string
	Have event.Tenant
	Want event.Tenant
}

func (e *TenantError) Error() string {
	return e.Dir + " is the ledger of tenant " + string(e.Have) + ", not of " + string(e.Want)
}
