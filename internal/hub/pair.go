package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/policy/order"
)

// OrdersKey is the key that verifies a tenant's orders, made with its signer
// when there is none yet.
func OrdersKey(dir, tenant string) (signer, verifier string, err error) {
	return KeyPair(dir, "orders", order.KeyName(tenant))
}

// ReceiptsKey is the pair that signs receipts of a process's gates.
func ReceiptsKey(dir, site string) (signer, verifier string, err error) {
	return KeyPair(dir, "receipts", site)
}

// KeyPair reads a pair from dir, or makes it: one file of two lines, the
// secret first, mode 0600. Whoever makes it at the same time gets the same pair.
func KeyPair(dir, file, name string) (signer, verifier string, err error) {
	file += ".notekey"
	if signer, verifier, err = readPair(dir, file); !errors.Is(err, os.ErrNotExist) {
		return signer, verifier, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pairWait)
	defer cancel()
	unlock, err := durable.Lock(ctx, dir)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if signer, verifier, err = readPair(dir, file); !errors.Is(err, os.ErrNotExist) {
		return signer, verifier, err // another made it meanwhile
	}
	if signer, verifier, err = order.NewKey(rand.Reader, name); err != nil {
		return "", "", err
	}
	if err := durable.WriteFile(durable.Dir(dir), file, []byte(signer+"\n"+verifier+"\n"), 0o600); err != nil {
		return "", "", err
	}
	return readPair(dir, file)
}

// pairWait is how long who makes a pair of keys waits for another who does.
const pairWait = 10 * time.Second

// readPair reads a pair; os.ErrNotExist when there is none.
func readPair(dir, file string) (signer, verifier string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return "", "", err
	}
	if n, err := fmt.Sscanf(string(text), "%s\n%s\n", &signer, &verifier); n != 2 || err != nil {
		return "", "", fmt.Errorf("%s is no pair of keys", file)
	}
	return signer, verifier, nil
}
