package control

import (
	"context"
	"errors"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// Outage is a ledger that cannot be written: nothing that must be recorded is
// done.
type Outage struct {
	Since time.Time  `json:"since"`
	Code  fault.Code `json:"code"`  // 8114: the disk is full; 8115: it failed; 8116: the ledger's files are gone
	Dir   string     `json:"dir"`   // of the ledger
	Cause string     `json:"cause"` // as the system says it
	// Unseen is how many of the last events before it the cases do not show yet:
	// there was no room on the disk for them. 0: they show all that concerns them.
	Unseen uint64 `json:"cases_unseen,omitempty"`
}

// Fault says it to a person, with what to do.
func (o *Outage) Fault() *fault.Error {
	return fault.New(o.Code, "dir", o.Dir).Because(errors.New(o.Cause))
}

// Told returns the outage of the ledger in place of an error that it caused: of
// event.ErrStopped, of a ledger that cannot be read, and of one that nobody foresaw
// while it lasts. status is Operator.Status.
func Told(ctx context.Context, status func(context.Context) (Status, error), err error) error {
	if err == nil {
		return nil
	}
	switch fault.Faults(err)[0].Code {
	case fault.Internal, fault.LedgerMissing, fault.LedgerOpen, fault.LedgerCorrupt:
	default:
		if !errors.Is(err, event.ErrStopped) {
			return err
		}
	}
	s, bad := status(ctx)
	if bad != nil || s.Outage == nil {
		return err
	}
	return s.Outage.Fault()
}
