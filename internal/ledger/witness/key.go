package witness

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
)

const keyName = "witness.key"

// CreateKey makes a witness's key in a directory, mode 0600, and returns the
// verifier key to give to the ledgers' configuration and to whoever checks. It
// never replaces a key.
func CreateKey(dir, name string) (vkey string, err error) {
	fsys := durable.Dir(dir)
	if err := fsys.MkdirAll(".", 0o700); err != nil {
		return "", err
	}
	if _, err := durable.ReadFile(fsys, keyName); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: there is a witness key already", dir)
	}
	skey, ed25519Key, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", err
	}
	if err := durable.WriteFile(fsys, keyName, []byte(skey+"\n"), 0o600); err != nil {
		return "", err
	}
	return fnote.VKeyToCosignatureV1(ed25519Key)
}

// ReadKey returns the signer of a key that CreateKey has made.
func ReadKey(dir string) (note.Signer, error) {
	text, err := durable.ReadFile(durable.Dir(dir), keyName)
	if err != nil {
		return nil, err
	}
	signer, err := fnote.NewSignerForCosignatureV1(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s in %s is not a signing key", keyName, dir) // err could quote it
	}
	return signer, nil
}
