package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/site"
	"sekisho/internal/waf"
)

// blocked is what is known of a refusal, or of what would have been one.
type blocked struct {
	ID        string           `json:"id"`
	At        time.Time        `json:"at"`
	Host      string           `json:"host"`
	Method    string           `json:"method"`
	Route     string           `json:"route"`
	Address   string           `json:"address"`
	Action    string           `json:"action"`
	Code      string           `json:"code,omitempty"`
	Rules     []blockedRule    `json:"rules"`
	Targets   []string         `json:"targets"`
	Shape     string           `json:"shape,omitempty"` // of what matched, letters and digits replaced
	Reason    string           `json:"reason"`
	Exception []site.Exception `json:"exception,omitempty"` // the smallest that lets it pass; until and reason are to be filled in
	Methods   []string         `json:"methods,omitempty"`   // what the site would name to have this method expected
}

type blockedRule struct {
	Rule    string `json:"rule"`
	Number  int    `json:"number,omitempty"`
	Family  string `json:"family,omitempty"`
	Message string `json:"message,omitempty"`
}

var reference = regexp.MustCompile(`^[A-Z2-7]{16}$`)

// findBlocked reads what the ledger knows of an exchange.
func (a *app) findBlocked(r *ledger.Reader, id string) (*blocked, error) {
	return findBlocked(a.ctx, r, 0, id)
}

// findBlocked reads what the ledger knows of an exchange, from an event on.
func findBlocked(ctx context.Context, r *ledger.Reader, from event.Index, id string) (*blocked, error) {
	id = strings.ToUpper(strings.TrimSpace(id))
	if !reference.MatchString(id) {
		return nil, fault.New(fault.ExchangeUnknown, "id", strconv.Quote(id))
	}
	b := &blocked{ID: id, Rules: []blockedRule{}, Targets: []string{}}
	var refusal *event.Decision
	mark := []byte(id)
	err := r.Scan(ctx, from, func(index event.Index, line []byte) error {
		if !bytes.Contains(line, mark) {
			return nil
		}
		e, err := event.Parse(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		switch body := e.Body.(type) {
		case *event.Exchange:
			if body.ID == id {
				b.At, b.Host, b.Method, b.Route, b.Address = e.At.UTC(), body.Host, body.Method, body.Route, body.Address
			}
		case *event.Decision:
			if body.ID == id && (refusal == nil || refusal.Action != "refuse" && refusal.Action != "cut") {
				refusal = body
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if refusal == nil {
		return nil, fault.New(fault.ExchangeUnknown, "id", id)
	}
	return b, b.explain(refusal)
}

// explain fills in what a decision says.
func (b *blocked) explain(d *event.Decision) error {
	b.Action, b.Code, b.Reason = d.Action, d.Code, d.Reason
	reason, shape, _ := strings.Cut(d.Reason, ", such as ‹")
	b.Shape = strings.TrimSuffix(shape, "›")
	if _, places, ok := strings.Cut(reason, " in "); ok && strings.HasPrefix(reason, "score ") {
		b.Targets = append(b.Targets, strings.Fields(places)...)
	}
	for _, name := range strings.Fields(d.Rule) {
		rule := blockedRule{Rule: name}
		set, number, _ := strings.Cut(name, "/")
		if n, err := strconv.Atoi(number); err == nil && (set == "crs" || set == "sekisho") {
			rule.Number = n
			if rule.Message, _, err = waf.RuleText(n); err != nil {
				return err
			}
			rule.Family = strconv.Itoa(n % 1_000_000 / 1000)
		}
		b.Rules = append(b.Rules, rule)
	}
	b.Exception = b.smallest()
	return nil
}

// expecting proposes the methods of a site, when the request had another and
// nothing else is known against it.
func (b *blocked) expecting(sites []config.Web) {
	other := func(r blockedRule) bool { return r.Number != waf.RuleMethods }
	if b.Method == "other" || len(b.Rules) == 0 || slices.ContainsFunc(b.Rules, other) {
		return
	}
	for _, w := range sites {
		for _, s := range w.Sites {
			if s.Hosts[0] != b.Host {
				continue
			}
			if b.Methods = slices.Clone(s.Methods); b.Methods == nil {
				b.Methods = waf.UsualMethods()
			}
			if !slices.Contains(b.Methods, b.Method) {
				b.Methods = append(b.Methods, b.Method)
			}
		}
	}
}

// smallest returns the exceptions that let exactly these findings pass.
func (b *blocked) smallest() []site.Exception {
	var all []site.Exception
	for _, rule := range b.Rules {
		if rule.Number == 0 {
			continue
		}
		targets := b.Targets
		if len(targets) == 0 {
			targets = []string{""}
		}
		for _, target := range targets {
			if _, name, ok := strings.Cut(target, ":"); ok && name == "x" {
				target = "" // the client's name for it was not kept
			}
			e := site.Exception{Where: site.Where{Host: b.Host, Path: plainPath(b.Route)}, Rule: rule.Number, Target: target, Event: b.ID}
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all
}

// excepting is the smallest exception but for what is said otherwise: the rules, of
// those that fired, the path, and where in a request.
func (b *blocked) excepting(rules []int, path, target string, why site.Why) (lines []site.Exception) {
	for _, e := range b.Exception {
		if len(rules) > 0 && !slices.Contains(rules, e.Rule) {
			continue
		}
		e.Path, e.Target, e.Why = cmp.Or(path, e.Path), cmp.Or(target, e.Target), why
		if !slices.Contains(lines, e) {
			lines = append(lines, e)
		}
	}
	return lines
}

// plainPath is the beginning of a route up to what was left out of it.
func plainPath(route string) string {
	if i := strings.IndexAny(route, ":…"); i >= 0 {
		route = route[:i]
	}
	return route
}
