package prove

import (
	"fmt"
	"strings"
)

// random draws an episode of one random SELECT.
func (g *gen) random(depth int) episode {
	sql := g.query(depth)
	e := one(g.either(sql))
	e.bare = !strings.Contains(sql, "name") && !strings.Contains(sql, "email")
	return e
}

// query draws a random SELECT. It is often odd and always valid SQL; what the
// server refuses at run time (a division, a cast) is part of the test.
func (g *gen) query(depth int) string {
	var from, aliases []string
	n := 1 + g.r.IntN(2)
	for i := range n {
		alias := fmt.Sprintf("r%d_%d", depth, i)
		rel := g.pick("customers", "customers", "contact", "roll")
		if depth > 0 && g.chance(30) {
			rel = "(SELECT id, name, email FROM customers WHERE " + g.condition("", depth-1) + ")"
		}
		if i == 0 {
			from = append(from, rel+" "+alias)
		} else {
			from = append(from, g.pick(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ")+rel+" "+alias+" ON "+alias+".id "+g.pick("=", "=", "=", ">")+" "+aliases[0]+".id")
		}
		aliases = append(aliases, alias)
	}
	// FULL JOIN needs a mergeable condition.
	text := strings.Join(from, "")
	if strings.Contains(text, "FULL JOIN") {
		text = strings.ReplaceAll(text, ".id > ", ".id = ")
	}
	var out []string
	for range 1 + g.r.IntN(3) {
		a := aliases[g.r.IntN(n)] + "."
		out = append(out, strings.ReplaceAll(g.pick("@id", "@id", "@name", "@email", "upper(@email)", "coalesce(@name, @email)", "@name || @email", "1",
			"CASE WHEN @id = "+g.subject()+" THEN @email END"), "@", a))
	}
	a := aliases[g.r.IntN(n)]
	sql := "SELECT " + g.pick("", "", "", "DISTINCT ") + strings.Join(out, ", ") + " FROM " + text + " WHERE " + g.condition(a+".", depth)
	if !strings.Contains(sql, "DISTINCT") && g.chance(25) {
		sql += " ORDER BY " + a + "." + g.pick("id", "email", "name")
	}
	if g.chance(20) {
		sql += " LIMIT " + g.pick("1", "3", "5") + g.pick("", " OFFSET 1")
	}
	return sql
}

func (g *gen) condition(alias string, depth int) string {
	switch {
	case g.chance(60):
		return g.keyed(alias)
	case g.chance(40):
		return strings.ReplaceAll(g.pick("@email LIKE 'u%'", "@name IS NOT NULL", "@email > 'u5'"), "@", alias)
	case depth > 0 && g.chance(60):
		return alias + "id " + g.pick("IN", "NOT IN") + " (SELECT id FROM customers WHERE " + g.condition("", depth-1) + ")"
	case g.chance(50):
		return "(" + g.keyed(alias) + g.pick(" AND ", " OR ") + g.keyed(alias) + ")"
	}
	return "true"
}
