package account

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"sekisho/internal/event"
)

// How long a session lasts: since it was used, and since it began. Whoever
// works through a night on an incident enters again in the morning.
const (
	sessionIdle = 2 * time.Hour
	sessionLife = 12 * time.Hour
	// sessionPace is how often a use is written down.
	sessionPace = time.Minute
)

// Session is somebody who entered.
type Session struct {
	User   *User
	CSRF   string // what forms of this session carry
	Method string
	MadeAt time.Time
	hash   []byte
}

// Sent reports whether a form of this session was sent: text is its secret.
func (s *Session) Sent(text string) bool {
	return s.CSRF != "" && subtle.ConstantTimeCompare([]byte(text), []byte(s.CSRF)) == 1
}

// Login checks password and one-time code and begins a session. cookie is the
// secret that the browser keeps; it is new with every login, so a cookie that
// somebody planted before is worth nothing. Every attempt is an event.
func (a *Accounts) Login(ctx context.Context, name, password, code, address string) (cookie string, err error) {
	keys := []string{"account " + name, "address " + address}
	if a.attempts.wait(a.Now(), keys...) > 0 || !a.attempts.begin() {
		return "", errors.Join(ErrSlow, a.login(ctx, "slowed", name, "password", address, ""))
	}
	defer a.attempts.end()
	reason, err := a.check(ctx, name, password, code)
	if err != nil {
		return "", err
	}
	if reason != "" {
		a.attempts.failed(a.Now(), keys...)
		return "", errors.Join(ErrWrong, a.login(ctx, "failed", name, "password", address, reason))
	}
	return a.begin(ctx, name, "password", address)
}

// check says what is wrong, in a word for the event only.
func (a *Accounts) check(ctx context.Context, name, password, code string) (reason string, err error) {
	var kept string
	var secret []byte
	var counter int64
	var disabled bool
	err = a.db.QueryRowContext(ctx, "SELECT password, totp, counter, disabled FROM account WHERE name = ?", name).Scan(&kept, &secret, &counter, &disabled)
	if errors.Is(err, sql.ErrNoRows) || err == nil && kept == "" {
		// As long as for an account that exists: the answer's time tells nothing.
		if _, err := a.hash.sum(a.Rand, password); err != nil {
			return "", err
		}
		return "account", nil
	}
	if err != nil {
		return "", err
	}
	if !fits(kept, password) {
		return "password", nil
	}
	next, ok := totp(secret, code, a.Now(), counter)
	switch {
	case !ok:
		return "code", nil
	case disabled:
		return "disabled", nil
	}
	// Of two logins with one code at once only one moves the counter.
	err = one(a.db.ExecContext(ctx, "UPDATE account SET counter = ? WHERE name = ? AND counter < ?", next, name, next))
	if errors.Is(err, ErrUnknown) {
		return "code", nil
	}
	return "", err
}

// login records an attempt. A name that nobody has is not kept: people type
// passwords into the wrong field.
func (a *Accounts) login(ctx context.Context, step, name, method, address, reason string) error {
	if _, err := a.User(ctx, name); err != nil {
		name = ""
	}
	return a.Record(ctx, "console", &event.Login{Step: step, Account: name, Method: method, Address: address, Reason: reason})
}

// begin makes a session after the credentials were found right.
func (a *Accounts) begin(ctx context.Context, name, method, address string) (cookie string, err error) {
	if err := a.login(ctx, "ok", name, method, address, ""); err != nil {
		return "", err
	}
	cookie, hash, err := a.secret()
	if err != nil {
		return "", err
	}
	csrf, _, err := a.secret()
	if err != nil {
		return "", err
	}
	now := a.Now().UnixNano()
	if _, err := a.db.ExecContext(ctx, "DELETE FROM session WHERE seen_at < ? OR made_at < ?", now-int64(sessionIdle), now-int64(sessionLife)); err != nil {
		return "", err
	}
	_, err = a.db.ExecContext(ctx, "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)", hash, name, csrf, address, method, now, now)
	a.attempts.passed("account " + name)
	return cookie, err
}

// Session returns whose cookie it is; ErrUnknown when it is nobody's any more.
func (a *Accounts) Session(ctx context.Context, cookie string) (*Session, error) {
	s := &Session{hash: digest(cookie)}
	var name string
	var made, seen int64
	under := a.uses.of(s.hash) // before: what is written meanwhile is read
	err := a.db.QueryRowContext(ctx, "SELECT account, csrf, method, made_at, seen_at FROM session WHERE hash = ?", s.hash).Scan(&name, &s.CSRF, &s.Method, &made, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	now := a.Now().UnixNano()
	seen = max(seen, under)
	if now-seen > int64(sessionIdle) || now-made > int64(sessionLife) {
		return nil, errors.Join(ErrUnknown, a.drop(ctx, s.hash))
	}
	if now-seen > int64(sessionPace) {
		a.used(ctx, s.hash, now)
	}
	s.MadeAt = event.Time(made)
	if s.User, err = a.User(ctx, name); err != nil {
		return nil, err
	}
	if s.User.Disabled {
		return nil, ErrUnknown
	}
	return s, nil
}

// uses are those of sessions that are being written down, behind the pages that
// they are of: no page waits for the disk because somebody looks at it. The zero
// value is ready.
type uses struct {
	mu     sync.Mutex
	at     map[string]int64 // by hash
	closed bool
	wait   sync.WaitGroup // of those that write; nobody comes once closed
}

// of returns when a session was used that is being written down; 0 is none.
func (u *uses) of(hash []byte) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at[string(hash)]
}

// close waits for those that are being written.
func (u *uses) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.wait.Wait()
}

// used writes down that a session was used. A use that cannot be, on a full disk,
// only ends the session sooner: pages that read must open then most of all.
func (a *Accounts) used(ctx context.Context, hash []byte, at int64) {
	u, key := &a.uses, string(hash)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	_, under := u.at[key]
	if u.at == nil {
		u.at = map[string]int64{}
	}
	if u.at[key] = at; under {
		return // who writes sees it
	}
	ctx = context.WithoutCancel(ctx) // the page may be gone before; Close waits
	u.wait.Go(func() {
		for at := at; at != 0; at = u.written(key, at) {
			_, _ = a.db.ExecContext(ctx, "UPDATE session SET seen_at = ? WHERE hash = ?", at, hash)
		}
	})
}

// written forgets a use that was written down, and returns a newer one; 0 is none.
func (u *uses) written(key string, at int64) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if newer := u.at[key]; newer != at {
		return newer
	}
	delete(u.at, key)
	return 0
}

func (a *Accounts) drop(ctx context.Context, hash []byte) error {
	_, err := a.db.ExecContext(ctx, "DELETE FROM session WHERE hash = ?", hash)
	return err
}

// Logout ends a session, also when that cannot be recorded.
func (a *Accounts) Logout(ctx context.Context, s *Session, address string) error {
	ctx = context.WithoutCancel(ctx)
	e := Entry{ID: hex.EncodeToString(s.hash), Method: s.Method, Address: address}
	err := a.end(ctx, s.User.Name, []Entry{e})
	if err != nil {
		return errors.Join(err, a.drop(ctx, s.hash))
	}
	return nil
}
