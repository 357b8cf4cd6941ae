package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Of every call of the API and of the control socket: what becomes of it when the
// process is killed in its middle.
const (
	asks = "asks"      // changes nothing, or records only that it was asked
	once = "one event" // is done by a single event, which is in the ledger whole or not at all
	own  = "elsewhere" // its parts have tests of their own, named beside it
)

// killedCalls says it of each. Any other word is the name of an act of
// TestConsoleKilled or TestConsoleKilledAtSteps.
var killedCalls = map[string]string{
	"status": asks, "sessions": asks, "cuts": asks, "grants": asks, "database": asks, "case": asks, "scan": asks,
	"compare": asks, "leaving": asks, "trails": asks, "glossary": asks, "duty": asks, "settings": asks, "persons": asks,
	"map/places": asks, "map/history": asks, "map/proposal": asks, "map/waiting": asks, "map": asks,
	"map/show": asks, "map/risk": asks, "map/subject": asks, "map/propose": asks, "web/proof": asks,
	"egress/findings": asks, "egress/hunt": asks, "egress/judge": asks, "web/logins": asks, "web/pages": asks, "case/firm": asks,
	"policy/check": asks, "policy/draft": asks, "policy": asks, "egress": asks, "egress/explain": asks, "egress/preview": asks,
	"web/room": asks, "web/explain": asks, "web/fields": asks, "web/payment": asks,
	"me": asks, "figures": asks, "look": asks, "events": asks, "events/wait": asks, "ledger": asks, "ledger/verify": asks, "users": asks,
	"me/sessions": asks, "tokens": asks, "keys": asks, "egress/ca": asks, "map/unread": asks,
	"scope/list": asks, // records that it was asked, and then what became of the file

	"backup": asks,
	"scope":  once, // the record of what was answered

	"cuts/order": "cut", "cuts/lift": "lift a cut", "case/draft": "release",
	"map/hand": "hand on a proposal", "map/accept": "accept a proposal", "map/drop": "drop a proposal",
	"policy/propose": "propose a policy", "policy/publish": "publish", "policy/withdraw": "withdraw a policy",
	"users/invite": "invite", "users/roles": "roles", "users/disable": "disable", "tokens/make": "make a token", "tokens/end": "end a token",
	"case/record": "a fact",

	"cut":           once, // ends sessions; the process's end does, too
	"except":        once,
	"host":          once,
	"person":        once,
	"act":           once,
	"grants/decide": once, "grants/request": once,
	"case/concentrate": once,
	"clear":            once, // of all gates

	"bypass": "bypass", "web": "stop the sites", "me/sessions/end": "end sessions",
	"web/except": "except a refusal", "web/authorise": "authorise parts", "web/import": "import fields", "web/field": "refuse a field", "case/misuse": "report misuse",
	"rules":     "import fields", // changeRules, as all that changes a file of rules
	"hub/token": "admit a gate", "hub/revoke": "revoke a gate", "web/evidence": "take evidence", "case/test-call": "call for a test",

	"policy/reload": own, // a start reads the file: firstPolicy, TestUp/life
	"upgrade":       own, // TestUp/upgrade
	"retention":     own, // internal/ledger: the record is on disk first, the next call finishes
	"keys/destroy":  own, // internal/keyring: a start finishes it (replay)

}

var (
	newCall  = regexp.MustCompile(`\bNew(?:Call|Stream)\("([^"]+)"`)
	inQuotes = regexp.MustCompile(`"([^"\n]+)"`)
)

// TestEveryCallIsKilledOrSaysWhy: whoever adds a call says what a kill in its middle
// leaves, or has it killed.
func TestEveryCallIsKilledOrSaysWhy(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	calls := map[string]bool{}
	for _, name := range []string{"../../internal/control/calls.go", "../../internal/console/httpapi/own.go", "../../internal/console/httpapi/rooms.go", "../../internal/console/httpapi/records.go", "../../internal/console/httpapi/keeping.go"} {
		n := len(calls)
		for _, m := range newCall.FindAllStringSubmatch(read(name), -1) {
			calls[m[1]] = true
		}
		if len(calls) < n+3 {
			t.Errorf("%s: %d calls: they are written another way", name, len(calls)-n)
		}
	}
	acts := map[string]bool{}
	for _, m := range inQuotes.FindAllStringSubmatch(between(t, read("console_step_test.go"), "steppedActs() []steppedAct {", "\n}"), -1) {
		acts[m[1]] = true
	}
	for call := range calls {
		switch what, said := killedCalls[call]; {
		case !said:
			t.Errorf("%s: what does a kill in its middle leave?", call)
		case what != asks && what != once && what != own && !acts[what]:
			t.Errorf("%s: there is no act %q", call, what)
		}
	}
	for call := range killedCalls {
		if !calls[call] {
			t.Errorf("there is no call %s any more", call)
		}
	}
	t.Logf("%d calls, %d acts are killed", len(calls), len(acts))
}

func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	part, _, end := strings.Cut(rest, to)
	if !ok || !end {
		t.Fatalf("there is no %q", from)
	}
	return part
}
