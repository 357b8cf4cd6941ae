package main

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"sekisho/internal/gate/pgproxy/pglogin"
)

// passwords checks users of a proxy against a file of SCRAM verifiers (RFC
// 5802, 3): the file can prove a password and does not hold it. A password that
// was right is remembered for a minute as a keyed hash, because clients send it
// with every request and the check is slow on purpose.
func passwords(file string, now func() time.Time) (func(user, password string) bool, error) {
	users, err := pglogin.ReadVerifiers(file)
	if err != nil {
		return nil, err
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	const most, long = 10_000, time.Minute
	var mu sync.Mutex // guards right
	right := map[[32]byte]time.Time{}
	return func(user, password string) bool {
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(user))
		mac.Write([]byte{0})
		mac.Write([]byte(password))
		mark := [32]byte(mac.Sum(nil))
		at := now()
		mu.Lock()
		until, known := right[mark]
		mu.Unlock()
		if known && at.Before(until) {
			return true
		}
		v, exists := users[user]
		if !proves(&v, password) || !exists {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if len(right) >= most {
			clear(right)
		}
		right[mark] = at.Add(long)
		return true
	}, nil
}

// proves reports whether password is the one that v was made of. A verifier of
// nobody takes as long as another.
func proves(v *pglogin.Verifier, password string) bool {
	iterations, salt := v.Iterations, v.Salt
	if iterations == 0 {
		iterations, salt = 4096, []byte("sekisho")
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, salted)
	mac.Write([]byte("Client Key"))
	stored := sha256.Sum256(mac.Sum(nil))
	return subtle.ConstantTimeCompare(stored[:], v.StoredKey[:]) == 1
}
