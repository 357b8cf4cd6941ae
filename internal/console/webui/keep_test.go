package webui

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"sekisho/internal/console/account"
)

// TestManyUsers: the room of accounts shows all of them, some on a page.
func TestManyUsers(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame", account.Officer)
	want := []string{"ayame"}
	for i := range 2*shownUsers + 1 {
		name := fmt.Sprintf("u%03d", i)
		code, err := s.Accounts.Invite(t.Context(), "ayame", name, []account.Role{account.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		key, err := s.Accounts.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Accounts.Accept(t.Context(), code, account.Welcome{Password: testPassword, Key: key, Code: account.Code(key, f.now)}); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	slices.Sort(want)
	named := regexp.MustCompile(`<section class="card" aria-label="([^"]+)"`)
	next := regexp.MustCompile(`href="(/users\?from=[^"]+)"`)
	var got []string
	for at := "/users"; at != ""; {
		resp := d.visit("GET", at, nil)
		page := text(t, resp)
		if resp.StatusCode != http.StatusOK || len(page) > 200_000 {
			t.Fatalf("%s: %s, %d bytes", at, resp.Status, len(page))
		}
		for _, m := range named.FindAllStringSubmatch(page, -1) {
			got = append(got, m[1])
		}
		at = ""
		if m := next.FindStringSubmatch(page); m != nil {
			at = m[1]
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown %q, want %q", got, want)
	}
}
