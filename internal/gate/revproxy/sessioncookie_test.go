package revproxy

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"sekisho/internal/policy/cut"
)

// A frozen account does not go on with its session written otherwise, as applications
// read it all the same.
func TestFrozenInAnotherSpelling(t *testing.T) {
	w := newWorld(t, shopLogin, withLogins(Logins{Mode: Observe}), func(c *Config) { c.Hosts[0].Persons = nil })
	page := func(cookie string) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/mypage", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", cookie)
		status, _, err := w.send(t, r)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status, _ := w.login(t, mail(5), "right"); status != 303 {
		t.Fatal(status)
	}
	w.cut(t, 1, cut.User, mail(5))
	id := "s-" + mail(5)
	for _, cookie := range []string{
		"PHPSESSID=" + id,
		"PHPSESSID=%73%2D" + mail(5),
		`PHPSESSID="` + id + `"`,
		`PHPSESSID="\163-` + mail(5) + `"`,
		"PHPSESSID=other; PHPSESSID=" + id,
		"PHPSESSID=; PHPSESSID=" + id,
		"PHPSESSID=" + strings.ReplaceAll(id, "@", "%40") + "; theme=dark",
		"JSESSIONID=1; PHPSESSID=" + id,
		"sid=1; phpsessid=" + id,
		"PHPSES%53ID=" + id,
	} {
		if got := page(cookie); got != 403 {
			t.Errorf("%s: %d", cookie, got)
		}
	}
	if got := page("PHPSESSID=s-" + mail(6)); got != 200 {
		t.Errorf("another account: %d", got)
	}
}

// Every cookie that an answer to a login sets is of the account, but those that it takes
// away: of two with one name browsers keep the last.
func TestCookiesOfAnEntry(t *testing.T) {
	p := (&Persons{Hash: func(parts ...[]byte) (sum [16]byte) {
		copy(sum[:], bytes.Join(parts, []byte{0})[len("session"):])
		return sum
	}}).compile()
	ask := &http.Request{Header: http.Header{}}
	p.remember(&http.Response{Request: ask, Header: http.Header{"Set-Cookie": {"PHPSESSID=gone; Max-Age=0", "PHPSESSID=1", "PHPSESSID=2; Path=/", "theme=x"}}}, &attempt{})
	for cookie, want := range map[string]bool{"PHPSESSID=1": true, "PHPSESSID=2": true, "PHPSESSID=gone": false, "theme=x": false, "PHPSESSID=3": false} {
		_, ok := p.entered(p.cookie(&http.Request{Header: http.Header{"Cookie": {cookie}}}))
		if ok != want {
			t.Errorf("%s: %v", cookie, ok)
		}
	}
}
