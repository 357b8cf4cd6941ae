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
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/internal/ledger/tiles"
)

// Ledger is an open ledger. All methods are safe for concurrent use. Close
// must be called; a process that dies without it is recovered from at Open.
type Ledger struct {
	*Reader
	cfg       Config
	fs        durable.FS
	id        Identity
	signer    note.Signer
	lockFile  *os.File
	log       *tiles.Log
	recovered Recovery

	// writeMu covers the bytes of the open segment: who holds it may write.
	// Held for one write(2), or for one sync when a segment ends.
	writeMu sync.Mutex
	file    durable.File
	ordinal uint64 // of the open segment
	spare   []byte // the queue's other buffer

	// mu covers the position of the ledger. Never held over I/O.
	mu         sync.Mutex
	queue      []byte // taken, not yet written
	taken      int64  // bytes taken since Open
	synced     int64  // bytes on disk; changed by syncLoop only
	next       event.Index
	durable    event.Index // events on disk
	chains     map[segment.Key]*chain
	recorders  map[segment.Key]*recorder
	waiting    acks   // for what is in the queue
	unsynced   []acks // for what is written
	told       []acks // empty, for reuse
	failure    error
	cause      error               // of failure
	failedAt   time.Time           // failure was set
	closing    bool                // nothing more is taken
	moved      chan struct{}       // closed and replaced when durable or sealed moves
	growing    *growing            // the open segment
	ended      map[uint64]*growing // segments that wait to be sealed, some of them
	endedSums  int                 // line hashes in ended
	rotated    uint64              // segments that do not grow any more
	sealed     uint64              // segments in the log
	wantRotate bool

	// sealMu is held while a segment is sealed or a backup is made. Taken
	// before all other locks.
	sealMu sync.Mutex

	born      time.Time     // syncLoop's: first sync of the open segment
	sealHeads segment.Heads // sealLoop's: before segment number sealed
	published event.Index   // headLoop's: the last heads

	failed chan struct{} // closed when failure is set
	wake   chan struct{}
	spill  chan struct{}
	// synchronised is tellLoop's; syncLoop closes it.
	synchronised chan outcome
	soon         atomic.Bool // a sync is asked for, within the interval
	dirty        chan struct{}
	seal         chan struct{}
	cancel       func()        // ends headLoop and sealLoop
	drain        chan struct{} // ends syncLoop and spillLoop
	loops        sync.WaitGroup
	syncer       sync.WaitGroup
	closed       sync.Once
}

// chain is the state of one (source, worker), covered by Ledger.mu.
type chain struct {
	key  segment.Key
	head segment.Head
	// The last segment that it has events in, plus 1; the first of them, and
	// the digest before.
	segment uint64
	first   event.Seq
	prev    event.Digest
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
	signer, err := readKey(cfg.FS, cfg.Dir, id)
	if err != nil {
		return nil, err
	}
	lockFile, err := lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l := &Ledger{
		Reader: newReader(cfg.FS, cfg.Dir, id), cfg: cfg, fs: cfg.FS, id: id, signer: signer, lockFile: lockFile,
		recorders: make(map[segment.Key]*recorder), chains: make(map[segment.Key]*chain), ended: make(map[uint64]*growing),
		moved: make(chan struct{}), failed: make(chan struct{}), wake: make(chan struct{}, 1),
		spill: make(chan struct{}, 1), synchronised: make(chan outcome, maxOutcomes),
		dirty: make(chan struct{}, 1), seal: make(chan struct{}, 1), drain: make(chan struct{}),
	}
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, lockFile.Close())
	}
	l.Reader.live = l
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.syncer.Go(l.syncLoop)
	l.syncer.Go(l.spillLoop)
	l.syncer.Go(l.tellLoop)
	l.loops.Go(func() { l.headLoop(ctx) })
	l.loops.Go(func() { l.sealLoop(ctx) })
	wake(l.seal)
	return l, nil
}

// Close syncs what was taken, publishes the heads, ends all goroutines and
// marks the end as clean. Recorders return event.ErrStopped afterwards. Close
// may be called twice. It returns why the ledger had stopped, if it had.
func (l *Ledger) Close() error {
	var err error
	l.closed.Do(func() { err = l.close() })
	return err
}

func (l *Ledger) close() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.cancel()
	l.loops.Wait()
	close(l.drain)
	l.syncer.Wait()
	err := l.Err()
	if err == nil {
		err = l.finish()
	}
	l.fail(errClosed)
	// The log is whole after every Append; what was not published yet is
	// published by the next run.
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if closeErr := l.log.Close(ctx); closeErr != nil && !errors.Is(closeErr, context.DeadlineExceeded) {
		err = errors.Join(err, closeErr)
	}
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	return errors.Join(err, l.file.Close(), l.lockFile.Close())
}

// closeTimeout bounds the wait for the last checkpoint.
const closeTimeout = 2 * time.Second

// finish writes the last heads and marks the end as clean.
func (l *Ledger) finish() error {
	if err := l.publishHeads(l.snapshot()); err != nil {
		return err
	}
	return writeRun(l.fs, run{Boot: l.cfg.BootID, Started: l.cfg.Now().UnixNano(), Clean: true})
}

var errClosed = errors.New("ledger is closed")

// Head returns the number of events that are on disk: the index of the next.
func (l *Ledger) Head() event.Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

// Taken returns the number of events that were taken, on disk or not: the index
// of the next.
func (l *Ledger) Taken() event.Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// Wait returns when the event with index next is on disk, with the ledger's
// head, which is then greater than next. It returns the head and ctx's error,
// or event.ErrStopped, when that will not happen.
func (l *Ledger) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	err := l.await(ctx, func() bool { return l.durable > next })
	return l.Head(), err
}

// await returns when reached, which is called with l.mu held, says so.
func (l *Ledger) await(ctx context.Context, reached func() bool) error {
	for {
		l.mu.Lock()
		ok, moved := reached(), l.moved
		l.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-moved:
		case <-l.failed:
			return l.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signalLocked wakes everybody in await. l.mu is held.
func (l *Ledger) signalLocked() {
	close(l.moved)
	l.moved = make(chan struct{})
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
