package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/proof/scope"
)

// Ledger implements office.Office.
func (c *console) Ledger(context.Context) (*consoleoffice.Ledger, error) {
	dir := ledgerDir(c.cfg.Config)
	id := c.ledger.Identity()
	first, err := c.ledger.First()
	if err != nil {
		return nil, ledgerFault(dir, c.file, err)
	}
	out := &consoleoffice.Ledger{Origin: id.Origin, Key: id.Key, Head: uint64(c.ledger.Head()), First: uint64(first), Keep: time.Duration(c.cfg.Ledger.Retention.Keep)}
	out.Sources, out.Gaps = c.recent.state(c.now())
	text, err := os.ReadFile(filepath.Join(dir, "log", "checkpoint"))
	if err == nil {
		out.Checkpoint = string(text)
	}
	for _, w := range c.cfg.Ledger.Witnesses {
		name, _, _ := strings.Cut(w.Key, "+") // C2SP signed-note: NAME+HASH+KEY
		out.Witnesses = append(out.Witnesses, consoleoffice.Witness{Name: name, URL: w.URL, Signed: strings.Contains(out.Checkpoint, "\n— "+name+" ")})
	}
	aging, err := c.ledger.Aging(c.retention(out.Keep))
	if err != nil {
		return nil, ledgerFault(dir, c.file, err)
	}
	out.Retention = consoleoffice.Retention(aging)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.check != nil {
		check := *c.check
		out.Check = &check
	}
	if c.now().Sub(c.size.at) > sizeLife {
		c.size = measure(dir, c.now())
	}
	out.Bytes, out.Months = c.size.bytes, c.size.months
	return out, nil
}

// state returns the sources by name and the gaps, the newest first.
func (r *recent) state(now time.Time) ([]consoleoffice.Source, []consoleoffice.Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []consoleoffice.Source
	for name, s := range r.sources {
		all = append(all, consoleoffice.Source{Name: string(name), Seq: uint64(s.seq), Last: s.last,
			Silent: s.beats && !s.stopped && now.Sub(s.last) > scope.DefaultSilence})
	}
	slices.SortFunc(all, func(a, b consoleoffice.Source) int { return strings.Compare(a.Name, b.Name) })
	gaps := slices.Clone(r.gaps)
	slices.Reverse(gaps)
	return all, gaps
}

// diskUse is how much the ledger's files take.
type diskUse struct {
	at     time.Time
	bytes  int64
	months []consoleoffice.Month
}

// sizeLife is how long a measurement is shown.
const sizeLife = time.Minute

// measure sums the files by the month in which they were last written. Files
// that go away meanwhile do not count.
func measure(dir string, now time.Time) diskUse {
	u := diskUse{at: now}
	months := map[string]int64{}
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // an error leaves files out of a figure about size
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			u.bytes += info.Size()
			months[info.ModTime().UTC().Format("2006-01")] += info.Size()
		}
		return nil
	})
	for m, n := range months {
		u.months = append(u.months, consoleoffice.Month{Month: m, Bytes: n})
	}
	slices.SortFunc(u.months, func(a, b consoleoffice.Month) int { return strings.Compare(b.Month, a.Month) })
	return u
}

// Verify implements office.Office.
func (c *console) Verify(ctx context.Context, by string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.check != nil && c.check.Ended.IsZero() {
		return nil
	}
	c.check = &consoleoffice.Check{By: by, Begun: c.now()}
	// It goes on when the person closes the page, and ends with the process.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.wait.Go(func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	})
	c.wait.Go(func() {
		defer cancel()
		c.verify(ctx, by)
	})
	return nil
}

func (c *console) verify(ctx context.Context, by string) {
	report, err := ledger.Verify(ctx, ledgerDir(c.cfg.Config), ledger.VerifyOptions{Progress: func(done, of int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.check.Done, c.check.Of = done, of
	}})
	c.mu.Lock()
	c.check.Ended = c.now()
	result := "done"
	switch {
	case err != nil:
		result, c.check.Failed = "failed", err.Error()
	default:
		c.check.OK, c.check.Events, c.check.Sealed, c.check.Notes = report.OK(), uint64(report.Events), report.Sealed, report.Notes
		for _, p := range report.Problems {
			c.check.Problems = append(c.check.Problems, p.String())
		}
		if !report.OK() {
			result = "failed"
		}
	}
	c.mu.Unlock()
	if err := c.Record(context.WithoutCancel(ctx), event.Source("person/"+by), &event.Act{By: by, Do: "verify", Target: "ledger", Result: result}); err != nil {
		c.log.Error("check of the ledger not recorded", "err", err)
	}
}
