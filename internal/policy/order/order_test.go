package order

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/policy/cut"
)

func keys(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := NewKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

var at = time.Date(2026, 3, 19, 9, 0, 0, 123, time.UTC)

func TestOrder(t *testing.T) {
	s, v := keys(t, KeyName("default"))
	want := &Order{Tenant: "default", Generation: 7, At: at, Entries: []cut.Entry{
		{ID: "cut-1", Kind: cut.All, Until: at.UnixNano(), Case: "c1"}, {ID: "cut-2", Kind: cut.Name, Target: "evil.example", Until: 5}}}
	text, err := want.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenOrder(text, v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if set, err := got.Set(); err != nil || set.Generation() != 7 || len(set.Entries()) != 2 {
		t.Errorf("set: %v", err)
	}
	_, other := keys(t, KeyName("default"))
	if _, err := OpenOrder(text, other); !errors.Is(err, ErrSigned) {
		t.Errorf("another's key: %v", err)
	}
	for i := range text { // no byte may change
		bad := bytes.Clone(text)
		bad[i] ^= 4
		if o, err := OpenOrder(bad, v); err == nil && cmp.Diff(want, o) != "" {
			t.Fatalf("byte %d: read as %+v", i, o)
		}
	}
	if _, err := OpenReceipt(text, v); !errors.Is(err, ErrSigned) {
		t.Errorf("an order is no receipt: %v", err)
	}
	if _, err := (&Order{Tenant: "a\nb", At: at}).Sign(s); !errors.Is(err, ErrSigned) {
		t.Errorf("line feed: %v", err)
	}
}

func TestReceipt(t *testing.T) {
	s, v := keys(t, "osaka/out-1")
	want := &Receipt{Gate: "osaka/out-1", Generation: 7, Digest: Digest([]byte("x")), Closed: 1000, At: at}
	text, err := want.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenReceipt(text, v)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := OpenOrder(text, v); !errors.Is(err, ErrSigned) {
		t.Errorf("a receipt is no order: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	s, v := keys(f, "k")
	text, err := (&Order{Tenant: "default", At: at}).Sign(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, err := OpenOrder(text, v); err == nil && o.Generation != 0 {
			t.Fatalf("forged: %+v", o)
		}
		if _, err := OpenReceipt(text, v); err == nil {
			t.Fatal("forged receipt")
		}
	})
}
