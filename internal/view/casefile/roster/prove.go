package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Caller is what the process knows of whoever asks.
type Caller struct {
	Account string // name of the account on the other end; empty when unknown
	Number  string // its number; empty when unknown
	Key     string // content of the key file that was shown; empty for none
	Console string // account of the console that entered; empty when it was not the console
}

// How a person was known, as events say it.
const (
	ByAccount = "os-user"
	ByKey     = "key"
	ByConsole = "console"
)

// ErrNotYou is returned when an account or a key is somebody else's, or when
// somebody who has one did not show it.
var ErrNotYou = errors.New("the account or key is not that person's")

// KeySum returns what key_sha256 holds for a key.
func KeySum(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Prove says how the caller is known to be the person by: ByConsole, ByKey, ByAccount, or
// empty when the name was only typed, which is possible only for people who
// have neither and from an account that is nobody's. It fails with ErrNotYou.
func (r *Roster) Prove(by string, caller Caller) (string, error) {
	p := r.Person(by)
	if caller.Console != "" { // its accounts have the names of persons
		if caller.Console != by {
			return "", ErrNotYou
		}
		return ByConsole, nil
	}
	if caller.Key != "" {
		if owner := r.only(func(q *Person) bool { return q.KeySHA256 != "" && q.KeySHA256 == KeySum(caller.Key) }); owner == nil || owner != p {
			return "", ErrNotYou
		}
		return ByKey, nil
	}
	owner := r.only(func(q *Person) bool {
		return q.User != "" && (q.User == caller.Account || q.User == caller.Number)
	})
	switch {
	case owner != nil && owner == p:
		return ByAccount, nil
	case p == nil: // a stranger who reports something
		return "", nil
	case owner != nil || p.User != "" || p.KeySHA256 != "":
		return "", ErrNotYou
	}
	return "", nil
}

// only returns the one person for whom f holds, nil for none or several: people
// who share an account cannot be told apart.
func (r *Roster) only(f func(*Person) bool) *Person {
	var found *Person
	if r == nil {
		return nil
	}
	for i := range r.People {
		if f(&r.People[i]) {
			if found != nil {
				return nil
			}
			found = &r.People[i]
		}
	}
	return found
}

// CheckLogins returns an error when two people have one account or one key, or
// when a key's sum is not one.
func (r *Roster) CheckLogins() error {
	users, keys := map[string]string{}, map[string]string{}
	for _, p := range r.People {
		if q := users[p.User]; p.User != "" && q != "" {
			return fmt.Errorf("%q and %q have one account: nobody could tell them apart", q, p.ID)
		}
		if q := keys[p.KeySHA256]; p.KeySHA256 != "" && q != "" {
			return fmt.Errorf("%q and %q have one key: nobody could tell them apart", q, p.ID)
		}
		if raw, err := hex.DecodeString(p.KeySHA256); p.KeySHA256 != "" && (err != nil || len(raw) != sha256.Size) {
			return fmt.Errorf("key_sha256 of %q is not 64 hexadecimal digits", p.ID)
		}
		users[p.User], keys[p.KeySHA256] = p.ID, p.ID
	}
	return nil
}
