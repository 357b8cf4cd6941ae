// Package account is who may enter the console and what they may do there:
// accounts with passwords (argon2id) and one-time codes, passkeys, invitations,
// sessions, tokens for programs, and roles per tenant that Cedar decides on.
//
// It serves no page and does none of what it allows. Its database is the only
// state of the product that is neither evidence nor made from evidence; every
// change of it is an event first (event.Account, event.Login), so that a
// stolen or forged database does not hide who did what.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"sekisho/internal/event"
)

// Errors that callers decide on. What a person sees of the first four is the
// same sentence: whoever tries must not learn which part was wrong.
var (
	ErrWrong    = errors.New("account, password or code is wrong")
	ErrSlow     = errors.New("too many attempts: wait before the next")
	ErrUnknown  = errors.New("there is no such account, session, invitation or token")
	ErrDisabled = errors.New("the account is disabled")
	ErrName     = errors.New("a name has 1 to 64 small letters, digits, - and _")
	ErrTaken    = errors.New("the name is taken")
	ErrWeak     = errors.New("a password has 12 to 256 characters and is not among the common ones")
	ErrCode     = errors.New("the one-time code does not fit")
	ErrLast     = errors.New("the last officer cannot lose the role")
	ErrRole     = errors.New("there is no such role")
)

// Config is what Accounts need.
type Config struct {
	// Path of the database file; its directory must exist.
	Path string
	// Tenant is the tenant of this process.
	Tenant string
	// Origin is how browsers reach the console: "https://console.example.jp".
	// Passkeys are bound to its host name; an IP address has none, so passkeys
	// are off then (WebAuthn Level 3, 5.1.2: the RP ID is a domain).
	Origin string
	// Record writes events durably as somebody's.
	Record func(ctx context.Context, by event.Source, bodies ...event.Body) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Rand gives random bytes; nil is crypto/rand.
	Rand io.Reader
	// Cheap makes password hashes weak and fast: for tests only.
	Cheap bool
}

// Accounts is the database of accounts. It is safe for concurrent use.
type Accounts struct {
	Config
	db       *sql.DB
	hash     hashing
	attempts attempts
	passkeys *passkeys // nil: off
	uses     uses

	changes sync.Mutex // one change of accounts at a time: check, record, write
}

// migrations are run in order; the number of those that ran is the database's
// user_version. One that was released never changes.
var migrations = []string{`
CREATE TABLE account (
	name     TEXT PRIMARY KEY,
	handle   BLOB NOT NULL UNIQUE, -- random: what passkeys call the account
	password TEXT NOT NULL DEFAULT '',
	totp     BLOB,                 -- secret; NULL: none
	counter  INTEGER NOT NULL DEFAULT 0, -- of the last one-time code that was taken
	lang     TEXT NOT NULL DEFAULT '',
	disabled INTEGER NOT NULL DEFAULT 0,
	made_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE role (
	account TEXT NOT NULL REFERENCES account(name),
	tenant  TEXT NOT NULL,
	role    TEXT NOT NULL,
	PRIMARY KEY (account, tenant, role)
) STRICT;
CREATE TABLE passkey (
	id         BLOB PRIMARY KEY,
	account    TEXT NOT NULL REFERENCES account(name),
	name       TEXT NOT NULL,
	credential TEXT NOT NULL, -- JSON of webauthn.Credential
	made_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE invitation (
	hash    BLOB PRIMARY KEY, -- SHA-256 of the code in the link
	account TEXT NOT NULL,    -- empty: the guest chooses a name
	roles   TEXT NOT NULL,
	until   INTEGER NOT NULL,
	by      TEXT NOT NULL
) STRICT;
CREATE TABLE session (
	hash    BLOB PRIMARY KEY, -- SHA-256 of the cookie
	account TEXT NOT NULL REFERENCES account(name),
	csrf    TEXT NOT NULL,
	address TEXT NOT NULL,
	method  TEXT NOT NULL,
	made_at INTEGER NOT NULL,
	seen_at INTEGER NOT NULL
) STRICT;
CREATE TABLE token (
	hash    BLOB PRIMARY KEY,
	account TEXT NOT NULL REFERENCES account(name),
	name    TEXT NOT NULL,
	actions TEXT NOT NULL, -- with commas between; at most what the account may
	until   INTEGER NOT NULL,
	made_at INTEGER NOT NULL,
	UNIQUE (account, name)
) STRICT;
`, `
CREATE TABLE promise (
	id   INTEGER PRIMARY KEY,
	body TEXT NOT NULL -- the event that says of a change that it is made
) STRICT;
`}

// Open opens the database, or makes it.
func Open(ctx context.Context, cfg Config) (*Accounts, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: cfg.Path}).EscapedPath()}
	db, err := sql.Open("sqlite", u.String()+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open accounts %s: %w", cfg.Path, err)
	}
	db.SetMaxOpenConns(4)
	a := &Accounts{Config: cfg, db: db, hash: strong}
	if cfg.Cheap {
		a.hash = cheap
	}
	if err := a.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open accounts %s: %w", cfg.Path, err), db.Close())
	}
	if a.passkeys, err = newPasskeys(cfg.Origin); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// Copy writes a copy of the accounts into a new file, for a backup; from may be
// in use. Who is logged in stays out of it, so that a restored console knows
// none of the sessions that ended meanwhile.
func Copy(ctx context.Context, from, to string) (err error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: from}).EscapedPath()}
	if err := within(ctx, u.String()+"?_pragma=busy_timeout(5000)&mode=rw", "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy accounts %s: %w", from, err)
	}
	u.Opaque = (&url.URL{Path: to}).EscapedPath()
	if err := within(ctx, u.String()+"?_pragma=secure_delete(1)", "DELETE FROM session"); err != nil {
		return fmt.Errorf("copy accounts %s: %w", from, err)
	}
	return nil
}

// within runs one statement in a database of its own.
func within(ctx context.Context, dsn, statement string, args ...any) error {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, args...)
	return errors.Join(err, db.Close())
}

func (a *Accounts) migrate(ctx context.Context) error {
	var done int
	if err := a.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&done); err != nil {
		return err
	}
	if done > len(migrations) {
		return fmt.Errorf("a newer version of sekisho made it (%d migrations, this one knows %d)", done, len(migrations))
	}
	for i := done; i < len(migrations); i++ {
		tx, err := a.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, migrations[i]+fmt.Sprintf("PRAGMA user_version = %d", i+1))
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the database.
func (a *Accounts) Close() error {
	a.uses.close()
	return a.db.Close()
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// secret returns 256 random bits as text, and what the database keeps of them.
func (a *Accounts) secret() (text string, hash []byte, err error) {
	var raw [32]byte
	if _, err := io.ReadFull(a.Rand, raw[:]); err != nil {
		return "", nil, err
	}
	text = base64.RawURLEncoding.EncodeToString(raw[:])
	return text, digest(text), nil
}

// digest is what is kept of a secret with 256 random bits: no salt or cost is
// needed for what nobody can guess.
func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// source is who wrote an event.
func source(by string) event.Source { return event.Source("person/" + by) }

// one runs a statement that must change exactly one row.
func one(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n != 1 {
		return ErrUnknown
	}
	return err
}
