package dbrows

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/pgserver"
	"sekisho/internal/wire/myclient/myclienttest"
)

// try reads the table of customers whole, after change came behind the
// snapshot, and tries to write.
func try(t *testing.T, address, password string, change func(), write func(s Snapshot) error) {
	t.Helper()
	ctx := t.Context()
	s, err := Open(ctx, address, password)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.WithoutCancel(ctx))
	if _, err := s.Describe(ctx, "shop.nobody"); !errors.Is(err, ErrNoTable) && !strings.Contains(err.Error(), "25P02") {
		t.Errorf("a table that is not there: %v", err)
	}
	s.Close(ctx)
	if s, err = Open(ctx, address, password); err != nil { // PostgreSQL ends a transaction at its first error
		t.Fatal(err)
	}
	table, err := s.Describe(ctx, "shop.customers")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"id", "氏名", "mail", "raw"}, table.Columns); d != "" || len(table.Sample) != 3 {
		t.Errorf("columns (-want +got), %d rows of a sample:\n%s", len(table.Sample), d)
	}
	change()
	var text bytes.Buffer
	if _, err := s.Write(ctx, table, []string{"氏名", "mail"}, &text); err != nil {
		t.Fatal(err)
	}
	const want = "氏名,mail\n\"髙橋, \"\"一郎\"\"\",a@example.jp\n,b@example.jp\n\"二行\nの名\",\n"
	if d := cmp.Diff(want, strings.ReplaceAll(text.String(), `,""`, ",")); d != "" { // "" is an empty text, nothing is NULL
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if err := write(s); err == nil {
		t.Error("the snapshot could write")
	}
	if _, err := Open(ctx, address, "guessed"); err == nil || strings.Contains(err.Error(), "guessed") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestPostgres(t *testing.T) {
	pg, err := pgserver.Start(t.Context(), pgserver.Config{HBA: []string{"host shop reader 127.0.0.0/8 scram-sha-256"}})
	if err != nil {
		t.Skipf("skipped: no PostgreSQL: %v", err)
	}
	defer pg.Stop()
	exec := func(sql string) {
		t.Helper()
		if err := pg.Exec(context.WithoutCancel(t.Context()), "shop", sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := pg.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	exec(`CREATE SCHEMA shop; CREATE TABLE shop.customers (id bigint, "氏名" text, mail text, raw bytea);
		INSERT INTO shop.customers VALUES (1, '髙橋, "一郎"', 'a@example.jp', '\x00'), (2, NULL, 'b@example.jp', NULL), (3, E'二行\nの名', '', '');
		CREATE ROLE reader LOGIN PASSWORD 'reading'; GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO reader`)
	try(t, "postgres://reader@"+pg.Addr()+"/shop", "reading",
		func() { exec("INSERT INTO shop.customers VALUES (4, 'later', '', '')") },
		func(s Snapshot) error { return s.(*postgres).exec(t.Context(), "DELETE FROM shop.customers") })
}

func TestMariaDB(t *testing.T) {
	my := myclienttest.Start(t)
	my.Exec(t, "CREATE DATABASE shop CHARACTER SET utf8mb4", "CREATE TABLE shop.customers (id BIGINT, `氏名` TEXT, mail TEXT, raw BLOB) ENGINE=InnoDB",
		"INSERT INTO shop.customers VALUES (1, '髙橋, \"一郎\"', 'a@example.jp', x'00'), (2, NULL, 'b@example.jp', NULL), (3, '二行\nの名', '', '')",
		"CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reading'", "GRANT SELECT, INSERT ON shop.* TO reader@'127.0.0.1'")
	try(t, "mysql://reader@"+my.Address+"/shop", "reading",
		func() { my.Exec(t, "INSERT INTO shop.customers VALUES (4, 'later', '', '')") },
		func(s Snapshot) error {
			return s.(*mysql).conn.Exec(t.Context(), "INSERT INTO shop.customers (id) VALUES (5)")
		})
	if _, err := Open(t.Context(), "mysql://reader@"+my.Address+"/shop?sslmode=verify-full", "reading"); err == nil {
		t.Error("a certificate of nobody was taken")
	}
}

func TestAddresses(t *testing.T) {
	for address, has := range map[string]bool{
		"postgres://u@h/d": false, "postgres://u:secret@h/d": true, "mysql://u:@h/d": true, "postgres://h/d?password=secret": true,
		"postgres://u:se%zzcret@h/d": true, "mysql:///d?socket=/run/my.sock": false,
	} {
		if got := HasPassword(address); got != has {
			t.Errorf("%s has a password: %v", address, got)
		}
	}
	for _, address := range []string{"sqlite://x", "postgres://u:se%zzcret@h/d", "secret", "postgres://u:secret@h:notaport/d", "mysql://u:secret@h/d?sslmode=maybe"} {
		if _, err := Open(t.Context(), address, ""); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
