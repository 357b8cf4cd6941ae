// Package proof has what a stranger needs to check a Sekisho ledger offline:
// checkpoints, inclusion and consistency proofs, segment digests, and
// disclosure bundles.
//
// It trusts nobody: it opens no network connection, reads no ledger directory
// and needs no database. It does not decide whose keys to believe; the caller
// brings the verifier key of the ledger, and of its witnesses, from somewhere
// else than the bundle.
//
// Formats: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, RFC 6962 section 2.1
// Merkle trees with SHA-256, and docs/format/bundle.md.
package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value. Its text form is 64 lower-case hexadecimal digits.
type Hash [sha256.Size]byte

// String returns the text form.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("hash of %d characters, want %d", len(text), 2*len(h))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// LeafHash returns the hash of a leaf of the log, RFC 6962 section 2.1.
func LeafHash(data []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(data)
	return Hash(h.Sum(nil))
}

func nodeHash(left, right Hash) Hash {
	var data [1 + 2*sha256.Size]byte
	data[0] = 1
	copy(data[1:], left[:])
	copy(data[1+sha256.Size:], right[:])
	return sha256.Sum256(data[:])
}

// Tree computes the root of a Merkle tree from its leaf hashes in order. The
// zero Tree is empty.
type Tree struct {
	size  uint64
	level [64]Hash // level[i] is the root of a whole subtree of 1<<i leaves, where bit i of size is set
}

// Add adds the next leaf hash.
func (t *Tree) Add(leaf Hash) {
	i := 0
	for ; t.size>>i&1 == 1; i++ {
		leaf = nodeHash(t.level[i], leaf)
	}
	t.level[i] = leaf
	t.size++
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Root returns the root; of an empty tree the SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	i := bits.TrailingZeros64(t.size)
	root := t.level[i]
	for i++; i < 64; i++ {
		if t.size>>i&1 == 1 {
			root = nodeHash(t.level[i], root)
		}
	}
	return root
}

// VerifyInclusion checks that leaf is at index in the tree of the given size
// and root, with the audit path of RFC 6962 section 2.1.1.
func VerifyInclusion(root Hash, size, index uint64, leaf Hash, path []Hash) error {
	if size > 1<<62 || index >= size {
		return fmt.Errorf("leaf %d is not in a tree of %d", index, size)
	}
	if err := tlog.CheckRecord(toTlog(path), int64(size), tlog.Hash(root), int64(index), tlog.Hash(leaf)); err != nil {
		return fmt.Errorf("leaf %d is not in the tree of %d with root %s", index, size, root)
	}
	return nil
}

// VerifyConsistency checks that the tree (oldSize, oldRoot) is the beginning of
// the tree (size, root), with the proof of RFC 6962 section 2.1.2.
func VerifyConsistency(oldSize uint64, oldRoot Hash, size uint64, root Hash, path []Hash) error {
	bad := fmt.Errorf("the tree of %d is not the beginning of the tree of %d", oldSize, size)
	switch {
	case oldSize > size || size > 1<<62:
		return bad
	case oldSize == size:
		if oldRoot != root || len(path) != 0 {
			return bad
		}
		return nil
	case oldSize == 0:
		if len(path) != 0 {
			return bad
		}
		return nil
	}
	if tlog.CheckTree(tlog.TreeProof(toTlog(path)), int64(size), tlog.Hash(root), int64(oldSize), tlog.Hash(oldRoot)) != nil {
		return bad
	}
	return nil
}

func toTlog(path []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(path))
	for i, h := range path {
		out[i] = tlog.Hash(h)
	}
	return out
}

var errMembers = errors.New("the lines are not in the segment")

// ProveMembers returns the hashes that show that the leaves at the given
// ascending positions are in the tree: going down from the root, left before
// right, the root of every subtree that holds none of them. The proof for m of
// n leaves has at most m·log2(n) hashes and far fewer for neighbours.
func ProveMembers(leaves []Hash, members []uint64) []Hash {
	if len(leaves) == 0 {
		return nil
	}
	return proveMembers(nil, leaves, 0, members)
}

func proveMembers(dst, leaves []Hash, base uint64, members []uint64) []Hash {
	if len(members) == 0 {
		var t Tree
		for _, leaf := range leaves {
			t.Add(leaf)
		}
		return append(dst, t.Root())
	}
	if len(leaves) == 1 {
		return dst
	}
	k := split(uint64(len(leaves)))
	cut := lowerBound(members, base+k)
	dst = proveMembers(dst, leaves[:k], base, members[:cut])
	return proveMembers(dst, leaves[k:], base+k, members[cut:])
}

// VerifyMembers checks a proof of ProveMembers: that the leaves at the given
// strictly ascending positions have the given hashes in the tree of that size
// and root. There must be at least one. The size must be known from elsewhere
// (the segment's Leaf): as in RFC 6962, a root does not say how many leaves it
// is of.
func VerifyMembers(root Hash, size uint64, members []uint64, leaves, path []Hash) error {
	if len(members) == 0 || len(members) != len(leaves) || members[len(members)-1] >= size || size > 1<<62 {
		return errMembers
	}
	for i := 1; i < len(members); i++ {
		if members[i] <= members[i-1] {
			return errMembers
		}
	}
	v := memberVerifier{leaves: leaves, path: path}
	got, ok := v.root(0, size, members)
	if !ok || len(v.path) != 0 || got != root {
		return errMembers
	}
	return nil
}

// memberVerifier consumes leaves and path from the front.
type memberVerifier struct{ leaves, path []Hash }

// root returns the root of the subtree of n leaves that begins at base. Its
// depth is at most 63: n halves at every step.
func (v *memberVerifier) root(base, n uint64, members []uint64) (h Hash, ok bool) {
	if len(members) == 0 {
		if len(v.path) == 0 {
			return h, false
		}
		h, v.path = v.path[0], v.path[1:]
		return h, true
	}
	if n == 1 {
		h, v.leaves = v.leaves[0], v.leaves[1:]
		return h, true
	}
	k := split(n)
	cut := lowerBound(members, base+k)
	left, ok1 := v.root(base, k, members[:cut])
	right, ok2 := v.root(base+k, n-k, members[cut:])
	return nodeHash(left, right), ok1 && ok2
}

// split returns the largest power of two smaller than n, for n > 1.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// lowerBound returns how many of the ascending members are below limit.
func lowerBound(members []uint64, limit uint64) int {
	lo, hi := 0, len(members)
	for lo < hi {
		mid := (lo + hi) / 2
		if members[mid] < limit {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
