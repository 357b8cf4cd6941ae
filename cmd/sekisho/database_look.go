package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/datamap"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/element"
	"sekisho/internal/fault"
)

// databaseAsk is what a command wants to know of a database, by the file as it is
// now: the process may have started with an older one.
type databaseAsk struct {
	Protect []askedTable
	Plain   []string
	Rights  bool // whether the account may do what it must
	Drift   bool // whether the tables are those of the configuration
}

// askedTable is propose.Configured with elements by their names.
type askedTable struct {
	Name, Key string
	Columns   map[string]string
	Plain     []string
}

// databaseLook is the answer. It holds no value of a row.
type databaseLook struct {
	Rights   *rights
	Off      time.Duration // how far the two clocks are apart
	Proposal propose.Proposal
	Skipped  map[string]string
	Drift    []propose.Drift
}

// errUnreachable is a database that does not answer, or does not let the account in.
type errUnreachable struct{ error }

func (e errUnreachable) Unwrap() error { return e.error }

func askOf(d *config.Database) databaseAsk {
	ask := databaseAsk{Plain: d.Plain}
	for _, t := range configured(d) {
		columns := make(map[string]string, len(t.Columns))
		for name, kind := range t.Columns {
			columns[name] = kind.String()
		}
		ask.Protect = append(ask.Protect, askedTable{t.Name, t.Key, columns, t.Plain})
	}
	return ask
}

func (q *databaseAsk) configured() []propose.Configured {
	out := make([]propose.Configured, len(q.Protect))
	for i, t := range q.Protect {
		out[i] = propose.Configured{Name: t.Name, Key: t.Key, Columns: make(map[string]element.Kind, len(t.Columns)), Plain: t.Plain}
		for name, text := range t.Columns {
			out[i].Columns[name], _ = element.ParseKind(text)
		}
	}
	return out
}

// lookAt looks at a database of the configuration. The process that runs does it,
// if one does: it knows its own sessions, while one of a command is a session that
// bypassed the gate, with an interval without cover and an alarm.
func (a *app) lookAt(ctx context.Context, l *config.Loaded, d *config.Database, dsn string, ask databaseAsk) (*databaseLook, error) {
	text, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	answer, err := control.NewClient(l.Control, a.config).Database(ctx, control.DatabaseQuery{Database: d.Name, Ask: text})
	if err == nil {
		if out := ask.answered(answer); out != nil {
			return out, nil
		}
	}
	// Nothing runs, or it cannot: it knows another configuration, is of another
	// version, or the database does not answer it either.
	return ask.look(ctx, dsn, (&datamap.Control{ServerName: d.TLS.ServerName}).Attach, time.Now)
}

// answered reads what the process says; nil when that is not what was asked for, as
// from a process of another version.
func (q *databaseAsk) answered(text []byte) *databaseLook {
	var out databaseLook
	if json.Unmarshal(text, &out) != nil || q.Rights && out.Rights == nil {
		return nil
	}
	return &out
}

// Database implements control.Operator.
func (p *process) Database(ctx context.Context, r control.DatabaseQuery) (json.RawMessage, error) {
	var ask databaseAsk
	if json.Unmarshal(r.Ask, &ask) != nil {
		return nil, control.ErrRequest
	}
	for _, b := range p.bases {
		if b.cfg.Name != r.Database {
			continue
		}
		look, err := ask.look(ctx, b.dsn, b.control.Attach, p.now)
		if err != nil {
			return nil, fault.New(fault.DatabaseConnect, "database", b.cfg.Name, "address", b.cfg.Control.Address).Because(withoutText(err))
		}
		return json.Marshal(look)
	}
	return nil, fault.New(fault.ControlRefused, "problem", fmt.Sprintf("there is no database %q", r.Database), "hint", "sekisho status")
}

// databaseTime bounds one look at the rights of an account.
const databaseTime = 15 * time.Second

// look asks the server.
func (q *databaseAsk) look(ctx context.Context, dsn string, attach func(*pgconn.Config), now func() time.Time) (*databaseLook, error) {
	out := &databaseLook{}
	if q.Rights {
		if err := q.rights(ctx, dsn, attach, now, out); err != nil {
			return nil, errUnreachable{err}
		}
		if len(out.Rights.Missing)+len(out.Rights.Unreadable) > 0 {
			return out, nil // the same would be said again, table by table
		}
	}
	all, skipped, err := propose.Read(ctx, dsn, attach)
	if err != nil {
		return nil, err
	}
	out.Proposal, out.Skipped = propose.Propose(all), skipped
	if q.Drift {
		out.Drift = propose.Compare(q.configured(), q.Plain, all, out.Proposal)
	}
	return out, nil
}

func (q *databaseAsk) rights(ctx context.Context, dsn string, attach func(*pgconn.Config), now func() time.Time, out *databaseLook) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTime)
	defer cancel()
	cc, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	attach(&cc.Config)
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return err
	}
	var tables []string
	for _, t := range q.Protect {
		tables = append(tables, quotedTable(t.Name))
	}
	r := &rights{}
	begun := now()
	err = conn.QueryRow(ctx, rightsSQL, tables).Scan(&r.Version, &r.At, &r.Temporary, &r.Stats, &r.Super, &r.Missing, &r.Unreadable, &r.Written, &r.Hidden)
	ended := now()
	// The server read its clock between the two: only what lies outside of them
	// is a difference.
	out.Rights, out.Off = r, max(begun.Sub(r.At), r.At.Sub(ended), 0)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
