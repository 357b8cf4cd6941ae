package story

import (
	"context"
	"errors"
	"fmt"

	"sekisho/internal/lang"
)

// The database gate before a small server like the results server: invented
// customers, of whom one statement may read a thousand.
const (
	rowsHeld    = 12_000
	rowsAllowed = 1_000
)

// The story of the names made small, a thousand to one.
const small = 1_000

// readAll is Friday 18 March, three days after the mail: the intruder reads the
// whole table. In the sources nobody noticed.
func (t *teller) readAll(ctx context.Context) error {
	if err := t.until(ctx, "2016-03-18 10:00"); err != nil {
		return err
	}
	g, err := t.Guarded(ctx, rowsHeld, rowsAllowed, "SELECT id, name, kana, email, phone, birth_date FROM customers")
	if errors.Is(err, ErrNoDatabase) {
		t.say("knows", "jtb_no_database")
		return nil
	}
	if err != nil {
		return err
	}
	t.say("blocks", "jtb_read", "held", lang.Count(rowsHeld), "rows", lang.Count(uint64(g.Rows)), "code", g.Code)
	t.assume()
	t.say("knows", "jtb_passed", "confirmed", lang.Count(uint64(g.Confirmed)), "reachable", lang.Count(uint64(g.Reachable)), "held", lang.Count(uint64(g.Held)))
	t.check("jtb_read", "yes", yes(g.Code != "" && g.Rows <= rowsAllowed))
	t.check("jtb_passed", fmt.Sprintf("%d %d %d", g.Rows, g.Rows, rowsHeld), fmt.Sprintf("%d %d %d", g.Confirmed, g.Reachable, g.Held))
	return nil
}

// names is June: records are no persons.
func (t *teller) names(ctx context.Context) error {
	records, persons := int(t.told.figure(7930000)/small), int(t.told.figure(6788443)/small)
	n, err := t.Persons(ctx, records, persons)
	if err != nil {
		return err
	}
	t.say("knows", "jtb_names", "records", lang.Count(uint64(n.Records)), "persons", lang.Count(uint64(persons)))
	t.check("jtb_names", "yes", yes(n.Records == records && n.Low <= persons && persons <= n.High))
	return nil
}
