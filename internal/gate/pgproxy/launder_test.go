package pgproxy

import (
	"testing"

	"sekisho/internal/sqlscan"
)

func TestOwnSetting(t *testing.T) {
	e := &engine{g: &shared{}}
	for text, want := range map[string]bool{
		"SELECT set_config('app.user', name, false) FROM customers":                                       true,
		"SELECT pg_catalog.set_config ( 'app.user' , name, false) FROM customers":                         true,
		"SELECT set_config('application_name', name, false) FROM customers":                               false,
		"SELECT set_config('a.b' || name, name, false) FROM customers":                                    false,
		"SELECT set_config($1, name, false), 'a.b' FROM customers":                                        false,
		"SELECT set_config('a.b', '', false), set_config('application_name', name, false) FROM customers": false,
		"SELECT \"set_config\"('a.b', name, false) FROM customers":                                        false,
	} {
		list, err := sqlscan.Scan([]byte(text), sqlscan.Options{StandardConformingStrings: true}, nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		c := e.newCommand([]byte(text), &list[0], nil)
		if got := c.ownSetting(); got != want {
			t.Errorf("%s: own = %v, want %v", text, got, want)
		}
	}
}

func TestSchemaChangesThatTestRows(t *testing.T) {
	for text, want := range map[string]bool{
		"ALTER TABLE t ADD CHECK (a > 1)": true, "ALTER TABLE t ALTER a SET NOT NULL": true, "CREATE UNIQUE INDEX ON t (a)": true, "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY public.t (a)": true,
		"ALTER TABLE t ALTER a TYPE int USING a::int": true, "ALTER TABLE t VALIDATE CONSTRAINT c": true, "ALTER TABLE IF EXISTS ONLY t ADD FOREIGN KEY (a) REFERENCES u": true,
		"ALTER TABLE t RENAME TO u": false, "ALTER TABLE t ADD a int": false, "CREATE INDEX ON t (a)": false, "CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()": false, "DROP TABLE t": false,
	} {
		list, err := sqlscan.Scan([]byte(text), sqlscan.Options{StandardConformingStrings: true}, nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		e := &engine{g: &shared{}}
		if c := e.newCommand([]byte(text), &list[0], nil); (c.query != nil) != want {
			t.Errorf("%s: tests rows = %v, want %v", text, c.query != nil, want)
		}
	}
}
