package account

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

// Entry is a session of an account, as its owner sees it.
type Entry struct {
	ID      string // names it to EndEntries; lets nobody in
	Method  string // password, passkey
	Address string // from which it was begun
	MadeAt  time.Time
	SeenAt  time.Time // to the minute
	Mine    bool      // it is the one that asks
}

// Entries lists the sessions of an account that still let somebody in, the newest
// first. mine is the one that asks; a token asks with one that has no cookie.
func (a *Accounts) Entries(ctx context.Context, mine *Session) ([]Entry, error) {
	now := a.Now().UnixNano()
	rows, err := a.db.QueryContext(ctx, "SELECT hash, method, address, made_at, seen_at FROM session WHERE account = ? AND seen_at >= ? AND made_at >= ? ORDER BY made_at DESC, hash",
		mine.User.Name, now-int64(sessionIdle), now-int64(sessionLife))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		var e Entry
		var hash []byte
		var made, seen int64
		if err := rows.Scan(&hash, &e.Method, &e.Address, &made, &seen); err != nil {
			return nil, err
		}
		e.ID, e.MadeAt, e.SeenAt, e.Mine = hex.EncodeToString(hash), event.Time(made), event.Time(seen), slices.Equal(hash, mine.hash)
		out = append(out, e)
	}
	return out, rows.Err()
}

// EndEntries ends a session of the account, or with "" all but the one that asks:
// all of them or none. Each is recorded; ErrUnknown when there is none.
func (a *Accounts) EndEntries(ctx context.Context, mine *Session, id string) error {
	all, err := a.Entries(ctx, mine)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(e Entry) bool { return id == "" && e.Mine || id != "" && e.ID != id })
	if len(all) == 0 && id != "" {
		return ErrUnknown
	}
	return a.end(ctx, mine.User.Name, all)
}

// Renewal is what somebody shows and says to change their own credentials.
type Renewal struct {
	Password, Code string // as they are now
	New            string // password; empty: it stays
	Key            Key    // for one-time codes; nil: it stays
	KeyCode        string // proves that Key arrived in the program
}

// Renew changes password or one-time codes of whoever entered, and ends all their
// other sessions. It guards what is shown as a login does: ErrWrong, ErrSlow.
func (a *Accounts) Renew(ctx context.Context, mine *Session, r Renewal, address string) error {
	name := mine.User.Name
	if r.New != "" {
		if err := checkPassword(name, r.New); err != nil {
			return err
		}
	}
	var counter int64
	if r.Key != nil {
		var ok bool
		if counter, ok = totp(r.Key, r.KeyCode, a.Now(), 0); !ok {
			return ErrCode
		}
	}
	keys := []string{"account " + name, "address " + address}
	if a.attempts.wait(a.Now(), keys...) > 0 || !a.attempts.begin() {
		return errors.Join(ErrSlow, a.login(ctx, "slowed", name, "password", address, ""))
	}
	defer a.attempts.end()
	reason, err := a.check(ctx, name, r.Password, r.Code)
	if err != nil {
		return err
	}
	if reason != "" {
		a.attempts.failed(a.Now(), keys...)
		return errors.Join(ErrWrong, a.login(ctx, "failed", name, "password", address, reason))
	}
	if r.New == "" && r.Key == nil {
		return nil
	}
	steps, set, with := []*event.Account{}, []string{}, []any{}
	if r.Key != nil {
		steps = append(steps, &event.Account{Step: "totp", Account: name, By: name})
		set, with = append(set, "totp = ?", "counter = ?"), append(with, []byte(r.Key), counter)
	}
	if r.New != "" {
		kept, err := a.hash.sum(a.Rand, r.New)
		if err != nil {
			return err
		}
		steps = append(steps, &event.Account{Step: "password", Account: name, By: name})
		set, with = append(set, "password = ?"), append(with, kept)
	}
	a.changes.Lock()
	defer a.changes.Unlock()
	return a.changeAll(ctx, source(name), steps, func(tx *sql.Tx) error {
		if err := one(tx.ExecContext(ctx, "UPDATE account SET "+strings.Join(set, ", ")+" WHERE name = ?", append(with, name)...)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE account = ? AND hash <> ?", name, mine.hash)
		return err
	})
}
