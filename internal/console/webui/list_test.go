package webui

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/console/office"
	"sekisho/internal/fault"
)

func (f *firm) List(_ context.Context, r office.ListRequest, w io.Writer) error {
	if err := f.fail(); err != nil {
		return err
	}
	if len(r.To) == 0 {
		return fault.New(fault.ConsoleLook, "problem", "a list needs a recipient", "hint", nasty)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drafts = append(f.drafts, r.By+" takes "+r.Class+" of "+strings.Join(r.Query.Users, " ")+" to "+strings.Join(r.To, " ")+" for "+r.Purpose)
	_, err := io.WriteString(w, "age-encryption.org/v1")
	return err
}

// TestEncryptedList: a file for a recipient, with a purpose; without one of them
// nothing leaves.
func TestEncryptedList(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	if page := d.asked("/scope?ask=1"); !strings.Contains(page, `action="/scope/list"`) {
		t.Fatal("no form for a list")
	}
	form := url.Values{"csrf": {d.csrf}, "class": {"reachable"}, "user": {"app"}, "to_key": {"age1x, age1y"}, "purpose": {"notice"}}
	for name, missing := range map[string]string{"a purpose": "purpose", "a recipient": "to_key"} {
		less := url.Values{}
		for k, v := range form {
			if k != missing {
				less[k] = v
			}
		}
		if resp := d.visit("POST", "/scope/list", less); resp.StatusCode != http.StatusConflict {
			t.Errorf("without %s: %s", name, resp.Status)
		}
	}
	resp := d.visit("POST", "/scope/list", form)
	if got := text(t, resp); !strings.HasPrefix(got, "age-encryption.org") || !strings.Contains(resp.Header.Get("Content-Disposition"), ".list.age") {
		t.Errorf("%v %s", resp.Header, got)
	}
	if want := "ayame takes reachable of app to age1x age1y for notice"; len(f.drafts) != 1 || f.drafts[0] != want {
		t.Errorf("%q, want %q", f.drafts, want)
	}
}
