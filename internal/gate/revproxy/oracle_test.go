package revproxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sekisho/internal/policy/visit"
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

// Those who know how letters are counted: each asks in another place, in other words,
// with another cookie, from another address, or so slowly that nobody remembers.
func TestLettersAreCountedHoweverTheyAreAsked(t *testing.T) {
	words := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega")
	condition := func(i int) string { return fmt.Sprintf("7-(ascii(substr(v,%d,1))>%d)", i/7, i) }
	in := func(target string) *http.Request {
		r := httptest.NewRequest("GET", target, nil)
		r.RemoteAddr = "192.0.2.7:4711"
		return r
	}
	query := func(value string) *http.Request { return in("/plans?id=" + url.QueryEscape(value)) }
	for name, c := range map[string]struct {
		ask  func(i int) *http.Request
		wait time.Duration
		most int
	}{
		"one place":   {func(i int) *http.Request { return query(condition(i)) }, 0, maxProbes},
		"slowly":      {func(i int) *http.Request { return query(condition(i)) }, 20 * time.Minute, maxProbes},
		"lists":       {func(i int) *http.Request { return in(fmt.Sprintf("/plans?id[%d]=", i) + url.QueryEscape(condition(i))) }, 0, maxProbes},
		"many fields": {func(i int) *http.Request { return in("/plans?" + words[i%24] + "=" + url.QueryEscape(condition(i))) }, 0, maxConditions},
		"many pages":  {func(i int) *http.Request { return in("/" + words[i%24] + "?id=" + url.QueryEscape(condition(i))) }, 0, maxConditions},
		"other words": {func(i int) *http.Request {
			return query(fmt.Sprintf("7-(case when (select %s from members limit 1) %s 'a' then 1 end)", words[i%24], []string{">", "like", "<"}[i/24%3]+strings.Repeat(" ", i%7)))
		}, 0, maxConditions},
		"cookies": {func(i int) *http.Request {
			r := query(condition(i))
			r.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: fmt.Sprint("s", i)})
			return r
		}, 0, maxProbes},
		"addresses": {func(i int) *http.Request {
			r := query(condition(i))
			r.RemoteAddr = fmt.Sprintf("192.0.%d.%d:4711", i/200, i%200)
			return r
		}, 0, maxTogether},
		"a cookie": {func(i int) *http.Request {
			r := in("/")
			r.Header.Set("Cookie", "last="+url.QueryEscape(condition(i)))
			return r
		}, 0, maxProbes},
		"an odd cookie": {func(i int) *http.Request {
			r := in("/")
			r.Header.Set("Cookie", "a=b; last="+strings.ReplaceAll(condition(i), ";", "")+"\\,\"")
			return r
		}, 0, maxProbes},
		"a cookie without a name": {func(i int) *http.Request {
			r := in("/")
			r.Header.Set("Cookie", url.QueryEscape(condition(i)))
			return r
		}, 0, maxProbes},
		"a header": {func(i int) *http.Request {
			r := in("/")
			r.Header.Set("User-Agent", "x'||"+condition(i))
			return r
		}, 0, maxProbes},
		"a path":          {func(i int) *http.Request { return in("/plans/" + url.PathEscape(condition(i))) }, 0, maxProbes},
		"a row as answer": {func(i int) *http.Request { return query(fmt.Sprintf("ascii(substr(v,%d,1))", i)) }, 0, maxProbes},
		"no function":     {func(i int) *http.Request { return query(fmt.Sprintf("7-(v>'%s')", words[i%24]+words[i/24])) }, 0, maxProbes},
		"a list":          {func(i int) *http.Request { return query(fmt.Sprintf("7-(mid(v,1,1)in('%s','%d'))", words[i%24], i)) }, 0, maxProbes},
		"waiting":         {func(i int) *http.Request { return query(fmt.Sprintf("x'||dbms_pipe.receive_message('a',%d)", i)) }, 0, maxProbes},
	} {
		x := &exchange{gate: &Gate{probed: visit.NewBook(probeLimits)}, host: &Host{Names: []string{"shop.example.jp"}}}
		now, passed := time.Unix(1_800_000_000, 0), 0
		for i := range 2 * maxTogether {
			if !x.probes(c.ask(i), nil, now) {
				passed++
			}
			now = now.Add(c.wait)
		}
		if most := c.most * max(1, int(2*maxTogether*c.wait/probeWindow)+1); passed > most {
			t.Errorf("%s: %d of %d passed, want at most %d", name, passed, 2*maxTogether, most)
		}
	}
}

// Pages that people write begin with a number, too; what only looks like one is
// told from it.
func TestPagesAreNoInjections(t *testing.T) {
	for value, want := range map[string]bool{
		`3 <a href="/plans/1">rooms</a>`:                              false,
		`2026 <img class='wide' width = "20" alt="a view" src="/a">`:  false,
		`(1) <td data-x="1">`:                                         false,
		`1 <a or b='x'`:                                               true,
		`1 <a/**/or/**/b='x'`:                                         true,
		`1 <a b.c='x'`:                                                true,
		`1<"a" or name='x'`:                                           true,
		`1' or '<a b="' or name='x' or '">'`:                          true,
		`7-(v>'admin')`:                                               true,
		`3 <a href="x"> and (select count(*) from members) > 3`:       true,
		`3 <a href="x" title=(select/**/name/**/from/**/a)and 1='1'>`: true,
	} {
		if got := condition(value); got != want {
			t.Errorf("%s: a condition: %v, want %v", value, got, want)
		}
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
