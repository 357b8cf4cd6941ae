package waf

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
)

// oracle is the whole rule set run by the judge.
var oracle = sync.OnceValues(func() (*judge, error) {
	s, err := parseSet(Config{Paranoia: 1})
	if err != nil {
		return nil, err
	}
	_ = s
	j := &judge{}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(
		"Include @coraza.conf-recommended\nInclude @crs-setup.conf.example\n" + strings.Split(engineDirectives, "SecDefaultAction")[0] + "\nInclude @owasp_crs/*.conf\n"))
	if err != nil {
		return nil, err
	}
	j.once.Do(func() {})
	j.waf = waf
	return j, nil
})

var engine = sync.OnceValues(func() (*Engine, error) { return New(Config{}) })

type verdict struct {
	score int
	rules []int
}

func whole(t testing.TB, r *Request) verdict {
	j, err := oracle()
	if err != nil {
		t.Fatal(err)
	}
	tx, err := j.begin(r)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	v := verdict{score: scoreOf(tx, requestScore)}
	for _, m := range tx.MatchedRules() {
		if id := m.Rule().ID(); id > 910000 && id < 949000 && m.Message() != "" && severityScore(m.Rule().Severity()) > 0 {
			v.rules = append(v.rules, id)
		}
	}
	slices.Sort(v.rules)
	return v
}

func parts(t testing.TB, r *Request) (verdict, Verdict) {
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Request(r)
	if err != nil {
		t.Fatal(err)
	}
	o := verdict{score: v.Score}
	for _, f := range v.Findings {
		o.rules = append(o.rules, f.Rule)
	}
	return o, v
}

var headers = []Header{{"Host", "shop.example.jp"}, {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"}, {"Accept", "text/html,*/*"}, {"Accept-Language", "ja"}}

func get(q string) *Request {
	return &Request{Method: "GET", URI: "/search?q=" + url.QueryEscape(q) + "&page=2", Protocol: "HTTP/1.1", Headers: headers}
}

func form(values ...string) *Request {
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, "&f%d=%s", i, url.QueryEscape(v))
	}
	body := b.String()[1:]
	return &Request{Method: "POST", URI: "/contact", Protocol: "HTTP/1.1", Headers: append(slices.Clone(headers),
		Header{"Content-Type", "application/x-www-form-urlencoded"}, Header{"Content-Length", fmt.Sprint(len(body))}), Body: []byte(body)}
}

func lines(t testing.TB, pattern string) []string {
	names, _ := filepath.Glob(pattern)
	if len(names) == 0 {
		t.Skipf("SKIPPED: no files %s", pattern)
	}
	var all []string
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if s.Text() != "" {
				all = append(all, s.Text())
			}
		}
		f.Close()
	}
	return all
}

func TestTry(t *testing.T) {
	attacks := lines(t, os.Getenv("SHARED")+"/data/attacks/*.txt")
	diff := map[string]int{}
	blocked, same, n := 0, 0, 0
	var took, takes time.Duration
	for _, a := range attacks {
		for _, r := range []*Request{get(a), form("x", a)} {
			n++
			b := time.Now()
			want := whole(t, r)
			takes += time.Since(b)
			b = time.Now()
			got, _ := parts(t, r)
			took += time.Since(b)
			if want.score >= 5 {
				blocked++
			}
			if want.score == got.score {
				same++
				continue
			}
			diff[fmt.Sprint(want.rules, " got ", got.rules, want.score, got.score)]++
			if (want.score >= 5) != (got.score >= 5) {
				t.Errorf("%q: %v got %v", a, want, got)
			}
		}
	}
	var keys []string
	for k := range diff {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return diff[keys[i]] > diff[keys[j]] })
	for _, k := range keys[:min(len(keys), 15)] {
		t.Log(diff[k], k)
	}
	t.Log(n, blocked, same, takes/time.Duration(n), took/time.Duration(n))
}
