package pgproxy

import (
	"slices"
	"testing"
)

// TestWordAfter: the name that a command gives is read as the server reads it.
func TestWordAfter(t *testing.T) {
	for canon, want := range map[string]string{
		`alter table a rename to b`:                  "b",
		`alter table a rename to "B ""c"""`:          `B "c"`,
		`alter view if exists s.a rename to b;`:      "b",
		`alter table a rename column x to y`:         "",
		`alter table a rename to "unfinished`:        "",
		`alter table a set schema s`:                 "",
		`alter materialized view "a b" rename to bc`: "bc",
	} {
		if got, _ := wordAfter([]byte(canon), " rename to "); got != want {
			t.Errorf("%s: %q, want %q", canon, got, want)
		}
	}
}

// TestSchemas: every schema where an unqualified name may be, the role's own too.
func TestSchemas(t *testing.T) {
	v := &environment{searchPath: `"$user", "My", pg_temp, public`, role: "none", user: "app"}
	if got := v.schemas(); !slices.Equal(got, []string{"app", "My", "public"}) {
		t.Errorf("%q", got)
	}
	v.role = "clerk"
	if got := v.schemas(); got[0] != "clerk" {
		t.Errorf("%q", got)
	}
}

// TestNamed: a relation that a command makes may be in every schema of the search
// path, since the first one named need not be there.
func TestNamed(t *testing.T) {
	b := newBench(t, nil)
	b.e.env.now = &environment{searchPath: "gone, public", role: "none", user: "app"}
	for text, want := range map[string][]string{
		"CREATE TABLE x AS SELECT 1":   {"gone.x", "public.x"},
		"CREATE TABLE s.x AS SELECT 1": {"s.x"},
	} {
		sql := []byte(text)
		c := b.e.newCommand(sql, scanOne(sql, b.e.env.scan()), nil)
		x := &execution{}
		b.e.makes(&c, x)
		var got []string
		for _, place := range x.made {
			got = append(got, b.e.g.relation(place))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
