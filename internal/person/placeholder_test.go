package person

import (
	"fmt"
	"strings"
	"testing"
)

// Values that stand for "unknown" are found from the data, reported, and link
// nobody: a birth date, an address, a telephone and a passport that many bear.
func TestPlaceholders(t *testing.T) {
	rows := crowd(400, 6)
	for i := range 60 {
		name := strings.Split(rows[7*i], ",")
		rows = append(rows, fmt.Sprintf("p%d,%s,%s,,1900-01-01,none@example.jp,0000000000,,東京都港区芝9-9-9,XX0000000", i, name[1], name[2]))
	}
	text := header + strings.Join(rows, "\n") + "\n"
	res := people(t, text, Options{})
	found := map[string]int{}
	for _, s := range res.Match.Shared {
		found[s.What] = s.Records
	}
	for _, what := range []string{"birthdate", "email", "address", "passport"} {
		if found[what] < 60 {
			t.Errorf("%s: %d records bear a placeholder, want 60 (%v)", what, found[what], found)
		}
	}
	at := keyed(text)
	names := map[string]bool{}
	for i := range 60 {
		row := at[fmt.Sprintf("p%d", i)]
		if n := res.Sets.Len(row); n > 2 {
			t.Errorf("p%d stands with %d records", i, n)
		}
		names[strings.Split(rows[7*i], ",")[1]] = true
	}
	persons := map[uint32]bool{}
	for i := range 60 {
		persons[res.Persons[at[fmt.Sprintf("p%d", i)]]] = true
	}
	if len(persons) < len(names) {
		t.Errorf("60 records of %d names are %d persons", len(names), len(persons))
	}
}

// A rule skips groups above its cap and says so; finer keys find the pairs of the
// skipped groups again, so that the persons stay the same.
func TestCapsAreRescued(t *testing.T) {
	rows := crowd(1200, 8)
	text := header + strings.Join(rows, "\n") + "\n"
	free := people(t, text, Options{})
	capped := people(t, text, Options{Cap: 3})
	if len(free.Match.Skipped) > 0 && len(free.Match.Skipped) >= len(capped.Match.Skipped) {
		t.Errorf("skipped with the usual cap: %+v", free.Match.Skipped)
	}
	groups := uint64(0)
	for _, s := range capped.Match.Skipped {
		if s.Rule == "" || s.Groups == 0 || s.Records <= 3*s.Groups || s.Pairs == 0 {
			t.Errorf("skipped: %+v", s)
		}
		groups += s.Pairs
	}
	if groups == 0 || capped.Match.Pairs >= free.Match.Pairs {
		t.Errorf("a cap of 3 skipped nothing: %d pairs compared, %d without", capped.Match.Pairs, free.Match.Pairs)
	}
	lost := 0
	for i := range rows {
		if free.Sets.Len(uint32(i)) > 1 && capped.Sets.Len(uint32(i)) == 1 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d records lost their person to the cap", lost)
	}
}
