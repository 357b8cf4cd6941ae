package pgproxy

import (
	"testing"

	"sekisho/internal/sqlscan"
)

// TestWhole: what the policy takes for a read of a whole table.
func TestWhole(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT id, name FROM customers":                                  true,
		"TABLE customers":                                                 true,
		"SELECT name FROM customers ORDER BY id":                          true,
		"SELECT name FROM customers WHERE id < 4":                         false,
		"select name from customers where id=4":                           false,
		"SELECT name FROM customers LIMIT 10":                             false,
		"SELECT (SELECT 1 FROM t WHERE x = 1)FROM customers":              false,
		"SELECT c.name FROM customers c JOIN bookings b ON b.id = c.id":   false,
		`SELECT "where" FROM customers`:                                   true,
		"SELECT wherever, nolimit FROM customers":                         true,
		"SELECT name FROM customers GROUP BY name HAVING count(*) > 1":    false,
		"SELECT name FROM customers OFFSET 0 ROWS FETCH FIRST 1 ROW ONLY": false,
	} {
		list, err := sqlscan.Scan([]byte(text), sqlscan.Options{StandardConformingStrings: true}, nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		if s := newShape(1, list[0].Canon, []byte(text)); s.whole != want {
			t.Errorf("%s: whole %v, want %v (canon %q)", text, s.whole, want, list[0].Canon)
		}
	}
}
