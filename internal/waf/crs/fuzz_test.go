package crs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRead: a table is refused or reads alike when it was written again.
func FuzzRead(f *testing.F) {
	f.Add("version OWASP_CRS/4\nrest 1 2\n\nrule 3 paranoia 1\nkinds args,cookies\nafter urldecodeuni\nneeds (& \"a\" (| \"b\" \"c\"))\nerase IA==\nerased \"ab\"\nexpression \"a.*b\"\n")
	f.Add("rule 3 paranoia 1\nkinds args\nlibrary sqli\n")
	f.Add("rule 3 paranoia 1\nkinds args\nneeds (| (| (| (|")
	f.Add("rest 99999999999999999999\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := Read(text)
		if err != nil {
			return
		}
		first := table.Write()
		again, err := Read(first)
		if err != nil {
			t.Fatalf("%q was read, and not what was written of it: %v\n%s", text, err, first)
		}
		if diff := cmp.Diff(first, again.Write()); diff != "" {
			t.Fatal(diff)
		}
	})
}
