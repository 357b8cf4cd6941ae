package datamap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/event"
	"sekisho/internal/roll"
)

// backend is one server process; its start tells it from a later one with the
// same number.
type backend struct {
	pid   uint32
	start string // as the server prints it
}

// sight is one look at the server, and after it at the gate.
type sight struct {
	epoch     string
	sessions  int64                     // pg_stat_database.sessions; 0 when not compared
	backends  map[backend]roll.Presence // sessions at the database
	listed    time.Time                 // when they had been listed
	logins    roll.Count                // of the gate and of ourselves, then
	tables    map[event.Place]tableSight
	writes    Changes // of the whole database
	catalogue digest
	// Of the gate and of ourselves, read after the server's count of sessions.
	established, pending uint64
}

// tableSight is one table's counters.
type tableSight struct {
	oid      uint32
	server   int64 // rows inserted, updated and deleted, aborted ones included
	gate     Changes
	indirect bool // what writes to it may stand in no command tag
}

// serverTraits is what the server lets us see.
type serverTraits struct {
	countsSessions bool // PostgreSQL 14 and later
	prompt         bool // PostgreSQL 15 and later: a session that ended was counted
	seesSessions   bool // the account has pg_read_all_stats
}

const traitsSQL = `
SELECT current_setting('server_version_num')::int >= 140000, current_setting('server_version_num')::int >= 150000,
       pg_has_role(current_user, 'pg_read_all_stats', 'usage')`

func readTraits(ctx context.Context, conn *pgx.Conn) (t serverTraits, err error) {
	return t, conn.QueryRow(ctx, traitsSQL).Scan(&t.countsSessions, &t.prompt, &t.seesSessions)
}

// blind says what is missing.
func (t serverTraits) blind() string {
	if !t.seesSessions {
		return "its account cannot see the sessions of others: GRANT pg_read_all_stats to it"
	}
	return "the server is older than PostgreSQL 14 and counts no sessions: short ones may go unseen"
}

// epochSQL changes whenever counters begin anew. The statistics of the
// background writer are reset together with all others after a crash
// (pgstat_reset_after_failure), those of a database with any of its tables.
const epochSQL = `
SELECT concat_ws(' ', d.datid, d.stats_reset, b.stats_reset)
FROM pg_stat_database d, pg_stat_bgwriter b WHERE d.datname = current_database()`

const sessionsSQL = `SELECT sessions FROM pg_stat_database WHERE datname = current_database()`

// backendsSQL lists client sessions at this database, and replication
// connections, which carry every database.
const backendsSQL = `
SELECT pid, coalesce(backend_start::text, ''), backend_type, coalesce(usename, ''), coalesce(host(client_addr), '')
FROM pg_stat_activity
WHERE (datname = current_database() AND backend_type = 'client backend') OR backend_type = 'walsender'`

// tablesSQL sums over partitions and inheritance children. A user trigger or a
// rule anywhere in the database may change any table, a foreign key with an
// action may change the table that has it, and what writes to a table changes
// its children: their rows are in no command tag.
const tablesSQL = `
WITH RECURSIVE tree (root, oid) AS (
    SELECT c.oid, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
  UNION
    SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid)
SELECT t.root, sum(coalesce(pg_stat_get_tuples_inserted(t.oid), 0) + coalesce(pg_stat_get_tuples_updated(t.oid), 0)
         + coalesce(pg_stat_get_tuples_deleted(t.oid), 0))::bigint,
       count(*) > 1 OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.root)
       OR EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D')
       OR EXISTS (SELECT FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relkind IN ('r', 'p') AND r.oid >= 16384)
       OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.root AND contype = 'f'
                  AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd')))
FROM tree t GROUP BY t.root`

// catalogueSQL is a digest of what decides which table, column or function a
// statement means. Rows of temporary and system schemas are left out.
const catalogueSQL = `
WITH ns AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
rel AS (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM ns)),
line (text) AS (
    SELECT concat_ws(' ', 'n', oid, nspname, nspowner, nspacl) FROM pg_namespace WHERE oid IN (SELECT oid FROM ns)
  UNION ALL
    SELECT concat_ws(' ', 'c', oid, relname, relnamespace, relkind, relowner, relrowsecurity, relforcerowsecurity, relacl)
    FROM pg_class WHERE oid IN (SELECT oid FROM rel) AND relkind <> 'i'
  UNION ALL
    SELECT concat_ws(' ', 'a', attrelid, attnum, attname, atttypid, atttypmod, attcollation, attisdropped, attgenerated, attacl, xmin)
    FROM pg_attribute WHERE attrelid IN (SELECT oid FROM rel) AND attnum > 0
  UNION ALL
    SELECT concat_ws(' ', 'r', oid, ev_class, ev_type, is_instead, md5(ev_action::text), xmin) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM rel)
  UNION ALL
    SELECT concat_ws(' ', 'p', oid, xmin) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ns)
  UNION ALL
    SELECT concat_ws(' ', 't', oid, tgrelid, tgfoid, tgenabled) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM rel)
  UNION ALL
    SELECT concat_ws(' ', 'l', oid, xmin) FROM pg_policy
  UNION ALL
    SELECT concat_ws(' ', 'i', inhrelid, inhparent, inhseqno, xmin) FROM pg_inherits
  UNION ALL
    SELECT concat_ws(' ', 'x', indexrelid, indrelid, indisunique, indisvalid) FROM pg_index WHERE indrelid IN (SELECT oid FROM rel)
  UNION ALL
    SELECT concat_ws(' ', 'k', oid, conrelid, contype, conkey) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM rel)
  UNION ALL
    SELECT concat_ws(' ', 's', setdatabase, setrole, setconfig, xmin) FROM pg_db_role_setting
  UNION ALL
    SELECT concat_ws(' ', 'y', oid, xmin) FROM pg_type WHERE typnamespace IN (SELECT oid FROM ns)
  UNION ALL
    SELECT concat_ws(' ', 'o', oid, xmin) FROM pg_operator WHERE oid >= 16384
  UNION ALL
    SELECT concat_ws(' ', 'z', oid, xmin) FROM pg_cast WHERE oid >= 16384)
SELECT coalesce(md5(string_agg(md5(text), '' ORDER BY text COLLATE "C")), ''),
       coalesce(md5(string_agg(md5(text), '' ORDER BY text COLLATE "C") FILTER (WHERE text LIKE 's %')), '') FROM line`

// digest is the last reading of the catalogue. Big catalogues are read less
// often, so that reading takes about one part in fifty of the time.
type digest struct {
	text   string
	shared string    // of what belongs to no database: sessions at any of them change it
	at     time.Time // when it was read
	next   time.Time // when it may be read again
	// DDL through the gate before and after it was read.
	before, after uint64
}

const digestShare = 50

// look asks the server, then the gate.
func (w *Watch) look(ctx context.Context) (*sight, error) {
	s := &sight{tables: map[event.Place]tableSight{}}
	if err := w.lookCatalogue(ctx, s); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if err := w.conn.QueryRow(ctx, epochSQL).Scan(&s.epoch); err != nil {
		return nil, fmt.Errorf("resets of statistics: %w", err)
	}
	for _, t := range w.cfg.Tables() {
		if err := w.lookTable(ctx, s, &t); err != nil {
			return nil, fmt.Errorf("changes of %s: %w", t.Place, err)
		}
	}
	s.writes = w.cfg.Gate.Changes(w.cfg.Place)
	if err := w.lookBackends(ctx, s); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	if err := w.lookSessions(ctx, s); err != nil {
		return nil, fmt.Errorf("count of sessions: %w", err)
	}
	return s, nil
}

func (w *Watch) lookCatalogue(ctx context.Context, s *sight) error {
	d := &w.digest
	if now := w.cfg.Now(); !now.Before(d.next) {
		d.at, d.before = now, w.cfg.Gate.DDL()
		if err := w.conn.QueryRow(ctx, catalogueSQL).Scan(&d.text, &d.shared); err != nil {
			return err
		}
		now = w.cfg.Now()
		d.after, d.next = w.cfg.Gate.DDL(), now.Add(digestShare*now.Sub(d.at))
	}
	s.catalogue = *d
	return nil
}

// firstTries is how often the first look waits for logins to end.
const firstTries = 50

// lookSessions reads the server's count, and then what accounts for it. The
// first time it waits, for a while, until no login is under way.
func (w *Watch) lookSessions(ctx context.Context, s *sight) error {
	if !w.server.countsSessions || len(w.cfg.Poolers) > 0 {
		return nil
	}
	for try := 1; ; try++ {
		if err := w.conn.QueryRow(ctx, sessionsSQL).Scan(&s.sessions); err != nil {
			return err
		}
		n := w.accounted()
		s.established, s.pending = n.Established, n.Pending
		if w.base != nil || s.pending == 0 || try == firstTries {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// accounted returns the sessions of the gate and of ourselves.
func (w *Watch) accounted() roll.Count {
	return w.cfg.Gate.Sessions().Add(w.cfg.Control.Sessions())
}

// lookBackends keeps the sessions that were at the server before and after the
// gate was asked. Whoever is in both lists and not on the roll between them has
// not been entered yet, or is not the gate's: a session that ended in between
// is not in the second, and logins are counted before the roll is asked, so
// that one which ends meanwhile is in either.
func (w *Watch) lookBackends(ctx context.Context, s *sight) error {
	if !w.server.seesSessions {
		return nil
	}
	first, err := w.listBackends(ctx)
	if err != nil {
		return err
	}
	s.listed, s.logins = w.cfg.Now(), w.accounted()
	unknown := false
	for b, p := range first {
		if p == roll.Unknown {
			p = max(w.cfg.Gate.Presence(b.pid), w.cfg.Control.Presence(b.pid))
		}
		first[b] = p
		unknown = unknown || p == roll.Unknown
	}
	s.backends = first
	if !unknown {
		return nil
	}
	second, err := w.listBackends(ctx)
	maps.DeleteFunc(first, func(b backend, p roll.Presence) bool {
		_, there := second[b]
		return p == roll.Unknown && !there
	})
	return err
}

// listBackends asks the server who is there. Poolers and replicas count as
// ours.
func (w *Watch) listBackends(ctx context.Context) (map[backend]roll.Presence, error) {
	rows, err := w.conn.Query(ctx, backendsSQL)
	if err != nil {
		return nil, err
	}
	list := map[backend]roll.Presence{}
	var b backend
	var kind, user, from string
	_, err = pgx.ForEachRow(rows, []any{&b.pid, &b.start, &kind, &user, &from}, func() error {
		list[b] = roll.Unknown
		addr, _ := netip.ParseAddr(from) // none over a Unix socket
		if slices.Contains(w.cfg.Poolers, addr) || kind == "walsender" && slices.Contains(w.cfg.Replicas, user) {
			list[b] = roll.Serving
		}
		return nil
	})
	return list, err
}

func (w *Watch) lookTable(ctx context.Context, s *sight, t *Table) error {
	var seen tableSight
	err := w.conn.QueryRow(ctx, tablesSQL, t.Schema, t.Name).Scan(&seen.oid, &seen.server, &seen.indirect)
	if errors.Is(err, pgx.ErrNoRows) { // dropped: the catalogue's digest tells
		return nil
	}
	seen.gate = w.cfg.Gate.Changes(t.Place)
	s.tables[t.Place] = seen
	return err
}
