package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProposeTakesAPassword: an address without a password gets that of the file, else for
// MySQL that of the environment; one that has its own keeps it.
func TestProposeTakesAPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("of@file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MYSQL_PWD", "of environment")
	for _, c := range []struct{ dsn, file, want string }{
		{"mysql://u@db.example/club", "", "mysql://u:of%20environment@db.example/club"},
		{"mysql://u@db.example/club", file, "mysql://u:of%40file@db.example/club"},
		{"mysql://u:own@db.example/club", file, "mysql://u:own@db.example/club"},
		{"postgres://u@db.example/shop", "", "postgres://u@db.example/shop"},
		{"postgres://u@db.example/shop", file, "postgres://u:of%40file@db.example/shop"},
		{"sqlite:/tmp/a.db", file, "sqlite:/tmp/a.db"},
	} {
		if got, err := (mapProposeCmd{DSN: c.dsn, PasswordFile: c.file}).withPassword(); got != c.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.dsn, got, err, c.want)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := (mapProposeCmd{DSN: "mysql://u@db.example/club", PasswordFile: file}).withPassword(); err == nil {
		t.Errorf("a file that everybody can read: %s", got)
	}
}
