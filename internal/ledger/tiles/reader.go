package tiles

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"

	"sekisho/proof"
)

// Reader reads a log's files. It needs no opening and no closing, and works
// while the log grows.
type Reader struct{ Dir string }

// Checkpoint returns the published checkpoint: a signed note.
func (r Reader) Checkpoint() ([]byte, error) {
	return os.ReadFile(filepath.Join(r.Dir, layout.CheckpointPath))
}

func (r Reader) fetcher() client.FileFetcher { return client.FileFetcher{Root: r.Dir} }

// Leaves returns the leaves of a tree of the given size.
func (r Reader) Leaves(ctx context.Context, size uint64) ([][]byte, error) {
	var out [][]byte
	for i := uint64(0); i*layout.EntryBundleWidth < size; i++ {
		bundle, err := r.bundle(ctx, i, size)
		if err != nil {
			return nil, err
		}
		out = append(out, bundle...)
	}
	return out, nil
}

// bundle returns the leaves of one bundle that belong to a tree of the size.
func (r Reader) bundle(ctx context.Context, index, size uint64) ([][]byte, error) {
	part := layout.PartialTileSize(0, index, size)
	raw, err := r.fetcher().ReadEntryBundle(ctx, index, part)
	if err != nil {
		return nil, &FileError{layout.EntriesPath(index, part), err}
	}
	var b api.EntryBundle
	if err := b.UnmarshalText(raw); err != nil {
		return nil, &FileError{layout.EntriesPath(index, part), err}
	}
	want := size - index*layout.EntryBundleWidth
	if want > layout.EntryBundleWidth {
		want = layout.EntryBundleWidth
	}
	if uint64(len(b.Entries)) < want {
		return nil, &FileError{layout.EntriesPath(index, part), fmt.Errorf("has %d leaves, want %d", len(b.Entries), want)}
	}
	return b.Entries[:want], nil
}

// Inclusion returns the audit path of a leaf in the tree of the given size.
func (r Reader) Inclusion(ctx context.Context, index, size uint64) ([]proof.Hash, error) {
	b, err := client.NewProofBuilder(ctx, size, r.fetcher().ReadTile)
	if err != nil {
		return nil, err
	}
	path, err := b.InclusionProof(ctx, index)
	return toHashes(path), err
}

// Consistency returns the proof that the tree of size old begins the tree of
// the given size.
func (r Reader) Consistency(ctx context.Context, old, size uint64) ([]proof.Hash, error) {
	b, err := client.NewProofBuilder(ctx, size, r.fetcher().ReadTile)
	if err != nil {
		return nil, err
	}
	path, err := b.ConsistencyProof(ctx, old, size)
	return toHashes(path), err
}

func toHashes(path [][]byte) []proof.Hash {
	out := make([]proof.Hash, len(path))
	for i, h := range path {
		out[i] = proof.Hash(h)
	}
	return out
}

// FileError says which file of the log is wrong.
type FileError struct {
	Name string // below the log's directory
	Err  error
}

func (e *FileError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Check reads every leaf and every tile of the tree of the given size, and
// returns its leaves and its root. An error is a *FileError that names the
// first file that does not belong to the leaves.
func (r Reader) Check(ctx context.Context, size uint64) ([][]byte, proof.Hash, error) {
	leaves, err := r.Leaves(ctx, size)
	if err != nil {
		return nil, proof.Hash{}, err
	}
	var tree proof.Tree
	hashes := make([]proof.Hash, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = proof.LeafHash(leaf)
		tree.Add(hashes[i])
	}
	for level := uint64(0); len(hashes) > 0; level++ {
		if err := r.checkLevel(ctx, level, size, hashes); err != nil {
			return leaves, tree.Root(), err
		}
		hashes = parents(hashes)
	}
	return leaves, tree.Root(), nil
}

// checkLevel compares the tiles of one level with the hashes they must hold.
func (r Reader) checkLevel(ctx context.Context, level, size uint64, hashes []proof.Hash) error {
	for i := uint64(0); i*layout.TileWidth < uint64(len(hashes)); i++ {
		want := hashes[i*layout.TileWidth : min((i+1)*layout.TileWidth, uint64(len(hashes)))]
		part := layout.PartialTileSize(level, i, size)
		name := layout.TilePath(level, i, part)
		raw, err := r.fetcher().ReadTile(ctx, level, i, part)
		if err != nil {
			return &FileError{name, err}
		}
		var tile api.HashTile
		if err := tile.UnmarshalText(raw); err != nil || len(tile.Nodes) < len(want) {
			return &FileError{name, fmt.Errorf("has %d hashes, want %d", len(tile.Nodes), len(want))}
		}
		for k, h := range want {
			if proof.Hash(tile.Nodes[k]) != h {
				return &FileError{name, fmt.Errorf("hash %d is not that of the leaves", k)}
			}
		}
	}
	return nil
}

// parents returns the roots of the whole tiles of a level.
func parents(hashes []proof.Hash) []proof.Hash {
	var out []proof.Hash
	for len(hashes) >= layout.TileWidth {
		var t proof.Tree
		for _, h := range hashes[:layout.TileWidth] {
			t.Add(h)
		}
		out = append(out, t.Root())
		hashes = hashes[layout.TileWidth:]
	}
	return out
}
