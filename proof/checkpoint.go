package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is a signed tree head, c2sp.org/tlog-checkpoint.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
	// Witnesses names the witnesses whose cosignature was verified.
	Witnesses []string
}

// Keys are the public keys that a stranger believes.
type Keys struct {
	// Log is the verifier key of the ledger (golang.org/x/mod/sumdb/note).
	Log string
	// Witnesses are cosignature/v1 verifier keys (c2sp.org/tlog-cosignature).
	Witnesses []string
	// Quorum is how many of Witnesses must have cosigned.
	Quorum int
}

// ParseCheckpoint verifies the signatures of a checkpoint and decodes it. The
// ledger's own signature must be there, and as many witnesses' as Quorum asks.
func ParseCheckpoint(text []byte, keys Keys) (*Checkpoint, error) {
	own, err := note.NewVerifier(keys.Log)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	verifiers := []note.Verifier{own}
	for _, key := range keys.Witnesses {
		v, err := fnote.NewVerifierForCosignatureV1(key)
		if err != nil {
			return nil, fmt.Errorf("witness key: %w", err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	cp, err := ParseCheckpointText(n.Text)
	if err != nil {
		return nil, err
	}
	signed := false
	for _, sig := range n.Sigs {
		if sig.Name == own.Name() && sig.Hash == own.KeyHash() {
			signed = true
		} else {
			cp.Witnesses = append(cp.Witnesses, sig.Name)
		}
	}
	switch {
	case !signed:
		return nil, fmt.Errorf("checkpoint is not signed by %s", own.Name())
	case cp.Origin != own.Name():
		return nil, fmt.Errorf("checkpoint of %s, signed by %s", cp.Origin, own.Name())
	case len(cp.Witnesses) < keys.Quorum:
		return nil, fmt.Errorf("checkpoint of size %d has %d cosignatures, %d are asked for", cp.Size, len(cp.Witnesses), keys.Quorum)
	}
	return cp, nil
}

// ParseCheckpointText decodes the text of a checkpoint, without signatures.
func ParseCheckpointText(text string) (*Checkpoint, error) {
	bad := errors.New("not a checkpoint")
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 || lines[0] == "" {
		return nil, bad
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return nil, bad
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) {
		return nil, bad
	}
	return &Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}, nil
}
