package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inBrowser are the pages of which the API has no call: the guide says why.
const inBrowser = "the console alone"

// pageCalls says of each page what a program asks in its place. What several pages
// show is said once, by the calls of each.
var pageCalls = map[string]string{
	"GET /{$}": "status case case/draft figures grants events", "GET /today/figures": "figures", "GET /live": "events/wait", "GET /": "",
	"GET /login": inBrowser, "POST /login": inBrowser, "GET /join": inBrowser, "POST /join": inBrowser, "POST /lang": inBrowser, "POST /passkey/ask": inBrowser, "POST /passkey/login": inBrowser, "POST /logout": inBrowser,
	"GET /me": "me me/sessions tokens", "POST /me/passkey/remove": inBrowser, "POST /me/passkey/begin": inBrowser, "POST /me/passkey/add": inBrowser, "POST /me/renew": inBrowser,
	"POST /me/session/end": "me/sessions/end", "POST /me/token/make": "tokens/make", "POST /me/token/end": "tokens/end",
	"GET /words": "glossary", "GET /wrong": "case", "POST /wrong": "case/record", "GET /cases": "case", "GET /cases/{id}": "case duty", "GET /cases/{id}/figures": "figures",
	"GET /cases/{id}/draft/{kind}": "case/draft", "POST /cases/{id}/draft/{kind}/write": "case/draft case/record", "POST /cases/{id}/draft/{kind}/release": "case/record",
	"POST /cases/{id}/draft/{kind}/withdraw": "case/record", "POST /cases/{id}/task": "case/record", "POST /cases/{id}/fact": "case/record", "POST /cases/{id}/move": "case/record",
	"POST /cases/{id}/ack": "case/record", "POST /cases/{id}/clock": "case/record", "POST /cases/{id}/preserve": "case/record", "POST /cases/{id}/hand": "case/record",
	"POST /cases/{id}/act": "case/record", "POST /cases/{id}/decide": "case/record",
	"GET /scope": "scope", "GET /scope/time": "figures", "GET /scope/trail": "trails", "GET /scope/leaving": "leaving", "GET /scope/compare": "compare", "GET /scope/bundle": "scope",
	"POST /scope/freeze": "case/record", "POST /scope/look": "look", "POST /scope/list": "scope/list",
	"GET /events": "events", "GET /sessions": "sessions status grants", "POST /sessions/cut": "cut", "POST /sessions/close-bypass": "bypass",
	"POST /grants/request": "grants/request", "POST /grants/decide": "grants/decide",
	"GET /map": "map map/places map/waiting map/unread", "POST /map/scan": "scan", "GET /map/object": "map/history", "GET /map/proposal": "map/proposal",
	"POST /map/propose": "map/hand", "POST /map/accept": "map/accept", "POST /map/drop": "map/drop",
	"GET /egress": "egress egress/explain egress/preview cuts", "POST /egress/cut": "cuts/order", "POST /egress/lift": "cuts/lift",
	"GET /web": "web web/room web/explain web/payment web/fields", "POST /web/stop": "web", "POST /web/except": "web/except", "POST /web/authorise": "web/authorise",
	"POST /web/field": "web/field", "POST /web/payment/evidence": "web/evidence",
	"GET /persons": "persons", "GET /persons/review": inBrowser, "GET /persons/scores": inBrowser, "GET /persons/explain": inBrowser, "POST /persons/decide": inBrowser,
	"GET /policy": "policy policy/draft", "GET /policy/edit": "policy", "POST /policy/check": "policy/check", "POST /policy/propose": "policy/propose",
	"POST /policy/publish": "policy/publish", "POST /policy/withdraw": "policy/withdraw", "POST /policy/reload": "policy/reload",
	"GET /ledger": "ledger", "POST /ledger/verify": "ledger/verify", "GET /settings": "settings case", "POST /settings/test-call": "case/test-call",
	"GET /users": "users", "POST /users/invite": "users/invite", "POST /users/roles": "users/roles", "POST /users/disable": "users/disable",
}

var (
	onePage  = regexp.MustCompile(`\bs\.(?:page|open)\("([A-Z]+ [^"]+)"`)
	ruleLine = regexp.MustCompile(`(?m)^\t"([a-z/-]+)": +(?:always\(|[a-z]+Rule,)`)
)

// TestEveryPageHasACall: what a page of the console shows or does, a program can ask
// of the API, or the guide says why not, in both languages.
func TestEveryPageHasACall(t *testing.T) {
	read := func(pattern string) (text string) {
		t.Helper()
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range files {
			one, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text += string(one)
		}
		return text
	}
	calls := map[string]bool{}
	for _, m := range ruleLine.FindAllStringSubmatch(read("../../internal/console/httpapi/*.go"), -1) {
		calls[m[1]] = true
	}
	if len(calls) < 80 {
		t.Fatalf("%d calls: they are written another way", len(calls))
	}
	pages := map[string]bool{}
	var without []string
	for _, m := range onePage.FindAllStringSubmatch(read("../../internal/console/webui/*.go"), -1) {
		pages[m[1]] = true
		asked, said := pageCalls[m[1]]
		if !said {
			t.Errorf("%s: which call of the API does the same?", m[1])
		}
		if asked == inBrowser {
			_, path, _ := strings.Cut(m[1], " ")
			if !slices.Contains(without, path) {
				without = append(without, path)
			}
			continue
		}
		for _, name := range strings.Fields(asked) {
			if !calls[name] {
				t.Errorf("%s: there is no call %s", m[1], name)
			}
		}
	}
	for page := range pageCalls {
		if !pages[page] {
			t.Errorf("there is no page %s any more", page)
		}
	}
	slices.Sort(without)
	for guide, heading := range map[string]string{"api.en.md": "Of the console's pages alone", "api.ja.md": "コンソールの画面だけのもの"} {
		if got := hereIn(t, guide, heading); !slices.Equal(got, without) {
			t.Errorf("%s: the guide lists %v, want %v", guide, got, without)
		}
	}
	t.Logf("%d pages, %d calls", len(pages), len(calls))
}
