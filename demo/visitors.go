package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"sekisho/demo/shop"
)

// visitorCount is how many ordinary sessions share the application's account.
const visitorCount = 24

// visitors are the web application's sessions on an ordinary day.
type visitors struct {
	dsn   string
	seed  uint64
	data  *shop.Data
	think time.Duration // between two pages of a session, on average

	stop       chan struct{}
	group      sync.WaitGroup
	statements atomic.Int64
	rows       atomic.Int64

	mu     sync.Mutex
	seen   map[int64]bool // customers whose data they read
	errs   []error
	joined int64 // a customer who registered
	left   int64 // one whose data was deleted
}

// start opens all sessions and lets them browse until end.
func (v *visitors) start(ctx context.Context) error {
	v.stop, v.seen = make(chan struct{}), map[int64]bool{}
	var opened sync.WaitGroup
	for i := range visitorCount {
		opened.Add(1)
		v.group.Go(func() {
			conn, err := pgx.Connect(ctx, v.dsn)
			opened.Done()
			if err != nil {
				v.fail(fmt.Errorf("ordinary session %d: %w", i, err))
				return
			}
			defer conn.Close(context.WithoutCancel(ctx)) // it read what it read
			if err := v.browse(ctx, conn, i); err != nil {
				v.fail(fmt.Errorf("ordinary session %d: %w", i, err))
			}
		})
	}
	opened.Wait()
	return v.err()
}

// end lets the sessions finish their page and log out.
func (v *visitors) end() error {
	close(v.stop)
	v.group.Wait()
	return v.err()
}

func (v *visitors) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.errs = append(v.errs, err)
}

func (v *visitors) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(v.errs...)
}

// persons returns how many customers the sessions have read.
func (v *visitors) persons() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.seen)
}

// browse is one session: page after page, with time to think between them.
func (v *visitors) browse(ctx context.Context, conn *pgx.Conn, n int) error {
	r := rand.New(rand.NewPCG(v.seed, uint64(n)))
	b := &browser{v: v, conn: conn, r: r, n: n}
	if err := b.first(ctx); err != nil {
		return err
	}
	for {
		pause := time.NewTimer(v.think/2 + time.Duration(r.Int64N(int64(v.think))))
		select {
		case <-v.stop:
			pause.Stop()
			return nil
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		case <-pause.C:
		}
		if err := b.page(ctx); err != nil {
			return err
		}
	}
}

// browser is one session's hands.
type browser struct {
	v        *visitors
	conn     *pgx.Conn
	r        *rand.Rand
	n        int
	bookings int64
}

// first does what happens once a day: somebody registers, somebody leaves.
func (b *browser) first(ctx context.Context) error {
	switch last := &b.v.data.Customers[len(b.v.data.Customers)-1]; b.n {
	case 0:
		id := last.ID + 1
		b.v.mu.Lock()
		b.v.joined = id
		b.v.mu.Unlock()
		return b.write(ctx, `INSERT INTO customers VALUES ($1, '関　太郎', 'セキ　タロウ', '060-0042', '北海道',
			'札幌市中央区大通西1丁目1-1', '090-0000-0001', 'newcomer@example.jp', '1990-04-01', '男', '2026-10-01')`, id)
	case 1:
		b.v.mu.Lock()
		b.v.left = last.ID
		b.v.mu.Unlock()
		for _, table := range []string{"bookings", "passports", "operator_notes", "payments"} {
			if err := b.write(ctx, "DELETE FROM "+table+" WHERE customer_id = $1", last.ID); err != nil {
				return err
			}
		}
		return b.write(ctx, "DELETE FROM customers WHERE id = $1", last.ID)
	}
	return nil
}

// page is one page of the web site.
func (b *browser) page(ctx context.Context) error {
	c := &b.v.data.Customers[b.r.IntN(int(float64(len(b.v.data.Customers))*readable))]
	switch x := b.r.IntN(100); {
	case x < 35:
		return b.read(ctx, c.ID, "SELECT id, name, email, phone, address FROM customers WHERE id = $1", c.ID)
	case x < 50: // the login form
		return b.read(ctx, c.ID, "SELECT id, name FROM customers WHERE email = $1", c.Email)
	case x < 70:
		return b.read(ctx, c.ID, `SELECT b.id, t.name, b.departs_on, b.status FROM bookings b JOIN tours t ON t.id = b.tour_id
			WHERE b.customer_id = $1 ORDER BY b.id`, c.ID)
	case x < 85:
		return b.read(ctx, 0, "SELECT id, name, destination, nights, price FROM tours ORDER BY id")
	case x < 93:
		return b.write(ctx, "UPDATE customers SET phone = $2 WHERE id = $1", c.ID, c.Phone)
	}
	b.bookings++
	return b.write(ctx, "INSERT INTO bookings VALUES ($1, $2, $3, '2026-10-01', '2026-12-24', 2, 'confirmed')",
		8_000_000+int64(b.n)*10_000+b.bookings, c.ID, 1+b.r.IntN(len(b.v.data.Tours)))
}

// read asks about a customer (0: nobody) and remembers that it did.
func (b *browser) read(ctx context.Context, who int64, sql string, args ...any) error {
	rows, err := b.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	n := int64(0)
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	b.v.statements.Add(1)
	b.v.rows.Add(n)
	if who != 0 && n > 0 {
		b.v.mu.Lock()
		b.v.seen[who] = true
		b.v.mu.Unlock()
	}
	return nil
}

func (b *browser) write(ctx context.Context, sql string, args ...any) error {
	_, err := b.conn.Exec(ctx, sql, args...)
	b.v.statements.Add(1)
	return err
}
