package webui

import (
	"context"
	"time"

	"sekisho/internal/cardproof"
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
	return &office.WebRoom{Since: f.now, Leads: true, Blocks: []office.Block{f.block()}, Logins: []office.LoginSource{{Place: nasty, Address: nasty, Failed: 9, Accounts: 8, Entered: 30, Known: 1,
		Into: []office.Entered{{At: f.now, Account: nasty, Known: true}, {At: f.now, Source: nasty, Subject: 7}}}},
		Rules:    []office.SiteRule{{Kind: "exception", Host: nasty, Rule: nasty, Reason: nasty, By: nasty}, {Kind: "parameter", Type: nasty, Max: 4, Target: nasty}},
		Findings: []office.Finding{{At: f.now, Code: nasty, Title: nasty, Detail: nasty}}}, f.fail()
}

func (f *firm) ExplainBlock(context.Context, string) (*office.BlockAnswer, error) {
	return &office.BlockAnswer{Block: f.block(), Targets: []string{nasty}, Shape: nasty, File: nasty, Exception: []office.SiteRule{{Rule: nasty, Host: nasty, Target: nasty}}}, f.fail()
}

func (f *firm) ExceptBlock(_ context.Context, r office.ExceptRequest) (*office.ExceptReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.excepts = append(f.excepts, r)
	return &office.ExceptReceipt{}, f.fail()
}

func (f *firm) ImportFields(context.Context, office.ImportRequest) (*office.ImportReceipt, error) {
	return &office.ImportReceipt{}, f.fail()
}

func (f *firm) AuthorisePages(_ context.Context, r office.AuthoriseRequest) (*office.PagesReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.authorised = append(f.authorised, r)
	return &office.PagesReceipt{}, f.fail()
}

func (f *firm) Fields(context.Context) (*office.Fields, error) {
	one := office.Field{Gate: nasty, Host: nasty, Path: nasty, Name: nasty, Type: nasty, Max: 9, Times: 5, Reason: nasty, By: nasty}
	out := &office.Fields{Learns: true, Full: true, More: 3}
	for i, state := range []string{"learned", "learned", "forced", "refused"} {
		one.State, one.Acceptable = state, i == 0
		out.List = append(out.List, one)
	}
	return out, f.fail()
}

func (f *firm) ReviewField(_ context.Context, r office.FieldReview) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reviews = append(f.reviews, r)
	return f.fail()
}

func (f *firm) Payment(context.Context) (*office.Payment, error) {
	span := []office.Span{{From: f.now, To: f.now, Reason: nasty}}
	return &office.Payment{From: f.now, To: f.now, Key: nasty, Sites: []office.PaymentSite{{Host: nasty, File: nasty, Against: []string{nasty}, Hosts: []string{nasty}, Canary: time.Hour,
		Settings:  []office.PaymentSetting{{From: f.now, Cards: nasty, Pages: nasty}},
		Providers: []office.PaymentProvider{{Host: nasty, AOC: nasty, Expires: nasty, State: nasty}, {State: "valid"}}, Uncovered: span, Weaker: span, NotProven: span, Failed: span,
		Items: []office.PageItem{{ID: nasty, What: nasty, Name: nasty, Problem: nasty, New: true}}, Changes: []office.Finding{{At: f.now, Code: nasty, Detail: nasty}},
		All: office.PaymentTotals{Settings: 1, Uncovered: 5101, Weaker: 1, Failed: 7301, NotProven: 1, Hosts: 1, Items: 9, Changes: 1}}}}, f.fail()
}

func (f *firm) PaymentEvidence(context.Context, office.EvidenceRequest) (*office.PaymentEvidence, error) {
	return &office.PaymentEvidence{JSON: []byte("{}"), PDF: []byte("%PDF"), Note: []byte("note"), Key: nasty}, f.fail()
}

func (f *firm) PaymentProof(context.Context, office.ProofRequest) (*cardproof.Evidence, error) {
	return &cardproof.Evidence{}, nil
}
