package revproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// Conditions that no rule knows, each asked for one letter after the other: a
// database is not read to its end.
func TestLettersAreNotReadOneByOne(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for name, ask := range map[string]func(i int) string{
		"glob":        func(i int) string { return fmt.Sprintf("3*(zip(secret) glob 'S%c*')", letters[i]) },
		"comparison":  func(i int) string { return fmt.Sprintf("7-(ord(mid(v,%d,1))>%d)", i/8, 64+i) },
		"hexadecimal": func(i int) string { return fmt.Sprintf("coalesce(v,1) between 0x%x and 0x%x", i, i+7) },
		"other case":  func(i int) string { return fmt.Sprintf("1 /*%d*/ LiKe (left( v,%d))", i, i) },
		"unclosed":    func(i int) string { return fmt.Sprintf("x'||(case when v like '%s", letters[:i%26+1]) },
	} {
		w := newWorld(t, nil, func(c *Config) { c.Firewall = nil })
		passed := 0
		for i := range 26 {
			status, body, err := w.get(t, "/plans?page=1&id="+url.QueryEscape(ask(i)))
			if err != nil {
				t.Fatal(err)
			}
			if status == 200 {
				passed++
			} else if !strings.Contains(body, codeOracle) {
				t.Fatalf("%s: %d %q", name, status, body)
			}
		}
		if passed > maxProbes {
			t.Errorf("%s: %d of 26 passed", name, passed)
		}
		d := w.decisions(t)
		if len(d) == 0 || d[0].Rule != "oracle" {
			t.Errorf("%s: decisions %+v", name, d)
		}
		w.silent(t, "secret", "glob")
	}
}

// What people write many times over in one visit.
func TestSearchesAreNoProbes(t *testing.T) {
	w := newWorld(t, nil, func(c *Config) { c.Firewall = nil })
	for i := range 40 {
		for _, value := range []string{
			fmt.Sprintf("北海道(札幌) %d泊 夕食付き", i), fmt.Sprintf("(twin) for %d guests", i), fmt.Sprintf("room %d (I'd like a view of the sea, if any is left) %s", i, strings.Repeat("よ", i)),
			fmt.Sprintf("O'Brien %d", i), fmt.Sprintf("2026-%02d-01", i%12+1), fmt.Sprintf(`{"q":"ホテル%d","limit":20}`, i), fmt.Sprintf("price gt %d and startswith(Name,'%c')", i*1000, 'A'+i%26),
			fmt.Sprintf("大人%d名「禁煙」希望（お子様あり）", i),
			fmt.Sprintf("I would like to ask about your plans (%d-%d). We would prefer a room with a view, if any is left (all of us).", i, i+1),
			fmt.Sprintf("%d adult(s), %d child(ren): would like 'sea view' (if possible), price <= %d", i, i%3, i*1000),
			fmt.Sprintf("please select (%d) from the list of \"left\" or \"right\"", i),
		} {
			if status, _, err := w.get(t, "/search?q="+url.QueryEscape(value)); err != nil || status != 200 {
				t.Fatalf("%q: %d, %v", value, status, err)
			}
		}
	}
}

func TestProbe(t *testing.T) {
	for _, c := range [][2]string{
		{"1 and ascii(substr(v,1,1))>64", "2 AND ascii(substr(v,12,1)) < 7"},
		{"a'||(select 'x' like 'S%')", "a'||(select  'y' like 'Se%')"},
		{"if(v regexp '^a',1,2)", "if/**/(v regexp '^ab',1,2)"},
	} {
		a, _ := probe(c[0])
		b, ok := probe(c[1])
		if !ok || a != b {
			t.Errorf("%q and %q: %q and %q", c[0], c[1], a, b)
		}
	}
	for _, asked := range []string{
		"1 and instr(v,'ab')", "1 and substr/**/(v,1,1)='a'", "1 and (select 1 from users where name like 'a%')", "exists(select 1 from t where pw>'a')",
		"(v) regexp '^a'", "CASE\tWHEN v>1 THEN 1 END", "1-left (v,2)>'b'", "if(ascii(v)>7,sleep(1),0)",
	} {
		if _, ok := probe(asked); !ok {
			t.Errorf("%q is a condition", asked)
		}
	}
	for _, plain := range []string{"", "札幌", "2026-01-01", "O'Brien", "(twin)", "select"} {
		if got, ok := probe(plain); ok {
			t.Errorf("%q is a condition: %q", plain, got)
		}
	}
}

// A request is looked at closely wherever one of its fields is a condition,
// however the field is written.
func FuzzMayProbe(f *testing.F) {
	for _, value := range []string{
		"1 and ascii(substr(v,1,1))>64", "x'||(case when v like 'a", "(v) regexp '^a'", "1\n-left (v,2)>'b'", "(\tselect 1)=1", "1 and substr/**/(v,1,1)='a'",
		"a like \"b\" or instr(v)", "CASE\r\nWHEN max(v)<'x'", "ß(select 1)>2", "/*x*/ (min(v))=1", "v between 1 and count (*)",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !condition(value) || !utf8.ValidString(value) {
			return
		}
		text, err := json.Marshal(map[string]string{"note": value})
		if err != nil {
			t.Fatal(err)
		}
		var plain bytes.Buffer
		enc := json.NewEncoder(&plain)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(value); err != nil {
			t.Fatal(err)
		}
		var each strings.Builder
		for i := range len(value) {
			fmt.Fprintf(&each, "%%%02x", value[i])
		}
		for _, written := range []string{"q=" + value, "q=" + url.QueryEscape(value), "q=" + url.PathEscape(value), string(text), plain.String(), "q=" + each.String()} {
			if !mayProbe(written) {
				t.Errorf("%q is not looked at", written)
			}
		}
	})
}

func FuzzProbe(f *testing.F) {
	f.Add("1 and ascii(substr(v,1,1))>64")
	f.Add("x'||(case when v like 'a")
	f.Fuzz(func(t *testing.T, value string) {
		if common, ok := probe(value); ok && len(common) > len(value) {
			t.Fatalf("%q is longer than %q", common, value)
		}
	})
}
