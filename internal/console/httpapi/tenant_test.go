package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/event"
)

// TestOtherTenant: every role at another tenant allows no call here, by a session
// or by a token from the time when it did, and nothing is asked or done.
func TestOtherTenant(t *testing.T) {
	w := newWorld(t)
	w.add("ayame", account.Officer)
	checked, want := 0, 0
	for _, role := range account.Roles {
		name := "moved-" + string(role)
		cookie, csrf := w.add(name, account.Officer, account.CSIRT, account.Operator)
		u, err := w.accounts.User(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		token := w.token(name, u.ForTokens(tenant)...)
		if err := w.accounts.SetRoles(t.Context(), "ayame", name, tenant, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.accounts.SetRoles(t.Context(), "ayame", name, "other", []account.Role{role}); err != nil {
			t.Fatal(err)
		}
		w.book.by = nil
		for call := range every() {
			want += 2 * (1 + len(requests[call]))
			bodies := []string{`{}`}
			if call == "scan" {
				bodies = []string{`""`}
			}
			for body := range requests[call] {
				bodies = append(bodies, body)
			}
			for _, body := range bodies {
				for how, heads := range map[string][]string{"session": {"Cookie", "sekisho=" + cookie, "X-CSRF", csrf}, "token": {"Authorization", "Bearer " + token}} {
					checked++
					w.book.bodies = nil
					if resp := w.ask("POST", call, body, heads...); resp.Code != http.StatusForbidden {
						t.Errorf("%s of another tenant, %s by %s (%s): %d %s", role, call, how, body, resp.Code, resp.Body)
					}
					if !slices.ContainsFunc(w.book.bodies, func(b event.Body) bool { a, ok := b.(*event.Act); return ok && a.By == name && a.Result == "refused" }) {
						t.Errorf("%s by %s: the refusal is not recorded", call, how)
					}
				}
			}
		}
		if len(w.book.by) > 0 {
			t.Errorf("%s of another tenant was answered: %v", role, w.book.by)
		}
	}
	if calls := len(every()); checked != want || calls < 50 || checked < 2*calls*len(account.Roles) {
		t.Errorf("%d requests, of %d calls and %d roles, want %d", checked, calls, len(account.Roles), want)
	}
}

// TestNotMine: what belongs to one account is neither shown to another nor ended
// by it, whatever name it gives.
func TestNotMine(t *testing.T) {
	w := newWorld(t)
	w.add("mei", account.Officer, account.CSIRT, account.Operator)
	u, err := w.accounts.User(t.Context(), "mei")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.accounts.NewToken(t.Context(), u, "secret-of-mei", []account.Action{account.See}, time.Hour); err != nil {
		t.Fatal(err)
	}
	cookie, csrf := w.add("sora", account.Officer, account.CSIRT, account.Operator)
	entered := []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf}
	if resp := w.ask("POST", "tokens", "{}", entered...); resp.Code != http.StatusOK || strings.Contains(resp.Body.String(), "mei") {
		t.Errorf("the list of another's tokens: %d %s", resp.Code, resp.Body)
	}
	for _, name := range []string{"secret-of-mei", "mei/secret-of-mei", "mei", "%", "*", "' OR ''='"} {
		if resp := w.ask("POST", "tokens/end", `{"name":"`+name+`"}`, entered...); resp.Code != http.StatusConflict {
			t.Errorf("ended %q: %d %s", name, resp.Code, resp.Body)
		}
	}
	if all, err := w.accounts.Tokens(t.Context(), "mei"); err != nil || len(all) != 1 {
		t.Errorf("tokens of mei: %v, %v", all, err)
	}
	for _, path := range []string{"me?account=mei", "me?by=mei", "me/mei", "tokens?account=mei"} {
		if resp := w.ask("POST", path, "{}", entered...); strings.Contains(resp.Body.String(), "-mei") || strings.Contains(resp.Body.String(), `"mei"`) {
			t.Errorf("%s%s: %s", control.API, path, resp.Body)
		}
	}
}

// TestNoTokenMay: what no token may do is refused so, whatever its account may; an
// account that may not is told that.
func TestNoTokenMay(t *testing.T) {
	w := newWorld(t)
	w.add("ayame", account.Officer, account.CSIRT, account.Operator)
	cookie, csrf := w.add("mei", account.Viewer)
	u, err := w.accounts.User(t.Context(), "ayame")
	if err != nil {
		t.Fatal(err)
	}
	token := []string{"Authorization", "Bearer " + w.token("ayame", u.ForTokens(tenant)...)}
	entered := []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf}
	for call, body := range map[string]string{"keys/destroy": `{"key":"k"}`, "retention": `{}`, "look": `{"purpose":"p"}`, "users": `{}`, "tokens": `{}`, "scope": `{"form":"list"}`} {
		w.book.bodies = nil
		if resp := w.ask("POST", call, body, token...); resp.Code != http.StatusForbidden || !strings.Contains(resp.Body.String(), "urn:sekisho:SK8508") || len(w.book.bodies) != 1 {
			t.Errorf("%s by a token: %d %s, recorded %v", call, resp.Code, resp.Body, w.book.bodies)
		}
		if call == "tokens" { // everybody has tokens of their own
			continue
		}
		if resp := w.ask("POST", call, body, entered...); resp.Code != http.StatusForbidden || !strings.Contains(resp.Body.String(), "urn:sekisho:SK8505") {
			t.Errorf("%s by a viewer: %d %s", call, resp.Code, resp.Body)
		}
	}
	if resp := w.ask("POST", "cut", `{}`, "Authorization", "Bearer "+w.token("ayame", account.Verify)); !strings.Contains(resp.Body.String(), "urn:sekisho:SK8505") {
		t.Errorf("another token would: %s", resp.Body)
	}
}

// TestReasons: what neither a command nor a page orders without a reason, the API does
// not either; nothing is asked of the process. What makes things safe again needs none.
func TestReasons(t *testing.T) {
	w := newWorld(t)
	cookie, csrf := w.add("ayame", account.Officer, account.CSIRT, account.Operator)
	entered := []string{"Cookie", "sekisho=" + cookie, "X-CSRF", csrf}
	for call, body := range map[string]string{"cut": `"all":true`, "bypass": `"open":true`, "web": `"do":"stop","what":"site"`, "clear": `"gate":"shop"`, "except": `"what":"beacon"`,
		"keys/destroy": `"key":"person/1"`, "web/field": `"do":"accept"`, "web/except": `"id":"x"`, "web/authorise": `"site":"x"`, "web/import": `"site":"x"`} {
		for _, why := range []string{"", `,"reason":""`, `,"reason":" \t"`} {
			w.book.by = nil
			if resp := w.ask("POST", call, "{"+body+why+"}", entered...); resp.Code != http.StatusConflict || !strings.Contains(resp.Body.String(), "needs a reason") || len(w.book.by) != 0 {
				t.Errorf("%s %s: %d %s, asked %v", call, why, resp.Code, resp.Body, w.book.by)
			}
		}
		if resp := w.ask("POST", call, "{"+body+`,"reason":"疑い"}`, entered...); resp.Code != http.StatusOK || len(w.book.by) != 1 {
			t.Errorf("%s with a reason: %d %s", call, resp.Code, resp.Body)
		}
	}
	for call, body := range map[string]string{"bypass": `{}`, "web": `{"do":"resume","what":"site"}`, "cuts/order": `{"target":"evil.example"}`} {
		if resp := w.ask("POST", call, body, entered...); resp.Code != http.StatusOK {
			t.Errorf("%s: %d %s", call, resp.Code, resp.Body)
		}
	}
}
