package httpapi

import (
	"bytes"
	"context"
	"encoding/json"

	"sekisho/internal/cardproof"
	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

// roomCalls are what the rooms of the console show and order.
var roomCalls = []control.Call[*caller]{
	control.NewCall("compare", (*caller).compare),
	control.NewCall("leaving", (*caller).leaving),
	control.NewCall("trails", (*caller).trails),
	control.NewCall("glossary", (*caller).glossary),
	control.NewCall("settings", control.Asking((*caller).settings)),
	control.NewCall("duty", control.Asking((*caller).duty)),
	control.NewCall("persons", control.Asking((*caller).persons)),
	control.NewCall("map/places", control.Asking((*caller).places)),
	control.NewCall("map/history", (*caller).history),
	control.NewCall("map/show", control.Asking((*caller).mapped)),
	control.NewCall("map/risk", (*caller).ranking),
	control.NewCall("map/subject", (*caller).whereabouts),
	control.NewCall("map/propose", (*caller).survey),
	control.NewCall("map/proposal", (*caller).proposal),
	control.NewCall("map/waiting", control.Asking((*caller).waiting)),
	control.NewCall("map/hand", (*caller).hand),
	control.NewCall("map/accept", (*caller).accept),
	control.NewCall("map/drop", control.Asking((*caller).drop)),
	control.NewCall("policy/check", (*caller).checkPolicy),
	control.NewCall("policy/draft", control.Asking((*caller).policyDraft)),
	control.NewCall("policy/propose", (*caller).proposePolicy),
	control.NewCall("policy/publish", (*caller).publishPolicy),
	control.NewCall("policy/withdraw", control.Asking((*caller).withdrawPolicy)),
	control.NewCall("web/room", control.Asking((*caller).webRoom)),
	control.NewCall("web/explain", (*caller).explainBlock),
	control.NewCall("web/except", (*caller).exceptBlock),
	control.NewCall("web/authorise", (*caller).authorisePages),
	control.NewCall("web/import", (*caller).importFields),
	control.NewCall("web/fields", control.Asking((*caller).fields)),
	control.NewCall("web/field", (*caller).reviewField),
	control.NewCall("web/payment", control.Asking((*caller).payment)),
	control.NewCall("web/proof", (*caller).paymentProof),
	control.NewCall("web/evidence", (*caller).paymentEvidence),
	control.NewCall("egress", control.Asking((*caller).egress)),
	control.NewCall("egress/explain", (*caller).explainExit),
	control.NewCall("egress/preview", control.Asking((*caller).previewExit)),
}

var roomRules = map[string]rule{
	"compare":         always(account.Ask),
	"leaving":         always(account.Ask),
	"trails":          always(account.Ask),
	"glossary":        always(account.See),
	"settings":        always(account.See),
	"duty":            always(account.See),
	"persons":         always(account.See),
	"map/places":      always(account.See),
	"map/history":     always(account.See),
	"map/show":        always(account.See),
	"map/risk":        always(account.See),
	"map/subject":     always(account.Work),
	"map/propose":     always(account.Scan),
	"map/proposal":    always(account.Scan),
	"map/waiting":     always(account.See),
	"map/hand":        always(account.Reload),
	"map/accept":      always(account.Publish),
	"map/drop":        always(account.Reload),
	"policy/check":    always(account.Reload),
	"policy/draft":    always(account.See),
	"policy/propose":  always(account.Reload),
	"policy/publish":  always(account.Publish),
	"policy/withdraw": always(account.Reload),
	"web/room":        always(account.See),
	"web/explain":     always(account.See),
	"web/except":      always(account.Reload),
	"web/authorise":   always(account.Reload),
	"web/import":      always(account.Reload),
	"web/fields":      always(account.See),
	"web/field":       always(account.Reload),
	"web/payment":     always(account.See),
	"web/proof":       always(account.See),
	"web/evidence":    always(account.Bundle),
	"egress":          always(account.See),
	"egress/explain":  always(account.See),
	"egress/preview":  always(account.See),
}

// CompareRequest asks two questions.
type CompareRequest struct {
	One   scope.Query `json:"one"`
	Other scope.Query `json:"other"`
}

// Comparison is two answers, each recorded as a question alone is, and who is in
// both.
type Comparison struct {
	One   *scope.Result `json:"one"`
	Other *scope.Result `json:"other"`
	Both  office.Shared `json:"both"`
}

func (c *caller) compare(ctx context.Context, r CompareRequest) (out Comparison, err error) {
	if out.One, err = c.answer(ctx, &r.One); err != nil {
		return out, err
	}
	if out.Other, err = c.answer(ctx, &r.Other); err != nil {
		return out, err
	}
	out.Both, err = c.s.Office.Shared(ctx, r.One, r.Other)
	return out, err
}

// answer asks and records; an open end becomes the one that was answered. An open
// beginning stays so: nothing is missing before the first sign of life.
func (c *caller) answer(ctx context.Context, q *scope.Query) (*scope.Result, error) {
	var text bytes.Buffer
	if err := c.s.Office.Scope(ctx, control.ScopeRequest{Query: *q, Form: control.FormFigures, By: c.by()}, &text); err != nil {
		return nil, err
	}
	out := &scope.Result{}
	if err := json.Unmarshal(text.Bytes(), out); err != nil {
		return nil, err
	}
	q.To = out.To
	return out, nil
}

// QueryRequest asks about what passed.
type QueryRequest struct {
	Query scope.Query `json:"query"`
}

func (c *caller) leaving(ctx context.Context, r QueryRequest) (*scope.Leaving, error) {
	return c.s.Office.Leaving(ctx, r.Query)
}

func (c *caller) trails(ctx context.Context, r QueryRequest) (*office.Trails, error) {
	return c.s.Office.Trails(ctx, r.Query)
}

// LanguageRequest asks in a language: "ja" or "en"; empty is Japanese.
type LanguageRequest struct {
	Lang string `json:"lang,omitempty"`
}

func (c *caller) glossary(_ context.Context, r LanguageRequest) ([]office.Word, error) {
	l, ok := lang.Parse(r.Lang)
	if !ok {
		l = lang.Japanese
	}
	return c.s.Glossary(l), nil
}

func (c *caller) settings(ctx context.Context) (*office.Settings, error) {
	return c.s.Office.Settings(ctx)
}

func (c *caller) duty(ctx context.Context) ([]office.Rank, error) { return c.s.Office.Duty(ctx) }

// persons is the head count. Groups in doubt are left out: they name records,
// and are reviewed by people (docs/decisions/console.md).
func (c *caller) persons(ctx context.Context) (*office.Persons, error) {
	p, err := c.s.Office.Persons(ctx)
	if p != nil {
		bare := *p
		bare.Groups = nil
		p = &bare
	}
	return p, err
}

func (c *caller) places(ctx context.Context) (*office.Chart, error) { return c.s.Office.Chart(ctx) }

// PlaceRequest names a place, such as shop/public.customers.
type PlaceRequest struct {
	Place string `json:"place"`
}

func (c *caller) history(ctx context.Context, r PlaceRequest) (*office.History, error) {
	return c.s.Office.History(ctx, r.Place)
}

func (c *caller) mapped(ctx context.Context) (*office.Mapped, error) { return c.s.Office.Mapped(ctx) }

func (c *caller) ranking(ctx context.Context, r office.RankRequest) (*office.Ranking, error) {
	return c.s.Office.Ranking(ctx, r)
}

func (c *caller) whereabouts(ctx context.Context, r office.SubjectRequest) (*office.Whereabouts, error) {
	r.By = c.by()
	return c.s.Office.Whereabouts(ctx, r)
}

func (c *caller) survey(ctx context.Context, r office.SurveyRequest) (*office.Survey, error) {
	return c.s.Office.Survey(ctx, r)
}

// ProposalRequest has a database looked at, which takes up to a few minutes.
type ProposalRequest struct {
	Database string `json:"database"`
	Lang     string `json:"lang,omitempty"` // of the comments: "ja" or "en"
}

func (c *caller) proposal(ctx context.Context, r ProposalRequest) (*office.Proposal, error) {
	return c.s.Office.Proposal(ctx, r.Database, r.Lang)
}

func (c *caller) waiting(ctx context.Context) (*office.ProposalDraft, error) {
	return c.s.Office.ProposalDraft(ctx)
}

// DigestRequest names what was read by its digest.
type DigestRequest struct {
	Digest string `json:"digest"`
}

func (c *caller) hand(ctx context.Context, r DigestRequest) (struct{}, error) {
	return struct{}{}, c.s.Office.HandProposal(ctx, c.by(), r.Digest)
}

func (c *caller) accept(ctx context.Context, r DigestRequest) (*office.ProposalReceipt, error) {
	return c.s.Office.AcceptProposal(ctx, c.by(), r.Digest)
}

func (c *caller) drop(ctx context.Context) (struct{}, error) {
	return struct{}{}, c.s.Office.DropProposal(ctx, c.by())
}

// TextRequest holds a policy as its file would be.
type TextRequest struct {
	Text string `json:"text"`
}

func (c *caller) checkPolicy(ctx context.Context, r TextRequest) (*office.PolicyCheck, error) {
	return c.s.Office.CheckPolicy(ctx, r.Text)
}

func (c *caller) policyDraft(ctx context.Context) (*office.PolicyDraft, error) {
	return c.s.Office.PolicyDraft(ctx)
}

func (c *caller) proposePolicy(ctx context.Context, r TextRequest) (struct{}, error) {
	return struct{}{}, c.s.Office.ProposePolicy(ctx, c.by(), r.Text)
}

func (c *caller) publishPolicy(ctx context.Context, r DigestRequest) (struct{}, error) {
	return struct{}{}, c.s.Office.PublishPolicy(ctx, c.by(), r.Digest)
}

func (c *caller) withdrawPolicy(ctx context.Context) (struct{}, error) {
	return struct{}{}, c.s.Office.WithdrawPolicy(ctx, c.by())
}

func (c *caller) webRoom(ctx context.Context) (*office.WebRoom, error) {
	return c.s.Office.WebRoom(ctx)
}

// BlockRequest names an exchange that was refused.
type BlockRequest struct {
	ID string `json:"id"`
}

func (c *caller) explainBlock(ctx context.Context, r BlockRequest) (*office.BlockAnswer, error) {
	out, err := c.s.Office.ExplainBlock(ctx, r.ID)
	if err != nil && fault.Faults(err)[0].Code == fault.ExchangeUnknown {
		return c.s.Office.OldBlock(ctx, r.ID)
	}
	return out, err
}

func (c *caller) exceptBlock(ctx context.Context, r office.ExceptRequest) (*office.ExceptReceipt, error) {
	return c.s.Office.ExceptBlock(ctx, r)
}

func (c *caller) importFields(ctx context.Context, r office.ImportRequest) (*office.ImportReceipt, error) {
	return c.s.Office.ImportFields(ctx, r)
}

func (c *caller) authorisePages(ctx context.Context, r office.AuthoriseRequest) (*office.PagesReceipt, error) {
	return c.s.Office.AuthorisePages(ctx, r)
}

func (c *caller) payment(ctx context.Context) (*office.Payment, error) {
	return c.s.Office.Payment(ctx)
}

func (c *caller) fields(ctx context.Context) (*office.Fields, error) { return c.s.Office.Fields(ctx) }

func (c *caller) reviewField(ctx context.Context, r office.FieldReview) (struct{}, error) {
	return struct{}{}, c.s.Office.ReviewField(ctx, r)
}

func (c *caller) paymentProof(ctx context.Context, r office.ProofRequest) (*cardproof.Evidence, error) {
	return c.s.Office.PaymentProof(ctx, r)
}

func (c *caller) paymentEvidence(ctx context.Context, r office.EvidenceRequest) (*office.PaymentEvidence, error) {
	return c.s.Office.PaymentEvidence(ctx, r)
}

func (c *caller) egress(ctx context.Context) (*office.Egress, error) { return c.s.Office.Egress(ctx) }

func (c *caller) explainExit(ctx context.Context, r office.ExitQuestion) (*office.ExitAnswer, error) {
	return c.s.Office.ExplainExit(ctx, r)
}

func (c *caller) previewExit(ctx context.Context) (*office.ExitPreview, error) {
	return c.s.Office.PreviewExit(ctx)
}
