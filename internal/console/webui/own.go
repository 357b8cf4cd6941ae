package webui

import (
	"errors"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
)

// credentials is what somebody's own page shows of how they enter.
type credentials struct {
	Entries []account.Entry
	Key     account.Key // that new one-time codes would be made with
	Begun   bool        // Key was shown before: a program may have it
	Problem string      // of what was sent
}

func (s *Server) credentials(r *Request) (*credentials, error) {
	c := &credentials{}
	var err error
	if c.Entries, err = s.Accounts.Entries(r.Context(), r.session); err != nil {
		return nil, err
	}
	c.Key, err = s.Accounts.NewKey()
	return c, err
}

// endEntries ends one session of one's own, or all the others.
func (s *Server) endEntries(r *Request) (templ.Component, error) {
	if err := s.Accounts.EndEntries(r.Context(), r.session, r.PostFormValue("id")); err != nil {
		return nil, err
	}
	return nil, redirect("/me?done=saved")
}

// renewProblems are what whoever changes their credentials can mend.
var renewProblems = map[error]string{account.ErrSlow: "login_slow", account.ErrWrong: "login_wrong", account.ErrWeak: "join_weak", account.ErrCode: "join_bad_code"}

// renew changes one's own password or one-time codes.
func (s *Server) renew(r *Request) (templ.Component, error) {
	digits := func(name string) string { return strings.ReplaceAll(r.PostFormValue(name), " ", "") }
	change := account.Renewal{Password: r.PostFormValue("password"), Code: digits("code"), New: r.PostFormValue("new")}
	if text := r.PostFormValue("key"); text != "" {
		var err error
		if change.Key, err = account.ParseKey(text); err != nil {
			return nil, errToken
		}
		change.KeyCode = digits("new_code")
	}
	if change.New == "" && change.Key == nil {
		return s.meProblem(r, "join_weak", nil)
	}
	err := s.Accounts.Renew(r.Context(), r.session, change, r.Address())
	for known, text := range renewProblems {
		if errors.Is(err, known) {
			return s.meProblem(r, text, change.Key)
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, redirect("/me?done=renewed")
}

// meProblem shows one's own page again, with what is wrong, and with the secret
// that a program may have read meanwhile.
func (s *Server) meProblem(r *Request, text string, key account.Key) (templ.Component, error) {
	tokens, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	own, err := s.credentials(r)
	if err != nil {
		return nil, err
	}
	own.Problem = r.page.T(text)
	if key != nil {
		own.Key, own.Begun = key, true
	}
	r.page.Title = r.page.T("me_title")
	s.render(r, http.StatusConflict, meView(r.page, meForm{Passkeys: s.Accounts.HasPasskeys(), Tokens: tokens, Own: own}))
	r.out = true
	return nil, nil
}
