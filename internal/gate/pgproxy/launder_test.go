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
