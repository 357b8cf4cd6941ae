package ledger

import (
	"errors"
	"fmt"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
)

// waiter is told when the ledger is on disk up to a position.
type waiter struct {
	position int64
	done     func(error)
}

// take appends a batch. With level Written its bytes are with the operating
// system when take returns, after everything that was taken before it.
func (l *Ledger) take(level event.Level, done func(error), b batch) error {
	if level == event.Written {
		return l.takeWritten(done, b)
	}
	l.mu.Lock()
	err := l.appendLocked(b)
	if err == nil && done != nil {
		l.waiters = append(l.waiters, waiter{l.taken, done})
	}
	l.mu.Unlock()
	if err == nil {
		l.wakeNow()
	}
	return err
}

func (l *Ledger) takeWritten(done func(error), b batch) error {
	l.writeMu.Lock()
	l.mu.Lock()
	err := l.appendLocked(b)
	l.mu.Unlock()
	if err == nil {
		_, err = l.writeOut(false)
	}
	l.writeMu.Unlock()
	if err != nil {
		return err
	}
	l.wakeSoon()
	if done != nil {
		done(nil)
	}
	return nil
}

// appendLocked adds a batch to the queue. l.mu is held.
func (l *Ledger) appendLocked(b batch) error {
	if l.failure != nil {
		return l.failure
	}
	if l.closing {
		return errors.Join(event.ErrStopped, errClosed)
	}
	if l.taken-l.synced+int64(len(b.lines)) > l.cfg.QueueBytes {
		return fmt.Errorf("%d bytes wait to be synced: %w", l.taken-l.synced, event.ErrFull)
	}
	l.queue = append(l.queue, b.lines...)
	l.taken += int64(len(b.lines))
	l.next += event.Index(len(b.sums))
	l.growing.take(&b)
	b.chain.head = b.head
	return nil
}

// written is a position up to which the operating system has the ledger.
type written struct {
	position int64
	next     event.Index
	size     int64 // of the segment
}

// writeOut hands the queue to the operating system, and with end true ends the
// segment with it: what is taken from then on belongs to the next. l.writeMu
// is held.
func (l *Ledger) writeOut(end bool) (written, error) {
	l.mu.Lock()
	queue, w, g, failure := l.queue, written{position: l.taken, next: l.next}, l.growing, l.failure
	l.queue = l.spare[:0]
	if end && failure == nil {
		l.endGrowing(l.next)
	}
	l.mu.Unlock()
	l.spare = queue
	if failure != nil {
		return w, failure
	}
	if len(queue) > 0 {
		if _, err := l.file.Write(queue); err != nil {
			return w, l.fail(fmt.Errorf("write %s: %w", openName(l.ordinal), err))
		}
		g.wrote(queue)
	}
	if cap(queue) > maxSpare {
		l.spare = nil
	}
	w.size = g.size
	return w, nil
}

// maxSpare bounds the queue buffer that is kept for reuse, in bytes: twice what
// 64 writers with 256 events of 400 bytes on the way have, for it grows in steps.
const maxSpare = 16 << 20

// fail stops the ledger for good and tells all who wait. It returns the error
// for callers, which is event.ErrStopped and carries the cause. A sync is never
// tried again: after a failed one the system may have dropped the pages and
// call the next one a success.
func (l *Ledger) fail(cause error) error {
	l.mu.Lock()
	if l.failure == nil {
		l.failure = errors.Join(event.ErrStopped, cause)
		close(l.failed)
	}
	failure, waiters := l.failure, l.waiters
	l.waiters = nil
	l.mu.Unlock()
	for _, w := range waiters {
		w.done(failure)
	}
	return failure
}

// Err returns why the ledger stopped taking events, or nil. It is
// event.ErrStopped joined with the cause.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// wakeNow makes the sync loop run at once.
func (l *Ledger) wakeNow() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// wakeSoon makes the sync loop run within the sync interval. Only the first
// call after a sync has to wake it: it tells a sleeping goroutine.
func (l *Ledger) wakeSoon() {
	if l.soon.CompareAndSwap(false, true) {
		l.dirty <- struct{}{} // never waits: the loop has taken the last one
	}
}

// syncLoop is the only goroutine that syncs the open segment and replaces it.
// It ends when drain is closed, after a last sync.
func (l *Ledger) syncLoop() {
	timer := time.NewTimer(l.cfg.SyncInterval)
	timer.Stop()
	for {
		select {
		case <-l.wake:
		case <-timer.C:
			l.soon.Store(false) // what is taken from here on asks for the next
		case <-l.dirty:
			timer.Reset(l.syncDelay())
			continue
		case <-l.drain:
			timer.Stop()
			l.sync()
			return
		}
		l.sync()
	}
}

// syncDelay leaves a quarter of the interval for the sync itself.
func (l *Ledger) syncDelay() time.Duration { return l.cfg.SyncInterval * 3 / 4 }

// sync brings everything taken so far to the disk, tells who waited, and ends
// the segment when it is due.
func (l *Ledger) sync() {
	l.writeMu.Lock()
	w, err := l.writeOut(false)
	l.writeMu.Unlock()
	if err != nil {
		return
	}
	if w.position > l.synced { // only this goroutine changes synced
		if err := l.file.Sync(); err != nil { // and the file
			l.fail(fmt.Errorf("sync %s: %w", openName(l.ordinal), err))
			return
		}
		l.advance(w)
	}
	if l.rotationDue(w.size) {
		if err := l.rotate(); err != nil {
			l.fail(fmt.Errorf("begin %s: %w", openName(l.ordinal+1), err))
		}
	}
}

// maxSegmentChains is when a segment ends although it is small: its digest
// names each of its chains and has at most 64 KiB.
const maxSegmentChains = 200

func (l *Ledger) rotationDue(size int64) bool {
	if size == 0 {
		return false
	}
	now := l.cfg.Now()
	if l.born.IsZero() {
		l.born = now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wantRotate || size >= l.cfg.SegmentBytes || now.Sub(l.born) >= l.cfg.SegmentAge || l.growing.chains >= maxSegmentChains
}

// rotate ends the open segment and begins the next. The old segment is on disk
// before the new one gets its first byte, so that a power cut can only take
// from the end of the ledger.
func (l *Ledger) rotate() error {
	file, err := durable.CreateFile(l.fs, openName(l.ordinal+1), 0o600)
	if err != nil {
		return err
	}
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	w, err := l.writeOut(true)
	if err == nil {
		err = l.file.Sync() // little is left to sync: sync has just run
	}
	if err == nil {
		err = l.file.Close()
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.born = file, time.Time{}
	l.ordinal++
	l.mu.Lock()
	l.rotated = l.ordinal
	l.mu.Unlock()
	l.advance(w)
	l.wakeSeal()
	return nil
}

// advance publishes a synced position.
func (l *Ledger) advance(w written) {
	l.mu.Lock()
	l.synced = w.position
	l.durable = w.next
	l.signalLocked()
	n := 0
	for n < len(l.waiters) && l.waiters[n].position <= w.position {
		n++
	}
	ready := append(l.ready[:0], l.waiters[:n]...)
	l.waiters = append(l.waiters[:0], l.waiters[n:]...)
	l.mu.Unlock()
	for i, r := range ready {
		r.done(nil)
		ready[i] = waiter{}
	}
	l.ready = ready
}
