package subject

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sekisho/internal/element"
	"sekisho/internal/keyring"
)

var mail = Space{"shop/public.customers", element.Email}

func newIdentifiers(t testing.TB, limit int) *Identifiers {
	t.Helper()
	ring := newRing(t)
	key, err := ring.Current(testTenant, keyring.Identifier)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := NewIdentifiers(key, limit)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ring.Current(testTenant, keyring.Dictionary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewIdentifiers(other, limit); !errors.Is(err, ErrIdentifierKey) {
		t.Fatalf("dictionary key: %v, want ErrIdentifierKey", err)
	}
	return ix
}

// TestIdentifiersAgainstModel: One only when exactly one subject has the value.
func TestIdentifiersAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ix := newIdentifiers(t, rapid.IntRange(1, 40).Draw(rt, "limit"))
		owners := map[string]map[uint32]bool{}
		b := ix.Begin(mail)
		for range rapid.IntRange(0, 60).Draw(rt, "rows") {
			v := rapid.StringMatching(`[a-fA-F]{1,2}@x`).Draw(rt, "value")
			k := strings.ToLower(v)
			if owners[k] == nil {
				owners[k] = map[uint32]bool{}
			}
			n := rapid.Uint32Range(0, 5).Draw(rt, "number")
			if n == 5 {
				n = MaxNumber
			}
			if rapid.IntRange(0, 9).Draw(rt, "unknown") == 0 {
				b.AddUnknown([]byte(v))
				owners[k][1<<20] = true
				owners[k][1<<21] = true
				continue
			}
			b.Add([]byte(v), n)
			owners[k][n] = true
		}
		if !b.Commit() {
			rt.Fatal("commit refused")
		}
		known := 0
		for v, set := range owners {
			n, o := ix.Lookup(mail, []byte(v))
			switch {
			case o == One && (len(set) != 1 || !set[n]):
				rt.Fatalf("%q: One %d, truth %v", v, n, set)
			case o == Several && len(set) < 2:
				rt.Fatalf("%q: Several, truth %v", v, set)
			case o != NotKnown:
				known++
			}
		}
		if known+int(b.Dropped()) < len(owners) {
			rt.Fatalf("%d of %d known, only %d dropped", known, len(owners), b.Dropped())
		}
	})
}

func TestSuspend(t *testing.T) {
	ix := newIdentifiers(t, 0)
	value := []byte("hanako@example.jp")
	early := ix.Begin(mail)
	early.Add(value, 7)
	ix.Suspend(mail) // a write after the snapshot began
	if early.Commit() {
		t.Error("a build begun before the write was taken")
	}
	if _, o := ix.Lookup(mail, value); o != NotKnown {
		t.Errorf("suspended: %v, want NotKnown", o)
	}
	late := ix.Begin(mail)
	late.Add(value, 7)
	if !late.Commit() {
		t.Fatal("a later build was refused")
	}
	if n, o := ix.Lookup(mail, []byte(" ＨＡＮＡＫＯ@Example.jp")); n != 7 || o != One {
		t.Errorf("got %d, %v, want 7, One", n, o)
	}
	if _, o := ix.Lookup(Space{"shop/public.other", element.Email}, value); o != NotKnown {
		t.Errorf("another table: %v, want NotKnown", o)
	}
	if n := testing.AllocsPerRun(100, func() { ix.Lookup(mail, value) }); n > 0 && !raced {
		t.Errorf("%v allocations a look-up, want 0", n)
	}
	if !ix.Complete(mail) || ix.Complete(Space{"shop/public.other", element.Email}) {
		t.Error("of a space that was read whole the index knows everything, and of another nothing")
	}
	ix.Suspend(mail)
	if ix.Complete(mail) {
		t.Error("complete after a write")
	}
	if _, o := ix.Lookup(mail, value); o != NotKnown {
		t.Errorf("after a write: %v, want NotKnown", o)
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		kind     element.Kind
		in, want string
	}{
		{element.Phone, "０３-１２３４ (5678)", "0312345678"},
		{element.Passport, "tk 1234567", "TK1234567"},
		{element.Email, " A.b+C@EXAMPLE.jp\n", "a.b+c@example.jp"},
		{element.Email, "日本@例.jp", "日本@例.jp"},
		{element.CustomerNumber, " 12 a", "12 a"},
		{element.Phone, "なし", ""},
		{NameBirth, "髙橋　一郎\x1f昭和55年2月3日", "高橋一郎\x1f19800203"},
		{NameBirth, "高橋 一郎\x1f1980-02-03 00:00:00", "高橋一郎\x1f19800203"},
		{NameBirth, "高橋 一郎\x1f不明", ""},
		{NameBirth, "\x1f1980-02-03", ""},
		{NameBirth, "高橋 一郎", ""},
	} {
		if got := string(Canonical(nil, c.kind, []byte(c.in))); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.kind, c.in, got, c.want)
		}
	}
}

func BenchmarkIdentifier(b *testing.B) {
	ix := newIdentifiers(b, 0)
	build := ix.Begin(mail)
	value := []byte("hanako.yamada@example.jp")
	build.Add(value, 7)
	build.Commit()
	b.ReportAllocs()
	for b.Loop() {
		if _, o := ix.Lookup(mail, value); o != One {
			b.Fatal(o)
		}
	}
}

// TestWriting: from before a write is sent to the end of its transaction, and
// until a scan is committed that began after that, nobody is named.
func TestWriting(t *testing.T) {
	ix := newIdentifiers(t, 0)
	mail := Space{"shop/public.customers", element.Email}
	value := []byte("mio@example.jp")
	build := func() *Build {
		b := ix.Begin(mail)
		b.Add(value, 1)
		return b
	}
	known := func(when string, want Owner) {
		t.Helper()
		if _, o := ix.Lookup(mail, value); o != want {
			t.Errorf("%s: %v, want %v", when, o, want)
		}
	}
	if !build().Commit() {
		t.Fatal("the first scan does not count")
	}
	known("before a write", One)
	turn := ix.Turns()
	before := build()
	ix.Writing(mail)
	known("while it is written", NotKnown)
	during := build()
	if before.Commit() || during.Commit() {
		t.Error("a scan counts while the column is written")
	}
	ix.Writing(mail)
	ix.Written(mail, true)
	between := build()
	if between.Commit() {
		t.Error("a scan counts while a second transaction writes")
	}
	ix.Written(mail, true)
	if during.Commit() || !during.Written() {
		t.Error("a scan counts that began before the transaction ended")
	}
	known("after it", NotKnown)
	if ix.Turns() == turn {
		t.Error("who reads an older snapshot cannot tell")
	}
	after := build()
	if !after.Commit() {
		t.Error("a scan after it does not count")
	}
	known("read again", One)
	late := build()
	ix.Suspend(mail)
	if late.Commit() || late.Written() {
		t.Error("a doubt counts as a write")
	}
}

// TestWritingNothing: what was known counts again when nothing was written, and
// nothing else happened.
func TestWritingNothing(t *testing.T) {
	ix := newIdentifiers(t, 0)
	value := []byte("mio@example.jp")
	b := ix.Begin(mail)
	b.Add(value, 1)
	if !b.Commit() {
		t.Fatal("the first scan does not count")
	}
	for _, c := range []struct {
		name string
		do   func()
		want Owner
	}{
		{"one that failed", func() { ix.Writing(mail); ix.Written(mail, false) }, One},
		{"two that failed", func() { ix.Writing(mail); ix.Writing(mail); ix.Written(mail, false); ix.Written(mail, false) }, One},
		{"one of two that failed goes on", func() { ix.Writing(mail); ix.Writing(mail); ix.Written(mail, false) }, NotKnown},
		{"it failed too", func() { ix.Written(mail, false) }, One},
		{"a doubt meanwhile", func() { ix.Writing(mail); ix.Suspend(mail); ix.Written(mail, false) }, NotKnown},
	} {
		c.do()
		if _, o := ix.Lookup(mail, value); o != c.want {
			t.Errorf("%s: %v, want %v", c.name, o, c.want)
		}
	}
	b = ix.Begin(mail)
	b.Add(value, 1)
	if !b.Commit() {
		t.Fatal("a scan after all of it does not count")
	}
	ix.Writing(mail)
	ix.Writing(mail)
	ix.Written(mail, true)
	ix.Written(mail, false)
	if _, o := ix.Lookup(mail, value); o != NotKnown {
		t.Errorf("one of two changed something: %v, want NotKnown", o)
	}
}
