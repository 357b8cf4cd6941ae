package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/cardproof"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/openapi"
	"sekisho/internal/policy/site"
)

// ExceptBlock implements office.Sites: that somebody orders it is recorded
// before the file is written; what the gate then takes is an event of its own.
func (c *console) ExceptBlock(ctx context.Context, r consoleoffice.ExceptRequest) (*consoleoffice.ExceptReceipt, error) {
	if r.Until.IsZero() {
		return nil, fault.New(fault.ConsoleForm, "problem", "an exception needs a last day", "hint", "2027-02-28")
	}
	b, err := c.look(ctx, r.ID)
	if err != nil && fault.Faults(err)[0].Code == fault.ExchangeUnknown { // the newest events do not hold it
		b, err = whole(ctx, c, func(ctx context.Context, l *ledger.Reader) (*blocked, error) { return findBlocked(ctx, l, 0, r.ID) })
	}
	if err != nil {
		return nil, err
	}
	lines := b.excepting(r.Rules, r.Path, r.Target, whyOf(&r))
	if len(lines) == 0 {
		return nil, fault.New(fault.ConsoleForm, "problem", "no rule of the refusal can be excepted so", "hint", "sekisho web explain "+b.ID)
	}
	file, err := c.rulesFile(b.Host)
	if err != nil {
		return nil, err
	}
	act := event.Act{By: r.By, Do: control.RulesExcept, Target: b.ID, Result: "ordered", Detail: actDetail(exceptSaid(r.Rules, r.Path, r.Target, lines), r.Reason)}
	if err := c.orderRules(ctx, file, act, excepting(lines)); err != nil {
		return nil, err
	}
	out := &consoleoffice.ExceptReceipt{File: file}
	for _, e := range lines {
		out.Exceptions = append(out.Exceptions, consoleoffice.SiteRule{Kind: "exception", Host: e.Host, Path: e.Path, Rule: strconv.Itoa(e.Rule), Target: e.Target, Until: e.Until, Reason: e.Reason, By: e.By, Event: e.Event})
	}
	return out, nil
}

func whyOf(r *consoleoffice.ExceptRequest) site.Why {
	return site.Why{Until: r.Until.UTC().Format(time.DateOnly), Reason: r.Reason, By: r.By}
}

// AuthorisePages implements office.Sites, as ExceptBlock does.
func (c *console) AuthorisePages(ctx context.Context, r consoleoffice.AuthoriseRequest) (*consoleoffice.PagesReceipt, error) {
	unknown := fault.New(fault.ConsoleForm, "problem", "there is no such part of the pages of this site", "hint", "sekisho web pages")
	if len(r.Items) == 0 || len(r.Items) > consoleoffice.MostParts {
		return nil, unknown
	}
	sites, err := whole(ctx, c, func(ctx context.Context, l *ledger.Reader) ([]cardproof.Site, error) { return pagesIn(ctx, l, c.now()) })
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(sites, func(s cardproof.Site) bool { return s.Host == r.Site })
	if at < 0 {
		return nil, unknown
	}
	var lines []site.Page
	for _, id := range r.Items {
		pages := pagesNamed(&sites[at], id, site.Page{Reason: r.Reason, By: r.By})
		if len(pages) == 0 {
			return nil, unknown
		}
		for _, p := range pages {
			if !slices.Contains(lines, p) {
				lines = append(lines, p)
			}
		}
	}
	file, err := c.rulesFile(r.Site)
	if err != nil {
		return nil, err
	}
	act := event.Act{By: r.By, Do: control.RulesAuthorise, Target: r.Site + " " + strings.Join(r.Items, " "), Result: "ordered", Detail: r.Reason}
	if err := c.orderRules(ctx, file, act, authorising(lines)); err != nil {
		return nil, err
	}
	out := &consoleoffice.PagesReceipt{File: file}
	for _, p := range lines {
		out.Pages = append(out.Pages, consoleoffice.PageLine(p))
	}
	return out, nil
}

// ImportFields implements office.Sites, as ExceptBlock does. What is written is made
// of the document here: no line comes from whoever asks.
func (c *console) ImportFields(ctx context.Context, r consoleoffice.ImportRequest) (*consoleoffice.ImportReceipt, error) {
	file, err := c.rulesFile(r.Site)
	if err != nil {
		return nil, err
	}
	p, err := proposeFields("openapi", []byte(r.Text), openapi.Options{Host: r.Site, Base: r.Base})
	if err != nil {
		return nil, err
	}
	if len(p.Parameters) == 0 {
		return nil, fault.New(fault.ConsoleForm, "problem", "the document says nothing about fields", "hint", "sekisho web import FILE")
	}
	for i := range p.Parameters {
		p.Parameters[i].Reason, p.Parameters[i].By = r.Reason, r.By
	}
	act := event.Act{By: r.By, Do: control.RulesImport, Target: r.Site, Result: "ordered", Detail: actDetail(importSaid(p.Parameters), r.Reason)}
	if err := c.orderRules(ctx, file, act, importing(r.Site, p.Parameters)); err != nil {
		return nil, err
	}
	return &consoleoffice.ImportReceipt{File: file, Fields: len(p.Parameters), Left: len(p.Left)}, nil
}

// rulesFile is the file of the rules of a site; there must be one.
func (c *console) rulesFile(host string) (string, error) {
	if file := c.rulesInForce(host); file != "" {
		return file, nil
	}
	return "", fault.New(fault.ConsoleForm, "problem", "the gate has no file of rules", "hint", "name one under rules of the web section")
}
