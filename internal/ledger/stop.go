package ledger

import (
	"errors"
	"time"
)

// ErrSync is in the reason of a ledger that stopped because a sync failed: what
// the system shows of the newest events need not be on the disk, and no later
// sync can tell. Such a disk is looked at by a person before anything goes on.
var ErrSync = errors.New("what was written last may not be on the disk")

// Failed returns a channel that is closed when the ledger takes no more events:
// after a failure, Stop, or Close.
func (l *Ledger) Failed() <-chan struct{} { return l.failed }

// Stopped returns since when the ledger takes no events, and why; the zero time
// while it does, and after a Close of a ledger that did. The reason is the
// cause alone, without event.ErrStopped.
func (l *Ledger) Stopped() (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil || errors.Is(l.cause, errClosed) {
		return time.Time{}, nil
	}
	return l.failedAt, l.cause
}

// Stop has the ledger take no more events for a reason that it has not met
// itself yet, such as a disk that is full for the views beside it. It is as
// final as a failed write; what was acknowledged stays so.
func (l *Ledger) Stop(cause error) { l.fail(cause) }
