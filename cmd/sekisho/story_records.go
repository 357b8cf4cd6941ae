package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/demo/shop"
	"sekisho/demo/story"
	"sekisho/internal/person"
	"sekisho/internal/pgserver"
	"sekisho/proof/scope"
)

// A small database of invented customers.
const (
	recordsSeed  = 2016
	recordsName  = "results"
	recordsScan  = "sekisho_scan"
	recordsApp   = "results_app"
	recordsTable = `CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, kana text NOT NULL, email text NOT NULL, phone text NOT NULL, birth_date date NOT NULL);
GRANT SELECT ON customers TO ` + recordsScan + ", " + recordsApp
)

// Guarded implements story.Office. Its process has the clock of this day: the
// threads of a database gate read their own.
func (o *office) Guarded(ctx context.Context, held, allowed int, sql string) (out story.Guarded, err error) {
	s, err := pgserver.Start(ctx, pgserver.Config{})
	if errors.Is(err, pgserver.ErrMissing) {
		return out, story.ErrNoDatabase
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := loadRecords(ctx, s, held); err != nil {
		return out, err
	}
	y, err := openPlay(ctx, filepath.Join(o.dir, "guarded"), recordsConfig(s, allowed), (*process).startView, (*process).startBases, (*process).startCuts, (*process).startGates)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	if out.Rows, out.Code, err = readThrough(ctx, y.p.gates[0].listener.Addr().String(), recordsApp, recordsName, sql); err != nil {
		return out, err
	}
	r, err := y.scope(ctx, scope.Query{Places: []string{recordsName}, Addresses: []string{"127.0.0.1"}})
	if err != nil {
		return out, err
	}
	out.Confirmed, out.Reachable, out.Held = int(r.Confirmed.Subjects), int(r.Reachable.Subjects), int(r.EverHeld.Subjects)
	return out, nil
}

// loadRecords makes the database with invented customers.
func loadRecords(ctx context.Context, s *pgserver.Server, n int) error {
	if err := s.Exec(ctx, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN", recordsScan, recordsApp)); err != nil {
		return err
	}
	if err := s.CreateDatabase(ctx, recordsName); err != nil {
		return err
	}
	if err := s.Exec(ctx, recordsName, recordsTable); err != nil {
		return err
	}
	var rows bytes.Buffer
	for _, c := range shop.Generate(recordsSeed, n).Customers {
		fmt.Fprintln(&rows, strings.Join([]string{fmt.Sprint(c.ID), c.Name, c.Kana, c.Email, c.Phone, c.Birth.Format(time.DateOnly)}, "\t"))
	}
	_, err := s.Load(ctx, recordsName, "customers", nil, &rows)
	return err
}

// recordsConfig is the configuration: a statement may read so many rows.
func recordsConfig(s *pgserver.Server, allowed int) string {
	return fmt.Sprintf(`databases:
  - name: %[1]s
    upstream: %[2]s
    tls: {mode: disable}
    control: {user: %[3]s}
    protect:
      - table: public.customers
        key: id
        columns: {name: name, kana: kana, email: email, phone: phone, birth_date: birthdate}
        plain: [id]
        identifiers: [email]
gates:
  - {name: %[1]s-db, listen: '127.0.0.1:0', database: %[1]s, mode: enforce}
policy:
  generation: 1
  default: deny
  purposes: {booking: taking and answering bookings}
  rules:
    - {name: application, users: [%[4]s], addresses: [127.0.0.0/8], databases: [%[1]s], elements: ["*"], action: allow, purpose: booking, rows: {statement: %[5]d}, bulk: allow}
`, recordsName, s.Addr(), recordsScan, recordsApp, allowed)
}

// readThrough asks through the gate and counts the rows that came, those before
// a refusal too.
func readThrough(ctx context.Context, gate, user, database, sql string) (rows int, code string, err error) {
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, gate, database))
	if err != nil {
		return 0, "", err
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return 0, "", err
	}
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		for r := results.ResultReader(); r.NextRow(); {
			rows++
		}
	}
	err = results.Close()
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		code, err = refused.Code, nil
	}
	return rows, code, errors.Join(err, conn.Close(ctx))
}

// Persons implements story.Office.
func (o *office) Persons(ctx context.Context, records, persons int) (story.Persons, error) {
	data := shop.Generate(recordsSeed, persons)
	res, err := person.Run(ctx, []person.Source{
		{Name: "members", Rows: rowsOf(data.Customers, func(c *shop.Customer) []string {
			return []string{fmt.Sprint(c.ID), c.Name, c.Kana, c.Birth.Format(time.DateOnly), c.Email, c.Phone}
		})},
		// The same people once more, as another site wrote them down.
		{Name: "partner", Rows: rowsOf(data.Customers[:records-persons], func(c *shop.Customer) []string {
			return []string{"P" + fmt.Sprint(c.ID), strings.ReplaceAll(c.Name, "\u3000", " "), c.Kana, c.Birth.Format("2006年1月2日"), "", fullWidth(c.Phone)}
		})},
	}, person.Options{})
	if err != nil {
		return story.Persons{}, err
	}
	n := res.Count()
	return story.Persons{Records: n.Records, Low: n.Low, High: n.High}, nil
}

func rowsOf(customers []shop.Customer, row func(*shop.Customer) []string) func(context.Context, io.Writer) (int, error) {
	return func(_ context.Context, w io.Writer) (int, error) {
		_, err := io.WriteString(w, "会員番号,氏名,フリガナ,生年月日,メールアドレス,電話番号\n")
		for i := range customers {
			if err == nil {
				_, err = io.WriteString(w, strings.Join(row(&customers[i]), ",")+"\n")
			}
		}
		return 0, err
	}
}

// fullWidth writes digits and hyphens as an old form does.
func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r - '0' + '０'
		case r == '-':
			return '－'
		}
		return r
	}, s)
}
