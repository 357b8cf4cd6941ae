package lineagetest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// Schema is the database the generated statements run in: customers and their
// bookings, staff numbered by themselves, and shops nobody protects.
const Schema = `
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, city text, phone text);
CREATE TABLE bookings (id int, customer_id int, item text, price int);
CREATE TABLE staff (id int PRIMARY KEY, name text, boss int);
CREATE TABLE shops (id int PRIMARY KEY, cid int, label text);
CREATE VIEW contacts AS SELECT id, email FROM customers;
CREATE VIEW trips AS SELECT c.id AS cid, c.city, b.item FROM customers c LEFT JOIN bookings b ON b.customer_id = c.id;
CREATE VIEW totals AS SELECT customer_id, sum(price) AS total, count(*) AS n FROM bookings GROUP BY customer_id;
INSERT INTO customers SELECT g, chr(96 + g % 5), CASE WHEN g % 4 > 0 THEN chr(97 + g % 3) END, chr(97 + g % 2), CASE WHEN g <> 5 THEN 'p' || g END FROM generate_series(1, 8) g;
INSERT INTO bookings SELECT g, 1 + g * 3 % 9, chr(97 + g % 4), CASE WHEN g % 5 > 0 THEN g % 7 END FROM generate_series(1, 10) g;
INSERT INTO bookings VALUES (11, NULL, 'a', 3);
INSERT INTO staff SELECT g, chr(97 + g), g / 2 FROM generate_series(1, 4) g;
INSERT INTO shops SELECT g, g * 2 % 9, chr(97 + g % 3) FROM generate_series(1, 6) g;
`

// Tables is the protection of Schema.
func Tables() []lineage.Table {
	return []lineage.Table{
		{Schema: "public", Name: "customers", Key: "id", Source: "shop.customers", Identifiers: []string{"phone"}, Columns: map[string]element.Mask{
			"phone": element.MaskOf(element.Phone), "name": element.MaskOf(element.Name), "email": element.MaskOf(element.Email), "city": element.MaskOf(element.Address)}},
		{Schema: "public", Name: "bookings", Key: "customer_id", Source: "shop.customers", Columns: map[string]element.Mask{
			"id": 0, "item": element.MaskOf(element.Booking), "price": element.MaskOf(element.Payment)}},
		{Schema: "public", Name: "staff", Key: "id", Source: event.SubjectSource("shop.staff"), Columns: map[string]element.Mask{
			"name": element.MaskOf(element.Kana), "boss": element.MaskOf(element.Note)}},
	}
}

// Statement is a generated statement and its parameters, as text.
type Statement struct {
	SQL    string
	Params []string
	// Take is how many rows the client takes; 0 is all.
	Take int
}

// Generate returns a random statement over Schema. Some do not prepare.
func Generate(r *rand.Rand) Statement {
	g := &generator{r: r}
	var sql string
	switch r.IntN(12) {
	case 0:
		sql = g.write()
	case 1:
		sql = g.with()
	default:
		sql = g.query(0, nil)
	}
	st := Statement{SQL: sql, Params: g.params}
	if r.IntN(8) == 0 && strings.HasPrefix(sql, "SELECT") {
		st.Take = 1 + r.IntN(3)
	}
	return st
}

type generator struct {
	r      *rand.Rand
	params []string
	alias  int
	ctes   []source
}

// source is a FROM item: its alias and columns.
type source struct {
	name, alias string
	keys        []string // int columns that may be keys
	texts, ints []string // others
}

var base = []source{
	{name: "customers", keys: []string{"id"}, texts: []string{"name", "email", "city", "phone", "phone"}},
	{name: "bookings", keys: []string{"customer_id"}, texts: []string{"item"}, ints: []string{"price", "id"}},
	{name: "staff", keys: []string{"id"}, texts: []string{"name"}, ints: []string{"boss"}},
	{name: "shops", keys: []string{"id", "cid"}, texts: []string{"label"}},
	{name: "contacts", keys: []string{"id"}, texts: []string{"email"}},
	{name: "trips", keys: []string{"cid"}, texts: []string{"city", "item"}},
	{name: "totals", keys: []string{"customer_id"}, ints: []string{"total", "n"}},
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *generator, items []T) T { return items[g.r.IntN(len(items))] }

func (g *generator) param() string {
	g.params = append(g.params, fmt.Sprint(1+g.r.IntN(9)))
	return fmt.Sprintf("$%d::int", len(g.params))
}

func (g *generator) table() source {
	if len(g.ctes) > 0 && g.chance(40) {
		s := pick(g, g.ctes)
		g.alias++
		s.alias = fmt.Sprintf("t%d", g.alias)
		return s
	}
	weights := []int{0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 6}
	s := base[pick(g, weights)]
	g.alias++
	s.alias = fmt.Sprintf("t%d", g.alias)
	return s
}

func (s source) key(g *generator) string { return s.alias + "." + pick(g, s.keys) }

func (s source) text(g *generator) string {
	if len(s.texts) == 0 {
		return s.alias + "." + pick(g, s.keys) + "::text"
	}
	return s.alias + "." + pick(g, s.texts)
}

func (s source) int(g *generator) string {
	if len(s.ints) == 0 {
		return s.alias + "." + pick(g, s.keys)
	}
	return s.alias + "." + pick(g, s.ints)
}

// value is a scalar expression over the sources.
func (g *generator) value(from []source, depth int) string {
	s := pick(g, from)
	switch g.r.IntN(16) {
	case 0, 1, 2, 3, 4:
		return s.text(g)
	case 5, 6:
		return s.int(g)
	case 7, 8:
		return s.key(g)
	case 9:
		return "upper(" + s.text(g) + ")"
	case 10:
		return fmt.Sprintf("coalesce(%s, %s)", s.text(g), pick(g, from).text(g))
	case 11:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE 'x' END", g.condition(from, depth+1), s.text(g))
	case 12:
		return g.literal()
	case 13, 14:
		if depth < 2 {
			return g.scalar(from, depth+1)
		}
	case 15:
		return fmt.Sprintf("ROW(%s, %s)::text", s.text(g), s.key(g))
	}
	return s.text(g)
}

func (g *generator) literal() string { return pick(g, []string{"1", "'x'", "NULL::text", "7"}) }

// scalar is a subquery that gives one value.
func (g *generator) scalar(outer []source, depth int) string {
	t := g.table()
	agg := pick(g, []string{"count(*)::text", "max(" + t.text(g) + ")", "min(" + t.int(g) + ")::text", orderedAgg(t.text(g))})
	where := ""
	if g.chance(85) {
		where = " WHERE " + t.key(g) + " = " + pick(g, outer).key(g)
		if g.chance(35) {
			where += " AND " + g.condition([]source{t}, depth+1)
		}
	}
	return fmt.Sprintf("(SELECT %s FROM %s %s%s)", agg, t.name, t.alias, where)
}

func (g *generator) condition(from []source, depth int) string {
	s, o := pick(g, from), pick(g, from)
	switch g.r.IntN(18) {
	case 0, 1, 2:
		return s.key(g) + " = " + g.param()
	case 3:
		return s.key(g) + " > " + fmt.Sprint(g.r.IntN(9))
	case 4:
		return s.text(g) + " = 'a'"
	case 5:
		return s.text(g) + " IS NULL"
	case 6:
		return s.key(g) + " IS NULL"
	case 7:
		return s.int(g) + " > 2"
	case 8:
		return s.key(g) + " = " + o.key(g)
	case 9:
		return s.text(g) + " < " + o.text(g)
	case 10, 11, 12:
		if depth < 3 {
			t := g.table()
			not := pick(g, []string{"", "", "NOT "})
			extra := ""
			if g.chance(40) {
				extra = " AND " + g.condition([]source{t}, depth+1)
			}
			return fmt.Sprintf("%sEXISTS (SELECT 1 FROM %s %s WHERE %s = %s%s)", not, t.name, t.alias, t.key(g), s.key(g), extra)
		}
	case 13, 14:
		if depth < 3 {
			t := g.table()
			where := ""
			if g.chance(40) {
				where = " WHERE " + g.condition([]source{t}, depth+1)
			}
			return fmt.Sprintf("%s %sIN (SELECT %s FROM %s %s%s)", s.key(g), pick(g, []string{"", "", "NOT "}), t.key(g), t.name, t.alias, where)
		}
	case 15:
		if depth < 3 {
			return fmt.Sprintf("(%s OR %s)", g.condition(from, depth+1), g.condition(from, depth+1))
		}
	case 16:
		if depth < 3 {
			return "NOT (" + g.condition(from, depth+1) + ")"
		}
	case 17:
		if depth < 2 {
			return g.scalar(from, depth+1) + pick(g, []string{" > '2'", " IS NULL", " = 'a'"})
		}
	}
	return s.key(g) + " = " + g.param()
}

// from is a FROM clause and its sources.
func (g *generator) from(depth int) (string, []source) {
	text, s := g.item(depth)
	from := []source{s}
	for range pick(g, []int{0, 0, 0, 1, 1, 2}) {
		lateral := g.chance(12)
		var other string
		var o source
		if lateral {
			other, o = g.lateral(from, depth)
		} else {
			other, o = g.item(depth)
		}
		kind := pick(g, []string{"JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"})
		if lateral {
			kind = pick(g, []string{"JOIN", "LEFT JOIN"})
		}
		on := o.key(g) + " = " + pick(g, from).key(g)
		switch {
		case kind == "FULL JOIN":
		case g.chance(10):
			on = o.key(g) + " = " + pick(g, from).key(g) + " + 1"
		case lateral && g.chance(70):
			on = "true"
		case g.chance(20):
			on += " AND " + g.condition([]source{o}, depth+2)
		case g.chance(8):
			on = g.condition(append([]source{o}, from...), depth+2)
		}
		text = fmt.Sprintf("%s %s %s ON %s", text, kind, other, on)
		from = append(from, o)
	}
	if g.chance(6) {
		other, o := g.item(depth)
		text += ", " + other
		from = append(from, o)
	}
	return text, from
}

func (g *generator) item(depth int) (string, source) {
	if depth < 2 && g.chance(18) {
		sub := g.query(depth+1, &shape{})
		g.alias++
		s := source{alias: fmt.Sprintf("s%d", g.alias), keys: []string{"k"}, texts: []string{"v"}}
		return fmt.Sprintf("(%s) %s(k, v)", sub, s.alias), s
	}
	t := g.table()
	return t.name + " " + t.alias, t
}

func (g *generator) lateral(outer []source, depth int) (string, source) {
	t := g.table()
	g.alias++
	s := source{alias: fmt.Sprintf("l%d", g.alias), keys: []string{"k"}, texts: []string{"v"}}
	k, v, tail := t.key(g), t.text(g), ""
	where := t.key(g) + " = " + pick(g, outer).key(g)
	if g.chance(35) {
		where += " AND " + g.condition([]source{t}, depth+2)
	}
	switch g.r.IntN(4) {
	case 0:
		k, v = "count(*)::int", "max("+v+")"
	case 1:
		tail = " ORDER BY " + t.text(g) + ", 1, 2 LIMIT 1"
	}
	return fmt.Sprintf("LATERAL (SELECT %s, %s FROM %s %s WHERE %s%s) %s(k, v)", k, v, t.name, t.alias, where, tail, s.alias), s
}

// shape asks for a subquery of two columns: an int that may be a key, a text.
type shape struct{}

func (g *generator) query(depth int, sh *shape) string {
	if depth < 2 && g.chance(10) {
		op := pick(g, []string{"UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"})
		both := fmt.Sprintf("(%s) %s (%s)", g.query(depth+1, &shape{}), op, g.query(depth+1, &shape{}))
		if depth == 0 && g.chance(25) {
			both += pick(g, []string{" ORDER BY 1", " ORDER BY 2, 1", " ORDER BY 1, 2 LIMIT 3"})
		}
		return both
	}
	from, sources := g.from(depth)
	where := ""
	if g.chance(45) {
		where = " WHERE " + g.condition(sources, depth)
		if g.chance(30) {
			where += " AND " + g.condition(sources, depth)
		}
	}
	if g.chance(15) {
		return g.grouped(from, sources, where, depth, sh)
	}
	return g.plain(from, sources, where, depth, sh)
}

func (g *generator) grouped(from string, sources []source, where string, depth int, sh *shape) string {
	s := pick(g, sources)
	k := s.key(g)
	agg := pick(g, []string{"count(*)::text", "max(" + pick(g, sources).text(g) + ")", "sum(" + pick(g, sources).int(g) + ")::text",
		"count(DISTINCT " + pick(g, sources).text(g) + ")::text"})
	by := k
	first := k
	switch g.r.IntN(5) {
	case 0:
		by += ", " + pick(g, sources).text(g)
	case 1:
		by = s.text(g)
		first = "min(" + k + ")"
	case 2:
		by, first = "", "count(*)::int"
	case 3:
		if g.chance(30) {
			by = "ROLLUP(" + k + ")"
		}
	}
	having := ""
	if by != "" {
		by = " GROUP BY " + by
		if g.chance(20) {
			having = pick(g, []string{" HAVING count(*) > 1", " HAVING max(" + pick(g, sources).text(g) + ") > 'a'"})
		}
	}
	tail := ""
	if sh == nil && by != "" && g.chance(20) {
		tail = pick(g, []string{" ORDER BY 1, 2 LIMIT 2", " ORDER BY 2, 1", " ORDER BY 1"})
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s%s%s%s%s", first, agg, from, where, by, having, tail)
}

func (g *generator) plain(from string, sources []source, where string, depth int, sh *shape) string {
	columns := []string{pick(g, sources).key(g), pick(g, sources).text(g)}
	if sh == nil {
		if g.chance(25) {
			columns = columns[1:]
		}
		for range g.r.IntN(3) {
			columns = append(columns, g.value(sources, depth))
		}
		if g.chance(10) {
			columns = append(columns, g.window(sources))
		}
		g.r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	} else if g.chance(15) {
		columns[0] = "(" + g.value(sources, depth+1) + ")::text::int"
		columns[0] = pick(g, []string{"5", columns[0][:0] + pick(g, sources).int(g)})
	} else if g.chance(10) {
		columns[1] = g.window(sources) + "::text"
	} else if g.chance(20) {
		columns[1] = "(" + g.value(sources, depth+1) + ")::text"
	}
	distinct := ""
	tail := ""
	switch g.r.IntN(12) {
	case 0:
		distinct = "DISTINCT "
	case 1:
		on := pick(g, []string{columns[0], pick(g, sources).text(g), pick(g, sources).key(g)})
		distinct = "DISTINCT ON (" + on + ") "
		tail = " ORDER BY " + on
		for i := range columns {
			tail += fmt.Sprintf(", %d", i+1)
		}
	case 2, 3:
		all := make([]string, len(columns))
		for i := range columns {
			all[i] = fmt.Sprint(i + 1)
		}
		g.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		tail = " ORDER BY " + strings.Join(all, ", ")
		if g.chance(60) {
			tail += fmt.Sprintf(" LIMIT %d", 1+g.r.IntN(4))
		}
	case 4:
		s := pick(g, sources)
		tail = " ORDER BY " + pick(g, []string{s.text(g), s.key(g), s.key(g) + " NULLS FIRST"})
		for i := range columns {
			tail += fmt.Sprintf(", %d", i+1)
		}
		tail += pick(g, []string{"", " LIMIT 3", " OFFSET 2", " OFFSET 1 LIMIT 2"})
	case 5:
		if len(sources) == 1 {
			tail = fmt.Sprintf(" LIMIT %d", 1+g.r.IntN(5))
		}
	}
	return fmt.Sprintf("SELECT %s%s FROM %s%s%s", distinct, strings.Join(columns, ", "), from, where, tail)
}

func (g *generator) window(from []source) string {
	s := pick(g, from)
	part := ""
	if g.chance(50) {
		part = "PARTITION BY " + pick(g, []string{s.key(g), s.text(g)}) + " "
	}
	return pick(g, []string{
		"row_number() OVER (" + part + "ORDER BY " + s.text(g) + ", " + s.key(g) + ")",
		"count(*) OVER (" + part + ")",
		"max(" + pick(g, from).text(g) + ") OVER (" + part + ")",
		"lag(" + s.text(g) + ") OVER (" + part + "ORDER BY " + s.key(g) + ")",
	})
}

func (g *generator) with() string {
	var parts []string
	for i := range 1 + g.r.IntN(2) {
		name := fmt.Sprintf("w%d", i)
		parts = append(parts, fmt.Sprintf("%s(k, v) AS (%s)", name, g.query(1, &shape{})))
		g.ctes = append(g.ctes, source{name: name, keys: []string{"k"}, texts: []string{"v"}})
	}
	if g.chance(15) {
		t := base[g.r.IntN(2)]
		t.alias = t.name
		parts = append(parts, fmt.Sprintf("r(k, v, d) AS (SELECT %s, %s, 0 FROM %s WHERE %s < 4 UNION ALL SELECT k + 1, v, d + 1 FROM r WHERE d < 2)",
			t.key(g), t.text(g), t.name, t.key(g)))
		g.ctes = append(g.ctes, source{name: "r", keys: []string{"k"}, texts: []string{"v"}})
		return "WITH RECURSIVE " + strings.Join(parts, ", ") + " " + g.query(0, nil)
	}
	return "WITH " + strings.Join(parts, ", ") + " " + g.query(0, nil)
}

func (g *generator) write() string {
	t := base[pick(g, []int{0, 0, 1, 1, 3})]
	t.alias = t.name
	returning := ""
	if g.chance(70) {
		columns := []string{t.key(g), g.value([]source{t}, 1)}
		returning = " RETURNING " + strings.Join(columns[g.r.IntN(2):], ", ")
	}
	where := " WHERE " + g.condition([]source{t}, 1)
	column := t.texts[0]
	switch g.r.IntN(5) {
	case 0:
		return "DELETE FROM " + t.name + where + returning
	case 1:
		o := base[pick(g, []int{0, 2})] // one match a row: with more, any may win
		o.alias = "u"
		return fmt.Sprintf("UPDATE %s SET %s = %s FROM %s %s WHERE %s = %s%s", t.name, column, o.text(g), o.name, o.alias, t.key(g), o.key(g), returning)
	case 2:
		o := g.table()
		return fmt.Sprintf("INSERT INTO shops SELECT 100 + row_number() OVER (ORDER BY %s), %s, %s FROM %s %s RETURNING cid, label", o.key(g), o.key(g), o.text(g), o.name, o.alias)
	case 3:
		return fmt.Sprintf("INSERT INTO customers(id, name) VALUES (%s, 'n') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, email", g.param())
	}
	return fmt.Sprintf("UPDATE %s SET %s = 'q'%s%s", t.name, column, where, returning)
}

// orderedAgg sorts by what it joins: ties in another order would follow the
// storage, which any change of a row moves.
func orderedAgg(text string) string { return "string_agg(" + text + ", ',' ORDER BY " + text + ")" }
