package account

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sekisho/internal/event"
)

// ErrPasskeys is returned when passkeys are off: the console's address has no
// host name to bind them to.
var ErrPasskeys = errors.New("passkeys are off: the console's address has no host name")

// ceremonyLife is how long a browser may take for a passkey.
const ceremonyLife = 5 * time.Minute

// maxCeremonies bounds those under way.
const maxCeremonies = 1000

// passkeys are the ceremonies under way (WebAuthn Level 3, section 7).
type passkeys struct {
	w  *webauthn.WebAuthn
	mu sync.Mutex
	on map[string]*webauthn.SessionData
}

// newPasskeys returns nil when the origin has no host name.
func newPasskeys(origin string) (*passkeys, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return nil, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Sekisho", RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return &passkeys{w: w, on: map[string]*webauthn.SessionData{}}, nil
}

// keep remembers a ceremony until take.
func (p *passkeys) keep(id string, s *webauthn.SessionData, now time.Time) error {
	s.Expires = now.Add(ceremonyLife)
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, old := range p.on {
		if old.Expires.Before(now) {
			delete(p.on, key)
		}
	}
	if len(p.on) >= maxCeremonies {
		return ErrSlow
	}
	p.on[id] = s
	return nil
}

func (p *passkeys) take(id string, now time.Time) (webauthn.SessionData, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.on[id]
	delete(p.on, id)
	if s == nil || s.Expires.Before(now) {
		return webauthn.SessionData{}, ErrUnknown
	}
	return *s, nil
}

// HasPasskeys reports whether passkeys can be used at all.
func (a *Accounts) HasPasskeys() bool { return a.passkeys != nil }

// bearer is an account as webauthn sees it.
type bearer struct {
	name        string
	handle      []byte
	credentials []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (b *bearer) WebAuthnID() []byte { return b.handle }

// WebAuthnName implements webauthn.User.
func (b *bearer) WebAuthnName() string { return b.name }

// WebAuthnDisplayName implements webauthn.User.
func (b *bearer) WebAuthnDisplayName() string { return b.name }

// WebAuthnCredentials implements webauthn.User.
func (b *bearer) WebAuthnCredentials() []webauthn.Credential { return b.credentials }

func (a *Accounts) bearer(ctx context.Context, where string, key any) (*bearer, error) {
	b := &bearer{}
	err := a.db.QueryRowContext(ctx, "SELECT name, handle FROM account WHERE disabled = 0 AND "+where+" = ?", key).Scan(&b.name, &b.handle)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(ctx, "SELECT credential FROM passkey WHERE account = ?", b.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var c webauthn.Credential
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, fmt.Errorf("passkey of %s: %w", b.name, err)
		}
		b.credentials = append(b.credentials, c)
	}
	return b, rows.Err()
}

// AddPasskey begins the making of a passkey: options go to the browser, id is
// told again to FinishPasskey.
func (a *Accounts) AddPasskey(ctx context.Context, s *Session) (id string, options []byte, err error) {
	if a.passkeys == nil {
		return "", nil, ErrPasskeys
	}
	b, err := a.bearer(ctx, "name", s.User.Name)
	if err != nil {
		return "", nil, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range b.credentials {
		known = append(known, c.Descriptor())
	}
	creation, data, err := a.passkeys.w.BeginRegistration(b, webauthn.WithExclusions(known))
	if err != nil {
		return "", nil, fmt.Errorf("passkey: %w", err)
	}
	return a.ceremony(creation, data)
}

func (a *Accounts) ceremony(v any, data *webauthn.SessionData) (id string, options []byte, err error) {
	if id, _, err = a.secret(); err != nil {
		return "", nil, err
	}
	if err := a.passkeys.keep(id, data, a.Now()); err != nil {
		return "", nil, err
	}
	options, err = json.Marshal(v)
	return id, options, err
}

// FinishPasskey takes what the browser made.
func (a *Accounts) FinishPasskey(ctx context.Context, s *Session, id, name string, answer []byte) error {
	if a.passkeys == nil {
		return ErrPasskeys
	}
	data, err := a.passkeys.take(id, a.Now())
	if err != nil {
		return err
	}
	b, err := a.bearer(ctx, "name", s.User.Name)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return errors.Join(ErrWrong, err)
	}
	c, err := a.passkeys.w.CreateCredential(b, data, parsed)
	if err != nil {
		return errors.Join(ErrWrong, err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if !nameForm.MatchString(name) {
		name = fmt.Sprintf("passkey-%d", len(b.credentials)+1)
	}
	return a.change(ctx, source(b.name), &event.Account{Step: "passkey", Account: b.name, Name: name, By: b.name}, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO passkey VALUES (?, ?, ?, ?, ?)", c.ID, b.name, name, string(text), a.Now().UnixNano())
		return err
	})
}

// RemovePasskey takes a passkey from an account, which keeps its password.
func (a *Accounts) RemovePasskey(ctx context.Context, by, name string, id []byte) error {
	return a.change(ctx, source(by), &event.Account{Step: "passkey-removed", Account: name, By: by}, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, "DELETE FROM passkey WHERE account = ? AND id = ?", name, id))
	})
}

// AskPasskey begins a login with a passkey of any account.
func (a *Accounts) AskPasskey() (id string, options []byte, err error) {
	if a.passkeys == nil {
		return "", nil, ErrPasskeys
	}
	assertion, data, err := a.passkeys.w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", nil, fmt.Errorf("passkey: %w", err)
	}
	return a.ceremony(assertion, data)
}

// LoginPasskey ends a login with a passkey and begins a session, as Login does.
func (a *Accounts) LoginPasskey(ctx context.Context, id string, answer []byte, address string) (cookie string, err error) {
	if a.passkeys == nil {
		return "", ErrPasskeys
	}
	if a.attempts.wait(a.Now(), "address "+address) > 0 {
		return "", errors.Join(ErrSlow, a.login(ctx, "slowed", "", "passkey", address, ""))
	}
	name, err := a.proved(ctx, id, answer)
	if err != nil {
		a.attempts.failed(a.Now(), "address "+address)
		return "", errors.Join(ErrWrong, a.login(ctx, "failed", name, "passkey", address, "passkey"))
	}
	return a.begin(ctx, name, "passkey", address)
}

// proved returns whose passkey signed.
func (a *Accounts) proved(ctx context.Context, id string, answer []byte) (string, error) {
	data, err := a.passkeys.take(id, a.Now())
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", err
	}
	var b *bearer
	_, c, err := a.passkeys.w.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		var err error
		b, err = a.bearer(ctx, "handle", bytes.Clone(handle))
		return b, err
	}, data, parsed)
	if err != nil {
		return "", err
	}
	if c.Authenticator.CloneWarning {
		return b.name, errors.New("the passkey's counter went back: it may be a copy")
	}
	text, err := json.Marshal(c)
	if err != nil {
		return b.name, err
	}
	return b.name, one(a.db.ExecContext(ctx, "UPDATE passkey SET credential = ? WHERE id = ?", string(text), c.ID))
}
