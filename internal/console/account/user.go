package account

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"slices"
	"time"

	"sekisho/internal/event"
)

// User is an account as others see it.
type User struct {
	Name     string
	Roles    []Grant
	Lang     string // "" follows the browser
	Disabled bool
	Password bool // has one, with one-time codes
	Passkeys []Passkey
	MadeAt   time.Time
}

// Passkey is a passkey by its name.
type Passkey struct {
	ID     []byte
	Name   string
	MadeAt time.Time
}

// May says whether the account may do something at a tenant.
func (u *User) May(do Action, tenant string) bool {
	return May(u.Name, u.Roles, u.Disabled, do, tenant)
}

// Any reports whether there is an account at all.
func (a *Accounts) Any(ctx context.Context) (bool, error) {
	var n int
	err := a.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM account LIMIT 1)").Scan(&n)
	return n > 0, err
}

// User returns an account; ErrUnknown when there is none.
func (a *Accounts) User(ctx context.Context, name string) (*User, error) {
	all, err := a.users(ctx, " WHERE name = ?", " WHERE account = ?", name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrUnknown
	}
	return all[0], nil
}

// Users returns all accounts by name.
func (a *Accounts) Users(ctx context.Context) ([]*User, error) {
	return a.users(ctx, "", "")
}

// users returns accounts by name with what belongs to them: three questions,
// however many accounts there are. ofAccounts and ofTheirs narrow them to args.
func (a *Accounts) users(ctx context.Context, ofAccounts, ofTheirs string, args ...any) ([]*User, error) {
	all := []*User{}
	byName := map[string]*User{}
	err := a.rows(ctx, "SELECT name, lang, disabled, password <> '', made_at FROM account"+ofAccounts+" ORDER BY name", args, func(r *sql.Rows) error {
		u, made := &User{}, int64(0)
		err := r.Scan(&u.Name, &u.Lang, &u.Disabled, &u.Password, &made)
		u.MadeAt = event.Time(made)
		all, byName[u.Name] = append(all, u), u
		return err
	})
	if err != nil || len(all) == 0 {
		return all, err
	}
	err = a.rows(ctx, "SELECT account, tenant, role FROM role"+ofTheirs+" ORDER BY account, tenant, role", args, func(r *sql.Rows) error {
		var name string
		var g Grant
		err := r.Scan(&name, &g.Tenant, &g.Role)
		if u := byName[name]; u != nil { // nil: it came in between
			u.Roles = append(u.Roles, g)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, a.rows(ctx, "SELECT account, id, name, made_at FROM passkey"+ofTheirs+" ORDER BY account, made_at, name", args, func(r *sql.Rows) error {
		var name string
		var made int64
		var p Passkey
		err := r.Scan(&name, &p.ID, &p.Name, &made)
		p.MadeAt = event.Time(made)
		if u := byName[name]; u != nil {
			u.Passkeys = append(u.Passkeys, p)
		}
		return err
	})
}

// rows calls f with every row of an answer.
func (a *Accounts) rows(ctx context.Context, question string, args []any, f func(*sql.Rows) error) error {
	rows, err := a.db.QueryContext(ctx, question, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Count returns how many accounts there are.
func (a *Accounts) Count(ctx context.Context) (n int, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT count(*) FROM account").Scan(&n)
	return n, err
}

// SetLang remembers the language somebody chose: "ja", "en", "".
func (a *Accounts) SetLang(ctx context.Context, name, lang string) error {
	return one(a.db.ExecContext(ctx, "UPDATE account SET lang = ? WHERE name = ?", lang, name))
}

// SetRoles gives an account the roles at a tenant and takes the others there.
// The last officer of a tenant keeps the role.
func (a *Accounts) SetRoles(ctx context.Context, by, name, tenant string, roles []Role) error {
	a.changes.Lock()
	defer a.changes.Unlock()
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	next := slices.DeleteFunc(slices.Clone(u.Roles), func(g Grant) bool { return g.Tenant == tenant })
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return ErrRole
		}
		next = append(next, Grant{tenant, r})
	}
	if err := a.keepOfficer(ctx, u, tenant, !slices.Contains(roles, Officer)); err != nil {
		return err
	}
	return a.change(ctx, source(by), &event.Account{Step: "roles", Account: name, Roles: grantTexts(next), By: by}, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM role WHERE account = ? AND tenant = ?", name, tenant); err != nil {
			return err
		}
		return putRoles(ctx, tx, name, next, tenant)
	})
}

func putRoles(ctx context.Context, tx *sql.Tx, name string, all []Grant, tenant string) error {
	for _, g := range all {
		if tenant != "" && g.Tenant != tenant {
			continue
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO role VALUES (?, ?, ?) ON CONFLICT DO NOTHING", name, g.Tenant, g.Role); err != nil {
			return err
		}
	}
	return nil
}

// keepOfficer refuses what would leave a tenant without an officer who can
// enter.
func (a *Accounts) keepOfficer(ctx context.Context, u *User, tenant string, loses bool) error {
	if !loses || u.Disabled || !slices.Contains(u.Roles, Grant{tenant, Officer}) {
		return nil
	}
	var n int
	err := a.db.QueryRowContext(ctx, `SELECT count(*) FROM role JOIN account ON account.name = role.account
		WHERE tenant = ? AND role = ? AND disabled = 0 AND account <> ?`, tenant, Officer, u.Name).Scan(&n)
	if err == nil && n == 0 {
		return ErrLast
	}
	return err
}

// SetDisabled shuts an account out, with all its sessions and tokens, or lets
// it in again.
func (a *Accounts) SetDisabled(ctx context.Context, by, name string, disabled bool) error {
	a.changes.Lock()
	defer a.changes.Unlock()
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	if err := a.keepOfficer(ctx, u, a.Tenant, disabled); err != nil {
		return err
	}
	step := "enabled"
	if disabled {
		step = "disabled"
	}
	return a.change(ctx, source(by), &event.Account{Step: step, Account: name, By: by}, func(tx *sql.Tx) error {
		if err := one(tx.ExecContext(ctx, "UPDATE account SET disabled = ? WHERE name = ?", disabled, name)); err != nil {
			return err
		}
		if !disabled {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM session WHERE account = ?", name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM token WHERE account = ?", name)
		return err
	})
}

// write runs f in a transaction.
func (a *Accounts) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// insert adds an account within a transaction.
func (a *Accounts) insert(ctx context.Context, tx *sql.Tx, name, password string, key Key, counter int64, roles []Grant) error {
	handle := make([]byte, 32)
	if _, err := io.ReadFull(a.Rand, handle); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO account (name, handle, password, totp, counter, made_at) VALUES (?, ?, ?, ?, ?, ?)",
		name, handle, password, []byte(key), counter, a.Now().UnixNano())
	if err != nil {
		return err
	}
	return putRoles(ctx, tx, name, roles, "")
}
