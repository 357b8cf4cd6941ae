package revproxy

import (
	"crypto/rand"
	"encoding/hex"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/policy/site"
	"sekisho/internal/policy/visit"
)

// Logins says how attempts to log in to a site are counted. Which requests are
// attempts is configured, or told by their fields: one for a password and one for
// an account.
type Logins struct {
	// Paths are where the fields have other names, or success looks otherwise.
	Paths []LoginPath
	// Limits are how many attempts may fail within their window, by session, by
	// account and by address.
	Limits visit.Limits
	// Accounts is how many accounts may fail from one address, or from one network
	// (an IPv4 /24, an IPv6 /48), within the window: more is a list of passwords.
	// 0 is any number.
	Accounts int
	// Delay is how long an attempt waits once half of a limit is reached.
	Delay time.Duration
	// Mode is what is done beyond a limit.
	Mode Mode
	// Leaked reports whether a password is known to attackers; nil: nobody looks.
	Leaked func(password string) bool
	// Hash and Owners are as in Persons. Hash is required and the same for all
	// hosts of a gate: cuts name accounts, and the gate knows them by it.
	Hash   func(parts ...[]byte) [16]byte
	Owners func(dst []Owner, k element.Kind, value []byte) []Owner
}

// LoginPath is an address of attempts.
type LoginPath struct {
	Path              string
	Account, Password string // names of fields
	// Success are the statuses of an attempt that succeeded; none: a redirect
	// elsewhere, or an answer that is no page.
	Success []int
}

type logins struct {
	*Logins
	failed *visit.Book // attempts
	listed *visit.Book // accounts of an address or network
}

const codeLogins = "SK3421"

func (l *Logins) compile() *logins {
	if l == nil {
		return nil
	}
	return &logins{Logins: l, failed: visit.NewBook(l.Limits), listed: visit.NewBook(visit.Limits{Address: l.Accounts, Window: l.Limits.Window})}
}

// attempt is an attempt to log in.
type attempt struct {
	path    *LoginPath // nil: told by its fields
	account [16]byte   // keyed hash
	owner   Owner
	known   bool // whose account it is
	leaked  bool
	who     []visit.Visitor // session, account, address
	nets    []visit.Visitor // address and network
}

var (
	passwordField = regexp.MustCompile(`(?i)(^|[^a-z])(pass(word|wd|wort)?|pwd|パスワード)([^a-z]|$)|password`)
	accountField  = regexp.MustCompile(`(?i)e-?mail|login|user|account|member|(^|[^a-z])id([^a-z]|$)`)
)

// attempt returns what a request tries to enter with, nil when it is no attempt.
func (l *logins) attempt(x *exchange, r *http.Request, body []byte) *attempt {
	if r.Method != http.MethodPost || len(body) == 0 || len(body) > maxValue {
		return nil
	}
	a := &attempt{}
	for i := range l.Paths {
		if l.Paths[i].Path == r.URL.Path || l.Paths[i].Path == sameAs(r.URL.Path) {
			a.path = &l.Paths[i]
		}
	}
	all, _ := fields(r, body, false)
	account, password, ok := entered(a.path, all)
	if !ok {
		return nil
	}
	account = accountName(account)
	a.account = l.Hash([]byte("account"), []byte(account))
	a.leaked = l.Leaked != nil && l.Leaked(password)
	if l.Owners != nil {
		owners := l.Owners(nil, element.Email, []byte(account))
		if owners = slices.Compact(owners); len(owners) == 1 {
			a.owner, a.known = owners[0], true
		}
	}
	ip := address(r)
	a.who = []visit.Visitor{{By: visit.Account, Name: hex.EncodeToString(a.account[:])}, {By: visit.Address, Name: visit.Network(ip)}}
	if all := sessionCookies(r, knownCookies); len(all) > 0 {
		h := l.Hash([]byte("session"), []byte(all[0].value))
		a.who = append(a.who, visit.Visitor{By: visit.Session, Name: hex.EncodeToString(h[:])})
	}
	a.nets = []visit.Visitor{{By: visit.Address, Name: visit.Network(ip)}, {By: visit.Address, Name: wideNetwork(ip)}}
	return a
}

// accountName is the name of an account in the form in which names are compared.
func accountName(account string) string { return strings.ToLower(strings.TrimSpace(account)) }

// entered returns the fields of an attempt. Two passwords are no attempt: they
// are of a new account, or of a change.
func entered(path *LoginPath, all []site.Field) (account, password string, ok bool) {
	passwords := 0
	for _, f := range all {
		name := f.Name[strings.LastIndexByte(f.Name, '.')+1:]
		switch {
		case path != nil && path.Password != "" && name == path.Password, (path == nil || path.Password == "") && passwordField.MatchString(name):
			password = f.Value
			passwords++
		case path != nil && path.Account != "" && name == path.Account, (path == nil || path.Account == "") && account == "" && accountField.MatchString(name):
			account = f.Value
		}
	}
	return account, password, passwords == 1 && account != "" && password != ""
}

// wideNetwork is what a provider gives to a customer with a few addresses.
func wideNetwork(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "?"
	}
	bits := 48
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "?"
	}
	return p.String()
}

// login notes an attempt. False: a limit was passed before, and it is refused. A
// visitor near a limit waits.
func (x *exchange) login(r *http.Request, body []byte) (refusal, bool) {
	l := x.host.logins
	if x.attempt = l.attempt(x, r, body); x.attempt == nil || l.Mode != Enforce {
		return refusal{}, true
	}
	now := time.Now()
	over, shut := l.failed.Shut(now, x.attempt.who)
	if !shut {
		over, shut = l.listed.Shut(now, x.attempt.nets)
	}
	if shut {
		return refusal{status: http.StatusTooManyRequests, code: codeLogins, action: "refuse", rule: "login/" + over.By.String(), reason: "too many failed logins"}, false
	}
	if l.Delay > 0 && l.failed.Half(now, x.attempt.who) {
		wait := time.NewTimer(l.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
		}
	}
	return refusal{}, true
}

// entry records what came of an attempt before the visitor hears of it.
func (x *exchange) entry(a *http.Response) error {
	t, l := x.attempt, x.host.logins
	body := &event.SiteLogin{Place: x.host.Place, Exchange: x.id, Account: hex.EncodeToString(t.account[:]), Address: x.from, OK: t.succeeded(a), Leaked: t.leaked}
	if t.known {
		body.Source, body.Subject = t.owner.Source, &t.owner.Number
	}
	bodies := []event.Body{body}
	if !body.OK {
		bodies = append(bodies, l.fail(x, t)...)
	} else if p := x.host.visitors; p != nil {
		p.remember(a, t)
	}
	if !x.record(a.Request.Context(), bodies...) {
		return errUnrecorded
	}
	return nil
}

// fail counts a failure, and returns what is to be raised.
func (l *logins) fail(x *exchange, t *attempt) (raised []event.Body) {
	now := time.Now()
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	over, passed := l.failed.See(now, t.who, visit.Person{}, []visit.Person{{Hash: id}})
	if passed && over.First {
		raised = append(raised, &event.Finding{Code: codeLogins, Title: "too many failed logins", Place: x.host.Place, Detail: "by " + over.By.String() + " in exchange " + x.id})
	}
	over, passed = l.listed.See(now, t.nets, visit.Person{}, []visit.Person{{Hash: t.account}})
	if passed && over.First {
		raised = append(raised, &event.Finding{Code: codeLogins, Title: "a list of passwords is tried", Place: x.host.Place, Detail: "many accounts from " + over.Name})
	}
	return raised
}

// succeeded reports whether the answer to an attempt lets somebody in.
func (t *attempt) succeeded(a *http.Response) bool {
	if t.path != nil && len(t.path.Success) > 0 {
		return slices.Contains(t.path.Success, a.StatusCode)
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400:
		to, err := url.Parse(a.Header.Get("Location"))
		return err == nil && to.Path != a.Request.URL.Path && !strings.Contains(strings.ToLower(to.RawQuery), "err") && !strings.Contains(strings.ToLower(to.RawQuery), "fail")
	case a.StatusCode >= 200 && a.StatusCode < 300:
		return kind != "text/html" && kind != "application/xhtml+xml"
	}
	return false
}
