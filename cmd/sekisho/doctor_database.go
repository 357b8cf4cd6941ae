package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
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
    AND has_table_privilege(to_regclass(t), 'INSERT, UPDATE, DELETE, TRUNCATE')), '{}'),
  coalesce((SELECT array_agg(t ORDER BY t) FROM unnest($1::text[]) t WHERE row_security_active(to_regclass(t)::oid)), '{}')`

// rights is the answer.
type rights struct {
	Version                      string
	At                           time.Time
	Temporary, Stats, Super      bool
	Missing, Unreadable, Written []string
	Hidden                       []string // row security keeps rows from the account
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
		d.fault("database", d.secretMend(cfg, err), err)
		return
	}
	ask := askOf(cfg)
	ask.Rights, ask.Drift = true, true
	var look *databaseLook
	if d.hangs { // it would be waited for
		look, err = ask.look(d.a.ctx, controlDSN(cfg, password), (&datamap.Control{ServerName: cfg.TLS.ServerName}).Attach, time.Now)
	} else {
		look, err = d.a.lookAt(d.a.ctx, d.l, cfg, controlDSN(cfg, password), ask)
	}
	var lost errUnreachable
	switch {
	case errors.As(err, &lost):
		d.bad("database", d.connectMend(cfg, lost.error), "doctor_db_unreachable", "database", cfg.Name, "address", cfg.Control.Address, "cause", d.a.why(lost.error))
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

// why is why the server could not be reached or did not let the account in: in words
// where there are some, never in the server's, which may carry values.
func (a *app) why(err error) string {
	var op *net.OpError
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		key := "doctor_sqlstate_" + refused.Code
		if refused.Code == "28000" && byHBA(refused) {
			key = "doctor_sqlstate_hba"
		}
		if strings.HasPrefix(refused.Code, "57P") {
			key = "doctor_sqlstate_57P"
		}
		state := "SQLSTATE " + refused.Code
		if text := a.say.Text(key); slices.Contains(sqlstates, key) {
			return text + " (" + state + ")"
		}
		return state
	case errors.As(err, &op):
		return op.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// sqlstates are the refusals for which there are words.
var sqlstates = []string{"doctor_sqlstate_28P01", "doctor_sqlstate_28000", "doctor_sqlstate_hba", "doctor_sqlstate_42501", "doctor_sqlstate_3D000", "doctor_sqlstate_53300", "doctor_sqlstate_57P"}

// byHBA reports whether pg_hba.conf refused, which the message names in every language.
func byHBA(refused *pgconn.PgError) bool { return strings.Contains(refused.Message, "pg_hba.conf") }

// secretMend is what helps when the password cannot be read.
func (d *doctor) secretMend(cfg *config.Database, err error) string {
	file := cfg.Control.PasswordFile
	if info, bad := os.Stat(file); errors.Is(bad, fs.ErrNotExist) || bad == nil && info.Size() == 0 {
		return d.account(cfg)
	}
	if fault.Faults(err)[0].Code == fault.SecretMode {
		return "chmod 600 " + shellWord(file)
	}
	if info, bad := os.Stat(file); bad == nil {
		if owner, known := ownerOf(info); known && owner == os.Geteuid() {
			return "chmod 600 " + shellWord(file)
		}
	}
	return d.unreadable(file, "chmod 600 "+shellWord(file))
}

// administrator is psql at the server's database, as one who may grant.
func administrator(a *app, cfg *config.Database) string {
	user := ""
	if a.env.getenv == nil || a.env.getenv("PGUSER") == "" { // psql takes that by itself
		user = " -U postgres"
	}
	return "psql -h " + shellWord(hostOf(cfg.Control.Address)) + " -p " + shellWord(portOf(cfg.Control.Address)) + user + " -d " + shellWord(cfg.Database)
}

// account makes the account what the configuration says it is.
func (d *doctor) account(cfg *config.Database) string {
	return d.a.self("config account "+shellWord(cfg.Name)) + " | " + administrator(d.a, cfg)
}

// connectMend is what helps when the control account does not get in.
func (d *doctor) connectMend(cfg *config.Database, err error) string {
	psql := administrator(d.a, cfg)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return d.reachMend(cfg, err)
	}
	switch {
	case refused.Code == "28000" && byHBA(refused):
		line := fmt.Sprintf("host %s %s %s scram-sha-256", cfg.Database, cfg.Control.User, d.ownAddress(cfg))
		return `f=$(` + psql + ` -Atc 'SHOW hba_file') && sudo sed -i '1i ` + line + `' "$f" && ` + psql + ` -c 'SELECT pg_reload_conf()'`
	case refused.Code == "3D000":
		return d.a.say.Text("doctor_db_name", "file", d.a.config, "name", cfg.Name, "command", strings.TrimSuffix(psql, "-d "+shellWord(cfg.Database))+"-l")
	case refused.Code == "53300" && refused.Routine != "InitializeSessionUserId": // not the account's own limit
		return psql + ` -c 'ALTER SYSTEM SET max_connections = 200' && sudo systemctl restart postgresql`
	case strings.HasPrefix(refused.Code, "57P"), strings.HasPrefix(refused.Code, "53") && refused.Code != "53300":
		return "pg_isready -t 60 -h " + shellWord(hostOf(cfg.Control.Address)) + " -p " + shellWord(portOf(cfg.Control.Address))
	}
	return d.account(cfg)
}

// reachMend is what helps when nothing answers, or not as it should.
func (d *doctor) reachMend(cfg *config.Database, err error) string {
	host, port := hostOf(cfg.Control.Address), portOf(cfg.Control.Address)
	if strings.Contains(err.Error(), "server refused TLS") {
		return d.a.say.Text("doctor_db_tls", "file", d.a.config, "name", cfg.Name)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) || !errors.Is(err, syscall.ECONNREFUSED) {
		return "pg_isready -h " + shellWord(host) + " -p " + shellWord(port)
	}
	own := map[string]bool{}
	for _, x := range d.addresses() { // a gate speaks PostgreSQL too
		own[x.at] = true
	}
	for _, at := range nearby(d.a.ctx, "") {
		if !own[at] {
			return "sed -i " + shellWord("s/"+strings.ReplaceAll(cfg.Control.Address, ".", `\.`)+"/"+at+"/") + " " + shellWord(d.a.config)
		}
	}
	return d.asRoot("systemctl start postgresql")
}

// ownAddress is this machine as the server sees it, in the form of pg_hba.conf.
func (d *doctor) ownAddress(cfg *config.Database) string {
	var dial net.Dialer
	c, err := dial.DialContext(d.a.ctx, "tcp", cfg.Control.Address)
	if err != nil {
		return "samehost"
	}
	defer c.Close()
	host, _, _ := net.SplitHostPort(c.LocalAddr().String())
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.PrefixFrom(ip.WithZone(""), ip.BitLen()).String()
	}
	return "samehost"
}

// judge says which rights are missing or too many, with the statement that
// mends each.
func (d *doctor) judge(cfg *config.Database, r *rights) {
	account := pgx.Identifier{cfg.Control.User}.Sanitize()
	run := func(format string, args ...any) string {
		return administrator(d.a, cfg) + " -c " + shellWord(fmt.Sprintf(format, args...))
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
	if len(r.Hidden) > 0 {
		d.bad("database", run("ALTER ROLE %s BYPASSRLS", account), "doctor_db_hidden", "database", cfg.Name, "tables", strings.Join(r.Hidden, ", "))
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
