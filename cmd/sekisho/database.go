package main

import (
	"net"
	"net/url"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/hub/frame"
	"sekisho/internal/lineage"
)

// place is the place of a database, "shop", or "shop@osaka" where its events are
// shipped; placeOf of a table in it.
func place(d *config.Database) event.Place { return event.Place(frame.Of(d.Name, d.Site)) }

func placeOf(d *config.Database, table string) event.Place {
	return place(d) + event.Place("/"+table)
}

// sourceOf names the subjects of a table: "shop.customers" for tables of the
// schema public, "shop.crm.customers" for others.
func sourceOf(d *config.Database, table string) event.SubjectSource {
	return event.SubjectSource(string(place(d)) + "." + strings.TrimPrefix(table, "public."))
}

// controlDSN is how the control account reaches the server. It holds the
// password: it goes to the libraries that connect, and nowhere else.
func controlDSN(d *config.Database, password config.Secret) string {
	u := url.URL{Scheme: "postgres", Path: "/" + d.Database, User: url.User(d.Control.User)}
	if p := password.Reveal(); p != "" {
		u.User = url.UserPassword(d.Control.User, p)
	}
	host, port, err := net.SplitHostPort(d.Control.Address)
	q := url.Values{"sslmode": {d.TLS.Mode}}
	if err == nil {
		u.Host = net.JoinHostPort(host, port)
	}
	if d.TLS.CA != "" {
		q.Set("sslrootcert", d.TLS.CA)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// elements parses the columns of a table; the configuration was checked.
func elements(t *config.Table) map[string]element.Kind {
	out := make(map[string]element.Kind, len(t.Columns))
	for column, name := range t.Columns {
		if k, ok := element.ParseKind(name); ok {
			out[column] = k
		}
	}
	return out
}

// scanTables is the protect section as the scans need it.
func scanTables(d *config.Database) []datamap.Table {
	var out []datamap.Table
	for i := range d.Protect {
		t := &d.Protect[i]
		schema, name, ok := strings.Cut(t.Table, ".")
		if !ok { // MySQL and SQLite
			schema, name = "", t.Table
		}
		out = append(out, datamap.Table{
			Place: placeOf(d, t.Table), Schema: schema, Name: name, Source: sourceOf(d, t.Of), Key: t.Key,
			Columns: elements(t), Plain: t.Plain, Identifiers: t.Identifiers,
		})
	}
	return out
}

// lineageConfig is the protect section as the lineage reader needs it.
func lineageConfig(d *config.Database, dsn string) lineage.Config {
	cfg := lineage.Config{ConnString: dsn, Place: place(d), Public: d.Plain}
	for i := range d.Protect {
		t := &d.Protect[i]
		schema, name, _ := strings.Cut(t.Table, ".")
		one := lineage.Table{Schema: schema, Name: name, Key: t.Key, Source: sourceOf(d, t.Of),
			Columns: map[string]element.Mask{}, Identifiers: t.Identifiers}
		for column, kind := range elements(t) {
			one.Columns[column] = element.MaskOf(kind)
		}
		for _, column := range t.Plain {
			one.Columns[column] = 0
		}
		cfg.Tables = append(cfg.Tables, one)
	}
	for _, f := range d.Functions {
		cfg.Functions = append(cfg.Functions, lineage.FunctionRule{Name: f.Name, Reads: f.Reads})
	}
	return cfg
}

// protected is the protect section as the gate needs it. Whether a table has
// unclassified columns only the database knows, so every table counts as
// having some.
func protected(d *config.Database) []pgproxy.Protected {
	var out []pgproxy.Protected
	for i := range d.Protect {
		t := &d.Protect[i]
		mask := element.MaskOf(element.Unclassified)
		for _, kind := range elements(t) {
			mask |= element.MaskOf(kind)
		}
		out = append(out, pgproxy.Protected{Table: placeOf(d, t.Table), Source: sourceOf(d, t.Of), Elements: mask})
	}
	return out
}
