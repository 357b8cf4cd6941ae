package main

import (
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostileWords are what a field of a request could be, and some of what it should.
var hostileWords = []string{
	"", "ayame", "club", "default", "members", "result", "see", "viewer", "c1", "1h", "2026-11-22T00:00:00Z",
	"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", "x\r\nSet-Cookie: a=b\r\n\r\n<b>", "\u202e\u0000\uffff",
	"../../../../etc/passwd", "..\\..\\x", "'; DROP TABLE account; --", "%00%0d%0a", "{{.}}${x}", "https://evil.example/", "//evil.example", strings.Repeat("鍵", 5000), "\xff\xfe",
}

// apiSchema is as much of JSON Schema as the description of the API has.
type apiSchema struct {
	Ref        string                `json:"$ref"`
	Type       any                   `json:"type"`
	Properties map[string]*apiSchema `json:"properties"`
	Items      *apiSchema            `json:"items"`
	More       json.RawMessage       `json:"additionalProperties"`
	Enum       []any                 `json:"enum"`
}

// apiCrawl makes requests of the description.
type apiCrawl struct {
	rng     *rand.Rand
	schemas map[string]*apiSchema
}

// value makes a value that the schema allows, or nearly.
func (c *apiCrawl) value(s *apiSchema, depth int) any {
	if s == nil || depth > 6 {
		return nil
	}
	if s.Ref != "" {
		return c.value(c.schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]], depth+1)
	}
	if len(s.Enum) > 0 && c.rng.IntN(4) > 0 {
		return s.Enum[c.rng.IntN(len(s.Enum))]
	}
	kind, _ := s.Type.(string)
	if all, ok := s.Type.([]any); ok {
		kind, _ = all[0].(string)
	}
	switch kind {
	case "string":
		return hostileWords[c.rng.IntN(len(hostileWords))]
	case "integer", "number":
		return []int64{0, 1, -1, 7, 120, 1 << 31, 1<<53 - 1, -1 << 62}[c.rng.IntN(8)]
	case "boolean":
		return c.rng.IntN(2) == 0
	case "array":
		out := []any{}
		for range c.rng.IntN(3) {
			out = append(out, c.value(s.Items, depth+1))
		}
		return out
	case "object":
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) { // the same draws each time
			if c.rng.IntN(4) > 0 {
				out[name] = c.value(s.Properties[name], depth+1)
			}
		}
		return out
	}
	return []any{nil, map[string]any{}, "x", 5}[c.rng.IntN(4)]
}

// send posts a request to the API as somebody who entered.
func (f *killedFirm) send(who, call string, body []byte, heads http.Header) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.origin+"/api/v1"+call, strings.NewReader(string(body)))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header = heads.Clone()
	r.AddCookie(&http.Cookie{Name: "sekisho", Value: f.cookies[who]})
	resp, err := f.web.Do(r)
	if err != nil {
		f.t.Fatalf("%s %.300s: %v", call, body, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && len(text) == 0 {
		f.t.Fatalf("%s %.300s: %v", call, body, err)
	}
	return resp, string(text)
}

var alive = regexp.MustCompile(`(?i)<script>alert|<img src=x|(href|src|action|hx-get)="\s*javascript:`)

// TestConsoleHostile sends hostile values for every field of every call of the API
// to a running process, and forms of such values to every page that is linked: no
// answer says that the server is wrong, none brings a header of the sender's, and
// on no page does anything of it come alive afterwards.
func TestConsoleHostile(t *testing.T) {
	rounds := 4
	if os.Getenv("SEKISHO_LONG") != "" {
		rounds = 60
	}
	seed := uint64(1) // SEKISHO_SEED explores
	if text := os.Getenv("SEKISHO_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d", seed)
	f := killedFirmIn(t, t.TempDir(), strings.Replace(strings.TrimPrefix(clubStore, "hub: {listen: '127.0.0.1:0'}\n"), "FILE", clubFile(t), 1))
	f.start()
	crawl := &apiCrawl{rng: rand.New(rand.NewPCG(seed, 2))}
	resp, text := f.get("/api/v1/openapi.json")
	var doc struct {
		Paths map[string]map[string]struct {
			Body struct {
				Content map[string]struct{ Schema *apiSchema }
			} `json:"requestBody"`
		}
		Components struct{ Schemas map[string]*apiSchema }
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Paths) < 30 {
		t.Fatalf("%s: %v, %d calls", resp.Status, err, len(doc.Paths))
	}
	crawl.schemas = doc.Components.Schemas
	heads := http.Header{"X-CSRF": {f.form("ayame").Get("csrf")}, "Content-Type": {"application/json"}}
	var calls []string
	for call := range doc.Paths {
		calls = append(calls, call)
	}
	slices.Sort(calls)
	answers := map[int]int{}
	for round := range rounds {
		for _, call := range calls {
			if call == "/users/disable" || call == "/users/roles" || call == "/events/wait" {
				continue // ayame would shut herself out; the last waits half a minute
			}
			body, err := json.Marshal(crawl.value(doc.Paths[call]["post"].Body.Content["application/json"].Schema, 0))
			if err != nil {
				t.Fatal(err)
			}
			resp, text := f.send("ayame", call, body, heads)
			answers[resp.StatusCode]++
			if resp.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s %.300s: %s: %.300s", call, body, resp.Status, text)
			}
			f.headers(call, resp)
			if round == 0 {
				f.forged(call, body)
			}
		}
	}
	t.Logf("answers: %v", answers)
	if answers[http.StatusOK] < len(calls)/4 {
		t.Errorf("only %d requests were answered: the test sees nothing", answers[http.StatusOK])
	}
	f.crawlPages(crawl)
	if _, err := f.client.Status(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// headers looks that an answer of the API is data to a browser and holds no header
// of the sender's.
func (f *killedFirm) headers(call string, resp *http.Response) {
	f.t.Helper()
	kind := resp.Header.Get("Content-Type")
	if len(resp.Header.Values("Set-Cookie")) > 0 || resp.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(kind, "html") ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") || resp.Header.Get("Location") != "" {
		f.t.Errorf("%s: headers %v", call, resp.Header)
	}
}

// forged sends a request as another site could make a browser send it.
func (f *killedFirm) forged(call string, body []byte) {
	f.t.Helper()
	own, other := f.form("ayame").Get("csrf"), f.form("ren").Get("csrf")
	for what, heads := range map[string]http.Header{
		"no secret":         {"Content-Type": {"text/plain"}},
		"another's secret":  {"X-CSRF": {other}},
		"another site":      {"X-CSRF": {own}, "Sec-Fetch-Site": {"cross-site"}},
		"another's origin":  {"X-CSRF": {own}, "Origin": {"https://evil.example"}},
		"a neighbour's":     {"X-CSRF": {own}, "Sec-Fetch-Site": {"same-site"}},
		"an origin of none": {"X-CSRF": {own}, "Origin": {"null"}},
	} {
		if resp, text := f.send("ayame", call, body, heads); resp.StatusCode != http.StatusUnauthorized {
			f.t.Errorf("%s with %s: %s: %.200s", call, what, resp.Status, text)
		}
	}
}

func (f *killedFirm) get(path string) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.origin+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", "en")
	r.AddCookie(&http.Cookie{Name: "sekisho", Value: f.cookies["ayame"]})
	resp, err := f.web.Do(r)
	if err != nil {
		f.t.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatalf("%s: %v", path, err)
	}
	return resp, string(text)
}

var (
	pageLink  = regexp.MustCompile(`(?:href|hx-get)="(/[^"]*)"`)
	pageForm  = regexp.MustCompile(`(?s)<form[^>]*action="(/[^"]*)".*?</form>`)
	formField = regexp.MustCompile(`name="([a-z0-9_-]+)"`)
)

// crawlPages follows every link from the first page, sends each form that it finds
// once with hostile values, and then looks at all the pages again.
func (f *killedFirm) crawlPages(c *apiCrawl) {
	f.t.Helper()
	csrf := f.form("ayame").Get("csrf")
	seen, todo, forms := map[string]bool{"/": true}, []string{"/"}, map[string]bool{}
	var pages []string
	for len(todo) > 0 && len(pages) < 150 {
		path := todo[0]
		todo = todo[1:]
		pages = append(pages, path)
		text := f.looksRight(path)
		for _, m := range pageLink.FindAllStringSubmatch(text, -1) {
			next := strings.ReplaceAll(m[1], "&amp;", "&")
			u, err := url.Parse(next)
			if err != nil {
				f.t.Errorf("%s: link %q: %v", path, next, err)
				continue
			}
			kind := regexp.MustCompile(`[0-9]+`).ReplaceAllString(u.Path, "0")
			if !seen[kind] && u.Path != "/live" {
				seen[kind] = true
				todo = append(todo, next)
			}
		}
		for _, m := range pageForm.FindAllStringSubmatch(text, -1) {
			action := strings.ReplaceAll(m[1], "&amp;", "&")
			kind := regexp.MustCompile(`[0-9]+`).ReplaceAllString(action, "0")
			if forms[kind] || slices.Contains([]string{"/logout", "/users/roles", "/users/disable"}, action) {
				continue // she would shut herself out
			}
			forms[kind] = true
			values := url.Values{}
			for _, field := range formField.FindAllStringSubmatch(m[0], -1) {
				values.Set(field[1], hostileWords[c.rng.IntN(len(hostileWords))])
			}
			values.Set("csrf", csrf)
			status, to, answer, err := f.ask("ayame", action, values)
			if err != nil || status >= http.StatusInternalServerError || strings.Contains(to, "evil") && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				f.t.Errorf("%s %q: %d to %q, %v: %.300s", action, values, status, to, err, answer)
			}
			if m := alive.FindString(answer); m != "" {
				f.t.Errorf("%s: %q is alive", action, m)
			}
		}
	}
	f.t.Logf("%d pages, %d forms", len(pages), len(forms))
	if len(pages) < 15 || len(forms) < 10 {
		f.t.Errorf("%d pages, %d forms: the test sees nothing", len(pages), len(forms))
	}
	for _, path := range pages {
		f.looksRight(path)
	}
}

// looksRight gets a page: it is there, and nothing in it is alive.
func (f *killedFirm) looksRight(path string) string {
	f.t.Helper()
	resp, text := f.get(path)
	if resp.StatusCode >= http.StatusInternalServerError {
		f.t.Errorf("%s: %s: %.300s", path, resp.Status, text)
	}
	if m := alive.FindString(text); m != "" && strings.Contains(resp.Header.Get("Content-Type"), "html") {
		f.t.Errorf("%s: %q is alive", path, m)
	}
	if len(resp.Header.Values("Set-Cookie")) > 0 {
		f.t.Errorf("%s: a cookie: %v", path, resp.Header)
	}
	return text
}
