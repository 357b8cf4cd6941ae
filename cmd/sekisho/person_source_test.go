package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/person"
	"sekisho/internal/wire/myclient/myclienttest"
)

// A table of a MySQL database that the configuration names as a store is a
// source by its name; its password stays in its file.
func TestStoreIsSource(t *testing.T) {
	my := myclienttest.Start(t)
	var rows []string
	for i := range 60 {
		rows = append(rows, fmt.Sprintf("(%d, '髙橋 一郎%d', '19%d-05-06', 'u%d@example.jp')", i, i%50, 40+i%50, i%50))
	}
	my.Exec(t, "CREATE DATABASE old CHARACTER SET utf8mb4", "CREATE TABLE old.members (id BIGINT, `氏名` TEXT, `生年月日` DATE, mail TEXT) ENGINE=InnoDB",
		"INSERT INTO old.members VALUES "+strings.Join(rows, ", "),
		"CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'not on any line'", "GRANT SELECT ON old.* TO reader@'127.0.0.1'")
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("password", "not on any line\n")
	write("sekisho.yaml", "data: ./data\nkeys: ./keys\nstores:\n  - name: shop\n    address: mysql://reader@"+my.Address+"/old?sslmode=disable\n    password_file: ./password\n")
	var text bytes.Buffer
	a := &app{env: environment{stdout: &text, stderr: &text, getenv: func(string) string { return "" }}, ctx: t.Context(),
		config: filepath.Join(dir, "sekisho.yaml"), say: texts.In(lang.English), lang: lang.English}
	sources, done, err := personMatchCmd{Source: []string{"shop#members"}}.sources(a)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	res, err := person.Run(t.Context(), sources, person.Options{Keys: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := res.Count(); c.Records != 60 || c.Persons != 50 || res.Name(59) != (person.RecordName{Source: "members", Key: "59"}) {
		t.Errorf("%+v, last %v; want 60 records of 50 persons", c, res.Name(59))
	}
	for _, bad := range []string{"shop", "nobody#members", "shop#nothing"} {
		if _, _, err := (personMatchCmd{Source: []string{bad}}).sources(a); err == nil || fault.Faults(err)[0].Code != fault.PersonSource || strings.Contains(err.Error(), "not on any line") {
			t.Errorf("--source %s: %v", bad, err)
		}
	}
}
