package propose

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// relationsSQL lists tables and materialised views, partitions left out.
const relationsSQL = `
SELECT c.oid::int8, n.nspname, c.relname, greatest(c.reltuples, 0)::int8, c.relkind IN ('r', 'm')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname`

// columnsSQL lists columns with their base types, single-column unique indexes
// and foreign keys.
const columnsSQL = `
WITH RECURSIVE base (attnum, typ) AS (
    SELECT attnum, atttypid FROM pg_attribute WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped
  UNION ALL
    SELECT b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype = 'd')
SELECT a.attname, t.typname,
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
  coalesce((SELECT fn.nspname || '.' || fc.relname FROM pg_constraint k JOIN pg_class fc ON fc.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
            WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum] LIMIT 1), '')
FROM pg_attribute a JOIN base b ON b.attnum = a.attnum JOIN pg_type t ON t.oid = b.typ AND t.typtype <> 'd'
WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// readPostgres implements Read.
func readPostgres(ctx context.Context, dsn string, attach func(*pgconn.Config)) (all []Relation, skipped map[string]string, err error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, err
	}
	cfg.RuntimeParams["application_name"] = "sekisho propose"
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if attach != nil {
		attach(&cfg.Config)
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '5s'"); err != nil {
		return nil, nil, err
	}
	rows, err := tx.Query(ctx, relationsSQL)
	if err != nil {
		return nil, nil, err
	}
	type found struct {
		oid          int64
		schema, name string
		rows         int64
		heap         bool
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (f found, err error) {
		err = r.Scan(&f.oid, &f.schema, &f.name, &f.rows, &f.heap)
		return f, err
	})
	if err != nil {
		return nil, nil, err
	}
	skipped = map[string]string{}
	for _, f := range list {
		r := Relation{Name: f.schema + "." + f.name, Rows: f.rows}
		// A savepoint: one table that cannot be read must not end the snapshot.
		sub, err := tx.Begin(ctx)
		if err != nil {
			return all, skipped, err
		}
		err = r.columns(ctx, sub, f.oid)
		if err == nil {
			err = r.sample(ctx, sub, pgx.Identifier{f.schema, f.name}.Sanitize(), f.heap)
		}
		if err != nil {
			skipped[r.Name] = reason(err)
			if rerr := sub.Rollback(ctx); rerr != nil {
				return all, skipped, rerr
			}
			continue
		}
		if err := sub.Commit(ctx); err != nil {
			return all, skipped, err
		}
		all = append(all, r)
	}
	return all, skipped, nil
}

func (r *Relation) columns(ctx context.Context, tx pgx.Tx, oid int64) error {
	rows, err := tx.Query(ctx, columnsSQL, oid)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c Column
		var primary bool
		if err := rows.Scan(&c.Name, &c.Type, &c.Unique, &primary, &c.Refers); err != nil {
			return err
		}
		if primary {
			r.Key = c.Name
		}
		r.Columns = append(r.Columns, c)
	}
	return rows.Err()
}

// sample reads about Sample rows, from pages all over a big table. Values longer
// than 4,000 characters are cut.
func (r *Relation) sample(ctx context.Context, tx pgx.Tx, name string, heap bool) error {
	if len(r.Columns) == 0 {
		return nil
	}
	list := ""
	for i, c := range r.Columns {
		if i > 0 {
			list += ", "
		}
		list += "left(" + pgx.Identifier{c.Name}.Sanitize() + "::text, 4000)"
	}
	from := name
	if heap && r.Rows > 20*Sample {
		from += fmt.Sprintf(" TABLESAMPLE SYSTEM (%.6f)", 300*float64(Sample)/float64(r.Rows))
	}
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s FROM %s LIMIT %d", list, from, Sample))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r.Sampled++
		for i, v := range rows.RawValues() {
			r.Columns[i].observe(v)
		}
	}
	return rows.Err()
}
