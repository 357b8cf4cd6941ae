package pgproxy

import (
	"testing"

	"sekisho/internal/sqlscan"
)

func TestHarmlessCode(t *testing.T) {
	e := &engine{g: &shared{}}
	for text, want := range map[string]bool{
		"DO $$ BEGIN CREATE TYPE mood AS ENUM ('a', 'b'); EXCEPTION WHEN duplicate_object THEN null; END $$":                                       true,
		"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'mood') THEN CREATE TYPE mood AS ENUM ('a'); END IF; END $$":             true,
		"DO $$ BEGIN ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b(id); EXCEPTION WHEN duplicate_object THEN null; END $$":           true,
		"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'a') THEN ALTER TABLE a ADD x int; END IF; END $$": true,
		"DO $$ BEGIN EXECUTE 'UPDATE a SET b = 1'; END $$":                                                                                         false,
		"DO $$ BEGIN PERFORM f(); END $$":                                                         false,
		"DO $$ BEGIN RAISE NOTICE '%', (SELECT max(email) FROM customers); END $$":                false,
		"DO $$ BEGIN RAISE NOTICE '%', (TABLE customers); END $$":                                 false,
		"DO $$ DECLARE x text := (SELECT email FROM pg_class c, customers); BEGIN END $$":         false,
		"DO $$ BEGIN IF EXISTS (SELECT FROM pg_class JOIN customers ON true) THEN END IF; END $$": false,
		"DO $$ BEGIN CREATE TABLE t AS SELECT * FROM customers; END $$":                           false,
		"DO $$ BEGIN ALTER TABLE t ALTER a TYPE text USING b; END $$":                             false,
		"DO $$ BEGIN x := f(1); END $$":                                                           false,
		"DO $$ BEGIN UPDATE bookings SET tour_id = price; END $$":                                 false,
		"DO LANGUAGE plpython3u $$ x $$":                                                          false,
		"SELECT 1":                                                                                false,
	} {
		list, err := sqlscan.Scan([]byte(text), sqlscan.Options{StandardConformingStrings: true}, nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		c := e.newCommand([]byte(text), &list[0], nil)
		if got := harmlessCode(&c, sqlscan.Options{StandardConformingStrings: true}); got != want {
			t.Errorf("%s: harmless = %v, want %v", text, got, want)
		}
	}
}

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
