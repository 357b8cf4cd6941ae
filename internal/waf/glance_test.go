package waf

import (
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/libinjection-go"
	"pgregory.net/rapid"

	_ "sekisho/internal/seed"
	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/required"
	"sekisho/internal/waf/transform"
)

// A text that satisfies a formula of the rule set satisfies its clauses.
func TestClauses(t *testing.T) {
	table, err := crs.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range table.Searches {
		for _, f := range []*required.Formula{s.Formula, s.Erased} {
			if f == nil {
				continue
			}
			of := clauses(f)
			rapid.Check(t, func(t *rapid.T) {
				text := satisfying(t, f)
				if rapid.Bool().Draw(t, "upper") {
					text = strings.NewReplacer("s", "\u017f", "k", "\u212a").Replace(strings.ToUpper(text))
				}
				if !f.Holds(required.FoldKS(text)) && !f.Holds(text) {
					return // signs that have another case beyond ASCII
				}
				bytes := folded(transform.Present([]byte(text)))
				for _, c := range of {
					if !c.Meets(&bytes) {
						t.Fatalf("rule %d: %q satisfies %s and not its clauses", s.ID, text, f)
					}
				}
			})
		}
	}
}

// satisfying draws a text that satisfies a formula.
func satisfying(t *rapid.T, f *required.Formula) string {
	switch f.Op {
	case required.Literal:
		return f.Text
	case required.And:
		var all strings.Builder
		for _, sub := range f.Subs {
			all.WriteString(satisfying(t, sub))
		}
		return all.String()
	case required.Or:
		return satisfying(t, f.Subs[rapid.IntRange(0, len(f.Subs)-1).Draw(t, "of")])
	}
	return ""
}

// What the first look does not ask libinjection about is no attack to it.
func TestXSSNeedsTagOrValue(t *testing.T) {
	piece := rapid.SampledFrom([]string{"'", `"`, "`", ">", "/", " ", "onclick", "onerror", "style", "href", "javascript:", "alert(1)", "!--", "-->", "?", "!doctype", "svg", "script", "xmlns", "\x00", "\t", "a", "é", "&#x3c;"})
	rapid.Check(t, func(r *rapid.T) {
		text := ""
		for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(r, "pieces") {
			text += p
		}
		if libinjection.IsXSS(text) {
			t.Fatalf("%q is an attack without < and =", text)
		}
	})
}

// Comparing eight letters at a time says what comparing each says.
func TestEqualFold(t *testing.T) {
	letter := rapid.SampledFrom([]byte("aAzZ@[`{kK09 \x00\x20\x80\xa0\xc1\xe1\xff"))
	rapid.Check(t, func(r *rapid.T) {
		a := rapid.SliceOfN(letter, 0, 20).Draw(r, "a")
		b := append([]byte(nil), a...)
		for i := range b {
			switch rapid.IntRange(0, 4).Draw(r, "change") {
			case 0:
				b[i] ^= 0x20
			case 1:
				b[i] = letter.Draw(r, "letter")
			}
		}
		if got, want := equalFold(a, b), equalFoldBytes(a, b); got != want {
			t.Fatalf("%q and %q: %v, each alone: %v", a, b, got, want)
		}
	})
}

// What is not made because nothing can match it changes no answer.
func TestPlanMissesNothing(t *testing.T) {
	table, err := crs.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"%", "%27", "%2", "+", "&lt;", "&#x3c;", `\`, `\x41`, `\u0041`, "あ", "、", "請求書", "ａ", "ſ", "\u212a", "\x00", " ", "\n", "/*", "*/", "--", "<", ">", "=", "'", `"`, "(", ")", "/", "../", ":", ";", "PHNjcmlwdD4=", "1", "0x", "or", "$", "{", "\xff"}
	for _, s := range table.Searches {
		if s.Formula != nil {
			parts = append(parts, wordsOf(s.Formula)...)
		}
	}
	for _, kinds := range groups {
		l := newLook(table.Searches, kinds)
		planned := newGlance(l)
		all := newLook(table.Searches, kinds)
		for i := range all.tree {
			for k := range all.tree[i].asks {
				all.tree[i].asks[k].clauses = nil
			}
		}
		whole := newGlance(all)
		rapid.Check(t, func(t *rapid.T) {
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "parts"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
			kind := kinds & -kinds
			planned.begin()
			whole.begin()
			planned.bytes(kind, []byte(text))
			whole.bytes(kind, []byte(text))
			if got, want := planned.rules(nil), whole.rules(nil); !slices.Equal(got, want) {
				t.Fatalf("%q: rules %v, with everything made %v", text, got, want)
			}
		})
	}
}

// wordsOf are the literals of a formula.
func wordsOf(f *required.Formula) []string {
	if f.Op == required.Literal {
		return []string{f.Text}
	}
	var all []string
	for _, sub := range f.Subs {
		all = append(all, wordsOf(sub)...)
	}
	return all
}
