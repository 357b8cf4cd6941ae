package tiles

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sekisho/proof"
)

func testLog(t *testing.T, dir string) *Log {
	t.Helper()
	skey, _, err := note.GenerateKey(strings.NewReader(strings.Repeat("x", 64)), "log.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Config{Dir: dir, Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return l
}

// TestAroundTileEdge grows a log over the edge of the first tile, and checks
// every proof at the sizes beside the edge.
func TestAroundTileEdge(t *testing.T) {
	sizes := []int{1, 2, 3, 255, 256, 257, 258}
	if testing.Short() {
		sizes = []int{1, 2, 3, 5}
	}
	dir := t.TempDir()
	l := testLog(t, dir)
	var tree proof.Tree
	var leaves []proof.Hash
	roots := map[int]proof.Hash{}
	for _, size := range sizes {
		for n := len(leaves); n < size; n++ {
			text := fmt.Appendf(nil, "leaf %d", n)
			if index, err := l.Append(t.Context(), text); err != nil || index != uint64(n) {
				t.Fatalf("append: index %d, %v; want %d", index, err, n)
			}
			leaves = append(leaves, proof.LeafHash(text))
			tree.Add(leaves[n])
		}
		roots[size] = tree.Root()
		if got, err := l.Size(t.Context()); err != nil || got != uint64(size) {
			t.Fatalf("size %d, %v; want %d", got, err, size)
		}
		texts, root, err := l.Check(t.Context(), uint64(size))
		if err != nil || root != roots[size] || len(texts) != size {
			t.Fatalf("check of %d: %v, root %s, want %s", size, err, root, roots[size])
		}
		for _, i := range []int{0, size / 2, size - 1} {
			path, err := l.Inclusion(t.Context(), uint64(i), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(root, uint64(size), uint64(i), leaves[i], path); err != nil {
				t.Error(err)
			}
		}
		for _, old := range sizes {
			if old >= size {
				break
			}
			path, err := l.Consistency(t.Context(), uint64(old), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(uint64(old), roots[old], uint64(size), root, path); err != nil {
				t.Error(err)
			}
		}
	}
	last := uint64(sizes[len(sizes)-1])
	text, err := l.Published(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := checkpointSize(text); err != nil || size != last {
		t.Errorf("published %d, %v; want %d", size, err, last)
	}
}

// TestCheckNamesTheFile changes each file of a small log in turn.
func TestCheckNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	l := testLog(t, dir)
	for n := range 3 {
		if _, err := l.Append(t.Context(), fmt.Appendf(nil, "leaf %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"tile/0/000.p/3":       "tile/0/000.p/3",
		"tile/entries/000.p/3": "tile/0/000.p/3", // the leaves say what the tile must be
	} {
		full := filepath.Join(dir, filepath.FromSlash(name))
		good, err := os.ReadFile(full)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), good...)
		bad[len(bad)-1] ^= 1
		if err := os.WriteFile(full, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err = l.Check(t.Context(), 3)
		file, ok := err.(*FileError)
		if !ok || file.Name != want {
			t.Errorf("%s changed: got %v, want %s", name, err, want)
		}
		if err := os.WriteFile(full, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.Check(t.Context(), 3); err != nil {
		t.Errorf("as it was: %v", err)
	}
}
