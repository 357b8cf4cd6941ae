package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
)

const checkpointKeyName = keysDir + "/checkpoint.key"

// createKey makes the key that signs the log's checkpoints and the heads. Only
// Init calls it: a ledger whose key is missing must not sign with another.
func createKey(fsys durable.FS, origin string) (vkey string, err error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", fmt.Errorf("make a key for %s: %w", origin, err)
	}
	if err := durable.WriteFile(fsys, checkpointKeyName, []byte(skey+"\n"), 0o600); err != nil {
		return "", err
	}
	return vkey, durable.WriteFile(fsys, keysDir+"/checkpoint.pub", []byte(vkey+"\n"), 0o644)
}

// readKey returns the signer of the ledger and checks that it is the one of
// its identity and that nobody else may read it.
func readKey(fsys durable.FS, dir string, id Identity) (note.Signer, error) {
	name := filepath.Join(dir, filepath.FromSlash(checkpointKeyName))
	f, err := fsys.Open(checkpointKeyName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: restore it from a backup, the ledger cannot be signed with another", name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): chmod 600 it", name, mode)
	}
	text, err := durable.ReadFile(fsys, checkpointKeyName)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s is not a signing key", name) // err could quote the key
	}
	verifier, err := note.NewVerifier(id.Key)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: key: %w", dir, identityName, err)
	}
	if signer.Name() != verifier.Name() || signer.KeyHash() != verifier.KeyHash() {
		return nil, fmt.Errorf("%s is not the key of this ledger (%s)", name, id.Key)
	}
	return signer, nil
}
