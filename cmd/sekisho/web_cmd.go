package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
)

type webCmd struct {
	Status    webStatusCmd    `cmd:"" help:"help_web_status"`
	Explain   webExplainCmd   `cmd:"" help:"help_web_explain"`
	Except    webExceptCmd    `cmd:"" help:"help_web_except"`
	Check     webCheckCmd     `cmd:"" help:"help_web_check"`
	Reload    webReloadCmd    `cmd:"" help:"help_web_reload"`
	Learned   webLearnedCmd   `cmd:"" help:"help_web_learned"`
	Import    webImportCmd    `cmd:"" help:"help_web_import"`
	Logins    webLoginsCmd    `cmd:"" help:"help_web_logins"`
	Pages     webPagesCmd     `cmd:"" help:"help_web_pages"`
	Authorise webAuthoriseCmd `cmd:"" help:"help_web_authorise"`
	Stop      webStopCmd      `cmd:"" help:"help_web_stop"`
	Resume    webResumeCmd    `cmd:"" help:"help_web_resume"`
}

func (a *app) web(r control.WebRequest) (control.WebStatus, error) {
	op, err := a.operator()
	if err != nil {
		return control.WebStatus{}, err
	}
	return op.Web(a.ctx, r)
}

func (a *app) sites(s control.WebStatus) error {
	return a.out(s, func() {
		a.table([]string{"col_gate", "col_host", "col_exceptions", "col_patches", "col_parameters", "col_ended", "col_stopped"}, func(line func(...any)) {
			for _, one := range s.Sites {
				var stopped []string
				for _, what := range one.Stopped {
					stopped = append(stopped, a.say.Text("stopped_"+what))
				}
				line(one.Gate, one.Host, one.Rules.Exceptions, one.Rules.Patches, one.Rules.Parameters, one.Rules.Ended, strings.Join(stopped, " "))
			}
		})
	})
}

type webStatusCmd struct{}

// Run shows the sites.
func (webStatusCmd) Run(a *app) error {
	s, err := a.web(control.WebRequest{})
	if err != nil {
		return err
	}
	return a.sites(s)
}

type webReloadCmd struct{}

// Run has the rules of sites read again.
func (webReloadCmd) Run(a *app) error {
	s, err := a.web(control.WebRequest{Do: control.WebReload})
	if err != nil {
		return err
	}
	return a.sites(s)
}

type webStopCmd struct {
	What   string `arg:"" enum:"site,payment" help:"help_web_what"`
	Host   string `help:"help_web_host"`
	By     string `help:"help_by"`
	Reason string `required:"" help:"help_reason"`
}

// Run stops sites or their payment.
func (c webStopCmd) Run(a *app) error {
	s, err := a.web(control.WebRequest{Do: control.WebStop, What: c.What, Host: c.Host, By: a.person(c.By), Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.sites(s)
}

type webResumeCmd struct {
	What string `arg:"" enum:"site,payment" help:"help_web_what"`
	Host string `help:"help_web_host"`
	By   string `help:"help_by"`
}

// Run lets sites or their payment go on.
func (c webResumeCmd) Run(a *app) error {
	s, err := a.web(control.WebRequest{Do: control.WebResume, What: c.What, Host: c.Host, By: a.person(c.By), Reason: "resumed"})
	if err != nil {
		return err
	}
	return a.sites(s)
}

type webExplainCmd struct {
	ID string `arg:"" help:"help_web_id"`
}

// Run shows why a request was refused, and the smallest exception.
func (c webExplainCmd) Run(a *app) error {
	b, err := a.blocked(c.ID)
	if err != nil {
		return err
	}
	return a.out(b, func() {
		a.print("blocked_what", "id", b.ID, "at", at(b.At), "host", b.Host, "method", b.Method, "route", b.Route, "address", b.Address, "action", a.say.Text("action_"+b.Action))
		for _, rule := range b.Rules {
			a.print("blocked_rule", "rule", rule.Rule, "family", a.family(rule), "message", rule.Message)
		}
		if len(b.Targets) > 0 {
			a.print("blocked_where", "targets", strings.Join(b.Targets, " "))
		}
		if b.Shape != "" {
			a.print("blocked_shape", "shape", b.Shape)
		}
		if len(b.Methods) > 0 {
			a.print("blocked_methods", "method", b.Method, "host", b.Host, "methods", strings.Join(b.Methods, ", "))
		}
		if len(b.Exception) == 0 {
			a.print("blocked_no_exception", "reason", b.Reason)
			return
		}
		a.print("blocked_exception", "id", b.ID, "until", time.Now().UTC().AddDate(0, 3, 0).Format(time.DateOnly))
		for _, e := range b.Exception {
			a.print("blocked_exception_line", "rule", e.Rule, "path", e.Host+e.Path, "target", orAll(a, e.Target))
		}
	})
}

// blocked is what the ledger knows of an exchange, here or elsewhere.
func (a *app) blocked(id string) (*blocked, error) {
	if a.hub.address != "" {
		return a.blockedElsewhere(id)
	}
	r, _, err := a.reader()
	if err != nil {
		return nil, err
	}
	b, err := a.findBlocked(r, id)
	if err != nil {
		return nil, err
	}
	if l, err := a.load(); err == nil { // a ledger may be read where its gate is not
		b.expecting(l.Web)
	}
	return b, nil
}

func orAll(a *app, target string) string {
	if target == "" {
		return a.say.Text("target_all")
	}
	return target
}

// family says in plain words what a rule is about.
func (a *app) family(r blockedRule) string {
	if key := "family_" + r.Family; r.Family != "" && texts.Has(key) {
		return a.say.Text(key)
	}
	set, _, _ := strings.Cut(r.Rule, "/")
	if key := "family_" + set; texts.Has(key) {
		return a.say.Text(key)
	}
	return r.Rule
}

type webExceptCmd struct {
	ID     string `arg:"" help:"help_web_id"`
	Rule   []int  `help:"help_except_rule"`
	Target string `help:"help_except_target"`
	Path   string `help:"help_except_path"`
	Until  string `required:"" help:"help_except_until"`
	Reason string `required:"" help:"help_reason"`
	By     string `help:"help_by"`
}

// Run writes the smallest exception for a refusal into the rules of its site.
func (c webExceptCmd) Run(a *app) error {
	if a.hub.address != "" {
		return c.elsewhere(a)
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	r, _, err := a.reader()
	if err != nil {
		return err
	}
	b, err := a.findBlocked(r, c.ID)
	if err != nil {
		return err
	}
	lines := b.excepting(c.Rule, c.Path, c.Target, site.Why{Until: c.Until, Reason: c.Reason, By: a.person(c.By)})
	if len(lines) == 0 {
		return fault.New(fault.Usage, "problem", a.say.Text("except_nothing", "reason", b.Reason), "hint", "sekisho web explain "+b.ID)
	}
	file, running, err := a.order(l, control.RulesRequest{Site: b.Host, Do: control.RulesExcept, Target: b.ID, Said: exceptSaid(c.Rule, c.Path, c.Target, lines),
		By: a.person(c.By), Reason: c.Reason, Exceptions: lines})
	if err != nil {
		return err
	}
	return a.excepted(file, lines, running)
}

// excepted says what a file of rules holds since.
func (a *app) excepted(file string, lines []site.Exception, running bool) error {
	return a.out(map[string]any{"file": file, "exceptions": lines, "in_force": running}, func() {
		for _, e := range lines {
			a.print("except_done", "rule", e.Rule, "path", e.Host+e.Path, "target", orAll(a, e.Target), "until", e.Until)
		}
		a.written(file, running)
	})
}

// written says where lines were written, and whether they are in force.
func (a *app) written(file string, running bool) {
	key := "except_in_force"
	if !running {
		key = "except_not_running"
	}
	a.print(key, "file", file)
}

// rulesOf returns the file of the rules of a site, "" for none.
func rulesOf(l *config.Loaded, host string) string {
	for i := range l.Web {
		if hasSite(&l.Web[i], host) {
			return l.Web[i].Rules
		}
	}
	return ""
}

// hasSite reports whether a gate has a site of a first host.
func hasSite(w *config.Web, host string) bool {
	return slices.ContainsFunc(w.Sites, func(s config.Site) bool { return s.Hosts[0] == host })
}

// withExceptions adds lines to the text of a file of rules. What people wrote there
// stays as it is.
func withExceptions(old string, lines []site.Exception) string {
	var b strings.Builder
	for _, e := range lines {
		fmt.Fprintf(&b, "  - rule: %d\n", e.Rule)
		for _, kv := range [][2]string{{"host", e.Host}, {"path", e.Path}, {"target", e.Target}, {"until", e.Until}, {"reason", e.Reason}, {"by", e.By}, {"event", e.Event}} {
			if kv[1] != "" {
				fmt.Fprintf(&b, "    %s: %q\n", kv[0], kv[1])
			}
		}
	}
	return withLines(old, "exceptions", b.String())
}

// withLines puts lines at the beginning of a list of the file.
func withLines(text, list, lines string) string {
	var out strings.Builder
	placed := false
	for line := range strings.Lines(text) {
		key := strings.TrimSpace(strings.SplitN(line, "#", 2)[0])
		if !placed && !strings.HasPrefix(line, " ") && (key == list+":" || key == list+": []") {
			out.WriteString(list + ":\n" + lines)
			placed = true
			continue
		}
		out.WriteString(line)
	}
	if !placed {
		if text != "" && !strings.HasSuffix(text, "\n") {
			out.WriteString("\n")
		}
		out.WriteString(list + ":\n" + lines)
	}
	return out.String()
}

type webCheckCmd struct {
	File string `arg:"" help:"help_web_file"`
}

// Run checks a file of rules.
func (c webCheckCmd) Run(a *app) error {
	if _, err := os.Stat(c.File); err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	r, _, err := config.SiteRules(c.File)
	if err != nil {
		return err
	}
	n := r.Count(time.Now())
	return a.out(n, func() {
		a.print("rules_good", "exceptions", n.Exceptions, "patches", n.Patches, "parameters", n.Parameters, "ended", n.Ended)
	})
}

type webLearnedCmd struct {
	AtLeast uint64 `default:"20" help:"help_at_least"`
}

// Run shows what fields hold, as parameters to copy.
func (c webLearnedCmd) Run(a *app) error {
	s, err := a.web(control.WebRequest{Fields: true})
	if err != nil {
		return err
	}
	fields := []site.Learned{}
	for _, f := range s.Fields {
		if f.Count >= c.AtLeast && plainPath(f.Route) == f.Route {
			fields = append(fields, f)
		}
	}
	return a.out(fields, func() {
		a.print("learned_head", "n", len(fields), "seen", len(s.Fields))
		fmt.Fprintln(a.env.stdout, "parameters:")
		for _, f := range fields {
			fmt.Fprintf(a.env.stdout, "  - {host: %s, template: %s, name: %q, type: %s, max: %d}  # %d\n", f.Host, f.Route, f.Name, f.Type, roundUp(f.Max), f.Count)
		}
		if s.Full {
			a.print("learned_full")
		}
	})
}

// roundUp leaves room above the longest value that was seen.
func roundUp(n int) int {
	most := 8
	for most < 2*n {
		most *= 2
	}
	return most
}
