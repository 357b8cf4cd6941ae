package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"sekisho/internal/cardproof"
	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/policy/site"
)

const (
	// maxBlocks bounds the refusals of sites that are kept in memory, blockReach
	// how many events before it the exchange of one is looked for.
	maxBlocks, blockReach = 200, 256
	blocksShown           = 50
	maxAttempts           = 5000 // to log in, that one page reads
	loginsShown           = 20
	itemsShown            = 100
)

// block keeps a refusal of a site with its exchange, which was recorded shortly
// before. The caller holds r.mu.
func (r *recent) block(line []byte) {
	e, err := event.Parse(line)
	if err != nil {
		return // the check of the ledger says so
	}
	d := e.Body.(*event.Decision)
	if d.Session != 0 || d.ID == "" {
		return // of a database gate
	}
	b := consoleoffice.Block{At: e.At, ID: d.ID, Action: d.Action, Code: d.Code, Reason: d.Reason, Address: string(e.Source)}
	mark := []byte(strconv.Quote(d.ID))
	for i := len(r.lines) - 1; i >= 0 && i >= len(r.lines)-blockReach; i-- {
		if r.lines[i].kind != event.KindExchange || !bytes.Contains(r.lines[i].line, mark) {
			continue
		}
		if x, err := event.Parse(r.lines[i].line); err == nil {
			x := x.Body.(*event.Exchange)
			b.Host, b.Method, b.Route, b.Address = x.Host, x.Method, x.Route, x.Address
		}
		break
	}
	known := &blocked{}
	if err := known.explain(d); err == nil {
		b.Rules = blockRules(known)
	}
	if r.blocks = append(r.blocks, b); len(r.blocks) > maxBlocks {
		r.blocks = r.blocks[1:]
	}
}

func blockRules(b *blocked) []consoleoffice.BlockRule {
	var out []consoleoffice.BlockRule
	for _, rule := range b.Rules {
		family := rule.Family
		if family == "" {
			family, _, _ = strings.Cut(rule.Rule, "/")
		}
		out = append(out, consoleoffice.BlockRule{Rule: rule.Rule, Family: family, Message: rule.Message})
	}
	return out
}

// WebRoom implements office.Sites.
func (c *console) WebRoom(context.Context) (*consoleoffice.WebRoom, error) {
	out := &consoleoffice.WebRoom{}
	c.recent.mu.Lock()
	for i := len(c.recent.blocks) - 1; i >= 0 && len(out.Blocks) < blocksShown; i-- {
		out.Blocks = append(out.Blocks, c.recent.blocks[i])
	}
	places := map[string]bool{}
	for _, g := range c.webs {
		for _, p := range g.places() {
			places[string(p)] = true
		}
	}
	for i := len(c.recent.findings) - 1; i >= 0 && len(out.Findings) < findingsShown; i-- {
		if f := c.recent.findings[i]; places[f.Place] {
			out.Findings = append(out.Findings, f)
		}
	}
	c.recent.mu.Unlock()
	out.Since, out.Logins = c.logins()
	for _, g := range c.webs {
		for _, s := range g.sites() {
			out.Leads = out.Leads || len(s.Payment) > 0
		}
		rules, err := siteLines(g.config(), c.now())
		if err != nil {
			return nil, err
		}
		out.Rules = append(out.Rules, rules...)
	}
	return out, nil
}

// siteLines are the lines of a gate's file of rules, as it is now.
func siteLines(c *config.Web, now time.Time) ([]consoleoffice.SiteRule, error) {
	if c.Rules == "" {
		return nil, nil
	}
	_, text, err := config.SiteRules(c.Rules)
	if err != nil {
		return nil, err
	}
	src := &site.Source{}
	if err := yaml.Unmarshal(text, src); err != nil {
		return nil, err
	}
	today := now.UTC().Format(time.DateOnly)
	ended := func(until string) bool { return until != "" && until < today }
	var out []consoleoffice.SiteRule
	for _, e := range src.Exceptions {
		out = append(out, consoleoffice.SiteRule{Kind: "exception", Gate: c.Name, Host: e.Host, Path: e.Path, Rule: strconv.Itoa(e.Rule), Target: e.Target, Until: e.Until, Reason: e.Reason, By: e.By, Event: e.Event, Ended: ended(e.Until)})
	}
	for _, p := range src.Patches {
		out = append(out, consoleoffice.SiteRule{Kind: "patch", Gate: c.Name, Host: p.Host, Path: p.Path, Rule: p.Name, Target: p.Parameter, Until: p.Until, Reason: p.Reason, By: p.By, Ended: ended(p.Until)})
	}
	for _, p := range src.Parameters {
		out = append(out, consoleoffice.SiteRule{Kind: "parameter", Gate: c.Name, Host: p.Host, Path: p.Path + p.Template, Target: p.Name, Type: p.Type, Max: p.Max, Reason: p.Reason, By: p.By})
	}
	return out, nil
}

// look finds a refusal among the newest events of the ledger.
func (c *console) look(ctx context.Context, id string) (*blocked, error) {
	return findBlocked(ctx, c.ledger.Reader, c.begin(), id)
}

// ExplainBlock implements office.Sites.
func (c *console) ExplainBlock(ctx context.Context, id string) (*consoleoffice.BlockAnswer, error) {
	b, err := c.look(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.blockAnswer(b), nil
}

func (c *console) blockAnswer(b *blocked) *consoleoffice.BlockAnswer {
	for _, g := range c.webs {
		b.expecting([]config.Web{*g.config()})
	}
	out := &consoleoffice.BlockAnswer{Block: consoleoffice.Block{At: b.At, ID: b.ID, Host: b.Host, Method: b.Method, Route: b.Route, Address: b.Address, Action: b.Action, Code: b.Code, Reason: b.Reason, Rules: blockRules(b)},
		Targets: b.Targets, Shape: b.Shape, File: c.rulesInForce(b.Host), Methods: b.Methods}
	for _, e := range b.Exception {
		out.Exception = append(out.Exception, consoleoffice.SiteRule{Kind: "exception", Host: e.Host, Path: e.Path, Rule: strconv.Itoa(e.Rule), Target: e.Target, Event: e.Event})
	}
	return out
}

// Payment implements office.Sites.
func (c *console) Payment(ctx context.Context) (*consoleoffice.Payment, error) {
	now := c.now()
	from := now.AddDate(0, 0, -30)
	if oldest, err := c.oldest(ctx); err != nil {
		return nil, err
	} else if oldest.After(from) {
		from = oldest
	}
	book := cardproof.New(from, now)
	wanted := slices.DeleteFunc(slices.Sorted(maps.Values(kinds)), func(k event.Kind) bool { return !cardproof.Wants(k) })
	if _, err := c.backwards(ctx, func(e *event.Event) { book.Add(e) }, wanted...); err != nil {
		return nil, err
	}
	out := &consoleoffice.Payment{From: from, To: now}
	if _, err := os.Stat(filepath.Join(c.cfg.Keys, evidencePair+".notekey")); err == nil {
		if _, out.Key, err = c.evidenceKeys(); err != nil {
			return nil, err
		}
	}
	for _, s := range book.Sites() {
		one := paymentSite(&s)
		one.File = c.rulesInForce(s.Host)
		out.Sites = append(out.Sites, one)
	}
	return out, nil
}
