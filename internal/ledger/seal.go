package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"sync"

	"github.com/klauspost/compress/zstd"

	"sekisho/internal/durable"
	"sekisho/internal/ledger/segment"
	"sekisho/proof"
)

// sealLoop compresses segments that have ended and appends their digests to
// the log, in order. A failure stops the ledger: what cannot be
// proved later must not be recorded as if it could.
func (l *Ledger) sealLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.failed:
			return
		case <-l.seal:
		}
		if err := l.sealRotated(ctx); err != nil {
			l.fail(err)
			return
		}
	}
}

func (l *Ledger) sealRotated(ctx context.Context) error {
	for ctx.Err() == nil { // else the next run goes on
		first, n := l.sealDue()
		if n == 0 {
			return nil
		}
		if err := l.sealSome(context.WithoutCancel(ctx), first, n); err != nil {
			return err
		}
	}
	return nil
}

// sealTogether is how many segments are compressed at a time when sealing has
// fallen behind: compressing is the longest of a segment's steps, and one
// thread's.
const sealTogether = 2

// sealDue returns the first segment that waits to be sealed and how many from
// there on can be now. Only the first may be of an earlier run: checking its
// lines needs the digests before it.
func (l *Ledger) sealDue() (first uint64, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil || l.sealed == l.rotated {
		return l.sealed, 0
	}
	n = 1
	for n < sealTogether && l.sealed+uint64(n) < l.rotated && l.ended[l.sealed+uint64(n)] != nil {
		n++
	}
	return l.sealed, n
}

// sealSome seals the next n segments. Each step can be done again: until the
// leaf is in the log, the open file is what counts.
func (l *Ledger) sealSome(ctx context.Context, first uint64, n int) error {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	if err := l.Reader.refresh(); err != nil {
		return err
	}
	leaves, errs := make([]*proof.Leaf, n), make([]error, n)
	var side sync.WaitGroup
	for i := range n {
		side.Go(func() { leaves[i], errs[i] = l.compress(ctx, first+uint64(i)) })
	}
	side.Wait()
	for i, leaf := range leaves {
		err := errs[i]
		if err == nil {
			err = l.sealOne(ctx, first+uint64(i), leaf)
		}
		if err != nil {
			return fmt.Errorf("seal segment %d: %w", first+uint64(i), err)
		}
		l.mu.Lock()
		l.sealed++
		l.signalLocked()
		l.mu.Unlock()
	}
	return nil
}

// sealOne puts the digest of the next segment, which was compressed, into the
// log.
func (l *Ledger) sealOne(ctx context.Context, ordinal uint64, leaf *proof.Leaf) error {
	heads := maps.Clone(l.sealHeads)
	if err := heads.Follow(leaf); err != nil {
		return err
	}
	text := proof.EncodeLeaf(leaf)
	if err := durable.WriteFile(l.fs, leafName(ordinal), text, 0o600); err != nil {
		return err
	}
	index, err := l.log.Append(ctx, text)
	if err != nil {
		return err
	}
	if index != ordinal {
		return fmt.Errorf("its digest became leaf %d of the log", index)
	}
	l.sealHeads = heads
	return l.removeOpen(ordinal)
}

func (l *Ledger) removeOpen(ordinal uint64) error {
	if err := l.fs.Remove(openName(ordinal)); err != nil {
		return err
	}
	return l.fs.SyncDir(openDir)
}

// compress writes the sealed file of a segment and returns its digest. It reads
// the segment back from the disk: the digest speaks of what is there.
func (l *Ledger) compress(ctx context.Context, ordinal uint64) (*proof.Leaf, error) {
	f, err := l.fs.Open(openName(ordinal))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var leaf *proof.Leaf
	file := sha256.New()
	err = durable.WriteStream(l.fs, sealedName(ordinal), 0o600, func(w io.Writer) error {
		enc, err := zstd.NewWriter(io.MultiWriter(w, file), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		if g := l.takeEnded(ordinal); g != nil {
			leaf, err = l.compressKnown(enc, f, g)
		} else {
			leaf, err = l.compressLines(ctx, enc, f, ordinal)
		}
		return errors.Join(err, enc.Close())
	})
	if err != nil {
		return nil, err
	}
	leaf.File = proof.Hash(file.Sum(nil))
	if leaf.Count == 0 || len(leaf.Sources) == 0 {
		return nil, errors.New("it is empty")
	}
	return leaf, nil
}

func (l *Ledger) takeEnded(ordinal uint64) *growing {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.ended[ordinal]
	if g != nil {
		delete(l.ended, ordinal)
		l.endedSums -= len(g.sums)
	}
	return g
}

// compressKnown compresses a segment of this run: its lines were hashed when
// they were chained. Compressing and the tree go on side by side.
func (l *Ledger) compressKnown(enc *zstd.Encoder, r io.Reader, g *growing) (*proof.Leaf, error) {
	var leaf *proof.Leaf
	var side sync.WaitGroup
	side.Go(func() { leaf = g.leaf(l.cfg.Tenant) })
	crc := crc32.New(castagnoli)
	size, err := enc.ReadFrom(io.TeeReader(r, crc))
	side.Wait()
	if err != nil {
		return nil, err
	}
	if size != g.size || crc.Sum32() != g.crc {
		return nil, fmt.Errorf("%s gives back other bytes than were written", openName(g.ordinal))
	}
	return leaf, nil
}

// compressLines compresses a segment of an earlier run, the first that is not
// sealed, and checks every line.
func (l *Ledger) compressLines(ctx context.Context, w io.Writer, r io.Reader, ordinal uint64) (*proof.Leaf, error) {
	sum := segment.NewSummary(proof.LeafVersion, l.cfg.Tenant, l.sealHeads)
	err := eachLine(ctx, r, func(line []byte) error {
		if !bytes.HasSuffix(line, []byte{'\n'}) {
			return errors.New("its last line is not whole")
		}
		if err := sum.Add(line); err != nil {
			return err
		}
		_, err := w.Write(line)
		return err
	})
	return sum.Leaf(ordinal, l.Reader.sealedEnd()), err
}

// SealFull returns when every segment that has ended is in the log. It does not
// end the open one.
func (l *Ledger) SealFull(ctx context.Context) error {
	l.mu.Lock()
	target := l.rotated
	l.mu.Unlock()
	return l.await(ctx, func() bool { return l.sealed >= target })
}

// Seal ends the open segment, if it holds anything, and returns when all that
// was on the way before the call is in the log and a checkpoint covers it.
func (l *Ledger) Seal(ctx context.Context) error {
	l.mu.Lock()
	target := l.growing.ordinal
	if l.next > l.growing.first {
		l.wantRotate = true
		target++
	}
	l.mu.Unlock()
	wake(l.wake)
	if err := l.await(ctx, func() bool { return l.sealed >= target }); err != nil {
		return err
	}
	_, err := l.log.Published(ctx, target)
	return err
}

func hashFile(fsys durable.FS, name string) (proof.Hash, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return proof.Hash{}, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return proof.Hash{}, err
	}
	return proof.Hash(h.Sum(nil)), nil
}
