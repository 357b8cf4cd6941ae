package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/proof"
)

// kept is what stays of a segment that retention has dropped: the lines that
// later events build on, and the proof that they were in it.
type kept struct {
	Members []uint64     `json:"members"` // positions in the segment, ascending
	Lines   []string     `json:"lines"`   // without line feeds
	Hashes  []proof.Hash `json:"hashes"`  // proof.ProveMembers
}

func keptName(ordinal uint64) string { return fmt.Sprintf("%s/%08d.kept.json", sealedDir, ordinal) }

// keep writes what stays of a segment, before the segment goes: what later
// events build on, and what is carried over by index.
func (l *Ledger) keep(ctx context.Context, leaf *proof.Leaf, carried map[event.Index]bool) error {
	k := kept{Members: []uint64{}, Lines: []string{}, Hashes: []proof.Hash{}}
	var hashes []proof.Hash
	err := l.eachSealedLine(ctx, leaf, func(line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return err
		}
		if fateOf(h.Kind) == stays || carried[event.Index(leaf.First)+event.Index(len(hashes))] {
			k.Members = append(k.Members, uint64(len(hashes)))
			k.Lines = append(k.Lines, string(line))
		}
		hashes = append(hashes, leaf.LineHash(sha256.Sum256(line)))
		return nil
	})
	if err != nil {
		return err
	}
	k.Hashes = proof.ProveMembers(hashes, k.Members)
	if err := k.check(leaf); err != nil {
		return err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(k); err != nil {
		return err
	}
	return durable.WriteFile(l.fs, keptName(leaf.Segment), text.Bytes(), 0o600)
}

// check checks that the lines were in the segment.
func (k *kept) check(leaf *proof.Leaf) error {
	if len(k.Members) == 0 && len(k.Lines) == 0 {
		return nil
	}
	leaves := make([]proof.Hash, len(k.Lines))
	for i, line := range k.Lines {
		leaves[i] = leaf.LineHash(sha256.Sum256([]byte(line)))
	}
	return proof.VerifyMembers(leaf.Root, leaf.Count, k.Members, leaves, k.Hashes)
}

// readKept returns what was kept of a dropped segment; the error is ErrDropped
// when nothing says that it was dropped.
func readKept(fsys durable.FS, leaf *proof.Leaf) (*kept, error) {
	text, err := durable.ReadFile(fsys, keptName(leaf.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("segment %d, events %d to %d: %w", leaf.Segment, leaf.First, leaf.First+leaf.Count-1, ErrDropped)
	}
	if err != nil {
		return nil, err
	}
	var k kept
	if err = json.Unmarshal(text, &k); err == nil {
		err = k.check(leaf)
	}
	if err != nil {
		return nil, &DamageError{keptName(leaf.Segment), err}
	}
	return &k, nil
}
