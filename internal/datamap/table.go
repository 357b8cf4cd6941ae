package datamap

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

// Table is a relation whose rows are about subjects: a table, a partitioned
// table, a materialised view.
type Table struct {
	Place  event.Place // "shop/public.customers"
	Schema string
	Name   string
	Source event.SubjectSource
	// Key is the column that holds the subject's key; empty when rows cannot
	// be told apart by subject (then only their number is known).
	Key string
	// Columns names the element of each column; columns that are neither in it
	// nor in Plain are element.Unclassified, except the key.
	Columns map[string]element.Kind
	// Plain are the columns without personal data.
	Plain []string
	// Identifiers are the columns whose values belong to one subject each.
	Identifiers []string
}

// Holding returns t with columns of which lineage says what they hold. A column of
// several elements counts as unclassified; one of none has no personal data.
func (t Table) Holding(columns map[string]element.Mask) Table {
	t.Columns, t.Plain = map[string]element.Kind{}, nil
	for column, mask := range columns {
		switch kinds := mask.Kinds(); len(kinds) {
		case 0:
			t.Plain = append(t.Plain, column)
		case 1:
			t.Columns[column] = kinds[0]
		}
	}
	slices.Sort(t.Plain)
	return t
}

// Mask returns the elements that the declared columns stand for. Whether there
// are unclassified columns only the database knows.
func (t *Table) Mask() element.Mask {
	var m element.Mask
	for _, k := range t.Columns {
		m |= element.MaskOf(k)
	}
	return m
}

// plan is how a table is read.
type plan struct {
	sql     string          // PostgreSQL: COPY … TO STDOUT (FORMAT binary)
	keyKind subject.KeyKind // 0: no key
	mask    element.Mask    // all elements, unclassified included
	idKinds []element.Kind  // of the identifier columns, in order
}

// column is what the catalogue says of one.
type column struct {
	name    string
	notNull bool
	typ     string // base type of a domain
	certain bool   // equality is equality of bytes
}

// columnsSQL resolves domains to their base types, and tells collations in
// which different bytes may be equal.
const columnsSQL = `
WITH RECURSIVE base (attnum, typ) AS (
    SELECT attnum, atttypid FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
  UNION ALL
    SELECT b.attnum, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.typ WHERE t.typtype = 'd')
SELECT a.attname, a.attnotnull, t.typname, coalesce(c.collisdeterministic, true)
FROM pg_attribute a
JOIN base b ON b.attnum = a.attnum
JOIN pg_type t ON t.oid = b.typ AND t.typtype <> 'd'
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

// newPlan asks the catalogue how to read t.
func newPlan(ctx context.Context, conn *pgx.Conn, t *Table) (*plan, error) {
	name := pgx.Identifier{t.Schema, t.Name}.Sanitize()
	rows, err := conn.Query(ctx, columnsSQL, name)
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", t.Place, err)
	}
	columns, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (c column, err error) {
		return c, r.Scan(&c.name, &c.notNull, &c.typ, &c.certain)
	})
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", t.Place, err)
	}
	p, err := planOf(t, columns)
	if err != nil {
		return nil, err
	}
	p.sql = "COPY (" + p.build(t, name, columns, postgresDialect) + ") TO STDOUT (FORMAT binary)"
	return p, nil
}

// planOf checks what is configured against the catalogue.
func planOf(t *Table, columns []column) (*plan, error) {
	p := &plan{}
	if err := p.key(t, columns); err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(t.Columns)), t.Plain, t.Identifiers) {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.name == name }) {
			return nil, fmt.Errorf("table %s has no column %q\n  try  correct protect in the configuration (SK7201)", t.Place, name)
		}
	}
	return p, nil
}

// nameBirth returns the columns that make up subject.NameBirth: the name, or family
// and given name in this order, and the birth date; "" when the table has not both.
func (t *Table) nameBirth() (names []string, birth string) {
	for _, column := range slices.Sorted(maps.Keys(t.Columns)) {
		switch t.Columns[column] {
		case element.Name:
			names = append(names, column)
		case element.BirthDate:
			if birth != "" {
				return nil, ""
			}
			birth = column
		}
	}
	switch {
	case len(names) == 1:
		return names, birth
	case len(names) == 2:
		if family(names[1]) {
			names[0], names[1] = names[1], names[0]
		}
		if family(names[0]) {
			return names, birth
		}
	}
	return nil, ""
}

// family reports whether a column holds family names, by its own name.
func family(column string) bool {
	c := strings.ToLower(column)
	return strings.Contains(c, "family") || strings.Contains(c, "last") || strings.Contains(c, "sei") || strings.Contains(c, "surname") || strings.HasPrefix(c, "姓") || strings.Contains(c, "苗字")
}

// spaces are where the identifiers of the table are looked for.
func (t *Table) spaces() (all []subject.Space) {
	for _, column := range t.Identifiers {
		all = append(all, subject.Space{Table: t.Place, Element: t.Columns[column]})
	}
	if _, birth := t.nameBirth(); birth != "" {
		all = append(all, subject.Space{Table: t.Place, Element: subject.NameBirth})
	}
	return all
}

// identifies says that one of columns (nil: all) tells whose an identifier is.
func (t *Table) identifies(columns []string) bool {
	if len(t.spaces()) == 0 || columns == nil {
		return len(t.spaces()) > 0
	}
	names, birth := t.nameBirth()
	return slices.ContainsFunc(columns, func(c string) bool {
		return c == t.Key || slices.Contains(t.Identifiers, c) || birth != "" && (c == birth || slices.Contains(names, c))
	})
}

// key finds out how the subject key is written.
func (p *plan) key(t *Table, columns []column) error {
	if t.Key == "" {
		return nil
	}
	i := slices.IndexFunc(columns, func(c column) bool { return c.name == t.Key })
	if i < 0 {
		return fmt.Errorf("table %s has no column %q, which is its subject key\n  try  correct protect in the configuration (SK7202)", t.Place, t.Key)
	}
	kind, ok := subject.ParseKeyKind(columns[i].typ)
	if !ok || !columns[i].certain {
		return fmt.Errorf("column %q of %s is of type %s, which cannot name subjects\n"+
			"  try  a key of type integer, bigint, uuid or text with a deterministic collation (SK7203)", t.Key, t.Place, columns[i].typ)
	}
	p.keyKind = kind
	return nil
}

// dialect is how a server writes what build needs.
type dialect struct {
	quote  func(name string) string
	text   func(quoted string) string  // the value as text
	join   func(parts []string) string // texts one behind the other; NULL when one is
	number func(n int64) string        // a constant of 64 bits
	key    func(quoted string) string  // the key as it is read
	unit   string                      // the character 31
	noKey  string
}

var postgresDialect = dialect{
	quote:  func(name string) string { return pgx.Identifier{name}.Sanitize() },
	text:   func(q string) string { return q + "::text" },
	join:   func(parts []string) string { return strings.Join(parts, " || ") },
	number: func(n int64) string { return fmt.Sprintf("%d::bigint", n) },
	key:    func(q string) string { return q },
	unit:   "chr(31)", noKey: "NULL::text",
}

// build returns the query: the key, a bit mask of the elements that are not null, and
// the identifiers.
func (p *plan) build(t *Table, from string, columns []column, d dialect) string {
	present := map[element.Kind][]string{} // column tests, nil when one is never null
	always := element.Mask(0)
	var ids []string
	for _, c := range columns {
		kind, declared := t.Columns[c.name]
		if !declared && (c.name == t.Key || slices.Contains(t.Plain, c.name)) {
			continue
		}
		p.mask |= element.MaskOf(kind) // undeclared: Unclassified, the zero kind
		quoted := d.quote(c.name)
		if c.notNull {
			always |= element.MaskOf(kind)
		}
		present[kind] = append(present[kind], quoted+" IS NOT NULL")
		if declared && slices.Contains(t.Identifiers, c.name) {
			ids, p.idKinds = append(ids, d.text(quoted)), append(p.idKinds, kind)
		}
	}
	mask := d.number(int64(always))
	for _, kind := range (p.mask &^ always).Kinds() {
		mask += fmt.Sprintf(" | CASE WHEN %s THEN %s ELSE %s END", strings.Join(present[kind], " OR "), d.number(int64(element.MaskOf(kind))), d.number(0))
	}
	if names, birth := t.nameBirth(); birth != "" {
		var parts []string
		for _, n := range names {
			parts = append(parts, d.text(d.quote(n)))
		}
		ids = append(ids, d.join(append(parts, d.unit, d.text(d.quote(birth)))))
		p.idKinds = append(p.idKinds, subject.NameBirth)
	}
	key := d.noKey
	if t.Key != "" {
		key = d.key(d.quote(t.Key))
	}
	return "SELECT " + strings.Join(append([]string{key, mask}, ids...), ", ") + " FROM " + from
}
