package account

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"

	"sekisho/internal/event"
)

// ending is a session that is about to end, as a promise keeps it.
type ending struct {
	Session string `json:"session"` // hash of its cookie, in hexadecimal
	Account string `json:"account"`
	Method  string `json:"method"`
	Address string `json:"address"`
}

func (e *ending) event() *event.Login {
	return &event.Login{Step: "ended", Account: e.Account, Method: e.Method, Address: e.Address}
}

// end ends sessions of an account. It is recorded before it is done for good, but
// not before it can be: a session that lives on must not be one that the ledger says
// has ended. That all of them end is promised first, so a process that ends in
// between leaves it to Settle.
func (a *Accounts) end(ctx context.Context, name string, all []Entry) error {
	ctx = context.WithoutCancel(ctx) // what was recorded is done also when whoever asked went away
	var ends []ending
	for _, e := range all {
		ends = append(ends, ending{e.ID, name, e.Method, e.Address})
	}
	promises, err := a.promiseEnds(ctx, ends)
	if err != nil {
		return err
	}
	recorded := false
	err = a.write(ctx, func(tx *sql.Tx) error {
		var bodies []event.Body
		for i := range ends {
			err := dropIn(ctx, tx, &ends[i])
			if errors.Is(err, ErrUnknown) { // it ended by itself meanwhile
				continue
			}
			if err != nil {
				return err
			}
			bodies = append(bodies, ends[i].event())
		}
		if err := keepIn(ctx, tx, promises); err != nil || len(bodies) == 0 {
			return err
		}
		recorded = true // or not: nobody knows when it fails
		return a.Record(ctx, "console", bodies...)
	})
	if err != nil && !recorded { // what may be in the ledger is done by the next start
		err = errors.Join(err, a.write(ctx, func(tx *sql.Tx) error { return keepIn(ctx, tx, promises) }))
	}
	return err
}

// promiseEnds notes that sessions end, all of them at once.
func (a *Accounts) promiseEnds(ctx context.Context, ends []ending) (ids []int64, err error) {
	err = a.write(ctx, func(tx *sql.Tx) error {
		ids = make([]int64, len(ends))
		for i := range ends {
			text, err := json.Marshal(&ends[i])
			if err != nil {
				return err
			}
			if err := tx.QueryRowContext(ctx, "INSERT INTO promise (body) VALUES (?) RETURNING id", string(text)).Scan(&ids[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

func keepIn(ctx context.Context, tx *sql.Tx, promises []int64) error {
	for _, id := range promises {
		if err := one(tx.ExecContext(ctx, "DELETE FROM promise WHERE id = ?", id)); err != nil {
			return err
		}
	}
	return nil
}

func dropIn(ctx context.Context, tx *sql.Tx, e *ending) error {
	hash, err := hex.DecodeString(e.Session)
	if err != nil {
		return err
	}
	return one(tx.ExecContext(ctx, "DELETE FROM session WHERE hash = ?", hash))
}

// settleEnd ends a session that an earlier process promised to end. Its end may be
// in the ledger already; then it is there twice.
func (a *Accounts) settleEnd(ctx context.Context, id int64, e *ending) error {
	if err := a.Record(ctx, "console", e.event()); err != nil {
		return err
	}
	return a.write(ctx, func(tx *sql.Tx) error {
		if err := dropIn(ctx, tx, e); err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
		return keepIn(ctx, tx, []int64{id})
	})
}
