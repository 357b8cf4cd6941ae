package datamap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/jackc/pgx/v5"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

// Config describes the scans of one database.
type Config struct {
	Database event.Place // "shop"
	// DSN reaches the server directly, not through the gate, with an account
	// that may read the tables. Row security must not apply to it. Beside
	// connection strings of PostgreSQL it is mysql://USER:PASSWORD@HOST/DATABASE
	// (package myclient) or sqlite:FILE, whose tables have no schema.
	DSN      string
	Control  *Control // counts our session; may be nil
	Tables   []Table
	Recorder event.Recorder
	Numbers  func(event.SubjectSource) Numbers
	// Identifiers is fed with the tables' identifier columns; nil when nobody
	// wants them.
	Identifiers *subject.Identifiers
	// Every is how often all tables are read again; 0 means 6 hours.
	Every time.Duration
	// Debounce is how long a Rescan waits for others like it; 0 means 5 s. A
	// steady stream of them delays the scan by at most six times as much.
	Debounce time.Duration
	// RowsPerSecond bounds the reading; 0 means no bound.
	RowsPerSecond int
	// Progress is told now and then, and with Done at the end of each table.
	// It must not block; nil when nobody listens.
	Progress func(Progress)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Progress is how far the scan of a table is.
type Progress struct {
	Table    event.Place
	Rows     uint64
	Subjects uint64 // known with Done
	Unknown  uint64 // rows without a subject's key; known with Done
	Done     bool
	Took     time.Duration
}

// Map keeps the holdings of one database recorded.
type Map struct {
	cfg Config

	mu      sync.Mutex
	tables  []Table
	wanted  map[event.Place]*request
	failing map[event.Place]bool // a finding was recorded and no scan succeeded since
	writing map[*writing]bool    // to any table, under way
	lastID  uint64
	wake    chan struct{} // buffered: one is enough

	scanning sync.Mutex // one scan at a time: be polite
}

// request is a wish for a scan.
type request struct{ first, last time.Time }

// New checks the configuration. It touches no network.
func New(cfg Config) (*Map, error) {
	if cfg.Recorder == nil || cfg.Numbers == nil {
		return nil, errors.New("datamap: a recorder and numbers are needed")
	}
	if keyedReader(cfg.DSN) != nil {
		// nothing to be parsed ahead
	} else if _, err := pgx.ParseConfig(cfg.DSN); err != nil {
		return nil, fmt.Errorf("account that reads the holdings of %s: %w (SK7204)", cfg.Database, err)
	}
	cfg.Every = cmp.Or(cfg.Every, 6*time.Hour)
	cfg.Debounce = cmp.Or(cfg.Debounce, 5*time.Second)
	if cfg.Progress == nil {
		cfg.Progress = func(Progress) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Map{
		cfg: cfg, tables: slices.Clone(cfg.Tables),
		wanted: map[event.Place]*request{}, failing: map[event.Place]bool{}, writing: map[*writing]bool{}, wake: make(chan struct{}, 1),
	}, nil
}

// Tables returns what is scanned, derived relations included.
func (m *Map) Tables() []Table {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.tables)
}

// Add makes t, a relation that holds what was copied from protected tables,
// part of the map and asks for its scan. A table that is there already is
// replaced.
func (m *Map) Add(t Table) {
	m.mu.Lock()
	i := slices.IndexFunc(m.tables, func(o Table) bool { return o.Place == t.Place })
	if i < 0 {
		m.tables = append(m.tables, t)
	} else {
		m.tables[i] = t
	}
	for w := range m.writing { // also to this one
		w.add(m, &t)
	}
	m.mu.Unlock()
	m.Rescan(t.Place)
}

// Remove takes a relation that is gone out of the map.
func (m *Map) Remove(table event.Place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tables = slices.DeleteFunc(m.tables, func(t Table) bool { return t.Place == table })
	delete(m.wanted, table)
	delete(m.failing, table)
}

// Rescan asks for a scan of a table soon. It never blocks, and it is ignored
// for tables that are not in the map.
func (m *Map) Rescan(table event.Place) {
	now := m.cfg.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.tables, func(t Table) bool { return t.Place == table }) {
		return
	}
	if r := m.wanted[table]; r != nil {
		r.last = now
	} else {
		m.wanted[table] = &request{now, now}
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Doubt says that tables may have changed in ways nobody saw: their
// identifiers name nobody until they were read again, which it asks for.
func (m *Map) Doubt() {
	for _, t := range m.Tables() {
		if m.cfg.Identifiers != nil {
			for _, space := range t.spaces() {
				m.cfg.Identifiers.Suspend(space)
			}
		}
		m.Rescan(t.Place)
	}
}

// Writing says, before the server is told, that columns of a table (nil: perhaps
// all; no table: any) may get other values. When an identifier is concerned, the
// table's identifiers name nobody until what Writing returns was called, when the
// transaction has ended, and, if that may have changed anything, the table was
// read again, which is asked for.
func (m *Map) Writing(table event.Place, columns []string) (over func(changed bool)) {
	if m.cfg.Identifiers == nil {
		return nil
	}
	w := new(writing)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.tables {
		if t := &m.tables[i]; (table == "" || t.Place == table) && t.identifies(columns) {
			w.add(m, t)
		}
	}
	switch {
	case table == "":
		m.writing[w] = true
	case len(w.spaces) == 0:
		return nil
	}
	return func(changed bool) { m.written(w, changed) }
}

// writing is a write under way.
type writing struct {
	spaces []subject.Space
	places []event.Place
}

// add says that w concerns a table too. m.mu is held.
func (w *writing) add(m *Map, t *Table) {
	for _, s := range t.spaces() {
		if !slices.Contains(w.spaces, s) {
			w.spaces = append(w.spaces, s)
			m.cfg.Identifiers.Writing(s)
		}
	}
	if !slices.Contains(w.places, t.Place) {
		w.places = append(w.places, t.Place)
	}
}

func (m *Map) written(w *writing, changed bool) {
	m.mu.Lock()
	delete(m.writing, w)
	m.mu.Unlock()
	for _, s := range w.spaces {
		m.cfg.Identifiers.Written(s, changed)
	}
	for _, p := range w.places {
		if !changed {
			break
		}
		m.wantLater(p, m.cfg.Every/writtenPart)
	}
}

// writtenPart is how many times within Config.Every a table is read whose
// identifiers are written all the time: 15 minutes of six hours.
const writtenPart = 24

// ScanAll reads every table now. It goes on with the others when one fails.
func (m *Map) ScanAll(ctx context.Context) error {
	var errs []error
	for _, t := range m.Tables() {
		if ctx.Err() != nil {
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
		errs = append(errs, m.Scan(ctx, t.Place))
	}
	return errors.Join(errs...)
}

// Scan reads one table now and returns when its holdings are recorded.
func (m *Map) Scan(ctx context.Context, table event.Place) error {
	m.scanning.Lock()
	defer m.scanning.Unlock()
	t, ok := m.begin(table)
	if !ok {
		return fmt.Errorf("%s is not a table of the map of %s", table, m.cfg.Database)
	}
	err := m.scan(ctx, &t)
	m.mu.Lock()
	known := m.failing[table]
	m.failing[table] = err != nil
	m.mu.Unlock()
	if err == nil || known || ctx.Err() != nil {
		return err
	}
	_, recErr := m.cfg.Recorder.Record(ctx, event.Written, &event.Finding{
		Code: "SK7205", Title: "holdings cannot be read", Place: table, Detail: sqlState(err),
	})
	return errors.Join(err, recErr)
}

// begin returns the table and takes its request back, before the snapshot: a
// request that comes later is for another scan.
func (m *Map) begin(table event.Place) (Table, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.wanted, table)
	i := slices.IndexFunc(m.tables, func(t Table) bool { return t.Place == table })
	if i < 0 {
		return Table{}, false
	}
	return m.tables[i], true
}

func (m *Map) scan(ctx context.Context, t *Table) error {
	s := &scan{table: t, pace: m.pace(t.Place), numbers: m.cfg.Numbers(t.Source), index: m.cfg.Identifiers}
	if err := m.read(ctx, s); err != nil {
		return fmt.Errorf("scan %s: %w", t.Place, err)
	}
	if _, err := m.cfg.Recorder.Record(ctx, event.Durable, s.bodies(m.nextID(s.from))...); err != nil {
		return fmt.Errorf("record holdings of %s: %w", t.Place, err)
	}
	switch fresh, doubt := s.commitIdentifiers(); {
	case doubt:
		m.Rescan(t.Place)
	case !fresh:
		m.wantLater(t.Place, m.cfg.Every/writtenPart)
	}
	m.cfg.Progress(Progress{Table: t.Place, Rows: s.rows, Subjects: s.subjects(), Unknown: s.unknown, Done: true, Took: s.to.Sub(s.from)})
	return nil
}

// read reads the table of s from the server of the configuration.
func (m *Map) read(ctx context.Context, s *scan) (err error) {
	if keyed := keyedReader(m.cfg.DSN); keyed != nil {
		return s.runKeyed(ctx, m.cfg.DSN, keyed, m.cfg.Now)
	}
	conn, err := connect(ctx, m.cfg.DSN, "sekisho scan", m.cfg.Control)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return s.run(ctx, conn, m.cfg.Now)
}

// nextID names a scan: its time, unless the clock went back.
func (m *Map) nextID(from time.Time) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastID = max(m.lastID+1, uint64(from.UnixNano()))
	return m.lastID
}

// pace returns what a scan calls after every batch: it reports and holds back.
func (m *Map) pace(table event.Place) func(context.Context, uint64) error {
	start := time.Now() // not the configured clock: this measures a duration
	return func(ctx context.Context, rows uint64) error {
		m.cfg.Progress(Progress{Table: table, Rows: rows, Took: time.Since(start)})
		if m.cfg.RowsPerSecond <= 0 {
			return nil
		}
		due := time.Duration(float64(rows) / float64(m.cfg.RowsPerSecond) * float64(time.Second))
		return wait(ctx, due-time.Since(start))
	}
}

// Run scans everything once, then on schedule and as asked for, until ctx is
// cancelled; then it returns nil. Scans that fail are tried again with the
// next request or at the next scheduled time.
func (m *Map) Run(ctx context.Context) error {
	return m.loop(ctx, m.cfg.Now())
}

// RunFirst is Run that calls first when every table was scanned once, or could not be,
// and at the latest when it returns. It may call it more than once.
func (m *Map) RunFirst(ctx context.Context, first func()) error {
	defer first()
	_ = m.ScanAll(ctx) // recorded as findings; the next schedule tries again
	first()
	return m.RunScanned(ctx)
}

// RunScanned is Run for a map whose tables were just scanned with ScanAll.
func (m *Map) RunScanned(ctx context.Context) error {
	return m.loop(ctx, m.cfg.Now().Add(m.cfg.Every))
}

func (m *Map) loop(ctx context.Context, scheduled time.Time) error {
	for {
		now := m.cfg.Now()
		if !now.Before(scheduled) {
			scheduled = now.Add(m.cfg.Every)
			_ = m.ScanAll(ctx) // recorded as findings; the next schedule tries again
		}
		due, next := m.due(now)
		for _, table := range due {
			if err := m.Scan(ctx, table); err != nil && ctx.Err() == nil {
				m.retry(table)
			}
		}
		if next.IsZero() || scheduled.Before(next) {
			next = scheduled
		}
		if len(due) > 0 {
			continue
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-m.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// due returns the tables to scan now, and when the next will be due.
func (m *Map) due(now time.Time) (due []event.Place, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, table := range slices.Sorted(maps.Keys(m.wanted)) {
		r := m.wanted[table]
		at := r.last.Add(m.cfg.Debounce)
		if latest := r.first.Add(6 * m.cfg.Debounce); latest.Before(at) {
			at = latest
		}
		switch {
		case !at.After(now):
			due = append(due, table)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return due, next
}

// retry asks again, a while later, for a scan that failed.
func (m *Map) retry(table event.Place) { m.wantLater(table, 5*m.cfg.Debounce) }

// wantLater asks for a scan after some time, unless one is asked for.
func (m *Map) wantLater(table event.Place, after time.Duration) {
	later := m.cfg.Now().Add(after)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted[table] != nil {
		return
	}
	m.wanted[table] = &request{later, later}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// subjects counts who was found.
func (s *scan) subjects() uint64 {
	all := roaring.New()
	for _, g := range s.groups {
		all.Or(g)
	}
	return all.GetCardinality()
}

func sortedMasks(groups map[element.Mask]*roaring.Bitmap) []element.Mask {
	return slices.Sorted(maps.Keys(groups))
}

// wait waits for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
