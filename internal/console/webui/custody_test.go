package webui

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/event"
	"sekisho/internal/view/casefile"
)

// TestCustody: what the incident view records: evidence with a digest, who holds
// it, a decision that waits no longer than it says, a receipt with its digest.
func TestCustody(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	ren := enter(t, s, f, "ren", account.CSIRT)
	sum := strings.Repeat("ab", 32)
	send := func(act string, pairs ...string) string {
		t.Helper()
		f.mu.Lock()
		f.cases = nil
		f.mu.Unlock()
		form := url.Values{"csrf": {ren.csrf}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		resp := ren.visit("POST", "/cases/c1/"+act, form)
		if resp.StatusCode != http.StatusSeeOther || len(f.cases) != 1 {
			return resp.Status
		}
		return string(f.cases[0].Body)
	}
	for _, tt := range []struct {
		got  string
		want []string
	}{
		{send("preserve", "host", "web-1", "form", "image", "sha256", "SHA256:"+strings.ToUpper(sum), "kept", "the safe"), []string{`"evidence":"web-1-abababababab"`, `"sha256":"` + sum + `"`, `"step":"preserved"`, `"by":"ren"`, `"kept":"the safe"`}},
		{send("preserve", "host", "web-1", "form", "image", "sha256", "abc", "kept", "the safe"), []string{"409"}},
		{send("hand", "evidence", "web-1-abababababab", "to", "the police"), []string{`"step":"handed"`, `"to":"the police"`, `"by":"ren"`}},
		{send("clock", "rule", "jp.appi.prelim", "number", "R-1"), []string{"409"}},
		{send("clock", "rule", "jp.appi.prelim", "number", "R-1", "sha256", sum), []string{`"number":"R-1"`, `"sha256":"` + sum + `"`, `"step":"receipt"`}},
		{send("decide", "subject", "publish", "choice", "now", "reason", "r", "review", "24"), []string{`"choice":"publish"`, `"by":"ren"`}},
		{send("decide", "subject", "publish", "choice", "not-yet", "reason", "r", "review", "24"), []string{`"choice":"not-yet"`, `"review_at":`}},
		{send("ack", "key", "open:0"), []string{`"step":"ack"`, `"to":"ren"`, `"key":"open:0"`}},
	} {
		for _, want := range tt.want {
			if !strings.Contains(tt.got, want) {
				t.Errorf("%s lacks %s", tt.got, want)
			}
		}
	}
}

// TestFieldForms: what is decided about a field carries who decides and why.
func TestFieldForms(t *testing.T) {
	s, f := newServer(t)
	enter(t, s, f, "ayame")
	kaede := enter(t, s, f, "kaede", account.Operator)
	form := url.Values{"csrf": {kaede.csrf}, "do": {"accept"}, "gate": {"shop-web"}, "host": {"shop.example.jp"}, "path": {"/search"}, "name": {"no"}, "type": {"integer"}, "max": {"8"}, "reason": {""}}
	if resp := kaede.visit("POST", "/web/field", form); resp.StatusCode != http.StatusConflict || len(f.reviews) != 0 {
		t.Errorf("without a reason: %s", resp.Status)
	}
	form.Set("reason", "looked through")
	form.Set("max", "-1")
	if resp := kaede.visit("POST", "/web/field", form); resp.StatusCode != http.StatusConflict || len(f.reviews) != 0 {
		t.Errorf("a negative number: %s", resp.Status)
	}
	form.Set("max", "8")
	if resp := kaede.visit("POST", "/web/field", form); resp.StatusCode != http.StatusSeeOther || len(f.reviews) != 1 {
		t.Fatalf("%s, %+v", resp.Status, f.reviews)
	}
	if r := f.reviews[0]; r.Do != "accept" || r.Gate != "shop-web" || r.Max != 8 || r.Type != "integer" || r.By != "kaede" || r.Reason != "looked through" {
		t.Errorf("%+v", r)
	}
}

// TestEvidenceFile: the download holds the three files that are verified, and the
// key.
func TestEvidenceFile(t *testing.T) {
	s, f := newServer(t)
	ayame := enter(t, s, f, "ayame")
	body := text(t, ayame.visit("POST", "/web/payment/evidence", url.Values{"csrf": {ayame.csrf}}))
	z, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range z.File {
		names = append(names, file.Name)
	}
	if got := strings.Join(names, " "); got != "evidence.json evidence.pdf evidence.note key.txt" {
		t.Error(got)
	}
}

// TestRenewForms: one's own page ends other sessions and changes the password; a
// mistake is said on the page and changes nothing.
func TestRenewForms(t *testing.T) {
	s, f := newServer(t)
	ayame := enter(t, s, f, "ayame")
	page := text(t, ayame.visit("GET", "/me", nil))
	if n := strings.Count(page, "this one"); n != 1 {
		t.Errorf("%d sessions are this one", n)
	}
	wrong := url.Values{"csrf": {ayame.csrf}, "password": {"wrong wrong wrong"}, "code": {"000000"}, "new": {"toki no nagare no"}}
	resp := ayame.visit("POST", "/me/renew", wrong)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(text(t, resp), `role="alert"`) {
		t.Errorf("a wrong password: %s", resp.Status)
	}
	for _, b := range f.bodies {
		if a, ok := b.(*event.Account); ok && (a.Step == "password" || a.Step == "totp") {
			t.Errorf("changed: %+v", a)
		}
	}
	secret := regexp.MustCompile(`name="key" value="([A-Z2-7]{32})"`).FindStringSubmatch(page)
	if secret == nil {
		t.Fatal("no key for a new program")
	}
	wrong = url.Values{"csrf": {ayame.csrf}, "password": {"wrong wrong wrong"}, "code": {"000000"}, "new_code": {"000000"}, "key": {secret[1]}}
	resp = ayame.visit("POST", "/me/renew", wrong)
	if page := text(t, resp); resp.StatusCode != http.StatusConflict || !strings.Contains(page, secret[0]) || !strings.Contains(page, `<details class="inline-form" open>`) {
		t.Errorf("a mistake while a new program is set up: %s, another secret", resp.Status)
	}
	if resp := ayame.visit("POST", "/me/session/end", url.Values{"csrf": {ayame.csrf}, "id": {"00"}}); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a session of nobody: %s", resp.Status)
	}
	if resp := ayame.visit("POST", "/me/session/end", url.Values{"csrf": {ayame.csrf}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("all others: %s", resp.Status)
	}
	if resp := ayame.visit("GET", "/me", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the one that asked: %s", resp.Status)
	}
}

// TestLongCase: a case to which nobody answers for months has a page of its
// usual length, and everything that it calls for and wrote down can be reached.
func TestLongCase(t *testing.T) {
	s, f := newServer(t)
	ayame := enter(t, s, f, "ayame")
	f.mu.Lock()
	for i := range 500 {
		key := "review:7:" + strconv.Itoa(i)
		f.notices = append(f.notices, casefile.Notice{CaseNotice: event.CaseNotice{Case: "c1", Key: key, Step: "nobody", Rank: "duty"}})
		if i >= 250 { // the newest are answered
			f.notices = append(f.notices, casefile.Notice{CaseNotice: event.CaseNotice{Case: "c1", Key: key, Step: "ack", To: "ren"}})
		}
		f.entries = append(f.entries, casefile.Entry{At: int64(i + 1), By: "by-" + strconv.Itoa(i) + "-", Text: "looked at"})
	}
	f.mu.Unlock()
	seen, path := map[string]bool{}, "/cases/c1"
	for pages := 0; path != ""; pages++ {
		if pages > 20 {
			t.Fatal("the timeline has no end")
		}
		page := text(t, ayame.visit("GET", path, nil))
		if len(page) > 100<<10 {
			t.Fatalf("a page of %d bytes", len(page))
		}
		for _, by := range regexp.MustCompile(`by-\d+-`).FindAllString(page, -1) {
			seen[by] = true
		}
		path = ""
		if m := regexp.MustCompile(`href="(/cases/c1\?upto=\d+)#h-log"`).FindStringSubmatch(page); m != nil {
			path = m[1]
		}
	}
	if len(seen) != 500 {
		t.Errorf("%d of 500 entries can be reached", len(seen))
	}
	var asked []string // what can be answered, in the order of the pages
	path = "/cases/c1"
	for pages := 0; path != ""; pages++ {
		if pages > 60 {
			t.Fatal("the calls have no end")
		}
		page := text(t, ayame.visit("GET", path, nil))
		for _, m := range regexp.MustCompile(`name="key" value="review:7:(\d+)"`).FindAllStringSubmatch(page, -1) {
			asked = append(asked, m[1])
		}
		if pages == 0 && len(asked) != shownCalls {
			t.Errorf("%d of %d on the first page wait for an answer", len(asked), shownCalls)
		}
		path = ""
		if m := regexp.MustCompile(`href="(/cases/c1\?calls=\d+)#h-calls">And`).FindStringSubmatch(page); m != nil {
			path = m[1]
		}
	}
	for i := range asked {
		if asked[i] != strconv.Itoa(249-i) {
			t.Fatalf("waiting %d is %s", i, asked[i])
		}
	}
	if len(asked) != 250 {
		t.Errorf("%d of 250 can be answered", len(asked))
	}
	for _, odd := range []string{"-5", "100000", "x"} {
		if page := text(t, ayame.visit("GET", "/cases/c1?calls="+odd, nil)); !strings.Contains(page, "h-calls") {
			t.Errorf("calls=%s: %s", odd, page)
		}
	}
}
