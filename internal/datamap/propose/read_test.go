package propose

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/demo/shop"
	"sekisho/internal/pgserver"
	"sekisho/internal/wire/myclient/myclienttest"
)

// TestShop: the sample shop's tables as somebody who knows them would write them.
func TestShop(t *testing.T) {
	ctx := context.Background()
	server, err := pgserver.Start(ctx, pgserver.Config{})
	if errors.Is(err, pgserver.ErrMissing) {
		t.Skip("no PostgreSQL here: ", pgserver.InstallLine)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := shop.Load(ctx, server, shop.Generate(1, 500)); err != nil {
		t.Fatal(err)
	}
	all, skipped, err := Read(ctx, server.DSN(pgserver.Superuser, shop.Database), nil)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	got := map[string]string{}
	for _, table := range Propose(all).Tables {
		got[table.Name] = table.Key + " of " + table.Of
		for _, c := range table.Columns {
			got[table.Name+"."+c.Column] = c.Element
		}
	}
	want := map[string]string{
		"public.bookings":       "customer_id of public.customers",
		"public.customers":      "id of ",
		"public.departure_list": "customer_id of public.customers",
		"public.operator_notes": "customer_id of public.customers",
		"public.passports":      "customer_id of public.customers",
		"public.payments":       "customer_id of public.customers",

		"public.customers.address":              "address",
		"public.customers.birth_date":           "birthdate",
		"public.customers.email":                "email",
		"public.customers.kana":                 "kana",
		"public.customers.name":                 "name",
		"public.customers.phone":                "phone",
		"public.customers.postal_code":          "postal_code",
		"public.customers.prefecture":           "address",
		"public.customers.sex":                  "sex",
		"public.departure_list.booking_id":      "booking",
		"public.departure_list.name":            "name",
		"public.departure_list.passport_number": "passport",
		"public.departure_list.phone":           "phone",
		"public.operator_notes.body":            "note",
		"public.passports.number":               "passport",
		"public.passports.romaji":               "name",
		"public.payments.booking_id":            "booking",
		"public.payments.provider_token":        "secret",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// club is a small database in SQL that MySQL and SQLite both read; %s is the type of
// its texts.
const club = `CREATE TABLE members (id INTEGER PRIMARY KEY, mail %[1]s NOT NULL, 氏名 %[1]s, tel %[1]s, 生年月日 DATE, joined DATE, UNIQUE (mail))|
CREATE TABLE visits (no INTEGER PRIMARY KEY, member_id INTEGER, memo %[1]s, place %[1]s, FOREIGN KEY (member_id) REFERENCES members (id))|
CREATE TABLE goods (id INTEGER PRIMARY KEY, price INTEGER)`

// fill returns the rows, the columns' values drawn by number.
func fill() (out []string) {
	family, given := []string{"佐藤", "鈴木", "高橋", "田中"}, []string{"一郎", "花子", "健太"}
	for i := range 120 {
		out = append(out,
			fmt.Sprintf("INSERT INTO members VALUES (%d, 'm%d@example.jp', '%s%s', '090-1234-%04d', '19%02d-02-03', '2024-01-02')", i+1, i, family[i%4], given[i%3], i, 50+i%50),
			fmt.Sprintf("INSERT INTO visits VALUES (%d, %d, '%s', '%s')", i+1, i+1, []string{"窓側", "連絡先は 03-1234-5678 です"}[i%2], []string{"A", "B"}[i%2]),
			fmt.Sprintf("INSERT INTO goods VALUES (%d, %d)", i+1, i*100))
	}
	return out
}

// judged says what is proposed, a line a table or column.
func judged(t *testing.T, address string) map[string]string {
	t.Helper()
	all, skipped, err := Read(t.Context(), address, nil)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	got, p := map[string]string{}, Propose(all)
	for _, table := range p.Tables {
		got[table.Name] = fmt.Sprintf("%s of %s (%s)", table.Key, table.Of, table.Why)
		for _, c := range table.Columns {
			got[table.Name+"."+c.Column] = fmt.Sprintf("%s %s", c.Element, c.Why)
		}
		for _, c := range table.Identifiers {
			got[table.Name+"."+c] += ", identifier"
		}
		for _, c := range table.Plain {
			got[table.Name+"."+c] = "plain"
		}
	}
	for _, name := range p.Plain {
		got[name] = "plain"
	}
	return got
}

var wantClub = map[string]string{
	"goods":          "plain",
	"members":        "id of  (its rows are persons)",
	"members.mail":   "email header and values, identifier",
	"members.氏名":     "name header and values",
	"members.tel":    "phone header and values",
	"members.生年月日":   "birthdate header and values",
	"members.joined": "plain",
	"visits":         "member_id of members (foreign key)",
	"visits.memo":    "note header and values",
	"visits.no":      "plain",
	"visits.place":   "plain",
}

func TestSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "club.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(strings.Split(fmt.Sprintf(club, "TEXT"), "|"), fill()...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantClub, judged(t, "sqlite:"+file)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMySQL(t *testing.T) {
	server := myclienttest.Start(t)
	server.Exec(t, "CREATE DATABASE club CHARACTER SET utf8mb4")
	var statements []string
	for _, s := range append(strings.Split(fmt.Sprintf(club, "VARCHAR(100)"), "|"), fill()...) {
		for _, word := range []string{"TABLE ", "INTO "} {
			s = strings.Replace(s, word, word+"club.", 1)
		}
		statements = append(statements, strings.ReplaceAll(s, "REFERENCES members", "REFERENCES club.members"))
	}
	server.Exec(t, append([]string{"SET NAMES utf8mb4"}, statements...)...)
	if diff := cmp.Diff(wantClub, judged(t, "mysql://root:"+url.PathEscape(myclienttest.Password)+"@/club?socket="+server.Socket)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
