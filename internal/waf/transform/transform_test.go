package transform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	_ "sekisho/internal/seed"
)

// judged returns what the judge makes of a value, by a rule that matches
// always and keeps what it saw.
type judge struct{ waf coraza.WAF }

func newJudge(t testing.TB, chain ...string) *judge {
	t.Helper()
	var actions strings.Builder
	for _, name := range chain {
		fmt.Fprintf(&actions, ",t:%s", name)
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives("SecRuleEngine On\n" +
		`SecRule ARGS:x "@unconditionalMatch" "id:1,phase:1,pass,log,t:none` + actions.String() + `"`))
	if err != nil {
		t.Fatal(err)
	}
	return &judge{waf}
}

func (j *judge) see(value string) (string, error) {
	tx := j.waf.NewTransaction()
	defer tx.Close()
	tx.(plugintypes.TransactionState).Variables().ArgsGet().Set("x", []string{value})
	tx.ProcessRequestHeaders()
	matched := tx.MatchedRules()
	if len(matched) != 1 || len(matched[0].MatchedDatas()) != 1 {
		return "", fmt.Errorf("the judge matched %d rules", len(matched))
	}
	return matched[0].MatchedDatas()[0].Value(), nil
}

func ours(name, value string) string {
	present := Present([]byte(value))
	got, changed := Lookup(name).Apply([]byte("before"), []byte(value), &present)
	if !changed {
		return value
	}
	return strings.TrimPrefix(string(got), "before")
}

// pieces are what values are put together from: whatever means something to
// some transformation.
var pieces = []string{"a", "B", "ß", "あ", "　", "İ", "ſ", "\u212a", "\u0085", "\u00a0", "\xa0", "\xff", "\xe3\x81", "%", "%2", "%20", "%u3042", "%uff07", "%U00a5", "%uD800", "+", "&lt;", "&#x3c", "&amp;lt;", "&",
	`\`, `\n`, `\x41`, `\u0041`, `\u{ff01}`, `\uff1c`, `\101`, `\777`, `\3c `, `\0`, "\\\n", "\x00", " ", "\t", "\v", "/*", "*/", "/", "//", "..", ".", "../", "--", "<!--", "-->", "#", ":", "::$DATA", "c:", "^", `"`, "'", ",", ";", "(", "YWJj", "=", "\r\n", "𝒜"}

func TestAgreesWithJudge(t *testing.T) {
	for name := range steps {
		t.Run(name, func(t *testing.T) {
			j := newJudge(t, name)
			rapid.Check(t, func(t *rapid.T) {
				value := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "value"), "")
				want, err := j.see(value)
				if err != nil {
					t.Fatal(err)
				}
				if got := ours(name, value); got != want {
					t.Fatalf("%s(%q) = %q, want %q", name, value, got, want)
				}
			})
		})
	}
}

// References one by one decode as the text as a whole does.
func TestReferences(t *testing.T) {
	pieces := []string{"&", "#", "x", ";", "lt", "amp", "notin", "not", "34", "0", "999999999999", "d800", "80", "Sum", "<", " ", "あ", "acE", "CounterClockwiseContourIntegral"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(t, "text"), "")
		if got, want := string(htmlEntityDecode(nil, []byte(text))), html.UnescapeString(text); got != want {
			t.Fatalf("htmlEntityDecode(%q) = %q, want %q", text, got, want)
		}
	})
}

// Results hold no bytes but those that are said beforehand.
func TestReach(t *testing.T) {
	within := func(t interface{ Fatalf(string, ...any) }, name, value string) {
		present := Present([]byte(value))
		result := Present([]byte(ours(name, value)))
		reach := Lookup(name).Reach(&present)
		for c := range 256 {
			if result.Has(byte(c)) && !reach.Has(byte(c)) {
				t.Fatalf("%s(%q) = %q holds %#x, which is not foreseen", name, value, ours(name, value), c)
			}
		}
	}
	for name := range steps {
		for r := range rune(0x11000) { // no letter further on has a small one in ASCII
			within(t, name, string(r))
		}
		rapid.Check(t, func(t *rapid.T) {
			within(t, name, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "value"), ""))
		})
	}
}
