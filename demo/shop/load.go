package shop

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/pgserver"
)

// Database is the name of the shop's database.
const Database = "shop"

//go:embed schema.sql
var schemaSQL string

//go:embed finish.sql
var finishSQL string

// Roles of the shop's database and their passwords. They are no secret: the
// demo prints how the intruder got his.
const (
	AppRole      = "shop_app" // the web application's account, shared by all its sessions
	AppPassword  = "sapporo2026"
	ScanRole     = "sekisho_scan" // reads the holdings
	ScanPassword = "sekisho-scan"
)

// Load makes the database with its roles and fills it.
func Load(ctx context.Context, s *pgserver.Server, d *Data) error {
	roles := fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'; CREATE ROLE %s LOGIN PASSWORD '%s'",
		AppRole, AppPassword, ScanRole, ScanPassword)
	if err := s.Exec(ctx, "postgres", roles); err != nil {
		return fmt.Errorf("make roles: %w", err)
	}
	if err := s.CreateDatabase(ctx, Database); err != nil {
		return err
	}
	if err := s.Exec(ctx, Database, schemaSQL); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	for _, t := range tables {
		var rows bytes.Buffer
		t.write(&rows, d)
		if _, err := s.Load(ctx, Database, t.name, nil, &rows); err != nil {
			return err
		}
	}
	if err := s.Exec(ctx, Database, finishSQL); err != nil {
		return fmt.Errorf("make indexes and grants: %w", err)
	}
	return nil
}

// tables says how each table is written in COPY text format. The values hold
// no tab, line feed or backslash, which a test keeps.
var tables = []struct {
	name  string
	write func(*bytes.Buffer, *Data)
}{
	{"tours", func(b *bytes.Buffer, d *Data) {
		for _, t := range d.Tours {
			row(b, strconv.Itoa(t.ID), t.Name, t.Destination, strconv.Itoa(t.Nights), strconv.FormatBool(t.Abroad), strconv.Itoa(t.Price))
		}
	}},
	{"customers", func(b *bytes.Buffer, d *Data) {
		for i := range d.Customers {
			c := &d.Customers[i]
			row(b, id(c.ID), c.Name, c.Kana, c.PostalCode, c.Prefecture, c.Address, c.Phone, c.Email, date(c.Birth), c.Sex, date(c.Registered))
		}
	}},
	{"bookings", func(b *bytes.Buffer, d *Data) {
		for _, k := range d.Bookings {
			row(b, id(k.ID), id(k.Customer), strconv.Itoa(k.Tour), date(k.Booked), date(k.Departs), strconv.Itoa(k.People), k.Status)
		}
	}},
	{"passports", func(b *bytes.Buffer, d *Data) {
		for _, p := range d.Passports {
			row(b, id(p.Customer), p.Number, p.Romaji, date(p.Issued), date(p.Expires))
		}
	}},
	{"operator_notes", func(b *bytes.Buffer, d *Data) {
		for _, n := range d.Notes {
			row(b, id(n.ID), id(n.Customer), date(n.On), n.Operator, n.Body)
		}
	}},
	{"payments", func(b *bytes.Buffer, d *Data) {
		for _, p := range d.Payments {
			row(b, id(p.ID), id(p.Customer), id(p.Booking), date(p.On), strconv.Itoa(p.Amount), p.Token)
		}
	}},
}

func row(b *bytes.Buffer, fields ...string) {
	b.WriteString(strings.Join(fields, "\t"))
	b.WriteByte('\n')
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func date(t time.Time) string { return t.Format(time.DateOnly) }
