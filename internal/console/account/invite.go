package account

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"time"

	"sekisho/internal/event"
)

// inviteLife is how long a link works.
const inviteLife = 24 * time.Hour

// Invitation is a link's content: for whom, with which roles.
type Invitation struct {
	Account string // empty: the guest chooses
	Roles   []Grant
	Until   time.Time
	By      string
	Known   bool // the account exists: the link sets new credentials
}

// FirstRun makes the link for the first officer, as long as there is no
// account. Each call ends the link before. Empty: there are accounts.
func (a *Accounts) FirstRun(ctx context.Context) (code string, err error) {
	any, err := a.Any(ctx)
	if err != nil || any {
		return "", err
	}
	if _, err := a.db.ExecContext(ctx, "DELETE FROM invitation"); err != nil {
		return "", err
	}
	return a.invite(ctx, "process", "", []Grant{{a.Tenant, Officer}, {a.Tenant, CSIRT}, {a.Tenant, Operator}})
}

// Invite makes a link with which somebody makes the account with these roles.
// For an account that exists it sets new credentials; its roles stay.
func (a *Accounts) Invite(ctx context.Context, by, name string, roles []Role) (code string, err error) {
	if !nameForm.MatchString(name) {
		return "", ErrName
	}
	var all []Grant
	if u, err := a.User(ctx, name); err == nil {
		all = u.Roles
	} else if !errors.Is(err, ErrUnknown) {
		return "", err
	} else {
		for _, r := range roles {
			if len(parseGrants([]string{a.Tenant + "/" + string(r)})) == 0 {
				return "", ErrRole
			}
			all = append(all, Grant{a.Tenant, r})
		}
		if len(all) == 0 {
			return "", ErrRole
		}
	}
	return a.invite(ctx, by, name, all)
}

func (a *Accounts) invite(ctx context.Context, by, name string, roles []Grant) (string, error) {
	code, hash, err := a.secret()
	if err != nil {
		return "", err
	}
	until := a.Now().Add(inviteLife)
	invited := &event.Account{Step: "invited", Account: name, Roles: grantTexts(roles), Until: until.UnixNano(), By: by}
	err = a.change(ctx, source(by), invited, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO invitation VALUES (?, ?, ?, ?, ?)", hash, name, strings.Join(grantTexts(roles), ","), until.UnixNano(), by)
		return err
	})
	return code, err
}

// Invited returns what a link is for; ErrUnknown when it is used up, too old
// or none of ours.
func (a *Accounts) Invited(ctx context.Context, code string) (*Invitation, error) {
	var inv Invitation
	var roles string
	var until int64
	err := a.db.QueryRowContext(ctx, "SELECT account, roles, until, by FROM invitation WHERE hash = ?", digest(code)).Scan(&inv.Account, &roles, &until, &inv.By)
	if errors.Is(err, sql.ErrNoRows) || err == nil && until < a.Now().UnixNano() {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	inv.Roles, inv.Until = parseGrants(strings.Split(roles, ",")), event.Time(until)
	if inv.Account != "" {
		_, err = a.User(ctx, inv.Account)
		if inv.Known = err == nil; errors.Is(err, ErrUnknown) {
			err = nil
		}
	}
	return &inv, err
}

// NewKey draws a secret for one-time codes.
func (a *Accounts) NewKey() (Key, error) {
	k := make(Key, totpSecret)
	_, err := io.ReadFull(a.Rand, k)
	return k, err
}

// Welcome is what a guest answers to an invitation.
type Welcome struct {
	Name     string // when the invitation names nobody
	Password string
	Key      Key
	Code     string // proves that the key arrived in the program
}

// Accept makes the account, or gives it new credentials, and uses the link up.
// It returns the name.
func (a *Accounts) Accept(ctx context.Context, code string, w Welcome) (string, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	inv, err := a.Invited(ctx, code)
	if err != nil {
		return "", err
	}
	name := inv.Account
	if name == "" {
		name = strings.TrimSpace(w.Name)
	}
	if !nameForm.MatchString(name) {
		return "", ErrName
	}
	if err := checkPassword(name, w.Password); err != nil {
		return "", err
	}
	counter, ok := totp(w.Key, w.Code, a.Now(), 0)
	if !ok {
		return "", ErrCode
	}
	if _, err := a.User(ctx, name); err == nil && inv.Account == "" {
		return "", ErrTaken
	}
	if !a.attempts.begin() {
		return "", ErrSlow
	}
	kept, err := a.hash.sum(a.Rand, w.Password)
	a.attempts.end()
	if err != nil {
		return "", err
	}
	step := "created"
	if inv.Known {
		step = "password"
	}
	return name, a.change(ctx, source(name), &event.Account{Step: step, Account: name, Roles: grantTexts(inv.Roles), By: name}, func(tx *sql.Tx) error {
		if err := one(tx.ExecContext(ctx, "DELETE FROM invitation WHERE hash = ?", digest(code))); err != nil {
			return err
		}
		if !inv.Known {
			return a.insert(ctx, tx, name, kept, w.Key, counter, inv.Roles)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM session WHERE account = ?", name); err != nil {
			return err
		}
		return one(tx.ExecContext(ctx, "UPDATE account SET password = ?, totp = ?, counter = ? WHERE name = ?", kept, []byte(w.Key), counter, name))
	})
}
