package webui

import (
	"context"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/policy/site"
)

func (f *firm) Web(_ context.Context, r control.WebRequest) (control.WebStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sites = append(f.sites, r)
	return control.WebStatus{Sites: []control.SiteStatus{{Gate: nasty, Host: nasty, Stopped: []string{"site"}}}, Fields: []site.Learned{{Host: nasty, Route: nasty, Name: nasty}}}, f.fail()
}

func (f *firm) block() office.Block {
	return office.Block{At: f.now, ID: nasty, Host: nasty, Method: nasty, Route: nasty, Address: nasty, Action: nasty, Reason: nasty, Rules: []office.BlockRule{{Rule: nasty, Family: nasty, Message: nasty}}}
}

func (f *firm) WebRoom(context.Context) (*office.WebRoom, error) {
	return &office.WebRoom{Since: f.now, Leads: true, Blocks: []office.Block{f.block()}, Logins: []office.LoginSource{{Place: nasty, Address: nasty, Failed: 9, Accounts: 8, Entered: 1, Known: 1}},
		Rules:    []office.SiteRule{{Kind: "exception", Host: nasty, Rule: nasty, Reason: nasty, By: nasty}, {Kind: "parameter", Type: nasty, Max: 4, Target: nasty}},
		Findings: []office.Finding{{At: f.now, Code: nasty, Title: nasty, Detail: nasty}}}, f.fail()
}

func (f *firm) ExplainBlock(context.Context, string) (*office.BlockAnswer, error) {
	return &office.BlockAnswer{Block: f.block(), Targets: []string{nasty}, Shape: nasty, File: nasty, Exception: []office.SiteRule{{Rule: nasty, Host: nasty, Target: nasty}}}, f.fail()
}

func (f *firm) ExceptBlock(_ context.Context, r office.ExceptRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.excepts = append(f.excepts, r)
	return f.fail()
}

func (f *firm) Payment(context.Context) (*office.Payment, error) {
	return &office.Payment{From: f.now, To: f.now, Sites: []office.PaymentSite{{Host: nasty, Against: []string{nasty}, Items: []office.PageItem{{ID: nasty, What: nasty, Name: nasty, Problem: nasty}}}}}, f.fail()
}
