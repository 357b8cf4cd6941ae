package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// leafHashes returns n different leaf hashes.
func leafHashes(n int) []Hash {
	out := make([]Hash, n)
	for i := range out {
		out[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	return out
}

// stored is the same tree in x/mod's implementation.
func stored(t *testing.T, leaves []Hash) tlog.HashReaderFunc {
	t.Helper()
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			out[i] = all[n]
		}
		return out, nil
	})
	for i, leaf := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(leaf), reader)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, more...)
	}
	return reader
}

// TestTree compares the root with another implementation, around every power
// of two.
func TestTree(t *testing.T) {
	leaves := leafHashes(520)
	reader := stored(t, leaves)
	var tree Tree
	if got := tree.Root(); got != sha256.Sum256(nil) {
		t.Errorf("empty tree: %s", got)
	}
	for i, leaf := range leaves {
		tree.Add(leaf)
		want, err := tlog.TreeHash(int64(i+1), reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Root(); got != Hash(want) || tree.Size() != uint64(i+1) {
			t.Fatalf("%d leaves: root %s, want %s", i+1, got, Hash(want))
		}
	}
}

func TestInclusionAndConsistency(t *testing.T) {
	leaves := leafHashes(70)
	reader := stored(t, leaves)
	roots := make([]Hash, len(leaves)+1)
	var tree Tree
	roots[0] = tree.Root()
	for i, leaf := range leaves {
		tree.Add(leaf)
		roots[i+1] = tree.Root()
	}
	for n := 1; n <= len(leaves); n++ {
		for i := range n {
			path, err := tlog.ProveRecord(int64(n), int64(i), reader)
			if err != nil {
				t.Fatal(err)
			}
			hashes := fromTlog(path)
			if err := VerifyInclusion(roots[n], uint64(n), uint64(i), leaves[i], hashes); err != nil {
				t.Fatal(err)
			}
			if VerifyInclusion(roots[n], uint64(n), uint64(i), leaves[(i+1)%70], hashes) == nil {
				t.Fatalf("leaf %d of %d: another leaf was taken", i, n)
			}
			if VerifyInclusion(roots[n], uint64(n), uint64(n), leaves[i], hashes) == nil {
				t.Fatalf("a leaf after the end of %d was taken", n)
			}
		}
		for m := range n {
			var path []Hash
			if m > 0 {
				p, err := tlog.ProveTree(int64(n), int64(m), reader)
				if err != nil {
					t.Fatal(err)
				}
				path = fromTlog(p)
			}
			if err := VerifyConsistency(uint64(m), roots[m], uint64(n), roots[n], path); err != nil {
				t.Fatal(err)
			}
			if m > 0 && VerifyConsistency(uint64(m), roots[m-1], uint64(n), roots[n], path) == nil {
				t.Fatalf("%d in %d: another beginning was taken", m, n)
			}
		}
		if VerifyConsistency(uint64(n), roots[n], uint64(n), roots[n], nil) != nil || VerifyConsistency(uint64(n), roots[n-1], uint64(n), roots[n], nil) == nil {
			t.Fatalf("%d in itself", n)
		}
		if VerifyConsistency(uint64(n), roots[n], uint64(n-1), roots[n-1], nil) == nil {
			t.Fatalf("%d in %d was taken", n, n-1)
		}
	}
}

func fromTlog(path []tlog.Hash) []Hash {
	out := make([]Hash, len(path))
	for i, h := range path {
		out[i] = Hash(h)
	}
	return out
}

// TestMembers proves random subsets of random trees, and tries to prove
// something else with what results.
func TestMembers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	all := leafHashes(300)
	for range 2000 {
		leaves := all[:1+rng.IntN(len(all))]
		n := uint64(len(leaves))
		var members []uint64
		for range 1 + rng.IntN(12) {
			members = append(members, rng.Uint64N(n))
		}
		slices.Sort(members)
		members = slices.Compact(members)
		chosen := make([]Hash, len(members))
		for i, m := range members {
			chosen[i] = leaves[m]
		}
		var tree Tree
		for _, leaf := range leaves {
			tree.Add(leaf)
		}
		path := ProveMembers(leaves, members)
		if err := VerifyMembers(tree.Root(), n, members, chosen, path); err != nil {
			t.Fatalf("%v of %d: %v", members, n, err)
		}
		k := rng.IntN(len(members))
		other := slices.Clone(chosen)
		other[k][rng.IntN(32)] ^= 1
		moved := slices.Clone(members)
		moved[k]++
		for name, err := range map[string]error{
			"another leaf":     VerifyMembers(tree.Root(), n, members, other, path),
			"another position": VerifyMembers(tree.Root(), n, moved, chosen, path),
			"one left out":     VerifyMembers(tree.Root(), n, members[:k], chosen[:k], path),
			"longer path":      VerifyMembers(tree.Root(), n, members, chosen, append(slices.Clone(path), Hash{})),
			"smaller tree":     VerifyMembers(tree.Root(), members[len(members)-1], members, chosen, path),
			"no members":       VerifyMembers(tree.Root(), n, nil, nil, path),
		} {
			if err == nil {
				t.Fatalf("%v of %d: %s was taken", members, n, name)
			}
		}
		if len(path) > 0 && VerifyMembers(tree.Root(), n, members, chosen, path[1:]) == nil {
			t.Fatalf("%v of %d: a shorter path was taken", members, n)
		}
	}
}

// TestLeafForm pins the text of both versions: what was signed stays readable.
func TestLeafForm(t *testing.T) {
	const zero = "0000000000000000000000000000000000000000000000000000000000000000"
	const ones = "0101010101010101010101010101010101010101010101010101010101010101"
	var lines Hash
	for i := range lines {
		lines[i] = 1
	}
	const rest = `"file":"` + zero + `","root":"` + zero +
		`","from":5,"to":6,"sources":[{"s":"gate/<shop>","w":1,"first":9,"last":10,"prev":"AAAAAAAAAAAAAAAAAAAAAA","head":"AQEBAQEBAQEBAQEBAQEBAQ"}]}`
	const counts = `"tenant":"shop","segment":2,"first":80,"count":2,"bytes":700,`
	for version, want := range map[int]string{
		1: `{"v":1,` + counts + `"lines":"` + ones + `",` + rest,
		2: `{"v":2,` + counts + rest,
	} {
		l := &Leaf{Version: version, Tenant: "shop", Segment: 2, First: 80, Count: 2, Bytes: 700, From: 5, To: 6,
			Sources: []Run{{Source: "gate/<shop>", Worker: 1, First: 9, Last: 10, Prev: "AAAAAAAAAAAAAAAAAAAAAA", Head: "AQEBAQEBAQEBAQEBAQEBAQ"}}}
		if version == 1 {
			l.Lines = lines
		}
		if got := string(EncodeLeaf(l)); got != want {
			t.Errorf("the frozen form changed:\n got %s\nwant %s", got, want)
		}
		if _, err := ParseLeaf([]byte(want)); err != nil {
			t.Error(err)
		}
		other := fmt.Sprintf(`{"v":%d`, 3-version)
		for _, bad := range []string{"", "{}", want + " ", other + want[6:], `{"v":0` + want[6:], `{"v":3` + want[6:], `{ ` + want[1:], want[:7] + `"x":1,` + want[7:]} {
			if _, err := ParseLeaf([]byte(bad)); err == nil {
				t.Errorf("taken: %s", bad)
			}
		}
	}
}

// TestLineHash pins the leaf hash of a line in both versions.
func TestLineHash(t *testing.T) {
	sum := sha256.Sum256([]byte(`{"t":"shop"}`))
	if got := (&Leaf{Version: 1}).LineHash(sum); got != sha256.Sum256(append([]byte{0}, sum[:]...)) {
		t.Errorf("version 1: %s", got)
	}
	if got := (&Leaf{Version: 2}).LineHash(sum); got != Hash(sum) {
		t.Errorf("version 2: %s", got)
	}
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(EncodeLeaf(&Leaf{Version: 1, Tenant: "shop", Count: 1, Lines: Hash{1}}))
	f.Add(EncodeLeaf(&Leaf{Version: 2, Tenant: "shop", Count: 1}))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ParseLeaf(text)
		if err == nil && string(EncodeLeaf(l)) != string(text) {
			t.Fatalf("%q has another form", text)
		}
	})
}

func FuzzCheckpointText(f *testing.F) {
	f.Add("sekisho/shop\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	f.Fuzz(func(t *testing.T, text string) {
		cp, err := ParseCheckpointText(text)
		if err == nil && (cp.Origin == "" || cp.Size > 1<<63) {
			t.Fatalf("%q: %+v", text, cp)
		}
	})
}
