package webui

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/lang"
)

// local returns a path of the console that a form or an address names, else
// the first page: nobody is led to another site.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, "/\\") ||
		strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return "/"
	}
	return path
}

func (s *Server) loginPage(r *Request) (templ.Component, error) {
	next := local(r.URL.Query().Get("next"))
	if r.session != nil {
		return nil, redirect(next)
	}
	r.page.Title = r.page.T("login_title")
	any, err := s.Accounts.Any(r.Context())
	if err != nil {
		return nil, err
	}
	if !any {
		return firstView(r.page), nil
	}
	return loginView(r.page, loginForm{Next: next, Passkeys: s.Accounts.HasPasskeys()}), nil
}

func (s *Server) login(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("login_title")
	f := loginForm{Next: local(r.PostFormValue("next")), Name: r.PostFormValue("name"), Passkeys: s.Accounts.HasPasskeys()}
	cookie, err := s.Accounts.Login(r.Context(), f.Name, r.PostFormValue("password"), strings.ReplaceAll(r.PostFormValue("code"), " ", ""), r.Address())
	switch {
	case errors.Is(err, account.ErrSlow):
		f.Problem = r.page.T("login_slow")
	case errors.Is(err, account.ErrWrong):
		f.Problem = r.page.T("login_wrong")
	case err != nil:
		return nil, err
	default:
		s.enter(r, cookie)
		return nil, redirect(f.Next)
	}
	s.render(r, http.StatusUnauthorized, loginView(r.page, f))
	r.out = true
	return nil, nil
}

// enter gives the browser its new secret. The session before, if there was
// one, ends by its time.
func (s *Server) enter(r *Request, cookie string) { s.setCookie(r.w, s.cookie, cookie, 12*time.Hour) }

func (s *Server) logout(r *Request) (templ.Component, error) {
	if err := s.Accounts.Logout(r.Context(), r.session, r.Address()); err != nil {
		return nil, err
	}
	s.setCookie(r.w, s.cookie, "", -time.Second)
	return nil, redirect("/login")
}

func (s *Server) setLang(r *Request) (templ.Component, error) {
	l, ok := lang.Parse(r.PostFormValue("lang"))
	if !ok {
		return nil, errNothing
	}
	if r.session != nil {
		if err := s.Accounts.SetLang(r.Context(), r.By(), string(l)); err != nil {
			return nil, err
		}
	}
	s.setCookie(r.w, "sekisho-lang", string(l), 365*24*time.Hour)
	return nil, redirect(local(r.PostFormValue("next")))
}

func (s *Server) joinPage(r *Request) (templ.Component, error) {
	key, err := s.Accounts.NewKey()
	if err != nil {
		return nil, err
	}
	return s.joinAgain(r, joinForm{Code: r.URL.Query().Get("invite"), Key: key})
}

func (s *Server) joinAgain(r *Request, f joinForm) (templ.Component, error) {
	var err error
	if f.Invitation, err = s.Accounts.Invited(r.Context(), f.Code); errors.Is(err, account.ErrUnknown) {
		r.page.Title = r.page.T("error_title")
		s.render(r, http.StatusNotFound, errorPage(r.page, r.page.T("join_unknown"), r.page.T("join_unknown_try")))
		r.out = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.page.Title = r.page.T("join_title")
	return joinView(r.page, f), nil
}

// joinProblems are what a guest can mend.
var joinProblems = map[error]string{account.ErrName: "join_bad_name", account.ErrTaken: "join_taken", account.ErrWeak: "join_weak",
	account.ErrCode: "join_bad_code", account.ErrSlow: "login_slow"}

func (s *Server) join(r *Request) (templ.Component, error) {
	key, err := account.ParseKey(r.PostFormValue("key"))
	if err != nil {
		return nil, errToken
	}
	f := joinForm{Code: r.PostFormValue("invite"), Key: key, Name: r.PostFormValue("name")}
	_, err = s.Accounts.Accept(r.Context(), f.Code, account.Welcome{Name: f.Name, Password: r.PostFormValue("password"), Key: key,
		Code: strings.ReplaceAll(r.PostFormValue("code"), " ", "")})
	for known, text := range joinProblems {
		if errors.Is(err, known) {
			f.Problem = r.page.T(text)
			return s.joinAgain(r, f)
		}
	}
	if errors.Is(err, account.ErrUnknown) {
		return s.joinAgain(r, f)
	}
	if err != nil {
		return nil, err
	}
	return nil, redirect("/login?done=joined")
}

// linkName is what the account is called in a program for one-time codes.
func (f *joinForm) linkName() string {
	if f.Invitation.Account != "" {
		return f.Invitation.Account
	}
	return "console"
}

// spaced puts a secret into groups of four, as people read it.
func spaced(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hexID(id []byte) string { return hex.EncodeToString(id) }

// keyed is a word as it stands in a key of the texts.
func keyed(word string) string { return strings.ReplaceAll(word, "-", "_") }

// Grants says which roles.
func (p *Page) Grants(all []account.Grant) string {
	var out []string
	for _, g := range all {
		text := p.T("role_" + string(g.Role))
		if g.Tenant != p.Tenant {
			text += " (" + g.Tenant + ")"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return p.T("role_none")
	}
	return strings.Join(out, p.T("comma"))
}

// meForm is one's own account.
type meForm struct {
	Passkeys bool
	Tokens   *tokenRoom // nil: makes none
	Own      *credentials
}

func (s *Server) me(r *Request) (templ.Component, error) {
	v, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	return s.meWith(r, v)
}

func (s *Server) meWith(r *Request, tokens *tokenRoom) (templ.Component, error) {
	r.page.Title = r.page.T("me_title")
	own, err := s.credentials(r)
	if err != nil {
		return nil, err
	}
	return meView(r.page, meForm{Passkeys: s.Accounts.HasPasskeys(), Tokens: tokens, Own: own}), nil
}

func (s *Server) removePasskey(r *Request) (templ.Component, error) {
	id, err := hex.DecodeString(r.PostFormValue("id"))
	if err != nil {
		return nil, errNothing
	}
	if err := s.Accounts.RemovePasskey(r.Context(), r.By(), r.By(), id); err != nil {
		return nil, err
	}
	return nil, redirect("/me?done=saved")
}

// ceremony is what the script of a passkey and the server tell each other.
type ceremony struct {
	ID      string          `json:"id"`
	Name    string          `json:"name,omitempty"`
	Options json.RawMessage `json:"options,omitempty"` // for the browser
	Answer  json.RawMessage `json:"answer,omitempty"`  // of the browser
}

func (s *Server) passkeyAsk(r *Request) (templ.Component, error) {
	id, options, err := s.Accounts.AskPasskey()
	return s.tell(r, ceremony{ID: id, Options: options}, err)
}

func (s *Server) passkeyLogin(r *Request) (templ.Component, error) {
	c, err := heard(r)
	if err != nil {
		return s.tell(r, c, err)
	}
	cookie, err := s.Accounts.LoginPasskey(r.Context(), c.ID, c.Answer, r.Address())
	if err == nil {
		s.enter(r, cookie)
	}
	return s.tell(r, ceremony{}, err)
}

func (s *Server) passkeyBegin(r *Request) (templ.Component, error) {
	id, options, err := s.Accounts.AddPasskey(r.Context(), r.session)
	return s.tell(r, ceremony{ID: id, Options: options}, err)
}

func (s *Server) passkeyAdd(r *Request) (templ.Component, error) {
	c, err := heard(r)
	if err == nil {
		err = s.Accounts.FinishPasskey(r.Context(), r.session, c.ID, c.Name, c.Answer)
	}
	return s.tell(r, ceremony{}, err)
}

func heard(r *Request) (c ceremony, err error) {
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		err = errors.Join(account.ErrWrong, err)
	}
	return c, err
}

// tell answers a script. What went wrong is not for it to know.
func (s *Server) tell(r *Request, v any, err error) (templ.Component, error) {
	r.out = true
	r.w.Header().Set("Content-Type", "application/json")
	if err != nil {
		s.Log.Info("passkey refused", "path", r.URL.Path, "err", err)
		r.w.WriteHeader(http.StatusForbidden)
		v = struct{}{}
	}
	return nil, json.NewEncoder(r.w).Encode(v)
}
