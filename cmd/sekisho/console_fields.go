package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/policy/site"
)

// fieldsShown bounds the fields of one page; `sekisho web learned` has all.
const fieldsShown = 200

// fieldStates in the order in which they are shown.
var fieldStates = []string{"learned", "forced", "refused"}

// Fields implements office.Sites.
func (c *console) Fields(context.Context) (*consoleoffice.Fields, error) {
	out := &consoleoffice.Fields{Types: site.Types()}
	for _, g := range c.webs {
		said, err := rulesText(g.config().Rules)
		if err != nil {
			return nil, err
		}
		list := saidOf(g.label, said)
		if learner := g.now.Load().learner(); learner != nil {
			out.Learns = true
			learned, full := learner.Learned()
			out.Full = out.Full || full
			for _, f := range learned {
				at := slices.IndexFunc(list, func(s consoleoffice.Field) bool {
					return s.Name == f.Name && s.Path == f.Route && (s.Host == "" || s.Host == f.Host)
				})
				if at >= 0 {
					list[at].Times += f.Count
					continue
				}
				list = append(list, consoleoffice.Field{Gate: g.label, Host: f.Host, Path: f.Route, Name: f.Name, State: "learned", Type: f.Type, Max: f.Max,
					Wanted: roundUp(f.Max), Times: f.Count, Acceptable: g.config().Rules != "" && plainPath(f.Route) == f.Route})
			}
		}
		out.List = append(out.List, list...)
	}
	slices.SortStableFunc(out.List, func(a, b consoleoffice.Field) int {
		return cmp.Or(slices.Index(fieldStates, a.State)-slices.Index(fieldStates, b.State), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
	if out.More = len(out.List) - fieldsShown; out.More > 0 {
		out.List = out.List[:fieldsShown]
	}
	out.More = max(0, out.More)
	return out, nil
}

// rulesText reads a file of rules; no file has none.
func rulesText(file string) (*site.Source, error) {
	if file == "" {
		return &site.Source{}, nil
	}
	_, text, err := config.SiteRules(file)
	if err != nil {
		return nil, err
	}
	return siteSource(text)
}

// saidOf are the fields of which a file of rules says something.
func saidOf(gate string, src *site.Source) (out []consoleoffice.Field) {
	for _, p := range src.Parameters {
		out = append(out, consoleoffice.Field{Gate: gate, Host: p.Host, Path: p.Path + p.Template, Name: p.Name, Method: p.Method, In: p.In, State: "forced", Rule: lineID(p), Type: p.Type, Max: p.Max, Reason: p.Reason, By: p.By})
	}
	for _, r := range src.Refused {
		out = append(out, consoleoffice.Field{Gate: gate, Host: r.Host, Path: r.Path, Name: r.Name, State: "refused", Rule: lineID(r), Reason: r.Reason, By: r.By})
	}
	return out
}

// lineID names a line of a file of rules by all that it says: of two that are
// alike either may go.
func lineID[T site.Exception | site.Parameter | site.Refused | site.Page](line T) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", line))
	return hex.EncodeToString(sum[:8])
}

// ReviewField implements office.Sites: that somebody orders it is recorded before
// the file is written; what the gate then takes is an event of its own.
func (c *console) ReviewField(ctx context.Context, r consoleoffice.FieldReview) error {
	c.drafting.Lock()
	defer c.drafting.Unlock()
	at := slices.IndexFunc(c.webs, func(g *webGate) bool { return g.label == r.Gate })
	if at < 0 || r.Name == "" {
		return unknownField()
	}
	g := c.webs[at]
	detail := r.Reason
	if r.Do == "accept" {
		detail = fmt.Sprintf("%s, at most %d: %s", r.Type, r.Max, r.Reason)
	}
	act := event.Act{By: r.By, Do: r.Do + "-field", Target: r.Host + r.Path + " " + revproxy.FieldName(r.Name), Result: "ordered", Detail: detail}
	file := g.config().Rules
	if r.Do == "forget" && r.Rule == "" { // what was learned is in memory
		if learnedOf(g, &r) == nil {
			return unknownField()
		}
		if err := c.Record(ctx, event.Source("person/"+r.By), &act); err != nil {
			return err
		}
		g.now.Load().learner().Forget(r.Host, r.Path, r.Name)
		return nil
	}
	if file == "" {
		return fault.New(fault.ConsoleForm, "problem", "the gate has no file of rules", "hint", "name one under rules of the web section")
	}
	if err := c.changeRules(ctx, file, act, func() (string, error) { return reviewed(g, &r) }); err != nil {
		return err
	}
	if learner := g.now.Load().learner(); r.Do == "forget" && learner != nil {
		learner.Forget(r.Host, r.Path, r.Name)
	}
	_, err := c.Web(ctx, control.WebRequest{Do: control.WebReload, By: r.By})
	return err
}

func unknownField() error {
	return fault.New(fault.ConsoleForm, "problem", "there is no such field", "hint", "look at the room again")
}

// reviewed is the file of rules as it would be.
func reviewed(g *webGate, r *consoleoffice.FieldReview) (string, error) {
	file := g.config().Rules
	src, err := rulesText(file)
	if err != nil {
		return "", err
	}
	if r.Do == "forget" {
		return forgotten(g, r, src)
	}
	if plainPath(r.Path) != r.Path || learnedOf(g, r) == nil || slices.ContainsFunc(saidOf("", src), func(f consoleoffice.Field) bool {
		return f.Host == r.Host && f.Path == r.Path && f.Name == r.Name
	}) {
		return "", unknownField()
	}
	_, old, err := config.SiteRules(file)
	if err != nil {
		return "", err
	}
	list, line := "refused", fmt.Sprintf("  - {host: %q, path: %q, name: %q, reason: %q, by: %q}\n", r.Host, r.Path, r.Name, r.Reason, r.By)
	if r.Do == "accept" {
		// What was learned is of this page and not of those that begin as it does.
		list, line = "parameters", fmt.Sprintf("  - {host: %q, template: %q, name: %q, type: %q, max: %d, reason: %q, by: %q}\n", r.Host, r.Path, r.Name, r.Type, r.Max, r.Reason, r.By)
	} else if r.Do != "refuse" {
		return "", unknownField()
	}
	return withLines(string(old), list, line), nil
}

// forgotten takes what was said about a field out of the file: the line that was
// shown and no other, also where one like it is of another method.
func forgotten(g *webGate, r *consoleoffice.FieldReview, src *site.Source) (string, error) {
	list, at := "parameters", slices.IndexFunc(src.Parameters, func(p site.Parameter) bool {
		return p.Host == r.Host && p.Path+p.Template == r.Path && p.Name == r.Name && lineID(p) == r.Rule
	})
	if at < 0 {
		list, at = "refused", slices.IndexFunc(src.Refused, func(f site.Refused) bool {
			return f.Host == r.Host && f.Path == r.Path && f.Name == r.Name && lineID(f) == r.Rule
		})
	}
	if at < 0 {
		return "", unknownField()
	}
	_, old, err := config.SiteRules(g.config().Rules)
	if err != nil {
		return "", err
	}
	text, err := withoutItem(string(old), list, at)
	if err != nil {
		return "", fault.New(fault.ConsoleForm, "problem", err.Error(), "hint", strings.TrimSpace("edit "+g.config().Rules+", then sekisho web reload"))
	}
	return text, nil
}

// learnedOf is what the gate learned of the field; nil: nothing.
func learnedOf(g *webGate, r *consoleoffice.FieldReview) *site.Learned {
	learner := g.now.Load().learner()
	if learner == nil {
		return nil
	}
	all, _ := learner.Learned()
	at := slices.IndexFunc(all, func(f site.Learned) bool { return f.Host == r.Host && f.Route == r.Path && f.Name == r.Name })
	if at < 0 {
		return nil
	}
	return &all[at]
}
