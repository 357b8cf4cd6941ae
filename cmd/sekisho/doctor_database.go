package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/fault"
)

// rightsSQL asks what the control account may do. $1 are the protected tables. What
// it must be able to read are these, and the materialised views that were made from
// them, through any number of views: they are scanned for themselves.
const rightsSQL = `
WITH RECURSIVE made (oid) AS (
    SELECT to_regclass(t)::oid FROM unnest($1::text[]) t WHERE to_regclass(t) IS NOT NULL
  UNION
    SELECT r.ev_class FROM made m JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid),
readable (name, oid) AS (
    SELECT t, to_regclass(t)::oid FROM unnest($1::text[]) t WHERE to_regclass(t) IS NOT NULL
  UNION
    SELECT format('%I.%I', n.nspname, c.relname), c.oid FROM made m JOIN pg_class c ON c.oid = m.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm')
SELECT current_setting('server_version'), clock_timestamp(),
  has_database_privilege(current_database(), 'TEMPORARY'),
  pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER'),
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  coalesce((SELECT array_agg(t ORDER BY t) FROM unnest($1::text[]) t WHERE to_regclass(t) IS NULL), '{}'),
  coalesce((SELECT array_agg(name ORDER BY name) FROM readable WHERE NOT has_table_privilege(oid, 'SELECT')), '{}'),
  coalesce((SELECT array_agg(t ORDER BY t) FROM unnest($1::text[]) t WHERE to_regclass(t) IS NOT NULL
    AND has_table_privilege(to_regclass(t), 'INSERT, UPDATE, DELETE, TRUNCATE')), '{}')`

// rights is the answer.
type rights struct {
	Version                      string
	At                           time.Time
	Temporary, Stats, Super      bool
	Missing, Unreadable, Written []string
}

// quotedTable is a table of the configuration as SQL names it.
func quotedTable(t string) string {
	schema, name, _ := strings.Cut(t, ".")
	return pgx.Identifier{schema, name}.Sanitize()
}

// database looks whether the control account gets in and may do what it must,
// and no more; whether the two clocks agree; and whether the tables are still
// those of the configuration.
func (d *doctor) database(cfg *config.Database) {
	password, err := config.ReadSecret(cfg.Control.PasswordFile)
	if err != nil {
		d.fault("database", "chmod 600 "+shellWord(cfg.Control.PasswordFile), err)
		return
	}
	ask := askOf(cfg)
	ask.Rights, ask.Drift = true, true
	look, err := d.a.lookAt(d.a.ctx, d.l, cfg, controlDSN(cfg, password), ask)
	var lost errUnreachable
	switch {
	case errors.As(err, &lost):
		d.bad("database", d.connectMend(cfg, lost.error), "doctor_db_unreachable", "database", cfg.Name, "address", cfg.Control.Address, "cause", withoutText(lost.error))
		return
	case err != nil:
		d.fault("database", "", fault.New(fault.DatabaseConnect, "database", cfg.Name, "address", cfg.Control.Address).Because(withoutText(err)))
		return
	}
	before := len(d.found)
	d.judge(cfg, look.Rights)
	if wide := time.Duration(d.l.Ledger.ClockErr); look.Off > wide {
		d.warn("database", "timedatectl set-ntp true", "doctor_db_clock", "database", cfg.Name, "off", look.Off.Round(time.Millisecond), "bound", wide)
	}
	d.drift(cfg, look.Drift)
	if len(d.found) == before {
		d.ok("database", "doctor_db", "database", cfg.Name, "address", cfg.Control.Address, "version", look.Rights.Version, "tables", len(cfg.Protect))
	}
}

// connectMend is what helps when the control account does not get in: the SQL
// that init left behind, if it is still there, when the login was refused.
func (d *doctor) connectMend(cfg *config.Database, err error) string {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return "pg_isready -h " + shellWord(hostOf(cfg.Control.Address)) + " -p " + shellWord(portOf(cfg.Control.Address))
	}
	if file := accountSQL(d.l, cfg); exists(file) {
		return "psql -d " + shellWord(cfg.Database) + " -f " + shellWord(file)
	}
	return "psql -d " + shellWord(cfg.Database) + " -c " + shellWord(`\du `+cfg.Control.User)
}

// judge says which rights are missing or too many, with the statement that
// mends each.
func (d *doctor) judge(cfg *config.Database, r *rights) {
	account := pgx.Identifier{cfg.Control.User}.Sanitize()
	run := func(format string, args ...any) string {
		return "psql -d " + shellWord(cfg.Database) + " -c " + shellWord(fmt.Sprintf(format, args...))
	}
	if len(r.Missing) > 0 {
		d.bad("database", d.a.self("map propose --check "+cfg.Name), "doctor_db_gone", "database", cfg.Name, "tables", strings.Join(r.Missing, ", "))
	}
	if len(r.Unreadable) > 0 {
		d.bad("database", run("GRANT SELECT ON %s TO %s", strings.Join(r.Unreadable, ", "), account), "doctor_db_unreadable", "database", cfg.Name, "tables", strings.Join(r.Unreadable, ", "))
	}
	if !r.Temporary {
		d.bad("database", run("GRANT TEMPORARY ON DATABASE %s TO %s", pgx.Identifier{cfg.Database}.Sanitize(), account), "doctor_db_temporary", "database", cfg.Name)
	}
	if !r.Stats {
		d.bad("database", run("GRANT pg_read_all_stats TO %s", account), "doctor_db_stats", "database", cfg.Name)
	}
	switch {
	case r.Super:
		d.warn("database", run("ALTER ROLE %s NOSUPERUSER", account), "doctor_db_super", "database", cfg.Name, "account", cfg.Control.User)
	case len(r.Written) > 0:
		d.warn("database", run("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s FROM %s", strings.Join(r.Written, ", "), account), "doctor_db_writes", "database", cfg.Name, "account", cfg.Control.User)
	}
}

// drift says whether tables or columns came that nobody classified.
func (d *doctor) drift(cfg *config.Database, drift []propose.Drift) {
	if len(drift) == 0 {
		return
	}
	var places []string
	for _, x := range drift {
		place := x.Table
		if x.Column != "" {
			place += "." + x.Column
		}
		places = append(places, place)
	}
	slices.Sort(places)
	d.warn("database", d.a.self("map propose --check "+cfg.Name), "doctor_db_drift", "database", cfg.Name, "n", len(drift), "first", places[0])
}

// accountSQL is where init left the statements that make the account.
func accountSQL(l *config.Loaded, cfg *config.Database) string {
	return filepath.Join(filepath.Dir(l.File), cfg.Name+"-account.sql")
}
