package sieve

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "sekisho/internal/seed"
	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/transform"
)

func scan(s *Sieve, text string) []int32 {
	present := transform.Present([]byte(text))
	got := slices.Clone(s.Scan([]byte(text), &present, s.NewScratch()))
	slices.Sort(got)
	return got
}

func TestScan(t *testing.T) {
	var formulas []*required.Formula
	for _, text := range []string{`"select"`, `(& "union" "select" ",")`, `(| "x" "lect")`, `(& (| "a" "b") (| "c" "dd"))`, `*`, `"<"`, `(& "{" "}")`} {
		f, err := required.ParseFormula(text)
		if err != nil {
			t.Fatal(err)
		}
		formulas = append(formulas, f)
	}
	s := New(formulas)
	for text, want := range map[string][]int32{
		"":                      nil,
		"SeLeCt":                {0, 2},
		"union all select 1":    {0, 2, 3},
		"union all select 1, 2": {0, 1, 2, 3},
		"X":                     {2},
		"addB":                  {3},
		"{ < }":                 {5, 6},
	} {
		if got := scan(s, text); !slices.Equal(got, want) {
			t.Errorf("Scan(%q) = %v, want %v", text, got, want)
		}
	}
}

// The sieve says of the formulas of the rule set what asking them one by one
// says.
func TestScanAgreesWithFormulas(t *testing.T) {
	table, err := crs.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var formulas []*required.Formula
	var words []string
	for _, s := range table.Searches {
		if s.Formula == nil {
			continue
		}
		formulas = append(formulas, s.Formula)
		words = append(words, literals(s.Formula)...)
	}
	s := New(formulas)
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom(words), rapid.StringN(0, 3, -1))
		text := strings.Join(rapid.SliceOfN(part, 0, 40).Draw(t, "parts"), "")
		if rapid.Bool().Draw(t, "upper") {
			text = strings.ToUpper(text)
		}
		var want []int32
		for i, f := range formulas {
			if f.Op != required.Any && f.Holds(text) {
				want = append(want, int32(i))
			}
		}
		if got := scan(s, required.FoldKS(text)); !slices.Equal(got, want) {
			t.Fatalf("Scan(%q) = %v, want %v", text, got, want)
		}
	})
}

func literals(f *required.Formula) []string {
	if f.Op == required.Literal {
		return []string{f.Text}
	}
	var all []string
	for _, s := range f.Subs {
		all = append(all, literals(s)...)
	}
	return all
}

func BenchmarkScan(b *testing.B) {
	table, err := crs.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	var formulas []*required.Formula
	for _, s := range table.Searches {
		if s.Formula != nil && s.Paranoia == 1 {
			formulas = append(formulas, s.Formula)
		}
	}
	s := New(formulas)
	c := s.NewScratch()
	for name, text := range map[string]string{
		"ascii":    strings.Repeat("Please send the invoice to the office in Osaka, our guests arrive at 10:30. ", 26),
		"japanese": strings.Repeat("請求書は大阪の事務所へお送りください。到着は午前十時半の予定です。", 20),
	} {
		b.Run(name, func(b *testing.B) {
			value := []byte(text)
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				present := transform.Present(value)
				s.Scan(value, &present, c)
			}
			b.Logf("%d states, %d a row, %d nodes, %d byte nodes", len(s.found), s.row, len(s.nodes), len(s.bytes))
		})
	}
}
