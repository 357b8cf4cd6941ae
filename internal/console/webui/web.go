package webui

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/rule"
)

// webRoom is the room of web sites.
type webRoom struct {
	*office.WebRoom
	Status  control.WebStatus
	Block   *office.BlockAnswer // nil: none is looked at
	Problem string              // why it cannot be explained
	Payment *office.Payment     // nil: not asked
	Fields  *office.Fields
}

// written are the rules that people wrote beside types of fields, which have a
// table of their own.
func (w *webRoom) written() []office.SiteRule {
	return slices.DeleteFunc(slices.Clone(w.Rules), func(r office.SiteRule) bool { return r.Kind == "parameter" })
}

func (s *Server) webPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_web")
	room := &webRoom{}
	var err error
	if room.Status, err = s.Office.Web(r.Context(), control.WebRequest{}); err != nil {
		return nil, err
	}
	if room.WebRoom, err = s.Office.WebRoom(r.Context()); err != nil {
		return nil, err
	}
	if room.Fields, err = s.Office.Fields(r.Context()); err != nil {
		return nil, err
	}
	v := r.URL.Query()
	if id := v.Get("block"); id != "" {
		if room.Block, err = s.Office.ExplainBlock(r.Context(), id); err != nil {
			f := fault.Faults(err)[0]
			if f.Code == fault.Internal {
				return nil, err
			}
			room.Problem = f.What(r.page.Lang())
		}
	}
	if v.Get("payment") != "" {
		if room.Payment, err = s.Office.Payment(r.Context()); err != nil {
			return nil, err
		}
	}
	return webView(r.page, room), nil
}

// webStop stops a site or its payment, or lets it go on.
func (s *Server) webStop(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	do := control.WebStop
	if r.PostFormValue("do") == "resume" {
		do = control.WebResume
	}
	what := "site"
	if r.PostFormValue("what") == "payment" {
		what = "payment"
	}
	host := r.PostFormValue("host")
	if host == "" { // a request without one means all sites
		return nil, errNothing
	}
	if _, err := s.Office.Web(r.Context(), control.WebRequest{Do: do, What: what, Host: host, By: r.By(), Reason: why}); err != nil {
		return nil, err
	}
	return nil, redirect("/web?done=saved")
}

// webExcept writes the smallest exception for a refusal.
func (s *Server) webExcept(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	until, err := time.Parse(time.DateOnly, r.PostFormValue("until"))
	if err != nil {
		return nil, fault.New(fault.ConsoleForm, "problem", "an exception needs a last day", "hint", "2027-02-28")
	}
	q := office.ExceptRequest{ID: r.PostFormValue("id"), Reason: why, By: r.By(), Until: until,
		Path: strings.TrimSpace(r.PostFormValue("path")), Target: strings.TrimSpace(r.PostFormValue("target"))}
	for _, text := range r.PostForm["rule"] {
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil, errNothing
		}
		q.Rules = append(q.Rules, number)
	}
	if _, err := s.Office.ExceptBlock(r.Context(), q); err != nil {
		return nil, err
	}
	return nil, redirect("/web?done=saved")
}

// webAuthorise says that a part belongs on the pages of a site.
func (s *Server) webAuthorise(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	if _, err := s.Office.AuthorisePages(r.Context(), office.AuthoriseRequest{Site: r.PostFormValue("site"), Items: r.PostForm["item"], Reason: why, By: r.By()}); err != nil {
		return nil, err
	}
	return nil, redirect("/web?payment=1&done=saved#h-payment")
}

// exceptable are the rules of an exception, each once.
func exceptable(b *office.BlockAnswer) (out []string) {
	for _, e := range b.Exception {
		if !slices.Contains(out, e.Rule) {
			out = append(out, e.Rule)
		}
	}
	return out
}

// family says in plain words what a rule is about.
func family(p *Page, r office.BlockRule) string {
	if word := p.Word("family", r.Family); word != r.Family {
		return word
	}
	return r.Rule
}

// families names what fired, each kind once.
func families(p *Page, rules []office.BlockRule) string {
	var out []string
	seen := map[string]bool{}
	for _, r := range rules {
		if f := family(p, r); !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	return strings.Join(out, p.T("comma"))
}

// against says what stands against the evidence.
func against(p *Page, words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, p.Word("card_against", w))
	}
	return strings.Join(out, p.T("comma"))
}

// inThreeMonths is the default end of an exception.
func inThreeMonths(p *Page) string {
	return p.now.In(rule.Tokyo).AddDate(0, 3, 0).Format(time.DateOnly)
}

func stopped(s *control.SiteStatus, what string) bool {
	for _, w := range s.Stopped {
		if w == what {
			return true
		}
	}
	return false
}

// scopeOfLogin asks whose data an address got, from the beginning of everything
// while it is not known when the address began.
func scopeOfLogin(l office.LoginSource) string {
	v := url.Values{"place": {l.Place}, "address": {l.Address}, "ask": {"1"}}
	if !l.First.IsZero() {
		v.Set("from", l.First.UTC().Format(time.RFC3339Nano))
	}
	return "/scope?" + v.Encode()
}

// scopeOfEntered asks whose data an address got from when it entered an account.
func scopeOfEntered(l office.LoginSource, e office.Entered) string {
	l.First = e.At
	return scopeOfLogin(l)
}
