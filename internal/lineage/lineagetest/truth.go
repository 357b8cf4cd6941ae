package lineagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// World is a small database whose every row belongs to a subject or to nobody.
type World struct {
	Tables []lineage.Table
	Place  event.Place
	Pg     *pgconn.PgConn // may read and write everything; used inside transactions that are rolled back
	Held   Holdings
	keys   map[event.SubjectSource][]string
	known  map[Subject]Subject // identifier (by source and value) → subject
}

// NewWorld reads the holdings of the tables.
func NewWorld(ctx context.Context, pg *pgconn.PgConn, place event.Place, tables []lineage.Table) (*World, error) {
	w := &World{Tables: tables, Place: place, Pg: pg, Held: Holdings{}, keys: map[event.SubjectSource][]string{}, known: map[Subject]Subject{}}
	for _, t := range tables {
		rows, err := w.query(ctx, fmt.Sprintf("SELECT DISTINCT %q::text FROM %q.%q WHERE %q IS NOT NULL ORDER BY 1", t.Key, t.Schema, t.Name, t.Key))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			p := event.Place(fmt.Sprintf("%s/%s.%s", place, t.Schema, t.Name))
			w.Held[p] = append(w.Held[p], Subject{t.Source, *row[0]})
			if !slices.Contains(w.keys[t.Source], *row[0]) {
				w.keys[t.Source] = append(w.keys[t.Source], *row[0])
			}
		}
	}
	for _, t := range tables {
		for _, column := range t.Identifiers {
			rows, err := w.query(ctx, fmt.Sprintf("SELECT %q::text, %q::text FROM %q.%q WHERE %[1]q IS NOT NULL AND %[2]q IS NOT NULL", t.Key, column, t.Schema, t.Name))
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				w.known[Subject{t.Source, *row[1]}] = Subject{t.Source, *row[0]}
			}
		}
	}
	return w, nil
}

// Identify is the identifier index of the world.
func (w *World) Identify(source event.SubjectSource, value string) (Subject, bool) {
	s, ok := w.known[Subject{source, value}]
	return s, ok
}

// Subjects are all subjects of the world.
func (w *World) Subjects() []Subject {
	var out []Subject
	for source, keys := range w.keys {
		for _, k := range keys {
			out = append(out, Subject{source, k})
		}
	}
	return out
}

func (w *World) query(ctx context.Context, sql string, args ...string) ([][]*string, error) {
	rows, _, err := w.run(ctx, sql, args)
	return rows, err
}

func (w *World) run(ctx context.Context, sql string, args []string) ([][]*string, int, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	res := w.Pg.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, 0, res.Err
	}
	return texts(res.Rows), int(res.CommandTag.RowsAffected()), nil
}

// Run runs the statement and undoes it.
func (w *World) Run(ctx context.Context, st Statement) (got Delivered, err error) {
	err = w.undone(ctx, func() error {
		rows, tag, err := w.run(ctx, st.SQL, st.Params)
		got = Delivered{Rows: rows, Params: st.Params, Tag: tag, Identify: w.Identify}
		if st.Take > 0 && len(rows) > st.Take {
			got.Rows, got.Tag, got.Cut = rows[:st.Take], st.Take, true
		}
		return err
	})
	return got, err
}

func (w *World) undone(ctx context.Context, f func() error) error {
	if _, err := w.query(ctx, "BEGIN"); err != nil {
		return err
	}
	err := f()
	if _, rerr := w.query(ctx, "ROLLBACK"); err == nil {
		err = rerr
	}
	return err
}

// Truth is whose rows matter to a statement's delivered bytes.
type Truth struct {
	// Deleted are the subjects whose deletion changes them.
	Deleted map[Subject]bool
	// Changed are the subjects and the elements whose change changes them.
	Changed map[Subject]element.Mask
}

// Has says that the subject is in the truth.
func (t Truth) Has(s Subject) bool { return t.Deleted[s] || t.Changed[s] != 0 }

// image is the bytes delivered, without the order of rows: an UPDATE moves a
// row in the storage, which is not a leak. errors are part of it.
func image(d Delivered, err error) string {
	if err != nil {
		return "error"
	}
	lines := make([]string, len(d.Rows))
	for i, row := range d.Rows {
		var b strings.Builder
		for _, v := range row {
			if v == nil {
				b.WriteString("\x00N")
			} else {
				fmt.Fprintf(&b, "\x00%q", *v)
			}
		}
		lines[i] = b.String()
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// variant is one way to change one subject's rows.
type variant struct {
	sql      string
	args     []string
	elements element.Mask // changed; 0 for a deletion
}

// alternatives are the values a column is changed to.
var alternatives = []string{"NULL", "a", "5"}

func (w *World) variants(s Subject) []variant {
	var out []variant
	var all []string
	for _, t := range w.Tables {
		if t.Source != s.Source {
			continue
		}
		name := fmt.Sprintf("%q.%q", t.Schema, t.Name)
		del := fmt.Sprintf("DELETE FROM %s WHERE %q::text = $1", name, t.Key)
		out = append(out, variant{sql: del, args: []string{s.Key}})
		all = append(all, fmt.Sprintf("d%d AS (DELETE FROM %s WHERE %q::text = $1)", len(all), name, t.Key))
		columns := make([]string, 0, len(t.Columns))
		for c := range t.Columns {
			columns = append(columns, c)
		}
		slices.Sort(columns)
		for _, c := range columns {
			if t.Columns[c] == 0 {
				continue
			}
			for _, v := range alternatives {
				value := "'" + v + "'"
				if v == "NULL" {
					value = v
				}
				out = append(out, variant{
					sql:  fmt.Sprintf("UPDATE %s SET %q = %s WHERE %q::text = $1", name, c, value, t.Key),
					args: []string{s.Key}, elements: t.Columns[c],
				})
			}
		}
	}
	out = append(out, variant{sql: "WITH " + strings.Join(all, ", ") + " SELECT 1", args: []string{s.Key}})
	return out
}

// Truth finds the truth of a statement by trying every variant of every
// subject. changesOnly leaves deletions out.
func (w *World) Truth(ctx context.Context, st Statement, changesOnly bool) (Truth, error) {
	t := Truth{Deleted: map[Subject]bool{}, Changed: map[Subject]element.Mask{}}
	err := w.undone(ctx, func() error {
		before, err := w.attempt(ctx, nil, st)
		if err != nil {
			return err
		}
		for _, s := range w.Subjects() {
			for _, v := range w.variants(s) {
				if changesOnly && v.elements == 0 {
					continue
				}
				after, err := w.attempt(ctx, &v, st)
				if err != nil {
					return err
				}
				switch {
				case after == before:
				case v.elements == 0:
					t.Deleted[s] = true
				default:
					t.Changed[s] |= v.elements
				}
			}
		}
		return nil
	})
	return t, err
}

// attempt runs the statement after a variant and undoes both, in one round
// trip. A variant that the database refuses says nothing: the answer is that
// of the unchanged database.
func (w *World) attempt(ctx context.Context, v *variant, st Statement) (string, error) {
	text := inline(st.SQL, st.Params)
	results := 2 // SAVEPOINT and the statement
	if v != nil {
		text = inline(v.sql, v.args) + ";" + text
		results = 3
	}
	got, err := w.Pg.Exec(ctx, "SAVEPOINT v;"+text).ReadAll()
	if _, rerr := w.query(ctx, "ROLLBACK TO v"); rerr != nil {
		return "", rerr
	}
	if err != nil && v != nil && len(got) < results-1 {
		return w.attempt(ctx, nil, st)
	}
	if err != nil || len(got) < results {
		return image(Delivered{}, errors.New("refused")), nil
	}
	rows := texts(got[results-1].Rows)
	if st.Take > 0 && len(rows) > st.Take {
		rows = rows[:st.Take]
	}
	return image(Delivered{Rows: rows}, nil), nil
}

// inline puts parameters into the text; those of this package are integers.
func inline(sql string, params []string) string {
	for i := len(params) - 1; i >= 0; i-- {
		sql = strings.ReplaceAll(sql, fmt.Sprintf("$%d", i+1), "'"+params[i]+"'")
	}
	return sql
}

func texts(rows [][][]byte) [][]*string {
	out := make([][]*string, len(rows))
	for i, row := range rows {
		out[i] = make([]*string, len(row))
		for j, v := range row {
			if v != nil {
				s := string(v)
				out[i][j] = &s
			}
		}
	}
	return out
}
