package account

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
)

// tokenPrefix lets scanners of source code find tokens that somebody left
// there.
const tokenPrefix = "sekisho_"

// longestToken bounds the life of a token.
const longestToken = 366 * 24 * time.Hour

// ErrToken is returned for a token that cannot be made.
var ErrToken = errors.New("a token needs a name, at most 366 days, and actions that its account may do")

// personal is what only somebody who entered does: a token that was stolen
// names nobody, destroys nothing, and makes no accounts.
var personal = []Action{Look, Destroy, Users, MakeToken}

// Personal reports whether no token does something, whatever its account may do.
func Personal(do Action) bool { return slices.Contains(personal, do) }

// ForTokens are the actions that a token of an account can have.
func (u *User) ForTokens(tenant string) []Action {
	var out []Action
	for _, do := range Actions {
		if !slices.Contains(personal, do) && u.May(do, tenant) {
			out = append(out, do)
		}
	}
	return out
}

// Token is a token by its name; the secret is shown once, when it is made.
type Token struct {
	Name    string
	Actions []Action
	Until   time.Time
	MadeAt  time.Time
}

// NewToken makes a token of an account. It can do the actions, as long as the
// account itself may do them.
func (a *Accounts) NewToken(ctx context.Context, u *User, name string, actions []Action, life time.Duration) (string, error) {
	if !nameForm.MatchString(name) || life <= 0 || life > longestToken || len(actions) == 0 {
		return "", ErrToken
	}
	for _, do := range actions {
		if !slices.Contains(Actions, do) || !u.May(do, a.Tenant) || slices.Contains(personal, do) {
			return "", ErrToken
		}
	}
	text, _, err := a.secret()
	if err != nil {
		return "", err
	}
	text = tokenPrefix + text
	now := a.Now()
	var n int
	if err := a.db.QueryRowContext(ctx, "SELECT count(*) FROM token WHERE account = ? AND name = ?", u.Name, name).Scan(&n); err != nil {
		return "", err
	}
	if n > 0 {
		return "", ErrTaken
	}
	made := &event.Account{Step: "token", Account: u.Name, Name: name, Until: now.Add(life).UnixNano(), By: u.Name}
	err = a.change(ctx, source(u.Name), made, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", digest(text), u.Name, name, joinActions(actions), now.Add(life).UnixNano(), now.UnixNano())
		return err
	})
	return text, err
}

func joinActions(all []Action) string {
	texts := make([]string, len(all))
	for i, do := range all {
		texts[i] = string(do)
	}
	return strings.Join(texts, ",")
}

func splitActions(text string) []Action {
	var out []Action
	for _, one := range strings.Split(text, ",") {
		out = append(out, Action(one))
	}
	return out
}

// Tokens lists the tokens of an account.
func (a *Accounts) Tokens(ctx context.Context, name string) ([]Token, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT name, actions, until, made_at FROM token WHERE account = ? ORDER BY name", name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Token
	for rows.Next() {
		var t Token
		var actions string
		var until, made int64
		if err := rows.Scan(&t.Name, &actions, &until, &made); err != nil {
			return nil, err
		}
		t.Actions, t.Until, t.MadeAt = splitActions(actions), event.Time(until), event.Time(made)
		out = append(out, t)
	}
	return out, rows.Err()
}

// EndToken ends a token of an account.
func (a *Accounts) EndToken(ctx context.Context, by, account, name string) error {
	return a.change(ctx, source(by), &event.Account{Step: "token-ended", Account: account, Name: name, By: by}, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, "DELETE FROM token WHERE account = ? AND name = ?", account, name))
	})
}

// Bearer returns whose token it is and what it can do; ErrUnknown when it is
// nobody's. Guesses are recorded, until there are so many from an address that
// it is ErrSlow: a token that is right never waits.
func (a *Accounts) Bearer(ctx context.Context, text, address string) (*User, []Action, error) {
	u, actions, err := a.holder(ctx, text)
	if !errors.Is(err, ErrUnknown) {
		return u, actions, err
	}
	key := "address " + address
	if a.attempts.wait(a.Now(), key) > 0 {
		return nil, nil, ErrSlow
	}
	a.attempts.failed(a.Now(), key)
	return nil, nil, errors.Join(ErrUnknown, a.login(ctx, "failed", "", "token", address, "token"))
}

func (a *Accounts) holder(ctx context.Context, text string) (*User, []Action, error) {
	var name, actions string
	var until int64
	err := a.db.QueryRowContext(ctx, "SELECT account, actions, until FROM token WHERE hash = ?", digest(text)).Scan(&name, &actions, &until)
	if errors.Is(err, sql.ErrNoRows) || err == nil && until < a.Now().UnixNano() {
		return nil, nil, ErrUnknown
	}
	if err != nil {
		return nil, nil, err
	}
	u, err := a.User(ctx, name)
	if err == nil && u.Disabled {
		err = ErrUnknown
	}
	return u, splitActions(actions), err
}
