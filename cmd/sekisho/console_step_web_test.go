package main

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/frame"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/order"
	"sekisho/internal/view/casefile"
)

// killedSites are two web gates of a firm that is killed, before a shop that
// outlives it.
func killedSites(t *testing.T) string {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/checkout/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, checkoutPage)
			return
		}
		_, _ = io.WriteString(w, "shop")
	}))
	t.Cleanup(shop.Close)
	var ports []string
	for len(ports) < 2 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ports, port) { // it was free again
			ports = append(ports, port)
		}
	}
	return fmt.Sprintf(`web:
  - name: shop-web
    listen: 127.0.0.1:%s
    rules: ./rules.yaml
    learn: true
    sites:
      - {hosts: [shop.example.jp], upstream: '%[3]s', firewall: enforce, cards: enforce}
      - {hosts: [club.example.jp], upstream: '%[3]s', firewall: enforce, cards: enforce, payment: [/checkout/], pages: report, providers: [{host: pay.example.com}]}
  - name: hr-web
    listen: 127.0.0.1:%[2]s
    sites: [{hosts: [hr.example.jp], upstream: '%[3]s', firewall: enforce, cards: enforce}]
`, ports[0], ports[1], shop.URL)
}

// allOrNone reports whether something holds of all; that it holds of some is an
// error.
func (f *killedFirm) allOrNone(what string, each []bool) bool {
	f.t.Helper()
	if slices.Contains(each, true) && slices.Contains(each, false) {
		f.t.Errorf("%s: %v", what, each)
	}
	return len(each) > 0 && !slices.Contains(each, false)
}

// bypassed tells of each web gate whether its direct way is open.
func (f *killedFirm) bypassed() (each []bool) {
	f.t.Helper()
	s, err := f.client.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, g := range s.Gates {
		if g.Mode == "web" {
			each = append(each, g.Bypass)
		}
	}
	if len(each) != 2 {
		f.t.Fatalf("%+v", s.Gates)
	}
	return each
}

func (f *killedFirm) bypassing(int) killAct {
	f.t.Helper()
	open, from := !f.bypassed()[0], f.head()
	return killAct{call: func() error {
		_, err := f.client.Bypass(f.t.Context(), control.BypassRequest{Open: open, By: "ren", Reason: "test"})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		now := f.allOrNone("the direct way is open", f.bypassed())
		f.outcome(told, now == open, func(all []event.Body) (done bool) {
			for _, b := range all {
				if x, ok := b.(*event.Bypass); ok && x.By == "ren" {
					done = done || x.Open == open && len(x.Places) == 3
				}
			}
			return done
		}, from)
	}}
}

// stopped tells of each site whether it is stopped.
func (f *killedFirm) stopped() (each []bool) {
	f.t.Helper()
	s, err := f.client.Web(f.t.Context(), control.WebRequest{})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, one := range s.Sites {
		each = append(each, len(one.Stopped) > 0)
	}
	if len(each) != 3 {
		f.t.Fatalf("%+v", s.Sites)
	}
	return each
}

func (f *killedFirm) stopping(int) killAct {
	f.t.Helper()
	do, stop := control.WebStop, !f.stopped()[0]
	if !stop {
		do = control.WebResume
	}
	from := f.head()
	return killAct{call: func() error {
		_, err := f.client.Web(f.t.Context(), control.WebRequest{Do: do, What: "site", By: "ren", Reason: "test"})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		now := f.allOrNone("stopped", f.stopped())
		f.outcome(told, now == stop, func(all []event.Body) bool {
			return slices.ContainsFunc(all, func(b event.Body) bool {
				x, ok := b.(*event.SiteStop)
				return ok && x.Stopped == stop && len(x.Also) == 2
			})
		}, from)
	}}
}

// ending ends two sessions of somebody by one act.
func (f *killedFirm) ending(int) killAct {
	f.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.dir, "data", "accounts.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now().UnixNano()
	for range 2 {
		if _, err := db.ExecContext(f.t.Context(), "INSERT INTO session VALUES (randomblob(32), 'ayame', 'x', '192.0.2.9', 'passkey', ?, ?)", now, now); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		f.t.Fatal(err)
	}
	from := f.head()
	return killAct{who: "ayame", path: "/me/session/end", form: f.form("ayame"), check: func(told bool) {
		f.t.Helper()
		left := f.count("SELECT count(*) FROM session WHERE account = 'ayame' AND address = '192.0.2.9'")
		if left == 1 {
			f.t.Error("one of two sessions has ended")
		}
		f.outcome(told, left == 0, func(all []event.Body) bool {
			n := 0
			for _, b := range all {
				if l, ok := b.(*event.Login); ok && l.Step == "ended" && l.Address == "192.0.2.9" {
					n++
				}
			}
			return n >= 2
		}, from)
		if n := f.count("SELECT count(*) FROM promise"); n != 0 {
			f.t.Errorf("%d promises are left", n)
		}
	}}
}

// visit asks a site of the firm for a page, once its gate answers, and returns the
// status and the text.
func (f *killedFirm) visit(host, path string) (int, string) {
	f.t.Helper()
	l, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), "GET", "http://"+l.Web[0].Listen+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Host = host
	answer, err := f.web.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// misusing reports a list that takes three events.
func (f *killedFirm) misusing(round int) killAct {
	f.t.Helper()
	id := strings.TrimPrefix(strings.TrimSuffix(f.do("ayame", "/wrong", "what", fmt.Sprintf("misuse %d", round)), "?done=wrong"), "/cases/")
	items := make([]control.MisuseItem, 2*misuseChunk+50)
	for i := range items {
		items[i] = control.MisuseItem{Number: fmt.Sprintf("M-%d-%d", round, i), At: time.Now().Add(-time.Hour).UnixNano()}
	}
	from := f.head()
	return killAct{call: func() error {
		_, err := f.client.Misuse(f.t.Context(), control.MisuseRequest{Case: id, By: "ayame", Lang: "en", Items: items})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		n := len(f.caseOf(id).Misuse)
		if n != 0 && n != len(items) {
			f.t.Errorf("%d of %d items are reported", n, len(items))
		}
		f.outcome(told, n > 0, func(all []event.Body) bool {
			had := 0
			for _, b := range all {
				if m, ok := b.(*event.CaseMisuse); ok && m.Case == id && m.Of == uint64(len(items)) {
					had += len(m.Items)
				}
			}
			return had == len(items)
		}, from)
	}}
}

// calling calls everybody for a test; what a killed process began the next one ends.
func (f *killedFirm) calling(int) killAct {
	f.t.Helper()
	from := f.head()
	return killAct{call: func() error {
		_, err := f.client.TestCall(f.t.Context(), control.TestRequest{By: "ayame", Lang: "en"})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		begun, ended, called := false, false, map[string]bool{}
		look := func() bool {
			for _, b := range f.since(from) {
				switch b := b.(type) {
				case *event.Act:
					begun = begun || b.Do == desk.TestCalling
					ended = ended || b.Do == desk.TestCalling && b.Result == "done"
				case *event.CaseNotice:
					called[b.To] = called[b.To] || b.Case == casefile.TestCase
				}
			}
			return ended || !begun
		}
		f.await("the end of the test call", look)
		if begun != (len(called) == 2) {
			f.t.Errorf("begun: %t, called: %v", begun, called)
		}
		f.outcome(told, ended, actSays(desk.TestCalling, ""), from)
	}}
}

// takingEvidence signs what is handed to an acquirer, at first with a pair of keys
// that is made for it.
func (f *killedFirm) takingEvidence(int) killAct {
	f.t.Helper()
	pair := filepath.Join(f.dir, "keys", evidencePair+".notekey")
	if err := os.Remove(pair); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	from := f.head()
	return killAct{who: "ayame", path: "/web/payment/evidence", form: f.form("ayame"), check: func(told bool) {
		f.t.Helper()
		said := actSays("card-evidence", "")(f.since(from))
		if _, err := os.Stat(pair); said && err != nil {
			f.t.Errorf("it was signed and the keys are gone: %v", err)
		}
		if left, err := filepath.Glob(pair + ".*"); err != nil || len(slices.DeleteFunc(left, func(name string) bool { return strings.HasSuffix(name, durable.TempSuffix) })) > 0 {
			f.t.Errorf("keys that nobody asks for: %q, %v", left, err)
		}
		first, verifier, err := hub.KeyPair(filepath.Join(f.dir, "keys"), evidencePair, "sekisho.card/default")
		again, same, errAgain := hub.KeyPair(filepath.Join(f.dir, "keys"), evidencePair, "sekisho.card/default")
		if err != nil || errAgain != nil || first != again || verifier != same {
			f.t.Errorf("the keys cannot be used: %v, %v", err, errAgain)
		}
		if left, err := filepath.Glob(pair + ".*"); err != nil || len(left) > 0 {
			f.t.Errorf("left beside the keys: %q, %v", left, err)
		}
		f.outcome(told, said, actSays("card-evidence", ""), from)
	}}
}

// admitting makes a token for a remote gate in place of an older one.
func (f *killedFirm) admitting(int) killAct {
	f.t.Helper()
	old, err := f.client.HubToken(f.t.Context(), control.HubRequest{Site: "osaka", By: "ren"})
	if err != nil {
		f.t.Fatal(err)
	}
	kept := func() string {
		f.t.Helper()
		text, err := os.ReadFile(filepath.Join(f.dir, "data", "hub", "token-osaka.json"))
		if err != nil {
			f.t.Fatal(err)
		}
		var k struct {
			SHA256 string `json:"sha256"`
		}
		if err := json.Unmarshal(text, &k); err != nil {
			f.t.Fatal(err)
		}
		return k.SHA256
	}
	sum := func(token string) string {
		f.t.Helper()
		t, err := frame.ParseToken(token)
		if err != nil {
			f.t.Fatal(err)
		}
		s := sha256.Sum256([]byte(t.Secret))
		return hex.EncodeToString(s[:])
	}
	if kept() != sum(old.Token) {
		f.t.Fatal("the token is not the one that is kept")
	}
	var made control.HubToken
	return killAct{call: func() (err error) {
		made, err = f.client.HubToken(f.t.Context(), control.HubRequest{Site: "osaka", By: "ren"})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		f.wholly = kept() != sum(old.Token)
		if told && kept() != sum(made.Token) {
			f.t.Error("the token that was given is not the one that is kept")
		}
	}}
}

// revoking shuts a remote gate out that had joined.
func (f *killedFirm) revoking(round int) killAct {
	f.t.Helper()
	name := fmt.Sprintf("site%d", round)
	f.kill()
	c, err := config.Load(filepath.Join(f.dir, "sekisho.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	l, err := ledger.Open(f.t.Context(), ledgerConfig(c.Config))
	if err != nil {
		f.t.Fatal(err)
	}
	_, key, err := order.NewKey(rand.Reader, name)
	if err == nil {
		_, err = l.Recorder("hub", 0).Record(f.t.Context(), event.Durable, &event.GateEnrolled{Gate: name, Step: "enrolled", Key: key, By: "ren"})
	}
	if err = errors.Join(err, l.Close()); err != nil {
		f.t.Fatal(err)
	}
	f.start()
	joined := func() bool {
		f.t.Helper()
		cuts, err := f.client.Cuts(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		return slices.ContainsFunc(cuts.Gates, func(g control.CutGate) bool { return strings.Contains(g.Gate, name) })
	}
	if !joined() {
		f.t.Fatal("it has not joined")
	}
	from := f.head()
	return killAct{call: func() error {
		_, err := f.client.RevokeGate(f.t.Context(), control.HubRequest{Site: name, By: "ren"})
		return err
	}, check: func(told bool) {
		f.t.Helper()
		f.outcome(told, !joined(), func(all []event.Body) bool {
			return slices.ContainsFunc(all, func(b event.Body) bool {
				g, ok := b.(*event.GateEnrolled)
				return ok && g.Gate == name && g.Step == "revoked"
			})
		}, from)
	}}
}
