package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sekisho/internal/element"
)

// Decide answers a request. In observe mode nothing is refused or masked; in
// report mode what would have been refused is flagged instead; a request that
// touches no protected element and uses no special channel is allowed under
// the rule "unprotected".
func (p *Policy) Decide(r Request) Decision {
	d := p.verdict(&r, nil)
	d.Digest = p.digest
	switch {
	case d.Action == Refuse:
		d.settle(r.Mode)
	case r.Mode == Observe:
		d.Masks, d.Caps = nil, NoCaps()
	case r.Mode == Report:
		d.Masks = nil
	}
	return d
}

// Step is one line of an explanation.
type Step struct {
	Table   string
	Element element.Kind
	Rule    string // the rule that decided, or "default"
	Allowed bool
	// Passed are the rules before it that did not match, and why.
	Passed []Miss
}

// Miss is a rule that did not match, and the first reason: "user", "address",
// "database", "table" or "element".
type Miss struct{ Rule, Because string }

// Explain returns the decision of Decide and how each table and element was
// decided.
func (p *Policy) Explain(r Request) (Decision, []Step) {
	var steps []Step
	p.verdict(&r, &steps)
	return p.Decide(r), steps
}

// verdict is what the rules say, whatever the mode.
func (p *Policy) verdict(r *Request, steps *[]Step) Decision {
	d := Decision{Action: Allow, Rule: "unprotected", Reason: "no protected element is read", Caps: NoCaps()}
	if r.Channel != Rows {
		c := p.openChannel(r)
		if c == nil {
			d.refuse("channel", "what leaves by %s cannot be attributed, and no rule opens it for this user", r.Channel)
			return d
		}
		d.Rule, d.Reason = c.name, "the channel is open for this user"
	}
	first := true
	for _, read := range r.Reads {
		for _, kind := range read.Elements.Kinds() {
			rule := p.find(r, read.Table, kind, steps)
			if !p.decideOne(&d, r, read, kind, rule, first) {
				return d
			}
			first = false
		}
	}
	return d
}

// decideOne folds one table and element into d and reports whether it was
// allowed.
func (p *Policy) decideOne(d *Decision, r *Request, read Read, kind element.Kind, rule *rule, first bool) bool {
	allowed, name := p.allow, "default"
	if rule != nil {
		allowed, name = rule.allow, rule.name
	}
	if !allowed {
		g := grantFor(r, read, kind)
		if g == nil {
			return d.refuse(name, "%s of %s is not open for this user, address and database", kind, read.Table)
		}
		d.openedBy(g)
		return p.checkBulk(d, r, read, nil, "break-glass")
	}
	if first && d.Grant == "" {
		d.Rule, d.Reason = name, "the rule allows it"
		if rule != nil {
			d.Purpose = rule.purpose
		}
	}
	if rule == nil {
		return true
	}
	if method := rule.masks[kind]; method != Plain {
		d.Masks = append(d.Masks, Mask{read.Table, kind, method})
	}
	d.Caps.tighten(&rule.caps)
	if rule.caps.UnattributableRows.Max == 0 && !r.Attributable {
		return d.refuse(name, "whose %s of %s this would read cannot be told", kind, read.Table)
	}
	return p.checkBulk(d, r, read, rule, name)
}

// checkBulk refuses a bulk read that the rule does not open. A break-glass
// grant (rule nil) never does: it is for looking, not for exporting.
func (p *Policy) checkBulk(d *Decision, r *Request, read Read, rule *rule, name string) bool {
	if r.Bulk == NotBulk || rule != nil && rule.bulk {
		return true
	}
	return d.refuse(name, "bulk export (%s) of %s is not open", bulkNames[min(int(r.Bulk), len(bulkNames)-1)], read.Table)
}

// refuse makes d a refusal and returns false.
func (d *Decision) refuse(rule, format string, args ...any) bool {
	*d = Decision{Action: Refuse, Rule: rule, Reason: fmt.Sprintf(format, args...)}
	return false
}

func (d *Decision) openedBy(g *Grant) {
	d.Rule, d.Grant, d.Purpose = "break-glass", g.ID, g.Purpose
	d.Reason = "exceptional access " + g.ID
	if d.Until.IsZero() || g.Until.Before(d.Until) {
		d.Until = g.Until
	}
}

func grantFor(r *Request, read Read, kind element.Kind) *Grant {
	for i := range r.Grants {
		if g := &r.Grants[i]; g.covers(r, read, kind) {
			return g
		}
	}
	return nil
}

// tighten lowers each cap of c to that of other.
func (c *Caps) tighten(other *Caps) {
	pairs := [...][2]*Cap{
		{&c.StatementRows, &other.StatementRows},
		{&c.SessionRows, &other.SessionRows},
		{&c.HourRows, &other.HourRows},
		{&c.StatementSubjects, &other.StatementSubjects},
		{&c.SessionSubjects, &other.SessionSubjects},
		{&c.HourSubjects, &other.HourSubjects},
		{&c.UnattributableRows, &other.UnattributableRows},
	}
	for _, pair := range pairs {
		if pair[1].Max < pair[0].Max {
			*pair[0] = *pair[1]
		}
	}
}

// find returns the first rule that matches, or nil.
func (p *Policy) find(r *Request, table string, kind element.Kind, steps *[]Step) *rule {
	var found *rule
	step := Step{Table: table, Element: kind, Rule: "default", Allowed: p.allow}
	for i := range p.rules {
		rule := &p.rules[i]
		why := rule.miss(r, table, kind)
		if why == "" {
			found, step.Rule, step.Allowed = rule, rule.name, rule.allow
			break
		}
		if steps != nil {
			step.Passed = append(step.Passed, Miss{rule.name, why})
		}
	}
	if steps != nil {
		*steps = append(*steps, step)
	}
	return found
}

func (p *Policy) openChannel(r *Request) *channelRule {
	for i := range p.channels {
		if c := &p.channels[i]; c.channel == r.Channel && c.who.miss(r) == "" {
			return c
		}
	}
	return nil
}

func (r *rule) miss(req *Request, table string, kind element.Kind) string {
	if why := r.who.miss(req); why != "" {
		return why
	}
	if !matchTable(r.tables, table) {
		return "table"
	}
	if !r.elements.Has(kind) {
		return "element"
	}
	return ""
}

func (w *who) miss(r *Request) string {
	switch {
	case len(w.users) > 0 && !slices.Contains(w.users, r.User):
		return "user"
	case len(w.prefixes) > 0 && !inAny(w.prefixes, r.Address):
		return "address"
	case len(w.databases) > 0 && !slices.Contains(w.databases, r.Database):
		return "database"
	}
	return ""
}

func inAny(prefixes []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func matchTable(patterns []string, table string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		schema, all := strings.CutSuffix(pattern, "*")
		return pattern == table || all && strings.HasPrefix(table, schema)
	})
}
