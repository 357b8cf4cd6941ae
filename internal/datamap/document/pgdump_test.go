package document

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// maker is a record that is told what an object was made from.
type maker struct {
	*record
	made []string
}

func (m *maker) Made(part, how, database string, tables []string) {
	m.made = append(m.made, fmt.Sprint(part, how, " ", database, tables))
}

func readMade(t *testing.T, name string, data []byte) (rows, made []string) {
	t.Helper()
	m := &maker{record: &record{}}
	readInto(t, name, data, Limits{}, m)
	return m.lines, m.made
}

// TestPgDump: a dump in pg_dump's own format holds the rows of a plain one, and both say
// which tables they were made from.
func TestPgDump(t *testing.T) {
	server := pgservertest.Start(t, pgserver.Config{})
	if err := server.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	err := server.Exec(t.Context(), "shop", `CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
		INSERT INTO customers SELECT i, '関所' || i, 'm' || i || '@example.jp' FROM generate_series(1, 3000) i; INSERT INTO customers VALUES (3001, E'a\tb\\n', NULL);
		CREATE TABLE empty (id int PRIMARY KEY); SELECT lo_from_bytea(0, 'a large object of readable text');`)
	if err != nil {
		t.Fatal(err)
	}
	dump := func(args ...string) []byte {
		data, err := server.Command(t.Context(), "pg_dump", append(args, "shop")...).Output()
		if err != nil {
			t.Fatalf("pg_dump %v: %v", args, err)
		}
		return data
	}
	ofTables := func(lines []string) (rows []string) {
		for _, l := range lines {
			if strings.HasPrefix(l, "public.") {
				rows = append(rows, l)
			}
		}
		return rows
	}
	plain, made := readMade(t, "shop.sql", dump())
	want := ofTables(plain)
	if len(want) != 3001 {
		t.Fatalf("%d rows of a plain dump", len(want))
	}
	if diff := cmp.Diff([]string{"pg_dump [public.customers public.empty]"}, made); diff != "" {
		t.Errorf("plain (-want +got)\n%s", diff)
	}
	for _, args := range [][]string{{"-Fc"}, {"-Fc", "-Z0"}, {"-Fc", "-Z9", "-b"}, {"-Fc", "--inserts"}, {"-Ft"}} {
		lines, made := readMade(t, "shop.dump", dump(args...))
		got := ofTables(lines)
		if slices.Contains(args, "--inserts") { // where a tab stands as it is
			got = got[:len(got)-1]
		}
		if diff := cmp.Diff(want[:len(got)], got); args[0] == "-Fc" && (diff != "" || len(got) < 3000) { // of -Ft the rows are in files of their own
			t.Errorf("%v: %d rows (-want +got)\n%s", args, len(got), diff)
		}
		if len(made) == 0 || !strings.HasSuffix(made[0], "pg_dump shop[public.customers public.empty]") {
			t.Errorf("%v: made of %q", args, made)
		}
		if slices.Contains(args, "-b") && !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "a large object of readable text") }) {
			t.Errorf("%v: the large object was not read", args)
		}
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "TROUBLE") }); i >= 0 {
			t.Errorf("%v: %s", args, lines[i])
		}
	}

	// Half files and flipped bytes: something is read or said, nothing ends the scan.
	whole := dump("-Fc", "-Z0")
	if lines, _ := readMade(t, "half.dump", whole[:len(whole)/2]); !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "TROUBLE") }) {
		t.Error("half a dump is no trouble")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		bad := slices.Clone(whole[:min(len(whole), 8<<10)])
		for range 1 + r.IntN(4) {
			bad[5+r.IntN(len(bad)-5)] ^= byte(1 << r.IntN(8))
		}
		readMade(t, "bad.dump", bad)
	}
}

func TestMadeBy(t *testing.T) {
	for text, want := range map[string]string{
		"--\n-- PostgreSQL database dump\n--\n":                                                               "pg_dump/",
		"-- MySQL dump 10.13  Distrib 8.0\n--\n-- Host: localhost    Database: club\n-- ----":                 "mysqldump/club",
		"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n--\n-- Host: h    Database: x y\n": "mysqldump/x y",
		"INSERT INTO a VALUES (1);\n":                                                                         "/",
	} {
		how, database := madeBy([]byte(text))
		if got := how + "/" + database; got != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
	}
}
