package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"sekisho/internal/event"
	"sekisho/proof"
)

// ErrNotSealed is returned by Reader.Evidence for events that no checkpoint
// covers yet. The process that writes the ledger can seal them.
var ErrNotSealed = errors.New("events are not sealed yet")

// Evidence seals what is open and returns the evidence that the events with
// the given indexes are in the ledger. Order and repetition do not matter.
func (l *Ledger) Evidence(ctx context.Context, indexes []event.Index) (*proof.Evidence, error) {
	if err := l.Seal(ctx); err != nil {
		return nil, err
	}
	return l.Reader.Evidence(ctx, indexes)
}

// Evidence returns the evidence that the events with the given indexes are in
// the ledger, as far as a checkpoint covers them.
func (r *Reader) Evidence(ctx context.Context, indexes []event.Index) (*proof.Evidence, error) {
	if err := r.refresh(); err != nil {
		return nil, err
	}
	text, err := r.log().Checkpoint()
	if err != nil {
		return nil, err
	}
	cp, err := proof.ParseCheckpoint(text, proof.Keys{Log: r.id.Key})
	if err != nil {
		return nil, err
	}
	e := &proof.Evidence{Key: r.id.Key, Checkpoint: text}
	rest := slices.Compact(slices.Sorted(slices.Values(indexes)))
	for len(rest) > 0 {
		leaf := r.leaf(r.find(rest[0]).ordinal)
		if leaf == nil || leaf.Segment >= cp.Size {
			return nil, fmt.Errorf("event %d: %w", rest[0], ErrNotSealed)
		}
		n, _ := slices.BinarySearch(rest, event.Index(leaf.First+leaf.Count))
		segment, err := r.segmentEvidence(ctx, leaf, cp.Size, rest[:n])
		if err != nil {
			return nil, err
		}
		e.Segments = append(e.Segments, *segment)
		rest = rest[n:]
	}
	return e, nil
}

// segmentEvidence reads a whole segment: the proof needs the hash of each line.
func (r *Reader) segmentEvidence(ctx context.Context, leaf *proof.Leaf, size uint64, indexes []event.Index) (*proof.SegmentEvidence, error) {
	if there, err := exists(r.fs, sealedName(leaf.Segment)); err != nil || !there {
		return nil, errors.Join(err, fmt.Errorf("segment %d: %w", leaf.Segment, ErrDropped))
	}
	s := &proof.SegmentEvidence{Leaf: proof.EncodeLeaf(leaf)}
	hashes := make([]proof.Hash, 0, leaf.Count)
	var tree proof.Tree
	err := r.eachSealedLine(ctx, leaf, func(line []byte) error {
		hash := leaf.LineHash(sha256.Sum256(line))
		if k := len(s.Members); k < len(indexes) && uint64(indexes[k]) == leaf.First+uint64(len(hashes)) {
			s.Members = append(s.Members, uint64(len(hashes)))
			s.Lines = append(s.Lines, bytes.Clone(line))
		}
		hashes = append(hashes, hash)
		tree.Add(hash)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if tree.Root() != leaf.Root {
		return nil, &DamageError{sealedName(leaf.Segment), errors.New("its lines are not those of its digest")}
	}
	s.Hashes = proof.ProveMembers(hashes, s.Members)
	s.Path, err = r.log().Inclusion(ctx, leaf.Segment, size)
	return s, err
}

// eachSealedLine calls fn with the lines of a sealed segment, without line
// feeds.
func (r *Reader) eachSealedLine(ctx context.Context, leaf *proof.Leaf, fn func(line []byte) error) error {
	_, err := r.scan(ctx, event.Index(leaf.First), event.Index(leaf.First+leaf.Count), func(_ event.Index, line []byte) error {
		return fn(line)
	})
	return err
}

// WriteBundle records that by was given the scope result, seals, and writes a
// disclosure bundle: the result, the events with the given indexes and the
// record itself, each with its proof. The digest of frozen is filled in.
func (l *Ledger) WriteBundle(ctx context.Context, w io.Writer, scope []byte, indexes []event.Index, by event.Source, frozen event.ScopeFrozen) error {
	frozen.Digest = proof.ScopeDigest(scope)
	from := l.Head()
	seq, err := l.Recorder(by, 0).Record(ctx, event.Durable, &frozen)
	if err != nil {
		return err
	}
	record, err := l.find(ctx, from, by, seq)
	if err != nil {
		return err
	}
	evidence, err := l.Evidence(ctx, append(slices.Clone(indexes), record))
	if err != nil {
		return err
	}
	return proof.WriteBundle(w, &proof.Bundle{Scope: scope, Evidence: *evidence})
}

// find returns the index of the event with the given number of worker 0 of a
// source, looking from an index on.
func (l *Ledger) find(ctx context.Context, from event.Index, source event.Source, seq event.Seq) (event.Index, error) {
	var found event.Index
	err := l.Scan(ctx, from, func(index event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return err
		}
		if h.Seq == seq && h.Worker == 0 && string(h.Source) == string(source) {
			found = index
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return found, nil
	}
	return 0, errors.Join(err, fmt.Errorf("%s/0/%d was recorded and is not found", source, seq))
}

var errFound = errors.New("found")
