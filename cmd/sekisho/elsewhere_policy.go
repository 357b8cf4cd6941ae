package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/httpapi"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
	"sekisho/internal/policy/exit"
	"sekisho/internal/policy/site"
)

// policyElsewhere is the policy that is in force at a console elsewhere. It is
// compiled here, and is the one that is in force there, or none.
func (a *app) policyElsewhere() (*policy.Policy, *policy.Source, error) {
	in, err := elsewhere[struct{}, consoleoffice.Policy](a, "policy", struct{}{})
	if err != nil {
		return nil, nil, err
	}
	p, src := policy.Open(), &policy.Source{}
	if in.Text != "" {
		if p, src, err = config.PolicyText(a.hub.address, []byte(in.Text)); err != nil {
			return nil, nil, err
		}
	}
	if string(p.Digest()) != in.Status.Digest {
		return nil, nil, fault.New(fault.ControlRefused, "problem", "the policy there is another one by what this program reads", "hint", "use the same version for both")
	}
	return p, src, nil
}

func (c egressCheckCmd) elsewhere(a *app) error {
	in, err := elsewhere[struct{}, consoleoffice.Egress](a, "egress", struct{}{})
	if err != nil {
		return err
	}
	if in.Digest == "" {
		return fault.New(fault.ConfigMissing, "key", `"egress"`, "hint", "name the file with who may reach what").At(a.hub.address, 0, "")
	}
	v := map[string]any{"generation": in.Generation, "digest": in.Digest, "roles": in.Roles}
	return a.out(v, func() {
		a.print("egress_good", "generation", in.Generation, "digest", short(in.Digest), "roles", strings.Join(in.Roles, ", "))
	})
}

func (c egressExplainCmd) elsewhere(a *app) error {
	t := exit.TestSource{Client: c.Client, Certificate: c.Certificate, User: c.User, To: c.To, Address: c.Address, Method: c.Method, At: c.At}
	r, bad := t.Request()
	if bad != nil {
		return fault.New(fault.Usage, "problem", bad.Path+": "+bad.What, "hint", bad.Try)
	}
	q := consoleoffice.ExitQuestion{Client: c.Client, Certificate: c.Certificate, User: c.User, To: c.To, Address: c.Address, Method: c.Method, At: c.At}
	d, err := elsewhere[consoleoffice.ExitQuestion, consoleoffice.ExitAnswer](a, "egress/explain", q)
	if err != nil {
		return err
	}
	return a.exitExplained(exitExplained{d.Action, d.Step, d.Rule, d.Reason, d.Role, d.By, d.Mode, d.Digest, append([]consoleoffice.Miss{}, d.Passed...)}, r.Target.String())
}

// blockedElsewhere is what a console elsewhere knows of an exchange.
func (a *app) blockedElsewhere(id string) (*blocked, error) {
	in, err := elsewhere[httpapi.BlockRequest, consoleoffice.BlockAnswer](a, "web/explain", httpapi.BlockRequest{ID: id})
	if err != nil {
		return nil, err
	}
	b := &blocked{ID: in.ID, At: in.At, Host: in.Host, Method: in.Method, Route: in.Route, Address: in.Address, Action: in.Action, Code: in.Code, Rules: []blockedRule{},
		Targets: append([]string{}, in.Targets...), Shape: in.Shape, Reason: in.Reason, Methods: in.Methods}
	for _, r := range in.Rules {
		one := blockedRule{Rule: r.Rule, Message: r.Message}
		set, number, _ := strings.Cut(r.Rule, "/")
		if n, err := strconv.Atoi(number); err == nil && (set == "crs" || set == "sekisho") {
			one.Number, one.Family = n, r.Family
		}
		b.Rules = append(b.Rules, one)
	}
	b.Exception, err = exceptionsOf(in.Exception)
	return b, err
}

// elsewhere has a console judge what its ledger holds by a policy of a file here.
func (c egressPreviewCmd) elsewhere(a *app, from time.Time) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	seen, err := elsewhere[consoleoffice.JudgeQuery, consoleoffice.Judged](a, "egress/judge", consoleoffice.JudgeQuery{Text: string(text), From: from})
	if err != nil {
		return err
	}
	v := struct {
		Judged  int      `json:"judged"`
		Unknown int      `json:"unknown"`
		Changes []change `json:"changes"`
	}{seen.Judged, seen.Unknown, nil}
	for _, x := range seen.Changes {
		v.Changes = append(v.Changes, change{Role: x.Role, Host: x.Host, Port: x.Port, Was: x.Was, Now: x.Now, Rule: x.Rule, Reason: x.Reason, Flows: x.Flows, Last: x.Last})
	}
	return a.out(v, func() {
		for _, x := range v.Changes {
			a.exitSort(&control.ExitSort{Role: x.Role, Host: x.Host, Port: x.Port, Was: x.Was, Now: x.Now, Rule: x.Rule, Flows: x.Flows, Last: x.Last})
		}
		a.print("egress_previewed", "judged", seen.Judged, "changes", len(seen.Changes), "unknown", seen.Unknown)
	})
}

// elsewhere has a console write an exception for a refusal there.
func (c webExceptCmd) elsewhere(a *app) error {
	until, err := time.Parse(time.DateOnly, c.Until)
	if err != nil {
		return fault.New(fault.Usage, "problem", "--until "+strconv.Quote(c.Until), "hint", "2026-12-31")
	}
	r, err := elsewhere[consoleoffice.ExceptRequest, consoleoffice.ExceptReceipt](a, "web/except", consoleoffice.ExceptRequest{ID: c.ID, Reason: c.Reason, By: a.person(c.By), Until: until,
		Rules: c.Rule, Path: c.Path, Target: c.Target})
	if err != nil {
		return err
	}
	lines, err := exceptionsOf(r.Exceptions)
	if err != nil {
		return err
	}
	return a.excepted(r.File, lines, true)
}

// exceptionsOf are exceptions as a console tells them.
func exceptionsOf(told []consoleoffice.SiteRule) (out []site.Exception, err error) {
	for _, e := range told {
		number, err := strconv.Atoi(e.Rule)
		if err != nil {
			return nil, fault.New(fault.Internal).Because(err)
		}
		out = append(out, site.Exception{Where: site.Where{Host: e.Host, Path: e.Path}, Rule: number, Target: e.Target, Event: e.Event, Why: site.Why{Until: e.Until, Reason: e.Reason, By: e.By}})
	}
	return out, nil
}
