package lineage

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// Config says what is protected in one database and how to ask it. Nothing in
// it changes after New.
type Config struct {
	// ConnString is the libpq connection string of the control connections. The
	// role needs LOGIN, TEMP on the database and USAGE on the schemas that
	// clients name; it needs no privilege on any table and no superuser. It is
	// a secret: errors never carry it.
	ConnString string
	// Connections is the number of control connections (default 2).
	Connections int
	// Timeout bounds one analysis at the server (default 2 s).
	Timeout time.Duration
	// CacheSize bounds the analyses kept (default 4096).
	CacheSize int
	// Attach, when not nil, may change how control connections are made (their
	// dialler), for instance to count them.
	Attach func(*pgconn.Config)
	// Place is the place of the database: "shop".
	Place event.Place
	// Tables are the protected tables.
	Tables []Table
	// Public are relations that somebody declared free of personal data, as
	// "schema.name": they are not reported as unclassified.
	Public []string
	// Known returns what an earlier run knew of the relations of a
	// Catalog.System: it holds under other names too. It may be nil.
	Known func(system string) []Known
	// Functions are functions outside PostgreSQL's own, with what they do.
	Functions []FunctionRule

	switches Switches
}

// Table is one protected table, view, materialised view or foreign table.
type Table struct {
	Schema, Name string
	// Columns maps column names to what they hold. A column that is missing is
	// unclassified; an empty mask declares it harmless.
	Columns map[string]element.Mask
	// Key is the column that holds the subject key, "" when there is none: then
	// every crossing of the table is bounded.
	Key string
	// Source is whose numbers Key has: "shop.customers".
	Source event.SubjectSource
	// Identifiers are the columns whose value belongs to one subject each, such
	// as an e-mail address (rung 3 of the ladder).
	Identifiers []string
	// From are the places whose holdings bound this table's, for tables made
	// from others (taint); empty for tables that are scanned themselves.
	From []event.Place
	// Carried are what was written into its columns, by name, from others'
	// rows; under "" what decided which rows are there.
	Carried map[string]Carried
}

// FunctionRule declares the lineage of a function.
type FunctionRule struct {
	// Name is schema.name(argument types) as format_type writes them:
	// "public.greet(integer, text)".
	Name string
	// Reads names the protected tables ("schema.name") the result draws from.
	// Empty: it draws from its arguments alone.
	Reads []string
}

func (c *Config) setDefaults() error {
	if c.ConnString == "" {
		return fmt.Errorf("lineage: no connection string for %q", c.Place)
	}
	if c.Place == "" {
		return fmt.Errorf("lineage: no place")
	}
	if c.Connections <= 0 {
		c.Connections = 2
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.CacheSize <= 0 {
		c.CacheSize = 4096
	}
	return nil
}
