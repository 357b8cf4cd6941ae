package revproxy

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/policy/visit"
	"sekisho/proof/scope"
)

// shopLogin lets in whoever's password is "right", and shows them their mail.
func shopLogin(rw http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		if r.FormValue("password") == "right" {
			http.SetCookie(rw, &http.Cookie{Name: "PHPSESSID", Value: "s-" + r.FormValue("email")})
			http.Redirect(rw, r, "/mypage", http.StatusSeeOther)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(rw, "<p>メールアドレスかパスワードが違います</p>")
	case "/mypage":
		c, err := r.Cookie("PHPSESSID")
		if err != nil {
			http.Error(rw, "no", http.StatusForbidden)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, "<p>%s 様</p>", c.Value[2:])
	}
}

func withLogins(l Logins) setting {
	return func(c *Config) {
		var p Persons
		withPersons(p)(c)
		l.Hash, l.Owners = c.Hosts[0].Persons.Hash, c.Hosts[0].Persons.Owners
		c.Hosts[0].Logins = &l
	}
}

func (w *world) login(t *testing.T, email, password string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.PostForm(w.url+"/login", url.Values{"email": {email}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(body)
}

// A list of passwords of another site is tried from one address: many accounts,
// one password each, two of which fit. It is raised and stopped, and who was
// entered is known.
func TestPasswordList(t *testing.T) {
	w := newWorld(t, shopLogin, withLogins(Logins{Mode: Enforce, Accounts: 5, Limits: visit.Limits{Account: 3},
		Leaked: func(p string) bool { return p == "right" }}))
	w.places(t)
	var statuses []int
	for n := range 10 {
		password := "wrong"
		if n == 2 || n == 4 {
			password = "right"
		}
		status, _ := w.login(t, mail(n), password)
		statuses = append(statuses, status)
	}
	if want := "[200 200 303 200 303 200 200 200 429 429]"; fmt.Sprint(statuses) != want {
		t.Errorf("%v, want %s", statuses, want)
	}
	w.ends(t)
	entered := map[uint32]bool{}
	for _, l := range eventtest.Of[*event.SiteLogin](w.rec) {
		if l.OK {
			entered[*l.Subject] = l.Leaked
		}
		if l.Source != "shop.customers" || l.Address != "127.0.0.1" {
			t.Errorf("%+v", l)
		}
	}
	if len(entered) != 2 || !entered[2] || !entered[4] {
		t.Errorf("entered %v", entered)
	}
	if f := eventtest.Of[*event.Finding](w.rec); len(f) != 1 || f[0].Code != codeLogins || f[0].Detail != "many accounts from 127.0.0.1" {
		t.Errorf("%+v", f)
	}
	w.silent(t, "mail.example.jp", "right", "wrong")
}

// One account is tried with many passwords: the account is stopped, and others
// from the same address are not.
func TestOneAccountIsTried(t *testing.T) {
	w := newWorld(t, shopLogin, withLogins(Logins{Mode: Enforce, Limits: visit.Limits{Account: 3}}))
	for i, want := range []int{200, 200, 200, 200, 429} {
		if status, _ := w.login(t, mail(1), fmt.Sprint("guess", i)); status != want {
			t.Errorf("attempt %d: %d, want %d", i, status, want)
		}
	}
	if status, _ := w.login(t, mail(2), "right"); status != http.StatusSeeOther {
		t.Errorf("another account: %d", status)
	}
	if status, _ := w.login(t, mail(1), "right"); status != http.StatusTooManyRequests {
		t.Errorf("the account within the window: %d", status)
	}
}

// Who entered is the visitor's account, and their own data is not another's.
func TestOwnAccountIsNotAnother(t *testing.T) {
	w := newWorld(t, shopLogin, withLogins(Logins{Mode: Observe}), func(c *Config) {
		c.Hosts[0].Persons.Mode, c.Hosts[0].Persons.Limits = Enforce, visit.Limits{Account: 1, Session: 1}
	})
	w.places(t)
	if status, _ := w.login(t, mail(5), "right"); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	for _, cookie := range []string{mail(5), mail(5), mail(5)} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/mypage", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: "s-" + cookie})
		if status, _, err := w.send(t, r); status != 200 || err != nil {
			t.Errorf("own page: %d %v", status, err)
		}
	}
	r, _ := w.asked(t, scope.Query{Places: []string{"web/shop"}})
	if r.Reachable.Subjects != 1000 {
		t.Errorf("%+v", r.Reachable)
	}
	open := eventtest.Of[*event.SessionOpen](w.rec)
	if last := open[len(open)-1]; last.User == "" {
		t.Errorf("the session has no account: %+v", last)
	}
}

func TestAttempts(t *testing.T) {
	l := (&Logins{Hash: func(...[]byte) [16]byte { return [16]byte{1} }, Paths: []LoginPath{{Path: "/api/enter", Account: "nr", Password: "geheim"}}}).compile()
	for body, want := range map[string]bool{
		"email=a&password=b": true, "login_id=a&passwd=b": true, "email=a&password=b&password2=b": false, "q=a": false, "email=a": false, "email=&password=b": false,
		"compass=1&id=2": false, "j_username=a&j_password=b": true,
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://shop/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := l.attempt(nil, r, []byte(body)) != nil; got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	for text, c := range map[string]struct {
		path string
		want bool
	}{`{"user":{"email":"a","password":"b"}}`: {"/x", true}, `{"nr":"1","geheim":"2"}`: {"/api/enter", true}, `{"nr":"1","geheim":"3"}`: {"/x", false}} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://shop"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if got := l.attempt(nil, r, []byte(text)) != nil; got != c.want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestSucceeded(t *testing.T) {
	request := &http.Request{URL: mustURL(t, "http://shop/login")}
	for _, c := range []struct {
		status         int
		location, kind string
		path           *LoginPath
		want           bool
	}{
		{303, "/mypage", "", nil, true}, {302, "/login", "", nil, false}, {302, "/top?error=1", "", nil, false}, {200, "", "text/html", nil, false},
		{200, "", "application/json", nil, true}, {401, "", "application/json", nil, false}, {200, "", "text/html", &LoginPath{Success: []int{200}}, true}, {302, "/x", "", &LoginPath{Success: []int{200}}, false},
	} {
		a := &http.Response{StatusCode: c.status, Header: http.Header{"Location": {c.location}, "Content-Type": {c.kind}}, Request: request}
		if got := (&attempt{path: c.path}).succeeded(a); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
