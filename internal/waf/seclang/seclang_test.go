package seclang

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const text = `# a comment
SecRule REQUEST_COOKIES|!REQUEST_COOKIES:/__utm|x/|ARGS "!@rx a\"b\x5c|c" \
    "id:942100,\
    phase:2,\
    t:none,t:urlDecodeUni,\
    msg:'one, two',\
    multiMatch,\
    tag:'paranoia-level/1',\
    setvar:'tx.score=+%{tx.critical}',\
    chain"
    SecRule TX:1 "@eq 0" "t:none"

SecComponentSignature "x"
SecMarker END
SecAction "id:10,phase:request,pass"
SecRule ARGS word
`

func TestParse(t *testing.T) {
	got, err := Parse("a.conf", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		r.Text = ""
	}
	want := []*Rule{
		{ID: 942100, Phase: 2, Paranoia: 1, Line: 2, Targets: []string{"REQUEST_COOKIES", "!REQUEST_COOKIES:/__utm|x/", "ARGS"},
			Negated: true, Operator: "rx", Argument: `a"b\x5c|c`, Transforms: []string{"urldecodeuni"}, MultiMatch: true,
			Actions: []Action{{"id", "942100"}, {"phase", "2"}, {"msg", "one, two"}, {"multiMatch", ""}, {"tag", "paranoia-level/1"},
				{"setvar", "tx.score=+%{tx.critical}"}, {"chain", ""}},
			Chain: []*Rule{{Phase: 2, Paranoia: 1, Line: 11, Targets: []string{"TX:1"}, Operator: "eq", Argument: "0"}}},
		{Marker: "END", Line: 14},
		{ID: 10, Phase: 2, Line: 15, Actions: []Action{{"id", "10"}, {"phase", "request"}, {"pass", ""}}},
		{Line: 16, Targets: []string{"ARGS"}, Operator: "rx", Argument: "word"},
	}
	for _, r := range got[0].Chain {
		r.Text = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestParseNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nSecRule ARGS":                  "a.conf:2: SecRule has 1 arguments, want 2 or 3",
		"SecRule ARGS \"x":                "a.conf:1: a quotation has no end",
		"SecAction \"id:x\"":              `a.conf:1: action "id:x": strconv.Atoi: parsing "x": invalid syntax`,
		"SecRule ARGS x \"id:1,chain\"\n": "a.conf:1: the chain of rule 1 has no end",
	} {
		if _, err := Parse("a.conf", text); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text)
	f.Fuzz(func(t *testing.T, s string) {
		rules, err := Parse("a.conf", s)
		for _, r := range rules {
			if err == nil && r.Text == "" && r.Marker == "" {
				t.Fatal("a rule without its text")
			}
		}
	})
}
