package pgproxy

import "testing"

// TestCursorKeepsItsParameters: executions use the memory of earlier ones again,
// and a cursor's parameters stay what they were.
func TestCursorKeepsItsParameters(t *testing.T) {
	b := newBench(t, nil)
	lookup := func(id string) string { return "SELECT name FROM customers WHERE id = " + id }
	for _, id := range []string{"42", "77"} {
		b.an.by[lookup(id)] = exactByParam()
	}
	run := func(text, tag string, rows ...[]byte) {
		b.client(q(text))
		b.server(cat(rows...), done(tag), ready('T'))
	}
	run("BEGIN", "BEGIN")
	run("DECLARE k CURSOR FOR "+lookup("42"), "DECLARE CURSOR")
	for range 3 {
		run("FETCH 1 FROM k", "FETCH 1", desc(descCustomers[1]), row("a"))
		run(lookup("77"), "SELECT 1", desc(descCustomers[1]), row("b"))
		run("FETCH 1 FROM k", "FETCH 1", desc(descCustomers[1]), row("c"))
		b.tick()
	}
	name := "shop/public.customers name class=1 rows="
	round := []string{name + "2 unknown=0 {42}  n=2", name + "1 unknown=0 {77}  n=1"}
	b.wantParts(append(append(round, round...), round...)...)
}
