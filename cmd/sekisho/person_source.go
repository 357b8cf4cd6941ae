package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/fault"
	"sekisho/internal/person"
	"sekisho/internal/person/dbrows"
	"sekisho/internal/person/record"
)

// tableSource is a table of customers that somebody named on the command line.
type tableSource struct {
	name    string // of the source; empty: from the table
	address string // of the database: secret
	base    *config.Database
	store   *config.Store
	table   string
	some    bool // one of several: it may hold nothing of customers
}

var sourceName = regexp.MustCompile(`^[\pL\pN_.-]+$`)

// parseSource reads [NAME=]DATABASE[#TABLE], [NAME=]STORE#TABLE, [NAME=]env:VARIABLE#TABLE or
// [NAME=]URL#TABLE. A database of the configuration without a table is all its
// protected tables.
func (a *app) parseSource(text string) ([]tableSource, error) {
	bad := func(problem string) error {
		return fault.New(fault.PersonSource).Because(fmt.Errorf("--source %s: %s", text, a.say.Text(problem)))
	}
	var name string
	if before, after, ok := strings.Cut(text, "="); ok && sourceName.MatchString(before) {
		name, text = before, after
	}
	address, table, _ := strings.Cut(text, "#")
	switch {
	case strings.HasPrefix(address, "env:"):
		variable := strings.TrimPrefix(address, "env:")
		if address = a.env.getenv(variable); address == "" {
			return nil, bad("person_source_env")
		}
	case strings.Contains(address, "://"):
		if dbrows.HasPassword(address) {
			return nil, fault.New(fault.PersonPassword)
		}
	default:
		return a.protected(name, address, table, bad)
	}
	if table == "" {
		return nil, bad("person_source_table")
	}
	return []tableSource{{name: name, address: address, table: table}}, nil
}

// protected returns tables of a database of the configuration.
func (a *app) protected(name, database, table string, bad func(problem string) error) ([]tableSource, error) {
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(l.Databases, func(d config.Database) bool { return d.Name == database })
	if i < 0 {
		return stored(l, name, database, table, bad)
	}
	d := &l.Databases[i]
	password, err := config.ReadSecret(d.Control.PasswordFile)
	if err != nil {
		return nil, err
	}
	var out []tableSource
	for t := range d.Protect {
		if p := &d.Protect[t]; table == "" || p.Table == table || strings.TrimPrefix(p.Table, "public.") == table {
			out = append(out, tableSource{name: name, address: controlDSN(d, password), base: d, table: p.Table, some: table == ""})
		}
	}
	if len(out) == 0 {
		return nil, bad("person_source_unprotected")
	}
	return out, nil
}

// stored returns a table of a store of the configuration: a MySQL or MariaDB
// database, or a PostgreSQL one without a gate.
func stored(l *config.Loaded, name, store, table string, bad func(problem string) error) ([]tableSource, error) {
	i := slices.IndexFunc(l.Stores, func(s config.Store) bool { return s.Name == store })
	if i < 0 {
		return nil, bad("person_source_database")
	}
	if table == "" {
		return nil, bad("person_source_table")
	}
	return []tableSource{{name: name, address: l.Stores[i].Address, store: &l.Stores[i], table: table}}, nil
}

// protection is what the configuration says of the table, or nil.
func (s *tableSource) protection() *config.Table {
	if s.base == nil {
		return nil
	}
	i := slices.IndexFunc(s.base.Protect, func(t config.Table) bool { return t.Table == s.table })
	return &s.base.Protect[i]
}

// called is the source's name: that of its subjects, or of the table.
func (s *tableSource) called() string {
	switch {
	case s.name != "":
		return s.name
	case s.base != nil:
		return string(sourceOf(s.base, s.table))
	}
	return s.table[strings.LastIndexByte(s.table, '.')+1:]
}

// tables opens the databases and makes sources of their tables. done ends the
// sessions; it must be called when all was read.
func (c personMatchCmd) tables(a *app) (out []person.Source, done func(), err error) {
	open := map[string]dbrows.Snapshot{}
	done = func() {
		for _, s := range open {
			if err := s.Close(context.WithoutCancel(a.ctx)); err != nil {
				a.log().Warn("close", "err", err)
			}
		}
	}
	for _, text := range c.Source {
		some, err := c.tablesOf(a, text, open)
		if err != nil {
			done()
			return nil, nil, err
		}
		out = append(out, some...)
	}
	return out, done, nil
}

// tablesOf are the tables that one --source names.
func (c personMatchCmd) tablesOf(a *app, text string, open map[string]dbrows.Snapshot) (out []person.Source, err error) {
	named, err := a.parseSource(text)
	if err != nil {
		return nil, err
	}
	for i := range named {
		s, err := c.open(a, &named[i], open)
		if named[i].some && errors.Is(err, person.ErrNoTable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.PersonSource).Because(fmt.Errorf("--source %s: %w", text, person.ErrNoTable))
	}
	return out, nil
}

// open looks at a table and makes a source of it. Tables of one address are of
// one snapshot.
func (c personMatchCmd) open(a *app, s *tableSource, open map[string]dbrows.Snapshot) (person.Source, error) {
	if open[s.address] == nil {
		password, err := c.password(a, s)
		if err != nil {
			return person.Source{}, err
		}
		if open[s.address], err = dbrows.Open(a.ctx, s.address, password); err != nil {
			delete(open, s.address)
			return person.Source{}, fault.New(fault.PersonSource).Because(err)
		}
	}
	out, err := s.source(a.ctx, open[s.address])
	if err != nil {
		err = fault.New(fault.PersonSource).Because(err)
	}
	return out, err
}

// password is what an address without one uses: that of the file, for MySQL also
// what its own programs read. Those of libpq the library reads itself.
func (c personMatchCmd) password(a *app, s *tableSource) (string, error) {
	switch {
	case s.base != nil: // the configuration's account has its own
		return "", nil
	case s.store != nil && s.store.PasswordFile != "":
		secret, err := config.ReadSecret(s.store.PasswordFile)
		return secret.Reveal(), err
	case c.PasswordFile == "" && !strings.HasPrefix(s.address, "postgres"):
		return a.env.getenv("MYSQL_PWD"), nil
	}
	secret, err := config.ReadSecret(c.PasswordFile)
	return secret.Reveal(), err
}

// source looks at the table: which columns are wanted, and what they hold.
func (s *tableSource) source(ctx context.Context, snapshot dbrows.Snapshot) (person.Source, error) {
	out := person.Source{Name: s.called(), Columns: map[string]record.Column{}}
	t, err := snapshot.Describe(ctx, s.table)
	if err != nil {
		return out, err
	}
	var wanted []string
	for i, c := range columnsOf(s.protection(), t) {
		if c != record.Ignored {
			wanted = append(wanted, t.Columns[i])
			out.Columns[t.Columns[i]] = c
		}
	}
	if len(wanted) == 0 || len(wanted) == 1 && out.Columns[wanted[0]] == record.Key {
		return out, fmt.Errorf("table %s: %w", s.table, person.ErrNoTable)
	}
	out.Rows = func(ctx context.Context, w io.Writer) (int, error) { return snapshot.Write(ctx, t, wanted, w) }
	return out, nil
}

// columnsOf says what the columns of a table hold: what the configuration says,
// else what their names and a sample say. Columns that the configuration calls
// plain hold nothing.
func columnsOf(p *config.Table, t *dbrows.Table) []record.Column {
	columns, _ := record.Detect(t.Columns, t.Sample)
	if p == nil {
		return columns
	}
	kinds := elements(p)
	for i, name := range t.Columns {
		kind, listed := kinds[name]
		switch {
		case name == p.Key:
			columns[i] = record.Key
		case listed:
			columns[i] = columnOf(kind, record.Heading(name))
		case slices.Contains(p.Plain, name), columns[i] == record.Key:
			columns[i] = record.Ignored
		}
	}
	return columns
}

// columnsOfElement are the columns that a kind of personal data may be; the
// first when the name of the column says nothing finer.
var columnsOfElement = map[element.Kind][]record.Column{
	element.Name: {record.Name, record.Family, record.Given, record.Kana, record.KanaFamily, record.KanaGiven,
		record.Romaji, record.RomajiFamily, record.RomajiGiven},
	element.Kana:       {record.Kana, record.KanaFamily, record.KanaGiven},
	element.Address:    {record.Address},
	element.PostalCode: {record.Postal},
	element.Phone:      {record.Phone},
	element.Email:      {record.Email},
	element.BirthDate:  {record.Birth},
	element.Sex:        {record.Sex},
	element.Passport:   {record.Passport, record.Issued},
	element.Company:    {record.Company},
}

func columnOf(kind element.Kind, byName record.Column) record.Column {
	may := columnsOfElement[kind]
	switch {
	case slices.Contains(may, byName):
		return byName
	case len(may) > 0:
		return may[0]
	case byName == record.Issued, byName == record.Extra: // dates and properties that have no kind of their own
		return byName
	}
	return record.Ignored
}

// sources are all sources of the command line. done ends the sessions at
// databases.
func (c personMatchCmd) sources(a *app) (out []person.Source, done func(), err error) {
	columns := map[string]record.Column{}
	for _, text := range c.Column {
		heading, kind, ok := strings.Cut(text, "=")
		column, known := record.ParseColumn(kind)
		if !ok || !known {
			return nil, nil, fault.New(fault.PersonSource).Because(fmt.Errorf("--column %s: %s", text, a.say.Text("person_source_kind")))
		}
		columns[heading] = column
	}
	if len(c.Files)+len(c.Source) == 0 {
		return nil, nil, fault.New(fault.PersonSource).Because(errors.New(a.say.Text("person_source_none")))
	}
	for _, file := range c.Files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		out = append(out, person.Source{Name: name, File: file, Columns: columns})
	}
	rows, done, err := c.tables(a)
	if err != nil {
		return nil, nil, err
	}
	out = append(out, rows...)
	for i, s := range out {
		if slices.ContainsFunc(out[:i], func(o person.Source) bool { return o.Name == s.Name }) {
			done()
			return nil, nil, fault.New(fault.PersonSource).Because(fmt.Errorf("%s: %s", a.say.Text("person_source_twice"), s.Name))
		}
	}
	return out, done, nil
}
