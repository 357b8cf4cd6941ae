package shape

import (
	"slices"
	"strings"
	"testing"

	"sekisho/internal/waf/seclang"
)

// given is a request by variable and key, "" for those without.
type given map[Variable]map[string][]string

func (g given) Values(v Variable, key string) []string {
	if key != "" {
		return g[v][key]
	}
	var all []string
	for _, values := range g[v] {
		all = append(all, values...)
	}
	slices.Sort(all)
	return all
}

func parse(t *testing.T, text string) []*seclang.Rule {
	t.Helper()
	rules, err := seclang.Parse("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestOpen(t *testing.T) {
	browser := given{Method: {"": {"GET"}}, Protocol: {"": {"HTTP/1.1"}}, Headers: {"host": {"shop.example.jp"}, "accept": {"text/html"}}, Args: {"q": {"sapporo"}}}
	for _, c := range []struct {
		name, rule string
		want       bool
	}{
		{"a method that is allowed", `SecRule REQUEST_METHOD "!@within %{tx.methods}" "id:1,phase:1"`, false},
		{"one that is not", `SecRule REQUEST_METHOD "@within POST PUT" "id:1,phase:1"`, false},
		{"a setting nobody knows", `SecRule REQUEST_METHOD "!@within %{tx.unknown}" "id:1,phase:1"`, true},
		{"a header that is there", `SecRule &REQUEST_HEADERS:Host "@eq 0" "id:1,phase:1"`, false},
		{"a header that is not", `SecRule &REQUEST_HEADERS:User-Agent "@eq 0" "id:1,phase:1"`, true},
		{"a second link that denies", `SecRule REQUEST_METHOD "@streq GET" "id:1,phase:1,chain"` + "\n" + `SecRule REQUEST_HEADERS:Accept "@rx ^$"`, false},
		{"both links hold", `SecRule REQUEST_METHOD "@streq GET" "id:1,phase:1,chain"` + "\n" + `SecRule REQUEST_HEADERS:Accept "@rx html"`, true},
		{"after a transformation", `SecRule REQUEST_METHOD "@streq get" "id:1,phase:1,t:lowercase"`, true},
		{"the length", `SecRule ARGS "@gt 6" "id:1,phase:2,t:length"`, true},
		{"less than it", `SecRule ARGS "@gt 7" "id:1,phase:2,t:length"`, false},
		{"arguments before the body has been read", `SecRule ARGS "@streq x" "id:1,phase:1"`, true},
		{"bytes", `SecRule ARGS "@validateByteRange 1-255" "id:1,phase:2"`, false},
		{"an operator nobody knows", `SecRule ARGS "@ipMatch 10.0.0.0/8" "id:1,phase:2"`, true},
		{"excluded by the configuration", `SecRule &TX:LIMIT "@eq 1" "id:1,phase:2,chain"` + "\n" + `SecRule &ARGS "@gt %{tx.limit}"`, false},
		{"what no rule has noted", `SecRule TX:/^part_/ "@rx x" "id:1,phase:2"` + "\n" + `SecRule MULTIPART_PART_HEADERS "@rx y" "id:2,phase:2,setvar:tx.part_%{tx.n}=1"`, false},
		{"what a rule may have noted", `SecRule TX:/^part_/ "@rx x" "id:1,phase:2"` + "\n" + `SecRule ARGS "@rx sapporo" "id:2,phase:2,setvar:tx.part_%{tx.n}=1"`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := parse(t, c.rule)
			settings := map[string]string{"methods": "GET HEAD POST"}
			Unset(settings, "limit")
			open := New(all[:1], all, settings).Open(browser)
			if got := len(open) > 0; got != c.want {
				t.Errorf("open %v, want %v", got, c.want)
			}
		})
	}
}

// A rule is remembered by what decides it, and by nothing less.
func TestDenied(t *testing.T) {
	const contentType = `SecRule REQUEST_HEADERS:Content-Type "@rx ^[^;]+" "id:1,phase:1,chain,setvar:'tx.type=|%{tx.0}|'"` + "\n" + `SecRule TX:type "!@within %{tx.types}"`
	for _, c := range []struct {
		name, rules string
		again       bool // whether it is open for the same header once denied
	}{
		{"a note of its own", contentType, false},
		{"a note of another rule", contentType + "\n" + `SecRule ARGS "@rx x" "id:2,phase:2,setvar:tx.type=1"`, true},
		{"something else", strings.Replace(contentType, "%{tx.types}", "%{tx.others}", 1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := parse(t, c.rules)
			rules := New(all[:1], all, map[string]string{"types": "|text/html|"})
			q := given{Headers: {"content-type": {"text/html"}}}
			open := rules.Open(q)
			if len(open) != 1 || open[0].ID() != 1 {
				t.Fatalf("open: %v", open)
			}
			rules.Denied(open[0])
			if got := len(rules.Open(q)) > 0; got != c.again {
				t.Errorf("open again: %v, want %v", got, c.again)
			}
			q[Headers]["content-type"][0] = "text/plain"
			if len(rules.Open(q)) == 0 {
				t.Error("another value was denied as well")
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	d := newDenied()
	for i := range 4 * shards * maxShard {
		d.add(strings.Repeat("x", i%100) + string(rune(i)))
	}
	n := 0
	for i := range d.shards {
		n += len(d.shards[i].known)
	}
	if n > shards*maxShard {
		t.Errorf("%d keys, want at most %d", n, shards*maxShard)
	}
}
