package notify_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/notify"
	"sekisho/internal/notify/notifytest"
)

// TestMailTried: a trial tells what is in the way by its step, names nobody and sends
// nothing; where it succeeds mail goes, and where it does not, none does.
func TestMailTried(t *testing.T) {
	gone := notifytest.Begin(t, "", false, false)
	gone.Said() // ends it
	good := notifytest.Begin(t, "127.0.0.1", true, false)
	other := notifytest.Begin(t, "mail.example.jp", true, false)
	clear := notifytest.Begin(t, "", false, false)
	for what, c := range map[string]struct {
		mail notify.Mail
		step string
	}{
		"all is well":             {notify.Mail{Server: good.Addr, User: notifytest.User, Password: notifytest.Password, Roots: good.Roots}, ""},
		"without a login":         {notify.Mail{Server: good.Addr, Roots: good.Roots}, ""},
		"a wrong password":        {notify.Mail{Server: good.Addr, User: notifytest.User, Password: "geese", Roots: good.Roots}, notify.StepLogin},
		"nobody vouches for it":   {notify.Mail{Server: good.Addr, User: notifytest.User, Password: notifytest.Password}, notify.StepCertificate},
		"another's certificate":   {notify.Mail{Server: other.Addr, User: notifytest.User, Password: notifytest.Password, Roots: other.Roots}, notify.StepCertificate},
		"no STARTTLS":             {notify.Mail{Server: clear.Addr}, notify.StepTLS},
		"no STARTTLS, none asked": {notify.Mail{Server: clear.Addr, TLS: "off"}, ""},
		"no login there":          {notify.Mail{Server: clear.Addr, TLS: "off", User: notifytest.User, Password: notifytest.Password}, notify.StepLogin},
		"nobody is there":         {notify.Mail{Server: gone.Addr}, notify.StepConnect},
		"no address":              {notify.Mail{Server: "mail.example.jp"}, notify.StepAddress},
	} {
		c.mail.From = "sekisho@example.jp"
		err := c.mail.Try(t.Context())
		var at *notify.TryError
		switch {
		case c.step == "" && err != nil:
			t.Errorf("%s: %v", what, err)
		case c.step != "" && (!errors.As(err, &at) || at.Step != c.step):
			t.Errorf("%s: %v (%+v), want %s", what, err, at, c.step)
		case err != nil && strings.Contains(err.Error(), notifytest.Password):
			t.Errorf("%s: the password is told: %v", what, err)
		}
	}
	said := good.Said()
	if slices.Contains(said, "MAIL") || slices.Contains(said, "RCPT") || !slices.Contains(said, "QUIT") || !slices.Contains(said, "AUTH") {
		t.Errorf("the server was told %q", said)
	}
	sending := notifytest.Begin(t, "127.0.0.1", true, false)
	for password, goes := range map[string]bool{notifytest.Password: true, "geese": false} {
		m := notify.Mail{Server: sending.Addr, From: "sekisho@example.jp", User: notifytest.User, Password: password, Roots: sending.Roots}
		tried, sent := m.Try(t.Context()), m.Send(t.Context(), "sora@example.jp", notify.Message{Subject: "s", Text: "t"})
		if (tried == nil) != goes || (sent == nil) != goes {
			t.Errorf("with the password %q: tried %v, sent %v", password, tried, sent)
		}
	}
}

// TestMailHangs: a server that takes the connection and says nothing is left when time
// is over.
func TestMailHangs(t *testing.T) {
	s := notifytest.Begin(t, "", false, true)
	ctx, enough := context.WithCancel(t.Context())
	go func() {
		<-s.Asked
		enough()
	}()
	m := notify.Mail{Server: s.Addr, User: notifytest.User, Password: notifytest.Password}
	var at *notify.TryError
	if err := m.Try(ctx); !errors.As(err, &at) || at.Step != notify.StepAnswer && at.Step != notify.StepConnect || !errors.Is(err, context.Canceled) {
		t.Errorf("%v (%+v)", err, at)
	}
	if said := s.Said(); len(said) != 0 {
		t.Errorf("it was told %q", said)
	}
}

// TestWebhookTried: the server is asked for nothing, at no address that somebody could
// post to.
func TestWebhookTried(t *testing.T) {
	var asked []string
	status := http.StatusNotFound
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.WriteHeader(status)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	hook := notify.Webhook{Kind: "lineworks", URL: srv.URL + "/secret-path", Client: srv.Client()}
	if err := hook.Try(t.Context()); err != nil || !slices.Equal(asked, []string{"HEAD /"}) {
		t.Errorf("%v, asked %q", err, asked)
	}
	step := func() string {
		t.Helper()
		var at *notify.TryError
		err := hook.Try(t.Context())
		if !errors.As(err, &at) || strings.Contains(err.Error(), "secret-path") {
			t.Fatalf("%v", err)
		}
		return at.Step
	}
	if status = http.StatusServiceUnavailable; step() != notify.StepAnswer {
		t.Errorf("a service that is down: %s", step())
	}
	if hook.Client = nil; step() != notify.StepCertificate {
		t.Errorf("nobody vouches for it: %s", step())
	}
	srv.Close()
	if step() != notify.StepConnect {
		t.Errorf("nobody is there: %s", step())
	}
	for _, address := range []string{"", "secret-path", "ftp://127.0.0.1/secret-path", "https://\x00secret-path"} {
		if hook.URL = address; step() != notify.StepAddress {
			t.Errorf("%q: %s", address, step())
		}
	}
}
