package webui

import (
	"strings"

	"sekisho/internal/console/account"
)

// commands are what the palette can begin, besides going to a room.
var commands = []room{
	{"/wrong", "wrong_button", account.Wrong},
	{"/egress#h-cuts", "palette_cut", account.Contain},
	{"/sessions#h-sessions", "palette_session", account.Contain},
	{"/sessions#h-grants", "grants_ask", account.GrantRequest},
	{"/ledger#h-check", "palette_verify", account.Verify},
	{"/web#h-blocks", "web_blocks", account.See},
	{"/web#h-logins", "web_logins", account.See},
	{"/map#h-risks", "palette_risks", account.See},
	{"/persons/review", "persons_review", account.Look},
	{"/policy/edit", "policy_edit", account.Reload},
	{"/users#h-invite", "users_invite", account.Users},
	{"/settings#h-ready", "call_test", account.Work},
	{"/me", "me_title", anybody},
	{"/me#h-tokens", "tokens_title", account.MakeToken},
	{"/words", "glossary_title", anybody},
}

// searches take what was typed; it is put behind their addresses.
var searches = []room{
	{"/events?text=", "palette_events", account.See},
	{"/scope?ask=1&user=", "palette_user", account.Ask},
	{"/scope?ask=1&address=", "palette_address", account.Ask},
	{"/cases/", "palette_case", account.See},
}

// Commands returns those that the person may begin.
func (p *Page) Commands() []room { return p.permitted(commands) }

// Searches returns those that the person may ask.
func (p *Page) Searches() []room { return p.permitted(searches) }

func (p *Page) permitted(all []room) []room {
	var out []room
	for _, r := range all {
		if r.Do == anybody || p.May(r.Do) {
			out = append(out, r)
		}
	}
	return out
}

// bare is the address of a search before anything was typed.
func (r room) bare() string {
	path, _, _ := strings.Cut(r.Path, "?")
	return strings.TrimSuffix(path, "/")
}

// otherLanguage is the one that the page is not in.
func (p *Page) otherLanguage() string {
	if p.JA() {
		return "en"
	}
	return "ja"
}
