package hub

import (
	"os"
	"sync"
	"testing"
)

// TestKeyPairOnce: who asks for a pair at the same time gets the same one, which
// is the one that stays.
func TestKeyPairOnce(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		const all = 8
		var pairs [all][2]string
		var wait sync.WaitGroup
		begin := make(chan struct{})
		for i := range all {
			wait.Go(func() {
				<-begin
				var err error
				if pairs[i][0], pairs[i][1], err = KeyPair(dir, "evidence", "sekisho.card/shop"); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		wait.Wait()
		signer, verifier, err := KeyPair(dir, "evidence", "sekisho.card/shop")
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range pairs {
			if p != [2]string{signer, verifier} {
				t.Fatalf("%d got another pair than the one that stays", i)
			}
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
	}
}
