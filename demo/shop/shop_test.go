package shop_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"sekisho/demo/shop"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

func TestGenerateIsDeterministic(t *testing.T) {
	a, b := shop.Generate(7, 3000), shop.Generate(7, 3000)
	if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(shop.Customer{})); diff != "" {
		t.Errorf("same seed, different data:\n%s", diff)
	}
	if c := shop.Generate(8, 3000); cmp.Equal(a.Customers, c.Customers, cmpopts.IgnoreUnexported(shop.Customer{})) {
		t.Error("another seed gave the same customers")
	}
}

var (
	phoneRE    = regexp.MustCompile(`^0[789]0-0\d{3}-\d{4}$`)
	mailRE     = regexp.MustCompile(`^[a-z0-9._-]+@(mail\.|mobile\.)?example\.(com|net|org|jp)$`)
	postalRE   = regexp.MustCompile(`^\d{3}-\d{4}$`)
	passportRE = regexp.MustCompile(`^[A-Z]{2}\d{7}$`)
	cardRE     = regexp.MustCompile(`\d{13,19}`)
)

func TestGenerateIsPlausible(t *testing.T) {
	d := shop.Generate(1, 20000)
	mails, ids, phones := map[string]bool{}, map[int64]bool{}, map[string]bool{}
	for i := range d.Customers {
		c := &d.Customers[i]
		if !phoneRE.MatchString(c.Phone) || !mailRE.MatchString(c.Email) || !postalRE.MatchString(c.PostalCode) {
			t.Fatalf("implausible customer %+v", c)
		}
		if mails[c.Email] || ids[c.ID] {
			t.Fatalf("customer %d or its mail address %s is there twice", c.ID, c.Email)
		}
		if age := shop.Today.Year() - c.Birth.Year(); age < 18 || age > 97 || c.Registered.After(shop.Today) {
			t.Fatalf("customer of %d years, registered on %v", age, c.Registered)
		}
		if strings.ContainsAny(c.Name+c.Kana+c.Address, "\t\n\\") || !strings.Contains(c.Name, "　") {
			t.Fatalf("name %q, address %q", c.Name, c.Address)
		}
		mails[c.Email], ids[c.ID], phones[c.Phone] = true, true, true
	}
	if shared := len(d.Customers) - len(phones); shared < 1500 {
		t.Errorf("only %d customers share a phone number; identifiers would be too easy", shared)
	}
	last := d.Customers[len(d.Customers)-1].ID
	if holes := last - 100_000 - int64(len(d.Customers)); holes < 500 {
		t.Errorf("only %d holes in the keys", holes)
	}
	numbers := map[string]bool{}
	for _, p := range d.Passports {
		if !ids[p.Customer] || !passportRE.MatchString(p.Number) || numbers[p.Number] {
			t.Fatalf("implausible passport %+v", p)
		}
		numbers[p.Number] = true
	}
	for _, b := range d.Bookings {
		if !ids[b.Customer] || b.Booked.After(shop.Today) || d.Tours[b.Tour-1].ID != b.Tour {
			t.Fatalf("implausible booking %+v", b)
		}
	}
	for _, n := range d.Notes {
		if cardRE.MatchString(n.Body) || strings.ContainsAny(n.Body, "\t\n\\%") {
			t.Fatalf("note %q", n.Body)
		}
	}
	for name, n := range map[string]int{"bookings": len(d.Bookings), "passports": len(d.Passports), "notes": len(d.Notes), "payments": len(d.Payments)} {
		if n < 2000 {
			t.Errorf("only %d %s for 20000 customers", n, name)
		}
	}
}

func TestLoad(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	d := shop.Generate(1, 3000)
	if err := shop.Load(t.Context(), s, d); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.DSN(shop.ScanRole, shop.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	want := map[string]int{
		"tours": len(d.Tours), "customers": len(d.Customers), "bookings": len(d.Bookings), "passports": len(d.Passports),
		"operator_notes": len(d.Notes), "payments": len(d.Payments), "customer_contact": len(d.Customers), "traveller": len(d.Bookings),
	}
	got := map[string]int{}
	for table := range want {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatalf("count %s: %v", table, err)
		}
		got[table] = n
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var departing int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM departure_list").Scan(&departing); err != nil || departing == 0 {
		t.Errorf("departure_list has %d rows, %v; want some", departing, err)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		shop.Generate(1, 100_000)
	}
}
