package casefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

// TestCase is the name under which test calls are recorded; it is no case.
const TestCase = "test"

// rebooted is the finding of a start that nobody planned.
const rebooted = "SK7601"

// aside is what the batch has learned besides cases.
type aside struct {
	boots map[string]string // last start by host
	plans []plan
	tests map[string]tested
	hits  map[hit]int64 // injections that a gate judged, by day
}

// hit is a day, in UTC since 1970, at a gate.
type hit struct {
	gate string
	day  int64
}

// plan is a time in which a host may start again.
type plan struct {
	host        string
	first, last int64
}

type tested struct{ sent, answered int64 }

func (a *aside) reset() {
	*a = aside{boots: map[string]string{}, tests: map[string]tested{}, hits: map[hit]int64{}}
}

func (a *aside) any() bool { return len(a.boots)+len(a.plans)+len(a.tests)+len(a.hits) > 0 }

func (a *aside) save(ctx context.Context, tx *sql.Tx) error {
	var errs []error
	run := func(query string, args ...any) {
		_, err := tx.ExecContext(ctx, query, args...)
		errs = append(errs, err)
	}
	for host, id := range a.boots {
		run("INSERT INTO boot VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET boot_id = excluded.boot_id", host, id)
	}
	for _, p := range a.plans {
		run("INSERT OR IGNORE INTO plan VALUES (?, ?, ?)", p.host, p.first, p.last)
	}
	for h, n := range a.hits {
		run("INSERT INTO attack VALUES (?, ?, ?) ON CONFLICT (gate, day) DO UPDATE SET n = excluded.n", h.gate, h.day, n)
	}
	for person, t := range a.tests {
		run("INSERT INTO test VALUES (?, ?, ?) ON CONFLICT (person) DO UPDATE SET sent = excluded.sent, answered = excluded.answered", person, t.sent, t.answered)
	}
	a.reset()
	return errors.Join(errs...)
}

// boot opens a candidate when a machine started again and nobody had planned
// it. The first start that is ever reported of a machine is where we begin.
func (v *View) boot(index event.Index, at int64, e *event.HostBoot) (bool, error) {
	last, known := v.aside.boots[e.Host]
	if !known {
		err := v.db.Write.QueryRow("SELECT boot_id FROM boot WHERE host = ?", e.Host).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, fmt.Errorf("casefile view: %w", err)
		}
		known = err == nil
	}
	v.aside.boots[e.Host] = e.BootID
	if !known || last == e.BootID {
		return true, nil
	}
	planned := slices.ContainsFunc(v.aside.plans, func(p plan) bool { return p.host == e.Host && p.first <= e.At && e.At <= p.last })
	if !planned {
		err := v.db.Write.QueryRow("SELECT EXISTS (SELECT 1 FROM plan WHERE host = ? AND first <= ? AND ? <= last)", e.Host, e.At, e.At).Scan(&planned)
		if err != nil {
			return false, fmt.Errorf("casefile view: %w", err)
		}
	}
	if planned {
		return true, nil
	}
	title := fmt.Sprintf("%s: 予定のない再起動 (unplanned restart)", e.Host)
	return v.finding(index, at, min(at, e.At), &event.Finding{Code: rebooted, Title: title, Place: event.Place(e.Host), Detail: e.Reason}, true)
}

// injected is the finding of a wave of injections at a web gate; wave is how
// many on one day are one. A few a day come to every site on the internet.
const (
	injected = "SK3401"
	wave     = 50
)

// attack counts what web gates judged to be SQL injection (rules 942 of the
// OWASP Core Rule Set), refused or only seen, and opens a candidate for a wave.
func (v *View) attack(index event.Index, at int64, gate event.Source, d *event.Decision) (bool, error) {
	if !strings.HasPrefix(d.Rule, "crs/942") {
		return false, nil
	}
	h := hit{string(gate), at / int64(24*time.Hour)}
	n, known := v.aside.hits[h]
	if !known {
		err := v.db.Write.QueryRow("SELECT n FROM attack WHERE gate = ? AND day = ?", h.gate, h.day).Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, fmt.Errorf("casefile view: %w", err)
		}
	}
	v.aside.hits[h] = n + 1
	if n+1 != wave {
		return true, nil
	}
	return v.finding(index, at, at, &event.Finding{Code: injected, Title: h.gate + ": SQLインジェクションの集中 (a wave of SQL injection)", Place: event.Place(gate)}, false)
}

// test folds a test call and its answer.
func (v *View) test(at int64, e *event.CaseNotice) error {
	t, known := v.aside.tests[e.To]
	if !known {
		err := v.db.Write.QueryRow("SELECT sent, answered FROM test WHERE person = ?", e.To).Scan(&t.sent, &t.answered)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("casefile view: %w", err)
		}
	}
	switch e.Step {
	case "sent":
		t.sent = at
	case "ack":
		t.answered = at
	}
	v.aside.tests[e.To] = t
	return nil
}

func (v *View) dumpAside(ctx context.Context, out io.Writer) error {
	for _, q := range []struct{ name, query string }{
		{"boot", "SELECT host || ' ' || boot_id FROM boot ORDER BY host"},
		{"plan", "SELECT host || ' ' || first || ' ' || last FROM plan ORDER BY host, first, last"},
		// Of what retention dropped a rebuild knows which days had a wave, and not how many came.
		{"attack", fmt.Sprintf("SELECT gate || ' ' || day FROM attack WHERE n >= %d ORDER BY gate, day", wave)},
		{"test", "SELECT person || ' ' || sent || ' ' || answered FROM test ORDER BY person"},
	} {
		rows, err := v.db.Read.QueryContext(ctx, q.query)
		if err != nil {
			return err
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return errors.Join(err, rows.Close())
			}
			fmt.Fprintln(out, q.name, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Tests returns when each person last answered a test call.
func (v *View) Tests(ctx context.Context) (map[string]time.Time, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	rows, err := v.db.Read.QueryContext(ctx, "SELECT person, answered FROM test WHERE answered > 0 AND sent > 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var person string
		var at int64
		if err := rows.Scan(&person, &at); err != nil {
			return nil, err
		}
		out[person] = event.Time(at)
	}
	return out, rows.Err()
}

// Measure says who finds incidents first (FP18).
type Measure struct {
	Cases  int64 `json:"cases"`
	Own    int64 `json:"own"`    // found by ourselves
	Others int64 `json:"others"` // told by somebody outside
	// From the beginning of the earliest window of the figures to the first
	// knowledge, mean, over the cases for which a window is known.
	OwnAfter    time.Duration `json:"own_after_ns"`
	OwnTimed    int64         `json:"own_timed"`
	OthersAfter time.Duration `json:"others_after_ns"`
	OthersTimed int64         `json:"others_timed"`
}

// Measure counts over all cases.
func (v *View) Measure(ctx context.Context) (Measure, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var m Measure
	rows, err := v.db.Read.QueryContext(ctx, `SELECT own, count(*), count(CASE WHEN began > 0 THEN 1 END),
		coalesce(avg(CASE WHEN began > 0 THEN max(0, known - began) END), 0) FROM item GROUP BY own`)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var own, n, timed int64
		var mean float64
		if err := rows.Scan(&own, &n, &timed, &mean); err != nil {
			return m, err
		}
		m.Cases += n
		if own == 1 {
			m.Own, m.OwnTimed, m.OwnAfter = n, timed, time.Duration(mean)
		} else {
			m.Others, m.OthersTimed, m.OthersAfter = n, timed, time.Duration(mean)
		}
	}
	return m, rows.Err()
}

// began is the beginning of the earliest window of the figures, 0 when none is
// known.
func (c *Case) began() (first int64) {
	for _, s := range c.Scopes {
		if s.From != 0 && (first == 0 || s.From < first) {
			first = s.From
		}
	}
	return first
}

// raise notes another anomaly on a host of an open case: it is written down
// with its time and calls higher at once.
func (c *Case) raise(index event.Index, at int64, e *event.CaseSign) {
	c.Raised = append(c.Raised, at)
	c.Active = max(c.Active, at)
	c.Agreed = nil
	c.Log = append(c.Log, Entry{At: at, Index: index, By: e.By, What: "again", Text: e.Title, Proved: e.Proved})
}

// LastBoot returns the last start that was reported of a machine, empty for
// none.
func (v *View) LastBoot(ctx context.Context, host string) (id string, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	err = v.db.Read.QueryRowContext(ctx, "SELECT boot_id FROM boot WHERE host = ?", host).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// Rebooted returns the case that unplanned starts of a machine opened, empty
// for none.
func (v *View) Rebooted(ctx context.Context, host string) (id string, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	err = v.db.Read.QueryRowContext(ctx, "SELECT id FROM item JOIN finding USING (n) WHERE code = ? AND place = ? AND state <> 'closed'", rebooted, host).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}
