package webui

import (
	"context"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/fault"
)

// fullFirm is a firm without room for some of what its cases have to show.
type fullFirm struct {
	*firm
	unseen uint64
}

func (f *fullFirm) Status(ctx context.Context) (control.Status, error) {
	s, err := f.firm.Status(ctx)
	s.Outage = &control.Outage{Since: f.now, Code: fault.LedgerFull, Unseen: f.unseen}
	return s, err
}

// TestCasesUnseen: pages of cases that are of before an outage say so, and no others.
func TestCasesUnseen(t *testing.T) {
	s, f := newServer(t)
	full := &fullFirm{firm: f}
	s.Office = full
	d := enter(t, s, f, "ayame")
	for _, n := range []uint64{0, 12_345} {
		full.unseen = n
		for _, path := range []string{"/cases", "/cases/c1"} {
			page := text(t, d.visit("GET", path, nil))
			if says := strings.Contains(page, "12,345"); says != (n > 0) {
				t.Errorf("%s with %d events unseen says so: %v", path, n, says)
			}
		}
	}
}
