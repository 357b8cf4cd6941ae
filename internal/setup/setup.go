// Package setup writes the files of a first installation: the configuration
// with the proposed protect section, the people who are called, and the SQL of
// the account with which the database is read.
//
// It reads no database and writes no file: cmd does both. What it writes is
// text that a person can read, change and keep; the comments are in the
// person's language.
package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/datamap/propose"
)

// Answers is what a person, or the flags, said.
type Answers struct {
	Name     string // of the database in events
	Upstream string // host:port of the server
	Database string // its name on the server
	TLS      string // disable, prefer, require, verify-ca, verify-full
	Account  string // database user that reads catalogue and holdings
	Secret   string // file with its password, as the configuration names it

	Listen  string // of the gate
	Console string // of the console

	Data, Keys, Cases string // paths as the configuration names them

	Company string
	Duty    Person
	Mail    *Mail
	// LineWorks is the file with the address of an incoming webhook; empty: none.
	LineWorks string
}

// Person is who is called first.
type Person struct {
	Name  string
	Mail  string // empty: only by LINE WORKS
	Phone string
}

// Mail is the mail server that the calls go through.
type Mail struct {
	Server, From, User, PasswordFile string
}

// Words gives the comments in the person's language, by key.
type Words func(key string, args ...any) string

// Plan is a proposal that the configuration can take as it is.
type Plan struct {
	propose.Proposal
	// Keyless are tables that hold personal data and have no key: nobody could
	// say whose rows they are. They are left out of the configuration, where
	// reads of them appear in coverage.
	Keyless []propose.Table
}

// Settle takes out of a proposal what the configuration refuses: tables
// without a key are set apart, and a table about persons of a table that is
// itself about others' persons names those directly. That is exact, because
// tables of persons have their own key as subject key.
func Settle(p propose.Proposal) Plan {
	plan := Plan{Proposal: propose.Proposal{Plain: p.Plain}}
	of := map[string]string{}
	for _, t := range p.Tables {
		if t.Key == "" {
			plan.Keyless = append(plan.Keyless, t)
			continue
		}
		of[t.Name] = t.Of
		plan.Tables = append(plan.Tables, t)
	}
	for i := range plan.Tables {
		t := &plan.Tables[i]
		seen := map[string]bool{t.Name: true}
		for next := of[t.Of]; t.Of != "" && next != "" && !seen[t.Of]; next = of[t.Of] {
			seen[t.Of] = true
			t.Of = next
		}
		if t.Of == t.Name {
			t.Of = ""
		}
	}
	return plan
}

// Config returns the configuration's text.
func (a *Answers) Config(plan Plan, words Words, comments propose.Words) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, l := range strings.Split(strings.TrimRight(words("head"), "\n"), "\n") {
		line("# %s", l)
	}
	line("data: %s", quote(a.Data))
	line("# %s", words("keys"))
	line("keys: %s", quote(a.Keys))
	line("# %s", words("cases"))
	line("cases: %s", quote(a.Cases))
	line("console: {listen: %s}", quote(a.Console))
	line("databases:")
	line("  - name: %s", quote(a.Name))
	line("    upstream: %s", quote(a.Upstream))
	line("    database: %s", quote(a.Database))
	line("    tls: {mode: %s}", a.TLS)
	line("    control:")
	line("      user: %s", quote(a.Account))
	line("      password_file: %s", quote(a.Secret))
	b.WriteString(plan.YAML(comments))
	for _, t := range plan.Keyless {
		var columns []string
		for _, c := range t.Columns {
			columns = append(columns, c.Column+": "+c.Element)
		}
		line("    # %s", words("keyless", "table", quote(t.Name), "columns", strings.Join(columns, ", ")))
	}
	line("gates:")
	line("  - name: %s", quote(a.Name+"-db"))
	line("    # %s", words("gate"))
	line("    listen: %s", quote(a.Listen))
	line("    database: %s", quote(a.Name))
	line("    # %s", words("observe"))
	line("    mode: observe")
	return b.String()
}

// People returns the text of the file of people.
func (a *Answers) People(words Words) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s", words("people"))
	line("company: {name: %s}", quote(a.Company))
	if m := a.Mail; m != nil {
		line("mail:")
		line("  server: %s", quote(m.Server))
		line("  from: %s", quote(m.From))
		if m.User != "" {
			line("  user: %s", quote(m.User))
			line("  password_file: %s", quote(m.PasswordFile))
		}
	}
	var reach []string
	if a.Duty.Mail != "" {
		reach = append(reach, quote("mailto:"+a.Duty.Mail))
	}
	if a.LineWorks != "" {
		line("channels:")
		line("  - {name: lineworks, kind: lineworks, url_file: %s}", quote(a.LineWorks))
		reach = append(reach, "lineworks")
	}
	line("people:")
	phone := ""
	if a.Duty.Phone != "" {
		phone = ", phone: " + quote(a.Duty.Phone)
	}
	line("  - {id: duty, name: %s, rank: duty%s, reach: [%s]}", quote(a.Duty.Name), phone, strings.Join(reach, ", "))
	line("# %s", words("ranks"))
	return b.String()
}

// SQL returns what makes the account, or gives an account that is there what it lacks.
// Verifier is its password as the server keeps it, so the text holds no password.
func (a *Answers) SQL(plan Plan, verifier string, words Words) string {
	return AccountSQL(a.Account, a.Database, plan.schemas(), verifier, words)
}

// AccountSQL is the same for an installation that is there: run again it mends what was
// wrong with the account. It can write nothing. The account may read every table of the
// schemas, not only protected ones: what is proposed or drifts is found by looking at
// the others too.
func AccountSQL(account, database string, schemas []string, verifier string, words Words) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	name := pgx.Identifier{account}.Sanitize()
	line("-- %s", words("sql"))
	line("DO %s;", literal(fmt.Sprintf("BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN CREATE ROLE %s; END IF; END", literal(account), name)))
	password := "" // it gets in without one
	if verifier != "" {
		password = " PASSWORD '" + verifier + "'"
	}
	line("ALTER ROLE %s LOGIN%s VALID UNTIL 'infinity' CONNECTION LIMIT -1;", name, password)
	line("GRANT CONNECT, TEMPORARY ON DATABASE %s TO %s;", pgx.Identifier{database}.Sanitize(), name)
	line("GRANT pg_read_all_stats TO %s;", name)
	for _, schema := range schemas {
		schema = pgx.Identifier{schema}.Sanitize()
		line("GRANT USAGE ON SCHEMA %s TO %s;", schema, name)
		line("GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %s;", schema, name)
	}
	return b.String()
}

// literal is a text in SQL, as standard_conforming_strings reads it.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (p *Plan) schemas() []string {
	var out []string
	add := func(table string) {
		schema, _, _ := strings.Cut(table, ".")
		out = append(out, schema)
	}
	for _, t := range p.Tables {
		add(t.Name)
	}
	for _, t := range p.Keyless {
		add(t.Name)
	}
	for _, t := range p.Plain {
		add(t)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Name makes a name for events from the name of a database: letters, digits, -
// and _, at most 32 of them.
func Name(database string) string {
	var b strings.Builder
	for _, r := range database {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			b.WriteRune(r)
		}
	}
	name := strings.TrimLeft(b.String(), "-_0123456789")
	return cmp.Or(name[:min(len(name), 32)], "db")
}

// quote writes a text as YAML reads it back: in double quotes, with Go's
// escapes, which are YAML's too.
func quote(s string) string { return strconv.Quote(s) }
