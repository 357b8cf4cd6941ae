package transform

import (
	"slices"
	"testing"
)

// FuzzApply: every transformation makes of any bytes what the judge makes of them,
// holds no byte that was not foreseen, and touches nothing that was there before.
func FuzzApply(f *testing.F) {
	for _, p := range pieces {
		f.Add(p + "%u003c\\u0041&#x41;")
	}
	f.Add("%25%32%37\xe2\x98\xff&NotEqualTilde;\\x4")
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	judges := map[string]*judge{}
	for _, name := range names {
		judges[name] = newJudge(f, name)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 4<<10 {
			return
		}
		for _, name := range names {
			want, err := judges[name].see(value)
			if err != nil {
				t.Fatal(err)
			}
			got := ours(name, value)
			if got != want {
				t.Fatalf("%s(%q) = %q, want %q", name, value, got, want)
			}
			present, result := Present([]byte(value)), Present([]byte(got))
			reach := Lookup(name).Reach(&present)
			for c := range 256 {
				if result.Has(byte(c)) && !reach.Has(byte(c)) {
					t.Fatalf("%s(%q) = %q holds %#x, which is not foreseen", name, value, got, c)
				}
			}
		}
	})
}
