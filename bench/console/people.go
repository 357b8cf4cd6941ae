package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/account"
	"sekisho/internal/event"
)

const password = "mada mienai yama"

// person is somebody with an account, who entered.
type person struct {
	Name    string
	Key     []byte // of one-time codes
	Cookie  string
	Entered time.Time
}

// stale is after how long somebody enters again: a session ends after two hours
// without use.
const stale = time.Hour

// enter makes the accounts that are missing, and lets in whoever entered long
// ago.
func (l *lab) enter(ctx context.Context, c *config.Config) (err error) {
	n := l.o.users + 1
	if len(l.kept.People) >= n && time.Since(l.kept.People[0].Entered) < stale {
		return nil
	}
	begin := time.Now()
	f, err := openLedger(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a, err := account.Open(ctx, account.Config{Path: filepath.Join(c.Data, "accounts.db"), Tenant: c.Tenant, Origin: l.origin, Now: time.Now,
		Record: func(_ context.Context, by event.Source, bodies ...event.Body) error {
			return f.write(time.Now().UnixNano(), by, bodies...)
		}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for i := range n {
		if i == len(l.kept.People) {
			p, err := join(ctx, a, i)
			if err != nil {
				return err
			}
			l.kept.People = append(l.kept.People, p)
		}
		p := l.kept.People[i]
		if p.Cookie, err = a.Login(ctx, p.Name, password, oneTime(p.Key, uint64(time.Now().Unix()/30)), "127.0.0.1"); err != nil {
			return err
		}
		p.Entered = time.Now()
		if err := l.note(); err != nil {
			return err
		}
	}
	fmt.Printf("# %d people entered in %v\n", n, time.Since(begin).Round(time.Second))
	return nil
}

// join makes an account, the first one as the link of the first start does.
func join(ctx context.Context, a *account.Accounts, i int) (*person, error) {
	name, code := fmt.Sprintf("user%d", i), ""
	var err error
	if i == 0 {
		code, err = a.FirstRun(ctx)
	} else {
		code, err = a.Invite(ctx, "user0", name, []account.Role{account.CSIRT})
	}
	if err != nil {
		return nil, err
	}
	key, err := a.NewKey()
	if err != nil {
		return nil, err
	}
	name, err = a.Accept(ctx, code, account.Welcome{Name: name, Password: password, Key: key, Code: oneTime(key, uint64(time.Now().Unix()/30)-1)})
	return &person{Name: name, Key: key}, err
}

// oneTime is a code of RFC 4226.
func oneTime(key []byte, counter uint64) string {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
