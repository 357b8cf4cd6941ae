package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/lang"
	"sekisho/internal/notify/notifytest"
)

// TestDoctorCalls: the doctor tries the ways by which people are called, as the sender
// does, sends nothing, and names the setting that is wrong.
func TestDoctorCalls(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	chat := httptest.NewServer(http.NotFoundHandler())
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	gone := notifytest.Begin(t, "", false, false)
	gone.Said() // ends it
	plain, own, login, silent := notifytest.Begin(t, "", false, false), notifytest.Begin(t, "127.0.0.1", false, false), notifytest.Begin(t, "", true, false), notifytest.Begin(t, "", false, true)
	put("password", "geese")
	const reach, hook = "['mailto:sora@example.jp']", "[line]"
	for what, c := range map[string]struct{ reach, mail, url, state, text, mend string }{
		"reachable":           {reach, "{server: '" + plain.Addr + "', from: a@example.jp, tls: off}", "", doctorOK, "mail: " + plain.Addr + " answers; no message was sent", ""},
		"refused":             {reach, "{server: '" + gone.Addr + "', from: a@example.jp}", "", doctorWarn, "refused", "mail.server in " + dir},
		"without STARTTLS":    {reach, "{server: '" + plain.Addr + "', from: a@example.jp}", "", doctorWarn, "STARTTLS", "mail.tls: prefer"},
		"a wrong certificate": {reach, "{server: '" + own.Addr + "', from: a@example.jp}", "", doctorWarn, "certificate", "update-ca-certificates"},
		"a wrong password":    {reach, "{server: '" + login.Addr + "', from: a@example.jp, tls: off, user: sora, password_file: password}", "", doctorWarn, "535", "the password in password"},
		"hanging":             {reach, "{server: '" + silent.Addr + "', from: a@example.jp}", "", doctorWarn, "no answer within", "not 465"},
		"nobody by mail":      {"[]", "{server: '" + gone.Addr + "', from: a@example.jp}", "", "", "", ""},
		"a service":           {hook, "", chat.URL + "/hook", doctorOK, "line: " + strings.TrimPrefix(chat.URL, "http://") + " answers", ""},
		"a service away":      {hook, "", away.URL + "/hook", doctorWarn, "refused", "into url (channel line of " + dir},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDoctor(t, time.Now(), lang.English)
			text := fmt.Sprintf("company: {name: 見本旅行}\npeople:\n  - {id: sora, name: Sora, rank: duty, reach: %s}\n", c.reach)
			if c.mail != "" {
				text += "mail: " + c.mail + "\n"
			}
			if c.url != "" {
				put("url", c.url)
				text += "channels: [{name: line, kind: lineworks, url_file: url}]\n"
			}
			d.l.Cases = put("cases.yaml", text)
			if what == "hanging" { // its patience ends when it has asked
				ctx, enough := context.WithCancel(t.Context())
				d.a.ctx = ctx
				go func() {
					<-silent.Asked
					enough()
				}()
			}
			d.people()
			var found []symptom
			for _, s := range d.found {
				if s.Check == "calls" {
					found = append(found, s)
				} else if s.Check == "people" && s.State == doctorBad {
					t.Fatalf("%+v", s)
				}
			}
			if c.state == "" {
				if len(found) != 0 {
					t.Errorf("%+v", found)
				}
				return
			}
			if len(found) != 1 || found[0].State != c.state || !strings.Contains(found[0].Text, c.text) || !strings.Contains(found[0].Mend, c.mend) || (found[0].Mend == "") != (c.mend == "") {
				t.Errorf("%+v, want %s %q, mended by %q", found, c.state, c.text, c.mend)
			}
		})
	}
	chat.Close()
}
