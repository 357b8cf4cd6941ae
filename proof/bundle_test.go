package proof

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// frozen returns the bundle of format version 1 that must be readable for ever,
// and the key of its ledger.
func frozen(t testing.TB) (raw []byte, keys Keys) {
	t.Helper()
	raw, err := os.ReadFile("testdata/bundle-v1.zip")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("testdata/bundle-v1.key")
	if err != nil {
		t.Fatal(err)
	}
	return raw, Keys{Log: strings.TrimSpace(string(key))}
}

func TestFrozenBundle(t *testing.T) {
	raw, keys := frozen(t)
	b, err := ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Check(keys)
	if err != nil {
		t.Fatal(err)
	}
	var indexes []uint64
	for _, line := range c.Lines {
		indexes = append(indexes, line.Index)
	}
	if got, want := fmt.Sprint(indexes), "[3 50 51 159 160]"; got != want || c.Frozen.Index != 160 || c.Checkpoint.Size != 4 {
		t.Errorf("events %s, want %s; frozen %d; checkpoint %d", got, want, c.Frozen.Index, c.Checkpoint.Size)
	}
	var again bytes.Buffer
	if err := WriteBundle(&again, b); err != nil {
		t.Fatal(err)
	}
	b2, err := ReadBundle(bytes.NewReader(again.Bytes()), int64(again.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b2.Check(keys); err != nil {
		t.Error(err)
	}
	b.Scope = append(b.Scope, ' ')
	if _, err := b.Check(keys); !errors.Is(err, ErrNotFrozen) {
		t.Errorf("another scope: got %v, want ErrNotFrozen", err)
	}
}

// Example_checkBundle is all that a stranger needs.
func Example_checkBundle() {
	raw, err := os.ReadFile("testdata/bundle-v1.zip") // from whoever claims something
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := os.ReadFile("testdata/bundle-v1.key") // from somewhere else
	if err != nil {
		fmt.Println(err)
		return
	}
	bundle, err := ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		fmt.Println(err)
		return
	}
	checked, err := bundle.Check(Keys{Log: strings.TrimSpace(string(key))})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d events of %s are in the ledger, and event %d records %s\n",
		len(checked.Lines), checked.Checkpoint.Origin, checked.Frozen.Index, bundle.Scope)
	// Output: 5 events of sekisho/shop are in the ledger, and event 160 records {"confirmed":{"subjects":3}}
}

func FuzzReadBundle(f *testing.F) {
	raw, keys := frozen(f)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ReadBundle(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		if c, err := b.Check(keys); err == nil && string(b.Scope) != `{"confirmed":{"subjects":3}}` {
			t.Fatalf("another scope was taken: %q, %+v", b.Scope, c)
		}
	})
}

func TestCheckpointRefuses(t *testing.T) {
	skey, vkey, err := note.GenerateKey(zeros{}, "a")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string) []byte {
		out, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	if cp, err := ParseCheckpoint(sign("a\n3\n"+root+"\n"), Keys{Log: vkey}); err != nil || cp.Size != 3 {
		t.Fatalf("%+v, %v", cp, err)
	}
	for name, text := range map[string][]byte{
		"another origin":    sign("b\n3\n" + root + "\n"),
		"leading zero":      sign("a\n03\n" + root + "\n"),
		"negative":          sign("a\n-3\n" + root + "\n"),
		"short root":        sign("a\n3\nAAAA\n"),
		"no root":           sign("a\n3\n"),
		"heads":             sign("a/heads\n3\n3\n"),
		"not signed":        []byte("a\n3\n" + root + "\n"),
		"signature changed": bytes.Replace(sign("a\n3\n"+root+"\n"), []byte("\n3\n"), []byte("\n4\n"), 1),
	} {
		if cp, err := ParseCheckpoint(text, Keys{Log: vkey}); err == nil {
			t.Errorf("%s: taken as %+v", name, cp)
		}
	}
	if _, err := ParseCheckpoint(sign("a\n3\n"+root+"\n"), Keys{Log: vkey, Quorum: 1}); err == nil {
		t.Error("a checkpoint without cosignature was taken where one was asked for")
	}
}

// zeros is a source of the same key each time.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
