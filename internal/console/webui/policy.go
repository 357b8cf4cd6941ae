package webui

import (
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/fault"
)

// editor is the page where a policy is written.
type editor struct {
	Text  string
	Check *office.PolicyCheck // nil: not checked yet
}

func (s *Server) policyPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_policy")
	pol, err := s.Office.Policy(r.Context())
	if err != nil {
		return nil, err
	}
	draft, err := s.Office.PolicyDraft(r.Context())
	if err != nil && fault.Faults(err)[0].Code != fault.PolicyDraft { // a policy in the configuration has none
		return nil, err
	}
	return policyView(r.page, pol, draft), nil
}

// policyEdit shows the text in force, or the draft that waits.
func (s *Server) policyEdit(r *Request) (templ.Component, error) {
	draft, err := s.Office.PolicyDraft(r.Context())
	if err != nil {
		return nil, err
	}
	e := &editor{}
	if draft != nil {
		e.Text = draft.Text
	} else {
		pol, err := s.Office.Policy(r.Context())
		if err != nil {
			return nil, err
		}
		e.Text = pol.Raw
	}
	return s.policyEditor(r, e)
}

func (s *Server) policyEditor(r *Request, e *editor) (templ.Component, error) {
	r.page.Title = r.page.T("policy_edit")
	return policyEditView(r.page, e), nil
}

// policyText is the text of the form; browsers end lines with CR LF.
func policyText(r *Request) string {
	return strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n")
}

func (s *Server) policyCheck(r *Request) (templ.Component, error) {
	e := &editor{Text: policyText(r)}
	var err error
	if e.Check, err = s.Office.CheckPolicy(r.Context(), e.Text); err != nil {
		return nil, err
	}
	return s.policyEditor(r, e)
}

func (s *Server) policyPropose(r *Request) (templ.Component, error) {
	if err := s.Office.ProposePolicy(r.Context(), r.By(), policyText(r)); err != nil {
		return nil, err
	}
	return nil, redirect("/policy?done=proposed")
}

func (s *Server) policyPublish(r *Request) (templ.Component, error) {
	if err := s.Office.PublishPolicy(r.Context(), r.By(), r.PostFormValue("digest")); err != nil {
		return nil, err
	}
	return nil, redirect("/policy?done=reloaded")
}

func (s *Server) policyWithdraw(r *Request) (templ.Component, error) {
	if err := s.Office.WithdrawPolicy(r.Context(), r.By()); err != nil {
		return nil, err
	}
	return nil, redirect("/policy?done=saved")
}

// elementsOf names elements.
func elementsOf(p *Page, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = p.Element(n)
	}
	return joined(p, out)
}
