package httpapi

import (
	"context"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
)

// recordCalls are what is asked of the whole ledger, and of the company's file.
var recordCalls = []control.Call[*caller]{
	control.NewCall("egress/findings", (*caller).found),
	control.NewCall("egress/hunt", (*caller).hunt),
	control.NewCall("egress/judge", (*caller).judge),
	control.NewCall("web/logins", (*caller).logins),
	control.NewCall("web/pages", control.Asking((*caller).pages)),
	control.NewCall("case/firm", (*caller).firm),
}

var recordRules = map[string]rule{
	"egress/findings": always(account.See),
	"egress/hunt":     always(account.Ask),
	"egress/judge":    always(account.Reload),
	"web/logins":      always(account.Ask),
	"web/pages":       always(account.See),
	"case/firm":       always(account.See),
}

// FoundRequest asks for what is suspicious in what left. All: also what was
// learned from, what an exception covers, and what repeats.
type FoundRequest struct {
	All bool `json:"all,omitempty"`
}

func (c *caller) found(ctx context.Context, r FoundRequest) ([]office.Found, error) {
	return c.s.Office.Found(ctx, r.All)
}

func (c *caller) hunt(ctx context.Context, q office.HuntQuery) (*office.Hunt, error) {
	if len(q.Indicators) > office.MaxHunt {
		return nil, control.ErrRequest
	}
	return c.s.Office.Hunt(ctx, q)
}

func (c *caller) logins(ctx context.Context, q office.LoginsQuery) ([]office.LoginTries, error) {
	return c.s.Office.Logins(ctx, q)
}

func (c *caller) pages(ctx context.Context) ([]office.SitePages, error) {
	return c.s.Office.Pages(ctx)
}

func (c *caller) firm(ctx context.Context, r LanguageRequest) (*office.Firm, error) {
	return c.s.Office.Firm(ctx, r.Lang)
}

func (c *caller) judge(ctx context.Context, q office.JudgeQuery) (*office.Judged, error) {
	return c.s.Office.Judge(ctx, q)
}
