package propose

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/demo/shop"
	"sekisho/internal/pgserver"
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
	all, skipped, err := Read(ctx, server.DSN(pgserver.Superuser, shop.Database))
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
		"public.customers.sex":                  "sex",
		"public.departure_list.booking_id":      "booking",
		"public.departure_list.name":            "name",
		"public.departure_list.passport_number": "passport",
		"public.departure_list.phone":           "phone",
		"public.operator_notes.body":            "note",
		"public.passports.number":               "passport",
		"public.payments.booking_id":            "booking",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
