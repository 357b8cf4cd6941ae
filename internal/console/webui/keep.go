package webui

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// gatesRoom is the room of gates, sessions and exceptional access.
type gatesRoom struct {
	Status   control.Status
	Sessions []control.Session
	Grants   []control.Grant
	Longest  time.Duration // that an exceptional access may last; 0: the policy knows none
}

func (s *Server) sessionsPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_sessions")
	g := &gatesRoom{}
	var err error
	if g.Status, err = s.Office.Status(r.Context()); err != nil {
		return nil, err
	}
	if g.Sessions, err = s.Office.Sessions(r.Context()); err != nil {
		return nil, err
	}
	if g.Grants, err = s.Office.Grants(r.Context()); err != nil {
		return nil, err
	}
	policy, err := s.Office.Policy(r.Context())
	if err != nil {
		return nil, err
	}
	g.Longest = policy.Grant
	slices.SortStableFunc(g.Sessions, func(a, b control.Session) int { return b.Since.Compare(a.Since) })
	return gatesView(r.page, g), nil
}

// databases are those behind gates, once each.
func (g *gatesRoom) databases() []string {
	var out []string
	for _, x := range g.Status.Gates {
		if x.Database != "" && !slices.Contains(out, x.Database) {
			out = append(out, x.Database)
		}
	}
	return out
}

// lengths are those that somebody may ask for.
func (g *gatesRoom) lengths() []time.Duration {
	all := []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour}
	all = slices.DeleteFunc(all, func(d time.Duration) bool { return d >= g.Longest })
	return append(all, g.Longest)
}

// sessionsCut ends a session at its gate and shows the receipt.
func (s *Server) sessionsCut(r *Request) (templ.Component, error) {
	id, err := number(r.PostFormValue("session"))
	if err != nil || id == 0 {
		return nil, errNothing
	}
	receipt, err := s.Office.Cut(r.Context(), control.CutRequest{Session: event.Session(id), Gate: r.PostFormValue("gate"), By: r.By(), Reason: "console"})
	if err != nil {
		return nil, err
	}
	r.page.Title = r.page.T("cut_title")
	return receiptView(r.page, r.page.T("cut_title"), r.page.T("cut_receipt", "n", len(receipt.Sessions), "ms", receipt.Took.Milliseconds()), "/sessions"), nil
}

// cutButton names the button of a session, so that it keeps the focus when the list is
// drawn again.
func cutButton(x *control.Session) string { return fmt.Sprintf("cut-%s-%d", x.Gate, x.Session) }

func (s *Server) closeBypass(r *Request) (templ.Component, error) {
	if _, err := s.Office.Bypass(r.Context(), control.BypassRequest{Gate: r.PostFormValue("gate"), By: r.By(), Reason: "console"}); err != nil {
		return nil, err
	}
	return nil, redirect("/sessions?done=saved")
}

func (s *Server) grantRequest(r *Request) (templ.Component, error) {
	length, err := time.ParseDuration(r.PostFormValue("for"))
	if err != nil {
		return nil, fault.New(fault.ScopeQuery, "problem", strconv.Quote(r.PostFormValue("for"))+" is no time", "hint", "30m, 2h")
	}
	_, err = s.Office.RequestGrant(r.Context(), control.GrantRequest{By: r.By(), User: r.PostFormValue("user"), Database: r.PostFormValue("database"),
		Tables: words(r.PostForm["table"]), Elements: r.PostForm["element"], Purpose: r.PostFormValue("purpose"), For: length})
	if err != nil {
		return nil, err
	}
	return nil, redirect("/sessions?done=requested")
}

func (s *Server) grantDecide(r *Request) (templ.Component, error) {
	step := r.PostFormValue("step")
	if !slices.Contains([]string{"approve", "refuse", "end"}, step) {
		return nil, errNothing
	}
	if _, err := s.Office.DecideGrant(r.Context(), control.GrantDecision{ID: r.PostFormValue("id"), By: r.By(), Step: step}); err != nil {
		return nil, err
	}
	return nil, redirect("/sessions?done=saved")
}

func (s *Server) mapScan(r *Request) (templ.Component, error) {
	if _, err := s.Office.Scan(r.Context(), r.PostFormValue("database")); err != nil {
		return nil, err
	}
	return nil, redirect("/map?done=scanned")
}

// mapElements are the elements that any table of the databases holds, in the
// order of the engine.
func mapElements(all []office.Database) []string {
	has := map[string]bool{}
	for _, d := range all {
		for _, t := range d.Tables {
			for _, c := range t.Columns {
				has[c.Element] = true
			}
		}
	}
	return slices.DeleteFunc(kindsOfElements(), func(e string) bool { return !has[e] })
}

// columnsOf names the columns of a table that hold an element.
func columnsOf(t *office.Table, element string) []string {
	var out []string
	for _, c := range t.Columns {
		if c.Element == element {
			out = append(out, c.Name)
		}
	}
	return out
}

func (s *Server) policyReload(r *Request) (templ.Component, error) {
	status, err := s.Office.ReloadPolicy(r.Context())
	if err != nil {
		return nil, err
	}
	if status.Changed {
		return nil, redirect("/policy?done=reloaded")
	}
	return nil, redirect("/policy?done=same_policy")
}

func (s *Server) ledgerPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_ledger")
	l, err := s.Office.Ledger(r.Context())
	if err != nil {
		return nil, err
	}
	if r.Header.Get("HX-Request") != "" {
		return ledgerCheck(r.page, l), nil
	}
	return ledgerView(r.page, l), nil
}

func (s *Server) ledgerVerify(r *Request) (templ.Component, error) {
	if err := s.Office.Verify(r.Context(), r.By()); err != nil {
		return nil, err
	}
	return nil, redirect("/ledger")
}

// usersRoom is the room of accounts: some of them, by name.
type usersRoom struct {
	Users      []*account.User
	Link, Name string // of an invitation just made
	Origin     string
	From, Next string // where this page and the next begin; "": at the beginning, nowhere
}

// shownUsers is how many accounts a page shows.
const shownUsers = 40

// usersFrom is the page that begins with an account.
func usersFrom(name string) string { return "/users?" + url.Values{"from": {name}}.Encode() }

func (s *Server) usersPage(r *Request) (templ.Component, error) { return s.usersWith(r, "", "") }

func (s *Server) usersWith(r *Request, name, link string) (templ.Component, error) {
	r.page.Title = r.page.T("room_users")
	all, err := s.Accounts.Users(r.Context())
	if err != nil {
		return nil, err
	}
	v := &usersRoom{Link: link, Name: name, Origin: s.Origin, From: r.URL.Query().Get("from")}
	first, _ := slices.BinarySearchFunc(all, v.From, func(u *account.User, from string) int { return cmp.Compare(u.Name, from) })
	v.Users = all[first:]
	if len(v.Users) > shownUsers {
		v.Next = v.Users[shownUsers].Name
		v.Users = v.Users[:shownUsers]
	}
	return usersView(r.page, v), nil
}

// userProblems are what whoever manages accounts can mend.
var userProblems = map[error]string{account.ErrName: "join_bad_name", account.ErrTaken: "join_taken", account.ErrRole: "users_bad_role", account.ErrLast: "users_last"}

// mend makes a page of an error that people can mend.
func (s *Server) mend(r *Request, err error) (templ.Component, error) {
	for known, text := range userProblems {
		if errors.Is(err, known) {
			return errorPage(r.page, r.page.T(text), ""), nil
		}
	}
	return nil, err
}

func roles(r *Request) []account.Role {
	var out []account.Role
	for _, text := range r.PostForm["role"] {
		out = append(out, account.Role(text))
	}
	return out
}

func (s *Server) usersInvite(r *Request) (templ.Component, error) {
	name := strings.TrimSpace(r.PostFormValue("name"))
	code, err := s.Accounts.Invite(r.Context(), r.By(), name, roles(r))
	if err != nil {
		return s.mend(r, err)
	}
	return s.usersWith(r, name, s.Origin+"/join?invite="+code)
}

func (s *Server) usersRoles(r *Request) (templ.Component, error) {
	if err := s.Accounts.SetRoles(r.Context(), r.By(), r.PostFormValue("name"), s.Tenant, roles(r)); err != nil {
		return s.mend(r, err)
	}
	return nil, redirect(usersFrom(r.PostFormValue("name")) + "&done=saved")
}

func (s *Server) usersDisable(r *Request) (templ.Component, error) {
	if err := s.Accounts.SetDisabled(r.Context(), r.By(), r.PostFormValue("name"), r.PostFormValue("disabled") == "1"); err != nil {
		return s.mend(r, err)
	}
	return nil, redirect(usersFrom(r.PostFormValue("name")) + "&done=saved")
}

// Kind is a kind of event in words.
func (p *Page) Kind(name string) string {
	if key := "kind_" + keyed(name); texts.Has(key) {
		return p.T(key)
	}
	return name
}

func has(u *account.User, tenant string, role account.Role) bool {
	return slices.Contains(u.Roles, account.Grant{Tenant: tenant, Role: role})
}
