package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
)

// order puts lines into the rules of a site: the running process does, and where
// none runs this one. That somebody ordered it is in the ledger either way. running:
// they are in force.
func (a *app) order(l *config.Loaded, r control.RulesRequest) (file string, running bool, err error) {
	if file = rulesOf(l, r.Site); file == "" {
		return "", false, fault.New(fault.ConfigConflict, "problem", a.say.Text("except_no_file", "host", r.Site), "hint", a.say.Text("except_no_file_hint"))
	}
	done, err := control.NewClient(l.Control, a.config).Rules(a.ctx, r)
	if err == nil {
		return done.File, true, nil
	}
	if fault.Faults(err)[0].Code != fault.NotRunning {
		return "", false, err
	}
	return file, false, a.alone(l, func(p *process) error { return p.orderLines(a.ctx, file, &r) })
}

// Rules implements control.Operator.
func (p *process) Rules(ctx context.Context, r control.RulesRequest) (out control.RulesReceipt, err error) {
	if out.File = p.rulesInForce(r.Site); out.File == "" {
		return out, fault.New(fault.ControlRefused, "problem", "the gate has no file of rules", "hint", "name one under rules of the web section")
	}
	if err := p.orderLines(ctx, out.File, &r); err != nil {
		return out, err
	}
	_, err = p.Web(ctx, control.WebRequest{Do: control.WebReload, By: r.By})
	return out, err
}

// orderLines puts the lines of an order into a file of rules, by an act.
func (p *process) orderLines(ctx context.Context, file string, r *control.RulesRequest) error {
	var change ruleChange
	switch r.Do {
	case control.RulesExcept:
		change = excepting(r.Exceptions)
	case control.RulesAuthorise:
		change = authorising(r.Pages)
	case control.RulesImport:
		change = importing(r.Site, r.Parameters)
	default:
		return control.ErrRequest
	}
	return p.amendByOrder(ctx, file, event.Act{By: r.By, Do: r.Do, Target: r.Target, Result: "ordered", Detail: actDetail(r.Said, r.Reason)}, change)
}

// rulesInForce returns the file of the rules of a site as its gate has it now, ""
// for none.
func (p *process) rulesInForce(host string) string {
	for _, g := range p.webs {
		if w := g.config(); hasSite(w, host) {
			return w.Rules
		}
	}
	return ""
}

// orderRules changes a file of rules by an order and puts it in force.
func (p *process) orderRules(ctx context.Context, file string, act event.Act, change ruleChange) error {
	if err := p.amendByOrder(ctx, file, act, change); err != nil {
		return err
	}
	_, err := p.Web(ctx, control.WebRequest{Do: control.WebReload, By: act.By})
	return err
}

// amendByOrder changes a file of rules by an order. One that the file says already,
// because its answer was lost, is no new act.
func (p *process) amendByOrder(ctx context.Context, file string, act event.Act, change ruleChange) error {
	p.drafting.Lock()
	defer p.drafting.Unlock()
	return p.changeRules(ctx, file, act, func() (string, error) {
		_, old, err := config.SiteRules(file)
		if err != nil {
			return "", err
		}
		src, err := siteSource(old)
		if err != nil {
			return "", err
		}
		return change(string(old), src), nil
	})
}

// Record writes what somebody did, as event.Durable.
func (p *process) Record(ctx context.Context, by event.Source, bodies ...event.Body) error {
	_, err := p.meter.Recorder(p.ledger.Recorder(by, 0), "console").Record(ctx, event.Durable, bodies...)
	return err
}

// ruleChange makes of a file of rules, and what it says, the next.
type ruleChange func(text string, src *site.Source) string

// excepting adds the exceptions that a file lacks.
func excepting(lines []site.Exception) ruleChange {
	return func(text string, src *site.Source) string {
		missing := slices.DeleteFunc(slices.Clone(lines), func(e site.Exception) bool { return slices.Contains(src.Exceptions, e) })
		if len(missing) == 0 {
			return text
		}
		return withExceptions(text, missing)
	}
}

// authorising adds the parts of pages that a file does not authorise.
func authorising(lines []site.Page) ruleChange {
	return func(text string, src *site.Source) string {
		missing := slices.DeleteFunc(slices.Clone(lines), func(p site.Page) bool {
			return slices.ContainsFunc(src.Pages, func(had site.Page) bool { return had.Host == p.Host && had.Item == p.Item })
		})
		if len(missing) == 0 {
			return text
		}
		return withPages(text, missing)
	}
}

// importing puts fields in the place of those that were imported for a site before.
func importing(host string, all []site.Parameter) ruleChange {
	return func(text string, _ *site.Source) string { return withImported(text, host, all) }
}

// exceptSaid says what is excepted. What somebody typed as a path or target stands
// in the file of rules: either could name a person, which the ledger does not.
func exceptSaid(rules []int, path, target string, lines []site.Exception) string {
	var said []string
	if len(rules) > 0 {
		var numbers []int
		for _, e := range lines {
			numbers = append(numbers, e.Rule)
		}
		slices.Sort(numbers)
		said = append(said, strings.Trim(fmt.Sprint("rules ", slices.Compact(numbers)), " "))
	}
	if path != "" {
		said = append(said, "another path")
	}
	if target != "" {
		said = append(said, "another target")
	}
	return strings.Join(said, ", ")
}

func importSaid(all []site.Parameter) string { return fmt.Sprintf("%d fields", len(all)) }

// actDetail is what an act says of an order: what is known of it, and why.
func actDetail(said, reason string) string {
	if said == "" {
		return reason
	}
	return said + ": " + reason
}
