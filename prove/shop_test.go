package prove

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// shop is a generated database: a schema and rows of a few subjects. The same
// shop can be written with one subject changed or deleted, in the same physical
// row order, so that two databases differ in that subject alone.
type shop struct {
	keyType string   // int, bigint, uuid or text
	keys    []string // by subject, in ascending order of the key type
	rows    []shopRow
	extra   bool // the optional column exists
}

// shopRow is one row of a protected table.
type shopRow struct {
	table   string
	subject int
	values  []string // SQL literals in column order; the key's place holds ""
	keyAt   int
}

// mutation changes or deletes the rows of one subject.
type mutation struct {
	subject int
	kind    string // "", "delete", "late", "early", "null"
}

func newShop(r *rand.Rand) *shop {
	s := &shop{keyType: []string{"int", "bigint", "uuid", "text"}[r.IntN(4)], extra: r.IntN(2) == 0}
	n := 7 + r.IntN(4)
	next := int64(1 + r.IntN(50))
	for i := range n {
		switch s.keyType {
		case "int":
			s.keys = append(s.keys, fmt.Sprint(next))
			next += 1 + int64(r.IntN(3)/2)
		case "bigint":
			s.keys = append(s.keys, fmt.Sprint(5_000_000_000+next))
			next += 1 + int64(r.IntN(1000))
		case "uuid":
			s.keys = append(s.keys, fmt.Sprintf("%08x-0000-4000-8000-%012x", i+16, r.Uint64()&0xffffffffffff))
		case "text":
			s.keys = append(s.keys, fmt.Sprintf("C%03d-%c%s", i, 'a'+rune(r.IntN(26)), []string{"", "é", " \"ß", "\t'", ",."}[r.IntN(5)]))
		}
	}
	families := []string{"佐藤", "鈴木", "高橋", "田中"}
	for i := range s.keys {
		// Two subjects may share a name, never an e-mail address.
		name := families[r.IntN(len(families))] + []string{"一郎", "花子"}[r.IntN(2)]
		phone := fmt.Sprintf("'090-%04d-%04d'", i, r.IntN(10000))
		if r.IntN(5) == 0 {
			phone = "NULL"
		}
		s.add("customers", i, 0, "", quote(name), fmt.Sprintf("'u%d.%d@mail.example'", i, r.IntN(100)), phone,
			fmt.Sprintf("'19%02d-0%d-1%d'", 50+r.IntN(49), 1+r.IntN(9), r.IntN(10)), fmt.Sprint(r.IntN(5)*100))
	}
	for b := range n * 2 {
		i := r.IntN(n)
		s.add("bookings", i, 1, fmt.Sprint(b+1), "", fmt.Sprintf("'TK%07d'", r.IntN(10_000_000)), fmt.Sprint(1+r.IntN(3)), fmt.Sprint(1000*(1+r.IntN(9))))
	}
	for b := range n {
		i := r.IntN(n)
		s.add("visits", i, 1, fmt.Sprint(b+1), "", fmt.Sprintf("'memo %d of %d'", b, r.IntN(1000)))
	}
	return s
}

func (s *shop) add(table string, subject, keyAt int, values ...string) {
	s.rows = append(s.rows, shopRow{table, subject, values, keyAt})
}

func quote(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

// key returns the key of a subject as an SQL literal.
func (s *shop) key(i int) string {
	if s.keyType == "int" || s.keyType == "bigint" {
		return s.keys[i]
	}
	return quote(s.keys[i])
}

// protect lists the protected tables: elements by column and the key.
func protect() map[string]protectedTable {
	return map[string]protectedTable{
		"customers": {Key: "id", Columns: map[string]string{"name": "name", "email": "email", "phone": "phone", "birth": "birthdate"}},
		"bookings":  {Key: "customer_id", Columns: map[string]string{"passport": "passport", "id": "none", "tour_id": "none"}},
		"visits":    {Key: "customer_id", Columns: map[string]string{"memo": "note", "id": "none"}},
	}
}

type protectedTable struct {
	Key     string
	Columns map[string]string
}

// schema returns the statements that make the empty shop.
func (s *shop) schema() string {
	return strings.ReplaceAll(`
CREATE EXTENSION citext;
CREATE TABLE customers (id @KEY PRIMARY KEY, name text, email text UNIQUE, phone text, birth date, points int);
CREATE TABLE bookings (id int PRIMARY KEY, customer_id @KEY NOT NULL, passport text, tour_id int, price int);
CREATE TABLE visits (id int, customer_id @KEY NOT NULL, memo text) PARTITION BY RANGE (id);
CREATE TABLE visits_low PARTITION OF visits FOR VALUES FROM (0) TO (5);
CREATE TABLE visits_high PARTITION OF visits FOR VALUES FROM (5) TO (1000);
CREATE TABLE tours (id int PRIMARY KEY, title text, days int);
CREATE TABLE shadow (id int GENERATED ALWAYS AS IDENTITY, a text, b text);
CREATE VIEW contact AS SELECT id, name, email FROM customers;
CREATE VIEW addressless AS SELECT email, phone FROM customers;
CREATE VIEW travel AS SELECT c.id, c.name, b.passport, t.title FROM customers c JOIN bookings b ON b.customer_id = c.id JOIN tours t ON t.id = b.tour_id;
CREATE VIEW contact2 AS SELECT id AS cid, email AS mail FROM contact;
CREATE SCHEMA other;
CREATE TABLE other.customers (id @KEY PRIMARY KEY, name text, email text, phone text, birth date, points int);
CREATE FUNCTION mail_of(k @KEY) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT email FROM public.customers WHERE id = k); END';
CREATE FUNCTION everyone() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT email FROM public.customers ORDER BY 1';
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.shadow (a, b) SELECT name, email FROM public.customers WHERE id = NEW.customer_id; RETURN NEW; END';
`, "@KEY", s.keyType)
}

// load returns the statements that fill the shop, with one mutation applied.
func (s *shop) load(m mutation) string {
	var b strings.Builder
	for i, title := range []string{"札幌", "沖縄", "京都"} {
		fmt.Fprintf(&b, "INSERT INTO tours VALUES (%d, %s, %d);\n", i+1, quote(title), i+2)
	}
	for _, row := range s.rows {
		if m.kind == "delete" && row.subject == m.subject {
			continue
		}
		values := append([]string(nil), row.values...)
		if m.kind != "" && row.subject == m.subject {
			mutate(row.table, values, m)
		}
		values[row.keyAt] = s.key(row.subject)
		fmt.Fprintf(&b, "INSERT INTO %s VALUES (%s);\n", row.table, strings.Join(values, ", "))
	}
	// The decoy has the same keys and nothing personal: who reports a subject
	// for reading it was fooled by a search path.
	for i := range s.keys {
		fmt.Fprintf(&b, "INSERT INTO other.customers VALUES (%s, 'decoy %d', 'd%d@decoy.example');\n", s.key(i), i, i)
	}
	b.WriteString("CREATE MATERIALIZED VIEW roll AS SELECT id, name, email FROM customers;\n")
	b.WriteString("CREATE MATERIALIZED VIEW mails AS SELECT email FROM customers;\n")
	b.WriteString("CREATE TRIGGER keep AFTER INSERT ON visits_high FOR EACH ROW EXECUTE FUNCTION keep();\n")
	return b.String()
}

// mutate rewrites every protected column of one row.
func mutate(table string, v []string, m mutation) {
	text := map[string]string{
		"late":  fmt.Sprintf("'～zz%d@z.example'", m.subject),
		"early": fmt.Sprintf("'!0%d@a.example'", m.subject),
		"null":  "NULL",
	}[m.kind]
	number := map[string]string{"late": "9999", "early": "-5", "null": "NULL"}[m.kind]
	date := map[string]string{"late": "'2020-12-31'", "early": "'1900-01-01'", "null": "NULL"}[m.kind]
	switch table {
	case "customers":
		v[1], v[2], v[3], v[4], v[5] = text, text, text, date, number
	case "bookings":
		v[2], v[4] = text, number
	case "visits":
		v[2] = text
	}
}

// mutations returns every mutation of every subject.
func (s *shop) mutations() []mutation {
	var all []mutation
	for i := range s.keys {
		for _, kind := range []string{"delete", "late", "early", "null"} {
			all = append(all, mutation{i, kind})
		}
	}
	return all
}
