package required

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "sekisho/internal/seed"
)

func parseExpr(t testing.TB, s string) *syntax.Regexp {
	t.Helper()
	re, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	return re
}

func TestOf(t *testing.T) {
	for expr, want := range map[string]string{
		`(?i)SELECT`:            `"select"`,
		`union.*select`:         `(& "union" "select")`,
		`a|b`:                   `(| "a" "b")`,
		`(?:ab|ac)d`:            `(| "abd" "acd")`,
		`x?`:                    `*`,
		`[0-9]+`:                `(| "0" "1" "2" "3" "4" "5" "6" "7" "8" "9")`,
		`\.{2,3}[/;]`:           `(| "../" "..;")`,
		`^\s*$`:                 `*`,
		`あb`:                    `"b"`,
		`(?i)k`:                 `"k"`,
		`(?:a.*){3}`:            `"a"`,
		`foo(?:bar)?`:           `"foo"`,
		`[^a]b`:                 `"b"`,
		`(?:select|insert)\s+x`: `(& (| "insert" "select") (| "\t" "\n" "\f" "\r" " ") "x")`,
	} {
		if got := (Language{}).Of(parseExpr(t, expr)).String(); got != want {
			t.Errorf("Of(%s) = %s, want %s", expr, got, want)
		}
	}
	if got, want := (Language{Bytes: true}).Of(parseExpr(t, `\x{bc}a`)).String(), `"\xbca"`; got != want {
		t.Errorf("in bytes: %s, want %s", got, want)
	}
}

func TestErased(t *testing.T) {
	re := parseExpr(t, `c["\^]*a["\^]*t|d["\^]*i["\^]*r(?:\$[a-z]*)?x`)
	sets := Gaps(re, 2)
	if len(sets) != 1 || !sets[0]['"'] || !sets[0]['^'] || sets[0]['a'] {
		t.Fatalf("Gaps = %v", sets)
	}
	if got, want := (Language{}).Erased(re, &sets[0], 0).String(), `(| "cat" (& "dir" "x"))`; got != want {
		t.Errorf("Erased = %s, want %s", got, want)
	}
	if got, want := (Language{}).Erased(re, &sets[0], '$').String(), `(| "$" "cat" "dirx")`; got != want {
		t.Errorf("with a guard: %s, want %s", got, want)
	}
	if got, want := string(sets[0].Erase(nil, []byte(`c"^a"t`))), "cat"; got != want {
		t.Errorf("Erase = %q, want %q", got, want)
	}
}

// expressions draws an expression of what rules are made of.
func expressions() *rapid.Generator[string] {
	leaf := rapid.SampledFrom([]string{"a", "B", "s", "k", "ab", "[a-c]", "[^a]", `\s`, ".", `\W`, "あ", `\x{e9}`, "$", "x{2,3}", `["']*`, `\b`, "^"})
	return rapid.Custom(func(t *rapid.T) string {
		var grow func(depth int) string
		grow = func(depth int) string {
			if depth == 0 {
				return leaf.Draw(t, "leaf")
			}
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0:
				return "(?:" + grow(depth-1) + "|" + grow(depth-1) + ")"
			case 1:
				return "(?:" + grow(depth-1) + ")?"
			case 2:
				return "(?:" + grow(depth-1) + ")*"
			case 3:
				return "(?:" + grow(depth-1) + ")+"
			}
			return grow(depth-1) + grow(depth-1)
		}
		flags := rapid.SampledFrom([]string{"(?s)", "(?is)", "(?i)"}).Draw(t, "flags")
		return flags + grow(rapid.IntRange(0, 4).Draw(t, "depth"))
	})
}

// What matches satisfies the formula, before and after erasing.
func TestMatchesSatisfy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := expressions().Draw(t, "expression")
		re, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Skip(err)
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "b", "s", "S", "ſ", "k", "\u212a", "x", `"`, "'", "$", " ", "あ", "é", "É", "\xff", "-"}), 0, 12).Draw(t, "text"), "")
		if !regexp.MustCompile(expr).MatchString(text) {
			return
		}
		if f := (Language{}).Of(re); !f.Holds(text) {
			t.Fatalf("%s matches %q but %s does not hold", expr, text, f)
		} else if c := f.Coarse(); !c.Holds(text) {
			t.Fatalf("%s matches %q but %s, which is coarser than %s, does not hold", expr, text, c, f)
		}
		sets := Gaps(re, 1)
		sets = append(sets, Bytes{'"': true, '\'': true, 'a': true})
		for i := range sets {
			for _, guard := range []byte{0, '$'} {
				if guard != 0 && sets[i][guard] {
					continue
				}
				f := (Language{}).Erased(re, &sets[i], guard)
				if left := string(sets[i].Erase(nil, []byte(FoldKS(text)))); !f.Holds(left) {
					t.Fatalf("%s matches %q but %s does not hold for %q", expr, text, f, left)
				}
			}
		}
	})
}

func FuzzParseFormula(f *testing.F) {
	f.Add(`(& "a" (| "b" "c"))`)
	f.Add(`*`)
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseFormula(s)
		if err != nil {
			return
		}
		h, err := ParseFormula(g.String())
		if err != nil || h.String() != g.String() {
			t.Fatalf("%q → %q, %v", s, g, err)
		}
	})
}

func TestCoarse(t *testing.T) {
	for text, want := range map[string]string{
		`(| (& "c" "a" "t") (& "d" "o" "g") "ls")`: `(| "c" "g" "ls")`,
		`(& "a" (| (& "n" (| "s" "z")) "cat"))`:    `(& "a" (| "n" "cat"))`,
		`(& "c" "a" "t")`:                          `(& "c" "a" "t")`,
	} {
		f, err := ParseFormula(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Coarse().String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
