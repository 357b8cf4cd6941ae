package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"sekisho/internal/event"
)

// change records a change as somebody's and then makes it, by f in one
// transaction. The event comes first, so a process that ends in between leaves
// one that is not true: a promise in the database is kept with the change
// itself, and Settle takes back in the ledger what was promised and not kept.
func (a *Accounts) change(ctx context.Context, by event.Source, body *event.Account, f func(tx *sql.Tx) error) error {
	return a.changeAll(ctx, by, []*event.Account{body}, f)
}

// changeAll is change of several things at once: all of them are made, or none.
func (a *Accounts) changeAll(ctx context.Context, by event.Source, what []*event.Account, f func(tx *sql.Tx) error) error {
	ids, bodies := make([]int64, len(what)), make([]event.Body, len(what))
	for i, body := range what {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		bodies[i] = body
		if err := a.db.QueryRowContext(ctx, "INSERT INTO promise (body) VALUES (?) RETURNING id", string(text)).Scan(&ids[i]); err != nil {
			return err
		}
	}
	if err := a.Record(ctx, by, bodies...); err != nil {
		return err // Settle says that it was not made, whether or not it is on disk
	}
	err := a.write(ctx, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		for _, id := range ids {
			if err := one(tx.ExecContext(ctx, "DELETE FROM promise WHERE id = ?", id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	for i, body := range what {
		err = errors.Join(err, a.undone(context.WithoutCancel(ctx), ids[i], body))
	}
	return err
}

// undone records that a change was not made.
func (a *Accounts) undone(ctx context.Context, id int64, body *event.Account) error {
	err := a.Record(ctx, "console", &event.Account{Step: "undone", Undone: body.Step, Account: body.Account, Roles: body.Roles, Name: body.Name, By: body.By})
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, "DELETE FROM promise WHERE id = ?", id)
	return err
}

// Settle records of every change that an earlier process announced and did not
// make that it was not made, and ends the sessions that it was about to end. It is
// called once, before anybody enters.
func (a *Accounts) Settle(ctx context.Context) error {
	rows, err := a.db.QueryContext(ctx, "SELECT id, body FROM promise ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	type promise struct {
		id   int64
		body event.Account
		end  ending
	}
	var left []promise
	for rows.Next() {
		var p promise
		var text string
		if err := rows.Scan(&p.id, &text); err != nil {
			return err
		}
		if err := errors.Join(json.Unmarshal([]byte(text), &p.body), json.Unmarshal([]byte(text), &p.end)); err != nil {
			return fmt.Errorf("change %d of accounts: %w", p.id, err)
		}
		left = append(left, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, p := range left {
		if p.end.Session != "" {
			if err := a.settleEnd(ctx, p.id, &p.end); err != nil {
				return err
			}
			continue
		}
		if err := a.undone(ctx, p.id, &p.body); err != nil {
			return err
		}
	}
	return nil
}
