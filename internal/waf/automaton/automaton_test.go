package automaton

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sekisho/internal/waf/crs"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		expr, text string
	}{
		{`^$`, ""}, {`^$`, "a"}, {`(?m)^b$`, "a\nb\nc"}, {`\bcat\b`, "a cat."}, {`\bcat\b`, "concat"}, {`(?i)straße|k`, "\u212a"},
		{`a.c`, "a\nc"}, {`(?s)a.c`, "a\nc"}, {`[^a]`, "\xff"}, {`\x{fffd}`, "\xff"}, {`あ+い`, "ああい"}, {`a\z`, "a\n"}, {`(a|ab)(c|bcd)$`, "abcd"}, {`\B`, ""}, {`x*`, ""}, {`\A`, "a"}, {`\Ab`, "ab"}, {`(\Aa)+b`, "aab"}, {`\Aa*\nb`, "aa\nb"}, {`\Aa|b`, "ab"},
	} {
		m, err := New(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Match([]byte(c.text)), regexp.MustCompile(c.expr).MatchString(c.text); got != want {
			t.Errorf("%s on %q: %v, want %v", c.expr, c.text, got, want)
		}
	}
	if _, err := New("("); err == nil {
		t.Error("New of half an expression succeeded")
	}
}

var atoms = []string{"a", "b", "[a-c]", "[^b]", ".", `\b`, `\B`, "^", "$", `\w`, `\W`, "あ", "(?i:k)", `\A`, `\n`, "x{2,3}", `\z`}

func expressions() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var grow func(depth int) string
		grow = func(depth int) string {
			if depth == 0 {
				return rapid.SampledFrom(atoms).Draw(t, "atom")
			}
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0:
				return "(?:" + grow(depth-1) + "|" + grow(depth-1) + ")"
			case 1:
				return "(?:" + grow(depth-1) + ")" + rapid.SampledFrom([]string{"*", "+", "?", "*?"}).Draw(t, "repeat")
			}
			return grow(depth-1) + grow(depth-1)
		}
		return rapid.SampledFrom([]string{"", "(?s)", "(?m)", "(?i)", "(?sm)", `(?sm)\A`}).Draw(t, "flags") + grow(rapid.IntRange(0, 4).Draw(t, "depth"))
	})
}

// The answer is that of regexp.
func TestAgreesWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := expressions().Draw(t, "expression")
		m, err := New(expr)
		if err != nil {
			t.Skip(err)
		}
		re := regexp.MustCompile(expr)
		for range 5 {
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "x", "k", "K", "\u212a", " ", "\n", "あ", "\xff", "_"}), 0, 10).Draw(t, "text"), "")
			if got, want := m.Match([]byte(text)), re.MatchString(text); got != want {
				t.Fatalf("%s on %q: %v, want %v", expr, text, got, want)
			}
		}
	})
}

// So it is for the big expressions of the rule set, on what they are about.
func TestAgreesOnRules(t *testing.T) {
	table, err := crs.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	type rule struct {
		m  *Matcher
		re *regexp.Regexp
		id int
	}
	var rules []rule
	for _, s := range table.Searches {
		if s.Expression == "" || s.Bytes {
			continue
		}
		m, err := New("(?sm)" + s.Expression)
		if err != nil {
			t.Fatal(s.ID, err)
		}
		if m.Instructions() < 1000 {
			continue
		}
		rules = append(rules, rule{m, m.fallback, s.ID})
		words = append(words, regexp.MustCompile(`[a-z]{2,}`).FindAllString(s.Expression, 40)...)
	}
	if len(rules) < 4 {
		t.Fatalf("%d big expressions", len(rules))
	}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom(words), rapid.SampledFrom([]string{" ", ";", "|", "$(", "`", "'", `"`, `\`, "(", ")", "\n", "=", "-", "/", "あ", "$x", "&&", "<"}))
		text := strings.Join(rapid.SliceOfN(part, 0, 20).Draw(t, "text"), "")
		r := rapid.SampledFrom(rules).Draw(t, "rule")
		if got, want := r.m.Match([]byte(text)), r.re.MatchString(text); got != want {
			t.Fatalf("rule %d on %q: %v, want %v", r.id, text, got, want)
		}
	})
}

// A table that is full begins anew, and the answer stays.
func TestFullTable(t *testing.T) {
	expr := `(?:a|b)*a(?:a|b){12}c`
	m, err := New(expr)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(expr)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "ba"}), 500, 3000).Draw(t, "text"), "")
		text += rapid.SampledFrom([]string{"", "c", "ac"}).Draw(t, "end")
		if got, want := m.Match([]byte(text)), re.MatchString(text); got != want {
			t.Fatalf("on %d bytes: %v, want %v", len(text), got, want)
		}
	})
}
