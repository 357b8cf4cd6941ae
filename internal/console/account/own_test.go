package account

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

// TestOwnSessions: somebody sees their own sessions and no others', ends one, and
// all but the one that asks; each end is an event.
func TestOwnSessions(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	var cookies []string
	for range 3 {
		cookie, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, cookie)
		o.pass(totpStep)
	}
	mine, err := o.Session(t.Context(), cookies[2])
	if err != nil {
		t.Fatal(err)
	}
	all, err := o.Entries(t.Context(), mine)
	if err != nil || len(all) != 3 || !all[0].Mine || all[1].Mine || all[0].Method != "password" || all[0].Address != "192.0.2.1" {
		t.Fatalf("%+v, %v", all, err)
	}
	other := &Session{User: &User{Name: "ren"}}
	if err := o.EndEntries(t.Context(), other, all[1].ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("another ends it: %v", err)
	}
	if all, err := o.Entries(t.Context(), other); err != nil || len(all) != 0 {
		t.Errorf("another sees %+v, %v", all, err)
	}
	o.events = nil
	const stays = "CREATE TRIGGER stays BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'it stays'); END"
	if _, err := o.db.ExecContext(t.Context(), stays); err != nil {
		t.Fatal(err)
	}
	if err := o.EndEntries(t.Context(), mine, all[2].ID); err == nil || len(o.events) != 0 {
		t.Errorf("a session that could not be ended: %v, %+v", err, o.events)
	}
	if _, err := o.db.ExecContext(t.Context(), "DROP TRIGGER stays"); err != nil {
		t.Fatal(err)
	}
	o.fail = errors.New("the disk is full")
	if err := o.EndEntries(t.Context(), mine, all[2].ID); !errors.Is(err, o.fail) {
		t.Errorf("an end that could not be recorded: %v", err)
	}
	o.fail = nil
	if left, err := o.Entries(t.Context(), mine); err != nil || len(left) != 3 {
		t.Errorf("not recorded and ended: %+v, %v", left, err)
	}
	if err := o.EndEntries(t.Context(), mine, all[2].ID); err != nil {
		t.Fatal(err)
	}
	if l, ok := o.events[0].(*event.Login); len(o.events) != 1 || !ok || l.Step != "ended" || l.Account != "ayame" {
		t.Errorf("%+v", o.events)
	}
	if err := o.EndEntries(t.Context(), mine, ""); err != nil {
		t.Fatal(err)
	}
	for i, cookie := range cookies {
		if _, err := o.Session(t.Context(), cookie); (err == nil) != (i == 2) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	o.pass(sessionIdle + 1)
	if all, err := o.Entries(t.Context(), mine); err != nil || len(all) != 0 {
		t.Errorf("one that lets nobody in is listed: %+v, %v", all, err)
	}
}

// TestRenew: password and one-time codes change by what they were, guarded as a
// login is; all other sessions end.
func TestRenew(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	enter := func(pass string, k Key) (string, error) {
		o.pass(totpStep)
		return o.Login(t.Context(), "ayame", pass, o.code(k), "192.0.2.1")
	}
	first, err := enter(password, key)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := enter(password, key)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := o.Session(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	const next = "toki no nagare no"
	o.pass(totpStep)
	fresh, err := o.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		r    Renewal
		want error
	}{
		{Renewal{Password: password, Code: o.code(key), New: "short"}, ErrWeak},
		{Renewal{Password: "wrong wrong wrong", Code: o.code(key), New: next}, ErrWrong},
		{Renewal{Password: password, Code: "000000", New: next}, ErrWrong},
		{Renewal{Password: password, Code: o.code(key), Key: fresh, KeyCode: "000000"}, ErrCode},
	} {
		if err := o.Renew(t.Context(), mine, tt.r, "192.0.2.1"); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt.r, err)
		}
	}
	o.events = nil
	if err := o.Renew(t.Context(), mine, Renewal{Password: password, Code: o.code(key), New: next}, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if a, ok := o.events[0].(*event.Account); !ok || a.Step != "password" || a.Account != "ayame" {
		t.Errorf("%+v", o.events)
	}
	if _, err := o.Session(t.Context(), first); !errors.Is(err, ErrUnknown) {
		t.Errorf("another session lives on: %v", err)
	}
	if _, err := o.Session(t.Context(), cookie); err != nil {
		t.Errorf("the one that asked ended: %v", err)
	}
	if _, err := enter(password, key); !errors.Is(err, ErrWrong) {
		t.Errorf("the old password enters: %v", err)
	}
	o.pass(totpStep)
	if err := o.Renew(t.Context(), mine, Renewal{Password: next, Code: o.code(key), Key: fresh, KeyCode: o.code(fresh)}, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := enter(next, key); !errors.Is(err, ErrWrong) {
		t.Errorf("the old codes enter: %v", err)
	}
	if _, err := enter(next, fresh); err != nil {
		t.Errorf("the new ones do not: %v", err)
	}
	o.pass(totpStep)
	o.events = nil
	if err := o.Renew(t.Context(), mine, Renewal{Password: next, Code: o.code(fresh), New: password, Key: key, KeyCode: o.code(key)}, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, b := range o.events {
		steps = append(steps, b.(*event.Account).Step)
	}
	if !slices.Equal(steps, []string{"totp", "password"}) {
		t.Errorf("password and codes were changed, recorded is %q", steps)
	}
	if err := o.Settle(t.Context()); err != nil || len(o.events) != 2 {
		t.Errorf("%+v, %v", o.events, err)
	}
	if _, err := enter(password, key); err != nil {
		t.Errorf("both new do not enter: %v", err)
	}
}

// TestUsers: the list of accounts is what each account is by itself, and costs no
// question of the database for each.
func TestUsers(t *testing.T) {
	o := newOffice(t)
	grow := func(n int) {
		err := o.write(t.Context(), func(tx *sql.Tx) error {
			for i := range n {
				name := fmt.Sprintf("u%d-%d", n, i)
				roles := []Grant{{"agency", CSIRT}, {"agency", Officer}, {"other", Officer}}[:i%4]
				if err := o.insert(t.Context(), tx, name, []string{"", "hash"}[i%2], nil, 0, roles); err != nil {
					return err
				}
				for k := range i % 3 {
					if _, err := tx.ExecContext(t.Context(), "INSERT INTO passkey (id, account, name, credential, made_at) VALUES (?, ?, ?, ?, ?)",
						[]byte(fmt.Sprint(name, k)), name, fmt.Sprint("key ", 9-k), "{}", 7); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func() []*User {
		all, err := o.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := list(); all == nil || len(all) != 0 {
		t.Errorf("nobody is %v", all)
	}
	grow(8)
	for i, u := range list() {
		if u.Name != fmt.Sprintf("u8-%d", i) || u.Password != (i%2 == 1) || len(u.Roles) != i%4 || len(u.Passkeys) != i%3 {
			t.Errorf("account %d is %+v", i, u)
		}
		if len(u.Roles) == 3 && !slices.Equal(u.Roles, []Grant{{"agency", CSIRT}, {"agency", Officer}, {"other", Officer}}) || len(u.Passkeys) == 2 && u.Passkeys[0].Name != "key 8" {
			t.Errorf("account %d in another order: %+v", i, u)
		}
		one, err := o.User(t.Context(), u.Name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, u); d != "" {
			t.Error(d)
		}
	}
	few := testing.AllocsPerRun(5, func() { list() })
	grow(40)
	if each := (testing.AllocsPerRun(5, func() { list() }) - few) / 40; each > 60 { // a question takes about 100
		t.Errorf("%.0f allocations for each account", each)
	}
	if _, err := o.User(t.Context(), "nobody"); !errors.Is(err, ErrUnknown) {
		t.Errorf("nobody: %v", err)
	}
}

// TestUsed: that a session is used is known at once and written down behind the
// page, which does not wait for the disk; the last of several uses stays.
func TestUsed(t *testing.T) {
	o := newOffice(t)
	key := o.officer(t)
	cookie, err := o.Login(t.Context(), "ayame", password, o.code(key), "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := o.db.BeginTx(t.Context(), nil) // nobody else can write
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // longer than a session lasts that nobody uses
		o.pass(sessionIdle - time.Minute)
		if _, err := o.Session(t.Context(), cookie); err != nil {
			t.Fatalf("used meanwhile: %v", err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	o.uses.wait.Wait()
	if n := len(o.uses.at); n != 0 {
		t.Errorf("%d uses are still being written", n)
	}
	var seen int64
	if err := o.db.QueryRow("SELECT seen_at FROM session WHERE account = 'ayame'").Scan(&seen); err != nil || seen != o.Now().UnixNano() {
		t.Errorf("seen at %d, %v, want the last use at %d", seen, err, o.Now().UnixNano())
	}
	o.pass(sessionIdle + 1)
	if _, err := o.Session(t.Context(), cookie); !errors.Is(err, ErrUnknown) {
		t.Errorf("not used for long: %v", err)
	}
}
