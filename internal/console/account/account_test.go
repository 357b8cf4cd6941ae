package account

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

// office is a database of accounts with a clock and what was recorded.
type office struct {
	*Accounts
	mu     sync.Mutex
	now    time.Time
	events []event.Body
	by     []event.Source
	fail   error
}

// numbered gives different bytes each time, the same in every run.
type numbered struct {
	mu sync.Mutex
	n  uint64
}

func (r *numbered) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		if i%8 == 0 {
			r.n++
		}
		p[i] = byte(r.n >> (i % 8 * 8))
	}
	return len(p), nil
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)}
	var err error
	o.Accounts, err = Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "accounts.db"), Tenant: "agency", Origin: "http://localhost:8600", Cheap: true,
		Now: func() time.Time { o.mu.Lock(); defer o.mu.Unlock(); return o.now }, Rand: io.Reader(&numbered{}),
		Record: func(_ context.Context, by event.Source, bodies ...event.Body) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.fail != nil {
				return o.fail
			}
			for _, b := range bodies {
				o.events, o.by = append(o.events, b), append(o.by, by)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

const password = "mada mienai yama"

// join accepts an invitation and returns the key for codes.
func (o *office) join(t testing.TB, code, name string) Key {
	t.Helper()
	key, err := o.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Accept(t.Context(), code, Welcome{Name: name, Password: password, Key: key, Code: o.code(key)}); err != nil {
		t.Fatal(err)
	}
	o.pass(totpStep)
	return key
}

func (o *office) code(k Key) string { return hotp(k, uint64(o.Now().Unix()/30)) }

// officer makes the first account by the first link.
func (o *office) officer(t testing.TB) Key {
	t.Helper()
	code, err := o.FirstRun(t.Context())
	if err != nil || code == "" {
		t.Fatal(code, err)
	}
	return o.join(t, code, "ayame")
}

// TestFirstRun: the link works once, until somebody is there, and the newest
// link ends the one before.
func TestFirstRun(t *testing.T) {
	o := newOffice(t)
	old, err := o.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := o.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Invited(t.Context(), old); !errors.Is(err, ErrUnknown) {
		t.Errorf("the older link still works: %v", err)
	}
	o.join(t, code, "ayame")
	if _, err := o.Invited(t.Context(), code); !errors.Is(err, ErrUnknown) {
		t.Errorf("a used link still works: %v", err)
	}
	if again, err := o.FirstRun(t.Context()); err != nil || again != "" {
		t.Errorf("another first link: %q, %v", again, err)
	}
	if n, err := o.Count(t.Context()); err != nil || n != 1 {
		t.Errorf("%d accounts, %v", n, err)
	}
	u, err := o.User(t.Context(), "ayame")
	if err != nil || !u.May(Users, "agency") || u.May(Users, "other") || !u.Password {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestInvitationsAge(t *testing.T) {
	o := newOffice(t)
	code, err := o.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.pass(inviteLife + time.Second)
	if _, err := o.Invited(t.Context(), code); !errors.Is(err, ErrUnknown) {
		t.Errorf("an old link works: %v", err)
	}
}

// TestAcceptRefuses: names, passwords and codes.
func TestAcceptRefuses(t *testing.T) {
	o := newOffice(t)
	code, err := o.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := o.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password, totp string
		want                 error
	}{
		{"Ayame", password, o.code(key), ErrName},
		{"a b", password, o.code(key), ErrName},
		{"", password, o.code(key), ErrName},
		{strings.Repeat("a", 65), password, o.code(key), ErrName},
		{"../x", password, o.code(key), ErrName},
		{"ayame", "short", o.code(key), ErrWeak},
		{"ayame", "passwordpassword", o.code(key), ErrWeak},
		{"ayame", "zzzzzzzzzzzzzzzz", o.code(key), ErrWeak},
		{"ayame", "ayameayame2026", o.code(key), ErrWeak},
		{"ayame", strings.Repeat("ab", 200), o.code(key), ErrWeak},
		{"ayame", password, "000000", ErrCode},
		{"ayame", password, "", ErrCode},
	} {
		if _, err := o.Accept(t.Context(), code, Welcome{Name: tt.name, Password: tt.password, Key: key, Code: tt.totp}); !errors.Is(err, tt.want) {
			t.Errorf("%q %q: %v, want %v", tt.name, tt.password, err, tt.want)
		}
	}
	if any, err := o.Any(t.Context()); any || err != nil {
		t.Errorf("an account was made: %v, %v", any, err)
	}
}

// TestLogin: what enters, what does not, and what is recorded.
func TestLogin(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	good := o.code(key)
	for _, tt := range []struct{ name, password, code, reason string }{
		{"ayame", "mada mienai kawa", good, "password"},
		{"ayame", password, "123456", "code"},
		{"ayame", password, "", "code"},
		{"nobody", password, good, "account"},
		{"", "", "", "account"},
	} {
		o.events = nil
		cookie, err := o.Login(t.Context(), tt.name, tt.password, tt.code, "192.0.2."+tt.reason)
		if !errors.Is(err, ErrWrong) || cookie != "" {
			t.Errorf("%+v: %v", tt, err)
		}
		want := []event.Body{&event.Login{Step: "failed", Account: tt.name, Method: "password", Address: "192.0.2." + tt.reason, Reason: tt.reason}}
		if tt.reason == "account" {
			want[0].(*event.Login).Account = "" // somebody's password in the wrong field
		}
		if diff := cmp.Diff(want, o.events); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
	}
	cookie, err := o.Login(t.Context(), "ayame", password, good, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Session(t.Context(), cookie)
	if err != nil || s.User.Name != "ayame" || len(s.CSRF) < 40 {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := o.Login(t.Context(), "ayame", password, good, "192.0.2.1"); !errors.Is(err, ErrWrong) {
		t.Errorf("a code counted twice: %v", err)
	}
	o.pass(totpStep)
	second, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1")
	if err != nil || second == cookie {
		t.Fatalf("a session was not new: %v", err)
	}
	if err := o.Logout(t.Context(), s, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Session(t.Context(), cookie); !errors.Is(err, ErrUnknown) {
		t.Errorf("a session lives on after its end: %v", err)
	}
	if _, err := o.Session(t.Context(), second); err != nil {
		t.Errorf("the other session ended: %v", err)
	}
}

// TestPlanted: a cookie that the server did not make is nobody's, before and
// after somebody entered.
func TestPlanted(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	for _, planted := range []string{"", "x", strings.Repeat("A", 43)} {
		if _, err := o.Session(t.Context(), planted); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", planted, err)
		}
	}
	if _, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Session(t.Context(), strings.Repeat("A", 43)); !errors.Is(err, ErrUnknown) {
		t.Error("a planted cookie became a session")
	}
}

func TestSessionsEnd(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	enter := func() string {
		t.Helper()
		cookie, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		o.pass(totpStep)
		return cookie
	}
	idle := enter()
	o.pass(sessionIdle + time.Second)
	if _, err := o.Session(t.Context(), idle); !errors.Is(err, ErrUnknown) {
		t.Errorf("idle: %v", err)
	}
	used := enter()
	begun := o.Now()
	for o.Now().Sub(begun) < sessionLife+sessionIdle {
		o.pass(sessionIdle - time.Minute)
		_, err := o.Session(t.Context(), used)
		if want := o.Now().Sub(begun) < sessionLife; (err == nil) != want {
			t.Errorf("a session that is used, after %s: %v", o.Now().Sub(begun), err)
		}
	}
}

// TestGuessing: after five failures each further one waits longer, for the
// account from anywhere and for the address at any account; the right password
// does not help while waiting.
func TestGuessing(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	for i := range freeFailures {
		if _, err := o.Login(t.Context(), "ayame", "wrong wrong wrong", "000000", "192.0.2.9"); !errors.Is(err, ErrWrong) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if _, err := o.Login(t.Context(), "ayame", password, o.code(key), "198.51.100.1"); !errors.Is(err, ErrSlow) {
		t.Errorf("the account does not wait: %v", err)
	}
	if _, err := o.Login(t.Context(), "other", password, "000000", "192.0.2.9"); !errors.Is(err, ErrSlow) {
		t.Errorf("the address does not wait: %v", err)
	}
	if last := o.events[len(o.events)-1].(*event.Login); last.Step != "slowed" {
		t.Errorf("recorded %+v", last)
	}
	tries, begun := 0, o.Now()
	for o.Now().Sub(begun) < time.Hour {
		if _, err := o.Login(t.Context(), "ayame", "wrong wrong wrong", "000000", "192.0.2.9"); errors.Is(err, ErrWrong) {
			tries++
		}
		o.pass(time.Second)
	}
	if tries > 14 {
		t.Errorf("%d guesses in an hour", tries)
	}
	o.pass(longestWait)
	if _, err := o.Login(t.Context(), "ayame", password, o.code(key), "198.51.100.1"); err != nil {
		t.Errorf("the owner stays outside: %v", err)
	}
	o.pass(totpStep)
	if _, err := o.Login(t.Context(), "ayame", password, o.code(key), "198.51.100.1"); err != nil {
		t.Errorf("once inside it is forgiven: %v", err)
	}
}

func TestAttemptsBounded(t *testing.T) {
	var a attempts
	at := time.Unix(0, 0)
	for i := range maxTracked + 10 {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(i))
		a.failed(at, string(b[:]))
		if i >= maxTracked-2 {
			at = at.Add(time.Second)
		}
	}
	if len(a.fail) > maxTracked {
		t.Errorf("%d are tracked", len(a.fail))
	}
}

// TestRoles: changed by somebody, at one tenant only; the last officer stays.
func TestRoles(t *testing.T) {
	o := newOffice(t)
	o.officer(t)
	code, err := o.Invite(t.Context(), "ayame", "ren", []Role{CSIRT})
	if err != nil {
		t.Fatal(err)
	}
	o.join(t, code, "ignored")
	if err := o.SetRoles(t.Context(), "ren", "ayame", "agency", []Role{Viewer}); !errors.Is(err, ErrLast) {
		t.Errorf("nobody is officer any more: %v", err)
	}
	if err := o.SetDisabled(t.Context(), "ren", "ayame", true); !errors.Is(err, ErrLast) {
		t.Errorf("nobody can enter as officer any more: %v", err)
	}
	if err := o.SetRoles(t.Context(), "ayame", "ren", "agency", []Role{"king"}); !errors.Is(err, ErrRole) {
		t.Errorf("king: %v", err)
	}
	if err := o.SetRoles(t.Context(), "ayame", "ren", "other", []Role{Viewer}); err != nil {
		t.Fatal(err)
	}
	if err := o.SetRoles(t.Context(), "ayame", "ren", "agency", []Role{Officer, Auditor}); err != nil {
		t.Fatal(err)
	}
	u, err := o.User(t.Context(), "ren")
	if want := []Grant{{"agency", Auditor}, {"agency", Officer}, {"other", Viewer}}; err != nil || !slices.Equal(u.Roles, want) {
		t.Errorf("%v, %v; want %v", u.Roles, err, want)
	}
	last := o.events[len(o.events)-1].(*event.Account)
	if want := []string{"agency/auditor", "agency/officer", "other/viewer"}; !slices.Equal(last.Roles, want) || last.By != "ayame" {
		t.Errorf("recorded %+v", last)
	}
	if err := o.SetDisabled(t.Context(), "ren", "ayame", true); err != nil {
		t.Errorf("with two officers one can go: %v", err)
	}
}

// TestDisabled: sessions and tokens end at once.
func TestDisabled(t *testing.T) {
	o := newOffice(t)
	o.officer(t)
	code, err := o.Invite(t.Context(), "ayame", "ren", []Role{CSIRT})
	if err != nil {
		t.Fatal(err)
	}
	key := o.join(t, code, "")
	cookie, err := o.Login(t.Context(), "ren", password, o.code(key), "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Session(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	token, err := o.NewToken(t.Context(), s.User, "ci", []Action{See, Ask}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.SetDisabled(t.Context(), "ayame", "ren", true); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Session(t.Context(), cookie); !errors.Is(err, ErrUnknown) {
		t.Errorf("session: %v", err)
	}
	if _, _, err := o.Bearer(t.Context(), token, "192.0.2.9"); !errors.Is(err, ErrUnknown) {
		t.Errorf("token: %v", err)
	}
	o.pass(totpStep)
	if _, err := o.Login(t.Context(), "ren", password, o.code(key), "192.0.2.1"); !errors.Is(err, ErrWrong) {
		t.Errorf("login: %v", err)
	}
}

// TestTokens: never more than the account may, never for ever, never for looks
// and accounts.
func TestTokens(t *testing.T) {
	o := newOffice(t)
	o.officer(t)
	u, err := o.User(t.Context(), "ayame")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		actions []Action
		life    time.Duration
	}{{"x", nil, time.Hour}, {"x", []Action{"fly"}, time.Hour}, {"x", []Action{Users}, time.Hour}, {"x", []Action{MakeToken}, time.Hour},
		{"x", []Action{Look}, time.Hour}, {"x", []Action{See}, 0}, {"x", []Action{See}, longestToken + 1}, {"X Y", []Action{See}, time.Hour}} {
		if _, err := o.NewToken(t.Context(), u, tt.name, tt.actions, tt.life); !errors.Is(err, ErrToken) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	token, err := o.NewToken(t.Context(), u, "ci", []Action{See, Ask}, time.Hour)
	if err != nil || !strings.HasPrefix(token, tokenPrefix) {
		t.Fatal(token, err)
	}
	if _, err := o.NewToken(t.Context(), u, "ci", []Action{See}, time.Hour); !errors.Is(err, ErrTaken) {
		t.Errorf("a second of the name: %v", err)
	}
	who, actions, err := o.Bearer(t.Context(), token, "192.0.2.9")
	if err != nil || who.Name != "ayame" || !slices.Equal(actions, []Action{See, Ask}) {
		t.Errorf("%v %v %v", who, actions, err)
	}
	o.pass(2 * time.Hour)
	if _, _, err := o.Bearer(t.Context(), token, "192.0.2.9"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an old token: %v", err)
	}
	if err := o.EndToken(t.Context(), "ayame", "ayame", "ci"); err != nil {
		t.Error(err)
	}
	if all, err := o.Tokens(t.Context(), "ayame"); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
}

// TestRecordedFirst: what cannot be recorded does not happen.
func TestRecordedFirst(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	u, err := o.User(t.Context(), "ayame")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	o.fail = full
	for name, act := range map[string]func() error{
		"login":  func() error { _, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1"); return err },
		"invite": func() error { _, err := o.Invite(t.Context(), "ayame", "ren", []Role{Viewer}); return err },
		"roles":  func() error { return o.SetRoles(t.Context(), "ayame", "ayame", "agency", []Role{Officer}) },
		"token": func() error {
			_, err := o.NewToken(t.Context(), u, "ci", []Action{See}, time.Hour)
			return err
		},
	} {
		if err := act(); !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.fail = nil
	after, err := o.User(t.Context(), "ayame")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u, after); diff != "" {
		t.Errorf("the account changed:\n%s", diff)
	}
	var sessions int
	if err := o.db.QueryRowContext(t.Context(), "SELECT count(*) FROM session").Scan(&sessions); err != nil || sessions != 0 {
		t.Errorf("%d sessions, %v", sessions, err)
	}
}
