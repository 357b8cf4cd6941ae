package ledger

import (
	"errors"
	"fmt"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
)

// acks are told, once each, when what they wait for is on disk or never will be.
type acks []func(error)

func (a acks) tell(err error) {
	for _, done := range a {
		done(err)
	}
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
		l.waiting = append(l.waiting, done)
	}
	much := len(l.queue) >= spillBytes
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if much {
		wake(l.spill)
	}
	wake(l.wake)
	return nil
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
	if len(l.waiting) > 0 {
		l.unsynced = append(l.unsynced, l.waiting)
		l.waiting = nil
		if n := len(l.told); n > 0 {
			l.waiting, l.told = l.told[n-1], l.told[:n-1]
		}
	}
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

// handOver is writeOut, and takes over from the ledger who waits for what was
// written so far. l.writeMu is held.
func (l *Ledger) handOver(end bool) (written, []acks, error) {
	w, err := l.writeOut(end)
	if err != nil {
		return w, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.unsynced
	l.unsynced = nil
	return w, waiting, nil
}

// spillBytes is how much gathers while a sync runs before it is handed to the
// operating system without waiting for the end of that sync.
const spillBytes = 256 << 10

// spillLoop writes while syncLoop syncs. It ends when drain is closed.
func (l *Ledger) spillLoop() {
	for {
		select {
		case <-l.spill:
		case <-l.drain:
			return
		}
		l.writeMu.Lock()
		_, err := l.writeOut(false)
		l.writeMu.Unlock()
		if err != nil {
			return // writeOut has told everybody
		}
	}
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
		l.failure, l.cause, l.failedAt = errors.Join(event.ErrStopped, cause), cause, l.cfg.Now()
		close(l.failed)
	}
	failure, waiting := l.failure, append(l.unsynced, l.waiting)
	l.unsynced, l.waiting = nil, nil
	l.mu.Unlock()
	for _, a := range waiting {
		a.tell(failure)
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

// wake makes the goroutine that receives from c run, now or once more.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
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
	defer close(l.synchronised)
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

// sync brings everything taken so far to the disk, has those told who waited,
// and ends the segment when it is due.
func (l *Ledger) sync() {
	l.writeMu.Lock()
	w, waiting, err := l.handOver(false)
	l.writeMu.Unlock()
	if err != nil {
		return
	}
	if w.position > l.synced { // only this goroutine changes synced
		err := l.file.Sync() // and the file
		if err != nil {
			err = l.fail(fmt.Errorf("sync %s: %w: %w", openName(l.ordinal), ErrSync, err))
		} else {
			l.advance(w)
		}
		l.synchronised <- outcome{waiting, err}
		if err != nil {
			return
		}
	}
	if l.rotationDue(w.size) {
		l.rotate()
	}
}

// outcome is what became of events that were written.
type outcome struct {
	waiting []acks
	err     error
}

// maxOutcomes bounds the syncs that go on before those who waited are told.
const maxOutcomes = 4

// tellLoop tells who waited while syncLoop goes on. It ends when syncLoop has.
func (l *Ledger) tellLoop() {
	for o := range l.synchronised {
		for _, a := range o.waiting {
			a.tell(o.err)
			clear(a)
			l.mu.Lock()
			if len(l.told) < maxOutcomes {
				l.told = append(l.told, a[:0])
			}
			l.mu.Unlock()
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
func (l *Ledger) rotate() {
	file, err := durable.CreateFile(l.fs, openName(l.ordinal+1), 0o600)
	var waiting []acks
	if err == nil {
		waiting, err = l.change(file)
	}
	if err != nil {
		err = l.fail(fmt.Errorf("begin %s: %w", openName(l.ordinal+1), err))
	}
	l.synchronised <- outcome{waiting, err}
	wake(l.seal)
}

// change goes over to the file of the next segment. It returns who waits for
// the end of the old one.
func (l *Ledger) change(file durable.File) ([]acks, error) {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	w, waiting, err := l.handOver(true)
	if err == nil {
		if err = l.file.Sync(); err != nil { // little is left to sync: sync has just run
			err = fmt.Errorf("%w: %w", ErrSync, err)
		}
	}
	if err == nil {
		err = l.file.Close()
	}
	if err != nil {
		return waiting, errors.Join(err, file.Close())
	}
	l.file, l.born = file, time.Time{}
	l.ordinal++
	l.mu.Lock()
	l.rotated = l.ordinal
	l.mu.Unlock()
	l.advance(w)
	return waiting, nil
}

// advance publishes a synced position.
func (l *Ledger) advance(w written) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = w.position
	l.durable = w.next
	l.signalLocked()
}
