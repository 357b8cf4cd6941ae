package webui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/console/account"
)

// TestPaletteLeadsSomewhere: every entry of the palette leads to a page that is there
// for whoever sees it, and nobody sees one that leads to a refusal.
func TestPaletteLeadsSomewhere(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	for _, role := range account.Roles {
		d := enter(t, s, f, "p-"+string(role), role)
		page := text(t, d.visit("GET", "/words", nil))
		_, page, found := strings.Cut(page, `<dialog id="palette"`)
		if !found {
			t.Fatal("there is no palette")
		}
		for _, list := range [][]room{allRooms, commands, searches} {
			for _, r := range list {
				may := r.Do == anybody || account.May("x", []account.Grant{{Tenant: "agency", Role: role}}, false, r.Do, "agency")
				path := r.Path
				switch path {
				case "/scope?ask=1&user=", "/scope?ask=1&address=", "/events?text=":
					path += url.QueryEscape("192.0.2.1")
				case "/cases/":
					path += "c1"
				}
				escaped := strings.ReplaceAll(r.Path, "&", "&amp;")
				if shown := strings.Contains(page, `href="`+escaped+`"`) || strings.Contains(page, `data-search="`+escaped+`"`); shown != may {
					t.Errorf("%s: %s is shown %v, may %v", role, r.Path, shown, may)
				}
				at, anchor, _ := strings.Cut(path, "#")
				resp := d.visit("GET", at, nil)
				body := text(t, resp)
				if may && resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s is answered %s", role, r.Path, resp.Status)
				}
				if may && anchor != "" && !strings.Contains(body, `id="`+anchor+`"`) {
					t.Errorf("%s: %s has no #%s", role, at, anchor)
				}
			}
		}
	}
}
