package cut

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func later() int64 { return now.Add(time.Hour).UnixNano() }

func TestMatch(t *testing.T) {
	addr := netip.MustParseAddr
	set := func(e ...Entry) []Entry {
		for i := range e {
			e[i].ID, e[i].Until = fmt.Sprint(i), later()
		}
		return e
	}
	flow := Flow{Role: "office", Client: addr("10.1.2.3"), User: "ayame", Name: "cdn.Evil.example.", Others: []string{"front.example"}, Address: addr("203.0.113.9")}
	for _, c := range []struct {
		name    string
		entries []Entry
		flow    Flow
		want    string // id of the entry, "" for none
	}{
		{"nothing", nil, flow, ""},
		{"all", set(Entry{Kind: All}), flow, "0"},
		{"all, of a flow that nothing is known of", set(Entry{Kind: All}), Flow{}, "0"},
		{"name above", set(Entry{Kind: Name, Target: "evil.example"}), flow, "0"},
		{"name itself in capitals and with a dot", set(Entry{Kind: Name, Target: "CDN.evil.EXAMPLE."}), flow, "0"},
		{"name with a star", set(Entry{Kind: Name, Target: "*.evil.example"}), flow, "0"},
		{"name of the SNI", set(Entry{Kind: Name, Target: "front.example"}), flow, "0"},
		{"no part of a label", set(Entry{Kind: Name, Target: "vil.example"}), flow, ""},
		{"name below", set(Entry{Kind: Name, Target: "a.cdn.evil.example"}), flow, ""},
		{"address", set(Entry{Kind: Address, Target: "203.0.113.9"}), flow, "0"},
		{"prefix", set(Entry{Kind: Address, Target: "203.0.113.0/24"}), flow, "0"},
		{"address written as a mapped one", set(Entry{Kind: Address, Target: "::ffff:203.0.113.9"}), flow, "0"},
		{"flow to a mapped one", set(Entry{Kind: Address, Target: "203.0.113.9"}), Flow{Address: addr("::ffff:203.0.113.9")}, "0"},
		{"address as the name", set(Entry{Kind: Address, Target: "203.0.113.9"}), Flow{Name: "203.0.113.9"}, "0"},
		{"the client's address is no destination", set(Entry{Kind: Address, Target: "10.1.2.3"}), flow, ""},
		{"host", set(Entry{Kind: Host, Target: "10.1.0.0/16"}), flow, "0"},
		{"other host", set(Entry{Kind: Host, Target: "10.2.0.0/16"}), flow, ""},
		{"role", set(Entry{Kind: Role, Target: "office"}), flow, "0"},
		{"user", set(Entry{Kind: User, Target: "ayame"}), flow, "0"},
		{"first of several", set(Entry{Kind: Role, Target: "web"}, Entry{Kind: User, Target: "ayame"}, Entry{Kind: All}), flow, "1"},
	} {
		s, err := New(1, c.entries)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		e, ok := s.Match(&c.flow, now)
		if ok != (c.want != "") || e.ID != c.want {
			t.Errorf("%s: entry %q, %t; want %q", c.name, e.ID, ok, c.want)
		}
	}
}

func TestLapse(t *testing.T) {
	s, err := New(4, []Entry{{ID: "a", Kind: Role, Target: "web", Until: later()}, {ID: "b", Kind: Role, Target: "db", Until: later(), Case: "c1"}})
	if err != nil {
		t.Fatal(err)
	}
	after := now.Add(time.Hour)
	if _, ok := s.Match(&Flow{Role: "web"}, after); ok {
		t.Error("a cut holds beyond its end")
	}
	if _, ok := s.Match(&Flow{Role: "db"}, after); !ok {
		t.Error("a cut for a case lapsed without a person")
	}
	if s.Generation() != 4 || (*Set)(nil).Generation() != 0 || !(*Set)(nil).Empty() {
		t.Error("generation")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, e := range [][]Entry{
		{{Kind: All, Until: 1}},
		{{ID: "a", Kind: All}},
		{{ID: "a", Kind: All, Target: "x", Until: 1}},
		{{ID: "a", Kind: Name, Until: 1}},
		{{ID: "a", Kind: Address, Target: "evil.example", Until: 1}},
		{{ID: "a", Kind: Host, Target: "10.0.0.0/33", Until: 1}},
		{{ID: "a", Kind: Host, Target: "::ffff:0:0/90", Until: 1}},
		{{ID: "a", Kind: Host, Target: "fe80::1%eth0", Until: 1}},
		{{ID: "a", Kind: "everything", Target: "x", Until: 1}},
		{{ID: "a", Kind: All, Until: 1}, {ID: "a", Kind: All, Until: 1}},
		make([]Entry, MaxEntries+1),
	} {
		if _, err := New(1, e); !errors.Is(err, ErrEntry) {
			t.Errorf("%d entries, first %+v: %v", len(e), e[0], err)
		}
	}
}

// TestMatchEqualsDefinition compares the index with asking every entry.
func TestMatchEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "a.b", "b.a.b", "c.a.b"})
		address := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1"})
		var entries []Entry
		for i := range rapid.IntRange(0, 6).Draw(t, "entries") {
			e := Entry{ID: fmt.Sprint(i), Until: now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "until")) * time.Hour).UnixNano()}
			e.Kind = rapid.SampledFrom([]Kind{Name, Address, Role, Host, User, All}).Draw(t, "kind")
			switch e.Kind {
			case All:
			case Address, Host:
				e.Target = address.Draw(t, "target") + rapid.SampledFrom([]string{"", "/24"}).Draw(t, "bits")
			default:
				e.Target = word.Draw(t, "target")
			}
			entries = append(entries, e)
		}
		f := Flow{Role: word.Draw(t, "role"), User: word.Draw(t, "user"), Name: word.Draw(t, "name"),
			Client: netip.MustParseAddr(address.Draw(t, "client")), Address: netip.MustParseAddr(address.Draw(t, "address"))}
		whole, err := New(1, entries)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := whole.Match(&f, now)
		want := ""
		for _, e := range entries {
			one, err := New(1, []Entry{e})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := one.Match(&f, now); ok {
				want = e.ID
				break
			}
		}
		if got.ID != want {
			t.Fatalf("%+v: entry %q, want %q of %+v", f, got.ID, want, entries)
		}
	})
}
