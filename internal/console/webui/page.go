package webui

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
)

// Page is what every page needs: words, who looks, where.
type Page struct {
	Title   string
	Path    string
	Tenant  string
	User    *account.User // nil: nobody entered
	CSRF    string
	Note    string // what was done just now
	Unseen  string // what a page of cases cannot show, while the disk is full
	Version string
	now     time.Time
	say     lang.Printer
	words   lang.Printer
	allowed func(account.Action) bool
}

func (s *Server) newPage(r *Request) *Page {
	p := &Page{Path: r.URL.Path, Tenant: s.Tenant, Version: s.Version, now: s.Now(), allowed: func(account.Action) bool { return false }}
	chosen := ""
	if c, err := r.Cookie("sekisho-lang"); err == nil {
		chosen = c.Value
	}
	if r.session != nil {
		p.User, p.CSRF = r.session.User, r.session.CSRF
		if p.User.Lang != "" {
			chosen = p.User.Lang
		}
		p.allowed = func(do account.Action) bool { return r.session.User.May(do, s.Tenant) }
	}
	l, ok := lang.Parse(chosen)
	if !ok {
		l = preferred(r.Header.Get("Accept-Language"))
	}
	p.say, p.words = texts.In(l), s.Words.In(l)
	if key := "note_" + r.URL.Query().Get("done"); texts.Has(key) {
		p.Note = p.say.Text(key)
	}
	return p
}

// preferred returns the first of our languages in an Accept-Language header
// (RFC 9110, 12.5.4; weights are not looked at: browsers sort). Without one it
// is Japanese.
func preferred(header string) lang.Language {
	for _, part := range strings.Split(header, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		if l, ok := lang.Parse(tag); ok {
			return l
		}
	}
	return lang.Japanese
}

// Lang returns the page's language.
func (p *Page) Lang() lang.Language { return p.say.Language() }

// JA reports whether the page is Japanese.
func (p *Page) JA() bool { return p.Lang() == lang.Japanese }

// T returns a text.
func (p *Page) T(key string, args ...any) string { return p.say.Text(key, args...) }

// May reports whether the person may do something here.
func (p *Page) May(do account.Action) bool { return p.allowed(do) }

// N writes a number.
func (p *Page) N(n uint64) string { return lang.Count(n) }

// Word is a stable word of the ledger in the person's language, such as
// "element", "card.pan".
func (p *Page) Word(kind, word string) string {
	key := kind + "_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, word)
	if text := p.words.Text(key); !strings.HasPrefix(text, "!") {
		return text
	}
	if kind == "reason" { // those that faults carry, too
		word, _ = fault.Phrase(p.Lang(), word)
	}
	return word
}

// Element is the name of an element, in plain words: commands and files have it as
// it is typed.
func (p *Page) Element(name string) string {
	if key := "plain_" + keyed(strings.ReplaceAll(name, ".", "_")); texts.Has(key) {
		return p.T(key)
	}
	return strings.ReplaceAll(p.Word("element", name), "_", " ")
}

// Drift is how a database differs from its configuration.
func (p *Page) Drift(what string) string {
	return strings.TrimRight(p.Word("propose_drift", what), ":：")
}

// Time writes a time as people on duty read it, in Japan.
func (p *Page) Time(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(rule.Tokyo).Format("2006-01-02 15:04")
}

// Dash joins two times, the second shortened when the day is the same.
func (p *Page) Dash(from, to time.Time) string {
	from, to = from.In(rule.Tokyo), to.In(rule.Tokyo)
	form := "2006-01-02 15:04:05"
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		form = "15:04:05"
	}
	return from.Format("2006-01-02 15:04:05") + " – " + to.Format(form)
}

// Second is Time with seconds.
func (p *Page) Second(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(rule.Tokyo).Format("2006-01-02 15:04:05.000")
}

// Clock writes only the time of day when t is today.
func (p *Page) Clock(t time.Time) string {
	t = t.In(rule.Tokyo)
	if t.Format(time.DateOnly) == p.now.In(rule.Tokyo).Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Left says how long it is until t, or since when it is over.
func (p *Page) Left(t time.Time) string {
	d := t.Sub(p.now)
	if d < 0 {
		return p.T("time_over", "d", p.length(-d))
	}
	return p.T("time_left", "d", p.length(d))
}

func (p *Page) length(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return p.T("time_days", "n", int(d.Hours()/24))
	case d >= time.Hour:
		return p.T("time_hours", "n", int(d.Hours()), "m", int(d.Minutes())%60)
	}
	return p.T("time_minutes", "n", int(d.Minutes()))
}

// Bytes writes a size.
func (p *Page) Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// room is a room of the console in the list of rooms.
type room struct {
	Path, Key string
	Do        account.Action
}

// allRooms in the order in which they are shown.
var allRooms = []room{
	{"/", "room_today", account.See}, {"/cases", "room_cases", account.See}, {"/scope", "room_scope", account.Ask},
	{"/events", "room_events", account.See}, {"/sessions", "room_sessions", account.See}, {"/map", "room_map", account.See},
	{"/persons", "room_persons", account.See}, {"/web", "room_web", account.See}, {"/egress", "room_egress", account.See},
	{"/policy", "room_policy", account.See}, {"/ledger", "room_ledger", account.See}, {"/users", "room_users", account.Users},
	{"/settings", "room_settings", account.See},
}

// Rooms returns those that the person may enter.
func (p *Page) Rooms() []room { return p.permitted(allRooms) }

// In reports whether the page belongs to a room.
func (p *Page) In(r room) bool {
	return p.Path == r.Path || r.Path != "/" && strings.HasPrefix(p.Path, r.Path+"/")
}

func subtleEqual(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// setCookie sets a cookie that scripts cannot read and other sites do not send
// with forms.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// Part is the name of a part of the product.
func (p *Page) Part(name string) string { return p.T("part_" + name) }
