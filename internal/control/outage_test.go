package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// TestTold: while the ledger cannot be written, what failed for it is told as
// that, and nothing else is.
func TestTold(t *testing.T) {
	outage := &Outage{Since: time.Unix(1_800_000_000, 0), Code: fault.LedgerFull, Dir: "/var/lib/sekisho/ledger", Cause: "no space left on device"}
	stopped := fmt.Errorf("record: %w", event.ErrStopped)
	for _, c := range []struct {
		name   string
		err    error
		outage *Outage
		bad    error // of the state
		want   fault.Code
	}{
		{"an act", stopped, outage, nil, fault.LedgerFull},
		{"an act, said as something else", fault.New(fault.LedgerOpen, "dir", "d").Because(stopped), outage, nil, fault.LedgerFull},
		{"a database that could not grow", errors.New("database or disk is full"), outage, nil, fault.LedgerFull},
		{"a refusal", fault.New(fault.CaseRefused, "problem", "closed"), outage, nil, fault.CaseRefused},
		{"the end of the process", stopped, nil, nil, fault.Internal},
		{"nobody knows", stopped, outage, errors.New("no answer"), fault.Internal},
	} {
		status := func(context.Context) (Status, error) { return Status{Outage: c.outage}, c.bad }
		if got := fault.Faults(Told(t.Context(), status, c.err))[0]; got.Code != c.want {
			t.Errorf("%s: told as %v", c.name, got)
		}
	}
	if err := Told(t.Context(), nil, nil); err != nil {
		t.Errorf("nothing went wrong: %v", err)
	}
	f := outage.Fault()
	if text := f.What(lang.English) + f.Try(lang.English); !strings.Contains(text, outage.Cause) || !strings.Contains(text, outage.Dir) || strings.ContainsAny(text, "{}") {
		t.Errorf("it says %q", text)
	}
}
