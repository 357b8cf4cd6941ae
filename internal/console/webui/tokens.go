package webui

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
)

// tokenRoom is what somebody's own page shows of tokens.
type tokenRoom struct {
	All    []account.Token
	May    []account.Action // what a new one could do
	Made   string           // the text of one that was just made: it is shown once
	Name   string
	Origin string
	API    bool // its description can be read
}

func (s *Server) tokens(r *Request) (*tokenRoom, error) {
	v := &tokenRoom{May: r.session.User.ForTokens(s.Tenant), Origin: s.Origin, API: s.API != nil}
	if !r.session.User.May(account.MakeToken, s.Tenant) {
		return nil, nil
	}
	var err error
	v.All, err = s.Accounts.Tokens(r.Context(), r.By())
	return v, err
}

func (s *Server) tokenMake(r *Request) (templ.Component, error) {
	days, err := strconv.Atoi(strings.TrimSpace(r.PostFormValue("days")))
	if err != nil || days < 1 || days > 366 {
		days = 0 // which no token can have
	}
	var do []account.Action
	for _, text := range r.PostForm["do"] {
		do = append(do, account.Action(text))
	}
	name := strings.TrimSpace(r.PostFormValue("name"))
	text, err := s.Accounts.NewToken(r.Context(), r.session.User, name, do, time.Duration(days)*24*time.Hour)
	switch {
	case errors.Is(err, account.ErrToken):
		return errorPage(r.page, r.page.T("tokens_bad"), ""), nil
	case err != nil:
		return s.mend(r, err)
	}
	v, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	v.Made, v.Name = text, name
	return s.meWith(r, v)
}

func (s *Server) tokenEnd(r *Request) (templ.Component, error) {
	if err := s.Accounts.EndToken(r.Context(), r.By(), r.By(), r.PostFormValue("name")); err != nil {
		return nil, err
	}
	return nil, redirect("/me?done=saved")
}

// actionNames are actions in words.
func (p *Page) actionNames(all []account.Action) string {
	words := make([]string, len(all))
	for i, do := range all {
		words[i] = p.T("act_" + keyed(string(do)))
	}
	return strings.Join(words, p.T("comma"))
}
