// Package leaving is the view of what left through the gates for what leaves:
// flows and questions summed up by hour, day and client, the single ones of each
// hour, and the signs of life of these gates.
//
// It answers as proof/scope's Leavings does from the lines of the ledger, or says
// that it cannot; it knows nothing of whose data left and proves nothing: a bundle
// rests on the lines.
package leaving

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/viewdb"
	"sekisho/proof/scope"
)

// stamp names the schema and the meaning of its bytes.
//
//	leaving 1	2026-11-23	first
//	leaving 2	2026-11-23	of a ledger that begins with an event
const stamp = "leaving 2"

const schema = view.Schema + `
-- Flows that are open, that were in more than one day, or of which something is
-- missing or odd.
CREATE TABLE flow (
	n        INTEGER PRIMARY KEY, -- ledger index of its first event
	id       TEXT NOT NULL,
	known    INTEGER NOT NULL, -- 1: its beginning was recorded
	at       INTEGER NOT NULL, -- UTC ns of the first event
	last     INTEGER NOT NULL, -- of the last one
	lo       INTEGER NOT NULL, -- the earliest time of the beginning that any event tells
	early    INTEGER NOT NULL, -- of those after the beginning; the latest follows
	late     INTEGER NOT NULL,
	client   TEXT NOT NULL,
	host     TEXT NOT NULL,
	named    INTEGER NOT NULL, -- 1: to where an entry of the policy allows it
	sent     INTEGER NOT NULL,
	received INTEGER NOT NULL,
	ended    INTEGER NOT NULL,
	odd      INTEGER NOT NULL  -- 1: its events contradict one another
);
CREATE INDEX flow_last ON flow (last, lo);
-- What was wholly in an hour (level 0) or in a day and more than an hour (level 1).
CREATE TABLE piece (
	level INTEGER NOT NULL, block INTEGER NOT NULL, n INTEGER NOT NULL, -- ledger index
	at INTEGER NOT NULL, till INTEGER NOT NULL,
	client TEXT NOT NULL, host TEXT NOT NULL, named INTEGER NOT NULL,
	flows INTEGER NOT NULL, questions INTEGER NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, refused INTEGER NOT NULL,
	early INTEGER NOT NULL, late INTEGER NOT NULL,
	PRIMARY KEY (level, block, n)
) WITHOUT ROWID;
-- The pieces of hours and days, by client ('*': all) and host (of those not named).
CREATE TABLE sum (
	level INTEGER NOT NULL, client TEXT NOT NULL, block INTEGER NOT NULL, host TEXT NOT NULL, named INTEGER NOT NULL,
	flows INTEGER NOT NULL, questions INTEGER NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, refused INTEGER NOT NULL,
	PRIMARY KEY (level, client, block, host, named)
) WITHOUT ROWID;
-- The first and last beginning of a flow or question of each hour.
CREATE TABLE seen (hour INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
-- The last event of a flow after its beginning.
CREATE TABLE rest (last INTEGER NOT NULL);
INSERT INTO rest VALUES (-9223372036854775808);
-- Signs about the cover; equal signs of life of an hour are one row.
CREATE TABLE sign (
	n INTEGER PRIMARY KEY, source TEXT NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, till INTEGER NOT NULL,
	step INTEGER NOT NULL, -- the longest time between two of them
	ce INTEGER NOT NULL, data TEXT NOT NULL, times BLOB NOT NULL
);
CREATE INDEX sign_till ON sign (till, at);
CREATE INDEX sign_kind ON sign (kind);
CREATE INDEX sign_source ON sign (source, n);
CREATE TABLE due (site TEXT PRIMARY KEY, at INTEGER NOT NULL); -- until when records of a remote process were wanted
-- What was seen of ways out.
CREATE TABLE way (
	n INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, step TEXT NOT NULL,
	way TEXT NOT NULL, interface TEXT NOT NULL, next TEXT NOT NULL, address TEXT NOT NULL
);
CREATE INDEX way_at ON way (at);
`

// View is the view of what left. Fold methods are for a view.Follower; Leaving
// is safe for concurrent use.
type View struct {
	db    *viewdb.DB
	open  map[string]*flow // by id: without an end
	lives map[string]*sign // by source: the last sign, if it is one of life
	gates map[string]bool  // sources of which a sign is kept
	batch batch
}

var _ view.Fold = (*View)(nil)

// Open opens the view at path of a ledger of which first is the first event that
// retention has left, or makes it: also when it was made while there were more, so that
// it holds what a rebuild would.
func Open(ctx context.Context, path string, first event.Index) (*View, error) {
	db, _, err := viewdb.Open(ctx, path, fmt.Sprintf("%s, from event %d", stamp, first), schema)
	if err != nil {
		return nil, err
	}
	v := &View{db: db, open: map[string]*flow{}, lives: map[string]*sign{}, gates: map[string]bool{}, batch: newBatch()}
	if err := v.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("leaving view: %w", err), db.Close())
	}
	return v, nil
}

func (v *View) load(ctx context.Context) error {
	err := each(ctx, v.db.Write, "SELECT "+flowColumns+" FROM flow WHERE ended = 0 ORDER BY n", func(r *sql.Rows) error {
		var f flow
		err := f.scan(r)
		f.saved = true
		v.open[f.id] = &f
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, v.db.Write, "SELECT "+signColumns+" FROM sign WHERE n IN (SELECT max(n) FROM sign GROUP BY source)", func(r *sql.Rows) error {
		var s sign
		err := s.scan(r)
		v.keep(&s)
		return err
	})
}

// DB implements view.Fold.
func (v *View) DB() *sql.DB { return v.db.Write }

// Begin implements view.Fold: Leaving reads what was saved, of one moment.
func (v *View) Begin() {}

// End implements view.Fold.
func (v *View) End() {}

// Close closes the database.
func (v *View) Close() error { return v.db.Close() }

// Apply implements view.Fold.
func (v *View) Apply(index event.Index, e *event.Event) (bool, error) {
	if e.Body == nil || !v.Wants(e.Body.Kind()) {
		return false, nil
	}
	at := e.At.UnixNano()
	s := scope.Sign{Kind: int(e.Body.Kind()), Source: string(e.Source), At: at, CE: int64(e.ClockErr)}
	switch b := e.Body.(type) {
	case *event.Flow:
		v.begin(index, at, b)
		return true, nil
	case *event.FlowBytes:
		v.goOn(index, at, b.ID, b.Sent, b.Received, b.Nanos, false)
		return true, nil
	case *event.FlowEnd:
		v.goOn(index, at, b.ID, b.Sent, b.Received, b.Nanos, true)
		return true, nil
	case *event.Lookup:
		v.question(index, at, b)
		return true, nil
	case *event.ExitSeen:
		v.batch.ways = append(v.batch.ways, way{index, at, string(e.Source), b.Step, b.Way, b.Interface, b.Next, b.Address})
		return true, nil
	case *event.SourceStart:
		s.Start, s.Places = b.Start, texts(b.Places)
	case *event.SourceStop:
	case *event.Heartbeat:
		s.Places = texts(b.Places)
	case *event.PlacesChanged:
		s.Begun, s.Ended = texts(b.Begun), texts(b.Ended)
	case *event.Gap:
		s.From, s.To, s.Reason, s.Places = b.From, b.To, b.Reason, texts(b.Places)
	case *event.Coverage:
		s.From, s.To, s.Reason, s.Places = b.From, b.To, b.Reason, texts(b.Places)
	case *event.RecordDue:
		for _, site := range b.Sites {
			if old, is := v.batch.dues[site]; site != "" && (!is || at+s.CE > old) {
				v.batch.dues[site] = at + s.CE
			}
		}
		return true, nil
	default:
		return false, nil
	}
	return v.sign(index, &s)
}

// Wants reports whether the view may have a use for events of a kind.
func (v *View) Wants(k event.Kind) bool {
	switch k {
	case event.KindSourceStart, event.KindSourceStop, event.KindHeartbeat, event.KindPlacesChanged, event.KindGap, event.KindCoverage, event.KindRecordDue,
		event.KindFlow, event.KindFlowBytes, event.KindFlowEnd, event.KindLookup, event.KindExitSeen:
		return true
	}
	return false
}

func texts(places []event.Place) []string {
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = strings.Clone(string(p))
	}
	return out
}

// Dump implements view.Fold.
func (v *View) Dump(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, d := range []struct{ table, order string }{{"flow", "n"}, {"piece", "level, block, n"}, {"sum", "level, client, block, host, named"},
		{"seen", "hour"}, {"rest", "last"}, {"due", "site"}, {"sign", "n"}, {"way", "n"}} {
		err := each(ctx, v.db.Read, "SELECT * FROM "+d.table+" ORDER BY "+d.order, func(r *sql.Rows) error {
			columns, err := r.Columns()
			if err != nil {
				return err
			}
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			if err := r.Scan(row...); err != nil {
				return err
			}
			for i, p := range row {
				row[i] = *p.(*any)
			}
			text, err := json.Marshal(row)
			if err == nil {
				_, err = fmt.Fprintf(out, "%s %s\n", d.table, text)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("leaving view: dump %s: %w", d.table, err)
		}
	}
	return out.Flush()
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls fn with every row of an answer.
func each(ctx context.Context, q querier, query string, fn func(r *sql.Rows) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
