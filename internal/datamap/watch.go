package datamap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/event"
	"sekisho/internal/roll"
)

// Gate says what a gate carried to the server. All counts are since the gate's
// start and never fall. It must be safe for concurrent use.
type Gate interface {
	// Sessions returns the sessions that the server confirmed through the gate
	// and the logins under way; its clock is the watch's.
	Sessions() roll.Count
	// Presence says whether pid serves a session of the gate, or served one
	// that has just ended.
	Presence(pid uint32) roll.Presence
	// Changes returns what was written to a table through the gate; of the
	// database's own place, what was written to any table.
	Changes(table event.Place) Changes
	// DDL returns a number that rises with every statement that may change the
	// catalogue: when it is sent, and when its transaction ends.
	DDL() uint64
}

// Changes is what a gate knows about the writes to one table.
type Changes struct {
	// Rows inserted, updated and deleted, as the command tags say.
	Rows uint64
	// Unclear counts statements whose rows the gate cannot count: they failed
	// (the server counts aborted rows too), wrote through a view or a function,
	// had ON CONFLICT or a data-modifying CTE. One that may have written to any
	// table counts for every table.
	Unclear uint64
	// InFlight counts what may write to the table and has not ended:
	// statements without a ReadyForQuery, and the open transactions of others,
	// whose rows the server counts when they end.
	InFlight uint64
}

// WatchConfig describes the watch over one database.
type WatchConfig struct {
	Place event.Place // the database: "shop"
	// DSN reaches the server directly. The account needs pg_read_all_stats to
	// see the sessions of others.
	DSN      string
	Control  *Control // counts all of Sekisho's own sessions at the server
	Gate     Gate
	Recorder event.Recorder
	// Tables returns the tables whose change counters are compared.
	Tables func() []Table
	// Every is the time between two looks; 0 means 10 s.
	Every time.Duration
	// Replicas are the users that may open replication connections.
	Replicas []string
	// Poolers are the addresses of poolers between gate and server. Sessions
	// from them count as the gate's, and session counts are not compared:
	// nothing else may reach such a pooler, because nobody would see it.
	Poolers []netip.Addr
	// OnUncovered is called after an uncovered interval was recorded: holdings
	// should be read again, identifiers suspended. OnCatalogue is called when
	// the catalogue changed in a way the gate did not carry: lineage must be
	// forgotten. It is called before the end of the interval is taken, so that
	// nothing is read by the old lineage after it. Both may be nil and must not block.
	OnUncovered func()
	OnCatalogue func()
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// statsDelay is how late a running backend's counters may be:
// PGSTAT_MAX_INTERVAL, src/backend/utils/activity/pgstat.c (PostgreSQL 15).
const statsDelay = 60 * time.Second

// margin is how long before an exact agreement somebody may have come unseen.
// A backend appears in pg_stat_activity before it can run anything, and
// PostgreSQL 15 adds its last counts before it disappears from there
// (pgstat_shutdown_hook runs before shared memory is left): whoever came
// before a look is seen or counted by it. Without the list, or with the
// statistics collector of PostgreSQL 14, counts may be late.
func (w *Watch) margin() time.Duration {
	if w.server.prompt && w.server.seesSessions && len(w.cfg.Poolers) == 0 {
		return 0
	}
	return statsDelay
}

// Reasons of event.Coverage that the watch writes.
const (
	ReasonSessions  = "session bypassed the gate"
	ReasonChanges   = "change counter disagrees"
	ReasonCatalogue = "catalogue changed around the gate"
	ReasonReset     = "server counters began anew"
)

// Watch finds sessions that do not pass the gate. Its methods belong to one
// goroutine.
type Watch struct {
	cfg     WatchConfig
	conn    *pgx.Conn
	server  serverTraits
	base    *baseline // nil before the first look
	started time.Time
	open    map[string]bool // reasons of the present disagreement
	due     []trouble       // found, not recorded yet
	digest  digest
}

// NewWatch checks the configuration. It touches no network.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	if cfg.Recorder == nil || cfg.Gate == nil || cfg.Control == nil {
		return nil, errors.New("datamap: a watch needs a recorder, a gate and a control count")
	}
	if _, err := pgx.ParseConfig(cfg.DSN); err != nil {
		return nil, fmt.Errorf("account that watches %s: %w (SK7204)", cfg.Place, err)
	}
	cfg.Every = cmp.Or(cfg.Every, 10*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Tables == nil {
		cfg.Tables = func() []Table { return nil }
	}
	for _, hook := range []*func(){&cfg.OnUncovered, &cfg.OnCatalogue} {
		if *hook == nil {
			*hook = func() {}
		}
	}
	return &Watch{cfg: cfg, open: map[string]bool{}}, nil
}

// Run looks again and again until ctx is cancelled; then it returns nil. After
// a Look of somebody else's it waits first. A
// server that cannot be reached is looked for again: the counters tell
// afterwards what happened meanwhile. It ends early only when the recorder
// does.
func (w *Watch) Run(ctx context.Context) error {
	defer w.Close(context.WithoutCancel(ctx))
	if w.base != nil && wait(ctx, w.cfg.Every) != nil {
		return nil
	}
	for {
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			if errors.Is(err, event.ErrStopped) {
				return err
			}
			w.Close(ctx)
		}
		if wait(ctx, w.cfg.Every) != nil {
			return nil
		}
	}
}

// Close ends the watch's session at the server.
func (w *Watch) Close(ctx context.Context) {
	if w.conn != nil {
		_ = w.conn.Close(ctx) // it carried nothing that could be lost
		w.conn = nil
	}
}

// Look compares once. The first look only remembers what it sees; sessions
// that are there already are found by the second.
func (w *Watch) Look(ctx context.Context) error {
	if err := w.attend(ctx); err != nil {
		return fmt.Errorf("watch %s: %w", w.cfg.Place, err)
	}
	at := w.cfg.Now()
	seen, err := w.look(ctx)
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.cfg.Place, err)
	}
	switch {
	case w.base == nil:
		w.started = at
		w.base = newBaseline(at, seen)
	case w.base.begunAnew(seen):
		w.due = append(w.due, trouble{
			reason: ReasonReset, title: "the server's counters began anew", from: w.base.agreed.latest(w.margin() == 0),
			detail: "after a crash or a reset of statistics nobody can tell who was there",
		})
		w.due = append(w.due, w.base.compareCatalogue(at, seen)...) // it is no counter
		w.due = append(w.due, w.base.settleDoubt(at, true)...)
		w.base = newBaseline(at, seen)
	default:
		w.base.comparable = w.margin() == 0
		w.due = append(w.due, w.base.compare(at, seen)...)
	}
	return w.report(ctx, at)
}

// attend connects, and says once if it cannot see enough.
func (w *Watch) attend(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	if w.conn, err = connect(ctx, w.cfg.DSN, "sekisho watch", w.cfg.Control); err != nil {
		return err
	}
	if w.server, err = readTraits(ctx, w.conn); err != nil || (w.server.seesSessions && w.server.countsSessions) {
		return err
	}
	_, err = w.cfg.Recorder.Record(ctx, event.Written, &event.Finding{
		Code: "SK7305", Title: "the bypass watch is half blind", Place: w.cfg.Place, Detail: w.server.blind(),
	})
	return err
}

// trouble is one disagreement.
type trouble struct {
	reason string
	title  string
	detail string
	from   time.Time // last exact agreement
}

// findingCodes are the codes of the findings, by reason.
var findingCodes = map[string]string{
	ReasonSessions: "SK7301", ReasonChanges: "SK7302", ReasonCatalogue: "SK7303", ReasonReset: "SK7304",
}

// report records what is due: each interval always, the finding once for the
// whole time the trouble lasts. What could not be recorded stays due.
func (w *Watch) report(ctx context.Context, at time.Time) error {
	bodies, open := []event.Body{}, map[string]bool{}
	for _, t := range w.due {
		if t.reason == ReasonCatalogue || t.reason == ReasonReset {
			w.cfg.OnCatalogue() // before the interval's end is taken
			break
		}
	}
	for _, t := range w.due {
		from := t.from.Add(-w.margin())
		if from.Before(w.started) {
			from = w.started
		}
		bodies = append(bodies, &event.Coverage{
			From: from.UnixNano(), To: w.cfg.Now().UnixNano(), Places: []event.Place{w.cfg.Place}, Reason: t.reason,
		})
		if !w.open[t.reason] && !open[t.reason] {
			bodies = append(bodies, &event.Finding{
				Code: findingCodes[t.reason], Title: t.title, Place: w.cfg.Place, Detail: t.detail,
			})
		}
		open[t.reason] = true
	}
	if len(bodies) > 0 {
		if _, err := w.cfg.Recorder.Record(ctx, event.Durable, bodies...); err != nil {
			return err
		}
		w.cfg.OnUncovered()
	}
	w.base.reported(at, open)
	w.open, w.due = open, nil
	return nil
}
