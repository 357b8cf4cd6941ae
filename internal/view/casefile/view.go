package casefile

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/viewdb"
)

// stamp names the schema and the meaning of its bytes.
//
//	casefile 1	2026-11-22	first
//	casefile 2	2026-11-22	who acted is proved or typed, agreements, starts of machines
//	casefile 3	2026-11-22	which closed cases still have something to call about
//	casefile 4	2026-11-22	the timeline keeps codes apart from words
//	casefile 5	2026-11-22	what misused cards or accounts have in common
const stamp = "casefile 6"

const schema = view.Schema + `
CREATE TABLE item (
	n      INTEGER PRIMARY KEY, -- order of opening
	id     TEXT NOT NULL UNIQUE,
	state  TEXT NOT NULL,
	class  TEXT NOT NULL,
	title  TEXT NOT NULL,
	opened INTEGER NOT NULL,
	own    INTEGER NOT NULL,    -- 1: found by ourselves
	known  INTEGER NOT NULL,    -- when the first person knew
	waits  INTEGER NOT NULL,    -- 1: open, or with a decision to look at again
	began  INTEGER NOT NULL,    -- of the earliest window of the figures, 0 when none is known
	data   TEXT NOT NULL        -- JSON of Case
);
CREATE INDEX item_state ON item (state);
CREATE INDEX item_waits ON item (waits);
CREATE TABLE host (host TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (host, n));
-- Findings that opened a case: the same code at the same place is one case.
CREATE TABLE finding (code TEXT NOT NULL, place TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (code, place));
-- The last start of each machine, the restarts that were planned, test calls.
CREATE TABLE boot (host TEXT PRIMARY KEY, boot_id TEXT NOT NULL);
CREATE TABLE plan (host TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (host, first, last));
CREATE TABLE attack (gate TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (gate, day));
CREATE TABLE test (person TEXT PRIMARY KEY, sent INTEGER NOT NULL, answered INTEGER NOT NULL);
`

// Config is what a View needs.
type Config struct {
	Path  string // of the database file
	Books *Books // nil: the program's
}

// View is the view of cases. Fold methods are for a view.Follower, all others
// are safe for concurrent use.
type View struct {
	db    *viewdb.DB
	books *Books

	mu    sync.RWMutex     // held for writing during a batch
	open  map[string]*slot // cases that this batch touched
	order []*slot
	count int64               // cases
	saved map[string]Revision // by id, of cases that changed since Open
	aside aside
}

// Revision is which state of a case somebody read, as long as the view is open;
// 0 is none.
type Revision uint64

type slot struct {
	n     int64
	c     *Case
	hosts int // of c.Hosts that are saved
}

var _ view.Fold = (*View)(nil)

// Open opens the view or makes it.
func Open(ctx context.Context, cfg Config) (*View, error) {
	db, _, err := viewdb.Open(ctx, cfg.Path, stamp, schema)
	if err != nil {
		return nil, err
	}
	v := &View{db: db, books: cfg.Books, open: map[string]*slot{}, saved: map[string]Revision{}}
	if v.books == nil {
		v.books = DefaultBooks()
	}
	v.aside.reset()
	if err := db.Write.QueryRowContext(ctx, "SELECT count(*) FROM item").Scan(&v.count); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return v, nil
}

// Books returns the books that the view folds with.
func (v *View) Books() *Books { return v.books }

// DB implements view.Fold.
func (v *View) DB() *sql.DB { return v.db.Write }

// Begin implements view.Fold.
func (v *View) Begin() { v.mu.Lock() }

// End implements view.Fold.
func (v *View) End() { v.mu.Unlock() }

// Close closes the database.
func (v *View) Close() error { return v.db.Close() }

// Apply implements view.Fold.
func (v *View) Apply(index event.Index, e *event.Event) (bool, error) {
	at := e.At.UnixNano()
	switch b := e.Body.(type) {
	case *event.Finding:
		return v.finding(index, at, at, b, false)
	case *event.Decision:
		return v.attack(index, at, e.Source, b)
	case *event.HostBoot:
		return v.boot(index, at, b)
	case *event.HostPlan:
		v.aside.plans = append(v.aside.plans, plan{b.Host, b.From, b.To})
		return true, nil
	case *event.CaseNotice:
		if b.Case == TestCase {
			return true, v.test(at, b)
		}
	case *event.CaseSign:
		if err := v.again(index, at, b); err != nil {
			return false, err
		}
	}
	body, ok := e.Body.(event.Cased)
	if !ok {
		return false, nil
	}
	s, err := v.slot(body.InCase())
	if err != nil {
		return false, err
	}
	if s == nil {
		sign, ok := body.(*event.CaseSign)
		if !ok || sign.Case == "" {
			return false, nil // of a case that nobody opened
		}
		s = v.add(sign.Case)
	}
	s.c.apply(v.books, index, at, body)
	return true, nil
}

func (v *View) add(id string) *slot {
	v.count++
	s := &slot{n: v.count, c: &Case{ID: id}}
	v.open[id] = s
	v.order = append(v.order, s)
	return s
}

// slot returns a case, from the batch or from the database; nil for none.
func (v *View) slot(id string) (*slot, error) { return v.read("id = ?", id) }

func (v *View) read(where string, arg any) (*slot, error) {
	if id, ok := arg.(string); ok {
		if s := v.open[id]; s != nil {
			return s, nil
		}
	}
	var s slot
	var data string
	err := v.db.Write.QueryRow("SELECT n, data FROM item WHERE "+where, arg).Scan(&s.n, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(data), &s.c)
	}
	if err != nil {
		return nil, fmt.Errorf("casefile view: %w", err)
	}
	if known := v.open[s.c.ID]; known != nil {
		return known, nil
	}
	s.hosts = len(s.c.Hosts)
	v.open[s.c.ID] = &s
	v.order = append(v.order, &s)
	return &s, nil
}

// again reopens the closed cases of the hosts that a sign names: a second
// anomaly on a host says that the first was not understood.
func (v *View) again(index event.Index, at int64, e *event.CaseSign) error {
	for _, host := range e.Hosts {
		ids := map[string]bool{}
		for _, s := range v.order {
			if slices.Contains(s.c.Hosts, host) {
				ids[s.c.ID] = true
			}
		}
		rows, err := v.db.Write.Query("SELECT id FROM item JOIN host USING (n) WHERE host = ?", host)
		if err != nil {
			return fmt.Errorf("casefile view: %w", err)
		}
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return errors.Join(err, rows.Close())
			}
			ids[id] = true
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("casefile view: %w", err)
		}
		for _, id := range sortedKeys(ids) {
			s, err := v.slot(id)
			if err != nil {
				return err
			}
			switch {
			case s == nil || id == e.Case || !v.books.on(again):
			case s.c.State == Closed:
				s.c.apply(v.books, index, at, e)
			default:
				s.c.raise(index, at, e)
			}
		}
	}
	return nil
}

func sortedKeys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (v *View) byNumber(n int64) (*slot, error) {
	for _, s := range v.order {
		if s.n == n {
			return s, nil
		}
	}
	return v.read("n = ?", n)
}

// Unsaved reports whether Save has anything to write: most events are of no case.
func (v *View) Unsaved() bool { return len(v.order) > 0 || v.aside.any() }

// Save implements view.Fold.
func (v *View) Save(ctx context.Context, tx *sql.Tx) error {
	for _, s := range v.order {
		data, err := json.Marshal(s.c)
		if err != nil {
			return err
		}
		c := s.c
		_, err = tx.ExecContext(ctx, `INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (n) DO UPDATE SET state = excluded.state, class = excluded.class, known = excluded.known, waits = excluded.waits, began = excluded.began, data = excluded.data`,
			s.n, c.ID, c.State, c.Class, c.Title, c.Opened, c.Channel == "own" || c.Channel == "button", c.KnownAt, c.State != Closed || len(c.decisionTimers()) > 0, c.began(), string(data))
		for _, host := range c.Hosts[s.hosts:] {
			if err == nil {
				_, err = tx.ExecContext(ctx, "INSERT OR IGNORE INTO host VALUES (?, ?)", host, s.n)
			}
		}
		if first := c.Signs[0]; err == nil && first.By == "sekisho" && s.hosts == 0 {
			_, err = tx.ExecContext(ctx, "INSERT OR IGNORE INTO finding VALUES (?, ?, ?)", first.KnownBy, first.Hosts[0], s.n)
		}
		if err != nil {
			return err
		}
		v.saved[c.ID]++
	}
	v.open, v.order = map[string]*slot{}, nil
	return v.aside.save(ctx, tx)
}

// Dump implements view.Fold.
func (v *View) Dump(ctx context.Context, w io.Writer) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := bufio.NewWriter(w)
	rows, err := v.db.Read.QueryContext(ctx, "SELECT n, data FROM item ORDER BY n")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var data string
		if err := rows.Scan(&n, &data); err != nil {
			return err
		}
		fmt.Fprintf(out, "item %d %s\n", n, data)
	}
	return errors.Join(rows.Err(), v.dumpAside(ctx, out), out.Flush())
}

// ErrUnknown is returned for a case that nobody opened.
var ErrUnknown = errors.New("there is no such case")

// Case returns one case, as of the last batch.
func (v *View) Case(ctx context.Context, id string) (*Case, error) {
	c, _, err := v.Changed(ctx, id, 0)
	return c, err
}

// Changed returns a case and its revision; no case when it is still of the
// revision since, so that who read it need not decode it again.
func (v *View) Changed(ctx context.Context, id string, since Revision) (*Case, Revision, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	now := 1 + v.saved[id]
	if now == since {
		return nil, now, nil
	}
	var data string
	err := v.db.Read.QueryRowContext(ctx, "SELECT data FROM item WHERE id = ?", id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, ErrUnknown
	}
	var c Case
	if err == nil {
		err = json.Unmarshal([]byte(data), &c)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("case %s: %w", id, err)
	}
	return &c, now, nil
}

// Line is a case in a list.
type Line struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Class  string `json:"class"`
	Title  string `json:"title"`
	Opened int64  `json:"opened"`
}

// Lines lists cases, the newest first; closed ones when asked for.
func (v *View) Lines(ctx context.Context, closed bool, limit int) ([]Line, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	rows, err := v.db.Read.QueryContext(ctx, "SELECT id, state, class, title, opened FROM item WHERE ? OR state <> 'closed' ORDER BY n DESC LIMIT ?", closed, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Line{}
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.ID, &l.State, &l.Class, &l.Title, &l.Opened); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Waiting returns the cases that have a call to come: the open ones, and closed
// ones with a decision to look at again.
func (v *View) Waiting(ctx context.Context) ([]string, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	rows, err := v.db.Read.QueryContext(ctx, "SELECT id FROM item WHERE waits = 1 ORDER BY n DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// Count returns how many cases there are.
func (v *View) Count() int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.count
}
